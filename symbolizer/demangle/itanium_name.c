#include "demangle/itanium.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

uint32_t itanium_source_name(struct itanium *p)
{
	static const char anonymous[] = "_GLOBAL_";
	const size_t n_anonymous = sizeof(anonymous) - 1;
	int32_t n_bytes = itanium_number(p);
	const char *text = p->at;

	if (n_bytes <= 0 || n_bytes > p->end - p->at) {
		itanium_fail(p);
		return 0;
	}
	p->at += n_bytes;
	if ((size_t)n_bytes > n_anonymous + 2 && memcmp(text, anonymous, n_anonymous) == 0 &&
	    strchr("._$", text[n_anonymous]) && text[n_anonymous + 1] == 'N')
		return itanium_constant(p, NODE_NAME, "(anonymous namespace)", 0);
	return itanium_text(p, NODE_NAME, text, (size_t)n_bytes);
}

static uint32_t tags(struct itanium *p, uint32_t name)
{
	while (itanium_eat(p, "B"))
		name = itanium_node(p, NODE_TAGGED, name, itanium_source_name(p));
	return name;
}

uint32_t itanium_module_name(struct itanium *p, uint32_t parent)
{
	while (itanium_eat(p, "W")) {
		bool is_partition = itanium_eat(p, "P");

		parent = itanium_node(p, NODE_MODULE, parent, itanium_source_name(p));
		if (is_partition)
			p->nodes[parent].flags |= FLAG_PARTITION;
		itanium_sub_add(p, parent);
	}
	return parent;
}

static uint32_t bindings(struct itanium *p)
{
	struct node_list names = {0};

	do
		itanium_list_add(p, &names, itanium_source_name(p));
	while (!p->has_failed && !itanium_eat(p, "E"));
	return itanium_node(p, NODE_BINDINGS, names.first, 0);
}

/* Numbers that tell equal local names apart are not shown; clang may leave out the underscore. */
static void discriminator(struct itanium *p)
{
	const char *at = p->at;

	if (itanium_eat(p, "__")) {
		if (itanium_number(p) >= 10)
			itanium_expect(p, '_');
		return;
	}
	if (itanium_eat(p, "_")) {
		if (itanium_number(p) < 0)
			itanium_fail(p);
		return;
	}
	while (at < p->end && is_digit(*at))
		at++;
	if (at == p->end)
		p->at = at;
}

static uint32_t plain_name(struct itanium *p, uint32_t *ret_cast)
{
	char c = itanium_peek(p, 0);
	uint32_t name;

	if (is_digit(c))
		return itanium_source_name(p);
	if (is_lower(c)) {
		name = itanium_operator(p, false);
		if (p->nodes[name].kind == NODE_CAST)
			*ret_cast = name;
		return name;
	}
	if (itanium_eat(p, "DC"))
		return bindings(p);
	if (itanium_eat(p, "L")) {
		name = itanium_source_name(p);
		discriminator(p);
		return name;
	}
	if (itanium_eat(p, "Ub")) {
		(void)itanium_compact_number(p);
		return itanium_constant(p, NODE_NAME, "'block-literal'", 0);
	}
	if (c == 'U' && itanium_peek(p, 1) == 'l')
		return itanium_closure(p);
	if (c == 'U' && itanium_peek(p, 1) == 't')
		return itanium_unnamed_type(p);
	itanium_fail(p);
	return 0;
}

uint32_t itanium_unqualified_name(struct itanium *p, uint32_t module, uint32_t *ret_cast)
{
	bool is_friend;
	uint32_t name;

	module = itanium_module_name(p, module);
	is_friend = itanium_eat(p, "F");
	name = plain_name(p, ret_cast);
	if (module != 0)
		name = itanium_node(p, NODE_MODULE_ENTITY, name, module);
	name = tags(p, name);
	return is_friend ? itanium_constant(p, NODE_PREFIXED, "friend ", name) : name;
}

uint32_t itanium_unnamed_type(struct itanium *p)
{
	uint32_t node;

	p->at += 2;
	node = itanium_number_node(p, NODE_UNNAMED, itanium_compact_number(p) + 1);
	itanium_sub_add(p, node);
	return node;
}

/* Ul [head] [Q constraint] parameters [Q constraint] E [number] _ */
uint32_t itanium_closure(struct itanium *p)
{
	const bool was_in_lambda = p->is_in_lambda;
	const uint32_t outer_head = p->lambda_head;
	struct node_list head = {0}, names = {0};
	uint32_t params, param, name, closure;

	p->at += 2;
	p->is_in_lambda = true;
	p->lambda_head = itanium_node(p, NODE_TEMPLATE, 0, 0);
	while (!p->has_failed && (param = itanium_template_head(p, &name)) != 0) {
		itanium_list_add(p, &head, param);
		itanium_list_add(p, &names, name);
		p->nodes[p->lambda_head].b = names.first;
	}
	if (itanium_peek(p, 0) == 'Q')
		itanium_list_add(p, &head,
				 itanium_node(p, NODE_REQUIRES, 0, itanium_constraint(p)));
	params = itanium_parameters(p);
	p->is_in_lambda = was_in_lambda;
	p->lambda_head = outer_head;
	if (itanium_peek(p, 0) == 'Q')
		params = itanium_node(p, NODE_REQUIRES, params, itanium_constraint(p));
	closure = itanium_node(p, NODE_CLOSURE, params, head.first);
	itanium_expect(p, 'E');
	p->nodes[closure].c = itanium_compact_number(p) + 1;
	p->nodes[closure].target = 0; /* its parameters are its own */
	return closure;
}

/* The name that a constructor or destructor of @name has. */
static uint32_t last_name(struct itanium *p, uint32_t name)
{
	for (;;) {
		const struct node *node = &p->nodes[name];

		if (node->kind == NODE_TEMPLATE || node->kind == NODE_TAGGED)
			name = node->a;
		else if (node->kind == NODE_QUALIFIED)
			name = node->b;
		else
			return name;
	}
}

static uint32_t constructor(struct itanium *p, uint32_t last)
{
	bool is_inheriting;
	uint32_t base;

	p->at++;
	is_inheriting = itanium_eat(p, "I");
	if (itanium_peek(p, 0) == '\0' || last == 0)
		itanium_fail(p);
	else
		p->at++; /* which of the constructors is not shown */
	base = is_inheriting ? itanium_type(p, false) : 0;
	return tags(p, itanium_node(p, NODE_CTOR, last_name(p, last), base));
}

static uint32_t destructor(struct itanium *p, uint32_t last)
{
	if (itanium_peek(p, 1) == '\0' || last == 0)
		itanium_fail(p);
	else
		p->at += 2;
	return tags(p, itanium_node(p, NODE_DTOR, last_name(p, last), 0));
}

/* What is read of a prefix. */
struct prefix {
	uint32_t whole;
	uint32_t last;   /* for constructors */
	uint32_t module; /* of the name that follows */
	uint32_t cast;   /* a conversion whose template arguments did not come yet */
	uint32_t n_forward;
};

static uint32_t prefix_template(struct itanium *p, struct prefix *prefix)
{
	uint32_t args, made;

	if (prefix->whole == 0) {
		itanium_fail(p);
		return 0;
	}
	args = itanium_template_args(p);
	made = itanium_node(p, NODE_TEMPLATE, prefix->whole, args);
	if (prefix->cast != 0)
		itanium_tie_forward(p, prefix->n_forward, made);
	prefix->cast = 0;
	prefix->whole = 0; /* becomes what is made */
	return made;
}

/* One step of a prefix; 0 where nothing is appended. */
static uint32_t prefix_part(struct itanium *p, struct prefix *prefix)
{
	char c = itanium_peek(p, 0), d = itanium_peek(p, 1);
	uint32_t node;

	if (is_digit(c) || is_lower(c) || (c && strchr("ULFW", c)) || (c == 'D' && d == 'C')) {
		uint32_t n_forward = p->n_forward, cast = 0, module = prefix->module;

		prefix->module = 0;
		node = itanium_unqualified_name(p, module, &cast);
		if (cast != 0) {
			prefix->cast = cast;
			prefix->n_forward = n_forward;
		}
		return node;
	}
	switch (c) {
	case 'C':
		return constructor(p, prefix->last);
	case 'D':
		return d == 'T' || d == 't' ? itanium_type(p, false) : destructor(p, prefix->last);
	case 'S':
		node = itanium_substitution(p, true);
		if (p->nodes[node].kind != NODE_MODULE)
			return node;
		prefix->module = node;
		return 0;
	case 'I':
	case 'J': /* clang has been seen to leave out the I */
		return prefix_template(p, prefix);
	case 'T':
		return itanium_template_param(p);
	case 'M': /* a lambda's initializer is not shown */
		p->at++;
		if (prefix->whole == 0)
			itanium_fail(p);
		return 0;
	default:
		itanium_fail(p);
		return 0;
	}
}

/* Ties what a conversion's type refers to where no template arguments followed it. */
static void settle_cast(struct itanium *p, uint32_t cast, uint32_t n_forward)
{
	uint32_t type = p->nodes[cast].a;

	if (cast != 0)
		itanium_tie_forward(p, n_forward, p->nodes[type].kind == NODE_TEMPLATE ? type : 0);
}

static uint32_t prefix(struct itanium *p)
{
	struct prefix prefix = {0};

	while (!p->has_failed && itanium_peek(p, 0) != 'E') {
		char c = itanium_peek(p, 0);
		uint32_t part = prefix_part(p, &prefix);

		if (part == 0)
			continue;
		prefix.last = part;
		prefix.whole = prefix.whole == 0
				       ? part
				       : itanium_node(p, NODE_QUALIFIED, prefix.whole, part);
		if (c != 'S' && itanium_peek(p, 0) != 'E')
			itanium_sub_add(p, prefix.whole);
	}
	if (prefix.whole == 0)
		itanium_fail(p);
	settle_cast(p, prefix.cast, prefix.n_forward);
	return prefix.whole;
}

static uint32_t nested_name(struct itanium *p)
{
	uint32_t qualifiers = 0, name;
	uint8_t flags = 0;
	bool has_this;

	p->at++;
	has_this = itanium_eat(p, "H");
	if (!has_this) {
		qualifiers = itanium_qualifiers(p);
		flags = itanium_eat(p, "R") ? FLAG_LREF : itanium_eat(p, "O") ? FLAG_RREF : 0;
	}
	name = prefix(p);
	itanium_expect(p, 'E');
	if (qualifiers == 0 && flags == 0 && !has_this)
		return name;
	name = itanium_node(p, NODE_METHOD, name, qualifiers);
	p->nodes[name].flags |= flags | (has_this ? FLAG_THIS : 0);
	return name;
}

static uint32_t local_name(struct itanium *p)
{
	uint32_t encoding, name, number = 0;

	p->at++;
	encoding = itanium_encoding(p, true, true);
	itanium_expect(p, 'E');
	if (itanium_eat(p, "s")) {
		discriminator(p);
		return itanium_node(p, NODE_LOCAL, encoding,
				    itanium_constant(p, NODE_NAME, "string literal", 0));
	}
	if (itanium_eat(p, "d"))
		number = itanium_compact_number(p) + 1;
	name = itanium_name(p);
	discriminator(p);
	if (number > 0) {
		name = itanium_node(p, NODE_DEFAULT_ARGUMENT, name, 0);
		p->nodes[name].c = number;
	}
	return itanium_node(p, NODE_LOCAL, encoding, name);
}

/* A name that is no nested and no local one; it may have template arguments. */
static uint32_t unscoped_name(struct itanium *p)
{
	uint32_t n_forward = p->n_forward, cast = 0, name = 0, module = 0;
	bool is_substitution = false;

	if (itanium_eat(p, "St")) {
		name = itanium_unqualified_name(p, 0, &cast);
		name = itanium_node(p, NODE_QUALIFIED, itanium_constant(p, NODE_NAME, "std", 0),
				    name);
	} else if (itanium_peek(p, 0) == 'S') {
		name = itanium_substitution(p, false);
		is_substitution = p->nodes[name].kind != NODE_MODULE;
		module = is_substitution ? 0 : name;
		if (!is_substitution)
			name = itanium_unqualified_name(p, module, &cast);
	} else {
		name = itanium_unqualified_name(p, 0, &cast);
	}
	if (itanium_peek(p, 0) == 'I') {
		if (!is_substitution)
			itanium_sub_add(p, name);
		name = itanium_node(p, NODE_TEMPLATE, name, itanium_template_args(p));
		if (cast != 0)
			itanium_tie_forward(p, n_forward, name);
		cast = 0;
	}
	if (cast != 0)
		itanium_tie_forward(p, n_forward, 0);
	return name;
}

uint32_t itanium_name(struct itanium *p)
{
	uint32_t name = 0;

	if (itanium_enter(p)) {
		if (itanium_peek(p, 0) == 'N')
			name = nested_name(p);
		else if (itanium_peek(p, 0) == 'Z')
			name = local_name(p);
		else
			name = unscoped_name(p);
	}
	itanium_leave(p);
	return name;
}
