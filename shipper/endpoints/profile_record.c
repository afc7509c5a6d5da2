#include "endpoints/profile_record.h"

#include "wire/wire.h"

static int check_labels(struct wire_bytes encoded)
{
	struct wire_arena arena = {0};
	const struct wire_label *labels;
	size_t n_labels;
	int r;

	r = wire_decode_labels(encoded.data, encoded.n_bytes, &arena, &labels, &n_labels);
	wire_arena_deinit(&arena);
	return r;
}

static int sum_parts(const struct wire_profile *profile, struct spool_record *record)
{
	for (size_t i = 0; i < profile->n_parts; i++) {
		const struct wire_part *part = &profile->parts[i];
		int r = check_labels(part->labels);

		if (r != 0)
			return r;
		if (part->n_samples > UINT64_MAX / PROFILE_PARTS_MAX)
			return MESSAGE_GARBLED; /* no host takes so many; their sum must not wrap */
		record->n_samples += part->n_samples;
		record->n_profile_bytes += part->pprof_gz.n_bytes;
	}
	return 0;
}

int profile_record_describe(const void *frame, size_t n_bytes, struct spool_record *ret_record)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	struct wire_profile profile;
	struct spool_record record;
	int r;

	r = wire_decode_profile(frame, n_bytes, &arena, &profile);
	if (r != 0)
		return r;
	if (profile.n_parts == 0 || n_bytes > SPOOL_PAYLOAD_BYTES_MAX)
		return MESSAGE_GARBLED;
	if (profile.time_wall_ns == 0 || profile.time_wall_ns > INT64_MAX)
		return MESSAGE_GARBLED;
	record = (struct spool_record){
		.window = profile.window,
		.time_wall_ns = profile.time_wall_ns,
		.n_parts = (uint32_t)profile.n_parts,
		.n_payload_bytes = (uint32_t)n_bytes,
	};
	r = sum_parts(&profile, &record);
	if (r == 0)
		*ret_record = record;
	return r;
}
