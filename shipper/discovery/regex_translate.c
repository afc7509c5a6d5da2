#include "regex_syntax.h"

#include <stdio.h>
#include <string.h>

/*
 * Three things differ between RE2 and PCRE2 once the spelling is settled.
 *
 * Classes: all that has a name is written out as ranges or as one of PCRE2's properties, outside
 * of (?i), since PCRE2 does not fold properties and Go does.
 *
 * Lines: Go's $ is the very end, or before a newline with (?m); its (?m)^ also stands behind a
 * newline that ends the text. Both become assertions about one character.
 *
 * Repeats of what can match nothing: a backtracking matcher that has gone round without consuming
 * anything leaves the loop. Go tries each place of its program once at a position: to come back to
 * one without having consumed anything loses, and what is left of the choices made there is tried.
 * The text matches either way, but groups differ: on "aa" (a|)* ends with "a" in Go and with "" in
 * Perl. So inside such a loop an empty group at each choice remembers the position, and a callout
 * before it refuses to be there again. Within a counted repeat, whose copies PCRE2 does not tell
 * apart, only whole rounds are looked at: an empty one is refused unless it is the loop's first.
 */

#define NEVER       "(?!)"
#define MARK_DIGITS 5u
#define SURROGATES  "\\p{Cs}" /* a class of what no text has */

struct translation {
	struct bytes *pattern;
	struct bytes *groups;
	uint32_t n_groups;
	uint32_t n_loops;  /* around what is written, whose items can match nothing */
	uint32_t n_counts; /* counted repeats around it */
};

static void write_node(struct translation *t, const struct regex_node *node);

static void put(struct translation *t, const char *text)
{
	bytes_append(t->pattern, text, strlen(text));
}

static uint32_t open_group(struct translation *t, uint32_t stands_for)
{
	put(t, "(");
	bytes_append(t->groups, &stands_for, sizeof(stands_for));
	return ++t->n_groups;
}

static bool is_surrogate(uint32_t character)
{
	return character >= 0xd800 && character <= 0xdfff;
}

static bool is_plain(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_cases(uint32_t c)
{
	return c >= 0x80 || (is_plain(c) && c > '9');
}

static void write_character(struct translation *t, uint32_t c)
{
	bytes_printf(t->pattern, is_plain(c) ? "%c" : "\\x{%x}", (unsigned)c);
}

/* Writes a range without the surrogates at its ends. False: nothing is left. */
static bool write_range(struct translation *t, uint32_t first, uint32_t last)
{
	first = is_surrogate(first) ? 0xe000 : first;
	last = is_surrogate(last) ? 0xd7ff : last;
	if (first > last)
		return false;
	write_character(t, first);
	if (last > first) {
		put(t, "-");
		write_character(t, last);
	}
	return true;
}

static void write_property(struct translation *t, const struct regex_item *item, bool folds)
{
	const struct regex_property *property = item->property;

	if (strcmp(property->name, "ASCII") == 0)
		(void)write_range(t, 0, 0x7f); /* is never empty */
	else
		bytes_printf(t->pattern, "\\p{%s}", property->name);
	for (size_t i = 0; folds && i < property->n_folds; i++)
		(void)write_range(t, property->folds[i].first, property->folds[i].last);
}

/* All ranges, or all properties that are not negated, as a class of their own behind a `|`. */
static void write_items(struct translation *t, const struct regex_node *node, bool is_range)
{
	bool is_any = false;

	for (const struct regex_item *i = node->items; i; i = i->next) {
		if (is_range == (i->property != NULL) || i->is_negated)
			continue;
		if (!is_any)
			put(t, is_range && node->folds ? "|(?i:[" : "|[");
		is_any = true;
		if (!is_range)
			write_property(t, i, node->folds);
		else if (!write_range(t, i->first, i->last)) /* what a class must not be is empty */
			put(t, SURROGATES);
	}
	if (is_any)
		put(t, is_range && node->folds ? "])" : "]");
}

/* A class as a choice of classes: ranges, properties, and each property that is negated. */
static void write_class(struct translation *t, const struct regex_node *node)
{
	put(t, node->is_negated ? "(?:(?!" NEVER : "(?:" NEVER);
	write_items(t, node, true);
	write_items(t, node, false);
	for (const struct regex_item *i = node->items; i; i = i->next) {
		if (!i->property || !i->is_negated)
			continue;
		put(t, "|[^");
		write_property(t, i, node->folds);
		put(t, "]");
	}
	put(t, node->is_negated ? ").)" : ")");
}

/* A class of ranges alone, or of one property, can be written as one of PCRE2's. */
static bool is_one_class(const struct regex_node *node)
{
	bool is_any = false;

	for (const struct regex_item *i = node->items; i; i = i->next) {
		if (i->property)
			return i == node->items && !i->next;
		is_any = is_any || !is_surrogate(i->first) || !is_surrogate(i->last);
	}
	return is_any;
}

/* Is @node one character of PCRE2's, which it repeats fastest without brackets around it? */
static bool is_single(const struct regex_node *node)
{
	switch (node->kind) {
	case REGEX_CHARACTER:
		return !is_surrogate(node->character);
	case REGEX_CLASS:
		return is_one_class(node);
	case REGEX_ANY:
	case REGEX_ANY_BUT_NEWLINE:
		return true;
	default:
		return false;
	}
}

static bool needs_folding(const struct regex_node *node)
{
	if (node->kind == REGEX_CLASS)
		return node->folds && !node->items->property;
	return node->folds && node->kind == REGEX_CHARACTER && has_cases(node->character);
}

static void write_one_class(struct translation *t, const struct regex_node *node)
{
	put(t, node->is_negated != node->items->is_negated ? "[^" : "[");
	for (const struct regex_item *i = node->items; i; i = i->next)
		if (i->property)
			write_property(t, i, node->folds);
		else
			(void)write_range(t, i->first, i->last); /* one of them is not empty */
	put(t, "]");
}

/* Writes what is_single(); a count may follow, then end_single(). */
static void begin_single(struct translation *t, const struct regex_node *node)
{
	put(t, needs_folding(node) ? "(?i:" : "");
	if (node->kind == REGEX_CHARACTER)
		write_character(t, node->character);
	else if (node->kind == REGEX_CLASS)
		write_one_class(t, node);
	else
		put(t, node->kind == REGEX_ANY ? "." : "[^\\x{a}]");
}

static void end_single(struct translation *t, const struct regex_node *node)
{
	put(t, needs_folding(node) ? ")" : "");
}

static void write_count(struct translation *t, uint32_t min, uint32_t max)
{
	if (max == min)
		bytes_printf(t->pattern, "{%u}", min);
	else if (max == REGEX_UNLIMITED)
		bytes_printf(t->pattern, "{%u,}", min);
	else
		bytes_printf(t->pattern, "{%u,%u}", min, max);
}

static uint32_t put_empty_group(struct translation *t)
{
	uint32_t group = open_group(t, REGEX_NO_GROUP);

	put(t, ")");
	return group;
}

/* Must what can match nothing, and has a choice, remember where it was? */
static bool is_marking(const struct translation *t)
{
	return t->n_loops > 0 && t->n_counts == 0;
}

/*
 * Refuses to be where a mark was set before, this one or @other (0: none), then sets it. A number
 * has a fixed width, so that it can be written when it is known: see meet_mark().
 */
static uint32_t put_mark(struct translation *t, uint32_t other)
{
	bytes_printf(t->pattern, "(?C'M%05u%05u')", t->n_groups + 1, other);
	return put_empty_group(t);
}

/* Tells the mark that ends before @end of the pattern, which had no other, of mark @other. */
static void meet_mark(struct translation *t, size_t end, uint32_t other)
{
	char digits[MARK_DIGITS + 1];

	if (t->pattern->error)
		return;
	(void)snprintf(digits, sizeof(digits), "%05u", other % 100000);
	memcpy(t->pattern->data + end - strlen("')()") - MARK_DIGITS, digits, MARK_DIGITS);
}

/* One or more rounds of @item, which can match nothing. */
static void write_loop(struct translation *t, const struct regex_node *item, bool is_lazy)
{
	uint32_t entry;

	put(t, "(?:");
	t->n_loops++;
	if (t->n_counts > 0) {
		entry = put_empty_group(t);
		put(t, "(?:");
		(void)put_empty_group(t);
		write_node(t, item);
		bytes_printf(t->pattern, "(?C'R%u')", entry);
	} else {
		put(t, "(?:");
		write_node(t, item);
		(void)put_mark(t, 0);
	}
	t->n_loops--;
	put(t, is_lazy ? ")+?)" : ")+)");
}

/* Unlimited repeats of what can match nothing: @min - 1 copies, then the loop. */
static void write_loops(struct translation *t, const struct regex_node *node)
{
	const char *lazy = node->is_lazy ? "?" : "";

	if (node->min > 1) {
		t->n_counts += node->min > 2;
		put(t, "(?:");
		write_node(t, node->first);
		put(t, ")");
		write_count(t, node->min - 1, node->min - 1);
		t->n_counts -= node->min > 2;
	}
	if (node->min == 0 && is_marking(t))
		(void)put_mark(t, 0);
	put(t, "(?:");
	write_loop(t, node->first, node->is_lazy);
	put(t, node->min > 0 ? ")" : ")?");
	put(t, node->min > 0 ? "" : lazy);
}

/* A star over what cannot match nothing, inside a loop: its one choice is before each round. */
static void write_marked_star(struct translation *t, const struct regex_node *node)
{
	uint32_t before = put_mark(t, 0);
	size_t end = t->pattern->n_bytes;

	put(t, "(?:");
	write_node(t, node->first);
	meet_mark(t, end, put_mark(t, before));
	put(t, node->is_lazy ? ")*?" : ")*");
}

static void write_repeat(struct translation *t, const struct regex_node *node)
{
	const struct regex_node *item = node->first;
	bool single = is_single(item);
	bool is_counted = node->min > 1 || (node->max > 1 && node->max != REGEX_UNLIMITED);

	if (node->max == 0)
		return;
	if (node->max == REGEX_UNLIMITED && item->is_nullable) {
		write_loops(t, node);
		return;
	}
	if (node->max == REGEX_UNLIMITED && node->min == 0 && is_marking(t)) {
		write_marked_star(t, node);
		return;
	}
	if (node->max == 1 && node->min == 0 && is_marking(t))
		(void)put_mark(t, 0);
	if (single) {
		begin_single(t, item);
	} else {
		t->n_counts += is_counted;
		put(t, "(?:");
		write_node(t, item);
		put(t, ")");
		t->n_counts -= is_counted;
	}
	write_count(t, node->min, node->max);
	put(t, node->is_lazy ? "?" : "");
	if (single)
		end_single(t, item);
}

static void write_children(struct translation *t, const struct regex_node *node,
			   const char *separator)
{
	for (const struct regex_node *i = node->first; i; i = i->next) {
		write_node(t, i);
		put(t, i->next ? separator : "");
	}
}

static void write_node(struct translation *t, const struct regex_node *node)
{
	static const char *const fixed[] = {
		[REGEX_EMPTY] = "(?:)",
		[REGEX_TEXT_START] = "\\A",
		[REGEX_TEXT_END] = "\\z",
		[REGEX_LINE_START] = "(?<![^\\x{a}])",
		[REGEX_LINE_END] = "(?![^\\x{a}])",
		[REGEX_WORD_EDGE] = "\\b",
		[REGEX_NO_WORD_EDGE] = "\\B",
		[REGEX_CHOICE] = NULL,
	};

	if (t->pattern->error) /* no need to write what will not fit */
		return;
	if (is_single(node)) {
		begin_single(t, node);
		end_single(t, node);
		return;
	}
	switch (node->kind) {
	case REGEX_CHARACTER: /* a surrogate: no text has one */
		put(t, NEVER);
		break;
	case REGEX_CLASS:
		write_class(t, node);
		break;
	case REGEX_CAPTURE:
		(void)open_group(t, node->group);
		write_node(t, node->first);
		put(t, ")");
		break;
	case REGEX_REPEAT:
		write_repeat(t, node);
		break;
	case REGEX_SEQUENCE:
		write_children(t, node, "");
		break;
	case REGEX_CHOICE:
		if (node->is_nullable && is_marking(t))
			(void)put_mark(t, 0);
		put(t, "(?:");
		write_children(t, node, "|");
		put(t, ")");
		break;
	default:
		put(t, fixed[node->kind]);
		break;
	}
}

void regex_translate(const struct regex_tree *tree, struct bytes *pattern, struct bytes *groups)
{
	struct translation t = {.pattern = pattern, .groups = groups};

	write_node(&t, tree->root);
}
