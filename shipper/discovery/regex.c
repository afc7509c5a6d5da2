#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "regex_syntax.h"

#define PATTERN_BYTES_MAX   ((size_t)1 << 20) /* what PCRE2 compiles is limited to 64 KiB anyway */
#define TREE_BYTES_MAX      ((size_t)32 << 20)
#define NESTING_MAX         (8 * REGEX_HEIGHT_MAX) /* a level is written as several */
#define STEPS_FREE          ((uint64_t)64)
#define STEPS_FREE_SIZE_MAX ((uint64_t)1 << 14)
#define STEPS_GROWTH        4u
#define RUN_OF_A_STEP       4u /* characters compared, or levels left, without counting them */
#define SUBJECT_BYTES_MAX   ((size_t)64 << 20)
#define REPLACEMENT_TEXT    "\xef\xbf\xbd"
#define REPLACEMENT_BYTES   3u

struct regex {
	struct regex *next;     /* of the engine's; owned */
	pcre2_code *code;       /* owned */
	uint32_t *stands_for;   /* owned; for each group of the code from 1 on */
	uint32_t n_code_groups; /* without the whole */
	uint32_t n_groups;
	uint64_t size;
	uint64_t run;
	struct config_arena memory; /* of the names */
	const struct regex_name *names;
};

struct regex_engine {
	struct regex *expressions; /* owned */
	uint64_t n_steps_left;
	pcre2_match_context *context;
	pcre2_match_data *data;
	struct bytes readable; /* a subject that was no UTF-8, with U+FFFD in it */
	struct config_text texts[REGEX_GROUPS_MAX + 1];
};

static uint32_t read_digits(const unsigned char *digits, size_t n)
{
	uint32_t number = 0;

	for (size_t i = 0; i < n; i++)
		number = number * 10 + (uint32_t)(digits[i] - '0');
	return number;
}

/* Where a group that captures nothing was passed last; PCRE2_UNSET when it was not. */
static size_t place_of(const pcre2_callout_block *block, uint32_t group)
{
	if (group == 0 || group >= block->capture_top)
		return PCRE2_UNSET;
	return block->offset_vector[2 * (size_t)group];
}

/* Has the pattern gone round without going on? What the callouts say is in regex_translate.c. */
static int refuse_idle_round(pcre2_callout_block *block, void *context)
{
	const unsigned char *text = block->callout_string;
	size_t n = block->callout_string_length, at = block->current_position, began, start;

	(void)context;
	if (text[0] == 'M')
		return place_of(block, read_digits(text + 1, (n - 1) / 2)) == at ||
		       place_of(block, read_digits(text + 1 + (n - 1) / 2, (n - 1) / 2)) == at;
	began = place_of(block, read_digits(text + 1, n - 1));
	start = place_of(block, read_digits(text + 1, n - 1) + 1);
	return start == at && start != began;
}

int regex_engine_new(uint64_t steps_max, struct regex_engine **ret_engine)
{
	struct regex_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	engine->n_steps_left = steps_max;
	engine->readable = (struct bytes)BYTES_INIT(SUBJECT_BYTES_MAX);
	engine->context = pcre2_match_context_create(NULL);
	engine->data = pcre2_match_data_create(REGEX_GROUPS_MAX + 1, NULL);
	if (!engine->context || !engine->data) {
		regex_engine_free(engine);
		return -ENOMEM;
	}
	(void)pcre2_set_heap_limit(engine->context, REGEX_HEAP_KIB); /* these never fail */
	(void)pcre2_set_callout(engine->context, refuse_idle_round, NULL);
	*ret_engine = engine;
	return 0;
}

static void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	config_arena_deinit(&regex->memory);
	free(regex->stands_for);
	free(regex);
}

void regex_engine_free(struct regex_engine *engine)
{
	struct regex *next;

	if (!engine)
		return;
	for (struct regex *i = engine->expressions; i; i = next) {
		next = i->next;
		regex_free(i);
	}
	pcre2_match_data_free(engine->data);
	pcre2_match_context_free(engine->context);
	bytes_deinit(&engine->readable);
	free(engine);
}

void regex_engine_grant(struct regex_engine *engine, uint64_t n_steps)
{
	engine->n_steps_left += n_steps;
}

static int refuse_size(struct regex_fault *fault)
{
	(void)snprintf(fault->message, sizeof(fault->message),
		       "found an expression that is too large, expected fewer or smaller "
		       "repetitions, classes and groups");
	return REGEX_REFUSED;
}

static int compile_pattern(const struct bytes *pattern, struct regex *regex,
			   struct regex_fault *fault)
{
	/*
	 * Without auto-possession every character that a repeat takes can be given back, and is a
	 * step then: so steps measure the work.
	 */
	uint32_t options = PCRE2_UTF | PCRE2_DOTALL | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
			   PCRE2_NO_AUTO_POSSESS | PCRE2_NEVER_BACKSLASH_C;
	const char *text = pattern->data ? (const char *)pattern->data : "";
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	size_t offset;
	int error;

	if (!context)
		return -ENOMEM;
	(void)pcre2_set_parens_nest_limit(context, NESTING_MAX);
	regex->code = pcre2_compile((PCRE2_SPTR)text, pattern->n_bytes, options, &error, &offset,
				    context);
	pcre2_compile_context_free(context);
	if (regex->code)
		return 0;
	if (error == PCRE2_ERROR_HEAP_FAILED)
		return -ENOMEM;
	if (error != PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY)
		return refuse_size(fault);
	(void)snprintf(fault->message, sizeof(fault->message),
		       "found a Unicode script that PCRE2 %d.%d does not know, expected another",
		       PCRE2_MAJOR, PCRE2_MINOR);
	return REGEX_REFUSED;
}

static int translate(const struct regex_tree *tree, struct regex *regex, struct regex_fault *fault)
{
	struct bytes pattern = BYTES_INIT(PATTERN_BYTES_MAX);
	struct bytes groups = BYTES_INIT(REGEX_GROUPS_MAX * sizeof(uint32_t));
	int r;

	regex_translate(tree, &pattern, &groups);
	if (pattern.error == -ENOMEM || groups.error == -ENOMEM)
		r = -ENOMEM;
	else if (pattern.error || groups.error || tree->n_groups > REGEX_GROUPS_MAX)
		r = refuse_size(fault);
	else
		r = compile_pattern(&pattern, regex, fault);
	bytes_deinit(&pattern);
	regex->n_code_groups = (uint32_t)(groups.n_bytes / sizeof(uint32_t));
	regex->stands_for = (uint32_t *)(void *)groups.data; /* from malloc: aligned for any type */
	return r;
}

static int keep_names(const struct regex_tree *tree, struct regex *regex)
{
	struct regex_name *copy;

	for (const struct regex_name *i = tree->names; i; i = i->next) {
		copy = config_arena_alloc(&regex->memory, sizeof(*copy));
		if (!copy)
			return regex->memory.error;
		*copy = *i;
		copy->name.data = config_arena_copy(&regex->memory, i->name.data, i->name.n_bytes);
		copy->next = regex->names;
		regex->names = copy;
		if (!copy->name.data)
			return regex->memory.error;
	}
	return 0;
}

int regex_compile(struct regex_engine *engine, struct config_text text, struct regex **ret_regex,
		  struct regex_fault *ret_fault)
{
	struct config_arena arena = CONFIG_ARENA_INIT(TREE_BYTES_MAX);
	struct regex *regex = calloc(1, sizeof(*regex));
	struct regex_tree tree;
	int r = regex ? 0 : -ENOMEM;

	if (r == 0)
		r = regex_parse(text, &arena, &tree, ret_fault);
	if (r == 0) {
		regex->memory.bytes_max = TREE_BYTES_MAX;
		regex->n_groups = tree.n_groups;
		regex->size = tree.root->size;
		regex->run = tree.root->run + tree.root->height;
		r = translate(&tree, regex, ret_fault);
	}
	if (r == 0)
		r = keep_names(&tree, regex);
	if (r == -EMSGSIZE)
		r = refuse_size(ret_fault);
	config_arena_deinit(&arena);
	if (r != 0) {
		regex_free(regex);
		return r;
	}
	regex->next = engine->expressions;
	engine->expressions = regex;
	*ret_regex = regex;
	return 0;
}

/* Makes a copy of @subject in which every byte that is no UTF-8 is U+FFFD. */
static int make_readable(struct regex_engine *engine, struct config_text subject)
{
	uint32_t character;

	bytes_clear(&engine->readable);
	for (size_t i = 0, n; i < subject.n_bytes; i += n ? n : 1) {
		n = config_utf8_read(subject.data + i, subject.n_bytes - i, &character);
		if (n > 0)
			bytes_append(&engine->readable, subject.data + i, n);
		else
			bytes_append(&engine->readable, REPLACEMENT_TEXT, REPLACEMENT_BYTES);
	}
	return engine->readable.error;
}

/* The offset in @subject of what is at @offset in its readable copy. */
static size_t original_offset(struct config_text subject, size_t offset)
{
	uint32_t character;
	size_t i = 0, n;

	for (size_t at = 0; at < offset; at += n ? n : REPLACEMENT_BYTES) {
		n = config_utf8_read(subject.data + i, subject.n_bytes - i, &character);
		i += n ? n : 1;
	}
	return i;
}

/*
 * Runs the match with growing limits. What a text alone needs is free; beyond it each try is paid
 * for in full before it is made, so no sequence of matches costs more than the budget.
 */
static int run(struct regex_engine *engine, const struct regex *regex, const char *text,
	       size_t n_bytes)
{
	uint64_t weight = 1 + regex->run / RUN_OF_A_STEP;
	uint64_t size = regex->size < STEPS_FREE_SIZE_MAX ? regex->size : STEPS_FREE_SIZE_MAX;
	uint64_t limit = STEPS_FREE + size + 2 * n_bytes / weight;
	int r;

	for (bool is_free = true;; is_free = false, limit *= STEPS_GROWTH) {
		limit = limit < REGEX_STEPS_MAX ? limit : REGEX_STEPS_MAX;
		if (!is_free && limit > engine->n_steps_left / weight)
			return REGEX_LIMITED;
		engine->n_steps_left -= is_free ? 0 : limit * weight;
		(void)pcre2_set_match_limit(engine->context, (uint32_t)limit);
		r = pcre2_match(regex->code, (PCRE2_SPTR)text, n_bytes, 0, PCRE2_NO_UTF_CHECK,
				engine->data, engine->context);
		if (r != PCRE2_ERROR_MATCHLIMIT)
			break;
		if (limit == REGEX_STEPS_MAX)
			return REGEX_LIMITED;
	}
	if (r == PCRE2_ERROR_NOMATCH)
		return REGEX_NO_MATCH;
	if (r == PCRE2_ERROR_NOMEMORY)
		return -ENOMEM;
	return r > 0 ? 0 : REGEX_LIMITED;
}

/* Of several groups of the code that stand for one, the last that matched counts. */
static void read_groups(struct regex_engine *engine, const struct regex *regex,
			struct config_text subject, bool is_copy)
{
	const size_t *offsets = pcre2_get_ovector_pointer(engine->data);

	memset(engine->texts, 0, (regex->n_groups + 1) * sizeof(engine->texts[0]));
	engine->texts[0] = (struct config_text){subject.data ? subject.data : "", subject.n_bytes};
	for (uint32_t i = 0; i < regex->n_code_groups; i++) {
		size_t start = offsets[2 * (i + 1)], end = offsets[2 * (i + 1) + 1];

		if (regex->stands_for[i] == REGEX_NO_GROUP || start == PCRE2_UNSET)
			continue;
		if (is_copy) {
			start = original_offset(subject, start);
			end = original_offset(subject, end);
		}
		engine->texts[regex->stands_for[i]] =
			(struct config_text){subject.data + start, end - start};
	}
}

int regex_match(struct regex_engine *engine, const struct regex *regex, struct config_text subject,
		struct regex_groups *ret_groups)
{
	bool is_copy = !config_utf8_valid(subject);
	const char *text = subject.n_bytes > 0 ? subject.data : "";
	size_t n_bytes = subject.n_bytes;
	int r = is_copy ? make_readable(engine, subject) : 0;

	if (r == -EMSGSIZE)
		return REGEX_LIMITED;
	if (r != 0)
		return r;
	if (is_copy) {
		text = (const char *)engine->readable.data;
		n_bytes = engine->readable.n_bytes;
	}
	r = run(engine, regex, text, n_bytes);
	if (r == 0 && ret_groups) {
		read_groups(engine, regex, subject, is_copy);
		*ret_groups = (struct regex_groups){engine->texts, regex->n_groups + 1};
	}
	return r;
}

/* A reference behind a dollar. */
struct reference {
	struct config_text name;
	size_t n_bytes; /* with braces; 0: it is none */
};

static struct reference read_reference(struct config_text text)
{
	struct reference reference = {.n_bytes = 0};
	bool has_brace = text.n_bytes > 0 && text.data[0] == '{';
	size_t at = has_brace, n;
	uint32_t c;

	while ((n = config_utf8_read(text.data + at, text.n_bytes - at, &c)) > 0 &&
	       (c == '_' || config_is_letter(c) || config_is_digit(c)))
		at += n;
	reference.name = (struct config_text){text.data + has_brace, at - has_brace};
	if (reference.name.n_bytes == 0 ||
	    (has_brace && (at == text.n_bytes || text.data[at] != '}')))
		return reference;
	reference.n_bytes = at + has_brace;
	return reference;
}

/* A number, unless it has a leading zero or more digits than any group: then it is a name. */
static bool name_is_number(struct config_text name, size_t *ret_number)
{
	*ret_number = 0;
	for (size_t i = 0; i < name.n_bytes; i++) {
		if (name.data[i] < '0' || name.data[i] > '9' || *ret_number >= 100000000)
			return false;
		*ret_number = *ret_number * 10 + (size_t)(name.data[i] - '0');
	}
	return name.data[0] != '0' || name.n_bytes == 1;
}

static struct config_text text_of_group(const struct regex *regex,
					const struct regex_groups *groups, struct config_text name)
{
	struct config_text none = {"", 0};
	size_t number;

	if (!name_is_number(name, &number)) {
		number = SIZE_MAX; /* of several with one name the first that matched counts */
		for (const struct regex_name *i = regex->names; i; i = i->next)
			if (config_text_compare(i->name, name) == 0 &&
			    groups->texts[i->group].data && i->group < number)
				number = i->group;
	}
	return number < groups->n_texts && groups->texts[number].data ? groups->texts[number]
								      : none;
}

void regex_expand(const struct regex *regex, const struct regex_groups *groups,
		  struct config_text text, struct bytes *out)
{
	struct config_text rest = text, group;
	struct reference reference;
	const char *dollar;

	while (rest.n_bytes > 0 && (dollar = memchr(rest.data, '$', rest.n_bytes))) {
		bytes_append(out, rest.data, (size_t)(dollar - rest.data));
		rest.n_bytes -= (size_t)(dollar + 1 - rest.data);
		rest.data = dollar + 1;
		if (rest.n_bytes > 0 && rest.data[0] == '$') {
			bytes_append(out, "$", 1);
			rest = (struct config_text){rest.data + 1, rest.n_bytes - 1};
			continue;
		}
		reference = read_reference(rest);
		if (reference.n_bytes == 0) {
			bytes_append(out, "$", 1);
			continue;
		}
		group = text_of_group(regex, groups, reference.name);
		bytes_append(out, group.data, group.n_bytes);
		rest.data += reference.n_bytes;
		rest.n_bytes -= reference.n_bytes;
	}
	bytes_append(out, rest.data, rest.n_bytes);
}
