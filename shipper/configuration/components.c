#include "configuration/components.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "discovery/source.h"

enum component_use {
	COMPONENT_LOADED,
	COMPONENT_IGNORED,     /* a block that configures a part that this program does not have */
	COMPONENT_UNUSED,      /* one that defines others, which nobody can use */
	COMPONENT_UNSUPPORTED, /* a block whose absence would change what the others mean */
};

struct component_kind {
	const char *name;
	enum component_use use;
	bool has_label;
	int (*load)(struct component_loading *loading, struct config_component *component);
};

struct logging_arguments {
	struct config_decoded decoded;
	uint32_t level;
	uint32_t format;
	struct config_value write_to;
};

static const char *const level_words[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_words[] = {[LOG_LOGFMT] = "logfmt", [LOG_JSON] = "json", NULL};

static const struct config_argument logging_rows[] = {
	{.name = "level",
	 .kind = CONFIG_ARGUMENT_WORD,
	 .offset = offsetof(struct logging_arguments, level),
	 .words = level_words},
	{.name = "format",
	 .kind = CONFIG_ARGUMENT_WORD,
	 .offset = offsetof(struct logging_arguments, format),
	 .words = format_words},
	{.name = "write_to",
	 .kind = CONFIG_ARGUMENT_VALUE,
	 .flags = CONFIG_INACTIVE,
	 .offset = offsetof(struct logging_arguments, write_to)},
};

static const struct logging_arguments logging_defaults = {.level = LOG_INFO};

static const struct config_schema logging_schema = {
	.arguments = logging_rows,
	.n_arguments = sizeof(logging_rows) / sizeof(logging_rows[0]),
	.defaults = &logging_defaults,
	.n_bytes = sizeof(logging_defaults),
};

static int load_logging(struct component_loading *loading, struct config_component *component)
{
	struct logging_arguments arguments;
	int r = config_decode(&loading->evaluator, component->block, &logging_schema, &arguments);

	if (r != 0)
		return r;
	loading->configuration->log_level = (enum log_level)arguments.level;
	loading->configuration->log_format = (enum log_format)arguments.format;
	return 0;
}

static const struct component_kind kinds[] = {
	{"pyroscope.ebpf", COMPONENT_LOADED, true, component_load_ebpf},
	{"pyroscope.write", COMPONENT_LOADED, true, component_load_write},
	{"discovery.relabel", COMPONENT_LOADED, true, component_load_relabel},
	{"logging", COMPONENT_LOADED, false, load_logging},
	{"tracing", COMPONENT_IGNORED, false, NULL},
	{"http", COMPONENT_IGNORED, false, NULL},
	{"remotecfg", COMPONENT_IGNORED, false, NULL},
	{"livedebugging", COMPONENT_IGNORED, false, NULL},
	{"declare", COMPONENT_UNUSED, true, NULL},
	{"foreach", COMPONENT_UNSUPPORTED, true, NULL},
	{"argument", COMPONENT_UNSUPPORTED, true, NULL},
	{"export", COMPONENT_UNSUPPORTED, true, NULL},
	{"import.file", COMPONENT_UNUSED, true, NULL},
	{"import.string", COMPONENT_UNUSED, true, NULL},
	{"import.http", COMPONENT_UNUSED, true, NULL},
	{"import.git", COMPONENT_UNUSED, true, NULL},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

char *component_keep(struct component_loading *loading, struct config_text text)
{
	return config_arena_copy(loading->memory, text.data, text.n_bytes);
}

int component_ail(struct component_loading *loading, const struct config_component *component,
		  const char *format, ...)
{
	struct configuration_ailment *ailment =
		config_arena_alloc(loading->memory, sizeof(*ailment));
	char message[CONFIGURATION_AILMENT_BYTES];
	va_list args;

	if (!ailment)
		return loading->memory->error;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args); /* cut rather than long */
	va_end(args);
	ailment->id = config_arena_copy(loading->memory, component->id, strlen(component->id));
	ailment->message = config_arena_copy(loading->memory, message, strlen(message));
	ailment->next = loading->configuration->ailments;
	loading->configuration->ailments = ailment;
	return loading->memory->error;
}

static const struct component_kind *kind_of(const struct config_block *block)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (config_text_equals(block->name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

static const struct source_class *class_of(const struct config_block *block)
{
	for (size_t i = 0; source_classes[i]; i++)
		if (config_text_equals(block->name, source_classes[i]->name))
			return source_classes[i];
	return NULL;
}

static int refuse_unknown(struct component_loading *loading, const struct config_block *block)
{
	struct config_suggestion suggestion = {.word = block->name};
	struct bytes known = BYTES_INIT(1024);

	for (size_t i = 0; i < N_KINDS; i++) {
		config_suggestion_offer(&suggestion, kinds[i].name);
		if (kinds[i].use == COMPONENT_LOADED)
			bytes_printf(&known, "%s%s", i > 0 ? ", " : "", kinds[i].name);
	}
	for (size_t i = 0; source_classes[i]; i++) {
		config_suggestion_offer(&suggestion, source_classes[i]->name);
		bytes_printf(&known, ", %s", source_classes[i]->name);
	}
	config_error(loading->diagnostics, block->name_span,
		     "found the unknown component %s, known are %.*s%s%s%s", block->name.data,
		     (int)known.n_bytes, known.data ? (const char *)known.data : "",
		     suggestion.nearest ? "; did you mean " : "",
		     suggestion.nearest ? suggestion.nearest : "", suggestion.nearest ? "?" : "");
	bytes_deinit(&known);
	return CONFIG_REFUSED;
}

/* A component has a label, a block that configures the program itself has none. */
static int check_label(struct component_loading *loading, const struct config_block *block,
		       bool has_label)
{
	const char *name = block->name.data;

	if (has_label && block->label.n_bytes == 0) {
		config_error(loading->diagnostics, block->name_span,
			     "%s has no label, expected one: %s \"name\" { ... }", name, name);
		return CONFIG_REFUSED;
	}
	if (!has_label && block->label.n_bytes > 0) {
		config_error(loading->diagnostics, block->label_span,
			     "%s has the label \"%s\", expected none: %s { ... }", name,
			     block->label.data, name);
		return CONFIG_REFUSED;
	}
	return 0;
}

static int load_known(struct component_loading *loading, const struct component_kind *kind,
		      struct config_component *component)
{
	const struct config_block *block = component->block;
	int label = check_label(loading, block, kind->has_label), r;

	if (kind->use == COMPONENT_UNSUPPORTED) {
		config_error(loading->diagnostics, block->name_span,
			     "%s is not supported here, expected a configuration without modules",
			     kind->name);
		return CONFIG_REFUSED;
	}
	component->is_ignored = kind->use != COMPONENT_LOADED;
	if (component->is_ignored) {
		config_warn(loading->diagnostics, block->name_span,
			    kind->use == COMPONENT_IGNORED
				    ? "%s is accepted but has no effect here"
				    : "%s is accepted, but what it defines cannot be used here",
			    kind->name);
		return label;
	}
	r = kind->load(loading, component);
	return r != 0 ? r : label;
}

/* What has a label runs, or takes part in what runs: it is well or it is not. */
static int note_component(struct component_loading *loading,
			  const struct config_component *component)
{
	struct configuration *configuration = loading->configuration;
	char *id;

	if (component->block->label.n_bytes == 0 || component->is_ignored)
		return 0;
	id = config_arena_copy(loading->memory, component->id, strlen(component->id));
	configuration->component_ids[configuration->n_components++] = id;
	return id ? 0 : loading->memory->error;
}

int component_load(struct component_loading *loading, struct config_component *component)
{
	const struct component_kind *kind = kind_of(component->block);
	const struct source_class *class = class_of(component->block);
	bool was_broken = component->state == CONFIG_COMPONENT_BROKEN;
	int r, label;

	loading->evaluator.recorded_block = component->block;
	loading->evaluator.ret_recorded = &component->arguments;
	if (kind) {
		r = load_known(loading, kind, component);
	} else if (class) {
		label = check_label(loading, component->block, true);
		r = component_load_source(loading, class, component);
		r = r ? r : label;
	} else {
		r = refuse_unknown(loading, component->block);
		if (config_evaluate_body(&loading->evaluator, &component->block->body) < 0)
			r = loading->scratch->error;
	}
	component->state = r != 0 || was_broken ? CONFIG_COMPONENT_BROKEN : CONFIG_COMPONENT_READY;
	return r < 0 ? r : note_component(loading, component);
}
