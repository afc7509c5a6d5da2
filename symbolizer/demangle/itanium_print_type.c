#include "demangle/itanium_printer.h"

#include <string.h>

static const struct node *at(const struct printer *pr, uint32_t node)
{
	return &pr->p->nodes[node];
}

/* What a type is at heart, for where its declarator's parentheses go. */
static enum node_kind shape(struct printer *pr, uint32_t node, int32_t pack_index)
{
	node = print_resolve(pr, node, &pack_index);
	while (at(pr, node)->kind == NODE_CV && print_may_go_on(pr))
		node = print_resolve(pr, at(pr, node)->a, &pack_index);
	return (enum node_kind)at(pr, node)->kind;
}

/* A reference to a reference is one reference: && only when both are. */
struct reference {
	uint32_t to;
	int32_t pack_index;
	bool is_lvalue;
};

static struct reference collapse(struct printer *pr, const struct node *n)
{
	struct reference r = {n->a, pr->pack_index, n->kind == NODE_LREF};

	for (;;) {
		const struct node *to;

		r.to = print_resolve(pr, r.to, &r.pack_index);
		to = at(pr, r.to);
		if ((to->kind != NODE_LREF && to->kind != NODE_RREF) || !print_may_go_on(pr))
			return r;
		r.is_lvalue = r.is_lvalue || to->kind == NODE_LREF;
		r.to = to->a;
	}
}

/* Either half of @node where the pack index is another. */
void print_half(struct printer *pr, uint32_t node, int32_t pack_index, bool is_left)
{
	const int32_t outer = pr->pack_index;

	pr->pack_index = pack_index;
	if (is_left)
		print_left(pr, node);
	else
		print_right(pr, node);
	pr->pack_index = outer;
}

static void open_declarator(struct printer *pr, uint32_t node, int32_t pack_index)
{
	enum node_kind kind = shape(pr, node, pack_index);

	if (kind == NODE_ARRAY)
		print_constant(pr, " (");
	else if (kind == NODE_FUNCTION)
		print_constant(pr, "(");
}

static void close_declarator(struct printer *pr, uint32_t node, int32_t pack_index)
{
	enum node_kind kind = shape(pr, node, pack_index);

	if (kind == NODE_ARRAY || kind == NODE_FUNCTION)
		print_constant(pr, ")");
	print_half(pr, node, pack_index, false);
}

void print_pointer(struct printer *pr, const struct node *n)
{
	print_left(pr, n->a);
	open_declarator(pr, n->a, pr->pack_index);
	print_constant(pr, "*");
}

void print_reference(struct printer *pr, const struct node *n)
{
	struct reference r = collapse(pr, n);

	print_half(pr, r.to, r.pack_index, true);
	open_declarator(pr, r.to, r.pack_index);
	print_constant(pr, r.is_lvalue ? "&" : "&&");
}

void print_member_pointer(struct printer *pr, const struct node *n)
{
	enum node_kind kind = shape(pr, n->b, pr->pack_index);

	print_left(pr, n->b);
	if (kind == NODE_ARRAY || kind == NODE_FUNCTION)
		open_declarator(pr, n->b, pr->pack_index);
	else
		print_constant(pr, " ");
	print_node(pr, n->a);
	print_constant(pr, "::*");
}

static bool is_in_list(struct printer *pr, uint32_t list, uint32_t end, const char *text)
{
	for (; list != end && print_may_go_on(pr); list = at(pr, list)->b)
		if (strcmp(at(pr, at(pr, list)->a)->text, text) == 0)
			return true;
	return false;
}

/* Those of @list that are not in @unlike. */
void print_qualifiers(struct printer *pr, uint32_t list, uint32_t unlike)
{
	for (uint32_t i = list; i != 0 && print_may_go_on(pr); i = at(pr, i)->b) {
		const struct node *qualifier = at(pr, at(pr, i)->a);

		if (qualifier->a == 0 && (is_in_list(pr, unlike, 0, qualifier->text) ||
					  is_in_list(pr, list, i, qualifier->text)))
			continue;
		print_constant(pr, " ");
		print_constant(pr, qualifier->text);
		if (qualifier->a == 0)
			continue;
		print_constant(pr, "(");
		print_list(pr, qualifier->a);
		print_constant(pr, ")");
	}
}

/* Qualifiers of qualified types are merged: outer ones first. */
static void half_of_cv(struct printer *pr, const struct node *n, bool is_left)
{
	int32_t pack_index = pr->pack_index;
	uint32_t base = print_resolve(pr, n->a, &pack_index), inner = 0;
	bool is_function;

	if (at(pr, base)->kind == NODE_CV) {
		inner = at(pr, base)->b;
		base = at(pr, base)->a;
	}
	is_function = shape(pr, base, pack_index) == NODE_FUNCTION;
	print_half(pr, base, pack_index, is_left);
	if (is_left == is_function)
		return;
	print_qualifiers(pr, n->b, 0);
	print_qualifiers(pr, inner, n->b);
}

void print_cv(struct printer *pr, const struct node *n)
{
	half_of_cv(pr, n, true);
}

static void print_function_end(struct printer *pr, const struct node *n)
{
	print_constant(pr, "(");
	if (n->flags & FLAG_THIS)
		print_constant(pr, "this ");
	if (!(n->flags & FLAG_LOCAL) || pr->style.has_enclosing_params)
		print_list(pr, n->b);
	print_constant(pr, ")");
	if (!(n->flags & FLAG_LOCAL))
		print_right(pr, n->a);
	if (n->flags & FLAG_C_IS_NODE)
		print_qualifiers(pr, n->c, 0);
	if (n->flags & FLAG_LREF)
		print_constant(pr, " &");
	else if (n->flags & FLAG_RREF)
		print_constant(pr, " &&");
}

void print_function(struct printer *pr, const struct node *n)
{
	print_left(pr, n->a);
	if (n->a != 0)
		print_constant(pr, " ");
}

void print_encoding(struct printer *pr, const struct node *n)
{
	const struct node *function = at(pr, n->b);

	if (!(function->flags & FLAG_LOCAL))
		print_function(pr, function);
	print_node(pr, n->a);
	print_function_end(pr, function);
}

void print_array(struct printer *pr, const struct node *n)
{
	print_left(pr, n->b);
}

static void array_right(struct printer *pr, const struct node *n)
{
	if (print_last(pr) != ']')
		print_constant(pr, " ");
	print_constant(pr, "[");
	print_node(pr, n->a);
	print_constant(pr, "]");
	print_right(pr, n->b);
}

void print_vector(struct printer *pr, const struct node *n)
{
	print_node(pr, n->b);
	print_constant(pr, " __vector(");
	print_node(pr, n->a);
	print_constant(pr, ")");
}

static void print_right_of(struct printer *pr, uint32_t node)
{
	int32_t pack_index = pr->pack_index;
	const struct node *n = at(pr, node);
	struct reference r;

	switch (n->kind) {
	case NODE_PARAM:
		node = print_resolve(pr, node, &pack_index);
		print_half(pr, node, pack_index, false);
		break;
	case NODE_POINTER:
		close_declarator(pr, n->a, pr->pack_index);
		break;
	case NODE_LREF:
	case NODE_RREF:
		r = collapse(pr, n);
		close_declarator(pr, r.to, r.pack_index);
		break;
	case NODE_MEMBER_POINTER:
		close_declarator(pr, n->b, pr->pack_index);
		break;
	case NODE_CV:
		half_of_cv(pr, n, false);
		break;
	case NODE_FUNCTION:
		print_function_end(pr, n);
		break;
	case NODE_ARRAY:
		array_right(pr, n);
		break;
	}
}

void print_right(struct printer *pr, uint32_t node)
{
	if (node == 0)
		return;
	if (itanium_enter(pr->p))
		print_right_of(pr, node);
	itanium_leave(pr->p);
}
