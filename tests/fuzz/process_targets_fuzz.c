/* Lists of processes of any bytes, and the targets of them: labels are never anything but UTF-8. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "discovery/process_targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct config_value *targets, size_t n_max)
{
	assert(targets->type == CONFIG_ARRAY && targets->array.n_items <= n_max);
	for (size_t i = 0; i < targets->array.n_items; i++) {
		const struct config_object *labels = &targets->array.items[i].object;

		assert(labels->n_fields >= 1);
		for (size_t j = 0; j < labels->n_fields; j++) {
			const struct config_field *field = &labels->fields[j];

			assert(field->value.type == CONFIG_STRING);
			assert(field->value.text.n_bytes > 0);
			assert(config_utf8_valid(field->value.text));
			assert(j == 0 ||
			       config_text_compare(labels->fields[j - 1].key, field->key) < 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct process_rules rules = {true, true, true, true, true, true, true};
	const struct user_names names = {.n = 0};
	const struct config_array nothing = {NULL, 0};
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct wire_arena frame = {NULL};
	struct wire_process_list list;
	struct process_listing listing;
	struct config_value targets;

	if (wire_decode_process_list(data, size, &frame, &list) == 0) {
		listing = (struct process_listing){.n = list.n_processes,
						   .processes = list.processes};
		if (process_targets_make(&listing, &rules, &names, &nothing, &arena, &targets) == 0)
			check(&targets, list.n_processes);
	}
	config_arena_deinit(&arena);
	wire_arena_deinit(&frame);
	return 0;
}
