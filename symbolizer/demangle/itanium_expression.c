#include "demangle/itanium.h"

#include <string.h>

/* Operators by code; those that end in a space need one before what follows. */
static const struct operator
{
	char code[3];
	uint8_t n_operands;
	const char *name;
}
operators[] = {
	{"aN", 2, "&="},
	{"aS", 2, "="},
	{"aa", 2, "&&"},
	{"ad", 1, "&"},
	{"an", 2, "&"},
	{"at", 1, "alignof "},
	{"aw", 1, "co_await "},
	{"az", 1, "alignof "},
	{"cc", 2, "const_cast"},
	{"cl", 2, "()"},
	{"cm", 2, ","},
	{"co", 1, "~"},
	{"cp", 2, "()"}, /* clang: a call without argument-dependent lookup */
	{"dV", 2, "/="},
	{"dX", 3, "[...]="},
	{"da", 1, "delete[] "},
	{"dc", 2, "dynamic_cast"},
	{"de", 1, "*"},
	{"di", 2, "="},
	{"dl", 1, "delete "},
	{"ds", 2, ".*"},
	{"dt", 2, "."},
	{"dv", 2, "/"},
	{"dx", 2, "]="},
	{"eO", 2, "^="},
	{"eo", 2, "^"},
	{"eq", 2, "=="},
	{"fL", 3, "..."},
	{"fR", 3, "..."},
	{"fl", 2, "..."},
	{"fr", 2, "..."},
	{"ge", 2, ">="},
	{"gs", 1, "::"},
	{"gt", 2, ">"},
	{"ix", 2, "[]"},
	{"lS", 2, "<<="},
	{"le", 2, "<="},
	{"li", 1, "\"\" "},
	{"ls", 2, "<<"},
	{"lt", 2, "<"},
	{"mI", 2, "-="},
	{"mL", 2, "*="},
	{"mi", 2, "-"},
	{"ml", 2, "*"},
	{"mm", 1, "--"},
	{"na", 3, "new[]"},
	{"ne", 2, "!="},
	{"ng", 1, "-"},
	{"nt", 1, "!"},
	{"nw", 3, "new"},
	{"nx", 1, "noexcept"},
	{"oR", 2, "|="},
	{"oo", 2, "||"},
	{"or", 2, "|"},
	{"pL", 2, "+="},
	{"pl", 2, "+"},
	{"pm", 2, "->*"},
	{"pp", 1, "++"},
	{"ps", 1, "+"},
	{"pt", 2, "->"},
	{"qu", 3, "?"},
	{"rM", 2, "%="},
	{"rS", 2, ">>="},
	{"rc", 2, "reinterpret_cast"},
	{"rm", 2, "%"},
	{"rs", 2, ">>"},
	{"sP", 1, "sizeof..."},
	{"sZ", 1, "sizeof..."},
	{"sc", 2, "static_cast"},
	{"ss", 2, "<=>"},
	{"st", 1, "sizeof "},
	{"sz", 1, "sizeof "},
	{"te", 1, "typeid "},
	{"ti", 1, "typeid "},
	{"tr", 0, "throw"},
	{"tw", 1, "throw "},
};

#define CODE(c, d) ((uint32_t)(unsigned char)(c) << 8 | (unsigned char)(d))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct operator* find_operator(char c, char d)
{
	size_t lo = 0, hi = sizeof(operators) / sizeof(operators[0]);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint32_t code = CODE(operators[mid].code[0], operators[mid].code[1]);

		if (code == CODE(c, d))
			return &operators[mid];
		if (code < CODE(c, d))
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* A conversion's type may refer to template arguments that follow it: they are tied later. */
static uint32_t conversion(struct itanium *p, bool is_expression)
{
	const uint32_t base = p->templates_base;
	uint32_t type;

	p->at += 2;
	if (is_expression)
		return itanium_node(p, NODE_CAST, itanium_type(p, false), 0);
	if (p->n_templates == ITANIUM_TEMPLATES_MAX) {
		itanium_fail(p);
		return 0;
	}
	p->templates_base = p->n_templates;
	p->templates[p->n_templates++] = 0;
	type = itanium_type(p, true);
	p->n_templates--;
	p->templates_base = base;
	return itanium_node(p, NODE_CAST, type, 0);
}

uint32_t itanium_operator(struct itanium *p, bool is_expression)
{
	char c = itanium_peek(p, 0), d = itanium_peek(p, 1);
	const struct operator* found;
	uint32_t node;

	if (c == 'v' && is_digit(d)) {
		p->at += 2;
		node = itanium_source_name(p);
		p->nodes[node].kind = node ? NODE_OPERATOR : NODE_NOTHING;
		p->nodes[node].c = CODE(c, d);
		return node;
	}
	if (c == 'c' && d == 'v')
		return conversion(p, is_expression);
	found = find_operator(c, d);
	if (!found) {
		itanium_fail(p);
		return 0;
	}
	p->at += 2;
	if (!is_expression && c == 'l' && d == 'i')
		return itanium_node(p, NODE_LITERAL_OPERATOR, itanium_source_name(p), 0);
	node = itanium_constant(p, NODE_OPERATOR, found->name, 0);
	p->nodes[node].c = CODE(c, d);
	return node;
}

uint32_t itanium_constraint(struct itanium *p)
{
	const bool was_constraint = p->is_constraint;
	uint32_t node;

	p->at++; /* Q */
	p->is_constraint = true;
	node = itanium_expression(p);
	p->is_constraint = was_constraint;
	return node;
}

/* Expressions until @stop, which is eaten. */
static uint32_t expressions(struct itanium *p, char stop)
{
	struct node_list list = {0};

	while (!p->has_failed && itanium_peek(p, 0) != stop)
		itanium_list_add(p, &list, itanium_expression(p));
	itanium_expect(p, stop);
	return list.first;
}

static uint32_t arguments(struct itanium *p)
{
	struct node_list list = {0};

	while (!p->has_failed && !itanium_eat(p, "E"))
		itanium_list_add(p, &list, itanium_template_arg(p));
	return list.first;
}

static uint32_t with_arguments(struct itanium *p, uint32_t name)
{
	if (itanium_peek(p, 0) != 'I')
		return name;
	return itanium_node(p, NODE_TEMPLATE, name, itanium_template_args(p));
}

static bool is_array(const struct itanium *p, uint32_t type)
{
	if (p->nodes[type].kind == NODE_CV)
		type = p->nodes[type].a;
	return p->nodes[type].kind == NODE_ARRAY;
}

static uint32_t literal_value(struct itanium *p, uint32_t type)
{
	bool is_negative = itanium_eat(p, "n");
	const char *text = p->at;
	uint32_t node;

	if (itanium_peek(p, 0) == 'E' && p->nodes[type].kind == NODE_CLOSURE)
		return itanium_node(p, NODE_LAMBDA, type, 0);
	if (itanium_peek(p, 0) == 'E' && is_array(p, type))
		return itanium_node(p, NODE_STRING_LITERAL, type, 0);
	while (p->at < p->end && *p->at != 'E')
		p->at++;
	if (p->at == text && p->nodes[type].text != itanium_nullptr)
		itanium_fail(p);
	node = itanium_node(p, NODE_LITERAL, type, 0);
	p->nodes[node].text = text;
	p->nodes[node].n_text = (uint32_t)(p->at - text);
	p->nodes[node].flags |= is_negative ? FLAG_NEGATIVE : 0;
	return node;
}

/* L type value E, or L mangled-name E, where old compilers leave out its underscore. */
uint32_t itanium_literal(struct itanium *p)
{
	uint32_t node;

	p->at++;
	if (itanium_eat(p, "_Z") || itanium_eat(p, "Z"))
		node = itanium_encoding(p, true, false);
	else
		node = literal_value(p, itanium_type(p, false));
	itanium_expect(p, 'E');
	return node;
}

static uint32_t simple_id(struct itanium *p)
{
	uint32_t name;

	if (itanium_eat(p, "dn")) {
		name = is_digit(itanium_peek(p, 0)) ? itanium_source_name(p)
						    : itanium_type(p, false);
		name = itanium_node(p, NODE_DTOR, name, 0);
	} else if (is_digit(itanium_peek(p, 0))) {
		name = itanium_source_name(p);
	} else { /* "on" is left out by gcc */
		(void)itanium_eat(p, "on");
		name = itanium_operator(p, true);
	}
	return with_arguments(p, name);
}

/*
 * sr [N type] names E name. gcc leaves out the E and the last name at times: what is read so far
 * is all, and its scope counts as a substitution.
 */
static uint32_t qualified_unresolved(struct itanium *p)
{
	uint32_t scope = itanium_eat(p, "N") ? itanium_type(p, false) : 0, name;

	while (!p->has_failed && !itanium_eat(p, "E")) {
		if (scope != 0 && !is_digit(itanium_peek(p, 0)) &&
		    p->nodes[scope].kind == NODE_QUALIFIED) {
			name = p->nodes[scope].a;
			if (p->nodes[name].kind == NODE_TEMPLATE)
				itanium_sub_add(p, p->nodes[name].a);
			itanium_sub_add(p, name);
			return scope;
		}
		name = itanium_source_name(p);
		if (itanium_peek(p, 0) == 'I') {
			itanium_sub_add(p, name);
			name = with_arguments(p, name);
		}
		scope = scope ? itanium_node(p, NODE_QUALIFIED, scope, name) : name;
	}
	if (scope == 0)
		itanium_fail(p);
	return itanium_node(p, NODE_QUALIFIED, scope, simple_id(p));
}

static uint32_t unresolved_name(struct itanium *p)
{
	uint32_t node, scope;

	if (itanium_eat(p, "gs"))
		return itanium_constant(p, NODE_PREFIXED, "::", unresolved_name(p));
	if (!itanium_eat(p, "sr"))
		return simple_id(p);
	if (itanium_peek(p, 0) == '\0' || !strchr("TDS", itanium_peek(p, 0)))
		return qualified_unresolved(p);
	scope = itanium_type(p, false);
	node = itanium_node(p, NODE_QUALIFIED, scope, simple_id(p));
	if (itanium_peek(p, 0) == 'I') {
		node = with_arguments(p, node);
		itanium_sub_add(p, node);
	}
	return node;
}

/* fp [qualifiers] number, fL level p [qualifiers] number, fpT. */
static uint32_t function_parameter(struct itanium *p)
{
	if (itanium_eat(p, "fpT"))
		return itanium_number_node(p, NODE_PARAMETER, 0);
	p->at += 2;
	if (p->at[-1] == 'L') {
		(void)itanium_number(p);
		itanium_expect(p, 'p');
	}
	(void)itanium_qualifiers(p); /* not shown */
	return itanium_number_node(p, NODE_PARAMETER, itanium_compact_number(p) + 1);
}

static int32_t optional_number(struct itanium *p)
{
	return itanium_peek(p, 0) == 'n' || is_digit(itanium_peek(p, 0)) ? itanium_number(p) : 0;
}

static uint32_t subobject(struct itanium *p)
{
	uint32_t type = itanium_type(p, false), node;

	node = itanium_node(p, NODE_SUBOBJECT, itanium_expression(p), type);
	p->nodes[node].c = (uint32_t)optional_number(p);
	while (itanium_eat(p, "_"))
		(void)optional_number(p);
	(void)itanium_eat(p, "p");
	itanium_expect(p, 'E');
	return node;
}

static uint32_t member_cast(struct itanium *p)
{
	uint32_t type = itanium_type(p, false), expression = itanium_expression(p);

	(void)optional_number(p);
	itanium_expect(p, 'E');
	return itanium_node(p, NODE_CAST_MEMBER, type, expression);
}

static uint32_t requirement(struct itanium *p)
{
	uint32_t node, constraint = 0, cast;
	bool is_noexcept;

	if (itanium_eat(p, "T"))
		return itanium_constant(p, NODE_PREFIXED, " typename ", itanium_type(p, false));
	if (itanium_eat(p, "Q"))
		return itanium_constant(p, NODE_PREFIXED, " requires ", itanium_expression(p));
	itanium_expect(p, 'X');
	cast = itanium_expression(p);
	is_noexcept = itanium_eat(p, "N");
	if (itanium_eat(p, "R"))
		constraint = itanium_name(p);
	node = itanium_node(p, NODE_REQUIREMENT, cast, constraint);
	p->nodes[node].flags |= is_noexcept ? FLAG_NOEXCEPT : 0;
	return node;
}

static uint32_t requires_expression(struct itanium *p)
{
	struct node_list params = {0}, requirements = {0};
	bool has_params = itanium_peek(p, 1) == 'Q';

	p->at += 2;
	while (has_params && !p->has_failed && !itanium_eat(p, "_"))
		itanium_list_add(p, &params, itanium_type(p, false));
	while (!p->has_failed && !itanium_eat(p, "E"))
		itanium_list_add(p, &requirements, requirement(p));
	return itanium_node(p, NODE_REQUIRES_EXPRESSION, params.first, requirements.first);
}

static uint32_t vendor_expression(struct itanium *p)
{
	uint32_t name, node;
	struct node_list list = {0};

	p->at++;
	name = itanium_source_name(p);
	if (p->nodes[name].n_text == 8 && memcmp(p->nodes[name].text, "__uuidof", 8) == 0 &&
	    (itanium_peek(p, 0) == 't' || itanium_peek(p, 0) == 'z')) {
		bool is_type = *p->at++ == 't';

		itanium_list_add(p, &list,
				 is_type ? itanium_type(p, false) : itanium_expression(p));
		node = list.first;
	} else {
		node = arguments(p);
	}
	node = itanium_node(p, NODE_CALL_LIKE, node, 0);
	p->nodes[node].text = p->nodes[name].text;
	p->nodes[node].n_text = p->nodes[name].n_text;
	return node;
}

static uint32_t new_expression(struct itanium *p, uint32_t operator)
{
	uint32_t place = expressions(p, '_'), type = itanium_type(p, false), initializer = 0;

	(void)operator;
	if (itanium_eat(p, "pi"))
		initializer = itanium_node(p, NODE_PACK, expressions(p, 'E'), 0);
	else if (itanium_peek(p, 0) == 'i' && itanium_peek(p, 1) == 'l')
		initializer = itanium_expression(p);
	else
		itanium_expect(p, 'E');
	return itanium_node3(p, NODE_NEW, place, type, initializer);
}

static uint32_t fold(struct itanium *p, char which)
{
	uint32_t operator= itanium_operator(p, true), first = itanium_expression(p), second = 0;
	uint32_t node;

	if (which == 'L' || which == 'R')
		second = itanium_expression(p);
	node = itanium_node3(p, NODE_FOLD, operator, first, second);
	p->nodes[node].flags |= which == 'l' ? FLAG_LEFT : 0;
	return node;
}

static uint32_t unary(struct itanium *p, uint32_t operator, uint32_t code)
{
	bool is_step = code == CODE('p', 'p') || code == CODE('m', 'm'), is_suffix;
	uint32_t operand, node;

	is_suffix = is_step && !itanium_eat(p, "_");
	if (code == CODE('s', 't') || code == CODE('a', 't') || code == CODE('t', 'i'))
		operand = itanium_type(p, false);
	else if (p->nodes[operator].kind == NODE_CAST && itanium_eat(p, "_"))
		operand = itanium_node(p, NODE_PACK, expressions(p, 'E'), 0);
	else
		operand = itanium_expression(p);
	node = itanium_node(p, NODE_UNARY, operator, operand);
	p->nodes[node].flags |=
		(is_suffix ? FLAG_SUFFIX : 0) | (code == CODE('s', 't') ? FLAG_TYPE : 0);
	return node;
}

static uint32_t binary(struct itanium *p, uint32_t operator, uint32_t code)
{
	char c = (char)(code >> 8), d = (char)code;
	uint32_t left, right, cast = 0;

	if (d == 'c' && strchr("sdcr", c))
		left = itanium_type(p, false);
	else if (code == CODE('d', 'i'))
		left = itanium_unqualified_name(p, 0, &cast);
	else
		left = itanium_expression(p);
	if (code == CODE('c', 'l') || code == CODE('c', 'p'))
		right = itanium_node(p, NODE_PACK, expressions(p, 'E'), 0);
	else if (code != CODE('d', 't') && code != CODE('p', 't'))
		right = itanium_expression(p);
	else if (itanium_peek(p, 0) == 'L')
		right = itanium_literal(p);
	else
		right = with_arguments(p, unresolved_name(p));
	return itanium_node3(p, NODE_BINARY, operator, left, right);
}

static uint32_t ternary(struct itanium *p, uint32_t code)
{
	struct node_list list = {0};
	uint32_t node;

	for (unsigned i = 0; i < 3; i++)
		itanium_list_add(p, &list, itanium_expression(p));
	node = itanium_node(p, NODE_TERNARY, list.first, 0);
	p->nodes[node].c = code;
	return node;
}

static uint32_t operation(struct itanium *p)
{
	uint32_t operator, code = CODE(itanium_peek(p, 0), itanium_peek(p, 1));
	const struct operator* found = find_operator(itanium_peek(p, 0), itanium_peek(p, 1));
	char c = (char)(code >> 8), d = (char)code;
	unsigned n_operands = found ? found->n_operands : c == 'v' ? (unsigned)(d - '0') : 1;

	operator= itanium_operator(p, true);
	if (c == 'f')
		return fold(p, d);
	if (c == 'n' && (d == 'w' || d == 'a'))
		return new_expression(p, operator);
	switch (n_operands) {
	case 0:
		return itanium_node(p, NODE_NULLARY, operator, 0);
	case 1:
		return unary(p, operator, code);
	case 2:
		return binary(p, operator, code);
	case 3:
		return ternary(p, code);
	default:
		itanium_fail(p);
		return 0;
	}
}

static uint32_t s_expression(struct itanium *p)
{
	switch (itanium_peek(p, 1)) {
	case 'o':
		p->at += 2;
		return subobject(p);
	case 'r':
		return unresolved_name(p);
	case 'p':
		p->at += 2;
		return itanium_node(p, NODE_EXPANSION, itanium_expression(p), 0);
	case 'Z':
		p->at += 2;
		return itanium_node(p, NODE_SIZEOF_PACK, itanium_expression(p), 0);
	case 'P':
		p->at += 2;
		return itanium_node(p, NODE_SIZEOF_LIST, arguments(p), 0);
	default:
		return operation(p);
	}
}

static uint32_t initializer_list(struct itanium *p)
{
	bool has_type = *p->at == 't';
	uint32_t type;

	p->at += 2;
	type = has_type ? itanium_type(p, false) : 0;
	return itanium_node(p, NODE_INITIALIZER, type, expressions(p, 'E'));
}

static uint32_t any_expression(struct itanium *p)
{
	char c = itanium_peek(p, 0), d = itanium_peek(p, 1);
	uint32_t cast = 0;

	if (c == 'L')
		return itanium_literal(p);
	if (c == 'T')
		return itanium_template_param(p);
	if (c == 's')
		return s_expression(p);
	if (c == 'f' && (d == 'p' || (d == 'L' && is_digit(itanium_peek(p, 2)))))
		return function_parameter(p);
	if (is_digit(c) || (c == 'o' && d == 'n')) {
		(void)itanium_eat(p, "on");
		return with_arguments(p, itanium_unqualified_name(p, 0, &cast));
	}
	if ((c == 'i' || c == 't') && d == 'l')
		return initializer_list(p);
	if (c == 'u')
		return vendor_expression(p);
	if (c == 'r' && (d == 'q' || d == 'Q'))
		return requires_expression(p);
	if (itanium_eat(p, "mc"))
		return member_cast(p);
	return operation(p);
}

uint32_t itanium_expression(struct itanium *p)
{
	uint32_t node = 0;

	if (itanium_enter(p))
		node = any_expression(p);
	itanium_leave(p);
	return node;
}
