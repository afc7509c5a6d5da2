#pragma once
/*
 * What the two halves of the printer share: names and types (itanium_print.c), expressions
 * (itanium_print_expression.c). A declarator stands around what it declares, so every node prints
 * what comes before (left) and, if it is a type of that kind, what comes after (right).
 */
#include "demangle/itanium.h"

struct printer {
	struct itanium *p;
	struct itanium_style style;
	char *out;
	size_t n_bytes;
	size_t bytes_max;
	int32_t pack_index; /* which element of packs an expansion is at; -1: none */
};

void print_text(struct printer *pr, const char *text, size_t n_bytes);
void print_number(struct printer *pr, int64_t number);

static inline void print_constant(struct printer *pr, const char *text)
{
	print_text(pr, text, strlen(text));
}

static inline char print_last(const struct printer *pr)
{
	return pr->n_bytes > 0 ? pr->out[pr->n_bytes - 1] : '\0';
}

/* Counts a step; false once there were too many, or something else failed. */
static inline bool print_may_go_on(struct printer *pr)
{
	if (++pr->p->n_steps > ITANIUM_STEPS_MAX)
		itanium_fail(pr->p);
	return !pr->p->has_failed;
}

void print_node(struct printer *pr, uint32_t node); /* left and right */
void print_left(struct printer *pr, uint32_t node);
void print_list(struct printer *pr, uint32_t list); /* what shows as nothing has no comma */
void print_closure_signature(struct printer *pr, const struct node *closure);

/* The node that a template parameter stands for; @pack_index goes with it. */
uint32_t print_resolve(struct printer *pr, uint32_t node, int32_t *pack_index);

/* The first pack that the pattern at @node refers to; 0: none. */
uint32_t print_find_pack(struct printer *pr, uint32_t node);
uint32_t print_list_length(struct printer *pr, uint32_t list);

/* itanium_print_type.c: declarators, and the functions that encodings are. */
void print_right(struct printer *pr, uint32_t node);
void print_half(struct printer *pr, uint32_t node, int32_t pack_index, bool is_left);
void print_qualifiers(struct printer *pr, uint32_t list, uint32_t unlike); /* not those in it */
void print_pointer(struct printer *pr, const struct node *n);
void print_reference(struct printer *pr, const struct node *n);
void print_member_pointer(struct printer *pr, const struct node *n);
void print_cv(struct printer *pr, const struct node *n);
void print_function(struct printer *pr, const struct node *n);
void print_encoding(struct printer *pr, const struct node *n);
void print_array(struct printer *pr, const struct node *n);
void print_vector(struct printer *pr, const struct node *n);

/* Prints what is no name and no type. */
void print_expression(struct printer *pr, const struct node *node);
void print_parenthesized(struct printer *pr, uint32_t node);
