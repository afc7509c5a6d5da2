#include "relabel.h"

#include <errno.h>
#include <inttypes.h>
#include <md5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "letter_case.h"

struct label {
	struct config_text name;
	struct config_text value; /* never "" */
};

#define RELABEL_FULL 100 /* beside the outcomes: what was built is too long to be kept */

struct relabel {
	struct regex_engine *engine; /* borrowed */
	struct relabel_rule *rules;  /* borrowed */
	size_t n_rules;
	struct config_arena *arena; /* borrowed */
	size_t n_bytes;             /* that rules wrote there */
	struct bytes source;        /* values joined */
	struct bytes name;
	struct bytes value;
	/*
	 * Those that the target came with, by name, then those that rules wrote, the oldest first:
	 * the order in which Prometheus goes through them, and of two that labelmap gives one name
	 * the later stays.
	 */
	struct label labels[RELABEL_LABELS_MAX];
	size_t n_labels;
	size_t n_given;                          /* how many of them the target came with */
	struct label before[RELABEL_LABELS_MAX]; /* a rule, while it changes them */
};

static const struct config_text nothing = CONFIG_TEXT("");

static struct config_text text_of(const struct bytes *bytes)
{
	return bytes->n_bytes > 0 ? (struct config_text){(const char *)bytes->data, bytes->n_bytes}
				  : nothing;
}

static size_t find(const struct relabel *relabel, struct config_text name)
{
	size_t i = 0;

	while (i < relabel->n_labels &&
	       (relabel->labels[i].name.n_bytes != name.n_bytes ||
		memcmp(relabel->labels[i].name.data, name.data, name.n_bytes) != 0))
		i++;
	return i;
}

static struct config_text value_of(const struct relabel *relabel, struct config_text name)
{
	size_t i = find(relabel, name);

	return i < relabel->n_labels ? relabel->labels[i].value : nothing;
}

static void remove_at(struct relabel *relabel, size_t i)
{
	relabel->n_labels--;
	relabel->n_given -= i < relabel->n_given;
	memmove(&relabel->labels[i], &relabel->labels[i + 1],
		(relabel->n_labels - i) * sizeof(relabel->labels[0]));
}

/* Writes a label, or removes it when @value is "". Both texts are borrowed for good. */
static void set(struct relabel *relabel, struct relabel_rule *rule, struct label label)
{
	size_t i = find(relabel, label.name);

	if (i < relabel->n_labels && (i < relabel->n_given || label.value.n_bytes == 0)) {
		remove_at(relabel, i);
		i = relabel->n_labels;
	}
	if (label.value.n_bytes == 0)
		return;
	if (i == RELABEL_LABELS_MAX) {
		rule->losses.n_too_many++;
		return;
	}
	relabel->labels[i] = label;
	relabel->n_labels += i == relabel->n_labels;
}

/* Copies what was built to the arena. Returns 0, a negative errno, or RELABEL_FULL. */
static int keep(struct relabel *relabel, const struct bytes *bytes, struct config_text *ret_text)
{
	if (bytes->error)
		return bytes->error == -EMSGSIZE ? RELABEL_FULL : bytes->error;
	if (bytes->n_bytes > RELABEL_BYTES_MAX - relabel->n_bytes)
		return RELABEL_FULL;
	relabel->n_bytes += bytes->n_bytes;
	ret_text->n_bytes = bytes->n_bytes;
	ret_text->data = config_arena_copy(relabel->arena, bytes->data, bytes->n_bytes);
	return ret_text->data ? 0 : relabel->arena->error;
}

/* The same for a name, which is often there already. */
static int keep_name(struct relabel *relabel, struct config_text *ret_name)
{
	size_t i;

	if (relabel->name.error)
		return keep(relabel, &relabel->name, ret_name);
	i = find(relabel, text_of(&relabel->name));
	if (i == relabel->n_labels)
		return keep(relabel, &relabel->name, ret_name);
	*ret_name = relabel->labels[i].name;
	return 0;
}

static int note_loss(struct relabel_rule *rule, int r)
{
	rule->losses.n_too_long += r == RELABEL_FULL;
	return r == RELABEL_FULL ? 0 : r;
}

/* Sets what was built in value, to the label @name that is borrowed for good. */
static int set_built(struct relabel *relabel, struct relabel_rule *rule, struct config_text name)
{
	struct label label = {.name = name};
	int r = keep(relabel, &relabel->value, &label.value);

	if (r == 0)
		set(relabel, rule, label);
	return note_loss(rule, r);
}

/* Matches, with a match that is given up as none. Returns 0, -ENOMEM, or REGEX_NO_MATCH. */
static int match(struct relabel *relabel, struct relabel_rule *rule, struct config_text text,
		 struct regex_groups *ret_groups)
{
	int r = regex_match(relabel->engine, rule->regex, text, ret_groups);

	if (r != REGEX_LIMITED)
		return r;
	rule->losses.n_limited++;
	return REGEX_NO_MATCH;
}

/* The value that a rule looks at. It is valid until the next call. */
static int join_sources(struct relabel *relabel, struct relabel_rule *rule,
			struct config_text *ret_text)
{
	struct config_text value;

	bytes_clear(&relabel->source);
	if (rule->n_source_labels == 1) {
		*ret_text = value_of(relabel, rule->source_labels[0]);
		return 0;
	}
	for (size_t i = 0; i < rule->n_source_labels; i++) {
		value = value_of(relabel, rule->source_labels[i]);
		if (i > 0)
			bytes_append(&relabel->source, rule->separator.data,
				     rule->separator.n_bytes);
		bytes_append(&relabel->source, value.data, value.n_bytes);
	}
	*ret_text = text_of(&relabel->source);
	return relabel->source.error;
}

static int replace(struct relabel *relabel, struct relabel_rule *rule, struct config_text source)
{
	struct regex_groups groups;
	struct config_text name;
	int r = match(relabel, rule, source, &groups);

	if (r != 0)
		return r > 0 ? 0 : r;
	regex_expand(rule->regex, &groups, rule->target_label, &relabel->name);
	regex_expand(rule->regex, &groups, rule->replacement, &relabel->value);
	if (!relabel->name.error && !relabel_name_is_valid(text_of(&relabel->name)))
		return 0;
	r = keep_name(relabel, &name);
	return r ? note_loss(rule, r) : set_built(relabel, rule, name);
}

static int hash(struct relabel *relabel, struct relabel_rule *rule, struct config_text source)
{
	uint8_t digest[MD5_DIGEST_LENGTH];
	uint64_t number = 0;
	MD5_CTX context;

	MD5Init(&context);
	MD5Update(&context, (const uint8_t *)source.data, source.n_bytes);
	MD5Final(digest, &context);
	for (size_t i = MD5_DIGEST_LENGTH - 8; i < MD5_DIGEST_LENGTH; i++)
		number = number << 8 | digest[i];
	bytes_printf(&relabel->value, "%" PRIu64, number % rule->modulus);
	return set_built(relabel, rule, rule->target_label);
}

static int change_case(struct relabel *relabel, struct relabel_rule *rule,
		       struct config_text source)
{
	if (rule->action == RELABEL_LOWERCASE)
		letter_case_lower(source, &relabel->value);
	else
		letter_case_upper(source, &relabel->value);
	return set_built(relabel, rule, rule->target_label);
}

/* One label of labelmap: under another name, too. */
static int map(struct relabel *relabel, struct relabel_rule *rule, const struct label *label)
{
	struct label copy = *label;
	struct regex_groups groups;
	int r = match(relabel, rule, label->name, &groups);

	if (r != 0)
		return r > 0 ? 0 : r;
	bytes_clear(&relabel->name);
	regex_expand(rule->regex, &groups, rule->replacement, &relabel->name);
	r = keep_name(relabel, &copy.name);
	if (r == 0)
		set(relabel, rule, copy);
	return note_loss(rule, r);
}

/* Goes through the labels as they were before the rule. */
static int change_names(struct relabel *relabel, struct relabel_rule *rule)
{
	size_t n = relabel->n_labels;
	int r = 0;

	memcpy(relabel->before, relabel->labels, n * sizeof(relabel->labels[0]));
	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct label *label = &relabel->before[i];

		if (rule->action == RELABEL_LABELMAP) {
			r = map(relabel, rule, label);
			continue;
		}
		r = match(relabel, rule, label->name, NULL);
		if (r >= 0 && (r == 0) == (rule->action == RELABEL_LABELDROP))
			remove_at(relabel, find(relabel, label->name));
	}
	return r < 0 ? r : 0;
}

static int apply_rule(struct relabel *relabel, struct relabel_rule *rule)
{
	struct config_text source;
	bool is_equal;
	int r = join_sources(relabel, rule, &source);

	bytes_clear(&relabel->name);
	bytes_clear(&relabel->value);
	if (r != 0)
		return r;
	switch (rule->action) {
	case RELABEL_REPLACE:
		return replace(relabel, rule, source);
	case RELABEL_KEEP:
	case RELABEL_DROP:
		r = match(relabel, rule, source, NULL);
		if (r < 0)
			return r;
		return (r == 0) == (rule->action == RELABEL_DROP) ? RELABEL_DROPPED : 0;
	case RELABEL_KEEPEQUAL:
	case RELABEL_DROPEQUAL:
		is_equal = config_text_compare(value_of(relabel, rule->target_label), source) == 0;
		return is_equal == (rule->action == RELABEL_DROPEQUAL) ? RELABEL_DROPPED : 0;
	case RELABEL_HASHMOD:
		return hash(relabel, rule, source);
	case RELABEL_LOWERCASE:
	case RELABEL_UPPERCASE:
		return change_case(relabel, rule, source);
	case RELABEL_LABELMAP:
	case RELABEL_LABELDROP:
	case RELABEL_LABELKEEP:
		break;
	}
	return change_names(relabel, rule);
}

int relabel_new(struct regex_engine *engine, struct relabel_rule *rules, size_t n_rules,
		struct config_arena *arena, struct relabel **ret_relabel)
{
	struct relabel *relabel = calloc(1, sizeof(*relabel));

	if (!relabel)
		return -ENOMEM;
	relabel->engine = engine;
	relabel->rules = rules;
	relabel->n_rules = n_rules;
	relabel->arena = arena;
	relabel->source = (struct bytes)BYTES_INIT(CONFIG_ARENA_BYTES_MAX);
	relabel->name = (struct bytes)BYTES_INIT(RELABEL_VALUE_BYTES_MAX);
	relabel->value = (struct bytes)BYTES_INIT(RELABEL_VALUE_BYTES_MAX);
	*ret_relabel = relabel;
	return 0;
}

void relabel_free(struct relabel *relabel)
{
	if (!relabel)
		return;
	bytes_deinit(&relabel->source);
	bytes_deinit(&relabel->name);
	bytes_deinit(&relabel->value);
	free(relabel);
}

/* Takes over the labels that are there. Returns 0 or RELABEL_TOO_MANY. */
static int begin(struct relabel *relabel, const struct config_object *labels)
{
	relabel->n_labels = 0;
	for (size_t i = 0; i < labels->n_fields; i++) {
		if (labels->fields[i].value.text.n_bytes == 0)
			continue;
		if (relabel->n_labels == RELABEL_LABELS_MAX)
			return RELABEL_TOO_MANY;
		relabel->labels[relabel->n_labels++] =
			(struct label){labels->fields[i].key, labels->fields[i].value.text};
	}
	relabel->n_given = relabel->n_labels;
	return 0;
}

static int finish(struct relabel *relabel, struct config_object *ret_labels)
{
	size_t n = relabel->n_labels;
	struct config_field *fields = config_arena_array(relabel->arena, n, sizeof(*fields));

	if (!fields)
		return relabel->arena->error;
	for (size_t i = 0; i < n; i++) {
		fields[i].key = relabel->labels[i].name;
		fields[i].value = (struct config_value){.type = CONFIG_STRING,
							.text = relabel->labels[i].value};
	}
	*ret_labels = config_object_make(fields, n);
	return 0;
}

int relabel_apply(struct relabel *relabel, const struct config_object *labels,
		  struct config_object *ret_labels)
{
	int r = begin(relabel, labels);

	for (size_t i = 0; i < relabel->n_rules && r == 0; i++)
		r = apply_rule(relabel, &relabel->rules[i]);
	return r ? r : finish(relabel, ret_labels);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

bool relabel_name_is_valid(struct config_text name)
{
	for (size_t i = 0; i < name.n_bytes; i++)
		if (!is_word(name.data[i]))
			return false;
	return name.n_bytes > 0 && is_letter(name.data[0]);
}

/* Returns the length of the $name or ${name} at the start of @text, 0 when there is none. */
static size_t reference_length(struct config_text text)
{
	bool has_brace = text.n_bytes > 1 && text.data[1] == '{';
	size_t start = 1 + has_brace, at = start;

	while (at < text.n_bytes && is_word(text.data[at]))
		at++;
	if (at == start || (has_brace && (at == text.n_bytes || text.data[at] != '}')))
		return 0;
	return at + has_brace;
}

bool relabel_template_is_valid(struct config_text text)
{
	size_t n;

	for (size_t i = 0; i < text.n_bytes; i += n) {
		n = text.data[i] != '$' ? (i == 0 ? is_letter(text.data[i]) : is_word(text.data[i]))
					: reference_length((struct config_text){text.data + i,
										text.n_bytes - i});
		if (n == 0)
			return false;
	}
	return text.n_bytes > 0;
}
