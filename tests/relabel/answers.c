/*
 * Answers what a judge asks, one line each, on standard input: the pure code of relabelling, for
 * programs that nobody here wrote to compare with. Every field is in hexadecimal, behind an "x".
 *
 *   expression EXPRESSION SUBJECT TEMPLATE
 *       refused | limited | none | match EXPANDED GROUP…  ("-": it matched nothing)
 *   case TEXT
 *       LOWER UPPER
 *   relabel N_RULES (ACTION REGEX SEPARATOR TARGET REPLACEMENT MODULUS N_SOURCES SOURCE…)…
 *           (NAME VALUE)…
 *       drop | keep (NAME VALUE)…
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/letter_case.h"
#include "discovery/relabel.h"

#define RULES_MAX   64u
#define SOURCES_MAX 16u
#define STEPS_MAX   ((uint64_t)1 << 26)

/* A judge is ours: what it gets wrong ends this. */
static void insist(int is_right)
{
	if (is_right)
		return;
	fprintf(stderr, "answers: cannot read the question\n");
	exit(2);
}

static char *next_word(char **line)
{
	char *word = strsep(line, " \n");

	insist(word != NULL);
	return word;
}

/* Decodes the next word in its place. */
static struct config_text next_text(char **line)
{
	char *word = next_word(line), *at = word;
	unsigned byte;

	insist(*word == 'x');
	for (const char *hex = word + 1; *hex; hex += 2) {
		insist(sscanf(hex, "%2x", &byte) == 1);
		*at++ = (char)byte;
	}
	*at = '\0';
	return (struct config_text){word, (size_t)(at - word)};
}

static void print_text(struct config_text text)
{
	printf(" x");
	for (size_t i = 0; i < text.n_bytes; i++)
		printf("%02x", (unsigned char)text.data[i]);
}

static void print_bytes(const struct bytes *bytes)
{
	print_text((struct config_text){(const char *)bytes->data, bytes->n_bytes});
}

static void answer_expression(char **line)
{
	struct config_text text = next_text(line), subject = next_text(line);
	struct config_text template = next_text(line);
	struct bytes expanded = BYTES_INIT(1 << 20);
	struct regex_engine *engine;
	struct regex_groups groups;
	struct regex_fault fault;
	struct regex *regex;
	int r;

	insist(regex_engine_new(STEPS_MAX, &engine) == 0);
	r = regex_compile(engine, text, &regex, &fault);
	insist(r >= 0);
	if (r > 0) {
		printf("refused");
	} else {
		r = regex_match(engine, regex, subject, &groups);
		insist(r >= 0);
		printf("%s", r == 0 ? "match" : r == REGEX_LIMITED ? "limited" : "none");
	}
	if (r == 0) {
		regex_expand(regex, &groups, template, &expanded);
		print_bytes(&expanded);
		for (size_t i = 1; i < groups.n_texts; i++)
			if (groups.texts[i].data)
				print_text(groups.texts[i]);
			else
				printf(" -");
	}
	printf("\n");
	bytes_deinit(&expanded);
	regex_engine_free(engine);
}

static void answer_case(char **line)
{
	struct config_text text = next_text(line);
	struct bytes lower = BYTES_INIT(1 << 20), upper = BYTES_INIT(1 << 20);

	letter_case_lower(text, &lower);
	letter_case_upper(text, &upper);
	printf("case");
	print_bytes(&lower);
	print_bytes(&upper);
	printf("\n");
	bytes_deinit(&lower);
	bytes_deinit(&upper);
}

static enum relabel_action next_action(char **line)
{
	static const char *const names[] = {
		[RELABEL_REPLACE] = "replace",     [RELABEL_KEEP] = "keep",
		[RELABEL_DROP] = "drop",           [RELABEL_HASHMOD] = "hashmod",
		[RELABEL_LABELMAP] = "labelmap",   [RELABEL_LABELDROP] = "labeldrop",
		[RELABEL_LABELKEEP] = "labelkeep", [RELABEL_LOWERCASE] = "lowercase",
		[RELABEL_UPPERCASE] = "uppercase", [RELABEL_KEEPEQUAL] = "keepequal",
		[RELABEL_DROPEQUAL] = "dropequal",
	};
	const char *word = next_word(line);
	size_t i = 0;

	while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], word) != 0)
		i++;
	insist(i < sizeof(names) / sizeof(names[0]));
	return (enum relabel_action)i;
}

static struct relabel_rule next_rule(char **line, struct regex_engine *engine,
				     struct config_text *sources)
{
	struct relabel_rule rule = {.action = next_action(line), .source_labels = sources};
	struct regex_fault fault;
	struct regex *regex;

	insist(regex_compile(engine, next_text(line), &regex, &fault) == 0);
	rule.regex = regex;
	rule.separator = next_text(line);
	rule.target_label = next_text(line);
	rule.replacement = next_text(line);
	rule.modulus = strtoull(next_word(line), NULL, 10);
	rule.n_source_labels = strtoull(next_word(line), NULL, 10);
	insist(rule.n_source_labels <= SOURCES_MAX);
	for (size_t i = 0; i < rule.n_source_labels; i++)
		sources[i] = next_text(line);
	return rule;
}

static struct config_object next_labels(char **line, struct config_arena *arena)
{
	struct config_field *fields =
		config_arena_array(arena, RELABEL_LABELS_MAX, sizeof(*fields));
	size_t n = 0;

	insist(fields != NULL);
	for (; *line && **line; n++) {
		insist(n < RELABEL_LABELS_MAX);
		fields[n].key = next_text(line);
		fields[n].value.type = CONFIG_STRING;
		fields[n].value.text = next_text(line);
	}
	return config_object_make(fields, n);
}

static void answer_relabel(char **line)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	static struct config_text sources[RULES_MAX][SOURCES_MAX];
	struct relabel_rule rules[RULES_MAX];
	size_t n_rules = strtoull(next_word(line), NULL, 10);
	struct config_object labels;
	struct regex_engine *engine;
	struct relabel *relabel;
	int r;

	insist(n_rules <= RULES_MAX && regex_engine_new(STEPS_MAX, &engine) == 0);
	for (size_t i = 0; i < n_rules; i++)
		rules[i] = next_rule(line, engine, sources[i]);
	labels = next_labels(line, &arena);
	insist(relabel_new(engine, rules, n_rules, &arena, &relabel) == 0);
	r = relabel_apply(relabel, &labels, &labels);
	insist(r == 0 || r == RELABEL_DROPPED);
	printf("%s", r == 0 ? "keep" : "drop");
	for (size_t i = 0; r == 0 && i < labels.n_fields; i++) {
		print_text(labels.fields[i].key);
		print_text(labels.fields[i].value.text);
	}
	printf("\n");
	relabel_free(relabel);
	regex_engine_free(engine);
	config_arena_deinit(&arena);
}

int main(void)
{
	size_t capacity = 0;
	char *line = NULL;

	setlinebuf(stdout);
	while (getline(&line, &capacity, stdin) > 0) {
		char *at = line, *word;

		line[strcspn(line, "\n")] = '\0';
		word = next_word(&at);
		if (strcmp(word, "expression") == 0)
			answer_expression(&at);
		else if (strcmp(word, "case") == 0)
			answer_case(&at);
		else if (strcmp(word, "relabel") == 0)
			answer_relabel(&at);
		else
			insist(0);
	}
	free(line);
	return 0;
}
