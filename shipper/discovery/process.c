/*
 * `discovery.process`: the processes of this host as targets. The shipper looks at none of them:
 * the collector, which is in the host's pid namespace, lists them (process_list.h).
 */
#include "discovery/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "configuration/components.h"
#include "discovery/process_targets.h"
#include "log/log.h"

#define JOIN_MAX       65536u
#define REFRESH_MS_MAX (30u * 24u * 3600u * 1000u)
#define MS_NS          UINT64_C(1000000)
#define RETRY_NS       (1000 * MS_NS)

struct process_arguments {
	uint64_t refresh_interval_ns;
	struct process_rules rules;
	struct config_array join; /* of maps of strings */
};

struct process_block {
	struct config_decoded decoded;
	struct config_value join;
	uint32_t refresh_interval_ms;
	struct config_inner_blocks discover;
};

struct discover_block {
	struct config_decoded decoded;
	struct process_rules rules;
};

struct process_source {
	const struct process_arguments *arguments;
	struct source_slot *slot;
	struct process_list *list; /* NULL: it has not run yet */
	struct process_asker asker;
	uint64_t due_ns; /* of the next list, unless it waits for one */
};

#define RULE_ROW(label)                                                                            \
	{                                                                                          \
		.name = #label, .kind = CONFIG_ARGUMENT_BOOL,                                      \
		.offset = offsetof(struct discover_block, rules.label)                             \
	}

static const struct config_argument discover_rows[] = {
	RULE_ROW(cwd), RULE_ROW(exe),          RULE_ROW(commandline), RULE_ROW(username),
	RULE_ROW(uid), RULE_ROW(container_id), RULE_ROW(cgroup_path),
};

static const struct discover_block discover_defaults = {
	.rules = {.cwd = true, .exe = true, .commandline = true, .container_id = true},
};

static const struct config_schema discover_schema = {
	.arguments = discover_rows,
	.n_arguments = sizeof(discover_rows) / sizeof(discover_rows[0]),
	.defaults = &discover_defaults,
	.n_bytes = sizeof(discover_defaults),
};

static const struct config_argument rows[] = {
	{.name = "join",
	 .kind = CONFIG_ARGUMENT_VALUE,
	 .offset = offsetof(struct process_block, join)},
	{.name = "refresh_interval",
	 .kind = CONFIG_ARGUMENT_DURATION,
	 .offset = offsetof(struct process_block, refresh_interval_ms),
	 .min = 1,
	 .max = REFRESH_MS_MAX},
};

static const struct config_inner inner[] = {
	{"discover_config", &discover_schema, offsetof(struct process_block, discover), 1},
};

static const struct process_block defaults = {
	.join = {.type = CONFIG_NULL},
	.refresh_interval_ms = 60000,
};

static const struct config_schema schema = {
	.arguments = rows,
	.n_arguments = sizeof(rows) / sizeof(rows[0]),
	.inner = inner,
	.n_inner = sizeof(inner) / sizeof(inner[0]),
	.defaults = &defaults,
	.n_bytes = sizeof(defaults),
};

/* Copies one target of `join` to the source's memory. */
static int keep_target(struct component_loading *loading, struct config_span at,
		       const struct config_value *target, struct config_value *ret_kept)
{
	struct config_object texts;
	struct config_field *fields;
	struct config_text key;
	int r;

	if (target->type != CONFIG_OBJECT) {
		config_error(loading->diagnostics, at,
			     "found %s among the targets to join, expected maps of labels",
			     config_value_describe(target));
		return CONFIG_REFUSED;
	}
	r = config_object_to_texts(loading->scratch, &target->object, &texts, &key);
	if (r > 0)
		config_error(loading->diagnostics, at,
			     "the value of the label %s is no string, expected one", key.data);
	if (r != 0)
		return r;
	fields = config_arena_array(loading->memory, texts.n_fields, sizeof(*fields));
	if (!fields)
		return loading->memory->error;
	for (size_t i = 0; i < texts.n_fields; i++) {
		fields[i] = texts.fields[i];
		fields[i].key.data = component_keep(loading, fields[i].key);
		fields[i].value.text.data = component_keep(loading, fields[i].value.text);
	}
	*ret_kept =
		(struct config_value){.type = CONFIG_OBJECT, .object = {fields, texts.n_fields}};
	return loading->memory->error;
}

static int keep_join(struct component_loading *loading, const struct process_block *block,
		     struct config_array *ret_join)
{
	struct config_span at = config_place_of(&schema, &block->decoded, "join");
	const struct config_array *targets = &block->join.array;
	struct config_value *kept;
	int r = 0;

	if (block->join.type == CONFIG_NULL)
		return 0;
	if (block->join.type != CONFIG_ARRAY) {
		config_error(loading->diagnostics, at,
			     "join is %s, expected a list of maps of labels",
			     config_value_describe(&block->join));
		return CONFIG_REFUSED;
	}
	if (targets->n_items > JOIN_MAX) {
		config_error(loading->diagnostics, at,
			     "found %zu targets to join, expected at most %u", targets->n_items,
			     JOIN_MAX);
		return CONFIG_REFUSED;
	}
	kept = config_arena_array(loading->memory, targets->n_items, sizeof(*kept));
	if (!kept)
		return loading->memory->error;
	for (size_t i = 0; r == 0 && i < targets->n_items; i++)
		r = keep_target(loading, at, &targets->items[i], &kept[i]);
	*ret_join = (struct config_array){kept, targets->n_items};
	return r;
}

static int load(struct component_loading *loading, struct config_component *component,
		struct source_configuration *ret)
{
	struct process_arguments *arguments =
		config_arena_alloc(loading->memory, sizeof(*arguments));
	const struct discover_block *discover = &discover_defaults;
	struct process_block block;
	int r, refusal;

	if (!arguments)
		return loading->memory->error;
	r = config_decode(&loading->evaluator, component->block, &schema, &block);
	if (r < 0)
		return r;
	refusal = keep_join(loading, &block, &arguments->join);
	if (r != 0 || refusal != 0)
		return refusal < 0 ? refusal : CONFIG_REFUSED;
	if (block.discover.n_items > 0)
		discover = block.discover.items;
	arguments->rules = discover->rules;
	arguments->refresh_interval_ns = block.refresh_interval_ms * MS_NS;
	ret->arguments = arguments;
	return 0;
}

/* Nobody has a name where there is no file of them: an image may have none. */
static void read_names(const struct process_source *source, struct user_names *names)
{
	int r;

	if (!source->arguments->rules.username)
		return;
	r = user_names_read(USER_NAMES_PATH, names);
	if (r < 0)
		log_warn("users-unreadable",
			 "path=" USER_NAMES_PATH " error=\"%s\", no labels "
			 "__meta_process_username",
			 strerror(-r));
}

static void publish(struct process_source *source, const struct process_listing *listing)
{
	cleanup_with(user_names_deinit) struct user_names names = {.n = 0};
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_value targets;
	int r;

	read_names(source, &names);
	r = process_targets_make(listing, &source->arguments->rules, &names,
				 &source->arguments->join, &arena, &targets);
	if (r == 0)
		source_publish(source->slot, targets, &arena);
	else
		source_fail(source->slot,
			    r == -EMSGSIZE ? "the targets have more than 64 MiB" : strerror(-r));
	config_arena_deinit(&arena);
	source->due_ns = listing->began_ns + source->arguments->refresh_interval_ns;
}

static void listed(void *owner, const struct process_listing *listing, const char *why)
{
	struct process_source *source = owner;

	if (listing) {
		publish(source, listing);
		return;
	}
	source_fail(source->slot, why);
	source->due_ns = source->asker.asked_ns + RETRY_NS;
}

static int start(const struct source_configuration *configuration, struct source_slot *slot,
		 void **ret_source)
{
	struct process_source *source = calloc(1, sizeof(*source));

	if (!source)
		return -ENOMEM;
	source->arguments = configuration->arguments;
	source->slot = slot;
	source->asker = (struct process_asker){
		.done = listed,
		.owner = source,
		.wants_commands = source->arguments->rules.commandline,
	};
	*ret_source = source;
	return 0;
}

static void stop(void *context)
{
	struct process_source *source = context;

	if (source->list)
		process_list_remove(source->list, &source->asker);
	free(source);
}

/* Other arguments (a container came, and `join` has it) apply at once to what was just listed. */
static void join_in(struct process_source *source, uint64_t now_ns)
{
	const struct process_listing *latest;

	source->list = source_environment(source->slot)->process_list;
	process_list_add(source->list, &source->asker);
	latest = process_list_latest(source->list, &source->asker);
	if (latest && now_ns - latest->began_ns < source->arguments->refresh_interval_ns)
		publish(source, latest);
	source->due_ns = now_ns; /* and to what runs now, soon */
}

static uint64_t deadline_ns(const void *context)
{
	const struct process_source *source = context;
	uint64_t list_ns;

	if (!source->list)
		return 0;
	list_ns = process_list_deadline_ns(source->list);
	if (source->asker.is_waiting || list_ns < source->due_ns)
		return list_ns;
	return source->due_ns;
}

static void run(void *context, uint64_t now_ns)
{
	struct process_source *source = context;

	if (!source->list)
		join_in(source, now_ns);
	if (!source->asker.is_waiting && now_ns >= source->due_ns)
		process_list_ask(source->list, &source->asker, now_ns);
	process_list_run(source->list, now_ns);
}

const struct source_class process_class = {
	.name = "discovery.process",
	.export_name = "targets",
	.load = load,
	.start = start,
	.stop = stop,
	.run = run,
	.deadline_ns = deadline_ns,
};
