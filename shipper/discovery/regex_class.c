#include "regex_class.h"

#include <string.h>

/* The classes that RE2 has names for are of ASCII; as ranges, first and last in turn. */
struct named_class {
	const char *name;
	const char *ranges;
};

static const struct named_class posix_classes[] = {
	{"alnum", "09AZaz"},  {"alpha", "AZaz"},     {"ascii", NULL},     {"blank", "\t\t  "},
	{"cntrl", NULL},      {"digit", "09"},       {"graph", "!~"},     {"lower", "az"},
	{"print", " ~"},      {"punct", "!/:@[`{~"}, {"space", "\t\r  "}, {"upper", "AZ"},
	{"word", "09AZ__az"}, {"xdigit", "09AFaf"},
};

static const struct named_class escaped_classes[] = {
	{"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZ__az"}};

static int add_item(struct regex_parser *p, struct regex_node *class, struct regex_item item)
{
	struct regex_item *copy = config_arena_alloc(p->arena, sizeof(*copy));

	if (!copy)
		return p->arena->error;
	*copy = item;
	copy->next = class->items;
	class->items = copy;
	return 0;
}

static int add_range(struct regex_parser *p, struct regex_node *class, uint32_t first,
		     uint32_t last)
{
	return add_item(p, class, (struct regex_item){.first = first, .last = last});
}

/* What is not in @set: with @folds set, nor what a letter of it folds to. */
static int add_complement(struct regex_parser *p, struct regex_node *class, const bool set[128])
{
	bool folds = (p->flags & REGEX_FOLDS) != 0;
	uint32_t first = 0;
	int r = 0;

	for (uint32_t c = 0; c <= REGEX_CHARACTER_MAX + 1 && r == 0; c++) {
		bool is_in =
			c < 128 ? set[c] || (folds && ((c >= 'A' && c <= 'Z' && set[c | 0x20]) ||
						       (c >= 'a' && c <= 'z' && set[c & ~0x20u])))
				: folds && ((c == 0x17f && (set['s'] || set['S'])) ||
					    (c == 0x212a && (set['k'] || set['K'])));

		if (!is_in && c <= 0x212a)
			continue;
		if (c > 0x212a)
			c = REGEX_CHARACTER_MAX + 1; /* beyond the last that letters fold to */
		if (first < c)
			r = add_range(p, class, first, c - 1);
		first = c + 1;
	}
	return r;
}

static int add_named(struct regex_parser *p, struct regex_node *class,
		     const struct named_class *named, bool is_negated)
{
	const char *ranges = named->ranges;
	bool set[128] = {false};
	int r = 0;

	for (unsigned c = 0; c < 128; c++) {
		set[c] = !ranges && (strcmp(named->name, "ascii") == 0 || c < 0x20 || c == 0x7f);
		for (size_t i = 0; ranges && ranges[i]; i += 2)
			set[c] = set[c] || (c >= (unsigned char)ranges[i] &&
					    c <= (unsigned char)ranges[i + 1]);
	}
	if (is_negated)
		return add_complement(p, class, set);
	for (uint32_t c = 0; c < 128 && r == 0; c++)
		if (set[c])
			r = add_range(p, class, c, c);
	return r;
}

/* Reads \pN, \p{Name} and \p{^Name}. */
static int parse_property(struct regex_parser *p, struct regex_node *class)
{
	struct regex_property *property = config_arena_alloc(p->arena, sizeof(*property));
	bool is_negated = p->text.data[p->at + 1] == 'P', is_inverse = false;
	size_t start = p->at, n;
	struct config_text name;
	uint32_t character;
	const char *end;

	if (!property)
		return p->arena->error;
	p->at += 2;
	if (regex_next_is(p, "{")) {
		name.data = p->text.data + ++p->at;
		end = memchr(name.data, '}', p->text.n_bytes - p->at);
		if (!end)
			return regex_refuse(p, start, "no } behind", "\\p{Name}");
		name.n_bytes = (size_t)(end - name.data);
		p->at += name.n_bytes + 1;
	} else {
		n = config_utf8_read(p->text.data + p->at, p->text.n_bytes - p->at, &character);
		name = (struct config_text){p->text.data + p->at, n};
		p->at += n;
	}
	if (name.n_bytes > 0 && name.data[0] == '^') {
		is_negated = !is_negated;
		name = (struct config_text){name.data + 1, name.n_bytes - 1};
	}
	if (!regex_property_find(name, property, &is_inverse))
		return regex_refuse(p, start, "the unknown Unicode class",
				    "a category or a script, such as \\p{Lu} or \\p{Greek}");
	return add_item(
		p, class,
		(struct regex_item){.property = property, .is_negated = is_negated != is_inverse});
}

int regex_parse_class_escape(struct regex_parser *p, struct regex_node *class, bool *ret_is_one)
{
	size_t n = sizeof(escaped_classes) / sizeof(escaped_classes[0]);
	char letter = p->text.data[p->at + 1];

	*ret_is_one = true;
	if (letter == 'p' || letter == 'P')
		return parse_property(p, class);
	for (size_t i = 0; i < n; i++) {
		char lower = escaped_classes[i].name[0];

		if (letter != lower && letter != lower - 'a' + 'A')
			continue;
		p->at += 2;
		return add_named(p, class, &escaped_classes[i], letter != lower);
	}
	*ret_is_one = false;
	return 0;
}

/* Reads [:name:] or [:^name:], of which "[:" is next; without ":]" it is no such thing. */
static int parse_posix(struct regex_parser *p, struct regex_node *class, bool *ret_is_one)
{
	const char *name = p->text.data + p->at + 2;
	const char *end = memmem(name, p->text.n_bytes - p->at - 2, ":]", 2);
	size_t n = sizeof(posix_classes) / sizeof(posix_classes[0]), start = p->at;
	bool is_negated = *name == '^';

	*ret_is_one = end != NULL;
	if (!end)
		return 0;
	name += is_negated && name < end;
	p->at = (size_t)(end - p->text.data) + 2;
	for (size_t i = 0; i < n; i++)
		if (strlen(posix_classes[i].name) == (size_t)(end - name) &&
		    memcmp(posix_classes[i].name, name, (size_t)(end - name)) == 0)
			return add_named(p, class, &posix_classes[i], is_negated);
	return regex_refuse(p, start, "the unknown class", "a name such as [:alpha:]");
}

static int parse_class_character(struct regex_parser *p, uint32_t *ret_character)
{
	if (p->at >= p->text.n_bytes)
		return regex_refuse(p, 0, "no ] for a [ in", "brackets in pairs");
	if (p->text.data[p->at] == '\\')
		return regex_parse_escape(p, ret_character);
	p->at += config_utf8_read(p->text.data + p->at, p->text.n_bytes - p->at, ret_character);
	return 0;
}

/* Reads one character or a range; a `-` just before the end is a character. */
static int parse_range(struct regex_parser *p, struct regex_node *class)
{
	size_t start = p->at;
	uint32_t first, last;
	int r = parse_class_character(p, &first);

	if (r != 0)
		return r;
	last = first;
	if (regex_next_is(p, "-") && p->at + 1 < p->text.n_bytes && !regex_next_is(p, "-]")) {
		p->at++;
		r = parse_class_character(p, &last);
	}
	if (r == 0 && last < first)
		return regex_refuse(p, start, "the range", "the lower character first");
	return r ? r : add_range(p, class, first, last);
}

static int parse_class_item(struct regex_parser *p, struct regex_node *class)
{
	bool is_done = false;
	int r = 0;

	if (regex_next_is(p, "[:"))
		r = parse_posix(p, class, &is_done);
	else if (regex_next_is(p, "\\"))
		r = regex_parse_class_escape(p, class, &is_done);
	return r != 0 || is_done ? r : parse_range(p, class);
}

int regex_parse_class(struct regex_parser *p, struct regex_node **ret_node)
{
	struct regex_node *class = regex_node_new(p, REGEX_CLASS);
	bool is_first = true;
	int r;

	if (!class)
		return p->arena->error;
	p->at++;
	class->is_negated = regex_next_is(p, "^");
	p->at += class->is_negated;
	for (; is_first || !regex_next_is(p, "]"); is_first = false) {
		r = parse_class_item(p, class);
		if (r != 0)
			return r;
	}
	p->at++;
	*ret_node = class;
	return 0;
}

static int digit_of(const struct regex_parser *p, int base)
{
	char c = p->at < p->text.n_bytes ? p->text.data[p->at] : '\0';
	int digit = c >= '0' && c <= '9'   ? c - '0'
		    : c >= 'a' && c <= 'f' ? c - 'a' + 10
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10
					   : base;

	return digit < base ? digit : -1;
}

/* Reads the digits behind \x: two, or any number in braces. False: they are wrong. */
static bool read_hex(struct regex_parser *p, uint32_t *ret_character)
{
	bool has_braces = regex_next_is(p, "{");
	unsigned n = 0;
	int digit;

	*ret_character = 0;
	p->at += has_braces;
	for (; (digit = digit_of(p, 16)) >= 0 && (has_braces || n < 2); n++, p->at++) {
		*ret_character = *ret_character * 16 + (uint32_t)digit;
		if (*ret_character > REGEX_CHARACTER_MAX)
			return false;
	}
	if (!has_braces)
		return n == 2;
	if (n == 0 || !regex_next_is(p, "}"))
		return false;
	p->at++;
	return true;
}

static bool read_octal(struct regex_parser *p, uint32_t *ret_character)
{
	*ret_character = 0;
	for (unsigned n = 0; n < 3 && digit_of(p, 8) >= 0; n++, p->at++)
		*ret_character = *ret_character * 8 + (uint32_t)digit_of(p, 8);
	return true;
}

static bool is_word_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads what is behind the backslash. False: that is no escape. */
static bool read_escape(struct regex_parser *p, uint32_t *ret_character)
{
	static const char letters[] = "afnrtv", characters[] = "\a\f\n\r\t\v";
	char c = p->text.data[p->at];
	const char *letter = c ? strchr(letters, c) : NULL;

	if (c == '0' || (c >= '1' && c <= '7' && p->text.data[p->at + 1] >= '0' &&
			 p->text.data[p->at + 1] <= '7'))
		return read_octal(p, ret_character);
	p->at++;
	if (c == 'x')
		return read_hex(p, ret_character);
	*ret_character = letter ? (uint32_t)characters[letter - letters] : (unsigned char)c;
	return letter || ((unsigned char)c < 0x80 && !is_word_character(c));
}

int regex_parse_escape(struct regex_parser *p, uint32_t *ret_character)
{
	size_t start = p->at++;
	const char *what = "the unknown escape";

	if (p->at >= p->text.n_bytes)
		return regex_refuse(p, 0, "a \\ at the end of", "a character behind it");
	if (read_escape(p, ret_character))
		return 0;
	if (p->text.data[start + 1] >= '1' && p->text.data[start + 1] <= '9')
		what = "the back-reference";
	return regex_refuse(p, start, what, "an escape that RE2 has");
}
