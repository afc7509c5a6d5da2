#pragma once
/*
 * The inside of the C++ (Itanium ABI) demangler: a tree that the grammar's functions build from a
 * mangled name, and what prints it. Nobody but demangle.c and itanium_*.c includes this.
 *
 * Names are chosen by others, so nothing here trusts them: nodes, substitutions, steps, depth and
 * output are counted, and over a bound the name has failed, like one that is no mangled name. After
 * a failure every read sees the end, so the functions below simply run out; whoever asked looks at
 * has_failed.
 *
 * Template parameters are tied to the template whose arguments they stand for while they are read.
 * A substitution means the same parameter of the template that is current where it stands: such a
 * subtree is copied with its parameters tied anew, unless they are tied there already.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "demangle/itanium_node.h"

#define ITANIUM_NODES_MAX     32768u
#define ITANIUM_SUBS_MAX      4096u
#define ITANIUM_TEMPLATES_MAX 256u
#define ITANIUM_FORWARD_MAX   64u
#define ITANIUM_DEPTH_MAX     512u
#define ITANIUM_STEPS_MAX     (UINT32_C(1) << 18)

struct itanium {
	const char *at;
	const char *end;
	bool has_failed;
	bool is_constraint; /* parameters stay as they are written */
	bool is_in_lambda;
	uint32_t depth;
	uint32_t n_steps;
	uint32_t n_nodes;
	uint32_t n_subs;
	uint32_t n_templates;
	uint32_t templates_base;   /* of the encoding at hand */
	uint32_t lambda_head;      /* a template, or 0 */
	uint32_t arguments_so_far; /* of the list being read: a template */
	uint32_t n_forward;
	uint32_t n_named[3]; /* template parameters without arguments: types, values, templates */
	uint32_t templates[ITANIUM_TEMPLATES_MAX]; /* 0: a conversion's, known later */
	uint32_t forward[ITANIUM_FORWARD_MAX];     /* parameters that wait for it */
	uint32_t subs[ITANIUM_SUBS_MAX];
	struct node nodes[ITANIUM_NODES_MAX]; /* 0 is NODE_NOTHING */
};

/* How a tree is printed. */
struct itanium_style {
	bool has_params;           /* of the function itself */
	bool has_enclosing_params; /* of functions around local names */
	bool has_template_args;
};

/* itanium_node.c: nodes, and what reads single characters. */
void itanium_begin(struct itanium *p, const char *text, size_t n_bytes);
void itanium_fail(struct itanium *p);
void itanium_expect(struct itanium *p, char c);
uint32_t itanium_node(struct itanium *p, enum node_kind kind, uint32_t a, uint32_t b);
uint32_t itanium_node3(struct itanium *p, enum node_kind kind, uint32_t a, uint32_t b, uint32_t c);
uint32_t itanium_text(struct itanium *p, enum node_kind kind, const char *text, size_t n_bytes);
uint32_t itanium_constant(struct itanium *p, enum node_kind kind, const char *text, uint32_t a);
uint32_t itanium_number_node(struct itanium *p, enum node_kind kind, uint32_t number);
void itanium_adopt(struct itanium *p, uint32_t parent, uint32_t child);
void itanium_list_add(struct itanium *p, struct node_list *list, uint32_t element);
uint32_t itanium_list_at(struct itanium *p, uint32_t list, uint32_t index); /* 0: no such one */
int32_t itanium_number(struct itanium *p);
uint32_t itanium_compact_number(struct itanium *p); /* "_" is 0, "0_" is 1, … */
void itanium_sub_add(struct itanium *p, uint32_t node);

/* What is called for every character; enter, one level deeper, is always paired with leave. */
static inline bool itanium_enter(struct itanium *p)
{
	if (++p->depth > ITANIUM_DEPTH_MAX || ++p->n_steps > ITANIUM_STEPS_MAX)
		itanium_fail(p);
	return !p->has_failed;
}

static inline void itanium_leave(struct itanium *p)
{
	p->depth--;
}

static inline char itanium_peek(const struct itanium *p, size_t ahead)
{
	return ahead < (size_t)(p->end - p->at) ? p->at[ahead] : '\0';
}

static inline bool itanium_eat(struct itanium *p, const char *text)
{
	size_t n_bytes = strlen(text);

	if ((size_t)(p->end - p->at) < n_bytes || memcmp(p->at, text, n_bytes) != 0)
		return false;
	p->at += n_bytes;
	return true;
}

/* itanium_encoding.c */
uint32_t itanium_encoding(struct itanium *p, bool has_params, bool is_local);
uint32_t itanium_special_name(struct itanium *p);

/* itanium_name.c */
uint32_t itanium_module_name(struct itanium *p, uint32_t parent); /* @parent where there is none */
uint32_t itanium_name(struct itanium *p);
uint32_t itanium_unqualified_name(struct itanium *p, uint32_t module, uint32_t *ret_cast);
uint32_t itanium_source_name(struct itanium *p);
uint32_t itanium_closure(struct itanium *p);
uint32_t itanium_unnamed_type(struct itanium *p);

/* itanium_template.c */
uint32_t itanium_substitution(struct itanium *p, bool is_prefix);
uint32_t itanium_template_args(struct itanium *p); /* a list */
uint32_t itanium_template_arg(struct itanium *p);
uint32_t itanium_template_param(struct itanium *p);
uint32_t itanium_template_head(struct itanium *p, uint32_t *ret_name); /* 0: there is none */
void itanium_tie_forward(struct itanium *p, uint32_t n_before, uint32_t to_template);

/* itanium_type.c */
extern const char itanium_nullptr[]; /* the text of that one type */
uint32_t itanium_type(struct itanium *p, bool is_cast);
uint32_t itanium_qualifiers(struct itanium *p);
uint32_t itanium_parameters(struct itanium *p);
uint32_t itanium_bare_function(struct itanium *p, bool has_return);

/* itanium_expression.c */
uint32_t itanium_expression(struct itanium *p);
uint32_t itanium_literal(struct itanium *p);
uint32_t itanium_constraint(struct itanium *p);
uint32_t itanium_operator(struct itanium *p, bool is_expression);

/*
 * itanium_print.c: writes the tree at @root to @out. Returns how many bytes that took, or 0: it is
 * more than @bytes_max, or the tree is too deep or too much work.
 */
size_t itanium_print(struct itanium *p, uint32_t root, const struct itanium_style *style, char *out,
		     size_t bytes_max);
