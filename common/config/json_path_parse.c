#include "config/json_path_tree.h"

#include <string.h>

#include "config/diagnostics.h"

struct parsing {
	struct config_text path;
	size_t at;
	unsigned n_steps;
	unsigned depth;
	struct config_arena *arena;
	const char *fault; /* what was expected where it stopped; NULL: nothing is wrong */
};

static const struct json_step *parse_steps(struct parsing *p);
static const struct json_filter *parse_or(struct parsing *p);

/* The byte @ahead of the place, or NUL at the end. */
static char peek(const struct parsing *p, size_t ahead)
{
	return p->at + ahead < p->path.n_bytes ? p->path.data[p->at + ahead] : '\0';
}

static bool fail(struct parsing *p, const char *expected)
{
	p->fault = p->fault ? p->fault : expected;
	return false;
}

static void skip_blanks(struct parsing *p)
{
	while (peek(p, 0) == ' ' || peek(p, 0) == '\t' || peek(p, 0) == '\n')
		p->at++;
}

static bool accept(struct parsing *p, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(p);
	if (p->path.n_bytes - p->at < n || memcmp(p->path.data + p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

static bool is_name_byte(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static void *allocate(struct parsing *p, size_t n_bytes)
{
	void *memory = config_arena_alloc(p->arena, n_bytes);

	if (!memory)
		(void)fail(p, "memory");
	return memory;
}

static struct json_step *new_step(struct parsing *p, enum json_step_kind kind)
{
	struct json_step *step = allocate(p, sizeof(*step));

	if (++p->n_steps > CONFIG_JSON_PATH_STEPS_MAX)
		(void)fail(p, "fewer steps");
	if (step)
		*step = (struct json_step){.kind = kind, .stride = 1};
	return p->fault ? NULL : step;
}

static bool parse_name(struct parsing *p, struct config_text *ret_name)
{
	size_t start = p->at;

	while (is_name_byte(peek(p, 0)))
		p->at++;
	if (p->at == start)
		return fail(p, "a name");
	ret_name->n_bytes = p->at - start;
	ret_name->data = config_arena_copy(p->arena, p->path.data + start, ret_name->n_bytes);
	return ret_name->data || fail(p, "memory");
}

/* Between quotes; a backslash takes the next character as it is. */
static bool parse_quoted(struct parsing *p, struct config_text *ret_text)
{
	char *text = allocate(p, p->path.n_bytes - p->at + 1), quote = peek(p, 0);
	size_t n = 0;

	if (!text)
		return false;
	for (p->at++; p->at < p->path.n_bytes && peek(p, 0) != quote; p->at++) {
		if (peek(p, 0) == '\\' && p->at + 1 < p->path.n_bytes)
			p->at++;
		text[n++] = peek(p, 0);
	}
	if (p->at == p->path.n_bytes)
		return fail(p, "a closing quote");
	p->at++;
	*ret_text = (struct config_text){text, n};
	return true;
}

static bool is_number_byte(char c)
{
	return (c >= '0' && c <= '9') || c == '-';
}

static bool parse_whole(struct parsing *p, int64_t *ret_whole)
{
	bool is_negative = peek(p, 0) == '-';
	size_t start = p->at += is_negative;
	uint64_t whole;

	while (peek(p, 0) >= '0' && peek(p, 0) <= '9')
		p->at++;
	if (config_parse_uint((struct config_text){p->path.data + start, p->at - start}, &whole) !=
		    0 ||
	    whole > INT32_MAX)
		return fail(p, "a whole number");
	*ret_whole = is_negative ? -(int64_t)whole : (int64_t)whole;
	return true;
}

/* An index, or `start:end:stride`, each of which may be missing. */
static struct json_step *parse_index(struct parsing *p)
{
	struct json_step *step = new_step(p, JSON_STEP_INDEX);

	if (!step)
		return NULL;
	step->has_start = is_number_byte(peek(p, 0));
	if (step->has_start && !parse_whole(p, &step->start))
		return NULL;
	if (!accept(p, ":"))
		return step;
	step->kind = JSON_STEP_SLICE;
	skip_blanks(p);
	step->has_end = is_number_byte(peek(p, 0));
	if (step->has_end && !parse_whole(p, &step->end))
		return NULL;
	if (!accept(p, ":"))
		return step;
	skip_blanks(p);
	if (is_number_byte(peek(p, 0)) && !parse_whole(p, &step->stride))
		return NULL;
	return step;
}

static struct json_step *parse_filter_step(struct parsing *p)
{
	struct json_step *step = new_step(p, JSON_STEP_FILTER);

	if (step)
		step->filter = parse_or(p);
	return p->fault ? NULL : step;
}

static struct json_step *parse_alternative(struct parsing *p)
{
	struct json_step *step;
	char c;

	skip_blanks(p);
	c = peek(p, 0);
	if (accept(p, "*"))
		return new_step(p, JSON_STEP_ALL);
	if (accept(p, "?"))
		return parse_filter_step(p);
	if (is_number_byte(c) || c == ':')
		return parse_index(p);
	if (c != '"' && c != '\'') {
		(void)fail(p, "a name in quotes, an index, * or ?");
		return NULL;
	}
	step = new_step(p, JSON_STEP_NAME);
	return step && parse_quoted(p, &step->name) ? step : NULL;
}

/* What stands in brackets, the opening one of which is read. */
static struct json_step *parse_bracket(struct parsing *p)
{
	struct json_step *first = parse_alternative(p), *last = first;

	while (last && accept(p, ",")) {
		struct json_step *other = parse_alternative(p);

		last->other = other;
		last = other;
	}
	if (last && !accept(p, "]"))
		(void)fail(p, "]");
	return p->fault ? NULL : first;
}

static struct json_step *parse_dotted(struct parsing *p)
{
	struct json_step *step;

	if (peek(p, 0) == '*') {
		p->at++;
		return new_step(p, JSON_STEP_ALL);
	}
	step = new_step(p, JSON_STEP_NAME);
	return step && parse_name(p, &step->name) ? step : NULL;
}

static struct json_step *parse_step(struct parsing *p)
{
	if (peek(p, 0) == '[') {
		p->at++;
		return parse_bracket(p);
	}
	if (peek(p, 0) == '.' && peek(p, 1) == '.') {
		p->at += 1 + (peek(p, 2) == '['); /* the second dot begins the next step */
		return new_step(p, JSON_STEP_DESCENT);
	}
	p->at++;
	return parse_dotted(p);
}

/* As many steps as follow one another. */
static const struct json_step *parse_steps(struct parsing *p)
{
	const struct json_step *first = NULL, **end = &first;

	while (!p->fault && (peek(p, 0) == '.' || peek(p, 0) == '[')) {
		struct json_step *step = parse_step(p);

		if (!step)
			break;
		*end = step;
		end = &step->next;
	}
	return first;
}

static struct json_filter *new_filter(struct parsing *p, enum json_filter_kind kind)
{
	struct json_filter *filter = allocate(p, sizeof(*filter));

	if (filter)
		filter->kind = kind;
	return filter;
}

static bool parse_number(struct parsing *p, struct config_value *ret_value)
{
	size_t start = p->at;
	struct config_text text;

	while (is_number_byte(peek(p, 0)) || peek(p, 0) == '.' || peek(p, 0) == 'e' ||
	       peek(p, 0) == 'E' || peek(p, 0) == '+')
		p->at++;
	text.n_bytes = p->at - start;
	text.data = config_arena_copy(p->arena, p->path.data + start, text.n_bytes);
	if (!text.data)
		return fail(p, "memory");
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = text};
	if (config_value_to_number(ret_value, &ret_value->number) != 0)
		return fail(p, "a number");
	ret_value->type = CONFIG_NUMBER;
	return true;
}

static bool parse_literal(struct parsing *p, struct config_value *ret_value)
{
	char c = peek(p, 0);

	if (c == '"' || c == '\'') {
		ret_value->type = CONFIG_STRING;
		return parse_quoted(p, &ret_value->text);
	}
	if (is_number_byte(c))
		return parse_number(p, ret_value);
	if (accept(p, "null"))
		*ret_value = (struct config_value){.type = CONFIG_NULL};
	else if (accept(p, "true"))
		*ret_value = (struct config_value){.type = CONFIG_BOOL, .boolean = true};
	else if (accept(p, "false"))
		*ret_value = (struct config_value){.type = CONFIG_BOOL, .boolean = false};
	else
		return fail(p, "@, $, a string, a number, true, false or null");
	return true;
}

static const struct json_filter *parse_operand(struct parsing *p)
{
	const struct json_filter *inner;
	struct json_filter *filter;

	skip_blanks(p);
	if (++p->depth > CONFIG_JSON_PATH_DEPTH_MAX)
		(void)fail(p, "fewer levels");
	filter = p->fault ? NULL : new_filter(p, JSON_FILTER_VALUE);
	if (!filter)
		return NULL;
	if (accept(p, "(")) {
		inner = parse_or(p);
		if (inner && !accept(p, ")"))
			(void)fail(p, ")");
		p->depth--;
		return p->fault ? NULL : inner;
	}
	if (accept(p, "!")) {
		filter->kind = JSON_FILTER_NOT;
		filter->left = parse_operand(p);
	} else if (peek(p, 0) == '@' || peek(p, 0) == '$') {
		filter->kind = JSON_FILTER_PATH;
		filter->from_root = peek(p, 0) == '$';
		p->at++;
		filter->path = parse_steps(p);
	} else {
		(void)parse_literal(p, &filter->value);
	}
	p->depth--;
	return p->fault ? NULL : filter;
}

/* Makes one of two. NULL when one of them is missing. */
static const struct json_filter *combine(struct parsing *p, enum json_filter_kind kind,
					 const struct json_filter *left,
					 const struct json_filter *right)
{
	struct json_filter *filter = left && right ? new_filter(p, kind) : NULL;

	if (!filter)
		return NULL;
	filter->left = left;
	filter->right = right;
	return filter;
}

static const struct json_filter *parse_comparison(struct parsing *p)
{
	static const struct {
		const char *word;
		enum json_filter_kind kind;
	} operators[] = {
		{"==", JSON_FILTER_EQUAL},      {"!=", JSON_FILTER_NOT_EQUAL},
		{"<=", JSON_FILTER_LESS_EQUAL}, {">=", JSON_FILTER_GREATER_EQUAL},
		{"<", JSON_FILTER_LESS},        {">", JSON_FILTER_GREATER},
	};
	const struct json_filter *left = parse_operand(p);

	for (size_t i = 0; left && i < sizeof(operators) / sizeof(operators[0]); i++)
		if (accept(p, operators[i].word))
			return combine(p, operators[i].kind, left, parse_operand(p));
	return left;
}

static const struct json_filter *parse_and(struct parsing *p)
{
	const struct json_filter *filter = parse_comparison(p);
	unsigned n = 0;

	while (filter && accept(p, "&&") && ++n <= CONFIG_JSON_PATH_STEPS_MAX)
		filter = combine(p, JSON_FILTER_AND, filter, parse_comparison(p));
	return filter;
}

static const struct json_filter *parse_or(struct parsing *p)
{
	const struct json_filter *filter = parse_and(p);
	unsigned n = 0;

	while (filter && accept(p, "||") && ++n <= CONFIG_JSON_PATH_STEPS_MAX)
		filter = combine(p, JSON_FILTER_OR, filter, parse_and(p));
	return filter;
}

int json_path_parse(struct config_text path, struct config_arena *arena,
		    const struct json_step **ret_steps, struct bytes *why)
{
	struct parsing p = {.path = path, .arena = arena};
	const struct json_step *steps = NULL;
	struct json_step *first = NULL;

	if (peek(&p, 0) == '$' || peek(&p, 0) == '@') {
		p.at++;
	} else if (is_name_byte(peek(&p, 0)) || peek(&p, 0) == '*') { /* a step without its dot */
		first = parse_dotted(&p);
	}
	steps = parse_steps(&p);
	if (first)
		first->next = steps;
	if (!p.fault && p.at < path.n_bytes)
		(void)fail(&p, "a step: .name or [...]");
	if (arena->error)
		return arena->error;
	if (p.fault) {
		bytes_printf(why, "expected %s at its character %zu", p.fault, p.at + 1);
		return CONFIG_REFUSED;
	}
	*ret_steps = first ? first : steps;
	return 0;
}
