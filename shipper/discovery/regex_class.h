#pragma once
/*
 * Private to shipper/discovery: what the two halves of the parser of regular expressions share.
 */
#include "regex_syntax.h"

#define REGEX_FOLDS     0x1u /* (?i) */
#define REGEX_LINES     0x2u /* (?m) */
#define REGEX_DOT_ALL   0x4u /* (?s), which is set from the start */
#define REGEX_LAZY      0x8u /* (?U) */
#define REGEX_NO_REPEAT SIZE_MAX

struct regex_parser {
	struct config_arena *arena; /* borrowed */
	struct config_text text;    /* with a NUL behind it */
	size_t at;
	uint32_t flags;
	uint32_t n_groups;
	uint32_t depth;
	const struct regex_name *names;
	struct regex_fault *fault;
};

/* A sequence that is being read. */
struct regex_sequence {
	struct regex_node **end;  /* where the next node goes */
	struct regex_node **last; /* where the last one stands, NULL before it */
	size_t repeat_start;      /* offset of a repeat that was read just before, or NO_REPEAT */
	bool is_repeat;           /* the item that was just read is one */
};

/* Reports the text from @start to where the parser is, or to the end. Returns REGEX_REFUSED. */
int regex_refuse(struct regex_parser *p, size_t start, const char *what, const char *expected);

bool regex_next_is(const struct regex_parser *p, const char *word);

/* Returns NULL when the arena fails. */
struct regex_node *regex_node_new(struct regex_parser *p, enum regex_kind kind);

/* Reads a class in brackets. Returns like regex_parse(). */
int regex_parse_class(struct regex_parser *p, struct regex_node **ret_node) warn_unused_result;

/* Reads \d, \pN and their like into @class, when one is next. Returns like regex_parse(). */
int regex_parse_class_escape(struct regex_parser *p, struct regex_node *class,
			     bool *ret_is_one) warn_unused_result;

/* Reads a backslash that stands for one character. Returns like regex_parse(). */
int regex_parse_escape(struct regex_parser *p, uint32_t *ret_character) warn_unused_result;
