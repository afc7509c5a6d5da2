#include "demangle/itanium.h"

#include <string.h>

static bool names_special_member(const struct itanium *p, uint32_t name)
{
	while (p->nodes[name].kind == NODE_QUALIFIED)
		name = p->nodes[name].b;
	return p->nodes[name].kind == NODE_CTOR || p->nodes[name].kind == NODE_DTOR ||
	       p->nodes[name].kind == NODE_CAST;
}

/* Only templates' instances are mangled with what they return, but for constructors and such. */
static bool has_return_type(const struct itanium *p, uint32_t name)
{
	for (;;) {
		const struct node *node = &p->nodes[name];

		if (node->kind == NODE_LOCAL)
			name = node->b;
		else if (node->kind == NODE_METHOD)
			name = node->a;
		else
			return node->kind == NODE_TEMPLATE && !names_special_member(p, node->a);
	}
}

/* The template whose arguments a function's type refers to; 0: none. */
static uint32_t template_of(const struct itanium *p, uint32_t name)
{
	for (;;) {
		const struct node *node = &p->nodes[name];

		if (node->kind == NODE_TEMPLATE)
			return name;
		if (node->kind == NODE_LOCAL)
			name = node->b;
		else if (node->kind == NODE_METHOD)
			name = node->a;
		else if (node->kind == NODE_QUALIFIED && p->nodes[node->b].kind == NODE_CTOR)
			name = node->b;
		else if (node->kind == NODE_CTOR)
			name = node->b;
		else
			return 0;
	}
}

/* Takes a member function's qualifiers off the name: they are its type's. */
static struct node take_method(struct itanium *p, uint32_t *name)
{
	struct node method = {0};
	uint32_t *at = name;

	if (p->nodes[*at].kind == NODE_LOCAL)
		at = &p->nodes[*at].b;
	if (p->nodes[*at].kind == NODE_DEFAULT_ARGUMENT)
		at = &p->nodes[*at].a;
	if (p->nodes[*at].kind == NODE_METHOD) {
		method = p->nodes[*at];
		*at = method.a;
	}
	return method;
}

static uint32_t function_type(struct itanium *p, uint32_t name, const struct node *method,
			      bool is_local)
{
	uint32_t function = itanium_bare_function(p, has_return_type(p, name));

	if (p->has_failed)
		return 0;
	if (method->flags & FLAG_THIS)
		p->nodes[function].flags |= FLAG_THIS;
	p->nodes[function].flags |= method->flags & (FLAG_LREF | FLAG_RREF);
	if (method->b != 0)
		itanium_adopt(p, function, method->b);
	if (is_local)
		p->nodes[function].flags |= FLAG_LOCAL;
	return function;
}

static uint32_t function(struct itanium *p, uint32_t name, bool is_local)
{
	const uint32_t base = p->templates_base, n_templates = p->n_templates;
	const uint32_t own = template_of(p, name);
	struct node method = take_method(p, &name);
	uint32_t enable_if = 0, encoding;

	if (p->n_templates == ITANIUM_TEMPLATES_MAX) {
		itanium_fail(p);
		return 0;
	}
	if (own != 0) {
		p->templates_base = p->n_templates;
		p->templates[p->n_templates++] = own;
	}
	if (itanium_eat(p, "Ua9enable_if"))
		enable_if = itanium_template_args(p);
	encoding = itanium_node(p, NODE_ENCODING, name, function_type(p, name, &method, is_local));
	if (own != 0)
		p->nodes[encoding].target = 0;
	if (enable_if != 0)
		encoding = itanium_node(p, NODE_ENABLE_IF, encoding, enable_if);
	if (itanium_peek(p, 0) == 'Q')
		encoding = itanium_node(p, NODE_REQUIRES, encoding, itanium_constraint(p));
	p->n_templates = n_templates;
	p->templates_base = base;
	return encoding;
}

uint32_t itanium_encoding(struct itanium *p, bool has_params, bool is_local)
{
	const bool was_in_lambda = p->is_in_lambda;
	uint32_t name = 0;

	if (!itanium_enter(p)) {
		itanium_leave(p);
		return 0;
	}
	p->is_in_lambda = false;
	if (itanium_peek(p, 0) == 'G' || itanium_peek(p, 0) == 'T') {
		name = itanium_special_name(p);
	} else {
		name = itanium_name(p);
		if (!has_params)
			(void)take_method(p, &name);
		else if (itanium_peek(p, 0) != '\0' && itanium_peek(p, 0) != 'E')
			name = function(p, name, is_local);
	}
	p->is_in_lambda = was_in_lambda;
	itanium_leave(p);
	return name;
}

/* h offset _, or v offset _ offset _: where an object is; not shown. */
static void call_offset(struct itanium *p)
{
	bool is_virtual = itanium_eat(p, "v");

	if (!is_virtual)
		itanium_expect(p, 'h');
	(void)itanium_number(p);
	itanium_expect(p, '_');
	if (!is_virtual)
		return;
	(void)itanium_number(p);
	itanium_expect(p, '_');
}

static uint32_t construction_vtable(struct itanium *p)
{
	uint32_t derived = itanium_type(p, false), base;

	if (itanium_number(p) < 0)
		itanium_fail(p);
	itanium_expect(p, '_');
	base = itanium_type(p, false);
	return itanium_node(p, NODE_CONSTRUCTION_VTABLE, base, derived);
}

enum special_operand {
	SPECIAL_TYPE = 1,
	SPECIAL_NAME,
	SPECIAL_ENCODING,
	SPECIAL_ARGUMENT,
	SPECIAL_MODULE,
	SPECIAL_TEMPORARY,
};

static const struct special {
	const char *code;
	const char *prefix;
	enum special_operand operand;
	unsigned n_offsets;
} specials[] = {
	{"TV", "vtable for ", SPECIAL_TYPE, 0},
	{"TT", "VTT for ", SPECIAL_TYPE, 0},
	{"TI", "typeinfo for ", SPECIAL_TYPE, 0},
	{"TS", "typeinfo name for ", SPECIAL_TYPE, 0},
	{"TF", "typeinfo fn for ", SPECIAL_TYPE, 0},
	{"TJ", "java Class for ", SPECIAL_TYPE, 0},
	{"TA", "template parameter object for ", SPECIAL_ARGUMENT, 0},
	{"TH", "TLS init function for ", SPECIAL_NAME, 0},
	{"TW", "TLS wrapper function for ", SPECIAL_NAME, 0},
	{"Tc", "covariant return thunk to ", SPECIAL_ENCODING, 2},
	{"GV", "guard variable for ", SPECIAL_NAME, 0},
	{"GR", "reference temporary for ", SPECIAL_TEMPORARY, 0},
	{"GA", "hidden alias for ", SPECIAL_ENCODING, 0},
	{"GTn", "non-transaction clone for ", SPECIAL_ENCODING, 0},
	{"GTt", "transaction clone for ", SPECIAL_ENCODING, 0},
	{"GI", "initializer for module ", SPECIAL_MODULE, 0},
};

/* The number at the end of a temporary's name: which of several it is. */
static void sequence(struct itanium *p)
{
	char c;

	while ((c = itanium_peek(p, 0)) != '\0' &&
	       ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
		p->at++;
	(void)itanium_eat(p, "_");
}

static uint32_t special_operand(struct itanium *p, const struct special *special)
{
	uint32_t operand;

	for (unsigned i = 0; i < special->n_offsets; i++)
		call_offset(p);
	switch (special->operand) {
	case SPECIAL_TYPE:
		return itanium_type(p, false);
	case SPECIAL_NAME:
		return itanium_name(p);
	case SPECIAL_ENCODING:
		return itanium_encoding(p, true, false);
	case SPECIAL_ARGUMENT:
		return itanium_template_arg(p);
	case SPECIAL_TEMPORARY:
		operand = itanium_name(p);
		sequence(p);
		return operand;
	case SPECIAL_MODULE:
		break;
	}
	operand = itanium_module_name(p, 0);
	if (operand == 0)
		itanium_fail(p);
	return operand;
}

uint32_t itanium_special_name(struct itanium *p)
{
	uint32_t operand;

	if (itanium_eat(p, "TC"))
		return construction_vtable(p);
	if (itanium_peek(p, 0) == 'T' && (itanium_peek(p, 1) == 'h' || itanium_peek(p, 1) == 'v')) {
		bool is_virtual = itanium_peek(p, 1) == 'v';

		p->at++;
		call_offset(p);
		operand = itanium_encoding(p, true, false);
		return itanium_constant(p, NODE_PREFIXED,
					is_virtual ? "virtual thunk to " : "non-virtual thunk to ",
					operand);
	}
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (itanium_eat(p, specials[i].code)) {
			operand = special_operand(p, &specials[i]);
			return itanium_constant(p, NODE_PREFIXED, specials[i].prefix, operand);
		}
	itanium_fail(p);
	return 0;
}
