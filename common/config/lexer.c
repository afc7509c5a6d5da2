#include "config/lexer.h"

#include <string.h>

/* Returns the byte @ahead of the cursor, or NUL, which no text has, behind the end. */
static char peek(const struct config_lexer *lexer, uint32_t ahead)
{
	size_t at = (size_t)lexer->at + ahead;

	return at < lexer->end ? lexer->source->text.data[at] : '\0';
}

static struct config_span span_from(const struct config_lexer *lexer, uint32_t start)
{
	return (struct config_span){start, lexer->at};
}

static bool at_end(const struct config_lexer *lexer)
{
	return lexer->at >= lexer->end;
}

/* Reads the character at the cursor without moving; returns its length. */
static uint32_t read_character(const struct config_lexer *lexer, uint32_t *ret_character)
{
	*ret_character = 0;
	return (uint32_t)config_utf8_read(lexer->source->text.data + lexer->at,
					  lexer->end - lexer->at, ret_character);
}

int config_source_check(const struct config_source *source, struct config_diagnostics *diagnostics)
{
	const struct config_text *text = &source->text;
	uint32_t character;
	size_t n;

	if (text->n_bytes > CONFIG_SOURCE_BYTES_MAX) {
		config_error(diagnostics, (struct config_span){0, 0},
			     "the text has more than %zu bytes, the most that are read",
			     CONFIG_SOURCE_BYTES_MAX);
		return CONFIG_REFUSED;
	}
	for (size_t at = 0; at < text->n_bytes; at += n) {
		struct config_span here = {(uint32_t)at, (uint32_t)at + 1};

		n = config_utf8_read(text->data + at, text->n_bytes - at, &character);
		if (n == 0)
			config_error(diagnostics, here,
				     "byte 0x%02x is not UTF-8, the text must be UTF-8",
				     (unsigned char)text->data[at]);
		else if (character == 0)
			config_error(diagnostics, here, "found a NUL byte, a text has none");
		else if (character == 0xfeff && at > config_source_extent(source, here.start).start)
			config_error(diagnostics, here,
				     "found a byte order mark, it may stand at the start only");
		n = n ? n : 1;
		if (diagnostics->n_errors >= CONFIG_DIAGNOSTICS_MAX)
			break;
	}
	return diagnostics->n_errors > 0 ? CONFIG_REFUSED : 0;
}

void config_lexer_init(struct config_lexer *lexer, const struct config_source *source,
		       uint32_t start, struct config_diagnostics *diagnostics)
{
	uint32_t end = config_source_extent(source, start).end;

	*lexer = (struct config_lexer){source, diagnostics, start, end, false};
	if (end - start >= 3 && memcmp(source->text.data + start, "\xef\xbb\xbf", 3) == 0)
		lexer->at += 3;
}

/* Skips a block comment; returns whether it spans lines, which counts as a newline. */
static bool skip_block_comment(struct config_lexer *lexer)
{
	uint32_t start = lexer->at;
	bool spans_lines = false;

	for (lexer->at += 2; !at_end(lexer); lexer->at++) {
		if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
			lexer->at += 2;
			return spans_lines;
		}
		spans_lines |= peek(lexer, 0) == '\n';
	}
	config_error(lexer->diagnostics, (struct config_span){start, start + 2},
		     "this comment has no end, close it with */");
	return spans_lines;
}

/* Also what was meant as one, so that its words are not read as statements. */
static void skip_line_comment(struct config_lexer *lexer)
{
	if (peek(lexer, 0) == '#')
		config_error(lexer->diagnostics, (struct config_span){lexer->at, lexer->at + 1},
			     "found #, a comment begins with //");
	while (!at_end(lexer) && peek(lexer, 0) != '\n')
		lexer->at++;
}

/* Skips blanks and comments; returns whether one of them ends a statement that can end. */
static bool skip_blanks(struct config_lexer *lexer)
{
	for (;;) {
		char c = peek(lexer, 0);

		if (c == '\n' && lexer->terminator_due)
			return true;
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			lexer->at++;
		} else if (c == '#' || (c == '/' && peek(lexer, 1) == '/')) {
			skip_line_comment(lexer);
		} else if (c == '/' && peek(lexer, 1) == '*') {
			if (skip_block_comment(lexer) && lexer->terminator_due)
				return true;
		} else {
			return false;
		}
	}
}

static enum config_token_kind read_word(struct config_lexer *lexer)
{
	struct config_text word = {lexer->source->text.data + lexer->at, 0};
	uint32_t character, n, start = lexer->at;

	for (;;) {
		n = read_character(lexer, &character);
		if (n == 0 || (!config_is_letter(character) && !config_is_digit(character) &&
			       character != '_'))
			break;
		lexer->at += n;
	}
	word.n_bytes = lexer->at - start;
	if (config_text_equals(word, "true"))
		return CONFIG_TOKEN_TRUE;
	if (config_text_equals(word, "false"))
		return CONFIG_TOKEN_FALSE;
	if (config_text_equals(word, "null"))
		return CONFIG_TOKEN_NULL;
	return CONFIG_TOKEN_IDENTIFIER;
}

static bool skip_digits(struct config_lexer *lexer)
{
	uint32_t start = lexer->at;

	while (peek(lexer, 0) >= '0' && peek(lexer, 0) <= '9')
		lexer->at++;
	return lexer->at > start;
}

static enum config_token_kind read_number(struct config_lexer *lexer)
{
	enum config_token_kind kind = CONFIG_TOKEN_NUMBER;
	uint32_t start = lexer->at;

	(void)skip_digits(lexer); /* none before a leading point */
	if (peek(lexer, 0) == '.') {
		kind = CONFIG_TOKEN_FLOAT;
		lexer->at++;
		(void)skip_digits(lexer); /* "1." is a float */
	}
	if (peek(lexer, 0) != 'e' && peek(lexer, 0) != 'E')
		return kind;
	lexer->at++;
	if (peek(lexer, 0) == '+' || peek(lexer, 0) == '-')
		lexer->at++;
	if (skip_digits(lexer))
		return CONFIG_TOKEN_FLOAT;
	config_error(lexer->diagnostics, span_from(lexer, start),
		     "this number's exponent has no digits, write for example 1e3");
	return CONFIG_TOKEN_ILLEGAL;
}

static enum config_token_kind read_string(struct config_lexer *lexer)
{
	uint32_t start = lexer->at++;

	while (!at_end(lexer) && peek(lexer, 0) != '\n') {
		char c = peek(lexer, 0);

		lexer->at++;
		if (c == '"')
			return CONFIG_TOKEN_STRING;
		if (c == '\\' && !at_end(lexer) && peek(lexer, 0) != '\n')
			lexer->at++;
	}
	config_error(lexer->diagnostics, (struct config_span){start, start + 1},
		     "this string does not end on its line, close it with \" "
		     "(a string between back-quotes may span lines)");
	return CONFIG_TOKEN_ILLEGAL;
}

static enum config_token_kind read_raw_string(struct config_lexer *lexer)
{
	uint32_t start = lexer->at++;

	while (!at_end(lexer) && peek(lexer, 0) != '`')
		lexer->at++;
	if (!at_end(lexer)) {
		lexer->at++;
		return CONFIG_TOKEN_RAW_STRING;
	}
	config_error(lexer->diagnostics, (struct config_span){start, start + 1},
		     "this raw string has no end, close it with a back-quote");
	return CONFIG_TOKEN_ILLEGAL;
}

struct spelling {
	char text[3];
	enum config_token_kind kind;
};

/* Two characters before one. */
static const struct spelling spellings[] = {
	{"||", CONFIG_TOKEN_OR},         {"&&", CONFIG_TOKEN_AND},
	{"==", CONFIG_TOKEN_EQUAL},      {"!=", CONFIG_TOKEN_NOT_EQUAL},
	{"<=", CONFIG_TOKEN_LESS_EQUAL}, {">=", CONFIG_TOKEN_GREATER_EQUAL},
	{"<", CONFIG_TOKEN_LESS},        {">", CONFIG_TOKEN_GREATER},
	{"+", CONFIG_TOKEN_ADD},         {"-", CONFIG_TOKEN_SUB},
	{"*", CONFIG_TOKEN_MUL},         {"/", CONFIG_TOKEN_DIV},
	{"%", CONFIG_TOKEN_MOD},         {"^", CONFIG_TOKEN_POW},
	{"!", CONFIG_TOKEN_NOT},         {"=", CONFIG_TOKEN_ASSIGN},
	{".", CONFIG_TOKEN_DOT},         {",", CONFIG_TOKEN_COMMA},
	{"(", CONFIG_TOKEN_LPAREN},      {")", CONFIG_TOKEN_RPAREN},
	{"[", CONFIG_TOKEN_LBRACKET},    {"]", CONFIG_TOKEN_RBRACKET},
	{"{", CONFIG_TOKEN_LBRACE},      {"}", CONFIG_TOKEN_RBRACE},
};

static void report_stranger(struct config_lexer *lexer, struct config_span span)
{
	const char *text = lexer->source->text.data + span.start;
	int n = (int)(span.end - span.start);

	if (*text == '\'')
		config_error(lexer->diagnostics, span,
			     "found a single quote, strings stand between double quotes");
	else if (*text == '&' || *text == '|')
		config_error(lexer->diagnostics, span, "found %c, the operator is %c%c", *text,
			     *text, *text);
	else if (*text == ';')
		config_error(lexer->diagnostics, span, "found ;, a statement ends with its line");
	else
		config_error(lexer->diagnostics, span,
			     "found %.*s, which means nothing in this language", n, text);
}

static enum config_token_kind read_symbol(struct config_lexer *lexer)
{
	uint32_t character, start = lexer->at;

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		const char *text = spellings[i].text;

		if (peek(lexer, 0) == text[0] && (text[1] == '\0' || peek(lexer, 1) == text[1])) {
			lexer->at += text[1] == '\0' ? 1 : 2;
			return spellings[i].kind;
		}
	}
	lexer->at += read_character(lexer, &character);
	report_stranger(lexer, span_from(lexer, start));
	return CONFIG_TOKEN_ILLEGAL;
}

static enum config_token_kind read_token(struct config_lexer *lexer)
{
	char c = peek(lexer, 0), following = peek(lexer, 1);
	uint32_t character;

	if (at_end(lexer))
		return CONFIG_TOKEN_END;
	if ((c >= '0' && c <= '9') || (c == '.' && following >= '0' && following <= '9'))
		return read_number(lexer);
	if (c == '"')
		return read_string(lexer);
	if (c == '`')
		return read_raw_string(lexer);
	(void)read_character(lexer, &character); /* cannot fail: the text was checked */
	if (config_is_letter(character) || c == '_')
		return read_word(lexer);
	return read_symbol(lexer);
}

static bool can_end_statement(enum config_token_kind kind)
{
	switch (kind) {
	case CONFIG_TOKEN_ILLEGAL: /* so that the parser finds its way again on the next line */
	case CONFIG_TOKEN_IDENTIFIER:
	case CONFIG_TOKEN_TRUE:
	case CONFIG_TOKEN_FALSE:
	case CONFIG_TOKEN_NULL:
	case CONFIG_TOKEN_NUMBER:
	case CONFIG_TOKEN_FLOAT:
	case CONFIG_TOKEN_STRING:
	case CONFIG_TOKEN_RAW_STRING:
	case CONFIG_TOKEN_RPAREN:
	case CONFIG_TOKEN_RBRACKET:
	case CONFIG_TOKEN_RBRACE:
		return true;
	default:
		return false;
	}
}

struct config_token config_lexer_next(struct config_lexer *lexer)
{
	struct config_token token = {.kind = CONFIG_TOKEN_TERMINATOR};
	uint32_t line_end = lexer->at;

	if (skip_blanks(lexer) || (lexer->terminator_due && at_end(lexer))) {
		lexer->terminator_due = false;
		token.span = (struct config_span){line_end, line_end};
		return token;
	}
	token.span.start = lexer->at;
	token.kind = read_token(lexer);
	token.span.end = lexer->at;
	lexer->terminator_due = can_end_statement(token.kind);
	return token;
}
