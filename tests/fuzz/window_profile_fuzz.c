/* Any WINDOW frame that decodes: a profile that decodes, or an outcome. No file can be read. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "window_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int refuse(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		  struct wire_bytes *ret_bytes)
{
	(void)owner;
	(void)object;
	(void)offset;
	(void)n_bytes;
	(void)ret_bytes;
	return OBJECT_FETCH_REFUSED;
}

static uint64_t samples_of(const struct wire_window *window)
{
	uint64_t n_samples = 0;

	for (size_t t = 0; t < window->n_targets; t++)
		for (size_t p = 0; p < window->targets[t].n_processes; p++)
			for (size_t s = 0; s < window->targets[t].processes[p].n_stacks; s++)
				n_samples += window->targets[t].processes[p].stacks[s].count;
	return n_samples;
}

/* Every sample of the window stands in the profile. */
static void check(const struct wire_window *window, const struct bytes *frame)
{
	struct wire_arena arena = {0};
	struct wire_profile profile;
	uint64_t n_samples = 0;

	if (wire_decode_profile(frame->data, frame->n_bytes, &arena, &profile) != 0)
		abort();
	for (size_t i = 0; i < profile.n_parts; i++)
		n_samples += profile.parts[i].n_samples;
	if (n_samples != samples_of(window))
		abort();
	wire_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int memory_fd = -1;
	static struct counters counters;
	struct kernel_symbols kernel = {0};
	struct table_cache_options options = {.bytes_max = 1 << 20, .counters = &counters};
	struct frame_sources sources = {.kernel = &kernel, .reader = {.fetch = refuse}};
	const struct pprof_limits limits = PPROF_LIMITS_DEFAULT;
	struct bytes frame = BYTES_INIT(16u << 20);
	struct wire_arena arena = {0};
	static struct last_named last;
	const struct window_profile_results results = {
		.out = &frame, .counters = &counters, .last = &last};
	struct wire_window window;

	if (memory_fd < 0)
		memory_fd = memfd_create("object", MFD_CLOEXEC);
	options.memory_fd = memory_fd;
	if (wire_decode_window(data, size, &arena, &window) == 0 &&
	    table_cache_new(&options, &sources.tables) == 0 &&
	    window_profile_encode(&window, &sources, &limits, &results) == 0)
		check(&window, &frame);
	table_cache_free(sources.tables);
	kernel_symbols_deinit(&kernel);
	wire_arena_deinit(&arena);
	bytes_deinit(&frame);
	return 0;
}
