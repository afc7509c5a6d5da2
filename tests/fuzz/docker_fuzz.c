/* A flag, networks, a line end, containers: whatever an engine answers, targets come of it or not.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "discovery/docker_targets.h"
#include "discovery/docker_version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_version(const uint8_t *data, size_t size)
{
	char theirs[64] = "", version[DOCKER_VERSION_BYTES];

	memcpy(theirs, data, size < sizeof(theirs) ? size : sizeof(theirs) - 1);
	if (docker_version_choose(theirs, version) == 0)
		assert(strspn(version, "0123456789.") == strlen(version));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 1 ? memchr(data, '\n', size) : NULL;
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 20);
	struct bytes why = BYTES_INIT(512);
	struct docker_targets targets;
	struct docker_answers answers;
	struct docker_rules rules;
	int r;

	if (!end)
		return 0;
	read_version(data, size);
	answers.networks = (struct config_text){(const char *)data + 1, (size_t)(end - data - 1)};
	if (end == data)
		answers.networks.n_bytes = 0;
	answers.containers =
		(struct config_text){(const char *)end + 1, size - (size_t)(end + 1 - data)};
	rules = (struct docker_rules){
		.port = 80,
		.host_networking_host = "localhost",
		.match_first_network = data[0] & 1,
	};
	r = docker_targets_read(&answers, &rules, &arena, &targets, &why);
	assert(r >= 0 && (r > 0) == (why.n_bytes > 0));
	for (size_t i = 0; r == 0 && i < targets.list.array.n_items; i++)
		assert(targets.list.array.items[i].object.n_fields >= 5);
	bytes_deinit(&why);
	config_arena_deinit(&arena);
	return 0;
}
