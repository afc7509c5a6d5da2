/*
 * Any labels and rules. The input is lines: of a rule its action, regex, separator, target,
 * replacement and source label, separated by tabs; of a label `=`, its name, a tab and its value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/relabel.h"

#define RULES_MAX  16u
#define LABELS_MAX 64u
#define PARTS_MAX  6u
#define STEPS_MAX  (1u << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	struct regex_engine *engine;
	struct relabel_rule rules[RULES_MAX];
	struct config_text sources[RULES_MAX];
	size_t n_rules;
	struct config_field labels[LABELS_MAX];
	size_t n_labels;
};

static void split(struct config_text line, struct config_text parts[PARTS_MAX])
{
	for (size_t i = 0; i < PARTS_MAX; i++) {
		const char *tab = line.n_bytes > 0 ? memchr(line.data, '\t', line.n_bytes) : NULL;
		size_t n = tab ? (size_t)(tab - line.data) : line.n_bytes;

		parts[i] = (struct config_text){line.data, n};
		line = (struct config_text){tab ? tab + 1 : "", tab ? line.n_bytes - n - 1 : 0};
	}
}

static void read_rule(struct input *input, struct config_text line)
{
	struct relabel_rule *rule = &input->rules[input->n_rules];
	struct config_text parts[PARTS_MAX];
	struct regex_fault fault;
	struct regex *regex;

	split(line, parts);
	if (input->n_rules == RULES_MAX || parts[0].n_bytes == 0 ||
	    regex_compile(input->engine, parts[1], &regex, &fault) != 0)
		return;
	*rule = (struct relabel_rule){
		.action = (enum relabel_action)((unsigned char)parts[0].data[0] %
						(RELABEL_DROPEQUAL + 1)),
		.regex = regex,
		.separator = parts[2],
		.target_label = parts[3],
		.replacement = parts[4],
		.source_labels = &input->sources[input->n_rules],
		.n_source_labels = 1,
		.modulus = parts[0].n_bytes,
	};
	input->sources[input->n_rules++] = parts[5];
}

static void read_line(struct input *input, struct config_text line)
{
	struct config_text parts[PARTS_MAX];

	if (line.n_bytes == 0 || line.data[0] != '=') {
		read_rule(input, line);
		return;
	}
	split((struct config_text){line.data + 1, line.n_bytes - 1}, parts);
	if (input->n_labels < LABELS_MAX)
		input->labels[input->n_labels++] = (struct config_field){
			parts[0], {.type = CONFIG_STRING, .text = parts[1]}, 0};
}

/* Sorted, no name twice, no value empty: what is exported must be an object. */
static void check(const struct config_object *labels)
{
	for (size_t i = 0; i < labels->n_fields; i++)
		if (labels->fields[i].value.text.n_bytes == 0 ||
		    (i > 0 &&
		     config_text_compare(labels->fields[i - 1].key, labels->fields[i].key) >= 0))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_text rest = {(const char *)data, size};
	struct input *input = calloc(1, sizeof(*input));
	struct config_object labels;
	struct relabel *relabel;

	if (!input || regex_engine_new(STEPS_MAX, &input->engine) < 0)
		abort();
	while (rest.n_bytes > 0) {
		const char *end = memchr(rest.data, '\n', rest.n_bytes);
		size_t n = end ? (size_t)(end - rest.data) : rest.n_bytes;

		read_line(input, (struct config_text){rest.data, n});
		n += end != NULL;
		rest = (struct config_text){rest.data + n, rest.n_bytes - n};
	}
	labels = config_object_make(input->labels, input->n_labels);
	if (relabel_new(input->engine, input->rules, input->n_rules, &arena, &relabel) < 0)
		abort();
	if (relabel_apply(relabel, &labels, &labels) == 0)
		check(&labels);
	relabel_free(relabel);
	regex_engine_free(input->engine);
	config_arena_deinit(&arena);
	free(input);
	return 0;
}
