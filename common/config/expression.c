#include "config/cursor.h"
#include "config/literal.h"

#define PRECEDENCE_HIGHEST 6

static struct config_expression *
new_expression(struct config_cursor *p, enum config_expression_kind kind, struct config_span span)
{
	struct config_expression *e = config_arena_alloc(p->arena, sizeof(*e));

	if (e) {
		e->kind = kind;
		e->span = span;
	}
	return e;
}

/* Reads expressions up to @closing, whose opening bracket is consumed; consumes it, too. */
static bool parse_items(struct config_cursor *p, enum config_token_kind closing,
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
	while (!config_cursor_is(p, closing)) {
		item = config_cursor_expression(p);
		if (!item)
			return false;
		*end = item;
		/* The node is ours until the parser returns it. */
		end = (const struct config_expression **)&((struct config_expression *)item)->next;
		n_items++;
		if (!config_cursor_accept(p, CONFIG_TOKEN_COMMA) && !config_cursor_is(p, closing))
			return config_cursor_refuse(p, expected);
	}
	config_cursor_advance(p);
	*ret_n_items = n_items;
	return true;
}

static const struct config_expression *parse_list(struct config_cursor *p)
{
	struct config_expression *e = new_expression(p, CONFIG_LIST, p->token.span);

	if (!e || !config_cursor_open(p) ||
	    !parse_items(p, CONFIG_TOKEN_RBRACKET, &e->list.items, &e->list.n_items))
		return NULL;
	return e;
}

/* Reads `key = value`. */
static struct config_entry *parse_entry(struct config_cursor *p)
{
	struct config_entry *entry = config_arena_alloc(p->arena, sizeof(*entry));
	struct config_value key;

	if (!entry)
		return NULL;
	entry->key_span = p->token.span;
	if (config_cursor_is(p, CONFIG_TOKEN_IDENTIFIER)) {
		entry->key = config_cursor_copy(p, p->token.span);
	} else if (config_cursor_is(p, CONFIG_TOKEN_STRING)) {
		if (config_literal_value(p->source, p->token, p->diagnostics, &key) != 0)
			return NULL;
		entry->key = key.text;
	} else {
		(void)config_cursor_refuse(p, "a key (an identifier or a string) or `}`");
		return NULL;
	}
	config_cursor_advance(p);
	if (!config_cursor_accept(p, CONFIG_TOKEN_ASSIGN)) {
		(void)config_cursor_refuse(p, "`=` and the value of this key");
		return NULL;
	}
	entry->value = config_cursor_expression(p);
	return entry->value ? entry : NULL;
}

static const struct config_expression *parse_map(struct config_cursor *p)
{
	struct config_expression *e = new_expression(p, CONFIG_MAP, p->token.span);
	const struct config_entry **end;
	struct config_entry *entry;

	if (!e || !config_cursor_open(p))
		return NULL;
	end = &e->map.entries;
	while (!config_cursor_is(p, CONFIG_TOKEN_RBRACE)) {
		entry = parse_entry(p);
		if (!entry)
			return NULL;
		*end = entry;
		end = &entry->next;
		e->map.n_entries++;
		if (!config_cursor_accept(p, CONFIG_TOKEN_COMMA) &&
		    !config_cursor_is(p, CONFIG_TOKEN_RBRACE)) {
			(void)config_cursor_refuse(
				p, "`,` or `}` (a comma also follows the last value when the "
				   "brace closes on another line)");
			return NULL;
		}
	}
	config_cursor_advance(p);
	return e;
}

static const struct config_expression *parse_literal(struct config_cursor *p)
{
	struct config_expression *e = new_expression(p, CONFIG_LITERAL, p->token.span);

	if (!e || config_literal_value(p->source, p->token, p->diagnostics, &e->literal) != 0)
		return NULL;
	config_cursor_advance(p);
	return e;
}

static const struct config_expression *parse_parenthesis(struct config_cursor *p)
{
	const struct config_expression *e;

	if (!config_cursor_open(p))
		return NULL;
	e = config_cursor_expression(p);
	if (e && !config_cursor_accept(p, CONFIG_TOKEN_RPAREN)) {
		(void)config_cursor_refuse(p, "`)`");
		return NULL;
	}
	return e;
}

static const struct config_expression *parse_primary(struct config_cursor *p)
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
			e->name = config_cursor_copy(p, p->token.span);
		config_cursor_advance(p);
		return e;
	case CONFIG_TOKEN_LPAREN:
		return parse_parenthesis(p);
	case CONFIG_TOKEN_LBRACKET:
		return parse_list(p);
	case CONFIG_TOKEN_LBRACE:
		return parse_map(p);
	default:
		(void)config_cursor_refuse(p, "a value");
		return NULL;
	}
}

/* Reads what follows `.`, or what `[` and `(` enclose. */
static bool parse_suffix(struct config_cursor *p, struct config_suffix *suffix)
{
	suffix->span = p->token.span;
	if (config_cursor_accept(p, CONFIG_TOKEN_DOT)) {
		if (!config_cursor_is(p, CONFIG_TOKEN_IDENTIFIER))
			return config_cursor_refuse(p, "a name after `.`");
		suffix->kind = CONFIG_MEMBER;
		suffix->span = p->token.span;
		suffix->name = config_cursor_copy(p, p->token.span);
		config_cursor_advance(p);
		return true;
	}
	if (config_cursor_is(p, CONFIG_TOKEN_LPAREN)) {
		suffix->kind = CONFIG_CALL;
		return config_cursor_open(p) &&
		       parse_items(p, CONFIG_TOKEN_RPAREN, &suffix->arguments,
				   &suffix->n_arguments);
	}
	suffix->kind = CONFIG_INDEX;
	suffix->n_arguments = 1;
	if (!config_cursor_open(p))
		return false;
	suffix->arguments = config_cursor_expression(p);
	if (!suffix->arguments)
		return false;
	return config_cursor_accept(p, CONFIG_TOKEN_RBRACKET) || config_cursor_refuse(p, "`]`");
}

static const struct config_expression *parse_suffixed(struct config_cursor *p)
{
	struct config_span span = p->token.span;
	const struct config_expression *operand = parse_primary(p);
	const struct config_suffix *first = NULL, **end = &first;
	struct config_expression *e;
	struct config_suffix *suffix;

	if (!operand)
		return NULL;
	while (config_cursor_is(p, CONFIG_TOKEN_DOT) ||
	       config_cursor_is(p, CONFIG_TOKEN_LBRACKET) ||
	       config_cursor_is(p, CONFIG_TOKEN_LPAREN)) {
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

static const struct config_expression *parse_signed(struct config_cursor *p)
{
	struct config_span span = p->token.span;
	const struct config_operator *innermost = NULL;
	const struct config_expression *operand;
	struct config_operator *op;
	struct config_expression *e;

	while (config_cursor_is(p, CONFIG_TOKEN_NOT) || config_cursor_is(p, CONFIG_TOKEN_SUB)) {
		op = config_arena_alloc(p->arena, sizeof(*op));
		if (!op)
			return NULL;
		*op = (struct config_operator){p->token.kind, p->token.span, innermost};
		innermost = op;
		config_cursor_advance(p);
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
static const struct config_expression *parse_chain(struct config_cursor *p, int precedence)
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
		config_cursor_advance(p);
		term->operand = parse_chain(p, precedence + 1);
		if (!term->operand)
			return NULL;
		*end = term;
		end = &term->next;
		e->chain.n_terms++;
	}
	return e;
}

const struct config_expression *config_cursor_expression(struct config_cursor *p)
{
	return parse_chain(p, 1);
}
