#include "tallies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "endpoints/routes.h"

#define COMPONENT(id) "{component_id=\"" id "\",component_path=\"/\""
#define ONE           COMPONENT("pyroscope.ebpf.one")
#define TWO           COMPONENT("pyroscope.ebpf.two")

static struct wire_bytes bytes_of(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

/* Blocks called one and two with the jobs 1 and 2: the first @n of them. */
static struct configuration *blocks(size_t n)
{
	static const struct wire_target_rule targets[] = {{.key_kind = TARGET_PID},
							  {.key_kind = TARGET_CONTAINER},
							  {.key_kind = TARGET_DEFAULT}};
	static struct wire_job jobs[] = {{.id = 1, .n_targets = 3, .targets = targets}, {.id = 2}};
	static const char *ids[] = {"pyroscope.ebpf.one", "pyroscope.ebpf.two"};
	static struct configuration configuration = {.jobs = jobs, .job_ids = ids};

	configuration.n_jobs = n;
	return &configuration;
}

static void encode_labels(struct bytes *out, const char *block, const char *service)
{
	struct wire_label labels[2];
	size_t n = 0;

	if (block)
		labels[n++] = (struct wire_label){bytes_of(BLOCK_LABEL), bytes_of(block)};
	labels[n++] = (struct wire_label){bytes_of("service_name"), bytes_of(service)};
	wire_encode_labels(out, labels, n);
}

static void note(struct tallies *tallies, const char *block, const char *service)
{
	struct bytes labels = BYTES_INIT(1 << 16), frame = BYTES_INIT(1 << 16);
	struct wire_part part = {.pprof_gz = bytes_of("12345"), .n_samples = 7};
	struct wire_profile profile = {.window = {1, 1}, .time_wall_ns = 1, .n_parts = 1};

	encode_labels(&labels, block, service);
	part.labels = (struct wire_bytes){labels.data, labels.n_bytes};
	profile.parts = &part;
	wire_encode_profile(&frame, &profile);
	tallies_note_profile(tallies, frame.data, frame.n_bytes);
	bytes_deinit(&labels);
	bytes_deinit(&frame);
}

static void push(struct tallies *tallies, const char *block, double seconds)
{
	struct bytes labels = BYTES_INIT(1 << 16);

	encode_labels(&labels, block, "s");
	tallies_note_push(tallies, (struct wire_bytes){labels.data, labels.n_bytes}, seconds);
	bytes_deinit(&labels);
}

/* Whether the page has @line. */
static bool has(const struct tallies *tallies, const char *line)
{
	struct bytes out = BYTES_INIT(1 << 22);
	bool found;

	tallies_print(tallies, &out);
	bytes_append(&out, "", 1);
	assert_int_equal(out.error, 0);
	found = strstr((const char *)out.data, line) != NULL;
	bytes_deinit(&out);
	return found;
}

static void profiles_are_counted_by_block_and_service(void **state)
{
	struct tallies *tallies = tallies_new();

	(void)state;
	assert_int_equal(tallies_adopt(tallies, blocks(2)), 0);
	note(tallies, "0000000000000001", "a");
	note(tallies, "0000000000000002", "a");
	note(tallies, "0000000000000002", "a\"b");
	note(tallies, "0000000000000002", "a");
	note(tallies, "0000000000000003", "a"); /* of a block that is gone */
	note(tallies, NULL, "b");               /* taken when there was only one */
	assert_true(has(tallies, "pyroscope_ebpf_active_targets" ONE "} 2\n"));
	assert_true(has(tallies, "pyroscope_ebpf_active_targets" TWO "} 0\n"));
	assert_true(has(tallies, "pprofs_total" ONE ",service_name=\"a\"} 1\n"));
	assert_true(has(tallies, "pprofs_total" ONE ",service_name=\"b\"} 1\n"));
	assert_true(has(tallies, "pprofs_total" TWO ",service_name=\"a\"} 2\n"));
	assert_true(has(tallies, "pprofs_total" TWO ",service_name=\"a\\\"b\"} 1\n"));
	assert_true(has(tallies, "pprof_bytes_total" TWO ",service_name=\"a\"} 10\n"));
	assert_true(has(tallies, "pprof_samples_total" TWO ",service_name=\"a\"} 14\n"));
	tallies_note_profile(tallies, "garbled", 7);
	tallies_free(tallies);
}

static void a_block_that_stays_goes_on_counting(void **state)
{
	struct tallies *tallies = tallies_new();

	(void)state;
	assert_int_equal(tallies_adopt(tallies, blocks(2)), 0);
	note(tallies, "0000000000000001", "a");
	note(tallies, "0000000000000002", "a");
	push(tallies, "0000000000000001", 0.02);
	push(tallies, "0000000000000002", 20);
	push(tallies, "0000000000000003", 20);
	assert_true(has(tallies, "latency_bucket" TWO ",le=\"10\"} 0\n"));
	assert_true(has(tallies, "latency_count" TWO "} 1\n"));
	assert_int_equal(tallies_adopt(tallies, blocks(1)), 0);
	assert_false(has(tallies, "pyroscope.ebpf.two"));
	note(tallies, NULL, "a");
	push(tallies, NULL, 0.2);
	assert_true(has(tallies, "pprofs_total" ONE ",service_name=\"a\"} 2\n"));
	assert_true(has(tallies, "latency_bucket" ONE ",le=\"0.025\"} 1\n"));
	assert_true(has(tallies, "latency_count" ONE "} 2\n"));
	assert_int_equal(tallies_adopt(tallies, blocks(2)), 0);
	assert_true(has(tallies, "latency_count" TWO "} 0\n"));
	assert_false(has(tallies, "pprofs_total" TWO));
	tallies_free(tallies);
}

static void services_beyond_the_bound_are_one(void **state)
{
	struct tallies *tallies = tallies_new();
	char name[32];

	(void)state;
	assert_int_equal(tallies_adopt(tallies, blocks(1)), 0);
	for (unsigned i = 0; i < TALLY_SERVICES_MAX + 3; i++) {
		(void)snprintf(name, sizeof(name), "service-%u", i);
		note(tallies, NULL, name);
	}
	note(tallies, NULL, "service-0");
	assert_true(has(tallies, "pprofs_total" ONE ",service_name=\"service-0\"} 2\n"));
	assert_true(has(tallies, "pprofs_total" ONE ",service_name=\"service-511\"} 1\n"));
	assert_false(has(tallies, "service-512"));
	assert_true(has(tallies, "pprofs_total" ONE ",service_name=\"(others)\"} 3\n"));
	/* and what the block has stays counted when it comes again */
	assert_int_equal(tallies_adopt(tallies, blocks(2)), 0);
	note(tallies, "0000000000000002", "late");
	assert_true(has(tallies, "pprofs_total" TWO ",service_name=\"(others)\"} 1\n"));
	tallies_free(tallies);
}

static void long_names_are_cut_between_characters(void **state)
{
	struct tallies *tallies = tallies_new();
	char name[200], line[512];

	(void)state;
	assert_int_equal(tallies_adopt(tallies, blocks(1)), 0);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name + TALLY_SERVICE_BYTES - 2, "\xe4\xb8\x96", 3);
	note(tallies, NULL, name);
	name[150] = 'y';
	note(tallies, NULL, name);
	(void)snprintf(line, sizeof(line), "pprofs_total" ONE ",service_name=\"%.126s\"} 2\n",
		       name);
	assert_true(has(tallies, line));
	tallies_free(tallies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_are_counted_by_block_and_service),
		cmocka_unit_test(a_block_that_stays_goes_on_counting),
		cmocka_unit_test(services_beyond_the_bound_are_one),
		cmocka_unit_test(long_names_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
