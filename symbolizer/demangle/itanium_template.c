#include "demangle/itanium.h"

#include <string.h>

#define SEQUENCE_MAX 1000000u

/* S0_ and such are counted in base 36. */
static uint32_t sequence_number(struct itanium *p)
{
	uint32_t value = 0;

	if (itanium_eat(p, "_"))
		return 0;
	for (;;) {
		char c = itanium_peek(p, 0);
		uint32_t digit = (uint32_t)(c - (c <= '9' ? '0' : 'A' - 10));

		if (c == '_')
			break;
		if (c < '0' || c > 'Z' || (c > '9' && c < 'A') || value > SEQUENCE_MAX) {
			itanium_fail(p);
			return 0;
		}
		value = value * 36 + digit;
		p->at++;
	}
	p->at++;
	return value + 1;
}

/* What a parameter is tied to where we stand; 0: a conversion's template, which is yet to come. */
static bool current_template(const struct itanium *p, uint32_t *ret_template)
{
	if (p->n_templates == p->templates_base)
		return false;
	*ret_template = p->templates[p->n_templates - 1];
	return true;
}

static uint32_t tied_param(struct itanium *p, uint32_t to_template, uint32_t index)
{
	uint32_t node = itanium_number_node(p, NODE_PARAM, index);

	if (node == 0)
		return 0;
	p->nodes[node].a = to_template;
	p->nodes[node].target = to_template ? to_template : TARGET_MIXED;
	if (to_template != 0) {
		if (itanium_list_at(p, p->nodes[to_template].b, index) == 0)
			itanium_fail(p);
		return node;
	}
	if (p->n_forward == ITANIUM_FORWARD_MAX)
		itanium_fail(p);
	else
		p->forward[p->n_forward++] = node;
	return node;
}

static uint32_t auto_param(struct itanium *p, uint32_t index)
{
	uint32_t node = itanium_number_node(p, NODE_AUTO, index);

	if (node != 0)
		p->nodes[node].target = TARGET_AUTO;
	return node;
}

/* The parameters of a constraint stay as they are written: their templates are not known. */
static uint32_t written_param(struct itanium *p, uint32_t index)
{
	uint32_t node = itanium_constant(p, NODE_NUMBERED, "T", 0);

	p->nodes[node].c = index;
	return node;
}

/* The same subtree with its parameters tied to @to_template (TARGET_AUTO: a lambda's own). */
static uint32_t tie_anew(struct itanium *p, uint32_t from, uint32_t to_template)
{
	struct node node = p->nodes[from];
	uint32_t made = from;

	if (node.target == 0 || node.target == to_template)
		return from;
	if (!itanium_enter(p))
		made = 0;
	else if (p->is_constraint && (node.kind == NODE_PARAM || node.kind == NODE_AUTO))
		made = written_param(p, node.c);
	else if (node.kind == NODE_PARAM && to_template == TARGET_AUTO)
		made = auto_param(p, node.c);
	else if (node.kind == NODE_PARAM || node.kind == NODE_AUTO)
		made = tied_param(p, to_template, node.c);
	else {
		uint32_t a = tie_anew(p, node.a, to_template);
		uint32_t b = tie_anew(p, node.b, to_template);
		uint32_t c =
			node.flags & FLAG_C_IS_NODE ? tie_anew(p, node.c, to_template) : node.c;

		made = itanium_node(p, (enum node_kind)node.kind, a, b);
		if (node.flags & FLAG_C_IS_NODE)
			itanium_adopt(p, made, c);
		p->nodes[made].c = c;
		p->nodes[made].flags = node.flags;
		p->nodes[made].text = node.text;
		p->nodes[made].n_text = node.n_text;
	}
	itanium_leave(p);
	return made;
}

static uint32_t earlier(struct itanium *p)
{
	uint32_t number = sequence_number(p), node, target;

	if (p->has_failed || number >= p->n_subs) {
		itanium_fail(p);
		return 0;
	}
	node = p->subs[number];
	if (p->nodes[node].target == 0)
		return node;
	if (p->is_in_lambda)
		return tie_anew(p, node, TARGET_AUTO);
	if (!current_template(p, &target)) {
		if (p->nodes[node].kind == NODE_TEMPLATE) /* clang begins so at times */
			return tie_anew(p, node, node);
		if (!p->is_constraint)
			itanium_fail(p);
		target = 0;
	}
	return tie_anew(p, node, target);
}

static const struct {
	char code;
	const char *name;
	const char *class_name; /* what its constructors are called after, and how it is long */
	const char *arguments;
} standard[] = {
	{'a', "allocator", NULL, NULL},
	{'b', "basic_string", NULL, NULL},
	{'s', "string", "basic_string", "char, std::char_traits<char>, std::allocator<char> "},
	{'i', "istream", "basic_istream", "char, std::char_traits<char> "},
	{'o', "ostream", "basic_ostream", "char, std::char_traits<char> "},
	{'d', "iostream", "basic_iostream", "char, std::char_traits<char> "},
};

static uint32_t standard_name(struct itanium *p, bool is_prefix)
{
	uint32_t name = itanium_constant(p, NODE_NAME, "std", 0);
	char c = itanium_peek(p, 0);
	struct node_list arguments = {0};
	bool is_long;

	if (c != '\0')
		p->at++;
	if (c == 't')
		return name;
	is_long = is_prefix && (itanium_peek(p, 0) == 'C' || itanium_peek(p, 0) == 'D');
	for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++) {
		if (standard[i].code != c)
			continue;
		is_long = is_long && standard[i].class_name;
		name = itanium_node(
			p, NODE_QUALIFIED, name,
			itanium_constant(p, NODE_NAME,
					 is_long ? standard[i].class_name : standard[i].name, 0));
		if (!is_long)
			return name;
		itanium_list_add(p, &arguments,
				 itanium_constant(p, NODE_NAME, standard[i].arguments, 0));
		return itanium_node(p, NODE_TEMPLATE, name, arguments.first);
	}
	itanium_fail(p);
	return 0;
}

uint32_t itanium_substitution(struct itanium *p, bool is_prefix)
{
	uint32_t node;
	char c;

	p->at++;
	c = itanium_peek(p, 0);
	if (c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))
		return earlier(p);
	node = standard_name(p, is_prefix);
	if (itanium_peek(p, 0) != 'B')
		return node;
	while (itanium_eat(p, "B"))
		node = itanium_node(p, NODE_TAGGED, node, itanium_source_name(p));
	itanium_sub_add(p, node);
	return node;
}

uint32_t itanium_template_param(struct itanium *p)
{
	uint32_t index, level = 0, target;
	const char *text = p->at;

	p->at++;
	if (itanium_eat(p, "L"))
		level = itanium_compact_number(p);
	index = itanium_compact_number(p);
	if (p->has_failed)
		return 0;
	if (p->is_constraint)
		return itanium_text(p, NODE_NAME, text, (size_t)(p->at - 1 - text));
	if (p->is_in_lambda) {
		if (itanium_list_at(p, p->nodes[p->lambda_head].b, index) != 0)
			return tied_param(p, p->lambda_head, index);
		return auto_param(p, index);
	}
	if (level >= p->n_templates - p->templates_base) {
		itanium_fail(p);
		return 0;
	}
	target = p->templates[p->templates_base + level];
	return tied_param(p, target, index);
}

void itanium_tie_forward(struct itanium *p, uint32_t n_before, uint32_t to_template)
{
	for (uint32_t i = n_before; i < p->n_forward; i++) {
		struct node *param = &p->nodes[p->forward[i]];

		if (to_template == 0 ||
		    itanium_list_at(p, p->nodes[to_template].b, param->c) == 0) {
			itanium_fail(p);
			return;
		}
		param->a = to_template;
	}
	if (p->n_forward > n_before)
		p->n_forward = n_before;
}

uint32_t itanium_template_args(struct itanium *p)
{
	struct node_list args = {0};
	uint32_t own;

	p->at++;                                    /* I or J */
	own = itanium_node(p, NODE_TEMPLATE, 0, 0); /* for heads that refer to earlier arguments */
	while (!p->has_failed && !itanium_eat(p, "E")) {
		if (p->n_templates == ITANIUM_TEMPLATES_MAX)
			itanium_fail(p);
		p->arguments_so_far = own;
		itanium_list_add(p, &args, itanium_template_arg(p));
		p->nodes[own].b = args.first;
		if (itanium_peek(p, 0) == 'Q') {
			(void)itanium_constraint(p); /* not shown */
			if (itanium_peek(p, 0) != 'E')
				itanium_fail(p);
		}
	}
	return args.first;
}

static uint32_t headed_arg(struct itanium *p)
{
	uint32_t name, param;

	if (p->n_templates == ITANIUM_TEMPLATES_MAX) {
		itanium_fail(p);
		return 0;
	}
	p->templates[p->n_templates++] = p->arguments_so_far;
	param = itanium_template_head(p, &name);
	p->n_templates--;
	if (param == 0)
		itanium_fail(p);
	p->arguments_so_far = itanium_node(p, NODE_TEMPLATE, 0, 0);
	return itanium_template_arg(p); /* what it is declared as is not shown */
}

uint32_t itanium_template_arg(struct itanium *p)
{
	uint32_t arg = 0;

	if (!itanium_enter(p)) {
		itanium_leave(p);
		return 0;
	}
	switch (itanium_peek(p, 0)) {
	case 'X':
		p->at++;
		arg = itanium_expression(p);
		itanium_expect(p, 'E');
		break;
	case 'L':
		arg = itanium_literal(p);
		break;
	case 'I':
	case 'J':
		arg = itanium_node(p, NODE_PACK, itanium_template_args(p), 0);
		break;
	case 'T':
		if (itanium_peek(p, 1) != '\0' && strchr("yntpk", itanium_peek(p, 1))) {
			arg = headed_arg(p);
			break;
		}
		arg = itanium_type(p, false);
		break;
	default:
		arg = itanium_type(p, false);
	}
	itanium_leave(p);
	return arg;
}

/* The name of a parameter that has no argument: $T, $T0, $T1, … */
static uint32_t invented_name(struct itanium *p, const char *prefix, unsigned which)
{
	uint32_t name = itanium_constant(p, NODE_NUMBERED, prefix, 0);

	p->nodes[name].c = p->n_named[which]++;
	return name;
}

static uint32_t constrained_head(struct itanium *p, uint32_t *ret_name)
{
	const bool was_constraint = p->is_constraint;
	uint32_t constraint;

	p->is_constraint = true;
	constraint = itanium_name(p);
	p->is_constraint = was_constraint;
	*ret_name = invented_name(p, "$T", 0);
	constraint = itanium_node(p, NODE_HEAD_VALUE, *ret_name, constraint);
	p->nodes[constraint].flags |= FLAG_TYPE;
	return constraint;
}

static uint32_t template_template_head(struct itanium *p, uint32_t *ret_name)
{
	struct node_list params = {0}, names = {0};
	uint32_t own = itanium_node(p, NODE_TEMPLATE, 0, 0), constraint = 0, head, name = 0;

	*ret_name = invented_name(p, "$TT", 2);
	if (p->n_templates == ITANIUM_TEMPLATES_MAX) {
		itanium_fail(p);
		return 0;
	}
	p->templates[p->n_templates++] = own;
	while (!p->has_failed && !itanium_eat(p, "E")) {
		uint32_t param = itanium_template_head(p, &name);

		if (param == 0)
			itanium_fail(p);
		itanium_list_add(p, &params, param);
		itanium_list_add(p, &names, name);
		p->nodes[own].b = names.first;
		if (itanium_peek(p, 0) == 'Q')
			constraint = itanium_constraint(p);
	}
	p->n_templates--;
	head = itanium_node(p, NODE_HEAD_TEMPLATE, *ret_name, params.first);
	return constraint ? itanium_node(p, NODE_REQUIRES, head, constraint) : head;
}

uint32_t itanium_template_head(struct itanium *p, uint32_t *ret_name)
{
	uint32_t head = 0;

	*ret_name = 0;
	if (itanium_peek(p, 0) != 'T')
		return 0;
	if (!itanium_enter(p)) {
		itanium_leave(p);
		return 0;
	}
	if (itanium_eat(p, "Ty")) {
		*ret_name = invented_name(p, "$T", 0);
		head = itanium_node(p, NODE_HEAD_TYPE, *ret_name, 0);
	} else if (itanium_eat(p, "Tk")) {
		head = constrained_head(p, ret_name);
	} else if (itanium_eat(p, "Tn")) {
		*ret_name = invented_name(p, "$N", 1);
		head = itanium_node(p, NODE_HEAD_VALUE, *ret_name, itanium_type(p, false));
	} else if (itanium_eat(p, "Tt")) {
		head = template_template_head(p, ret_name);
	} else if (itanium_eat(p, "Tp")) {
		head = itanium_template_head(p, ret_name);
		if (head == 0)
			itanium_fail(p);
		head = itanium_node(p, NODE_HEAD_PACK, head, 0);
	}
	itanium_leave(p);
	return head;
}
