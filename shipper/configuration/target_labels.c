#include "configuration/target_labels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define ENCODED_BYTES_MAX (1u << 20)
#define OPTION_PREFIX     "__meta_pyroscope_ebpf_options_"
#define OPTION_NAME_MAX   32u

static bool begins_with(struct config_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n_bytes >= n && memcmp(text.data, prefix, n) == 0;
}

/* Returns the text of a label, "" when it is not there. */
static struct config_text label_of(const struct config_object *labels, const char *name)
{
	struct config_text key = {name, strlen(name)};
	const struct config_value *value = config_object_find(labels, key);

	return value ? value->text : (struct config_text)CONFIG_TEXT("");
}

bool label_name_is_valid(struct config_text name)
{
	for (size_t i = 0; i < name.n_bytes; i++) {
		char c = name.data[i];
		bool is_digit = c >= '0' && c <= '9';

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_' &&
		    !(is_digit && i > 0))
			return false;
	}
	return name.n_bytes > 0;
}

/* Does the label hold a pid: a decimal of 32 bits, not 0? Anything else counts as absent. */
static bool read_pid(struct config_text text, uint64_t *ret_pid)
{
	return config_parse_uint(text, ret_pid) == 0 && *ret_pid > 0 && *ret_pid <= UINT32_MAX;
}

static struct config_text cut_runtime(struct config_text id)
{
	static const char *const prefixes[] = {"docker://", "containerd://", "cri-o://"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (begins_with(id, prefixes[i])) {
			id.data += strlen(prefixes[i]);
			id.n_bytes -= strlen(prefixes[i]);
			return id;
		}
	return (struct config_text)CONFIG_TEXT("");
}

static struct config_text container_of(const struct config_object *labels)
{
	struct config_text id = label_of(labels, "__container_id__");

	if (id.n_bytes > 0)
		return id;
	id = label_of(labels, "__meta_kubernetes_pod_container_id");
	if (id.n_bytes > 0)
		return cut_runtime(id);
	id = label_of(labels, "__meta_docker_container_id");
	if (id.n_bytes > 0)
		return id;
	return label_of(labels, "__meta_dockerswarm_task_container_id");
}

static int set_key(struct config_arena *arena, struct wire_target_rule *rule, enum target_key kind,
		   struct config_text key)
{
	rule->key_kind = kind;
	rule->key.n_bytes = key.n_bytes;
	rule->key.data = config_arena_copy(arena, key.data, key.n_bytes);
	return rule->key.data ? 0 : arena->error;
}

static int identify(const struct config_object *labels, struct config_arena *arena,
		    struct wire_target_rule *rule)
{
	struct config_text id = container_of(labels);
	struct config_value pid = {.type = CONFIG_NUMBER};
	struct config_text digits;
	uint64_t number;
	int r;

	if (read_pid(label_of(labels, "__process_pid__"), &number)) {
		pid.number.i = (int64_t)number;
		r = config_value_to_text(arena, &pid, &digits); /* without leading zeros */
		return r != 0 ? r : set_key(arena, rule, TARGET_PID, digits);
	}
	if (id.n_bytes == 0)
		return TARGET_LABELS_UNIDENTIFIED;
	if (id.n_bytes > TARGET_KEY_BYTES_MAX)
		return TARGET_LABELS_TOO_MUCH;
	return set_key(arena, rule, TARGET_CONTAINER, id);
}

/* The service's name by the order of Alloy's code, which is not that of its page. */
static int infer_service(const struct config_object *labels, struct config_arena *arena,
			 struct config_text *ret_name)
{
	static const char *const verbatim[] = {
		"__meta_docker_container_name",
		"__meta_dockerswarm_container_label_service_name",
		"__meta_dockerswarm_service_name",
	};
	struct config_text name =
		label_of(labels, "__meta_kubernetes_pod_annotation_pyroscope_io_service_name");
	struct config_text pod_namespace = label_of(labels, "__meta_kubernetes_namespace");
	struct config_text container = label_of(labels, "__meta_kubernetes_pod_container_name");
	struct bytes joined = BYTES_INIT(CONFIG_ARENA_BYTES_MAX);
	int r;

	if (name.n_bytes == 0 && pod_namespace.n_bytes > 0 && container.n_bytes > 0) {
		bytes_append(&joined, "ebpf/", 5);
		bytes_append(&joined, pod_namespace.data, pod_namespace.n_bytes);
		bytes_append(&joined, "/", 1);
		bytes_append(&joined, container.data, container.n_bytes);
		r = joined.error;
		name.data = config_arena_copy(arena, joined.data, joined.n_bytes);
		name.n_bytes = joined.n_bytes;
		bytes_deinit(&joined);
		if (r != 0 || !name.data)
			return r ? r : arena->error;
	}
	for (size_t i = 0; i < sizeof(verbatim) / sizeof(verbatim[0]) && name.n_bytes == 0; i++)
		name = label_of(labels, verbatim[i]);
	*ret_name = name.n_bytes > 0 ? name : (struct config_text)CONFIG_TEXT("unspecified");
	return 0;
}

const char *label_flaw_name(enum label_flaw flaw)
{
	static const char *const names[N_LABEL_FLAWS] = {
		[LABEL_FLAW_NAME] = "name",
		[LABEL_FLAW_TEXT] = "not_utf8",
		[LABEL_FLAW_LENGTH] = "too_long",
	};

	return names[flaw];
}

/* Returns whether a server takes the label, and notes it in @flaws when not. */
static bool is_taken(struct config_text name, struct config_text value, struct label_flaws *flaws)
{
	enum label_flaw flaw = N_LABEL_FLAWS;

	if (!label_name_is_valid(name))
		flaw = LABEL_FLAW_NAME;
	else if (!config_utf8_valid(value))
		flaw = LABEL_FLAW_TEXT;
	else if (name.n_bytes > LABEL_NAME_BYTES_MAX || value.n_bytes > LABEL_VALUE_BYTES_MAX)
		flaw = LABEL_FLAW_LENGTH;
	if (flaw == N_LABEL_FLAWS)
		return true;
	if (flaws->first.n_bytes == 0) {
		flaws->first = name;
		flaws->first_flaw = flaw;
	}
	flaws->n[flaw]++;
	return false;
}

/* Dots as underscores, unless the set has a label of that name. */
static int without_dots(const struct config_object *labels, struct config_arena *arena,
			struct config_text *name)
{
	char *copy;

	if (!memchr(name->data, '.', name->n_bytes))
		return 0;
	copy = config_arena_copy(arena, name->data, name->n_bytes);
	if (!copy)
		return arena->error;
	for (size_t i = 0; i < name->n_bytes; i++)
		if (copy[i] == '.')
			copy[i] = '_';
	if (label_of(labels, copy).n_bytes == 0)
		name->data = copy;
	return 0;
}

static bool stays_here(struct config_text name)
{
	static const struct config_text name_key = CONFIG_TEXT("__name__");

	return begins_with(name, "__") && config_text_compare(name, name_key) != 0;
}

/* Whether @kept has a label called @name. */
static bool has(const struct config_field *kept, size_t n, struct config_text name)
{
	for (size_t i = 0; i < n; i++)
		if (config_text_compare(kept[i].key, name) == 0)
			return true;
	return false;
}

static int keep_service(const struct config_object *labels, struct config_arena *arena,
			struct config_field *kept, struct label_flaws *flaws)
{
	static const struct config_text key = CONFIG_TEXT("service_name");
	int r;

	*kept = (struct config_field){.key = key, .value.type = CONFIG_STRING};
	r = infer_service(labels, arena, &kept->value.text);
	if (r == 0 && !is_taken(key, kept->value.text, flaws))
		kept->value.text = (struct config_text)CONFIG_TEXT("unspecified");
	return r;
}

/* Copies what profiles carry to @kept, which has room for two more than @labels has. */
static int keep_labels(const struct config_object *labels, struct config_arena *arena,
		       struct config_field *kept, size_t *ret_n, struct label_flaws *flaws)
{
	static const struct config_text name_key = CONFIG_TEXT("__name__"),
					service_key = CONFIG_TEXT("service_name"),
					name_default = CONFIG_TEXT("process_cpu");
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < labels->n_fields; i++) {
		const struct config_field *field = &labels->fields[i];

		if (field->value.text.n_bytes == 0 || stays_here(field->key))
			continue;
		kept[n] = *field;
		r = without_dots(labels, arena, &kept[n].key);
		if (r == 0 && is_taken(kept[n].key, field->value.text, flaws))
			n++;
	}
	if (r == 0 && !has(kept, n, name_key)) {
		kept[n].key = name_key;
		kept[n++].value =
			(struct config_value){.type = CONFIG_STRING, .text = name_default};
	}
	if (r == 0 && !has(kept, n, service_key))
		r = keep_service(labels, arena, &kept[n++], flaws);
	*ret_n = n;
	return r;
}

static int encode(const struct config_object *kept, struct config_arena *arena,
		  struct wire_bytes *ret_encoded)
{
	struct bytes out = BYTES_INIT(ENCODED_BYTES_MAX);
	struct wire_label labels[LABELS_MAX];
	void *copy;
	int r;

	for (size_t i = 0; i < kept->n_fields; i++) {
		const struct config_field *field = &kept->fields[i];

		labels[i].name = (struct wire_bytes){field->key.data, field->key.n_bytes};
		labels[i].value =
			(struct wire_bytes){field->value.text.data, field->value.text.n_bytes};
	}
	wire_encode_labels(&out, labels, kept->n_fields);
	r = out.error == -EMSGSIZE ? TARGET_LABELS_TOO_MUCH : out.error;
	if (r == 0) {
		copy = config_arena_copy(arena, out.data, out.n_bytes);
		*ret_encoded = (struct wire_bytes){copy, out.n_bytes};
		r = copy ? 0 : arena->error;
	}
	bytes_deinit(&out);
	return r;
}

static struct config_text option_of(const struct config_object *labels, const char *name)
{
	char label[sizeof(OPTION_PREFIX) + OPTION_NAME_MAX];

	(void)snprintf(label, sizeof(label), "%s%s", OPTION_PREFIX, name);
	return label_of(labels, label);
}

static bool text_is(struct config_text text, const char *word)
{
	return text.n_bytes == strlen(word) && memcmp(text.data, word, text.n_bytes) == 0;
}

/* As Alloy reads them: of a flag only "true" is true; a mode that nobody knows is "none". */
static void set_options(const struct config_object *labels, const struct target_defaults *defaults,
			struct wire_target_rule *rule)
{
	static const char *const modes[] = {
		[DEMANGLE_NONE] = "none",
		[DEMANGLE_SIMPLIFIED] = "simplified",
		[DEMANGLE_TEMPLATES] = "templates",
		[DEMANGLE_FULL] = "full",
	};
	struct config_text kernel = option_of(labels, "collect_kernel");
	struct config_text demangle = option_of(labels, "demangle");

	rule->collect_kernel =
		kernel.n_bytes > 0 ? text_is(kernel, "true") : defaults->collect_kernel;
	rule->demangle = demangle.n_bytes > 0 ? DEMANGLE_NONE : defaults->demangle;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (text_is(demangle, modes[i]))
			rule->demangle = (enum demangle_mode)i;
}

int target_labels_make(const struct config_object *labels, const struct target_defaults *defaults,
		       struct config_arena *arena, struct wire_target_rule *ret_rule,
		       struct label_flaws *ret_flaws)
{
	struct label_flaws flaws = {.first = CONFIG_TEXT("")};
	struct wire_target_rule rule = {.key_kind = TARGET_DEFAULT, .key = {"", 0}};
	struct config_field *kept;
	struct config_object set;
	size_t n_kept;
	int r = 0;

	kept = config_arena_array(arena, labels->n_fields + 2, sizeof(*kept));
	if (!kept)
		return arena->error;
	set_options(labels, defaults, &rule);
	if (!defaults->is_default)
		r = identify(labels, arena, &rule);
	if (r == 0)
		r = keep_labels(labels, arena, kept, &n_kept, &flaws);
	if (r == 0) {
		set = config_object_make(kept, n_kept);
		r = set.n_fields > TARGET_LABELS_MAX ? TARGET_LABELS_TOO_MUCH
						     : encode(&set, arena, &rule.labels);
	}
	if (r == 0) {
		*ret_rule = rule;
		*ret_flaws = flaws;
		ret_flaws->n_kept = set.n_fields;
	}
	return r;
}
