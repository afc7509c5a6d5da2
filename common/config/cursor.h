#pragma once
/*
 * The parser's place in the tokens, one ahead, and the half of it that reads expressions.
 * Internal to the parser: parser.c reads statements with it, expression.c what stands behind `=`.
 */
#include "config/tree.h"

struct config_cursor {
	struct config_lexer lexer;
	struct config_token token; /* the next one, not consumed */
	const struct config_source *source;
	struct config_diagnostics *diagnostics;
	struct config_arena *arena;
	uint32_t last_end; /* of the token before it */
	uint32_t n_open;   /* brackets and blocks that enclose the token */
	bool is_lost;      /* the end of the text came while looking for the next statement */
};

/* At the first token of the file that starts at @start. */
void config_cursor_init(struct config_cursor *p, const struct config_source *source, uint32_t start,
			struct config_diagnostics *diagnostics);

/* Consumes the token. */
void config_cursor_advance(struct config_cursor *p);

bool config_cursor_is(const struct config_cursor *p, enum config_token_kind kind);

/* Consumes the token when it is of @kind. */
bool config_cursor_accept(struct config_cursor *p, enum config_token_kind kind);

/* Consumes an opening bracket, unless too many enclose it: then that is reported. */
bool config_cursor_open(struct config_cursor *p);

/* Reports what was found in place of @expected. Always false, for the caller to return. */
bool config_cursor_refuse(struct config_cursor *p, const char *expected);

/* The text of @span, borrowed from the source; the copy has a NUL, and is in the arena. */
struct config_text config_cursor_text(const struct config_cursor *p, struct config_span span);
struct config_text config_cursor_copy(struct config_cursor *p, struct config_span span);

/* Reads one expression. Returns it, or NULL: reported, or the arena has failed. */
const struct config_expression *config_cursor_expression(struct config_cursor *p);
