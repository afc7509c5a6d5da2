/* Any text as the shipper's configuration: through all components, as `check --print` does. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/graph.h"
#include "configuration/configuration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const struct config_graph *graph)
{
	size_t *n_fields = context;

	for (size_t i = 0; i < graph->n_components; i++)
		*n_fields += graph->components[i].arguments.n_fields +
			     graph->components[i].exports.n_fields;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_fields = 0;
	const struct configuration_world world = {.evaluated = count, .context = &n_fields};
	struct bytes messages = BYTES_INIT((size_t)1 << 20);
	struct configuration *configuration = NULL;
	int fd = memfd_create("configuration", MFD_CLOEXEC);
	char path[32];
	int r;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = configuration_load(path, &world, &configuration, &messages);
	if ((r == 0) != (configuration != NULL) || (r > 0 && messages.n_bytes == 0))
		abort(); /* refused without a word, or taken without a result */
	configuration_free(configuration);
	bytes_deinit(&messages);
	(void)close(fd);
	return 0;
}
