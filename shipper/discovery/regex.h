#pragma once
/*
 * Regular expressions of relabel rules: RE2's syntax and Go's semantics on PCRE2, always matched
 * against the whole text, with `.` matching newlines too.
 *
 * An engine holds the expressions of one evaluation and bounds what matching them may cost: work
 * that grows with the text alone is free, whatever an expression needs beyond it (backtracking) is
 * taken from a budget that all of them share. Not for several threads.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/source.h"

#define REGEX_BYTES_MAX  32768u              /* of an expression */
#define REGEX_GROUPS_MAX 3000u               /* of an expression, those of its own included */
#define REGEX_STEPS_MAX  ((uint64_t)1 << 22) /* of one match: about 50 ms */
#define REGEX_HEAP_KIB   32768u              /* of one match */

struct regex_engine; /* opaque */
struct regex;        /* opaque; lives as long as its engine */

enum regex_outcome {
	REGEX_REFUSED = 1, /* the expression is none */
	REGEX_NO_MATCH,
	REGEX_LIMITED, /* it would need too many steps or too much memory */
};

struct regex_fault {
	char message[160]; /* "found …, expected …" */
};

/* A group that matched nothing has NULL as its data. Group 0 is the whole. */
struct regex_groups {
	const struct config_text *texts; /* borrowed until the engine's next match */
	size_t n_texts;
};

/*
 * Makes an engine whose matches may take @steps_max steps together beyond what is free.
 * The result is owned, freed with regex_engine_free(). Returns 0 or -ENOMEM.
 */
int regex_engine_new(uint64_t steps_max, struct regex_engine **ret_engine) warn_unused_result;
void regex_engine_free(struct regex_engine *engine); /* NULL is fine */

/* Adds to what matches may take. */
void regex_engine_grant(struct regex_engine *engine, uint64_t n_steps);

/* @text is copied. Returns 0, -ENOMEM, or REGEX_REFUSED with @ret_fault set. */
int regex_compile(struct regex_engine *engine, struct config_text text, struct regex **ret_regex,
		  struct regex_fault *ret_fault) warn_unused_result;

/*
 * Matches the whole of @subject, which is borrowed and may have any bytes: one that is no UTF-8
 * reads as U+FFFD, as in Go. @ret_groups may be NULL.
 * Returns 0, -ENOMEM, REGEX_NO_MATCH or REGEX_LIMITED.
 */
int regex_match(struct regex_engine *engine, const struct regex *regex, struct config_text subject,
		struct regex_groups *ret_groups) warn_unused_result;

/*
 * Appends @text to @out with $1, ${1}, $name and ${name} replaced by groups of a match, as Go's
 * Expand does: a name is as long as it can be, an unknown one is nothing, $$ is a dollar.
 */
void regex_expand(const struct regex *regex, const struct regex_groups *groups,
		  struct config_text text, struct bytes *out);
