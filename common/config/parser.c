#include "config/parser.h"

#include <string.h>

#include "config/literal.h"

#define PRECEDENCE_HIGHEST 6

struct parser {
	struct config_lexer lexer;
	struct config_token token; /* the next one, not consumed */
	const struct config_source *source;
	struct config_diagnostics *diagnostics;
	struct config_arena *arena;
	uint32_t last_end; /* of the token before it */
	uint32_t n_open;   /* brackets and blocks that enclose the token */
	bool is_lost;      /* the end of the text came while looking for the next statement */
};

static const struct config_expression *parse_expression(struct parser *p);

static void advance(struct parser *p)
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

static bool next_is(const struct parser *p, enum config_token_kind kind)
{
	return p->token.kind == kind;
}

/* Consumes the token when it is of @kind. */
static bool accept(struct parser *p, enum config_token_kind kind)
{
	if (!next_is(p, kind))
		return false;
	advance(p);
	return true;
}

static struct config_text token_text(const struct parser *p, struct config_span span)
{
	return (struct config_text){p->source->text.data + span.start, span.end - span.start};
}

/* Says what was found in place of @expected. Always false, for the caller to return. */
static bool refuse(struct parser *p, const char *expected)
{
	struct config_text text = token_text(p, p->token.span);
	int n = text.n_bytes > 64 ? 64 : (int)text.n_bytes;

	if (next_is(p, CONFIG_TOKEN_ILLEGAL))
		return false; /* the lexer has said it */
	if (next_is(p, CONFIG_TOKEN_END))
		config_error(p->diagnostics, p->token.span,
			     "found the end of the text, expected %s", expected);
	else if (next_is(p, CONFIG_TOKEN_TERMINATOR))
		config_error(p->diagnostics, p->token.span,
			     "found the end of the line, expected %s", expected);
	else if (next_is(p, CONFIG_TOKEN_STRING) || next_is(p, CONFIG_TOKEN_RAW_STRING))
		config_error(p->diagnostics, p->token.span, "found a string, expected %s",
			     expected);
	else
		config_error(p->diagnostics, p->token.span, "found `%.*s`, expected %s", n,
			     text.data, expected);
	return false;
}

/* Consumes an opening bracket, unless too many enclose it. */
static bool open_bracket(struct parser *p)
{
	if (p->n_open >= CONFIG_NESTING_MAX) {
		config_error(p->diagnostics, p->token.span,
			     "this is nested more than %u levels deep, the most that is read",
			     CONFIG_NESTING_MAX);
		return false;
	}
	advance(p);
	return true;
}

static struct config_expression *new_expression(struct parser *p, enum config_expression_kind kind,
						struct config_span span)
{
	struct config_expression *e = config_arena_alloc(p->arena, sizeof(*e));

	if (e) {
		e->kind = kind;
		e->span = span;
	}
	return e;
}

static struct config_text copy_text(struct parser *p, struct config_span span)
{
	struct config_text text = token_text(p, span);

	text.data = config_arena_copy(p->arena, text.data, text.n_bytes);
	return text;
}

/* Reads expressions up to @closing, whose opening bracket is consumed; consumes it, too. */
static bool parse_items(struct parser *p, enum config_token_kind closing,
			const struct config_expression **ret_items, size_t *ret_n_items)
{
	const char *expected =
		closing == CONFIG_TOKEN_RBRACKET
			? "`,` or `]` (a comma also follows the last element when the "
			  "bracket closes on another line)"
			: "`,` or `)` (a comma also follows the last argument when the "
			  "bracket closes on another line)";
	const struct config_expression **end = ret_items, *item;
	size_t n_items = 0;

	*ret_items = NULL;
	while (!next_is(p, closing)) {
		item = parse_expression(p);
		if (!item)
			return false;
		*end = item;
		/* The node is ours until the parser returns it. */
		end = (const struct config_expression **)&((struct config_expression *)item)->next;
		n_items++;
		if (!accept(p, CONFIG_TOKEN_COMMA) && !next_is(p, closing))
			return refuse(p, expected);
	}
	advance(p);
	*ret_n_items = n_items;
	return true;
}

static const struct config_expression *parse_list(struct parser *p)
{
	struct config_expression *e = new_expression(p, CONFIG_LIST, p->token.span);

	if (!e || !open_bracket(p) ||
	    !parse_items(p, CONFIG_TOKEN_RBRACKET, &e->list.items, &e->list.n_items))
		return NULL;
	return e;
}

/* Reads `key = value`. */
static struct config_entry *parse_entry(struct parser *p)
{
	struct config_entry *entry = config_arena_alloc(p->arena, sizeof(*entry));
	struct config_value key;

	if (!entry)
		return NULL;
	entry->key_span = p->token.span;
	if (next_is(p, CONFIG_TOKEN_IDENTIFIER)) {
		entry->key = copy_text(p, p->token.span);
	} else if (next_is(p, CONFIG_TOKEN_STRING)) {
		if (config_literal_value(p->source, p->token, p->diagnostics, &key) != 0)
			return NULL;
		entry->key = key.text;
	} else {
		(void)refuse(p, "a key (an identifier or a string) or `}`");
		return NULL;
	}
	advance(p);
	if (!accept(p, CONFIG_TOKEN_ASSIGN)) {
		(void)refuse(p, "`=` and the value of this key");
		return NULL;
	}
	entry->value = parse_expression(p);
	return entry->value ? entry : NULL;
}

static const struct config_expression *parse_map(struct parser *p)
{
	struct config_expression *e = new_expression(p, CONFIG_MAP, p->token.span);
	const struct config_entry **end;
	struct config_entry *entry;

	if (!e || !open_bracket(p))
		return NULL;
	end = &e->map.entries;
	while (!next_is(p, CONFIG_TOKEN_RBRACE)) {
		entry = parse_entry(p);
		if (!entry)
			return NULL;
		*end = entry;
		end = &entry->next;
		e->map.n_entries++;
		if (!accept(p, CONFIG_TOKEN_COMMA) && !next_is(p, CONFIG_TOKEN_RBRACE)) {
			(void)refuse(p, "`,` or `}` (a comma also follows the last value when the "
					"brace closes on another line)");
			return NULL;
		}
	}
	advance(p);
	return e;
}

static const struct config_expression *parse_literal(struct parser *p)
{
	struct config_expression *e = new_expression(p, CONFIG_LITERAL, p->token.span);

	if (!e || config_literal_value(p->source, p->token, p->diagnostics, &e->literal) != 0)
		return NULL;
	advance(p);
	return e;
}

static const struct config_expression *parse_parenthesis(struct parser *p)
{
	const struct config_expression *e;

	if (!open_bracket(p))
		return NULL;
	e = parse_expression(p);
	if (e && !accept(p, CONFIG_TOKEN_RPAREN)) {
		(void)refuse(p, "`)`");
		return NULL;
	}
	return e;
}

static const struct config_expression *parse_primary(struct parser *p)
{
	struct config_expression *e;

	switch (p->token.kind) {
	case CONFIG_TOKEN_TRUE:
	case CONFIG_TOKEN_FALSE:
	case CONFIG_TOKEN_NULL:
	case CONFIG_TOKEN_NUMBER:
	case CONFIG_TOKEN_FLOAT:
	case CONFIG_TOKEN_STRING:
	case CONFIG_TOKEN_RAW_STRING:
		return parse_literal(p);
	case CONFIG_TOKEN_IDENTIFIER:
		e = new_expression(p, CONFIG_NAME, p->token.span);
		if (e)
			e->name = copy_text(p, p->token.span);
		advance(p);
		return e;
	case CONFIG_TOKEN_LPAREN:
		return parse_parenthesis(p);
	case CONFIG_TOKEN_LBRACKET:
		return parse_list(p);
	case CONFIG_TOKEN_LBRACE:
		return parse_map(p);
	default:
		(void)refuse(p, "a value");
		return NULL;
	}
}

/* Reads what follows `.`, or what `[` and `(` enclose. */
static bool parse_suffix(struct parser *p, struct config_suffix *suffix)
{
	suffix->span = p->token.span;
	if (accept(p, CONFIG_TOKEN_DOT)) {
		if (!next_is(p, CONFIG_TOKEN_IDENTIFIER))
			return refuse(p, "a name after `.`");
		suffix->kind = CONFIG_MEMBER;
		suffix->span = p->token.span;
		suffix->name = copy_text(p, p->token.span);
		advance(p);
		return true;
	}
	if (next_is(p, CONFIG_TOKEN_LPAREN)) {
		suffix->kind = CONFIG_CALL;
		return open_bracket(p) && parse_items(p, CONFIG_TOKEN_RPAREN, &suffix->arguments,
						      &suffix->n_arguments);
	}
	suffix->kind = CONFIG_INDEX;
	suffix->n_arguments = 1;
	if (!open_bracket(p))
		return false;
	suffix->arguments = parse_expression(p);
	if (!suffix->arguments)
		return false;
	return accept(p, CONFIG_TOKEN_RBRACKET) || refuse(p, "`]`");
}

static const struct config_expression *parse_suffixed(struct parser *p)
{
	struct config_span span = p->token.span;
	const struct config_expression *operand = parse_primary(p);
	const struct config_suffix *first = NULL, **end = &first;
	struct config_expression *e;
	struct config_suffix *suffix;

	if (!operand)
		return NULL;
	while (next_is(p, CONFIG_TOKEN_DOT) || next_is(p, CONFIG_TOKEN_LBRACKET) ||
	       next_is(p, CONFIG_TOKEN_LPAREN)) {
		suffix = config_arena_alloc(p->arena, sizeof(*suffix));
		if (!suffix || !parse_suffix(p, suffix))
			return NULL;
		*end = suffix;
		end = &suffix->next;
	}
	if (!first)
		return operand;
	e = new_expression(p, CONFIG_SUFFIXED, span);
	if (!e)
		return NULL;
	e->suffixed.operand = operand;
	e->suffixed.suffixes = first;
	return e;
}

static const struct config_expression *parse_signed(struct parser *p)
{
	struct config_span span = p->token.span;
	const struct config_operator *innermost = NULL;
	const struct config_expression *operand;
	struct config_operator *op;
	struct config_expression *e;

	while (next_is(p, CONFIG_TOKEN_NOT) || next_is(p, CONFIG_TOKEN_SUB)) {
		op = config_arena_alloc(p->arena, sizeof(*op));
		if (!op)
			return NULL;
		*op = (struct config_operator){p->token.kind, p->token.span, innermost};
		innermost = op;
		advance(p);
	}
	operand = parse_suffixed(p);
	if (!operand || !innermost)
		return operand;
	e = new_expression(p, CONFIG_SIGNED, span);
	if (!e)
		return NULL;
	e->sign.operand = operand;
	e->sign.operators = innermost;
	return e;
}

static int precedence_of(enum config_token_kind kind)
{
	switch (kind) {
	case CONFIG_TOKEN_OR:
		return 1;
	case CONFIG_TOKEN_AND:
		return 2;
	case CONFIG_TOKEN_EQUAL:
	case CONFIG_TOKEN_NOT_EQUAL:
	case CONFIG_TOKEN_LESS:
	case CONFIG_TOKEN_LESS_EQUAL:
	case CONFIG_TOKEN_GREATER:
	case CONFIG_TOKEN_GREATER_EQUAL:
		return 3;
	case CONFIG_TOKEN_ADD:
	case CONFIG_TOKEN_SUB:
		return 4;
	case CONFIG_TOKEN_MUL:
	case CONFIG_TOKEN_DIV:
	case CONFIG_TOKEN_MOD:
		return 5;
	case CONFIG_TOKEN_POW:
		return PRECEDENCE_HIGHEST;
	default:
		return 0;
	}
}

/* Reads a chain of operators of @precedence; its operands bind tighter. */
static const struct config_expression *parse_chain(struct parser *p, int precedence)
{
	struct config_span span = p->token.span;
	const struct config_expression *first;
	struct config_expression *e;
	const struct config_term **end;
	struct config_term *term;

	if (precedence > PRECEDENCE_HIGHEST)
		return parse_signed(p);
	first = parse_chain(p, precedence + 1);
	if (!first || precedence_of(p->token.kind) != precedence)
		return first;
	e = new_expression(p, CONFIG_CHAIN, span);
	if (!e)
		return NULL;
	e->chain.first = first;
	end = &e->chain.terms;
	while (precedence_of(p->token.kind) == precedence) {
		term = config_arena_alloc(p->arena, sizeof(*term));
		if (!term)
			return NULL;
		term->kind = p->token.kind;
		term->span = p->token.span;
		advance(p);
		term->operand = parse_chain(p, precedence + 1);
		if (!term->operand)
			return NULL;
		*end = term;
		end = &term->next;
		e->chain.n_terms++;
	}
	return e;
}

static const struct config_expression *parse_expression(struct parser *p)
{
	return parse_chain(p, 1);
}

static bool parse_body(struct parser *p, uint32_t n_open, struct config_body *body);

/* Reads a label, if there is one. A wrong one is said and kept, so that its block is read on. */
static bool parse_label(struct parser *p, struct config_block *block)
{
	struct config_value label;

	if (!next_is(p, CONFIG_TOKEN_STRING))
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
	advance(p);
	return true;
}

static struct config_block *parse_block(struct parser *p, struct config_span name_span)
{
	struct config_block *block = config_arena_alloc(p->arena, sizeof(*block));
	uint32_t n_open = p->n_open;

	if (!block)
		return NULL;
	block->name = copy_text(p, name_span);
	block->name_span = name_span;
	block->label = (struct config_text)CONFIG_TEXT("");
	if (!parse_label(p, block))
		return NULL;
	if (!next_is(p, CONFIG_TOKEN_LBRACE)) {
		(void)refuse(p, block->label.n_bytes > 0
					? "`{`"
					: "`=` and a value, or `{` and the body of a block");
		return NULL;
	}
	if (!open_bracket(p))
		return NULL;
	if (!parse_body(p, n_open + 1, &block->body))
		return NULL;
	if (accept(p, CONFIG_TOKEN_RBRACE))
		return block;
	if (!p->is_lost)
		config_error(p->diagnostics, name_span, "this block has no end, close it with `}`");
	p->is_lost = true;
	return NULL;
}

static struct config_attribute *parse_attribute(struct parser *p, struct config_span name_span)
{
	struct config_attribute *attribute = config_arena_alloc(p->arena, sizeof(*attribute));
	struct config_text name = token_text(p, name_span);

	if (!attribute)
		return NULL;
	advance(p); /* the `=` */
	if (memchr(name.data, '.', name.n_bytes)) {
		config_error(p->diagnostics, name_span,
			     "the name of an attribute has no dots, only that of a block");
		return NULL;
	}
	attribute->name = copy_text(p, name_span);
	attribute->name_span = name_span;
	attribute->value = parse_expression(p);
	return attribute->value ? attribute : NULL;
}

/* Where the lists of a body go on. */
struct body_ends {
	const struct config_attribute **attributes;
	const struct config_block **blocks;
};

static bool parse_statement(struct parser *p, struct body_ends *ends)
{
	struct config_span name = p->token.span;
	struct config_attribute *attribute;
	struct config_block *block;

	if (!accept(p, CONFIG_TOKEN_IDENTIFIER))
		return refuse(p, "the name of an attribute or block");
	while (accept(p, CONFIG_TOKEN_DOT)) {
		name.end = p->token.span.end;
		if (!accept(p, CONFIG_TOKEN_IDENTIFIER))
			return refuse(p, "a name after `.`");
	}
	if (next_is(p, CONFIG_TOKEN_ASSIGN)) {
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

static bool ends_statement(const struct parser *p)
{
	return next_is(p, CONFIG_TOKEN_TERMINATOR) || next_is(p, CONFIG_TOKEN_RBRACE) ||
	       next_is(p, CONFIG_TOKEN_END);
}

/* A statement is followed by the end of its line; 15s for "15s" is what people write instead. */
static bool finish_statement(struct parser *p)
{
	if (ends_statement(p))
		return true;
	if (next_is(p, CONFIG_TOKEN_IDENTIFIER) && p->token.span.start == p->last_end)
		return refuse(p, "the end of the line (a duration is a string: \"15s\")");
	return refuse(p, "the end of the line");
}

/* Passes over what is left of a statement: up to its line's end outside of brackets it opened. */
static void recover(struct parser *p, uint32_t n_open)
{
	while (!next_is(p, CONFIG_TOKEN_END)) {
		if (p->n_open <= n_open && ends_statement(p)) {
			p->n_open = n_open;
			return;
		}
		advance(p);
	}
	p->is_lost |= p->n_open > n_open;
}

/* Reads statements up to the `}` or the end of the text that ends them. */
static bool parse_body(struct parser *p, uint32_t n_open, struct config_body *body)
{
	struct body_ends ends = {&body->attributes, &body->blocks};

	while (!next_is(p, CONFIG_TOKEN_END) && !next_is(p, CONFIG_TOKEN_RBRACE)) {
		if (p->arena->error)
			return false;
		if (accept(p, CONFIG_TOKEN_TERMINATOR))
			continue;
		if (!parse_statement(p, &ends) || !finish_statement(p))
			recover(p, n_open);
	}
	return true;
}

static void parser_init(struct parser *p, const struct config_source *source,
			struct config_diagnostics *diagnostics)
{
	*p = (struct parser){
		.source = source,
		.diagnostics = diagnostics,
		.arena = diagnostics->arena,
	};
	config_lexer_init(&p->lexer, source, diagnostics);
	p->token = config_lexer_next(&p->lexer);
}

static int result_of(const struct parser *p, size_t n_errors_before)
{
	if (p->arena->error)
		return p->arena->error;
	return p->diagnostics->n_errors > n_errors_before ? CONFIG_REFUSED : 0;
}

int config_parse(const struct config_source *source, struct config_diagnostics *diagnostics,
		 struct config_body *ret_body)
{
	size_t n_errors = diagnostics->n_errors;
	struct config_body body = {NULL, NULL};
	struct parser p;
	int r = config_source_check(source, diagnostics);

	if (r != 0)
		return r;
	parser_init(&p, source, diagnostics);
	while (parse_body(&p, 0, &body) && !next_is(&p, CONFIG_TOKEN_END)) {
		config_error(diagnostics, p.token.span, "found `}`, but no block is open here");
		advance(&p);
	}
	r = result_of(&p, n_errors);
	if (r == 0)
		*ret_body = body;
	return r;
}

int config_parse_expression(const struct config_source *source,
			    struct config_diagnostics *diagnostics,
			    const struct config_expression **ret_expression)
{
	size_t n_errors = diagnostics->n_errors;
	const struct config_expression *e;
	struct parser p;
	int r = config_source_check(source, diagnostics);

	if (r != 0)
		return r;
	parser_init(&p, source, diagnostics);
	e = parse_expression(&p);
	if (e) {
		(void)accept(&p, CONFIG_TOKEN_TERMINATOR);
		if (!next_is(&p, CONFIG_TOKEN_END))
			(void)refuse(&p, "the end of the expression");
	}
	r = result_of(&p, n_errors);
	if (r == 0)
		*ret_expression = e;
	return r;
}
