#include "configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components.h"
#include "config/parser.h"

#define DEFAULT_NAME "built-in configuration"
#define READ_BYTES   16384u

const char configuration_default_text[] =
	"// What runs when no file is named: every process of this host is profiled.\n"
	"// It is written in the configuration language of Grafana Alloy.\n"
	"\n"
	"// Where profiles go. A directory keeps them as files; the URL of a Pyroscope server,\n"
	"// for example http://pyroscope:4040, has them pushed there.\n"
	"pyroscope.write \"default\" {\n"
	"  endpoint {\n"
	"    url = coalesce(sys.env(\"TRIPTYCH_URL\"), \"file:///var/lib/triptych/profiles\")\n"
	"  }\n"
	"}\n"
	"\n"
	"pyroscope.ebpf \"default\" {\n"
	"  forward_to = [pyroscope.write.default.receiver]\n"
	"\n"
	"  // Processes and containers with labels of their own, for example\n"
	"  //   {\"__process_pid__\" = \"1\", \"service_name\" = \"init\"}\n"
	"  targets = []\n"
	"\n"
	"  // The labels of all other processes. Without it only targets are profiled.\n"
	"  default_target = {\n"
	"    service_name = \"host\",\n"
	"  }\n"
	"\n"
	"  // How often profiles are sent. Samples are taken 97 times a second on every CPU.\n"
	"  collect_interval = coalesce(sys.env(\"TRIPTYCH_COLLECT_INTERVAL\"), \"15s\")\n"
	"}\n";

/* Memory of a result: the arena that everything in it comes from, itself included. */
static struct configuration *configuration_new(void)
{
	struct configuration *configuration = calloc(1, sizeof(*configuration));
	struct config_arena *arena = calloc(1, sizeof(*arena));

	if (!configuration || !arena) {
		free(configuration);
		free(arena);
		return NULL;
	}
	arena->bytes_max = CONFIG_ARENA_BYTES_MAX;
	configuration->memory = arena;
	configuration->settings = component_default_settings();
	configuration->log_level = LOG_INFO;
	return configuration;
}

void configuration_free(struct configuration *configuration)
{
	if (!configuration)
		return;
	config_arena_deinit(configuration->memory);
	free(configuration->memory);
	free(configuration);
}

static void configuration_freep(struct configuration **configuration)
{
	configuration_free(*configuration);
}

/* Stops behind the most that is read: that is enough to report that it is too long. */
static int read_file(const char *path, struct bytes *text)
{
	cleanup_with(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[READ_BYTES];
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			bytes_append(text, chunk, (size_t)n);
	} while (n != 0 && text->error == 0 && text->n_bytes <= CONFIG_SOURCE_BYTES_MAX);
	return text->error;
}

/* Loads every component after those that it refers to, then looks at what is left over. */
static int load_components(struct component_loading *loading, const struct config_body *body)
{
	struct config_graph graph;
	int r = config_graph_build(body, loading->diagnostics, &graph);

	if (r < 0)
		return r;
	for (const struct config_attribute *i = body->attributes; i; i = i->next)
		config_error(loading->diagnostics, i->name_span,
			     "found the argument %s outside of a block, expected blocks only",
			     i->name.data);
	loading->evaluator.scope = config_graph_scope(&graph);
	for (size_t i = 0; i < graph.n_components; i++) {
		r = component_load(loading, graph.order[i]);
		if (r != 0)
			return r;
	}
	for (const struct write_receiver *i = loading->receivers; i; i = i->next)
		if (!i->is_used && loading->diagnostics->n_errors == 0)
			config_warn(loading->diagnostics, i->component->block->name_span,
				    "nothing is forwarded to %s", i->component->id);
	if (!loading->ebpf && loading->diagnostics->n_errors == 0)
		config_warn(loading->diagnostics, (struct config_span){0, 0},
			    "there is no pyroscope.ebpf block, nothing is profiled");
	return 0;
}

static int load_text(const struct config_source *source, struct configuration *configuration,
		     struct bytes *messages)
{
	struct config_arena scratch = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_diagnostics diagnostics = {.arena = &scratch, .source = source};
	struct component_loading loading = {
		.evaluator = {.diagnostics = &diagnostics},
		.diagnostics = &diagnostics,
		.scratch = &scratch,
		.memory = configuration->memory,
		.configuration = configuration,
	};
	struct config_body body;
	int r = config_parse(source, &diagnostics, &body);

	if (r == 0)
		r = load_components(&loading, &body);
	config_diagnostics_write(&diagnostics, messages);
	if (r == -EMSGSIZE)
		bytes_printf(messages,
			     "%s:1:1: this needs more than %zu bytes of memory, expected less\n",
			     source->name, CONFIG_ARENA_BYTES_MAX);
	if (r == -EMSGSIZE || (r == 0 && diagnostics.n_errors > 0))
		r = CONFIGURATION_INVALID;
	config_arena_deinit(&scratch);
	return r;
}

int configuration_load(const char *path, struct configuration **ret_configuration,
		       struct bytes *messages)
{
	cleanup_with(configuration_freep) struct configuration *configuration = configuration_new();
	cleanup_with(bytes_deinit) struct bytes text =
		BYTES_INIT(CONFIG_SOURCE_BYTES_MAX + READ_BYTES);
	struct config_source source = {.name = path ? path : DEFAULT_NAME};
	int r = 0;

	if (!configuration)
		return -ENOMEM;
	if (path)
		r = read_file(path, &text);
	else
		bytes_append(&text, configuration_default_text, strlen(configuration_default_text));
	if (r != 0)
		return r;
	source.text = (struct config_text){text.data ? (const char *)text.data : "", text.n_bytes};
	r = load_text(&source, configuration, messages);
	if (r == 0)
		*ret_configuration = take_ptr(configuration);
	return r;
}
