/*
 * Profiles for judges: `profile_sample DIRECTORY` writes those of a small window, one file a part.
 * `profile_sample DIRECTORY FILE SAMPLES [MODE]` writes those of a window of that many samples in
 * FILE, demangled as MODE says, and prints how much CPU time that took, and how many bytes it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "demangle/demangle.h"
#include "readers.h"
#include "window_fixture.h"
#include "window_profile.h"

#define STACK(count, flags, ...)                                                                   \
	{                                                                                          \
		count, flags, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),          \
			(const uint32_t[])                                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

#define DEPTH       30u
#define LOCATIONS   4000u
#define SAMPLES_MAX 100000u
#define FRAME_BYTES (16u << 20)

static int write_parts(const char *directory, const struct bytes *frame)
{
	struct wire_arena arena = {0};
	struct wire_profile profile;
	uint64_t n_bytes = 0, n_samples = 0;

	if (wire_decode_profile(frame->data, frame->n_bytes, &arena, &profile) != 0)
		return 1;
	for (size_t i = 0; i < profile.n_parts; i++) {
		char path[4096];
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/part-%zu.pb.gz", directory, i);
		file = fopen(path, "wb");
		if (!file ||
		    fwrite(profile.parts[i].pprof_gz.data, 1, profile.parts[i].pprof_gz.n_bytes,
			   file) != profile.parts[i].pprof_gz.n_bytes)
			return perror(path), 1;
		(void)fclose(file);
		n_bytes += profile.parts[i].pprof_gz.n_bytes;
		n_samples += profile.parts[i].n_samples;
	}
	printf("parts %zu bytes %" PRIu64 " samples %" PRIu64 "\n", profile.n_parts, n_bytes,
	       n_samples);
	wire_arena_deinit(&arena);
	return 0;
}

static int write_small(const char *directory)
{
	const struct wire_stack stacks[] = {
		STACK(3, 0, AT_KERNEL, AT_KERNEL_CALLER, AT_FIRST, AT_FIRST_END),
		STACK(5, STACK_TRUNCATED_USER, AT_SECOND_BEGIN, AT_GAP, AT_BROKEN),
		STACK(1, 0, AT_VDSO, AT_NOWHERE),
	};
	struct bytes frame = BYTES_INIT(FRAME_BYTES);
	struct pprof_limits limits = PPROF_LIMITS_DEFAULT;
	struct fixture fixture;
	int r;

	fixture_init(&fixture);
	fixture.process.comm = (struct wire_bytes){"pro\xffgram", 8};
	fixture_set_stacks(&fixture, stacks, 3);
	r = window_profile_encode(
		&fixture.window, &fixture.sources, &limits,
		&(struct window_profile_results){.out = &frame, .counters = &fixture.counters});
	if (r == 0)
		r = write_parts(directory, &frame);
	fixture_deinit(&fixture);
	bytes_deinit(&frame);
	return r != 0;
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* Stacks as programs have them: few distinct callers, leaves all over a hot range. */
static void make_stacks(struct wire_stack *stacks, uint32_t *locations, size_t n_stacks)
{
	uint64_t state = 1;

	for (size_t i = 0; i < n_stacks; i++) {
		uint32_t *at = &locations[i * DEPTH];
		uint64_t path = next_random(&state) % 200;

		for (uint32_t j = 0; j < DEPTH; j++)
			at[j] = (uint32_t)((path * 31 + j * (1 + path % 7)) % (LOCATIONS / 2));
		at[0] = (uint32_t)(LOCATIONS / 2 + next_random(&state) % (LOCATIONS / 2));
		stacks[i] = (struct wire_stack){1, 0, DEPTH, at};
	}
}

static int write_large(const char *directory, const char *path, size_t n_stacks,
		       enum demangle_mode mode)
{
	static struct wire_location at[LOCATIONS];
	static struct file_reader file;
	struct wire_stack *stacks = calloc(n_stacks, sizeof(*stacks));
	uint32_t *locations = calloc(n_stacks * DEPTH, sizeof(*locations));
	struct bytes frame = BYTES_INIT(FRAME_BYTES);
	struct pprof_limits limits = PPROF_LIMITS_DEFAULT;
	struct fixture fixture;
	uint64_t state = 1;
	int r = 0;

	fixture_init(&fixture);
	if (!stacks || !locations || !file_reader_open(&file, path))
		return perror(path), 1;
	make_stacks(stacks, locations, n_stacks);
	for (size_t i = 0; i < LOCATIONS; i++)
		at[i] = (struct wire_location){FRAME_USER, 0,
					       file.object.size_bytes / 4 +
						       next_random(&state) %
							       (file.object.size_bytes / 4)};
	fixture.window.demangle = (uint8_t)mode;
	fixture.window.objects = &file.object;
	fixture.window.n_objects = 1;
	fixture.window.locations = at;
	fixture.window.n_locations = LOCATIONS;
	fixture.sources.reader = file_reader(&file);
	fixture_set_stacks(&fixture, stacks, n_stacks);
	for (unsigned round = 0; round < 3 && r == 0; round++) {
		uint64_t start_ns = clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);

		r = window_profile_encode(&fixture.window, &fixture.sources, &limits,
					  &(struct window_profile_results){
						  .out = &frame, .counters = &fixture.counters});
		printf("round %u milliseconds %.2f\n", round,
		       (double)(clock_read_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns) / 1e6);
	}
	if (r == 0)
		r = write_parts(directory, &frame);
	fixture_deinit(&fixture);
	file_reader_close(&file);
	bytes_deinit(&frame);
	free(stacks);
	free(locations);
	return r != 0;
}

int main(int argc, char **argv)
{
	enum demangle_mode mode = DEMANGLE_NONE;
	size_t n_samples;

	if (argc == 2)
		return write_small(argv[1]);
	if (argc < 4 || argc > 5 || (argc == 5 && demangle_mode_parse(argv[4], &mode) != 0))
		return 2;
	n_samples = strtoul(argv[3], NULL, 10);
	if (n_samples == 0 || n_samples > SAMPLES_MAX)
		return 2;
	return write_large(argv[1], argv[2], n_samples, mode);
}
