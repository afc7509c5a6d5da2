#include "demangle/itanium.h"

#include <string.h>

static const char *const builtin_names[26] = {
	['a' - 'a'] = "signed char", ['b' - 'a'] = "bool",
	['c' - 'a'] = "char",        ['d' - 'a'] = "double",
	['e' - 'a'] = "long double", ['f' - 'a'] = "float",
	['g' - 'a'] = "__float128",  ['h' - 'a'] = "unsigned char",
	['i' - 'a'] = "int",         ['j' - 'a'] = "unsigned int",
	['l' - 'a'] = "long",        ['m' - 'a'] = "unsigned long",
	['n' - 'a'] = "__int128",    ['o' - 'a'] = "unsigned __int128",
	['s' - 'a'] = "short",       ['t' - 'a'] = "unsigned short",
	['v' - 'a'] = "void",        ['w' - 'a'] = "wchar_t",
	['x' - 'a'] = "long long",   ['y' - 'a'] = "unsigned long long",
	['z' - 'a'] = "...",
};

const char itanium_nullptr[] = "decltype(nullptr)";

static const struct {
	char code;
	const char *name;
} d_builtins[] = {
	{'f', "decimal32"}, {'d', "decimal64"},      {'e', "decimal128"}, {'h', "half"},
	{'u', "char8_t"},   {'s', "char16_t"},       {'i', "char32_t"},   {'n', itanium_nullptr},
	{'a', "auto"},      {'c', "decltype(auto)"},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint32_t builtin(struct itanium *p, char c)
{
	uint32_t node = itanium_constant(p, NODE_BUILTIN, builtin_names[c - 'a'], 0);

	p->nodes[node].c = (uint32_t)(unsigned char)c;
	return node;
}

/* One of [r] [V] [K], or what newer standards put there; 0: none stands here. */
static uint32_t qualifier(struct itanium *p)
{
	uint32_t node;

	if (itanium_eat(p, "r"))
		return itanium_constant(p, NODE_QUALIFIER, "restrict", 0);
	if (itanium_eat(p, "V"))
		return itanium_constant(p, NODE_QUALIFIER, "volatile", 0);
	if (itanium_eat(p, "K"))
		return itanium_constant(p, NODE_QUALIFIER, "const", 0);
	if (itanium_eat(p, "Dx"))
		return itanium_constant(p, NODE_QUALIFIER, "transaction_safe", 0);
	if (itanium_eat(p, "Do"))
		return itanium_constant(p, NODE_QUALIFIER, "noexcept", 0);
	if (itanium_eat(p, "DO")) {
		struct node_list list = {0};

		itanium_list_add(p, &list, itanium_expression(p));
		node = itanium_constant(p, NODE_QUALIFIER, "noexcept", list.first);
	} else if (itanium_eat(p, "Dw")) {
		node = itanium_constant(p, NODE_QUALIFIER, "throw", itanium_parameters(p));
	} else {
		return 0;
	}
	itanium_expect(p, 'E');
	return node;
}

/* The list of them, last first, as they are shown. */
uint32_t itanium_qualifiers(struct itanium *p)
{
	uint32_t list = 0, node;

	while (!p->has_failed && (node = qualifier(p)) != 0)
		list = itanium_node(p, NODE_LIST, node, list);
	return list;
}

/* A list of types, empty for a single void. */
uint32_t itanium_parameters(struct itanium *p)
{
	struct node_list list = {0};
	const struct node *first;

	for (;;) {
		char c = itanium_peek(p, 0), d = itanium_peek(p, 1);

		if (c == '\0' || c == 'E' || c == '.' || c == 'Q' ||
		    ((c == 'R' || c == 'O') && d == 'E')) /* of the function itself */
			break;
		itanium_list_add(p, &list, itanium_type(p, false));
	}
	if (list.n == 0)
		itanium_fail(p);
	first = &p->nodes[p->nodes[list.first].a];
	return list.n == 1 && first->kind == NODE_BUILTIN && first->c == 'v' ? 0 : list.first;
}

uint32_t itanium_bare_function(struct itanium *p, bool has_return)
{
	uint32_t returned = 0, parameters;

	if (itanium_eat(p, "J"))
		has_return = true;
	if (has_return)
		returned = itanium_type(p, false);
	parameters = itanium_parameters(p);
	return itanium_node(p, NODE_FUNCTION, returned, parameters);
}

static uint32_t function_type(struct itanium *p)
{
	uint32_t function;

	p->at++;
	(void)itanium_eat(p, "Y"); /* extern "C" is not shown */
	function = itanium_bare_function(p, true);
	if (itanium_eat(p, "R"))
		p->nodes[function].flags |= FLAG_LREF;
	else if (itanium_eat(p, "O"))
		p->nodes[function].flags |= FLAG_RREF;
	itanium_expect(p, 'E');
	return function;
}

static uint32_t digits(struct itanium *p)
{
	const char *text = p->at;

	while (is_digit(itanium_peek(p, 0)))
		p->at++;
	return itanium_text(p, NODE_NAME, text, (size_t)(p->at - text));
}

static uint32_t array_type(struct itanium *p, bool is_cast)
{
	uint32_t dimension = 0;

	p->at++;
	if (is_digit(itanium_peek(p, 0)))
		dimension = digits(p);
	else if (itanium_peek(p, 0) != '_')
		dimension = itanium_expression(p);
	itanium_expect(p, '_');
	return itanium_node(p, NODE_ARRAY, dimension, itanium_type(p, is_cast));
}

static uint32_t vector_type(struct itanium *p, bool is_cast)
{
	uint32_t dimension;

	if (itanium_eat(p, "_"))
		dimension = itanium_expression(p);
	else
		dimension = digits(p);
	itanium_expect(p, '_');
	return itanium_node(p, NODE_VECTOR, dimension, itanium_type(p, is_cast));
}

static uint32_t fixed_type(struct itanium *p, bool is_cast)
{
	bool is_accum = is_digit(itanium_peek(p, 0));
	uint32_t node, bits = is_accum ? (uint32_t)itanium_number(p) : 0;

	if (itanium_eat(p, "b"))
		return itanium_constant(p, NODE_BUILTIN, "std::bfloat16_t", 0);
	if (itanium_peek(p, 0) == '_' || itanium_peek(p, 0) == 'x') {
		bool is_extended = *p->at++ == 'x';

		node = itanium_constant(p, NODE_NUMBERED, "_Float", 0);
		p->nodes[node].c = bits + 1;
		if (bits == 0)
			itanium_fail(p);
		return is_extended ? itanium_constant(p, NODE_SUFFIXED, "x", node) : node;
	}
	node = itanium_node(p, NODE_FIXED, itanium_type(p, is_cast), 0);
	if (is_digit(itanium_peek(p, 0)))
		(void)itanium_number(p);
	p->nodes[node].flags |=
		(is_accum ? FLAG_ACCUM : 0) | (itanium_peek(p, 0) == 's' ? FLAG_SATURATED : 0);
	if (itanium_peek(p, 0) != '\0')
		p->at++;
	return node;
}

static uint32_t bit_int(struct itanium *p, bool is_signed)
{
	uint32_t size = is_digit(itanium_peek(p, 0)) ? digits(p) : itanium_expression(p);

	itanium_expect(p, '_');
	return itanium_constant(p, NODE_CALL_LIKE, is_signed ? "_BitInt" : "unsigned _BitInt",
				size);
}

/* D and a letter. Most are no substitutions later. */
static uint32_t d_type(struct itanium *p, bool is_cast, bool *ret_is_sub)
{
	char c = itanium_peek(p, 1);
	uint32_t node;

	p->at += c != '\0' ? 2 : 1;
	*ret_is_sub = c && strchr("Ttpv", c);
	for (size_t i = 0; i < sizeof(d_builtins) / sizeof(d_builtins[0]); i++)
		if (d_builtins[i].code == c)
			return itanium_constant(p, NODE_BUILTIN, d_builtins[i].name, 0);
	switch (c) {
	case 'T':
	case 't':
		node = itanium_node(p, NODE_DECLTYPE, itanium_expression(p), 0);
		itanium_expect(p, 'E');
		return node;
	case 'p':
		return itanium_node(p, NODE_EXPANSION, itanium_type(p, is_cast), 0);
	case 'F':
		return fixed_type(p, is_cast);
	case 'v':
		return vector_type(p, is_cast);
	case 'B':
	case 'U':
		return bit_int(p, c == 'B');
	case 'k':
		return itanium_constant(p, NODE_SUFFIXED, " auto", itanium_name(p));
	case 'K':
		return itanium_constant(p, NODE_SUFFIXED, " decltype(auto)", itanium_name(p));
	default:
		itanium_fail(p);
		return 0;
	}
}

/*
 * Template arguments after a parameter or substitution inside a conversion's type: they are that
 * type's only when others follow them, for otherwise they are the conversion's own.
 */
static uint32_t cast_template(struct itanium *p, uint32_t name, bool is_sub, bool *ret_is_template)
{
	const char *at = p->at;
	uint32_t n_subs = p->n_subs, n_forward = p->n_forward, args;

	args = itanium_template_args(p);
	*ret_is_template = !p->has_failed && itanium_peek(p, 0) == 'I';
	if (*ret_is_template) {
		if (is_sub)
			itanium_sub_add(p, name);
		return itanium_node(p, NODE_TEMPLATE, name, args);
	}
	/* Steps and nodes stay counted: they bound how often this can be nested. */
	p->has_failed = p->n_steps > ITANIUM_STEPS_MAX || p->n_nodes == ITANIUM_NODES_MAX;
	p->at = p->has_failed ? p->end : at;
	p->n_subs = n_subs;
	p->n_forward = n_forward;
	return name;
}

static uint32_t param_type(struct itanium *p, bool is_cast)
{
	static const char *const kinds[] = {"struct ", "union ", "enum "};
	uint32_t node;
	bool is_template;

	for (size_t i = 0; i < 3; i++)
		if (itanium_eat(p, (const char *const[]){"Ts", "Tu", "Te"}[i]))
			return itanium_constant(p, NODE_PREFIXED, kinds[i], itanium_name(p));
	node = itanium_template_param(p);
	if (itanium_peek(p, 0) != 'I')
		return node;
	if (is_cast)
		return cast_template(p, node, true, &is_template);
	itanium_sub_add(p, node);
	return itanium_node(p, NODE_TEMPLATE, node, itanium_template_args(p));
}

static uint32_t substituted_type(struct itanium *p, bool is_cast, bool *ret_is_sub)
{
	char c = itanium_peek(p, 1);
	const char *at = p->at;
	uint32_t node, cast = 0;

	if (c != '_' && !is_digit(c) && !(c >= 'A' && c <= 'Z')) {
		node = itanium_name(p);
		*ret_is_sub = c == 't' || p->at != at + 2; /* Sa itself is none, Sa<…> is */
		return node;
	}
	node = itanium_substitution(p, false);
	if (p->nodes[node].kind == NODE_MODULE) {
		node = itanium_unqualified_name(p, node, &cast);
		itanium_sub_add(p, node);
	}
	*ret_is_sub = itanium_peek(p, 0) == 'I';
	if (!*ret_is_sub)
		return node;
	if (is_cast && p->nodes[node].kind == NODE_PARAM)
		return cast_template(p, node, false, ret_is_sub);
	return itanium_node(p, NODE_TEMPLATE, node, itanium_template_args(p));
}

static uint32_t vendor_builtin(struct itanium *p)
{
	uint32_t name, node;

	p->at++;
	name = itanium_source_name(p);
	if (!itanium_eat(p, "I"))
		return name;
	node = itanium_node(p, NODE_CALL_LIKE, itanium_type(p, false), 0);
	p->nodes[node].text = p->nodes[name].text;
	p->nodes[node].n_text = p->nodes[name].n_text;
	itanium_expect(p, 'E');
	return node;
}

static uint32_t u_type(struct itanium *p, bool is_cast, bool *ret_is_sub)
{
	uint32_t qualifier;

	*ret_is_sub = false;
	if (itanium_peek(p, 1) == 'l')
		return itanium_closure(p);
	if (itanium_peek(p, 1) == 't')
		return itanium_unnamed_type(p);
	*ret_is_sub = true;
	p->at++;
	qualifier = itanium_source_name(p);
	if (itanium_peek(p, 0) == 'I')
		qualifier = itanium_node(p, NODE_TEMPLATE, qualifier, itanium_template_args(p));
	return itanium_node(p, NODE_VENDOR, itanium_type(p, is_cast), qualifier);
}

static uint32_t compound_type(struct itanium *p, bool is_cast)
{
	char c = *p->at++;
	uint32_t class_type, type = itanium_type(p, is_cast && c != 'M');

	switch (c) {
	case 'O':
		return itanium_node(p, NODE_RREF, type, 0);
	case 'P':
		return itanium_node(p, NODE_POINTER, type, 0);
	case 'R':
		return itanium_node(p, NODE_LREF, type, 0);
	case 'C':
		return itanium_constant(p, NODE_SUFFIXED, " _Complex", type);
	case 'G':
		return itanium_constant(p, NODE_SUFFIXED, " _Imaginary", type);
	default: /* M */
		class_type = type;
		type = itanium_type(p, is_cast);
		return itanium_node(p, NODE_MEMBER_POINTER, class_type, type);
	}
}

static uint32_t unqualified_type(struct itanium *p, bool is_cast, bool *ret_is_sub)
{
	char c = itanium_peek(p, 0);

	*ret_is_sub = true;
	if (is_digit(c) || c == 'N' || c == 'W' || c == 'Z')
		return itanium_name(p);
	switch (c) {
	case 'u':
		return vendor_builtin(p);
	case 'F':
		return function_type(p);
	case 'A':
		return array_type(p, is_cast);
	case 'T':
		return param_type(p, is_cast);
	case 'S':
		return substituted_type(p, is_cast, ret_is_sub);
	case 'O':
	case 'P':
	case 'R':
	case 'C':
	case 'G':
	case 'M':
		return compound_type(p, is_cast);
	case 'U':
		return u_type(p, is_cast, ret_is_sub);
	case 'D':
		return d_type(p, is_cast, ret_is_sub);
	default:
		itanium_fail(p);
		return 0;
	}
}

/* A function's qualifiers are its own; it is no substitution without them. */
static uint32_t qualify(struct itanium *p, uint32_t type, uint32_t qualifiers, bool is_new)
{
	if (is_new && p->nodes[type].kind == NODE_FUNCTION) {
		itanium_adopt(p, type, qualifiers);
		return type;
	}
	return itanium_node(p, NODE_CV, type, qualifiers);
}

uint32_t itanium_type(struct itanium *p, bool is_cast)
{
	uint32_t type = 0, qualifiers;
	bool is_sub, is_function;
	char c;

	if (!itanium_enter(p)) {
		itanium_leave(p);
		return 0;
	}
	qualifiers = itanium_qualifiers(p);
	c = itanium_peek(p, 0);
	is_function = c == 'F' && qualifiers != 0;
	if (c >= 'a' && c <= 'z' && builtin_names[c - 'a']) {
		p->at++;
		type = builtin(p, c);
	} else {
		type = unqualified_type(p, is_cast, &is_sub);
		if (is_sub && !is_function)
			itanium_sub_add(p, type);
	}
	if (qualifiers != 0) {
		type = qualify(p, type, qualifiers, is_function);
		itanium_sub_add(p, type);
	}
	itanium_leave(p);
	return type;
}
