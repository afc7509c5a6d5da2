/*
 * `local.file`: the content of a file, read again when it changes. Its directory is watched, since
 * editors and Kubernetes put a new file, or a new link, in the place of the old; and it is looked
 * at every poll_frequency in any case.
 */
#include "discovery/local_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "configuration/components.h"
#include "file_text.h"

#define CONTENT_BYTES_MAX ((size_t)1 << 20)
#define POLL_MS_MAX       (24u * 3600u * 1000u)
#define EVENT_BYTES       4096
#define MS_NS             UINT64_C(1000000)
#define READ_EVERY_NS     (50 * MS_NS) /* a busy directory costs no more than this */
#define REASON_BYTES_MAX  256

enum detector { DETECTOR_FSNOTIFY, DETECTOR_POLL };

static const char *const detector_words[] = {
	[DETECTOR_FSNOTIFY] = "fsnotify",
	[DETECTOR_POLL] = "poll",
	NULL,
};

struct local_file_arguments {
	struct config_decoded decoded;
	struct config_text filename;
	uint32_t detector;
	uint32_t poll_ms;
	bool is_secret;
};

struct local_file {
	const struct local_file_arguments *arguments;
	struct source_slot *slot;
	int watch_fd; /* owned; -1: nothing is watched */
	bool is_due;  /* something happened in the directory */
	uint64_t read_ns;
};

static const struct config_argument rows[] = {
	{.name = "filename",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct local_file_arguments, filename)},
	{.name = "detector",
	 .kind = CONFIG_ARGUMENT_WORD,
	 .offset = offsetof(struct local_file_arguments, detector),
	 .words = detector_words},
	{.name = "poll_frequency",
	 .kind = CONFIG_ARGUMENT_DURATION,
	 .offset = offsetof(struct local_file_arguments, poll_ms),
	 .min = 1,
	 .max = POLL_MS_MAX},
	{.name = "is_secret",
	 .kind = CONFIG_ARGUMENT_BOOL,
	 .offset = offsetof(struct local_file_arguments, is_secret)},
};

static const struct local_file_arguments defaults = {
	.filename = CONFIG_TEXT(""),
	.detector = DETECTOR_FSNOTIFY,
	.poll_ms = 60000,
};

static const struct config_schema schema = {
	.arguments = rows,
	.n_arguments = sizeof(rows) / sizeof(rows[0]),
	.defaults = &defaults,
	.n_bytes = sizeof(defaults),
};

static int load(struct component_loading *loading, struct config_component *component,
		struct source_configuration *ret)
{
	struct local_file_arguments *arguments =
		config_arena_alloc(loading->memory, sizeof(*arguments));
	int r;

	if (!arguments)
		return loading->memory->error;
	r = config_decode(&loading->evaluator, component->block, &schema, arguments);
	if (r != 0)
		return r;
	if (arguments->filename.n_bytes == 0) {
		config_error(loading->diagnostics,
			     config_place_of(&schema, &arguments->decoded, "filename"),
			     "filename is empty, expected the path of a file");
		return CONFIG_REFUSED;
	}
	arguments->filename.data = component_keep(loading, arguments->filename);
	ret->arguments = arguments;
	return loading->memory->error;
}

/* Reads the file into a value. Returns like source_class.peek(). */
static int read_content(const struct local_file_arguments *arguments, struct config_arena *arena,
			struct config_value *ret_value, struct bytes *why)
{
	struct bytes text = BYTES_INIT(CONTENT_BYTES_MAX);
	int r = file_text_read(arguments->filename.data, &text);
	char *content = r == 0 ? config_arena_copy(arena, text.data, text.n_bytes) : NULL;

	if (content)
		*ret_value = (struct config_value){
			.type = arguments->is_secret ? CONFIG_SECRET : CONFIG_STRING,
			.text = {content, text.n_bytes},
		};
	bytes_deinit(&text);
	if (r == -EMSGSIZE)
		bytes_printf(why, "%s has more than %zu bytes", arguments->filename.data,
			     CONTENT_BYTES_MAX);
	else if (r == -EINVAL)
		bytes_printf(why, "%s is no regular file", arguments->filename.data);
	else if (r < 0)
		bytes_printf(why, "%s cannot be read: %s", arguments->filename.data, strerror(-r));
	if (r < 0)
		return CONFIG_REFUSED;
	return content ? 0 : arena->error;
}

static int peek(const struct source_configuration *source, struct config_arena *arena,
		struct config_value *ret_value, struct bytes *why)
{
	return read_content(source->arguments, arena, ret_value, why);
}

/* Watches the directory that @path is in; what it cannot watch is polled only. */
static void watch_directory_of(const struct local_file *file, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n_bytes = slash ? (size_t)(slash - path) : 0;
	cleanup_with(free_freep) char *directory =
		slash ? strndup(path, n_bytes > 0 ? n_bytes : 1) : strdup(".");

	if (directory)
		(void)inotify_add_watch(file->watch_fd, directory,
					IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
						IN_ONLYDIR);
}

/* The file may be a link into another directory, today into another than yesterday. */
static void watch(const struct local_file *file)
{
	cleanup_with(free_freep) char *target = NULL;

	if (file->watch_fd < 0)
		return;
	target = realpath(file->arguments->filename.data, NULL);
	watch_directory_of(file, file->arguments->filename.data);
	if (target)
		watch_directory_of(file, target);
}

static void read_again(struct local_file *file, uint64_t now_ns)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX + CONFIG_SOURCE_BYTES_MAX);
	struct config_value value;
	int r;

	watch(file); /* before reading: a change from here on is another event */
	r = read_content(file->arguments, &arena, &value, &why);
	bytes_append(&why, "", 1);
	if (r == 0)
		source_publish(file->slot, value, &arena);
	else
		source_fail(file->slot,
			    r < 0 || !why.data ? strerror(ENOMEM) : (const char *)why.data);
	bytes_deinit(&why);
	config_arena_deinit(&arena);
	file->read_ns = now_ns;
	file->is_due = false;
}

static int start(const struct source_configuration *source, struct source_slot *slot,
		 void **ret_source)
{
	struct local_file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->arguments = source->arguments;
	file->slot = slot;
	file->watch_fd = -1;
	if (file->arguments->detector == DETECTOR_FSNOTIFY)
		file->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* else it is polled */
	*ret_source = file;
	return 0;
}

static void stop(void *source)
{
	struct local_file *file = source;

	close_fdp(&file->watch_fd);
	free(file);
}

static uint64_t deadline_ns(const void *source)
{
	const struct local_file *file = source;

	if (file->read_ns == 0)
		return 0;
	return file->read_ns + (file->is_due ? READ_EVERY_NS : file->arguments->poll_ms * MS_NS);
}

static void run(void *source, uint64_t now_ns)
{
	struct local_file *file = source;
	char events[EVENT_BYTES];

	if (file->watch_fd >= 0)
		while (read(file->watch_fd, events, sizeof(events)) > 0)
			file->is_due = true; /* whatever happened in there, it is looked at */
	if (now_ns >= deadline_ns(file))
		read_again(file, now_ns);
}

static int fd(const void *source)
{
	return ((const struct local_file *)source)->watch_fd;
}

const struct source_class local_file_class = {
	.name = "local.file",
	.export_name = "content",
	.peeks_at = "filename",
	.load = load,
	.peek = peek,
	.start = start,
	.stop = stop,
	.run = run,
	.deadline_ns = deadline_ns,
	.fd = fd,
};
