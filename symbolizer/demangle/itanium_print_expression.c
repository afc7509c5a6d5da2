#include "demangle/itanium_printer.h"

#include <string.h>

#define CODE(c, d) ((uint32_t)(unsigned char)(c) << 8 | (unsigned char)(d))

static const struct node *at(const struct printer *pr, uint32_t node)
{
	return &pr->p->nodes[node];
}

void print_parenthesized(struct printer *pr, uint32_t node)
{
	int32_t pack_index = pr->pack_index;
	enum node_kind kind = (enum node_kind)at(pr, print_resolve(pr, node, &pack_index))->kind;
	bool is_plain = kind == NODE_NAME || kind == NODE_INITIALIZER || kind == NODE_PARAMETER ||
			kind == NODE_QUALIFIED;

	if (!is_plain)
		print_constant(pr, "(");
	print_node(pr, node);
	if (!is_plain)
		print_constant(pr, ")");
}

/* An operator inside an expression: as it is written between operands. */
static void print_operator(struct printer *pr, uint32_t node)
{
	const struct node *n = at(pr, node);

	if (n->kind != NODE_CAST) {
		print_text(pr, n->text, n->n_text);
		return;
	}
	print_constant(pr, "(");
	print_node(pr, n->a);
	print_constant(pr, ")");
}

/* The address of a function is that of its name; a member's qualifiers need its whole type. */
static uint32_t addressed(const struct printer *pr, uint32_t node)
{
	const struct node *n = at(pr, node);
	uint8_t flags = at(pr, n->b)->flags & (FLAG_C_IS_NODE | FLAG_LREF | FLAG_RREF);

	return n->kind == NODE_ENCODING && flags == 0 ? n->a : node;
}

static void unary(struct printer *pr, const struct node *n)
{
	uint32_t code = at(pr, n->a)->c, operand = n->b;

	if (code == CODE('a', 'd'))
		operand = addressed(pr, operand);
	if (n->flags & FLAG_SUFFIX)
		print_parenthesized(pr, operand);
	print_operator(pr, n->a);
	if (n->flags & FLAG_SUFFIX)
		return;
	if (code == CODE('g', 's')) {
		print_node(pr, operand);
	} else if (n->flags & FLAG_TYPE) {
		print_constant(pr, "(");
		print_node(pr, operand);
		print_constant(pr, ")");
	} else {
		print_parenthesized(pr, operand);
	}
}

static bool is_designated(const struct printer *pr, uint32_t node)
{
	const struct node *n = at(pr, node);
	uint32_t code = at(pr, n->a)->c;

	if (n->kind == NODE_TERNARY)
		return n->c == CODE('d', 'X');
	return n->kind == NODE_BINARY && (code == CODE('d', 'i') || code == CODE('d', 'x'));
}

static void designated_value(struct printer *pr, uint32_t node)
{
	if (is_designated(pr, node)) {
		print_node(pr, node);
		return;
	}
	print_constant(pr, "=");
	print_parenthesized(pr, node);
}

static void call(struct printer *pr, const struct node *n)
{
	const struct node *callee = at(pr, n->b);

	if (callee->kind == NODE_ENCODING && at(pr, callee->b)->a != 0)
		print_node(pr, n->b); /* an instance, with what it returns */
	else
		print_parenthesized(pr, callee->kind == NODE_ENCODING ? callee->a : n->b);
	print_parenthesized(pr, n->c);
}

static void infix(struct printer *pr, const struct node *n, uint32_t code)
{
	bool is_closing = code == CODE('g', 't') || code == CODE('r', 's');

	if (is_closing) /* it would end a template's arguments */
		print_constant(pr, "(");
	print_parenthesized(pr, n->b);
	print_operator(pr, n->a);
	print_parenthesized(pr, n->c);
	if (is_closing)
		print_constant(pr, ")");
}

static void binary(struct printer *pr, const struct node *n)
{
	uint32_t code = at(pr, n->a)->c;

	switch (code) {
	case CODE('s', 'c'):
	case CODE('d', 'c'):
	case CODE('c', 'c'):
	case CODE('r', 'c'):
		print_operator(pr, n->a);
		print_constant(pr, "<");
		print_node(pr, n->b);
		print_constant(pr, ">(");
		print_node(pr, n->c);
		print_constant(pr, ")");
		break;
	case CODE('d', 'i'):
	case CODE('d', 'x'):
		print_constant(pr, code == CODE('d', 'i') ? "." : "[");
		print_node(pr, n->b);
		print_constant(pr, code == CODE('d', 'i') ? "" : "]");
		designated_value(pr, n->c);
		break;
	case CODE('c', 'l'):
	case CODE('c', 'p'):
		call(pr, n);
		break;
	case CODE('i', 'x'):
		print_parenthesized(pr, n->b);
		print_constant(pr, "[");
		print_node(pr, n->c);
		print_constant(pr, "]");
		break;
	default:
		infix(pr, n, code);
	}
}

static void ternary(struct printer *pr, const struct node *n)
{
	uint32_t second = at(pr, n->a)->b, third = at(pr, second)->b;

	if (n->c == CODE('d', 'X')) {
		print_constant(pr, "[");
		print_node(pr, at(pr, n->a)->a);
		print_constant(pr, " ... ");
		print_node(pr, at(pr, second)->a);
		print_constant(pr, "]");
		designated_value(pr, at(pr, third)->a);
		return;
	}
	print_parenthesized(pr, at(pr, n->a)->a);
	print_constant(pr, "?");
	print_parenthesized(pr, at(pr, second)->a);
	print_constant(pr, " : ");
	print_parenthesized(pr, at(pr, third)->a);
}

static void fold(struct printer *pr, const struct node *n)
{
	print_constant(pr, "(");
	if (n->flags & FLAG_LEFT) {
		print_constant(pr, "...");
		print_operator(pr, n->a);
		print_parenthesized(pr, n->b);
	} else {
		print_parenthesized(pr, n->b);
		print_operator(pr, n->a);
		print_constant(pr, "...");
	}
	if (n->c != 0) {
		print_operator(pr, n->a);
		print_parenthesized(pr, n->c);
	}
	print_constant(pr, ")");
}

static void new_expression(struct printer *pr, const struct node *n)
{
	print_constant(pr, "new ");
	if (n->a != 0) {
		print_parenthesized(pr, n->a);
		print_constant(pr, " ");
	}
	print_node(pr, n->b);
	if (n->c != 0)
		print_parenthesized(pr, n->c);
}

static void literal(struct printer *pr, const struct node *n)
{
	static const char integers[] = "ijlmxy";
	static const char *const suffixes[] = {"", "u", "l", "ul", "ll", "ull"};
	const struct node *type = at(pr, n->a);
	char letter = type->kind == NODE_BUILTIN ? (char)type->c : '\0';
	const char *integer = letter ? strchr(integers, letter) : NULL;
	bool is_zero = n->n_text == 1 && n->text[0] == '0';
	bool is_one = n->n_text == 1 && n->text[0] == '1';
	bool is_float = (letter && strchr("defg", letter)) ||
			(type->kind == NODE_BUILTIN && strcmp(type->text, "half") == 0);

	if (letter == 'b' && (is_zero || is_one) && !(n->flags & FLAG_NEGATIVE)) {
		print_constant(pr, is_one ? "true" : "false");
		return;
	}
	if (type->text == itanium_nullptr && (is_zero || n->n_text == 0)) {
		print_node(pr, n->a);
		return;
	}
	if (!integer) {
		print_constant(pr, "(");
		print_node(pr, n->a);
		print_constant(pr, is_float ? ")[" : ")");
	}
	print_constant(pr, n->flags & FLAG_NEGATIVE ? "-" : "");
	print_text(pr, n->text, n->n_text);
	print_constant(pr, integer ? suffixes[integer - integers] : is_float ? "]" : "");
}

static void lambda(struct printer *pr, const struct node *n)
{
	print_constant(pr, "[]");
	print_closure_signature(pr, at(pr, n->a));
	print_constant(pr, "{...}");
}

static void subobject(struct printer *pr, const struct node *n)
{
	print_node(pr, n->a);
	print_constant(pr, ".<");
	print_node(pr, n->b);
	print_constant(pr, " at offset ");
	print_number(pr, (int32_t)n->c);
	print_constant(pr, ">");
}

static void sizeof_list(struct printer *pr, const struct node *n)
{
	int64_t count = 0;

	for (uint32_t i = n->a; i != 0 && print_may_go_on(pr); i = at(pr, i)->b) {
		const struct node *arg = at(pr, at(pr, i)->a);
		uint32_t pack = arg->kind == NODE_EXPANSION ? print_find_pack(pr, arg->a)
				: arg->kind == NODE_PACK    ? at(pr, i)->a
							    : 0;

		count += pack ? print_list_length(pr, at(pr, pack)->a) : 1;
	}
	print_number(pr, count);
}

static void sizeof_pack(struct printer *pr, const struct node *n)
{
	uint32_t pack = print_find_pack(pr, n->a);

	if (pack == 0)
		itanium_fail(pr->p);
	print_number(pr, print_list_length(pr, at(pr, pack)->a));
}

static void requirement(struct printer *pr, const struct node *n)
{
	bool has_braces = n->b != 0 || (n->flags & FLAG_NOEXCEPT);

	print_constant(pr, has_braces ? " {" : " ");
	print_node(pr, n->a);
	print_constant(pr, has_braces ? "}" : "");
	print_constant(pr, n->flags & FLAG_NOEXCEPT ? " noexcept" : "");
	print_constant(pr, n->b ? " -> " : "");
	print_node(pr, n->b);
}

static void requires_expression(struct printer *pr, const struct node *n)
{
	print_constant(pr, "requires");
	if (n->a != 0) {
		print_constant(pr, " (");
		print_list(pr, n->a);
		print_constant(pr, ")");
	}
	print_constant(pr, " {");
	for (uint32_t i = n->b; i != 0 && print_may_go_on(pr); i = at(pr, i)->b) {
		print_node(pr, at(pr, i)->a);
		print_constant(pr, ";");
	}
	print_constant(pr, " }");
}

static void initializer(struct printer *pr, const struct node *n)
{
	print_node(pr, n->a);
	print_constant(pr, "{");
	print_list(pr, n->b);
	print_constant(pr, "}");
}

static void parameter(struct printer *pr, const struct node *n)
{
	if (n->c == 0) {
		print_constant(pr, "this");
		return;
	}
	print_constant(pr, "{parm#");
	print_number(pr, n->c);
	print_constant(pr, "}");
}

static void nullary(struct printer *pr, const struct node *n)
{
	print_operator(pr, n->a);
}

static void member_cast(struct printer *pr, const struct node *n)
{
	print_constant(pr, "(");
	print_node(pr, n->a);
	print_constant(pr, ")(");
	print_node(pr, n->b);
	print_constant(pr, ")");
}

static void string_literal(struct printer *pr, const struct node *n)
{
	print_constant(pr, "\"<");
	print_node(pr, n->a);
	print_constant(pr, ">\"");
}

void print_expression(struct printer *pr, const struct node *n)
{
	static void (*const kinds[NODE_KINDS])(struct printer *, const struct node *) = {
		[NODE_LITERAL] = literal,
		[NODE_STRING_LITERAL] = string_literal,
		[NODE_LAMBDA] = lambda,
		[NODE_NULLARY] = nullary,
		[NODE_UNARY] = unary,
		[NODE_BINARY] = binary,
		[NODE_TERNARY] = ternary,
		[NODE_FOLD] = fold,
		[NODE_NEW] = new_expression,
		[NODE_INITIALIZER] = initializer,
		[NODE_SUBOBJECT] = subobject,
		[NODE_CAST_MEMBER] = member_cast,
		[NODE_PARAMETER] = parameter,
		[NODE_SIZEOF_PACK] = sizeof_pack,
		[NODE_SIZEOF_LIST] = sizeof_list,
		[NODE_REQUIRES_EXPRESSION] = requires_expression,
		[NODE_REQUIREMENT] = requirement,
	};

	if (kinds[n->kind])
		kinds[n->kind](pr, n);
}
