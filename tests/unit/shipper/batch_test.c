#include "endpoints/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "endpoints/profile_record.h"
#include "endpoints/push_body.h"
#include "endpoints/routes.h"
#include "sim_files.h"

/* A spool on a simulated disk, with one reader. */
struct rig {
	struct sim sim;
	struct spool *spool;
	size_t reader;
	struct batch batch;
};

static struct rig rig;

static int setup(void **state)
{
	struct spool_options options = {
		.files = &rig.sim.files,
		.bytes_max = 64u << 20,
		.age_max_ns = SPOOL_AGE_MAX_NS,
		.segment_bytes = SPOOL_SEGMENT_BYTES,
	};

	(void)state;
	memset(&rig, 0, sizeof(rig));
	sim_init(&rig.sim);
	assert_int_equal(spool_open(&options, &rig.spool), 0);
	assert_int_equal(spool_reader_add(rig.spool, "reader", &rig.reader), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	batch_clear(&rig.batch);
	spool_close(rig.spool);
	sim_deinit(&rig.sim);
	return 0;
}

#define OURS UINT64_C(0x0123456789abcdef)

static const char *append_route; /* that the next parts have; NULL: none */

/* Appends a PROFILE of @n_parts parts of @n_bytes each; part i has i + 1 samples. */
static void append(uint64_t window, size_t n_parts, size_t n_bytes)
{
	struct wire_label label[] = {{{ROUTE_LABEL, strlen(ROUTE_LABEL)}, {"", 0}},
				     {{"service_name", 12}, {"app", 3}}};
	struct bytes labels = BYTES_INIT(256), frame = BYTES_INIT(SPOOL_PAYLOAD_BYTES_MAX);
	struct wire_part *parts = calloc(n_parts, sizeof(*parts));
	struct wire_profile profile = {{1, window}, window * 1000, n_parts, parts};
	unsigned char *body = calloc(1, n_bytes + 1);
	struct spool_record record;

	assert_non_null(parts);
	assert_non_null(body);
	if (append_route) {
		label[0].value = (struct wire_bytes){append_route, strlen(append_route)};
		wire_encode_labels(&labels, label, 2);
	} else {
		wire_encode_labels(&labels, &label[1], 1);
	}
	for (size_t i = 0; i < n_parts; i++)
		parts[i] = (struct wire_part){
			{labels.data, labels.n_bytes}, {body, n_bytes}, i + 1, 4 * n_bytes};
	wire_encode_profile(&frame, &profile);
	assert_int_equal(frame.error, 0);
	assert_int_equal(profile_record_describe(frame.data, frame.n_bytes, &record), 0);
	assert_int_equal(record.n_parts, n_parts);
	assert_int_equal(record.n_samples, n_parts * (n_parts + 1) / 2);
	assert_int_equal(record.n_profile_bytes, n_parts * n_bytes);
	assert_int_equal(spool_append(rig.spool, &record, frame.data), 0);
	bytes_deinit(&labels);
	bytes_deinit(&frame);
	free(parts);
	free(body);
}

static void advance(void)
{
	spool_advance(rig.spool, rig.reader, &rig.batch.items[rig.batch.n_items - 1].behind);
}

static int gather(size_t n_parts, size_t n_bytes)
{
	struct batch_limits limits = {n_parts, n_bytes, UINT64_MAX, OURS};

	return batch_gather(&rig.batch, rig.spool, rig.reader, &limits);
}

static void an_empty_spool_makes_no_batch(void **state)
{
	(void)state;
	assert_int_equal(gather(10, 1000), BATCH_EMPTY);
	assert_int_equal(rig.batch.n_items, 0);
}

static void a_batch_spans_records_and_ends_within_one(void **state)
{
	uint64_t n_samples = 0;
	size_t n_items = 0;

	(void)state;
	append(1, 2, 100);
	append(2, 5, 100);
	append(3, 1, 100);
	assert_int_equal(gather(4, 1u << 20), 0);
	assert_int_equal(rig.batch.n_items, 4);
	assert_int_equal(rig.batch.items[3].window.sequence, 2);
	assert_int_equal(rig.batch.items[3].at.part, 1);
	assert_int_equal(rig.batch.items[3].behind.part, 2);
	assert_int_equal(rig.batch.items[3].behind.n_part_samples, 3);
	assert_int_equal(rig.batch.items[3].behind.n_part_bytes, 200);
	do {
		for (size_t i = 0; i < rig.batch.n_items; i++, n_items++)
			n_samples += rig.batch.items[i].part.n_samples;
		advance();
		assert_int_equal(spool_reader(rig.spool, rig.reader)->spooled.n_samples,
				 n_samples + spool_held(rig.spool, rig.reader).n_samples);
	} while (gather(2, 1u << 20) == 0);
	assert_int_equal(n_items, 8);
	assert_int_equal(n_samples, 3 + 15 + 1);
}

static void a_batch_is_bounded_in_bytes_but_takes_one_part_of_any_size(void **state)
{
	(void)state;
	append(1, 5, 400);
	append(2, 1, 5000);
	assert_int_equal(gather(100, 1000), 0);
	assert_int_equal(rig.batch.n_items, 2);
	advance();
	assert_int_equal(gather(100, 1000), 0);
	advance();
	assert_int_equal(gather(100, 1000), 0);
	assert_int_equal(rig.batch.n_items, 1); /* the fifth; the next is too long to come along */
	advance();
	assert_int_equal(gather(100, 1000), 0);
	assert_int_equal(rig.batch.n_items, 1);
	assert_int_equal(rig.batch.items[0].part.pprof_gz.n_bytes, 5000);
}

/* The append() above says that a part is four times as long as its gzip, and 20 bytes of labels. */
static void a_batch_is_bounded_in_what_a_server_counts_too(void **state)
{
	struct batch_limits limits = {100, 1u << 20, 3 * (4 * 400 + 20), OURS};

	(void)state;
	append(1, 5, 400);
	append(2, 1, 5000);
	assert_int_equal(batch_gather(&rig.batch, rig.spool, rig.reader, &limits), 0);
	assert_int_equal(rig.batch.n_items, 3);
	advance();
	assert_int_equal(batch_gather(&rig.batch, rig.spool, rig.reader, &limits), 0);
	assert_int_equal(rig.batch.n_items, 2); /* the sixth is above the limit by itself */
	advance();
	assert_int_equal(batch_gather(&rig.batch, rig.spool, rig.reader, &limits), 0);
	assert_int_equal(rig.batch.n_items, 1);
}

static void parts_for_other_endpoints_are_passed_over_wherever_they_stand(void **state)
{
	static const char *const routes[] = {
		"fedcba9876543210",                  /* somebody else's */
		"0123456789abcdef",                  /* ours alone */
		"fedcba9876543210 0123456789abcdef", /* both */
		"",                                  /* nobody's */
		NULL,                                /* everybody's */
		"fedcba9876543210",
	};
	static const uint64_t expected[] = {2, 3, 5};
	uint64_t n_samples = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		append_route = routes[i];
		append(i + 1, 2, 100);
	}
	append_route = NULL;
	assert_int_equal(gather(100, 1u << 20), 0);
	assert_int_equal(rig.batch.n_items, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(rig.batch.items[i].window.sequence, expected[i / 2]);
	assert_int_equal(rig.batch.n_passed, 6);
	for (size_t i = 0; i < 6; i++)
		n_samples += rig.batch.passed[i].n_samples;
	assert_int_equal(n_samples, 3 * 3);
	assert_int_equal(rig.batch.n_records, 3); /* the others are not kept in memory */
	spool_advance(rig.spool, rig.reader, &rig.batch.passed[5].behind);
	assert_int_equal(gather(100, 1u << 20), BATCH_EMPTY);
	assert_int_equal(spool_held(rig.spool, rig.reader).n_samples, 0);
}

static void a_spool_of_others_parts_alone_makes_a_batch_without_items(void **state)
{
	(void)state;
	append_route = "fedcba9876543210";
	append(1, BATCH_PARTS_MAX + 10, 1);
	append_route = NULL;
	assert_int_equal(gather(100, 1u << 20), 0);
	assert_int_equal(rig.batch.n_items, 0);
	assert_int_equal(rig.batch.n_passed, BATCH_PARTS_MAX);
	spool_advance(rig.spool, rig.reader, &rig.batch.passed[BATCH_PARTS_MAX - 1].behind);
	assert_int_equal(gather(100, 1u << 20), 0);
	assert_int_equal(rig.batch.n_passed, 10);
}

static void items_before_a_cursor_are_behind_it(void **state)
{
	struct batch_item item = {.at = {.sequence = 5, .part = 2}};

	(void)state;
	assert_false(batch_is_behind(&item.at, &(struct spool_cursor){.sequence = 4, .part = 9}));
	assert_false(batch_is_behind(&item.at, &(struct spool_cursor){.sequence = 5, .part = 2}));
	assert_true(batch_is_behind(&item.at, &(struct spool_cursor){.sequence = 5, .part = 3}));
	assert_true(batch_is_behind(&item.at, &(struct spool_cursor){.sequence = 6}));
}

static void a_rotten_record_is_said_when_it_comes_first_and_waited_for_when_not(void **state)
{
	(void)state;
	append(1, 1, 100);
	append(2, 1, 100);
	sim_content(&rig.sim, sim_name_with(&rig.sim, ".seg"))->data[24 + 72 + 130 + 72 + 40] ^= 1;
	assert_int_equal(gather(10, 1u << 20), 0);
	assert_int_equal(rig.batch.n_items, 1);
	advance();
	assert_int_equal(gather(10, 1u << 20), BATCH_DAMAGED);
	spool_pass_damaged(rig.spool, rig.reader);
	assert_int_equal(gather(10, 1u << 20), BATCH_EMPTY);
}

static void the_same_batch_makes_the_same_body(void **state)
{
	struct configuration_header external = {(char *)"host", (char *)"h"};
	struct bytes first = BYTES_INIT(PUSH_BODY_BYTES_MAX);
	struct bytes second = BYTES_INIT(PUSH_BODY_BYTES_MAX);

	(void)state;
	append(1, 3, 100);
	assert_int_equal(gather(10, 1u << 20), 0);
	assert_int_equal(push_body_encode(&rig.batch, &external, 1, &first), 0);
	assert_int_equal(gather(10, 1u << 20), 0);
	assert_int_equal(push_body_encode(&rig.batch, &external, 1, &second), 0);
	assert_int_equal(first.n_bytes, second.n_bytes);
	assert_memory_equal(first.data, second.data, first.n_bytes);
	assert_non_null(memmem(first.data, first.n_bytes, "service_name", 12));
	bytes_deinit(&first);
	bytes_deinit(&second);
}

static void a_profile_that_is_none_is_garbled(void **state)
{
	struct bytes frame = BYTES_INIT(4096);
	struct wire_part part = {.labels = {"\xff", 1}, .n_samples = 1};
	struct wire_profile profile = {.time_wall_ns = 1, .n_parts = 0, .parts = &part};
	struct spool_record record;

	(void)state;
	wire_encode_profile(&frame, &profile);
	assert_int_equal(profile_record_describe(frame.data, frame.n_bytes, &record),
			 MESSAGE_GARBLED);
	bytes_clear(&frame);
	profile.n_parts = 1; /* its labels are no label set */
	wire_encode_profile(&frame, &profile);
	assert_int_equal(profile_record_describe(frame.data, frame.n_bytes, &record),
			 MESSAGE_GARBLED);
	bytes_clear(&frame);
	part.labels = (struct wire_bytes){"\x90", 1}; /* none */
	wire_encode_profile(&frame, &profile);
	assert_int_equal(profile_record_describe(frame.data, frame.n_bytes, &record), 0);
	bytes_clear(&frame);
	part.n_samples = UINT64_MAX;
	wire_encode_profile(&frame, &profile);
	assert_int_equal(profile_record_describe(frame.data, frame.n_bytes, &record),
			 MESSAGE_GARBLED);
	part.n_samples = 1;
	for (size_t i = 0; i < 2; i++) { /* a server would put its own time in the place of such */
		bytes_clear(&frame);
		profile.time_wall_ns = i == 0 ? 0 : (uint64_t)INT64_MAX + 1;
		wire_encode_profile(&frame, &profile);
		assert_int_equal(profile_record_describe(frame.data, frame.n_bytes, &record),
				 MESSAGE_GARBLED);
	}
	bytes_deinit(&frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		WITH_RIG(an_empty_spool_makes_no_batch),
		WITH_RIG(a_batch_spans_records_and_ends_within_one),
		WITH_RIG(a_batch_is_bounded_in_bytes_but_takes_one_part_of_any_size),
		WITH_RIG(a_batch_is_bounded_in_what_a_server_counts_too),
		WITH_RIG(parts_for_other_endpoints_are_passed_over_wherever_they_stand),
		WITH_RIG(a_spool_of_others_parts_alone_makes_a_batch_without_items),
		WITH_RIG(items_before_a_cursor_are_behind_it),
		WITH_RIG(a_rotten_record_is_said_when_it_comes_first_and_waited_for_when_not),
		WITH_RIG(the_same_batch_makes_the_same_body),
		WITH_RIG(a_profile_that_is_none_is_garbled),
#undef WITH_RIG
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
