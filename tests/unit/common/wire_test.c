#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "recode.h"

#define BYTES_OF(text)                                                                             \
	{                                                                                          \
		.data = (text), .n_bytes = sizeof(text) - 1                                        \
	}

#define FRAME_BYTES_MAX (16u * 1024u * 1024u)

static const struct window_id window_id = {UINT64_C(0xfedcba9876543210), 42};

static const struct wire_cache_limits caches = {32, 1024, 100000};

static const struct wire_object objects[] = {
	{1, OBJECT_FILE, 2049, 77, 4096, UINT64_C(1700000000000000000), BYTES_OF("/usr/bin/true")},
	{2, OBJECT_KALLSYMS, 0, 0, 9000000, 3, BYTES_OF("[kernel]")},
	{0, OBJECT_NAMELESS, 0, 0, 0, 0, BYTES_OF("[vdso]")},
};

static const struct wire_location locations[] = {
	{FRAME_KERNEL, 1, UINT64_C(0xffffffff81000010)},
	{FRAME_USER, 0, 0x1234},
	{FRAME_USER, 2, 0x7ff},
	{FRAME_USER, LOCATION_NO_OBJECT, 0xdead},
	{0x07, LOCATION_NO_OBJECT, UINT64_MAX}, /* a kind that nobody knows yet */
};

static const uint32_t leaf_first[] = {0, 1, 2};
static const uint32_t unmapped[] = {3, 4};

static const struct wire_stack stacks[] = {
	{19, 0, 3, leaf_first},
	{1, STACK_TRUNCATED_USER | STACK_TRUNCATED_KERNEL, 2, unmapped},
	{70000, 0, 0, NULL},
};

static const struct wire_process processes[] = {
	{BYTES_OF("busy"), 2, stacks},
	{BYTES_OF("\xff\x00odd"), 1, stacks + 2},
};

static const struct wire_target targets[] = {
	{BYTES_OF("\x90"), 2, processes},
	{BYTES_OF("opaque"), 0, NULL},
};

static const struct wire_window window = {
	.id = {UINT64_C(0xfedcba9876543210), 42},
	.name_nothing = true,
	.time_wall_ns = UINT64_C(1700000000123456789),
	.duration_ns = UINT64_C(15000000000),
	.period_ns = 10309278,
	.demangle = DEMANGLE_FULL,
	.caches = {32, 1024, 100000},
	.n_objects = 3,
	.objects = objects,
	.n_locations = 5,
	.locations = locations,
	.n_targets = 2,
	.targets = targets,
};

static const struct wire_counter counters[] = {{1, 97}, {9999, UINT64_MAX}};

static const struct wire_target_rule rules[] = {
	{TARGET_PID, BYTES_OF("4711"), BYTES_OF("labels of one process"), DEMANGLE_FULL, false},
	{TARGET_CONTAINER, BYTES_OF("0123456789abcdef"), BYTES_OF("labels of a container"),
	 DEMANGLE_NONE, true},
	{TARGET_DEFAULT, BYTES_OF(""), BYTES_OF("labels of the rest"), DEMANGLE_TEMPLATES, true},
};

static const struct wire_job jobs[] = {
	{UINT64_C(0xfedcba9876543210), 97, 15000, true, false, 3, rules},
	{2, 31, 1000, false, true, 0, NULL},
};

static const struct wire_part parts[] = {
	{BYTES_OF("labels"), BYTES_OF("\x1f\x8b gzip"), 97, 1000},
	{BYTES_OF("more labels"), BYTES_OF(""), 0, 0},
};

static const struct wire_label labels[] = {
	{BYTES_OF("__name__"), BYTES_OF("process_cpu")},
	{BYTES_OF("service_name"), BYTES_OF("caf\xc3\xa9")},
};

static const struct process_status status = {
	.pid = 4711,
	.uid = 967,
	.permitted_caps = UINT64_C(1) << 39,
	.effective_caps = UINT64_MAX,
	.seccomp = 2,
	.no_new_privs = true,
};

static const struct wire_service services[] = {{SERVICE_MAIN, status}, {SERVICE_OPENER, status}};

static const struct wire_mapped_file mapped_files[] = {
	{2049, 77, BYTES_OF("/usr/bin/true")},
	{0, UINT64_MAX, BYTES_OF("/tmp/<odd>\n")},
};

static const struct wire_target_name target_names[] = {{1, UINT64_MAX}, {2, 3}};
static const uint32_t both_files[] = {1, 0};

static const struct wire_profiled profiled[] = {
	{1, BYTES_OF("init"), 12, 2, target_names, 7, 2, both_files},
	{UINT32_MAX, BYTES_OF(""), 0, 0, NULL, 0, 0, NULL},
};

static const struct wire_view view = {
	.instance = 8,
	.round = 12,
	.n_profiled = 5000,
	.n_services = 2,
	.services = services,
	.n_files = 2,
	.files = mapped_files,
	.n_processes = 2,
	.processes = profiled,
};

static const struct wire_table tables[] = {
	{UINT64_MAX, BYTES_OF("\x01\x23"), BYTES_OF("/usr/bin/true"), 12, 4096, 41, true},
	{5, BYTES_OF(""), BYTES_OF(""), 0, 0, 0, false},
};

static const struct wire_table_file table_files[] = {{2049, 77, UINT64_MAX}, {0, 1, 5}};

static const struct wire_function_share functions[] = {{BYTES_OF("main"), 90}, {BYTES_OF(""), 1}};

static const struct wire_last_named named[] = {
	{UINT64_MAX, UINT64_C(1700000000000000001), 97, 2, functions},
	{0, 0, 0, 0, NULL},
};

static const struct wire_report report = {
	.worker = 5,
	.status = status,
	.round = 42,
	.caches = {{300, 1024, 1, tables}, {1, 32, 1, tables + 1}, {0, 0, 0, NULL}},
	.n_files = 2,
	.files = table_files,
	.n_named = 2,
	.named = named,
};

static void encode_view(struct bytes *out)
{
	wire_encode_view(out, &view);
}

static void encode_report(struct bytes *out)
{
	wire_encode_report(out, &report);
}

static void encode_lease(struct bytes *out)
{
	wire_encode_lease(
		out, &(struct wire_lease){1, UINT64_MAX, true, LEASE_OUTCOME_STORED, window_id});
}

static void encode_window(struct bytes *out)
{
	wire_encode_window(out, &window);
}

static void encode_object_read(struct bytes *out)
{
	wire_encode_object_read(
		out, &(struct wire_object_read){7, UINT64_C(1) << 40, OBJECT_READ_BYTES_MAX});
}

static void encode_object_open(struct bytes *out)
{
	wire_encode_object_open(
		out, &(struct wire_object_open){7, OBJECT_OPEN_BESIDE, BYTES_OF("libc.so.debug")});
}

static void encode_object_bytes(struct bytes *out)
{
	wire_encode_object_bytes(out,
				 "\x7f"
				 "ELF",
				 4);
}

static void encode_object_opened(struct bytes *out)
{
	wire_encode_object_opened(out, &objects[0]);
}

static void encode_refused(struct bytes *out)
{
	wire_encode_refused(out, REFUSAL_DEADLINE);
}

static void encode_settings(struct bytes *out)
{
	wire_encode_settings(out, &(struct wire_settings_message){
					  .protocol_version = 1,
					  .generation = 12,
					  .settings = {2048, 1024, caches},
					  .n_jobs = 2,
					  .jobs = jobs,
				  });
}

static void encode_heartbeat(struct bytes *out)
{
	wire_encode_settings(out, &(struct wire_settings_message){
					  .protocol_version = 1,
					  .generation = 12,
					  .is_heartbeat = true,
				  });
}

static void encode_state(struct bytes *out)
{
	static const struct wire_rounds rounds[] = {{UINT64_C(1) << 63, 3, 0}, {7, 1000, 1}};

	wire_encode_state(out, &(struct wire_state){8, 12, COLLECTOR_STOPPING, 64,
						    BYTES_OF("0.1.0"), 2, counters, 2, rounds});
}

static void encode_processes(struct bytes *out)
{
	wire_encode_processes(out, &(struct wire_processes){INT32_MAX, true});
}

static void encode_process_list(struct bytes *out)
{
	static const struct wire_listed_process listed[] = {
		{.pid = 2, .cgroup = BYTES_OF("0::/\n")}, /* a kernel thread */
		{.pid = 4711,
		 .uid = 65534,
		 .exe = BYTES_OF("/usr/bin/a\nb (deleted)"),
		 .cwd = BYTES_OF("/"),
		 .command = BYTES_OF("a\0\0\xff\0"),
		 .container_id = BYTES_OF("0123456789ab"),
		 .cgroup = BYTES_OF("0::/docker/0123456789ab\n")},
	};

	wire_encode_process_list(out, &(struct wire_process_list){4712, true, 3, 2, listed});
}

static void encode_profile(struct bytes *out)
{
	wire_encode_profile(
		out, &(struct wire_profile){window_id, UINT64_C(1700000000000000001), 2, parts});
}

static void encode_stored(struct bytes *out)
{
	wire_encode_stored(out, &(struct wire_stored){window_id, true});
}

static void encode_stats(struct bytes *out)
{
	wire_encode_stats(out, &(struct wire_stats){5, 2, counters});
}

static void encode_labels(struct bytes *out)
{
	wire_encode_labels(out, labels, 2);
}

#define BARE(name, id)                                                                             \
	static void encode_##name(struct bytes *out)                                               \
	{                                                                                          \
		wire_encode_bare(out, id);                                                         \
	}

BARE(probe, MESSAGE_PROBE)
BARE(probed, MESSAGE_PROBED)
BARE(nothing_yet, MESSAGE_NOTHING_YET)
BARE(go, MESSAGE_GO)
BARE(noted, MESSAGE_NOTED)
BARE(look, MESSAGE_LOOK)

static const struct sample {
	const char *name;
	void (*encode)(struct bytes *out);
	int (*recode)(const void *frame, size_t n_bytes, struct bytes *out);
} samples[] = {
	{"probe", encode_probe, recode},
	{"probed", encode_probed, recode},
	{"refused", encode_refused, recode},
	{"lease", encode_lease, recode},
	{"window", encode_window, recode},
	{"nothing_yet", encode_nothing_yet, recode},
	{"go", encode_go, recode},
	{"object_read", encode_object_read, recode},
	{"object_bytes", encode_object_bytes, recode},
	{"object_open", encode_object_open, recode},
	{"object_opened", encode_object_opened, recode},
	{"settings", encode_settings, recode},
	{"settings_heartbeat", encode_heartbeat, recode},
	{"state", encode_state, recode},
	{"processes", encode_processes, recode},
	{"process_list", encode_process_list, recode},
	{"profile", encode_profile, recode},
	{"stored", encode_stored, recode},
	{"stats", encode_stats, recode},
	{"noted", encode_noted, recode},
	{"look", encode_look, recode},
	{"view", encode_view, recode},
	{"report", encode_report, recode},
	{"labels", encode_labels, recode_labels},
};

#define N_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static struct bytes encoded(const struct sample *sample)
{
	struct bytes frame = BYTES_INIT(FRAME_BYTES_MAX);

	sample->encode(&frame);
	assert_int_equal(frame.error, 0);
	return frame;
}

static int recoded(const struct sample *sample, const void *frame, size_t n_bytes)
{
	struct bytes ignored = BYTES_INIT(FRAME_BYTES_MAX);
	void *exact = malloc(n_bytes ? n_bytes : 1); /* so that a read past the end is seen */
	int r;

	memcpy(exact, frame, n_bytes);
	r = sample->recode(exact, n_bytes, &ignored);
	free(exact);
	bytes_deinit(&ignored);
	return r;
}

/* UPDATE_GOLDEN=1 rewrites the files: a change of the protocol shows as a diff. */
static void every_message_has_the_bytes_of_its_golden_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		struct bytes frame = encoded(&samples[i]);
		unsigned char golden[4096];
		char path[512];
		ssize_t n;
		int fd;

		(void)snprintf(path, sizeof(path), "%s/%s.bin", GOLDEN_FOLDER, samples[i].name);
		if (getenv("UPDATE_GOLDEN")) {
			fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			assert_int_equal(write(fd, frame.data, frame.n_bytes), frame.n_bytes);
		} else {
			fd = open(path, O_RDONLY | O_CLOEXEC);
			n = read(fd, golden, sizeof(golden));
			assert_int_equal(n, frame.n_bytes);
			assert_memory_equal(golden, frame.data, frame.n_bytes);
		}
		(void)close(fd);
		bytes_deinit(&frame);
	}
}

static void every_message_survives_the_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		struct bytes frame = encoded(&samples[i]), again = BYTES_INIT(FRAME_BYTES_MAX);

		assert_int_equal(samples[i].recode(frame.data, frame.n_bytes, &again), 0);
		assert_int_equal(again.n_bytes, frame.n_bytes);
		assert_memory_equal(again.data, frame.data, frame.n_bytes);
		bytes_deinit(&again);
		bytes_deinit(&frame);
	}
}

static void every_row_of_the_table_has_a_sample_within_its_cap(void **state)
{
	(void)state;
#define X(row, id_, from_, to_, bytes_max_, when_)                                                 \
	{                                                                                          \
		bool found = false;                                                                \
		for (size_t i = 0; i < N_SAMPLES; i++) {                                           \
			struct bytes frame = encoded(&samples[i]);                                 \
			enum message_id id;                                                        \
			found |= message_check(frame.data, frame.n_bytes, from_, to_,              \
					       when_ == ANSWER, true, &id) == 0 &&                 \
				 id == MESSAGE_##row;                                              \
			bytes_deinit(&frame);                                                      \
		}                                                                                  \
		assert_true(found);                                                                \
		assert_string_equal(message_name(id_), #row);                                      \
	}
#include "wire/messages.def"
#undef X
	assert_string_equal(message_name(0), "unknown");
}

static void a_frame_cut_anywhere_is_garbled(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		struct bytes frame = encoded(&samples[i]);

		for (size_t n = 0; n < frame.n_bytes; n++)
			assert_int_not_equal(recoded(&samples[i], frame.data, n), 0);
		bytes_deinit(&frame);
	}
}

static void a_frame_with_a_trailing_byte_is_garbled(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		struct bytes frame = encoded(&samples[i]);

		bytes_append(&frame, "\xc0", 1);
		assert_int_equal(recoded(&samples[i], frame.data, frame.n_bytes), MESSAGE_GARBLED);
		bytes_deinit(&frame);
	}
}

static void no_single_wrong_byte_is_taken_for_an_error_of_ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SAMPLES; i++) {
		struct bytes frame = encoded(&samples[i]);

		for (size_t n = 0; n < frame.n_bytes; n++) {
			unsigned char right = frame.data[n];

			for (int wrong = 0; wrong <= 0xff; wrong += 3) {
				frame.data[n] = (unsigned char)wrong;
				assert_in_range(recoded(&samples[i], frame.data, frame.n_bytes), 0,
						MESSAGE_GARBLED);
			}
			frame.data[n] = right;
		}
		bytes_deinit(&frame);
	}
}

static void a_window_is_decoded_field_by_field(void **state)
{
	struct bytes frame = BYTES_INIT(FRAME_BYTES_MAX);
	struct wire_arena arena = {0};
	struct wire_window m;

	(void)state;
	wire_encode_window(&frame, &window);
	assert_int_equal(wire_decode_window(frame.data, frame.n_bytes, &arena, &m), 0);
	assert_int_equal(m.id.instance, window_id.instance);
	assert_int_equal(m.id.sequence, window_id.sequence);
	assert_true(m.name_nothing);
	assert_int_equal(m.time_wall_ns, window.time_wall_ns);
	assert_int_equal(m.duration_ns, window.duration_ns);
	assert_int_equal(m.period_ns, window.period_ns);
	assert_int_equal(m.demangle, DEMANGLE_FULL);
	assert_memory_equal(&m.caches, &caches, sizeof(caches));
	assert_int_equal(m.n_objects, 3);
	assert_int_equal(m.objects[0].inode, 77);
	assert_int_equal(m.objects[1].kind, OBJECT_KALLSYMS);
	assert_memory_equal(m.objects[2].name.data, "[vdso]", 6);
	assert_int_equal(m.n_locations, 5);
	assert_int_equal(m.locations[3].object_index, LOCATION_NO_OBJECT);
	assert_int_equal(m.locations[4].kind, 7);
	assert_int_equal(m.locations[4].value, UINT64_MAX);
	assert_int_equal(m.n_targets, 2);
	assert_int_equal(m.targets[1].n_processes, 0);
	assert_int_equal(m.targets[0].processes[1].comm.n_bytes, 5);
	assert_int_equal(m.targets[0].processes[1].stacks[0].count, 70000);
	assert_int_equal(m.targets[0].processes[0].stacks[0].n_locations, 3);
	assert_memory_equal(m.targets[0].processes[0].stacks[0].locations, leaf_first,
			    sizeof(leaf_first));
	assert_int_equal(m.targets[0].processes[0].stacks[1].flags, 3);
	wire_arena_deinit(&arena);
	bytes_deinit(&frame);
}

static void an_index_out_of_range_is_garbled(void **state)
{
	static const uint32_t beyond[] = {1, 5};
	struct wire_location location = {FRAME_USER, 3, 0};
	struct wire_stack stack = {1, 0, 2, beyond};
	struct wire_process process = {BYTES_OF("x"), 1, &stack};
	struct wire_target target = {BYTES_OF(""), 1, &process};
	struct wire_window bad_object = window, bad_location = window, no_location = window;
	const struct wire_window *const rows[] = {&bad_object, &bad_location, &no_location};

	(void)state;
	bad_object.n_locations = 1;
	bad_object.locations = &location;
	bad_object.n_targets = 0;
	bad_location.n_targets = no_location.n_targets = 1;
	bad_location.targets = no_location.targets = &target;
	no_location.n_locations = 0;
	for (size_t i = 0; i < 3; i++) {
		struct bytes frame = BYTES_INIT(FRAME_BYTES_MAX);
		struct wire_arena arena = {0};
		struct wire_window m;

		wire_encode_window(&frame, rows[i]);
		assert_int_equal(wire_decode_window(frame.data, frame.n_bytes, &arena, &m),
				 MESSAGE_GARBLED);
		wire_arena_deinit(&arena);
		bytes_deinit(&frame);
	}
}

#define NO_TEXTS "\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00"

static void a_hostile_frame_is_garbled(void **state)
{
	static const struct {
		const char *what;
		struct wire_bytes frame;
	} rows[] = {
		{"an empty one", BYTES_OF("")},
		{"not an array", BYTES_OF("\x04")},
		{"a map", BYTES_OF("\x81\x04\x01")},
		{"four billion fields", BYTES_OF("\xdd\xff\xff\xff\xff\x0e")},
		{"four billion parts in five bytes",
		 BYTES_OF("\x94\x0e\x92\x01\x01\x01\xdd\xff\xff\xff\xff")},
		{"65535 parts in three bytes", BYTES_OF("\x94\x0e\x92\x01\x01\x01\xdc\xff\xff")},
		{"four billion counters", BYTES_OF("\x93\x10\x01\xdd\xff\xff\xff\xff")},
		{"more counters than bytes", BYTES_OF("\x93\x10\x01\x92\x92\x01\x01")},
		{"bytes past the end", BYTES_OF("\x92\x09\xc6\xff\xff\xff\xff")},
		{"text where bytes belong", BYTES_OF("\x92\x09\xa1x")},
		{"a negative number", BYTES_OF("\x92\x03\xff")},
		{"a float", BYTES_OF("\x92\x03\xca\x40\x00\x00\x00")},
		{"a refusal that there is not", BYTES_OF("\x92\x03\x0b")},
		{"a refusal of zero", BYTES_OF("\x92\x03\x00")},
		{"a bare one with a body", BYTES_OF("\x92\x01\x00")},
		{"a field too few", BYTES_OF("\x93\x08\x01\x01")},
		{"a read of nothing", BYTES_OF("\x94\x08\x01\x00\x00")},
		{"a read of too much", BYTES_OF("\x94\x08\x01\x00\xce\x00\x08\x00\x01")},
		{"a read past the largest offset",
		 BYTES_OF("\x94\x08\x01\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\x01")},
		{"an open of an unknown kind", BYTES_OF("\x94\x0a\x01\x08\xc4\x00")},
		{"a lease with a number for a truth",
		 BYTES_OF("\x96\x04\x01\x01\x01\x00\x92\x00\x00")},
		{"a heartbeat with settings", BYTES_OF("\x96\x0c\x01\x01\xc3\x98\xc0")},
		{"settings with a rate of zero",
		 BYTES_OF("\x96\x0c\x01\x01\xc2\x93\x01\x01\x93\x01\x01\x01\x91\x96\x01\x00\x01"
			  "\xc3\xc3\x90")},
		{"settings without a job",
		 BYTES_OF("\x96\x0c\x01\x01\xc2\x93\x01\x01\x93\x01\x01\x01\x90")},
		{"two jobs of one id",
		 BYTES_OF("\x96\x0c\x01\x01\xc2\x93\x01\x01\x93\x01\x01\x01\x92\x96\x01\x01\x01"
			  "\xc3\xc3\x90\x96\x01\x01\x01\xc3\xc3\x90")},
		{"processes after none that there is",
		 BYTES_OF("\x93\x12\xce\x80\x00\x00\x00\xc2")},
		{"a list with the process 0",
		 BYTES_OF("\x95\x13\x05\xc2\x00\x91\x97\x00\x00" NO_TEXTS)},
		{"a list with a pid twice",
		 BYTES_OF("\x95\x13\x05\xc2\x00\x92\x97\x01\x00" NO_TEXTS "\x97\x01\x00" NO_TEXTS)},
		{"a list whose pids descend",
		 BYTES_OF("\x95\x13\x05\xc2\x00\x92\x97\x02\x00" NO_TEXTS "\x97\x01\x00" NO_TEXTS)},
		{"a list that goes on before its end",
		 BYTES_OF("\x95\x13\x05\xc2\x00\x91\x97\x06\x00" NO_TEXTS)},
		{"four billion processes", BYTES_OF("\x95\x13\x05\xc2\x00\xdd\xff\xff\xff\xff")},
		{"more processes than bytes", BYTES_OF("\x95\x13\x05\xc2\x00\x92\x97\x01\x00")},
		{"a view of a file that is not in it",
		 BYTES_OF("\x97\x15\x01\x01\x01\x90\x90\x91\x96\x01\xc4\x00\x00\x90\x00\x91\x00")},
		{"a view of more processes than there are",
		 BYTES_OF("\x97\x15\x01\x01\x00\x90\x90\x91\x96\x01\xc4\x00\x00\x90\x00\x90")},
		{"a view with four billion files",
		 BYTES_OF("\x97\x15\x01\x01\x00\x90\xdd\xff\xff\xff\xff")},
		{"nine services in nine bytes",
		 BYTES_OF("\x97\x15\x01\x01\x00\x99\x92\x92\x92\x92\x92\x92\x92\x92\x92")},
		{"a cache with more tables than it has",
		 BYTES_OF("\x97\x16\x01\x96\x01\x01\x00\x00\x02\xc3\x01\x93\x93\x00\x00\x91\x97\x01"
			  "\xc4\x00\xc4\x00\x00\x00\x00\xc2\x93\x00\x00\x90\x93\x00\x00\x90\x90"
			  "\x90")},
		{"a process with a third way of seccomp",
		 BYTES_OF("\x97\x16\x01\x96\x01\x01\x00\x00\x03\xc3\x01\x93\x93\x00\x00\x90\x93\x00"
			  "\x00\x90\x93\x00\x00\x90\x90\x90")},
		{"a function with more samples than its target",
		 BYTES_OF("\x97\x16\x01\x96\x01\x01\x00\x00\x02\xc3\x01\x93\x93\x00\x00\x90\x93\x00"
			  "\x00\x90\x93\x00\x00\x90\x90\x91\x94\x01\x01\x05\x91\x92\xc4\x00\x06")},
		{"deep nesting", BYTES_OF("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = recoded(&samples[0], rows[i].frame.data, rows[i].frame.n_bytes);

		if (r != MESSAGE_GARBLED && r != MESSAGE_UNKNOWN)
			fail_msg("%s: %d", rows[i].what, r);
	}
}

static void label_sets_are_bounded_and_even(void **state)
{
	const struct wire_label *decoded;
	struct wire_arena arena = {0};
	struct wire_label many[LABELS_MAX + 1];
	struct bytes out = BYTES_INIT(FRAME_BYTES_MAX);
	size_t n;

	(void)state;
	for (size_t i = 0; i < LABELS_MAX + 1; i++)
		many[i] = labels[0];
	wire_encode_labels(&out, many, LABELS_MAX);
	assert_int_equal(wire_decode_labels(out.data, out.n_bytes, &arena, &decoded, &n), 0);
	assert_int_equal(n, LABELS_MAX);
	bytes_clear(&out);
	wire_encode_labels(&out, many, LABELS_MAX + 1);
	assert_int_equal(wire_decode_labels(out.data, out.n_bytes, &arena, &decoded, &n),
			 MESSAGE_GARBLED);
	assert_int_equal(wire_decode_labels("\x91\xc4\x00", 3, &arena, &decoded, &n),
			 MESSAGE_GARBLED);
	assert_int_equal(wire_decode_labels("\x90", 1, &arena, &decoded, &n), 0);
	assert_int_equal(n, 0);
	wire_arena_deinit(&arena);
	bytes_deinit(&out);
}

static void too_many_parts_are_garbled(void **state)
{
	struct wire_part *many = calloc(PROFILE_PARTS_MAX + 1, sizeof(*many));
	struct bytes out = BYTES_INIT(FRAME_BYTES_MAX);
	struct wire_arena arena = {0};
	struct wire_profile m;

	(void)state;
	wire_encode_profile(&out, &(struct wire_profile){window_id, 1, PROFILE_PARTS_MAX, many});
	assert_int_equal(wire_decode_profile(out.data, out.n_bytes, &arena, &m), 0);
	bytes_clear(&out);
	wire_encode_profile(&out,
			    &(struct wire_profile){window_id, 1, PROFILE_PARTS_MAX + 1, many});
	assert_int_equal(wire_decode_profile(out.data, out.n_bytes, &arena, &m), MESSAGE_GARBLED);
	wire_arena_deinit(&arena);
	bytes_deinit(&out);
	free(many);
}

static void what_fails_leaves_the_result_alone(void **state)
{
	struct wire_lease lease = {.worker = 5};
	enum refusal reason = REFUSAL_DISK;

	(void)state;
	assert_int_equal(wire_decode_lease("\x91\x04", 2, &lease), MESSAGE_GARBLED);
	assert_int_equal(lease.worker, 5);
	assert_int_equal(wire_decode_refused("\x91\x03", 2, &reason), MESSAGE_GARBLED);
	assert_int_equal(reason, REFUSAL_DISK);
}

static void a_frame_over_its_bound_is_an_error_of_the_buffer(void **state)
{
	struct bytes small = BYTES_INIT(64);

	(void)state;
	wire_encode_window(&small, &window);
	assert_int_equal(small.error, -EMSGSIZE);
	bytes_deinit(&small);
}

static void a_large_window_goes_through(void **state)
{
	enum { N_STACKS = 5000, N_DEEP = 40, N_PLACES = 2000 };
	struct wire_location *places = calloc(N_PLACES, sizeof(*places));
	struct wire_stack *many = calloc(N_STACKS, sizeof(*many));
	struct wire_process process = {BYTES_OF("busy"), N_STACKS, many};
	struct wire_target target = {BYTES_OF(""), 1, &process};
	struct bytes out = BYTES_INIT(4096 * 1024);
	struct wire_window m, large = window;
	struct wire_arena arena = {0};
	uint32_t deep[N_DEEP];

	(void)state;
	for (uint32_t i = 0; i < N_DEEP; i++)
		deep[i] = i * 50;
	for (size_t i = 0; i < N_STACKS; i++)
		many[i] = (struct wire_stack){i, 0, N_DEEP, deep};
	large.n_locations = N_PLACES;
	large.locations = places;
	large.n_targets = 1;
	large.targets = &target;
	wire_encode_window(&out, &large);
	assert_int_equal(out.error, 0);
	assert_int_equal(wire_decode_window(out.data, out.n_bytes, &arena, &m), 0);
	for (size_t i = 0; i < N_STACKS; i++)
		assert_memory_equal(m.targets[0].processes[0].stacks[i].locations, deep,
				    sizeof(deep));
	assert_int_equal(m.targets[0].processes[0].stacks[N_STACKS - 1].count, N_STACKS - 1);
	wire_arena_deinit(&arena);
	bytes_deinit(&out);
	free(many);
	free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_has_the_bytes_of_its_golden_file),
		cmocka_unit_test(every_message_survives_the_round_trip),
		cmocka_unit_test(every_row_of_the_table_has_a_sample_within_its_cap),
		cmocka_unit_test(a_frame_cut_anywhere_is_garbled),
		cmocka_unit_test(a_frame_with_a_trailing_byte_is_garbled),
		cmocka_unit_test(no_single_wrong_byte_is_taken_for_an_error_of_ours),
		cmocka_unit_test(a_window_is_decoded_field_by_field),
		cmocka_unit_test(an_index_out_of_range_is_garbled),
		cmocka_unit_test(a_hostile_frame_is_garbled),
		cmocka_unit_test(label_sets_are_bounded_and_even),
		cmocka_unit_test(too_many_parts_are_garbled),
		cmocka_unit_test(what_fails_leaves_the_result_alone),
		cmocka_unit_test(a_frame_over_its_bound_is_an_error_of_the_buffer),
		cmocka_unit_test(a_large_window_goes_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
