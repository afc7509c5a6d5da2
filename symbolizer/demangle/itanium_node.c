#include "demangle/itanium.h"

#include <string.h>

#define NUMBER_MAX 100000000

void itanium_begin(struct itanium *p, const char *text, size_t n_bytes)
{
	memset(p, 0, offsetof(struct itanium, templates));
	p->at = text;
	p->end = text + n_bytes;
	p->nodes[0] = (struct node){.kind = NODE_NOTHING};
	p->n_nodes = 1;
}

void itanium_fail(struct itanium *p)
{
	p->has_failed = true;
	p->at = p->end;
}

void itanium_expect(struct itanium *p, char c)
{
	if (itanium_peek(p, 0) == c && c)
		p->at++;
	else
		itanium_fail(p);
}

static uint32_t merge_targets(uint32_t left, uint32_t right)
{
	if (left == 0 || left == right)
		return right;
	return right == 0 ? left : TARGET_MIXED;
}

uint32_t itanium_node(struct itanium *p, enum node_kind kind, uint32_t a, uint32_t b)
{
	struct node *node = &p->nodes[p->n_nodes];

	if (p->n_nodes == ITANIUM_NODES_MAX || p->has_failed) {
		itanium_fail(p);
		return 0;
	}
	*node = (struct node){
		.kind = (uint8_t)kind,
		.target = merge_targets(p->nodes[a].target, p->nodes[b].target),
		.a = a,
		.b = b,
	};
	return p->n_nodes++;
}

void itanium_adopt(struct itanium *p, uint32_t parent, uint32_t child)
{
	if (parent == 0)
		return;
	p->nodes[parent].c = child;
	p->nodes[parent].flags |= FLAG_C_IS_NODE;
	p->nodes[parent].target = merge_targets(p->nodes[parent].target, p->nodes[child].target);
}

uint32_t itanium_node3(struct itanium *p, enum node_kind kind, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t node = itanium_node(p, kind, a, b);

	itanium_adopt(p, node, c);
	return node;
}

uint32_t itanium_text(struct itanium *p, enum node_kind kind, const char *text, size_t n_bytes)
{
	uint32_t node = itanium_node(p, kind, 0, 0);

	p->nodes[node].text = text;
	p->nodes[node].n_text = (uint32_t)n_bytes;
	return node;
}

uint32_t itanium_constant(struct itanium *p, enum node_kind kind, const char *text, uint32_t a)
{
	uint32_t node = itanium_node(p, kind, a, 0);

	p->nodes[node].text = text;
	p->nodes[node].n_text = (uint32_t)strlen(text);
	return node;
}

uint32_t itanium_number_node(struct itanium *p, enum node_kind kind, uint32_t number)
{
	uint32_t node = itanium_node(p, kind, 0, 0);

	p->nodes[node].c = number;
	return node;
}

void itanium_list_add(struct itanium *p, struct node_list *list, uint32_t element)
{
	uint32_t node = itanium_node(p, NODE_LIST, element, 0);

	if (node == 0)
		return;
	if (list->first == 0)
		list->first = node;
	else
		p->nodes[list->last].b = node;
	/* The list is what its first node is tied to. */
	p->nodes[list->first].target =
		merge_targets(p->nodes[list->first].target, p->nodes[element].target);
	list->last = node;
	list->n++;
}

uint32_t itanium_list_at(struct itanium *p, uint32_t list, uint32_t index)
{
	while (index-- > 0 && list != 0) {
		list = p->nodes[list].b;
		if (++p->n_steps > ITANIUM_STEPS_MAX)
			itanium_fail(p);
	}
	return p->nodes[list].a;
}

int32_t itanium_number(struct itanium *p)
{
	bool is_negative = itanium_eat(p, "n");
	int32_t value = 0;

	if (itanium_peek(p, 0) < '0' || itanium_peek(p, 0) > '9')
		itanium_fail(p);
	while (itanium_peek(p, 0) >= '0' && itanium_peek(p, 0) <= '9') {
		if (value > NUMBER_MAX)
			itanium_fail(p);
		else
			value = value * 10 + (*p->at++ - '0');
	}
	return is_negative ? -value : value;
}

uint32_t itanium_compact_number(struct itanium *p)
{
	int32_t value;

	if (itanium_eat(p, "_"))
		return 0;
	value = itanium_number(p);
	itanium_expect(p, '_');
	if (value < 0)
		itanium_fail(p);
	return p->has_failed ? 0 : (uint32_t)value + 1;
}

void itanium_sub_add(struct itanium *p, uint32_t node)
{
	if (p->n_subs == ITANIUM_SUBS_MAX || node == 0)
		itanium_fail(p);
	else
		p->subs[p->n_subs++] = node;
}
