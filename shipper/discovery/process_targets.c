#include "discovery/process_targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX_OF_ONE 8u
#define NUMBER_BYTES      sizeof("4294967295")
#define REPLACEMENT       0xfffdu
#define REPLACEMENT_BYTES 3u
#define ID_LABEL          "__container_id__"

struct making {
	const struct process_rules *rules;
	const struct user_names *names;
	struct config_arena *arena;
	const struct joined *joined; /* those with a container, by it and one of each */
	size_t n_joined;
	struct config_value *targets;
	size_t n_targets;
};

/* A target of `join` that names a container. */
struct joined {
	struct config_text id;
	size_t place;
	const struct config_object *labels;
};

struct labels {
	size_t n;
	struct config_field fields[LABELS_MAX_OF_ONE];
};

static struct config_text text_of(struct wire_bytes bytes)
{
	return (struct config_text){bytes.data, bytes.n_bytes};
}

/* Copies @text as UTF-8: each byte that is none becomes U+FFFD. NULL: the arena says why. */
static const char *copy_utf8(struct config_arena *arena, struct config_text text,
			     size_t *ret_n_bytes)
{
	char *copy, *to;
	uint32_t character;
	size_t n;

	*ret_n_bytes = text.n_bytes;
	if (config_utf8_valid(text))
		return config_arena_copy(arena, text.data, text.n_bytes);
	copy = to = config_arena_array(arena, text.n_bytes + 1, REPLACEMENT_BYTES);
	if (!copy)
		return NULL;
	for (size_t i = 0; i<text.n_bytes; i += n> 0 ? n : 1) {
		n = config_utf8_read(text.data + i, text.n_bytes - i, &character);
		to += config_utf8_write(n > 0 ? character : REPLACEMENT, to);
	}
	*ret_n_bytes = (size_t)(to - copy);
	return copy;
}

static void add(struct making *making, struct labels *labels, const char *name,
		struct config_text value)
{
	struct config_field *field = &labels->fields[labels->n];

	if (value.n_bytes == 0)
		return;
	field->key = (struct config_text){name, strlen(name)};
	field->value.type = CONFIG_STRING;
	field->value.text.data = copy_utf8(making->arena, value, &field->value.text.n_bytes);
	labels->n++;
}

static void add_number(struct making *making, struct labels *labels, const char *name,
		       uint32_t number)
{
	char text[NUMBER_BYTES];
	int n = snprintf(text, sizeof(text), "%u", number);

	add(making, labels, name, (struct config_text){text, (size_t)n});
}

/* Arguments with a blank between them; empty ones are lost, as they are in Alloy. */
static void add_command(struct making *making, struct labels *labels, struct wire_bytes command)
{
	const char *from = command.data;
	char *text, *to;

	if (command.n_bytes == 0)
		return;
	text = to = config_arena_alloc(making->arena, command.n_bytes);
	if (!text)
		return;
	for (size_t i = 0; i < command.n_bytes; i++) {
		if (from[i] == '\0')
			continue;
		if (to > text && from[i - 1] == '\0')
			*to++ = ' ';
		*to++ = from[i];
	}
	add(making, labels, "__meta_process_commandline",
	    (struct config_text){text, (size_t)(to - text)});
}

/* Lines with a `|` between them. */
static void add_cgroup(struct making *making, struct labels *labels, struct wire_bytes cgroup)
{
	size_t n = cgroup.n_bytes;
	char *text = config_arena_copy(making->arena, cgroup.data, n);

	if (!text)
		return;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n')
			text[i] = '|';
	add(making, labels, "__meta_process_cgroup_path", (struct config_text){text, n});
}

static void make_labels(struct making *making, const struct wire_listed_process *process,
			struct labels *labels)
{
	const struct process_rules *rules = making->rules;
	const struct user_name *user;

	add_number(making, labels, "__process_pid__", process->pid);
	if (rules->exe)
		add(making, labels, "__meta_process_exe", text_of(process->exe));
	if (rules->cwd)
		add(making, labels, "__meta_process_cwd", text_of(process->cwd));
	if (rules->commandline)
		add_command(making, labels, process->command);
	if (rules->container_id)
		add(making, labels, ID_LABEL, text_of(process->container_id));
	user = rules->username ? user_names_find(making->names, process->uid) : NULL;
	if (user)
		add(making, labels, "__meta_process_username", user->name);
	if (rules->uid)
		add_number(making, labels, "__meta_process_uid", process->uid);
	if (rules->cgroup_path)
		add_cgroup(making, labels, process->cgroup);
}

static struct config_text find_text(const struct config_object *labels, const char *name)
{
	const struct config_value *value =
		config_object_find(labels, (struct config_text){name, strlen(name)});

	return value ? value->text : (struct config_text){"", 0};
}

/* Which container a target of `join` is about; empty: none. */
static struct config_text container_of(const struct config_object *labels)
{
	static const char *const prefixes[] = {"docker://", "containerd://", "cri-o://"};
	struct config_text id = find_text(labels, ID_LABEL);

	if (id.n_bytes > 0)
		return id;
	id = find_text(labels, "__meta_kubernetes_pod_container_id");
	if (id.n_bytes == 0)
		return find_text(labels, "__meta_docker_container_id");
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);

		if (id.n_bytes >= n && memcmp(id.data, prefixes[i], n) == 0)
			return (struct config_text){id.data + n, id.n_bytes - n};
	}
	return (struct config_text){"", 0};
}

static int by_id_then_last(const void *left, const void *right)
{
	const struct joined *a = left, *b = right;
	int order = config_text_compare(a->id, b->id);

	return order != 0 ? order : (a->place < b->place) - (a->place > b->place);
}

static int by_place(const void *left, const void *right)
{
	const struct joined *a = left, *b = right;

	return (a->place > b->place) - (a->place < b->place);
}

static const struct joined *find_joined(const struct making *making, struct config_text id)
{
	size_t lo = 0, hi = making->n_joined;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		int order = config_text_compare(making->joined[middle].id, id);

		if (order == 0)
			return &making->joined[middle];
		if (order < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	return NULL;
}

static int add_target(struct making *making, const struct wire_listed_process *process)
{
	const struct process_rules *rules = making->rules;
	struct labels labels = {.n = 0};
	const struct joined *joined = NULL;
	struct config_field *fields;
	size_t n_joined;

	if ((rules->exe && process->exe.n_bytes == 0) || (rules->cwd && process->cwd.n_bytes == 0))
		return 0;
	make_labels(making, process, &labels);
	if (rules->container_id && process->container_id.n_bytes > 0)
		joined = find_joined(making, text_of(process->container_id));
	n_joined = joined ? joined->labels->n_fields : 0;
	fields = config_arena_array(making->arena, labels.n + n_joined, sizeof(*fields));
	if (!fields || making->arena->error)
		return making->arena->error;
	memcpy(fields, labels.fields, labels.n * sizeof(*fields));
	if (n_joined > 0)
		memcpy(fields + labels.n, joined->labels->fields, n_joined * sizeof(*fields));
	making->targets[making->n_targets++] = (struct config_value){
		.type = CONFIG_OBJECT, .object = config_object_make(fields, labels.n + n_joined)};
	return 0;
}

static int copy_text(struct config_arena *arena, struct config_text *text)
{
	text->data = config_arena_copy(arena, text->data, text->n_bytes);
	return text->data ? 0 : arena->error;
}

/* The values of `join` live as long as the arguments, and these not as long as the targets. */
static int copy_join(struct config_arena *arena, const struct config_array *join,
		     struct config_object **ret_objects)
{
	struct config_object *objects = config_arena_array(arena, join->n_items, sizeof(*objects));
	int r = objects ? 0 : arena->error;

	for (size_t i = 0; r == 0 && i < join->n_items; i++) {
		const struct config_object *from = &join->items[i].object;
		struct config_field *fields =
			config_arena_array(arena, from->n_fields, sizeof(*fields));

		r = fields ? 0 : arena->error;
		for (size_t j = 0; r == 0 && j < from->n_fields; j++) {
			fields[j] = from->fields[j];
			r = copy_text(arena, &fields[j].key);
			if (r == 0)
				r = copy_text(arena, &fields[j].value.text);
		}
		objects[i] = (struct config_object){fields, from->n_fields};
	}
	if (r == 0)
		*ret_objects = objects;
	return r;
}

static void append(struct making *making, const struct config_object *labels)
{
	making->targets[making->n_targets++] =
		(struct config_value){.type = CONFIG_OBJECT, .object = *labels};
}

/* Appends what names no container, and keeps the rest, the last of each container, in order. */
static int sort_joined(struct making *making, const struct config_object *objects, size_t n)
{
	struct joined *joined = config_arena_array(making->arena, n, sizeof(*joined));
	size_t n_all = 0;

	if (!joined)
		return making->arena->error;
	for (size_t i = 0; i < n; i++) {
		struct config_text id = container_of(&objects[i]);

		if (id.n_bytes > 0)
			joined[n_all++] = (struct joined){id, i, &objects[i]};
		else
			append(making, &objects[i]);
	}
	if (n_all > 0)
		qsort(joined, n_all, sizeof(*joined), by_id_then_last);
	for (size_t i = 0; i < n_all; i++)
		if (i == 0 || config_text_compare(joined[i].id, joined[i - 1].id) != 0)
			joined[making->n_joined++] = joined[i];
	making->joined = joined;
	return 0;
}

static int append_joined(struct making *making)
{
	struct joined *joined =
		config_arena_array(making->arena, making->n_joined, sizeof(*joined));

	if (!joined)
		return making->arena->error;
	if (making->n_joined == 0)
		return 0;
	memcpy(joined, making->joined, making->n_joined * sizeof(*joined));
	qsort(joined, making->n_joined, sizeof(*joined), by_place);
	for (size_t i = 0; i < making->n_joined; i++)
		append(making, joined[i].labels);
	return 0;
}

int process_targets_make(const struct process_listing *listing, const struct process_rules *rules,
			 const struct user_names *names, const struct config_array *join,
			 struct config_arena *arena, struct config_value *ret_targets)
{
	struct making making = {.rules = rules, .names = names, .arena = arena};
	struct config_object *objects;
	int r = copy_join(arena, join, &objects);

	if (r != 0)
		return r;
	making.targets =
		config_arena_array(arena, listing->n + join->n_items, sizeof(*making.targets));
	if (!making.targets)
		return arena->error;
	r = sort_joined(&making, objects, join->n_items);
	for (size_t i = 0; r == 0 && i < listing->n; i++)
		r = add_target(&making, &listing->processes[i]);
	if (r == 0)
		r = append_joined(&making);
	if (r == 0)
		*ret_targets = (struct config_value){.type = CONFIG_ARRAY,
						     .array = {making.targets, making.n_targets}};
	return r;
}
