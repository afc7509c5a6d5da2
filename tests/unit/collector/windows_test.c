#include "windows.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "fake_objects.h"

#define INSTANCE 77u
#define NOW_NS   UINT64_C(5000000000)

struct fixture {
	struct counters counters;
	struct windows *windows;
	struct object *a;
	struct object *b;
	struct object *nameless;
	struct target *web;
	struct target *web_again; /* of equal labels */
	struct target *db;
};

static void open_windows(struct fixture *f, size_t bytes_max)
{
	const struct windows_options options = {
		.instance = INSTANCE, .bytes_max = bytes_max, .counters = &f->counters};

	assert_int_equal(windows_new(&options, &f->windows), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	open_windows(f, WINDOWS_BYTES_MAX_DEFAULT);
	f->a = fake_object(OBJECT_FILE, "/bin/a", -1, 100);
	f->b = fake_object(OBJECT_FILE, "/bin/b", -1, 100);
	f->nameless = fake_object(OBJECT_NAMELESS, "[vdso]", -1, 0);
	f->web = fake_target("web");
	f->web_again = fake_target("web");
	f->db = fake_target("db");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	windows_free(f->windows);
	object_release(NULL, f->a, 0);
	object_release(NULL, f->b, 0);
	object_release(NULL, f->nameless, 0);
	free(f->web);
	free(f->web_again);
	free(f->db);
	free(f);
	return fake_objects_n() == 0 ? 0 : -1;
}

static void begin(struct fixture *f, uint64_t start_wall_ns)
{
	const struct window_span span = {
		.start_wall_ns = start_wall_ns,
		.duration_ns = 15,
		.period_ns = 10,
		.demangle = DEMANGLE_SIMPLIFIED,
		.caches = {1, 2, 3},
	};

	windows_begin(f->windows, 0, &span, NOW_NS);
}

static void add(struct fixture *f, struct target *target, const char *comm,
		const struct window_frame *frames, size_t n_frames, uint64_t count)
{
	char padded[COMM_BYTES] = {0};

	memcpy(padded, comm, strnlen(comm, sizeof(padded)));
	assert_int_equal(fake_add(f->windows, target, padded, frames, n_frames, 0, count), 0);
}

/* One window of one sample each. */
static void queue_windows(struct fixture *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct window_frame frame = {FRAME_USER, f->a, i};

		begin(f, 1000000000 * (i + 1));
		add(f, f->web, "web", &frame, 1, 1);
		windows_end(f->windows, 0, NOW_NS);
	}
}

struct decoded {
	struct wire_arena arena;
	struct wire_window window;
};

static struct decoded decode(struct fixture *f, struct window *window, bool name_nothing)
{
	struct wire_bytes frame = windows_frame(f->windows, window, name_nothing);
	struct decoded d = {0};

	assert_int_equal(wire_decode_window(frame.data, frame.n_bytes, &d.arena, &d.window), 0);
	return d;
}

static uint64_t count_samples(const struct wire_window *window)
{
	uint64_t n = 0;

	for (size_t t = 0; t < window->n_targets; t++)
		for (size_t p = 0; p < window->targets[t].n_processes; p++)
			for (size_t s = 0; s < window->targets[t].processes[p].n_stacks; s++)
				n += window->targets[t].processes[p].stacks[s].count;
	return n;
}

static void a_window_says_what_was_added(void **state)
{
	struct fixture *f = *state;
	const struct window_frame frames[] = {
		{FRAME_KERNEL, NULL, 0xffffffff81000000},
		{FRAME_USER, f->b, 0x20},
		{0x17, f->nameless, 0x7f0000000030},
	};
	struct decoded d;
	const struct wire_stack *stack;

	begin(f, 1000);
	assert_int_equal(fake_add(f->windows, f->web, "0123456789abcdef", frames, 3,
				  STACK_TRUNCATED_USER, 4),
			 0);
	windows_end(f->windows, 0, NOW_NS);
	d = decode(f, windows_first(f->windows), false);
	assert_int_equal(d.window.id.instance, INSTANCE);
	assert_int_equal(d.window.id.sequence, 1);
	assert_false(d.window.name_nothing);
	assert_int_equal(d.window.time_wall_ns, 1000);
	assert_int_equal(d.window.duration_ns, 15);
	assert_int_equal(d.window.period_ns, 10);
	assert_int_equal(d.window.demangle, DEMANGLE_SIMPLIFIED);
	assert_int_equal(d.window.caches.pid_entries, 3);
	assert_int_equal(d.window.n_objects, 2);
	assert_int_equal(d.window.objects[0].id, f->b->id);
	assert_memory_equal(d.window.objects[1].name.data, "[vdso]", 6);
	assert_memory_equal(d.window.targets[0].labels.data, "web", 3);
	assert_int_equal(d.window.targets[0].processes[0].comm.n_bytes, COMM_BYTES);
	stack = &d.window.targets[0].processes[0].stacks[0];
	assert_int_equal(stack->flags, STACK_TRUNCATED_USER);
	assert_int_equal(stack->count, 4);
	assert_int_equal(stack->n_locations, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct wire_location *at = &d.window.locations[stack->locations[i]];

		assert_int_equal(at->kind, frames[i].kind);
		assert_int_equal(at->value, frames[i].value);
		assert_int_equal(at->object_index == LOCATION_NO_OBJECT, !frames[i].object);
	}
	wire_arena_deinit(&d.arena);
}

static void equal_stacks_are_summed(void **state)
{
	struct fixture *f = *state;
	const struct window_frame frames[] = {{FRAME_USER, f->a, 1}, {FRAME_USER, f->b, 1}};
	struct decoded d;

	begin(f, 1000);
	for (uint64_t i = 0; i < 100; i++)
		add(f, f->web, "web", frames, 2, 3);
	assert_int_equal(fake_add(f->windows, f->web, "web\0............", frames, 2,
				  STACK_TRUNCATED_USER, 1),
			 0); /* not equal: it was cut */
	add(f, f->web, "web", frames, 1, 5);
	windows_end(f->windows, 0, NOW_NS);
	d = decode(f, windows_first(f->windows), false);
	assert_int_equal(d.window.n_locations, 2);
	assert_int_equal(d.window.targets[0].n_processes, 1);
	assert_int_equal(d.window.targets[0].processes[0].n_stacks, 3);
	assert_int_equal(d.window.targets[0].processes[0].stacks[0].count, 300);
	assert_int_equal(windows_first(f->windows)->n_samples, 306);
	assert_int_equal(count_samples(&d.window), 306);
	wire_arena_deinit(&d.arena);
}

static void processes_are_told_apart_by_target_and_comm(void **state)
{
	struct fixture *f = *state;
	const struct window_frame frame = {FRAME_USER, f->a, 1};
	struct decoded d;

	begin(f, 1000);
	add(f, f->web, "x", &frame, 1, 1);
	add(f, f->db, "x", &frame, 1, 1);
	add(f, f->web, "y", &frame, 1, 1);
	add(f, f->db, "x", &frame, 1, 1);
	add(f, f->web_again, "x", &frame, 1, 1);
	windows_end(f->windows, 0, NOW_NS);
	d = decode(f, windows_first(f->windows), false);
	assert_int_equal(d.window.n_targets, 2);
	assert_int_equal(d.window.n_locations, 1);
	assert_int_equal(d.window.targets[0].n_processes, 2);
	assert_int_equal(d.window.targets[0].processes[0].stacks[0].count, 2);
	assert_memory_equal(d.window.targets[0].processes[1].comm.data, "y", 1);
	assert_int_equal(d.window.targets[1].n_processes, 1);
	assert_int_equal(d.window.targets[1].processes[0].stacks[0].count, 2);
	wire_arena_deinit(&d.arena);
}

/* Adds @n different stacks, some of them twice; returns how many samples that was. */
static uint64_t add_many(struct fixture *f, uint64_t n)
{
	uint64_t n_samples = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct target *target = i % 3 == 0 ? f->db : f->web;
		struct window_frame frames[30];

		for (size_t k = 0; k < 30; k++)
			frames[k] = (struct window_frame){FRAME_USER, k % 2 ? f->a : f->b,
							  (i / 2 + k) * 4096};
		add(f, target, i % 5 == 0 ? "x" : "y", frames, 30, i % 7 + 1);
		n_samples += i % 7 + 1;
	}
	return n_samples;
}

static void no_sample_is_lost_where_a_window_is_cut(void **state)
{
	struct fixture *f = *state;
	uint64_t n_in, n_out = 0, last_time_ns = 0;

	begin(f, 1000);
	n_in = add_many(f, 40000);
	assert_int_equal(windows_n_samples(f->windows), n_in);
	windows_end(f->windows, 0, NOW_NS);
	assert_true(windows_n(f->windows) > 1);
	for (struct window *w = windows_first(f->windows); w; w = w->next) {
		struct decoded d = decode(f, w, false);

		assert_true(w->n_frame_bytes <= WINDOW_BYTES_MAX);
		if (w->next) /* the estimate is no excuse for small windows */
			assert_true(w->n_frame_bytes > WINDOW_BYTES_MAX / 4 * 3);
		assert_int_equal(count_samples(&d.window), w->n_samples);
		assert_true(d.window.time_wall_ns > last_time_ns);
		last_time_ns = d.window.time_wall_ns;
		n_out += w->n_samples;
		wire_arena_deinit(&d.arena);
	}
	assert_int_equal(n_out, n_in);
	assert_int_equal(windows_n_samples(f->windows), n_in);
	assert_int_equal(counters_get(&f->counters, COUNTER_HELD_WINDOWS), n_in);
	assert_int_equal(counters_get(&f->counters, COUNTER_WINDOWS_CUT), windows_n(f->windows));
}

static void a_sample_that_is_too_long_stands_alone_or_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct window_frame frame = {FRAME_USER, f->a, 1};
	size_t n_long = WINDOW_BYTES_MAX, n_too_long = MESSAGE_BYTES_MAX_WINDOW;
	char *labels = calloc(1, n_too_long + 1);
	struct target *target;

	begin(f, 1000);
	add(f, f->web, "x", &frame, 1, 1);
	memset(labels, 'l', n_too_long);
	target = fake_target(labels);
	assert_int_equal(fake_add(f->windows, target, "x\0.............", &frame, 1, 0, 1),
			 -EMSGSIZE);
	target->n_labels_bytes = n_long;
	add(f, target, "x", &frame, 1, 2);
	add(f, f->web, "x", &frame, 1, 4);
	windows_end(f->windows, 0, NOW_NS);
	assert_int_equal(windows_n(f->windows), 3);
	assert_int_equal(windows_first(f->windows)->next->n_samples, 2);
	assert_int_equal(windows_n_samples(f->windows), 7);
	free(target);
	free(labels);
}

static void nothing_gathered_is_no_window(void **state)
{
	struct fixture *f = *state;

	begin(f, 1000);
	add(f, f->web, "x", NULL, 0, 0);
	windows_end(f->windows, 0, NOW_NS);
	assert_int_equal(windows_n(f->windows), 0);
	begin(f, 2000);
	add(f, f->web, "x", NULL, 0, 1); /* a stack without a frame is a sample */
	windows_end(f->windows, 0, NOW_NS);
	assert_int_equal(windows_n_samples(f->windows), 1);
}

static void times_ascend_unless_the_clock_steps_back_far(void **state)
{
	static const uint64_t minute_ns = UINT64_C(60000000000);
	const uint64_t starts_ns[] = {
		5000,      6000,     10, 10, 6500, 100000, 3 * minute_ns, 2 * minute_ns + 1000000,
		minute_ns, minute_ns};
	const uint64_t times_ns[] = {5000,          6000,
				     7000,          8000,
				     9000,          100000,
				     3 * minute_ns, 3 * minute_ns + 1000,
				     minute_ns,     minute_ns + 1000};
	struct fixture *f = *state;
	struct window *w;

	for (size_t i = 0; i < sizeof(starts_ns) / sizeof(starts_ns[0]); i++) {
		begin(f, starts_ns[i]);
		add(f, f->web, "x", NULL, 0, 1);
		windows_end(f->windows, 0, NOW_NS);
	}
	w = windows_first(f->windows);
	for (size_t i = 0; i < sizeof(times_ns) / sizeof(times_ns[0]); i++, w = w->next) {
		struct decoded d = decode(f, w, false);

		assert_int_equal(d.window.time_wall_ns, times_ns[i]);
		assert_int_equal(d.window.id.sequence, i + 1);
		wire_arena_deinit(&d.arena);
	}
}

static void the_oldest_that_waits_is_dropped_at_the_bound(void **state)
{
	struct fixture *f = *state;
	size_t n_bytes;

	queue_windows(f, 1);
	n_bytes = windows_first(f->windows)->n_bytes;
	windows_free(f->windows);
	f->counters = (struct counters){0};
	open_windows(f, 3 * n_bytes + n_bytes / 2);

	queue_windows(f, 3);
	assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_WINDOWS_FULL), 0);
	windows_lease(f->windows, windows_first(f->windows), 9, 100);
	queue_windows(f, 2);
	assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_WINDOWS_FULL), 2);
	assert_int_equal(windows_n(f->windows), 3);
	assert_int_equal(windows_first(f->windows)->id.sequence, 1); /* leased */
	assert_int_equal(windows_first(f->windows)->next->id.sequence, 4);
	assert_int_equal(counters_get(&f->counters, COUNTER_HELD_WINDOWS), 3);
	assert_int_equal(counters_get(&f->counters, COUNTER_WINDOWS_WAITING), 2);
	assert_int_equal(counters_get(&f->counters, COUNTER_WINDOWS_CUT), 5);
}

static void a_window_that_finds_only_leased_ones_is_dropped_itself(void **state)
{
	struct fixture *f = *state;
	size_t n_bytes;

	queue_windows(f, 1);
	n_bytes = windows_first(f->windows)->n_bytes;
	windows_free(f->windows);
	open_windows(f, n_bytes);

	queue_windows(f, 1);
	windows_lease(f->windows, windows_first(f->windows), 9, 100);
	queue_windows(f, 1);
	assert_int_equal(windows_n(f->windows), 1);
	assert_null(windows_oldest_waiting(f->windows));
	windows_give_back(f->windows, windows_first(f->windows));
	assert_int_equal(windows_oldest_waiting(f->windows)->id.sequence, 1);
}

static void leases_and_ends_keep_the_numbers_true(void **state)
{
	struct fixture *f = *state;
	struct window *second;

	queue_windows(f, 3);
	second = windows_first(f->windows)->next;
	windows_lease(f->windows, windows_first(f->windows), 9, 100);
	assert_ptr_equal(windows_oldest_waiting(f->windows), second);
	windows_lease(f->windows, second, 8, 100);
	windows_lease(f->windows, second, 7, 100); /* from one to another */
	assert_int_equal(windows_n_waiting(f->windows), 1);
	windows_done(f->windows, second, NOW_NS);
	assert_int_equal(windows_n(f->windows), 2);
	assert_int_equal(windows_n_waiting(f->windows), 1);
	windows_give_back(f->windows, windows_first(f->windows));
	windows_give_back(f->windows, windows_first(f->windows)); /* twice is once */
	assert_int_equal(windows_n_waiting(f->windows), 2);
	windows_drop(f->windows, windows_first(f->windows)->next, COUNTER_DROPPED_REFUSED, NOW_NS);
	assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_REFUSED), 1);
	queue_windows(f, 1); /* behind what is left */
	assert_int_equal(windows_first(f->windows)->next->id.sequence, 4);
	windows_done(f->windows, windows_first(f->windows), NOW_NS);
	windows_done(f->windows, windows_first(f->windows), NOW_NS);
	assert_null(windows_first(f->windows));
	assert_int_equal(counters_get(&f->counters, COUNTER_HELD_WINDOWS), 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_WINDOWS_WAITING), 0);
}

static void windows_are_found_by_their_whole_id(void **state)
{
	struct fixture *f = *state;

	queue_windows(f, 3);
	windows_done(f->windows, windows_first(f->windows)->next, NOW_NS);
	assert_non_null(windows_find(f->windows, (struct window_id){INSTANCE, 3}));
	assert_null(windows_find(f->windows, (struct window_id){INSTANCE, 2}));
	assert_null(windows_find(f->windows, (struct window_id){INSTANCE, 4}));
	assert_null(windows_find(f->windows, (struct window_id){INSTANCE + 1, 3}));
}

static void the_order_to_name_nothing_stays(void **state)
{
	struct fixture *f = *state;
	struct decoded before, after;
	size_t n_bytes;

	begin(f, 1000);
	(void)add_many(f, 50);
	windows_end(f->windows, 0, NOW_NS);
	before = decode(f, windows_first(f->windows), false);
	n_bytes = windows_first(f->windows)->n_bytes;
	assert_false(before.window.name_nothing);
	wire_arena_deinit(&before.arena);

	after = decode(f, windows_first(f->windows), true);
	assert_true(after.window.name_nothing);
	assert_int_equal(count_samples(&after.window), windows_first(f->windows)->n_samples);
	assert_int_equal(after.window.n_objects, 2);
	assert_int_equal(windows_first(f->windows)->n_bytes, n_bytes);
	wire_arena_deinit(&after.arena);
	after = decode(f, windows_first(f->windows), false);
	assert_true(after.window.name_nothing);
	wire_arena_deinit(&after.arena);
}

static void objects_are_held_until_the_window_is_done(void **state)
{
	struct fixture *f = *state;
	struct object *own = fake_object(OBJECT_FILE, "/tmp/gone (deleted)", -1, 1);
	const struct window_frame frames[] = {
		{FRAME_USER, own, 1}, {FRAME_USER, own, 2}, {FRAME_USER, f->nameless, 3}};
	uint64_t id = own->id;
	struct window *w;

	begin(f, 1000);
	add(f, f->web, "x", frames, 3, 1);
	add(f, f->db, "x", frames, 3, 1);
	windows_end(f->windows, 0, NOW_NS);
	object_release(NULL, own, NOW_NS);
	assert_int_equal(fake_objects_n(), 4);
	w = windows_first(f->windows);
	assert_ptr_equal(window_object(w, id), own);
	assert_null(window_object(w, f->a->id)); /* of no sample in it */
	assert_null(window_object(w, 0));        /* the nameless one */
	windows_done(f->windows, w, NOW_NS);
	assert_int_equal(fake_objects_n(), 3);
}

static void opened_objects_are_added_once_and_bounded(void **state)
{
	struct fixture *f = *state;
	struct window *w;
	size_t n_added = 0;
	int r;

	queue_windows(f, 1);
	w = windows_first(f->windows);
	assert_int_equal(window_add_object(f->windows, w, f->a), 0);
	assert_int_equal(w->n_objects, 1);
	do {
		struct object *opened = fake_object(OBJECT_FILE, "/opened", -1, 1);

		r = window_add_object(f->windows, w, opened);
		if (r == 0)
			assert_ptr_equal(window_object(w, opened->id), opened);
		n_added += r == 0;
		object_release(NULL, opened, NOW_NS);
	} while (r == 0);
	assert_int_equal(r, WINDOW_OBJECTS_FULL);
	assert_int_equal(n_added, 1 + WINDOW_OPENED_SPARE); /* it names one */
	assert_int_equal(fake_objects_n(), 3 + n_added);
	windows_done(f->windows, w, NOW_NS);
	assert_int_equal(fake_objects_n(), 3);
}

/* One drain with memory that fails; returns the samples that the caller was refused. */
static uint64_t add_without_memory(struct fixture *f, uint64_t n, uint64_t *ret_n_in)
{
	const char comm[COMM_BYTES] = "x";
	uint64_t n_in = 0, n_refused = 0;

	begin(f, 1000);
	for (uint64_t i = 0; i < n; i++) {
		const struct window_frame frames[] = {{FRAME_USER, i % 2 ? f->a : f->b, i},
						      {FRAME_KERNEL, f->nameless, i / 3}};
		int r = fake_add(f->windows, i % 5 ? f->web : f->db, comm, frames, 2, 0, i + 1);

		assert_true(r == 0 || r == -ENOMEM);
		n_in += i + 1;
		n_refused += r == 0 ? 0 : i + 1;
	}
	windows_end(f->windows, 0, NOW_NS);
	*ret_n_in = n_in;
	return n_refused;
}

static void without_memory_no_sample_goes_uncounted(void **state)
{
	struct fixture *f = *state;

	for (size_t n = 0, has_failed = 1; has_failed; n++) {
		for (unsigned for_good = 0; for_good < 2; for_good++) {
			uint64_t n_in, n_refused, n_out = 0;

			f->counters = (struct counters){0};
			failing_memory_begin(n, for_good);
			n_refused = add_without_memory(f, 300, &n_in);
			has_failed = failing_memory_end();
			assert_int_equal(
				windows_n_samples(f->windows) + n_refused +
					counters_get(&f->counters, COUNTER_DROPPED_NO_MEMORY),
				n_in);
			assert_int_equal(counters_get(&f->counters, COUNTER_HELD_WINDOWS),
					 windows_n_samples(f->windows));
			while (windows_first(f->windows)) {
				struct decoded d = decode(f, windows_first(f->windows), false);

				n_out += count_samples(&d.window);
				wire_arena_deinit(&d.arena);
				windows_done(f->windows, windows_first(f->windows), NOW_NS);
			}
			assert_int_equal(
				n_out + n_refused +
					counters_get(&f->counters, COUNTER_DROPPED_NO_MEMORY),
				n_in);
			assert_int_equal(f->a->n_refs, 1);
		}
	}
}

static void without_memory_an_order_is_not_given_by_half(void **state)
{
	struct fixture *f = *state;
	struct wire_bytes frame;
	struct decoded d;
	bool has_failed;
	size_t n = 0;

	begin(f, 1000);
	(void)add_many(f, 50);
	windows_end(f->windows, 0, NOW_NS);
	do {
		failing_memory_begin(n++, false);
		frame = windows_frame(f->windows, windows_first(f->windows), true);
		has_failed = failing_memory_end();
		assert_int_equal(frame.n_bytes == 0, has_failed);
	} while (has_failed);
	assert_true(n > 2);
	d = decode(f, windows_first(f->windows), false);
	assert_true(d.window.name_nothing);
	wire_arena_deinit(&d.arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_says_what_was_added),
		TEST(equal_stacks_are_summed),
		TEST(processes_are_told_apart_by_target_and_comm),
		TEST(no_sample_is_lost_where_a_window_is_cut),
		TEST(a_sample_that_is_too_long_stands_alone_or_is_refused),
		TEST(nothing_gathered_is_no_window),
		TEST(times_ascend_unless_the_clock_steps_back_far),
		TEST(the_oldest_that_waits_is_dropped_at_the_bound),
		TEST(a_window_that_finds_only_leased_ones_is_dropped_itself),
		TEST(leases_and_ends_keep_the_numbers_true),
		TEST(windows_are_found_by_their_whole_id),
		TEST(the_order_to_name_nothing_stays),
		TEST(objects_are_held_until_the_window_is_done),
		TEST(opened_objects_are_added_once_and_bounded),
		TEST(without_memory_no_sample_goes_uncounted),
		TEST(without_memory_an_order_is_not_given_by_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
