#include "configuration/configuration_text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_text.h"

#define DEFAULT_NAME "built-in configuration"
#define SUFFIX       ".alloy"

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
	"\n"
	"  // Names as people read them, not as compilers write them: none, simplified, templates\n"
	"  // or full.\n"
	"  demangle = \"simplified\"\n"
	"}\n";

struct configuration_text {
	char *name; /* of the file or the directory; owned, as all below */
	struct bytes bytes;
	struct config_file *files; /* NULL: it is one file */
	size_t n_files;
};

void configuration_text_free(struct configuration_text *text)
{
	if (!text)
		return;
	for (size_t i = 0; i < text->n_files; i++)
		free((void *)(uintptr_t)text->files[i].name);
	free(text->files);
	free(text->name);
	bytes_deinit(&text->bytes);
	free(text);
}

struct config_source configuration_text_source(const struct configuration_text *text)
{
	return (struct config_source){
		.name = text->name,
		.text = {text->bytes.data ? (const char *)text->bytes.data : "",
			 text->bytes.n_bytes},
		.files = text->files,
		.n_files = text->n_files,
	};
}

static int refuse(const char *path, int r, struct bytes *why)
{
	bytes_printf(why, "%s: %s\n", path,
		     r == -EINVAL ? "neither a file nor a directory" : strerror(-r));
	return r;
}

/* A text that is too long is kept as far as it goes: it is refused, with its place, as a text. */
static int append_file(struct configuration_text *text, const char *path, struct bytes *why)
{
	int r = file_text_read(path, &text->bytes);

	if (r < 0 && r != -EMSGSIZE)
		return refuse(path, r, why);
	text->bytes.error = 0;
	return 0;
}

static int is_configuration(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > strlen(SUFFIX) &&
	       strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* Appends one of the directory's files. */
static int append_named(struct configuration_text *text, const char *name, struct bytes *why)
{
	struct config_file *file = &text->files[text->n_files];
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", text->name, name) < 0)
		return -ENOMEM;
	if (text->n_files > 0)
		bytes_append(&text->bytes, "\n", 1);
	*file = (struct config_file){path, (uint32_t)text->bytes.n_bytes};
	text->n_files++;
	r = text->bytes.n_bytes <= CONFIG_SOURCE_BYTES_MAX ? append_file(text, path, why) : 0;
	return r == 0 && text->bytes.error ? text->bytes.error : r;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_directory(struct configuration_text *text, struct bytes *why)
{
	struct dirent **entries = NULL;
	int n = scandir(text->name, &entries, is_configuration, compare_names);
	int r = 0;

	if (n < 0)
		return refuse(text->name, -errno, why);
	if (n == 0) {
		bytes_printf(why, "%s: there is no *" SUFFIX " file in this directory\n",
			     text->name);
		r = -ENOENT;
	} else if (n > (int)CONFIGURATION_FILES_MAX) {
		bytes_printf(why, "%s: there are more than %u *" SUFFIX " files\n", text->name,
			     CONFIGURATION_FILES_MAX);
		r = -E2BIG;
	}
	if (r == 0)
		text->files = calloc((size_t)n, sizeof(*text->files));
	if (r == 0 && !text->files)
		r = -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = append_named(text, entries[i]->d_name, why);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int configuration_read(const char *path, struct configuration_text **ret_text, struct bytes *why)
{
	cleanup_with(configuration_text_freep) struct configuration_text *text =
		calloc(1, sizeof(*text));
	int r = 0;

	if (!text)
		return -ENOMEM;
	text->bytes = (struct bytes)BYTES_INIT(CONFIG_SOURCE_BYTES_MAX + FILE_TEXT_CHUNK_BYTES);
	text->name = strdup(path ? path : DEFAULT_NAME);
	if (!text->name)
		return -ENOMEM;
	if (!path)
		bytes_append(&text->bytes, configuration_default_text,
			     strlen(configuration_default_text));
	else if (file_text_is_directory(path))
		r = read_directory(text, why);
	else
		r = append_file(text, path, why);
	if (r < 0)
		return r;
	*ret_text = take_ptr(text);
	return 0;
}
