/*
 * A flag, a list, a line end, the stream of a watch in pieces: whatever an API answers, objects are
 * in order and make targets, or there is a reason why not.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "discovery/kubernetes_watch.h"
#include "http/http_client.h"

#define SECOND_NS UINT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_targets(const struct kubernetes_watch *watch)
{
	const struct kubernetes_objects *const sets[] = {&watch->objects};
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 20);
	struct config_value list;
	int r = kubernetes_targets_make(sets, 1, &watch->objects, &arena, &list);

	assert(r == 0 || r == KUBERNETES_TOO_BIG);
	for (size_t i = 0; r == 0 && i < list.array.n_items; i++)
		assert(list.array.items[i].object.n_fields >= 2);
	for (size_t i = 1; i < watch->objects.n; i++)
		assert(strcmp(watch->objects.items[i - 1]->text, watch->objects.items[i]->text) <
		       0);
	assert(!watch->is_failing || watch->reason[0]);
	config_arena_deinit(&arena);
}

/* Gives the stream in pieces of @step bytes. */
static void feed(struct kubernetes_watch *watch, const uint8_t *data, size_t size, size_t step)
{
	for (size_t at = 0; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;

		if (kubernetes_watch_take_bytes(watch, 200, data + at, n, SECOND_NS) != 0)
			break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
	const struct kubernetes_query query = {size > 0 && (data[0] & 1) ? KUBERNETES_NODE
									 : KUBERNETES_POD,
					       "/api/v1/pods", "a=b", "", NULL};
	struct http_result result = {.outcome = HTTP_ANSWERED, .status = 200, .error = ""};
	struct bytes path = BYTES_INIT(1 << 16);
	struct kubernetes_watch watch;

	if (!end)
		return 0;
	kubernetes_watch_init(&watch, &query, 0);
	assert(kubernetes_watch_ask(&watch, SECOND_NS, &path) == KUBERNETES_LIST);
	result.data = (const char *)data + 1;
	result.n_bytes = (size_t)(end - data - 1);
	kubernetes_watch_take_list(&watch, &result, SECOND_NS);
	check_targets(&watch);
	if (kubernetes_watch_ask(&watch, SECOND_NS, &path) == KUBERNETES_WATCH) {
		feed(&watch, end + 1, size - (size_t)(end + 1 - data), 1 + (data[0] >> 1));
		check_targets(&watch);
		kubernetes_watch_take_end(&watch, &result, SECOND_NS);
		assert(kubernetes_watch_due_ns(&watch) > SECOND_NS);
	}
	kubernetes_watch_deinit(&watch);
	bytes_deinit(&path);
	return 0;
}
