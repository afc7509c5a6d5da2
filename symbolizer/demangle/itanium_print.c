#include "demangle/itanium_printer.h"

#include <string.h>

void print_text(struct printer *pr, const char *text, size_t n_bytes)
{
	if (n_bytes > pr->bytes_max - pr->n_bytes) {
		itanium_fail(pr->p);
		return;
	}
	memcpy(pr->out + pr->n_bytes, text, n_bytes);
	pr->n_bytes += n_bytes;
}

void print_number(struct printer *pr, int64_t number)
{
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	char digits[24];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (number < 0)
		digits[--at] = '-';
	print_text(pr, digits + at, sizeof(digits) - at);
}

static const struct node *at(const struct printer *pr, uint32_t node)
{
	return &pr->p->nodes[node];
}

uint32_t print_resolve(struct printer *pr, uint32_t node, int32_t *pack_index)
{
	while (at(pr, node)->kind == NODE_PARAM && print_may_go_on(pr)) {
		const struct node *param = at(pr, node);

		if (param->a == 0)
			itanium_fail(pr->p);
		node = itanium_list_at(pr->p, at(pr, param->a)->b, param->c);
		if (at(pr, node)->kind == NODE_PACK && *pack_index >= 0)
			node = itanium_list_at(pr->p, at(pr, node)->a, (uint32_t)*pack_index);
		*pack_index = -1;
	}
	return node;
}

uint32_t print_find_pack(struct printer *pr, uint32_t node)
{
	const struct node *n = at(pr, node);
	uint32_t pack = 0;

	if (n->target == 0 || n->kind == NODE_EXPANSION || n->kind == NODE_AUTO)
		return 0;
	if (n->kind == NODE_PARAM) {
		if (n->a != 0)
			pack = itanium_list_at(pr->p, at(pr, n->a)->b, n->c);
		return at(pr, pack)->kind == NODE_PACK ? pack : 0;
	}
	if (itanium_enter(pr->p)) {
		pack = print_find_pack(pr, n->a);
		if (pack == 0)
			pack = print_find_pack(pr, n->b);
		if (pack == 0 && (n->flags & FLAG_C_IS_NODE))
			pack = print_find_pack(pr, n->c);
	}
	itanium_leave(pr->p);
	return pack;
}

uint32_t print_list_length(struct printer *pr, uint32_t list)
{
	uint32_t n = 0;

	for (; list != 0 && print_may_go_on(pr); list = at(pr, list)->b)
		n++;
	return n;
}

/* Takes the comma back where nothing came after it. */
static void print_after_comma(struct printer *pr, uint32_t node, size_t n_first)
{
	size_t n_before = pr->n_bytes, n_start;

	if (n_before > n_first)
		print_constant(pr, ", ");
	n_start = pr->n_bytes;
	print_node(pr, node);
	if (pr->n_bytes == n_start)
		pr->n_bytes = n_before;
}

void print_list(struct printer *pr, uint32_t list)
{
	size_t n_first = pr->n_bytes;

	for (; list != 0 && print_may_go_on(pr); list = at(pr, list)->b)
		print_after_comma(pr, at(pr, list)->a, n_first);
}

static void print_expansion(struct printer *pr, const struct node *n)
{
	const int32_t outer = pr->pack_index;
	uint32_t pack = print_find_pack(pr, n->a);
	uint32_t length = print_list_length(pr, at(pr, pack)->a);
	size_t n_first = pr->n_bytes;

	if (pack == 0) {
		print_parenthesized(pr, n->a);
		print_constant(pr, "...");
		return;
	}
	for (uint32_t i = 0; i < length && print_may_go_on(pr); i++) {
		pr->pack_index = (int32_t)i;
		print_after_comma(pr, n->a, n_first);
	}
	pr->pack_index = outer;
}

static void text_left(struct printer *pr, const struct node *n)
{
	print_text(pr, n->text, n->n_text);
}

static void prefixed_left(struct printer *pr, const struct node *n)
{
	text_left(pr, n);
	print_node(pr, n->a);
}

static void suffixed_left(struct printer *pr, const struct node *n)
{
	print_node(pr, n->a);
	text_left(pr, n);
}

static void call_like_left(struct printer *pr, const struct node *n)
{
	text_left(pr, n);
	print_constant(pr, "(");
	print_node(pr, n->a);
	print_constant(pr, ")");
}

static void numbered_left(struct printer *pr, const struct node *n)
{
	text_left(pr, n);
	if (n->c > 0)
		print_number(pr, n->c - 1);
}

static void two(struct printer *pr, const struct node *n, const char *between)
{
	print_node(pr, n->a);
	print_constant(pr, between);
	print_node(pr, n->b);
}

static void qualified_left(struct printer *pr, const struct node *n)
{
	two(pr, n, "::");
}

static void construction_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "construction vtable for ");
	two(pr, n, "-in-");
}

static void vendor_left(struct printer *pr, const struct node *n)
{
	two(pr, n, " ");
}

static void requires_left(struct printer *pr, const struct node *n)
{
	two(pr, n, " requires ");
}

static void module_entity_left(struct printer *pr, const struct node *n)
{
	two(pr, n, "@");
}

static void tagged_left(struct printer *pr, const struct node *n)
{
	two(pr, n, "[abi:");
	print_constant(pr, "]");
}

static void enable_if_left(struct printer *pr, const struct node *n)
{
	two(pr, n, " [enable_if:");
	print_constant(pr, "]");
}

static void module_left(struct printer *pr, const struct node *n)
{
	two(pr, n, n->flags & FLAG_PARTITION ? ":" : n->a ? "." : "");
}

static void method_left(struct printer *pr, const struct node *n)
{
	print_node(pr, n->a);
	print_qualifiers(pr, n->b, 0);
	if (n->flags & FLAG_LREF)
		print_constant(pr, " &");
	else if (n->flags & FLAG_RREF)
		print_constant(pr, " &&");
}

static void template_left(struct printer *pr, const struct node *n)
{
	print_node(pr, n->a);
	if (!pr->style.has_template_args)
		return;
	if (print_last(pr) == '<')
		print_constant(pr, " ");
	print_constant(pr, "<");
	print_list(pr, n->b);
	if (print_last(pr) == '>')
		print_constant(pr, " ");
	print_constant(pr, ">");
}

static void first_left(struct printer *pr, const struct node *n)
{
	print_node(pr, n->a);
}

static void list_left(struct printer *pr, const struct node *n)
{
	print_list(pr, (uint32_t)(n - pr->p->nodes));
}

static void pack_left(struct printer *pr, const struct node *n)
{
	print_list(pr, n->a);
}

static void dtor_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "~");
	print_node(pr, n->a);
}

static void operator_left(struct printer *pr, const struct node *n)
{
	size_t n_bytes = n->n_text;

	print_constant(pr, "operator");
	if (n_bytes > 0 && n->text[0] >= 'a' && n->text[0] <= 'z')
		print_constant(pr, " ");
	if (n_bytes > 0 && n->text[n_bytes - 1] == ' ')
		n_bytes--;
	print_text(pr, n->text, n_bytes);
}

static void literal_operator_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "operator\"\" ");
	print_node(pr, n->a);
}

static void cast_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "operator ");
	print_node(pr, n->a);
}

static void bindings_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "[");
	print_list(pr, n->a);
	print_constant(pr, "]");
}

static void default_argument_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "{default arg#");
	print_number(pr, n->c);
	print_constant(pr, "}::");
	print_node(pr, n->a);
}

/* The list of a lambda's template parameters; what constrains them comes last and after it. */
static void print_heads(struct printer *pr, uint32_t list)
{
	const char *before = "<";
	uint32_t i;

	for (i = list; i != 0 && print_may_go_on(pr); i = at(pr, i)->b) {
		const struct node *head = at(pr, at(pr, i)->a);

		if (head->kind == NODE_REQUIRES && head->a == 0)
			break;
		print_constant(pr, before);
		print_node(pr, at(pr, i)->a);
		before = ", ";
	}
	if (list != 0 && i != list)
		print_constant(pr, ">");
	if (i == 0)
		return;
	print_node(pr, at(pr, i)->a);
	print_constant(pr, " ");
}

void print_closure_signature(struct printer *pr, const struct node *closure)
{
	const struct node *params = at(pr, closure->a);
	bool is_constrained = params->kind == NODE_REQUIRES;

	print_heads(pr, closure->b);
	print_constant(pr, "(");
	print_list(pr, is_constrained ? params->a : closure->a);
	print_constant(pr, ")");
	if (!is_constrained)
		return;
	print_constant(pr, " requires ");
	print_node(pr, params->b);
}

static void closure_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "{lambda");
	print_closure_signature(pr, n);
	print_constant(pr, "#");
	print_number(pr, n->c);
	print_constant(pr, "}");
}

static void unnamed_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "{unnamed type#");
	print_number(pr, n->c);
	print_constant(pr, "}");
}

static void auto_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "auto:");
	print_number(pr, (int64_t)n->c + 1);
}

static void decltype_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "decltype (");
	print_node(pr, n->a);
	print_constant(pr, ")");
}

static void fixed_left(struct printer *pr, const struct node *n)
{
	const struct node *base = at(pr, n->a);

	if (n->flags & FLAG_SATURATED)
		print_constant(pr, "_Sat ");
	if (base->kind != NODE_BUILTIN || base->c != 'i') {
		print_node(pr, n->a);
		print_constant(pr, " ");
	}
	print_constant(pr, n->flags & FLAG_ACCUM ? "_Accum" : "_Fract");
}

static void head_type_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "typename ");
	print_node(pr, n->a);
}

static void head_value_left(struct printer *pr, const struct node *n)
{
	print_node(pr, n->b);
	print_constant(pr, " ");
	print_node(pr, n->a);
}

static void head_template_left(struct printer *pr, const struct node *n)
{
	print_constant(pr, "template<");
	print_list(pr, n->b);
	print_constant(pr, "> typename ");
	print_node(pr, n->a);
}

static void head_pack_left(struct printer *pr, const struct node *n)
{
	const struct node *head = at(pr, n->a);

	if (head->kind == NODE_HEAD_TYPE) {
		print_constant(pr, "typename ...");
		print_node(pr, head->a);
		return;
	}
	if (head->kind == NODE_HEAD_VALUE && !(head->flags & FLAG_TYPE))
		print_node(pr, head->b); /* it would need no name */
	else
		print_node(pr, n->a);
	print_constant(pr, "...");
}

typedef void left_function(struct printer *pr, const struct node *n);

static left_function *const lefts[NODE_KINDS] = {
	[NODE_LIST] = list_left,
	[NODE_NAME] = text_left,
	[NODE_BUILTIN] = text_left,
	[NODE_QUALIFIED] = qualified_left,
	[NODE_LOCAL] = qualified_left,
	[NODE_METHOD] = method_left,
	[NODE_ENCODING] = print_encoding,
	[NODE_TEMPLATE] = template_left,
	[NODE_AUTO] = auto_left,
	[NODE_TAGGED] = tagged_left,
	[NODE_CTOR] = first_left,
	[NODE_DTOR] = dtor_left,
	[NODE_OPERATOR] = operator_left,
	[NODE_LITERAL_OPERATOR] = literal_operator_left,
	[NODE_CAST] = cast_left,
	[NODE_PREFIXED] = prefixed_left,
	[NODE_CONSTRUCTION_VTABLE] = construction_left,
	[NODE_ENABLE_IF] = enable_if_left,
	[NODE_REQUIRES] = requires_left,
	[NODE_MODULE] = module_left,
	[NODE_MODULE_ENTITY] = module_entity_left,
	[NODE_BINDINGS] = bindings_left,
	[NODE_DEFAULT_ARGUMENT] = default_argument_left,
	[NODE_CLOSURE] = closure_left,
	[NODE_UNNAMED] = unnamed_left,
	[NODE_NUMBERED] = numbered_left,
	[NODE_CV] = print_cv,
	[NODE_POINTER] = print_pointer,
	[NODE_LREF] = print_reference,
	[NODE_RREF] = print_reference,
	[NODE_SUFFIXED] = suffixed_left,
	[NODE_VENDOR] = vendor_left,
	[NODE_FUNCTION] = print_function,
	[NODE_ARRAY] = print_array,
	[NODE_VECTOR] = print_vector,
	[NODE_MEMBER_POINTER] = print_member_pointer,
	[NODE_CALL_LIKE] = call_like_left,
	[NODE_DECLTYPE] = decltype_left,
	[NODE_FIXED] = fixed_left,
	[NODE_PACK] = pack_left,
	[NODE_EXPANSION] = print_expansion,
	[NODE_HEAD_TYPE] = head_type_left,
	[NODE_HEAD_VALUE] = head_value_left,
	[NODE_HEAD_TEMPLATE] = head_template_left,
	[NODE_HEAD_PACK] = head_pack_left,
};

void print_left(struct printer *pr, uint32_t node)
{
	int32_t pack_index = pr->pack_index;
	const struct node *n;

	if (node != 0 && itanium_enter(pr->p)) {
		n = at(pr, node);
		if (n->kind == NODE_PARAM) {
			node = print_resolve(pr, node, &pack_index);
			print_half(pr, node, pack_index, true);
		} else if (lefts[n->kind]) {
			lefts[n->kind](pr, n);
		} else {
			print_expression(pr, n);
		}
	}
	if (node != 0)
		itanium_leave(pr->p);
}

void print_node(struct printer *pr, uint32_t node)
{
	print_left(pr, node);
	print_right(pr, node);
}

size_t itanium_print(struct itanium *p, uint32_t root, const struct itanium_style *style, char *out,
		     size_t bytes_max)
{
	struct printer pr = {
		.p = p,
		.style = *style,
		.out = out,
		.bytes_max = bytes_max,
		.pack_index = -1,
	};

	p->depth = 0;
	p->n_steps = 0;
	print_node(&pr, root);
	return p->has_failed ? 0 : pr.n_bytes;
}
