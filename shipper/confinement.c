#include "confinement.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/sandbox.h"

#define FILE_URL       "file://"
#define ROOT_NAMES_MAX 256u /* beyond these a root directory's entries are not readable */
#define PATHS_MAX      (ROOT_NAMES_MAX + CONFIGURATION_ENDPOINTS_MAX + 2)

/* What tells of other processes and of the machine, and lies in the root directory. */
static const char *const hidden[] = {".", "..", "proc", "sys", "dev"};

struct paths {
	size_t n_owned; /* of the first paths */
	size_t n;
	struct sandbox_path all[PATHS_MAX];
};

static bool is_hidden(const char *name)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (strcmp(name, hidden[i]) == 0)
			return true;
	return false;
}

/* Of a directory Landlock takes all or nothing: what is in the root is named one by one. */
static int add_root(struct paths *paths)
{
	DIR *root = opendir("/");
	struct dirent *entry;
	char *path;
	int r = 0;

	if (!root)
		return -errno;
	while (r == 0 && paths->n < ROOT_NAMES_MAX && (entry = readdir(root))) {
		if (is_hidden(entry->d_name))
			continue;
		r = asprintf(&path, "/%s", entry->d_name) < 0 ? -ENOMEM : 0;
		if (r == 0)
			paths->all[paths->n++] = (struct sandbox_path){path, false};
	}
	paths->n_owned = paths->n;
	(void)closedir(root); /* it was only read */
	return r;
}

static void paths_deinit(struct paths *paths)
{
	for (size_t i = 0; i < paths->n_owned; i++)
		free((void *)(uintptr_t)paths->all[i].path);
}

int confinement_enter(const struct options *options, const struct configuration *configuration,
		      bool *ret_has_landlock)
{
	cleanup_with(paths_deinit) struct paths paths = {.n = 0};
	int r = add_root(&paths);

	if (r < 0)
		return r;
	paths.all[paths.n++] = (struct sandbox_path){options->run_directory, true};
	paths.all[paths.n++] = (struct sandbox_path){options->spool_directory, true};
	for (size_t i = 0; i < configuration->n_endpoints; i++) {
		const char *url = configuration->endpoints[i].url;

		if (strncmp(url, FILE_URL, strlen(FILE_URL)) == 0)
			paths.all[paths.n++] = (struct sandbox_path){url + strlen(FILE_URL), true};
	}
	return sandbox_enter(SANDBOX_SHIPPER, paths.all, paths.n, ret_has_landlock);
}
