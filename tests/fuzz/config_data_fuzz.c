/*
 * Any bytes as JSON, as YAML, and as a JSONPath over JSON: what stands before the first NUL is the
 * path, what follows the data. Values that come of it are compared with themselves and written out.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "config/json_path.h"
#include "config/yaml.h"

#define OUT_BYTES_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks all of it: an endless value would not come back. */
static void use(const struct config_value *value)
{
	struct bytes out = BYTES_INIT(OUT_BYTES_MAX);

	if (!config_value_equals(value, value) && value->type != CONFIG_NUMBER)
		abort();
	if (config_json_write(value, &out) != 0)
		abort(); /* data has nothing that JSON has not */
	bytes_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	const char *split = size > 0 ? memchr(data, '\0', size) : NULL;
	struct config_text path = {"$", 1}, text = {(const char *)data, size};
	struct bytes why = BYTES_INIT(4096);
	struct config_value value, found;

	if (split) {
		path = (struct config_text){(const char *)data, (size_t)(split - (char *)data)};
		text = (struct config_text){split + 1, size - path.n_bytes - 1};
	}
	if (config_json_read(text, CONFIG_JSON_WHOLES, &arena, &value, &why) == 0) {
		use(&value);
		if (config_json_path(&value, path, &arena, &found, &why) == 0)
			use(&found);
	}
	if (config_yaml_read(text, &arena, &value, &why) == 0)
		use(&value);
	bytes_deinit(&why);
	config_arena_deinit(&arena);
	return 0;
}
