#include "regex_syntax.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "regex_class.h"

/*
 * Recursive descent over choices, sequences and items, as deep as brackets are nested. Where RE2
 * is peculiar it is so on purpose: flags set in a group last until its end, across `|`; a repeat
 * may follow anything but another repeat; braces that hold no count are characters.
 */

static int parse_choice(struct regex_parser *p, struct regex_node **ret_node);

int regex_refuse(struct regex_parser *p, size_t start, const char *what, const char *expected)
{
	size_t n = p->at > start ? p->at - start : p->text.n_bytes - start;

	n = n < 40 ? n : 40;
	while (n > 0 && start + n < p->text.n_bytes &&
	       ((unsigned char)p->text.data[start + n] & 0xc0) == 0x80)
		n--;
	(void)snprintf(p->fault->message, sizeof(p->fault->message), "found %s %.*s, expected %s",
		       what, (int)n, p->text.data + start, expected);
	return REGEX_REFUSED;
}

bool regex_next_is(const struct regex_parser *p, const char *word)
{
	size_t n = strlen(word);

	return p->text.n_bytes - p->at >= n && memcmp(p->text.data + p->at, word, n) == 0;
}

struct regex_node *regex_node_new(struct regex_parser *p, enum regex_kind kind)
{
	struct regex_node *node = config_arena_alloc(p->arena, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	node->folds = (p->flags & REGEX_FOLDS) != 0;
	node->height = 1;
	node->size = 1;
	node->product = 1;
	node->run = kind == REGEX_CHARACTER || kind == REGEX_CLASS || kind == REGEX_ANY ||
		    kind == REGEX_ANY_BUT_NEWLINE;
	node->is_nullable = node->run == 0;
	return node;
}

static uint64_t size_of_repeat(const struct regex_node *node, uint64_t size)
{
	if (node->max == REGEX_UNLIMITED)
		return node->min == 0 ? size + 2 : node->min * size + 1;
	return node->max * size + (node->max - node->min);
}

/* Sums up the children of @node. Nothing here can overflow: each size was checked. */
static int finish_node(struct regex_parser *p, struct regex_node *node)
{
	bool is_choice = node->kind == REGEX_CHOICE;
	uint64_t size = 0, run = 0;

	node->is_nullable = !is_choice;
	for (const struct regex_node *i = node->first; i; i = i->next) {
		node->height = i->height >= node->height ? i->height + 1 : node->height;
		node->product = i->product > node->product ? i->product : node->product;
		size += i->size + (is_choice && i != node->first);
		run = is_choice ? (i->run > run ? i->run : run) : run + i->run;
		node->is_nullable = is_choice ? node->is_nullable || i->is_nullable
					      : node->is_nullable && i->is_nullable;
	}
	if (node->kind == REGEX_REPEAT) {
		uint32_t count = node->max == REGEX_UNLIMITED ? node->min : node->max;

		size = size_of_repeat(node, size);
		run *= count > 0 ? count : 1;
		node->product = node->max == 0 ? 1 : node->product * (count > 0 ? count : 1);
		node->is_nullable = node->is_nullable || node->min == 0;
	}
	node->size = node->kind == REGEX_CAPTURE ? size + 2 : size > 0 ? size : 1;
	node->run = run;
	if (node->height > REGEX_HEIGHT_MAX)
		return regex_refuse(p, 0, "too many levels in", "at most 1000 within one another");
	if (node->size > REGEX_SIZE_MAX)
		return regex_refuse(p, 0, "a program too large in", "smaller repetition counts");
	return 0;
}

/* Wraps the nodes at @first in one of @kind; a single one stays as it is. */
static int gather(struct regex_parser *p, enum regex_kind kind, struct regex_node *first,
		  struct regex_node **ret_node)
{
	struct regex_node *node = first;
	int r = 0;

	if (!first || first->next) {
		node = regex_node_new(p, first ? kind : REGEX_EMPTY);
		if (!node)
			return p->arena->error;
		node->first = first;
		r = first ? finish_node(p, node) : 0;
	}
	if (r == 0)
		*ret_node = node;
	return r;
}

/* Reads the digits of a count. False: there is none, or it has a leading zero. */
static bool read_count(struct regex_parser *p, uint32_t *ret_count)
{
	const char *digits = p->text.data + p->at;
	size_t n = strspn(digits, "0123456789");

	if (n == 0 || (n > 1 && digits[0] == '0'))
		return false;
	*ret_count = 0;
	for (size_t i = 0; i < n; i++)
		if (*ret_count <= REGEX_REPEAT_MAX)
			*ret_count = *ret_count * 10 + (uint32_t)(digits[i] - '0');
	p->at += n;
	return true;
}

/* Reads {n}, {n,} or {n,m}. False, and nothing read: the brace is a character. */
static bool read_counts(struct regex_parser *p, struct regex_node *repeat)
{
	size_t start = p->at++;

	if (!read_count(p, &repeat->min))
		goto none;
	repeat->max = repeat->min;
	if (regex_next_is(p, ",")) {
		p->at++;
		repeat->max = REGEX_UNLIMITED;
		if (!regex_next_is(p, "}") && !read_count(p, &repeat->max))
			goto none;
	}
	if (!regex_next_is(p, "}"))
		goto none;
	p->at++;
	return true;
none:
	p->at = start;
	return false;
}

static int check_repeat(struct regex_parser *p, const struct regex_node *repeat, size_t start)
{
	if (repeat->min > REGEX_REPEAT_MAX ||
	    (repeat->max != REGEX_UNLIMITED &&
	     (repeat->max > REGEX_REPEAT_MAX || repeat->max < repeat->min)))
		return regex_refuse(p, start, "the repetition count",
				    "at most 1000, the smaller one first");
	return 0;
}

/* Puts a repeat around the last node of a sequence; the operator has been read from @start on. */
static int repeat_last(struct regex_parser *p, struct regex_sequence *sequence,
		       struct regex_node *repeat, size_t start)
{
	int r;

	repeat->is_lazy = (p->flags & REGEX_LAZY) != 0;
	if (regex_next_is(p, "?")) {
		p->at++;
		repeat->is_lazy = !repeat->is_lazy;
	}
	if (sequence->repeat_start != REGEX_NO_REPEAT) {
		bool is_possessive = p->text.data[start] == '+';

		return regex_refuse(p, sequence->repeat_start,
				    is_possessive ? "the possessive or nested repetition"
						  : "the nested repetition",
				    "one repetition of an item, or brackets around it");
	}
	if (!sequence->last)
		return regex_refuse(p, start, "the repetition", "something before it to repeat");
	repeat->first = *sequence->last;
	*sequence->last = repeat;
	sequence->end = &repeat->next;
	r = finish_node(p, repeat);
	if (r == 0 && repeat->product > REGEX_REPEAT_MAX)
		return regex_refuse(p, start, "the nested repetition count",
				    "at most 1000 in all, multiplied");
	sequence->repeat_start = start;
	sequence->is_repeat = true;
	return r;
}

static int add(struct regex_parser *p, struct regex_sequence *sequence, struct regex_node *node)
{
	if (!node)
		return p->arena->error;
	sequence->last = sequence->end;
	*sequence->end = node;
	sequence->end = &node->next;
	return 0;
}

static int add_kind(struct regex_parser *p, struct regex_sequence *sequence, enum regex_kind kind)
{
	return add(p, sequence, regex_node_new(p, kind));
}

static int add_character(struct regex_parser *p, struct regex_sequence *sequence,
			 uint32_t character)
{
	struct regex_node *node = regex_node_new(p, REGEX_CHARACTER);

	if (node)
		node->character = character;
	return add(p, sequence, node);
}

static int parse_repeat(struct regex_parser *p, struct regex_sequence *sequence)
{
	struct regex_node *repeat = regex_node_new(p, REGEX_REPEAT);
	char sign = p->text.data[p->at];
	size_t start = p->at;
	int r;

	if (!repeat)
		return p->arena->error;
	if (sign == '{') {
		if (!read_counts(p, repeat)) {
			p->at++;
			return add_character(p, sequence, '{');
		}
		r = check_repeat(p, repeat, start);
		if (r != 0)
			return r;
	} else {
		p->at++;
		repeat->min = sign == '+';
		repeat->max = sign == '?' ? 1 : REGEX_UNLIMITED;
	}
	return repeat_last(p, sequence, repeat, start);
}

/* Reads the name of `(?P<name>` or `(?<name>`, of which the start has been read. */
static int read_name(struct regex_parser *p, size_t start, uint32_t group)
{
	struct regex_name *name = config_arena_alloc(p->arena, sizeof(*name));
	size_t n =
		strspn(p->text.data + p->at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789_");

	if (!name)
		return p->arena->error;
	*name = (struct regex_name){{p->text.data + p->at, n}, group, p->names};
	p->at += n;
	if (n == 0 || !regex_next_is(p, ">"))
		return regex_refuse(p, start, "the group", "(?P<name>, of letters, digits and _");
	p->at++;
	p->names = name;
	return 0;
}

/* What is meant by a `(?` that RE2 does not have. */
static const char *foreign_group(const struct regex_parser *p)
{
	static const struct {
		const char *start;
		const char *what;
	} foreign[] = {
		{"(?=", "the look-ahead"},      {"(?!", "the look-ahead"},
		{"(?<=", "the look-behind"},    {"(?<!", "the look-behind"},
		{"(?>", "the atomic group"},    {"(?|", "the branch reset"},
		{"(?(", "the condition"},       {"(?R", "the recursion"},
		{"(?&", "the recursion"},       {"(?P>", "the recursion"},
		{"(?P=", "the back-reference"}, {"(?C", "the callout"},
		{"(?#", "the comment"},
	};

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (regex_next_is(p, foreign[i].start))
			return foreign[i].what;
	return "the group";
}

static uint32_t flag_of(char letter)
{
	switch (letter) {
	case 'i':
		return REGEX_FOLDS;
	case 'm':
		return REGEX_LINES;
	case 's':
		return REGEX_DOT_ALL;
	case 'U':
		return REGEX_LAZY;
	default:
		return 0;
	}
}

/* Reads the flags of `(?flags)` or `(?flags:`, both ends included. */
static int read_flags(struct regex_parser *p, bool *ret_is_group)
{
	const char *what = foreign_group(p);
	bool is_off = false, saw_flag = false;
	uint32_t flags = p->flags, flag;
	size_t start = p->at;

	for (p->at += 2; p->at < p->text.n_bytes; p->at++) {
		char c = p->text.data[p->at];

		flag = flag_of(c);
		if (flag) {
			flags = is_off ? flags & ~flag : flags | flag;
			saw_flag = true;
		} else if (c == '-' && !is_off) {
			is_off = true;
			saw_flag = false;
		} else if ((c == ':' || c == ')') && (!is_off || saw_flag)) {
			p->flags = flags;
			p->at++;
			*ret_is_group = c == ':';
			return 0;
		} else {
			break;
		}
	}
	p->at += p->at < p->text.n_bytes;
	return regex_refuse(p, start, what, "RE2's groups: (, (?:, (?P<name>, or flags of imsU");
}

static int parse_group_body(struct regex_parser *p, struct regex_node **ret_node)
{
	int r;

	if (++p->depth > REGEX_HEIGHT_MAX)
		return regex_refuse(p, 0, "too many levels in", "at most 1000 within one another");
	r = parse_choice(p, ret_node);
	p->depth--;
	if (r != 0)
		return r;
	if (!regex_next_is(p, ")"))
		return regex_refuse(p, 0, "no ) for a ( in", "brackets in pairs");
	p->at++;
	return 0;
}

static int parse_capture(struct regex_parser *p, struct regex_sequence *sequence, size_t n_start)
{
	struct regex_node *node = regex_node_new(p, REGEX_CAPTURE);
	uint32_t flags = p->flags;
	size_t start = p->at;
	int r = 0;

	if (!node)
		return p->arena->error;
	node->group = ++p->n_groups;
	p->at += n_start;
	if (n_start > 1)
		r = read_name(p, start, node->group);
	if (r == 0)
		r = parse_group_body(p, &node->first);
	p->flags = flags;
	if (r == 0)
		r = finish_node(p, node);
	return r ? r : add(p, sequence, node);
}

static int parse_group(struct regex_parser *p, struct regex_sequence *sequence)
{
	uint32_t flags = p->flags;
	struct regex_node *node;
	bool is_group = false;
	int r;

	if (!regex_next_is(p, "(?"))
		return parse_capture(p, sequence, 1);
	if (regex_next_is(p, "(?P<"))
		return parse_capture(p, sequence, 4);
	if (regex_next_is(p, "(?<") && !regex_next_is(p, "(?<=") && !regex_next_is(p, "(?<!"))
		return parse_capture(p, sequence, 3);
	r = read_flags(p, &is_group);
	if (r != 0 || !is_group)
		return r;
	r = parse_group_body(p, &node);
	p->flags = flags;
	return r ? r : add(p, sequence, node);
}

/* \Q…\E: all characters as they are; without \E until the end. */
static int parse_quoted(struct regex_parser *p, struct regex_sequence *sequence)
{
	uint32_t character;
	int r;

	p->at += 2;
	while (p->at < p->text.n_bytes && !regex_next_is(p, "\\E")) {
		p->at +=
			config_utf8_read(p->text.data + p->at, p->text.n_bytes - p->at, &character);
		r = add_character(p, sequence, character);
		if (r != 0)
			return r;
	}
	p->at += regex_next_is(p, "\\E") ? 2 : 0;
	return 0;
}

static int parse_backslash(struct regex_parser *p, struct regex_sequence *sequence)
{
	static const struct {
		char letter;
		enum regex_kind kind;
	} edges[] = {{'A', REGEX_TEXT_START},
		     {'z', REGEX_TEXT_END},
		     {'b', REGEX_WORD_EDGE},
		     {'B', REGEX_NO_WORD_EDGE}};
	char letter = p->text.data[p->at + 1]; /* a NUL at the end */
	struct regex_node *node;
	uint32_t character;
	bool is_group;
	int r;

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		if (letter == edges[i].letter) {
			p->at += 2;
			return add_kind(p, sequence, edges[i].kind);
		}
	if (letter == 'Q')
		return parse_quoted(p, sequence);
	node = regex_node_new(p, REGEX_CLASS);
	if (!node)
		return p->arena->error;
	r = regex_parse_class_escape(p, node, &is_group);
	if (r != 0 || is_group)
		return r ? r : add(p, sequence, node);
	r = regex_parse_escape(p, &character);
	return r ? r : add_character(p, sequence, character);
}

static int parse_item(struct regex_parser *p, struct regex_sequence *sequence)
{
	struct regex_node *node;
	uint32_t character;
	int r;

	switch (p->text.data[p->at]) {
	case '*':
	case '+':
	case '?':
	case '{':
		return parse_repeat(p, sequence);
	case '(':
		return parse_group(p, sequence);
	case '[':
		r = regex_parse_class(p, &node);
		return r ? r : add(p, sequence, node);
	case '\\':
		return parse_backslash(p, sequence);
	case '^':
		p->at++;
		return add_kind(p, sequence,
				p->flags & REGEX_LINES ? REGEX_LINE_START : REGEX_TEXT_START);
	case '$':
		p->at++;
		return add_kind(p, sequence,
				p->flags & REGEX_LINES ? REGEX_LINE_END : REGEX_TEXT_END);
	case '.':
		p->at++;
		return add_kind(p, sequence,
				p->flags & REGEX_DOT_ALL ? REGEX_ANY : REGEX_ANY_BUT_NEWLINE);
	default:
		p->at +=
			config_utf8_read(p->text.data + p->at, p->text.n_bytes - p->at, &character);
		return add_character(p, sequence, character);
	}
}

static int parse_sequence(struct regex_parser *p, struct regex_node **ret_node)
{
	struct regex_node *first = NULL;
	struct regex_sequence sequence = {.end = &first, .repeat_start = REGEX_NO_REPEAT};
	int r;

	while (p->at < p->text.n_bytes && !regex_next_is(p, "|") && !regex_next_is(p, ")")) {
		sequence.is_repeat = false;
		r = parse_item(p, &sequence);
		if (r != 0)
			return r;
		if (!sequence.is_repeat)
			sequence.repeat_start = REGEX_NO_REPEAT;
	}
	return gather(p, REGEX_SEQUENCE, first, ret_node);
}

static int parse_choice(struct regex_parser *p, struct regex_node **ret_node)
{
	struct regex_node *first = NULL, **end = &first;
	int r;

	for (;;) {
		r = parse_sequence(p, end);
		if (r != 0)
			return r;
		end = &(*end)->next;
		if (!regex_next_is(p, "|"))
			return gather(p, REGEX_CHOICE, first, ret_node);
		p->at++;
	}
}

int regex_parse(struct config_text text, struct config_arena *arena, struct regex_tree *ret_tree,
		struct regex_fault *ret_fault)
{
	struct regex_parser p = {
		.arena = arena,
		.text = {config_arena_copy(arena, text.data, text.n_bytes), text.n_bytes},
		.flags = REGEX_DOT_ALL,
		.fault = ret_fault,
	};
	struct regex_node *root;
	int r;

	if (!p.text.data)
		return arena->error;
	if (text.n_bytes > REGEX_BYTES_MAX)
		return regex_refuse(&p, 0, "a long expression", "at most 32768 bytes");
	if (!config_utf8_valid(text)) {
		(void)snprintf(ret_fault->message, sizeof(ret_fault->message),
			       "found bytes that are not UTF-8, expected text");
		return REGEX_REFUSED;
	}
	r = parse_choice(&p, &root);
	if (r == 0 && p.at < text.n_bytes) {
		p.at = text.n_bytes;
		return regex_refuse(&p, 0, "a ) without ( in", "brackets in pairs");
	}
	if (r == 0)
		*ret_tree = (struct regex_tree){root, p.n_groups, p.names};
	return r;
}
