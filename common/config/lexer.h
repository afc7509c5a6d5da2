#pragma once
/*
 * Configuration text to tokens.
 *
 * A newline ends a statement only after a token that can end one (identifier, literal, closing
 * bracket) and is then a token of its own; others are blank, as are comments. A lexer is a cursor:
 * it holds nothing that needs freeing.
 */
#include <stdbool.h>

#include "config/diagnostics.h"
#include "config/source.h"

enum config_token_kind {
	CONFIG_TOKEN_END,
	CONFIG_TOKEN_TERMINATOR, /* the newline, or the end of the text, that ends a statement */
	CONFIG_TOKEN_ILLEGAL,    /* already said in the diagnostics */
	CONFIG_TOKEN_IDENTIFIER,
	CONFIG_TOKEN_TRUE,
	CONFIG_TOKEN_FALSE,
	CONFIG_TOKEN_NULL,
	CONFIG_TOKEN_NUMBER,
	CONFIG_TOKEN_FLOAT,
	CONFIG_TOKEN_STRING,
	CONFIG_TOKEN_RAW_STRING,
	CONFIG_TOKEN_OR,
	CONFIG_TOKEN_AND,
	CONFIG_TOKEN_EQUAL,
	CONFIG_TOKEN_NOT_EQUAL,
	CONFIG_TOKEN_LESS,
	CONFIG_TOKEN_LESS_EQUAL,
	CONFIG_TOKEN_GREATER,
	CONFIG_TOKEN_GREATER_EQUAL,
	CONFIG_TOKEN_ADD,
	CONFIG_TOKEN_SUB,
	CONFIG_TOKEN_MUL,
	CONFIG_TOKEN_DIV,
	CONFIG_TOKEN_MOD,
	CONFIG_TOKEN_POW,
	CONFIG_TOKEN_NOT,
	CONFIG_TOKEN_ASSIGN,
	CONFIG_TOKEN_DOT,
	CONFIG_TOKEN_COMMA,
	CONFIG_TOKEN_LPAREN,
	CONFIG_TOKEN_RPAREN,
	CONFIG_TOKEN_LBRACKET,
	CONFIG_TOKEN_RBRACKET,
	CONFIG_TOKEN_LBRACE,
	CONFIG_TOKEN_RBRACE,
};

struct config_token {
	enum config_token_kind kind;
	struct config_span span; /* of a terminator: empty, where it stands */
};

struct config_lexer {
	const struct config_source *source;     /* borrowed */
	struct config_diagnostics *diagnostics; /* borrowed */
	uint32_t at;
	uint32_t end;        /* of the file */
	bool terminator_due; /* a newline here would end a statement */
};

/*
 * Starts at the beginning of a file of @source, which is at @start, behind a byte order mark. The
 * text must be what config_source_check() let pass.
 */
void config_lexer_init(struct config_lexer *lexer, const struct config_source *source,
		       uint32_t start, struct config_diagnostics *diagnostics);

/*
 * Is the text at most CONFIG_SOURCE_BYTES_MAX long, UTF-8, and without NUL, and a byte order mark
 * nowhere but at the start of a file? Says where not. Returns 0 or CONFIG_REFUSED.
 */
int config_source_check(const struct config_source *source,
			struct config_diagnostics *diagnostics) warn_unused_result;

/* At the end of the text it returns CONFIG_TOKEN_END again and again. */
struct config_token config_lexer_next(struct config_lexer *lexer);
