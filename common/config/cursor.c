#include "config/cursor.h"

void config_cursor_init(struct config_cursor *p, const struct config_source *source, uint32_t start,
			struct config_diagnostics *diagnostics)
{
	*p = (struct config_cursor){
		.source = source,
		.diagnostics = diagnostics,
		.arena = diagnostics->arena,
	};
	config_lexer_init(&p->lexer, source, start, diagnostics);
	p->token = config_lexer_next(&p->lexer);
}

void config_cursor_advance(struct config_cursor *p)
{
	switch (p->token.kind) {
	case CONFIG_TOKEN_LPAREN:
	case CONFIG_TOKEN_LBRACKET:
	case CONFIG_TOKEN_LBRACE:
		p->n_open++;
		break;
	case CONFIG_TOKEN_RPAREN:
	case CONFIG_TOKEN_RBRACKET:
	case CONFIG_TOKEN_RBRACE:
		p->n_open -= p->n_open > 0;
		break;
	default:
		break;
	}
	p->last_end = p->token.span.end;
	p->token = config_lexer_next(&p->lexer);
}

bool config_cursor_is(const struct config_cursor *p, enum config_token_kind kind)
{
	return p->token.kind == kind;
}

bool config_cursor_accept(struct config_cursor *p, enum config_token_kind kind)
{
	if (!config_cursor_is(p, kind))
		return false;
	config_cursor_advance(p);
	return true;
}

struct config_text config_cursor_text(const struct config_cursor *p, struct config_span span)
{
	return (struct config_text){p->source->text.data + span.start, span.end - span.start};
}

bool config_cursor_refuse(struct config_cursor *p, const char *expected)
{
	struct config_text text = config_cursor_text(p, p->token.span);
	int n = text.n_bytes > 64 ? 64 : (int)text.n_bytes;

	if (config_cursor_is(p, CONFIG_TOKEN_ILLEGAL))
		return false; /* the lexer has said it */
	if (config_cursor_is(p, CONFIG_TOKEN_END))
		config_error(p->diagnostics, p->token.span,
			     "found the end of the text, expected %s", expected);
	else if (config_cursor_is(p, CONFIG_TOKEN_TERMINATOR))
		config_error(p->diagnostics, p->token.span,
			     "found the end of the line, expected %s", expected);
	else if (config_cursor_is(p, CONFIG_TOKEN_STRING) ||
		 config_cursor_is(p, CONFIG_TOKEN_RAW_STRING))
		config_error(p->diagnostics, p->token.span, "found a string, expected %s",
			     expected);
	else
		config_error(p->diagnostics, p->token.span, "found `%.*s`, expected %s", n,
			     text.data, expected);
	return false;
}

bool config_cursor_open(struct config_cursor *p)
{
	if (p->n_open >= CONFIG_NESTING_MAX) {
		config_error(p->diagnostics, p->token.span,
			     "this is nested more than %u levels deep, the most that is read",
			     CONFIG_NESTING_MAX);
		return false;
	}
	config_cursor_advance(p);
	return true;
}

struct config_text config_cursor_copy(struct config_cursor *p, struct config_span span)
{
	struct config_text text = config_cursor_text(p, span);

	text.data = config_arena_copy(p->arena, text.data, text.n_bytes);
	return text;
}
