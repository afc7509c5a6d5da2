#include "config/parser.h"

#include <string.h>

#include "config/cursor.h"
#include "config/literal.h"

/* Where the lists of a body go on. */
struct body_ends {
	const struct config_attribute **attributes;
	const struct config_block **blocks;
	bool *is_damaged;
};

static bool parse_body(struct config_cursor *p, uint32_t n_open, struct body_ends *ends);

static struct body_ends ends_of(struct config_body *body)
{
	return (struct body_ends){&body->attributes, &body->blocks, &body->is_damaged};
}

/* Reads a label, if there is one. A wrong one is said and kept, so that its block is read on. */
static bool parse_label(struct config_cursor *p, struct config_block *block)
{
	struct config_value label;

	if (!config_cursor_is(p, CONFIG_TOKEN_STRING))
		return true;
	if (config_literal_value(p->source, p->token, p->diagnostics, &label) != 0)
		return false;
	block->label = label.text;
	block->label_span = p->token.span;
	if (label.text.n_bytes > 0 && !config_is_identifier(label.text))
		config_error(p->diagnostics, p->token.span,
			     "the label \"%s\" is no identifier, use letters, digits and _, and no "
			     "digit first",
			     label.text.data);
	config_cursor_advance(p);
	return true;
}

static struct config_block *parse_block(struct config_cursor *p, struct config_span name_span)
{
	struct config_block *block = config_arena_alloc(p->arena, sizeof(*block));
	struct body_ends ends;
	uint32_t n_open = p->n_open;

	if (!block)
		return NULL;
	block->name = config_cursor_copy(p, name_span);
	block->name_span = name_span;
	block->label = (struct config_text)CONFIG_TEXT("");
	if (!parse_label(p, block))
		return NULL;
	if (!config_cursor_is(p, CONFIG_TOKEN_LBRACE)) {
		(void)config_cursor_refuse(
			p, block->label.n_bytes > 0
				   ? "`{`"
				   : "`=` and a value, or `{` and the body of a block");
		return NULL;
	}
	if (!config_cursor_open(p))
		return NULL;
	ends = ends_of(&block->body);
	if (!parse_body(p, n_open + 1, &ends))
		return NULL;
	if (config_cursor_accept(p, CONFIG_TOKEN_RBRACE))
		return block;
	if (!p->is_lost)
		config_error(p->diagnostics, name_span, "this block has no end, close it with `}`");
	p->is_lost = true;
	return NULL;
}

static struct config_attribute *parse_attribute(struct config_cursor *p,
						struct config_span name_span)
{
	struct config_attribute *attribute = config_arena_alloc(p->arena, sizeof(*attribute));
	struct config_text name = config_cursor_text(p, name_span);

	if (!attribute)
		return NULL;
	config_cursor_advance(p); /* the `=` */
	if (memchr(name.data, '.', name.n_bytes)) {
		config_error(p->diagnostics, name_span,
			     "the name of an attribute has no dots, only that of a block");
		return NULL;
	}
	attribute->name = config_cursor_copy(p, name_span);
	attribute->name_span = name_span;
	attribute->value = config_cursor_expression(p);
	return attribute->value ? attribute : NULL;
}

static bool parse_statement(struct config_cursor *p, struct body_ends *ends)
{
	struct config_span name = p->token.span;
	struct config_attribute *attribute;
	struct config_block *block;

	if (!config_cursor_accept(p, CONFIG_TOKEN_IDENTIFIER))
		return config_cursor_refuse(p, "the name of an attribute or block");
	while (config_cursor_accept(p, CONFIG_TOKEN_DOT)) {
		name.end = p->token.span.end;
		if (!config_cursor_accept(p, CONFIG_TOKEN_IDENTIFIER))
			return config_cursor_refuse(p, "a name after `.`");
	}
	if (config_cursor_is(p, CONFIG_TOKEN_ASSIGN)) {
		attribute = parse_attribute(p, name);
		if (!attribute)
			return false;
		*ends->attributes = attribute;
		ends->attributes = &attribute->next;
		return true;
	}
	block = parse_block(p, name);
	if (!block)
		return false;
	*ends->blocks = block;
	ends->blocks = &block->next;
	return true;
}

static bool ends_statement(const struct config_cursor *p)
{
	return config_cursor_is(p, CONFIG_TOKEN_TERMINATOR) ||
	       config_cursor_is(p, CONFIG_TOKEN_RBRACE) || config_cursor_is(p, CONFIG_TOKEN_END);
}

/* A statement is followed by the end of its line; 15s for "15s" is what people write instead. */
static bool finish_statement(struct config_cursor *p)
{
	if (ends_statement(p))
		return true;
	if (config_cursor_is(p, CONFIG_TOKEN_IDENTIFIER) && p->token.span.start == p->last_end)
		return config_cursor_refuse(
			p, "the end of the line (a duration is a string: \"15s\")");
	return config_cursor_refuse(p, "the end of the line");
}

/* Passes over what is left of a statement: up to its line's end outside of brackets it opened. */
static void recover(struct config_cursor *p, uint32_t n_open)
{
	while (!config_cursor_is(p, CONFIG_TOKEN_END)) {
		if (p->n_open <= n_open && ends_statement(p)) {
			p->n_open = n_open;
			return;
		}
		config_cursor_advance(p);
	}
	p->is_lost |= p->n_open > n_open;
}

/* Reads statements up to the `}` or the end of the text that ends them. */
static bool parse_body(struct config_cursor *p, uint32_t n_open, struct body_ends *ends)
{
	while (!config_cursor_is(p, CONFIG_TOKEN_END) &&
	       !config_cursor_is(p, CONFIG_TOKEN_RBRACE)) {
		if (p->arena->error)
			return false;
		if (config_cursor_accept(p, CONFIG_TOKEN_TERMINATOR))
			continue;
		if (!parse_statement(p, ends) || !finish_statement(p)) {
			*ends->is_damaged = true;
			recover(p, n_open);
		}
	}
	return true;
}

static int result_of(const struct config_cursor *p, size_t n_errors_before)
{
	if (p->arena->error)
		return p->arena->error;
	return p->diagnostics->n_errors > n_errors_before ? CONFIG_REFUSED : 0;
}

static void parse_file(struct config_cursor *p, struct body_ends *ends)
{
	while (parse_body(p, 0, ends) && !config_cursor_is(p, CONFIG_TOKEN_END)) {
		config_error(p->diagnostics, p->token.span, "found `}`, but no block is open here");
		*ends->is_damaged = true;
		config_cursor_advance(p);
	}
}

int config_parse(const struct config_source *source, struct config_diagnostics *diagnostics,
		 struct config_body *ret_body)
{
	size_t n_errors = diagnostics->n_errors;
	struct config_body body = {NULL, NULL, false};
	struct body_ends ends = ends_of(&body);
	struct config_cursor p = {.arena = diagnostics->arena, .diagnostics = diagnostics};
	uint32_t end = 0;
	int r = config_source_check(source, diagnostics);

	body.is_damaged = r != 0;
	for (uint32_t start = 0; r == 0 && start <= source->text.n_bytes; start = end + 1) {
		end = config_source_extent(source, start).end;
		config_cursor_init(&p, source, start, diagnostics);
		parse_file(&p, &ends);
	}
	r = result_of(&p, n_errors);
	if (r >= 0)
		*ret_body = body;
	return r;
}

int config_parse_expression(const struct config_source *source,
			    struct config_diagnostics *diagnostics,
			    const struct config_expression **ret_expression)
{
	size_t n_errors = diagnostics->n_errors;
	const struct config_expression *e;
	struct config_cursor p;
	int r = config_source_check(source, diagnostics);

	if (r != 0)
		return r;
	config_cursor_init(&p, source, 0, diagnostics);
	e = config_cursor_expression(&p);
	if (e) {
		(void)config_cursor_accept(&p, CONFIG_TOKEN_TERMINATOR);
		if (!config_cursor_is(&p, CONFIG_TOKEN_END))
			(void)config_cursor_refuse(&p, "the end of the expression");
	}
	r = result_of(&p, n_errors);
	if (r == 0)
		*ret_expression = e;
	return r;
}
