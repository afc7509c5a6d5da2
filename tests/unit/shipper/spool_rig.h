#pragma once
/* What the tests of the spool share: one on a simulated disk, with a reader and its books. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim_files.h"
#include "spool/spool.h"

#define INSTANCE    77u
#define START_NS    UINT64_C(1000000000000)
#define SECOND_NS   UINT64_C(1000000000)
#define WINDOWS_MAX 64u

/* A spool on a simulated disk. */
struct rig {
	struct sim sim;
	struct spool_options options;
	struct spool *spool;
	size_t reader;
};

static inline size_t payload_bytes(uint64_t window)
{
	return 100 + (size_t)window % 7 * 501;
}

static inline void payload_fill(uint64_t window, unsigned char *data)
{
	for (size_t i = 0; i < payload_bytes(window); i++)
		data[i] = (unsigned char)(window * 31 + i);
}

static inline struct spool_record record_of(uint64_t window)
{
	return (struct spool_record){
		.window = {INSTANCE, window},
		.time_wall_ns = START_NS + window * SECOND_NS,
		.n_samples = 10 * window,
		.n_profile_bytes = payload_bytes(window),
		.n_parts = 2,
		.n_payload_bytes = (uint32_t)payload_bytes(window),
	};
}

static inline int append(struct spool *spool, uint64_t window)
{
	unsigned char payload[8192];
	struct spool_record record = record_of(window);

	payload_fill(window, payload);
	return spool_append(spool, &record, payload);
}

static inline void rig_init(struct rig *rig)
{
	sim_init(&rig->sim);
	rig->options = (struct spool_options){
		.files = &rig->sim.files,
		.bytes_max = 1u << 20,
		.age_max_ns = 1000 * SECOND_NS,
		.segment_bytes = 12 * 1024, /* two or three records each */
	};
	rig->spool = NULL;
}

static inline int rig_open(struct rig *rig)
{
	int r = spool_open(&rig->options, &rig->spool);

	return r < 0 ? r : spool_reader_add(rig->spool, "reader", &rig->reader);
}

static inline void rig_close(struct rig *rig)
{
	spool_close(rig->spool);
	rig->spool = NULL;
}

static inline void rig_deinit(struct rig *rig)
{
	rig_close(rig);
	sim_deinit(&rig->sim);
}

/* The books of a reader: everything it was ever shown, and where that is now. */
static inline void assert_books(const struct rig *rig, uint64_t n_samples_sent)
{
	const struct spool_reader *reader = spool_reader(rig->spool, rig->reader);
	uint64_t accounted = n_samples_sent + spool_held(rig->spool, rig->reader).n_samples;

	for (size_t i = 0; i < N_SPOOL_DROPS; i++)
		accounted += reader->dropped[i].n_samples;
	assert_int_equal(reader->spooled.n_samples, accounted);
}

static inline void pass_over(struct rig *rig, const struct spool_entry *entry)
{
	struct spool_cursor behind = {.sequence = entry->record.sequence + 1};

	spool_advance(rig->spool, rig->reader, &behind);
}

/* Reads all that the reader has before it; marks each window in @seen and checks its bytes. */
static inline void read_all(struct rig *rig, unsigned seen[WINDOWS_MAX])
{
	struct bytes payload = BYTES_INIT(SPOOL_PAYLOAD_BYTES_MAX);
	uint64_t at = spool_reader(rig->spool, rig->reader)->cursor.sequence;
	unsigned char expected[8192];
	struct spool_entry entry;

	for (; spool_find(rig->spool, at, &entry); at = entry.record.sequence + 1) {
		uint64_t window = entry.record.window.sequence;

		assert_int_equal(spool_read(rig->spool, &entry, &payload), 0);
		assert_int_equal(payload.n_bytes, payload_bytes(window));
		payload_fill(window, expected);
		assert_memory_equal(payload.data, expected, payload.n_bytes);
		assert_true(window < WINDOWS_MAX);
		seen[window]++;
	}
	bytes_deinit(&payload);
}
