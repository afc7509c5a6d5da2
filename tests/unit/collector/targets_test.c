#include "targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER  "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define TASK   "0123456789abcdef0123456789abcdef"
#define GARDEN "6f265890-5165-7fab-6b52-18d1"
#define UUID   "pod64a5f1cc_d6ae_4d26_a9b4_7f6a4ca8c6a4"

static struct wire_bytes bytes(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

static void container_ids_are_found_in_every_shape_of_cgroup(void **state)
{
	static const struct {
		const char *text;
		const char *id;
	} cases[] = {
		{"12:cpuset:/docker/" ID "\n", ID},
		{"11:devices:/kubepods/burstable/pod64a5f1cc/" ID "\n", ID},
		{"0::/system.slice/docker-" ID ".scope\n", ID},
		{"0::/kubepods.slice/kubepods-" UUID ".slice/cri-containerd-" ID ".scope\n", ID},
		{"0::/kubepods.slice/kubepods-" UUID ".slice/crio-" ID ".scope\n", ID},
		{"0::/machine.slice/libpod-" ID ".scope\n", ID},
		{"0::/machine.slice/libpod-" ID ".scope/container\n", ID},
		{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-" ID
		 ".scope\n",
		 ID},
		{"0::/../../docker-" ID ".scope\n", ID},
		{"0::/../" ID "\n", ID},
		/* what the old component misses */
		{"0::/docker/" ID "/sub\n", ID},
		{"0::/docker/" ID "/init.scope\n", ID},
		{"1:name=systemd:/docker/" ID "/system.slice/cron.service\n", ID},
		{"0::/system.slice/kubepods-besteffort-" UUID ".slice:cri-containerd:" ID "\n", ID},
		{"0::/kubepods-" UUID ".slice:cri-containerd:" ID "/sub\n", ID},
		{"0::/docker/" ID " (deleted)\n", ID},
		{"0::/docker/" ID, ID}, /* a text without newline */
		{"9:perf_event:/ecs/" TASK "/" TASK "-1234567890\n", TASK "-1234567890"},
		{"0::/ecs/" TASK "/" TASK "\n", TASK},
		{"4:memory:/system.slice/garden.service/garden/" GARDEN "\n", GARDEN},
		{"4:memory:/garden/6f265890-5165-7fab-6b52-18d1a2b3c4d5\n",
		 "6f265890-5165-7fab-6b52-18d1a2b3c4d5"},
		{"4:memory:/lxc/web-1\n", "web-1"},
		{"4:memory:/lxc/101/ns/system.slice/cron.service\n", "101"},
		{"0::/lxc.payload.web_1/init.scope\n", "web_1"},
		{"0::/lxc.payload/web.1\n", "web.1"},
		{"0::/lxc.payload.c1 (deleted)\n", "c1"},
		{"0::/docker/0123456789ab\n", "0123456789ab"},
		{"0::/system.slice/docker-0123456789ab.scope\n", "0123456789ab"},
		{"0::/x.slice/libpod-0123456789ab.scope/container\n", "0123456789ab"},
		/* who watches over a container is not in it */
		{"0::/kubepods.slice/crio-conmon-" ID ".scope\n", ""},
		{"0::/machine.slice/libpod-conmon-" ID ".scope\n", ""},
		{"0::/x.slice:conmon-" ID "\n", ""},
		{"0::/docker/" ID "/crio-conmon-" OTHER ".scope\n", ID},
		/* several */
		{"0::/lxc.payload.c1/docker/" ID "\n", ID},
		{"0::/docker/" ID "/" GARDEN "\n", ID}, /* a cgroup of the container's own */
		{"2:cpu:/lxc/c1\n1:pids:/docker/" ID "\n", ID},
		{"0::/lxc/c1/lxc/c2\n", "c2"},
		{"0::/docker/" OTHER "/docker/" ID "\n", ID},
		{"0::/docker/" ID "/docker/" OTHER "/sub\n", OTHER},
		{"3:cpu:/user.slice\n2:memory:/docker/" ID "\n1:pids:/docker/" OTHER "\n", ID},
		/* none */
		{"", ""},
		{"\n\n", ""},
		{"0::/\n", ""},
		{"0::/user.slice/user-1000.slice/session-3.scope\n", ""},
		{"0::/docker/0" ID "\n", ""}, /* 65 digits */
		{"0::/user.slice/vte-spawn-6f265890-5165-7fab-6b52-18d1a2b3c4d5.scope\n", ""},
		{"0::/system.slice/run-r" TASK ".scope\n", ""},
		{"0::/system.slice/" TASK "-\n", ""},
		{"0::/system.slice/" TASK "-12x\n", ""},
		{"0::/" TASK "0\n", ""},
		{"0::/6f265890-5165-7fab-6b52-18d\n", ""},
		{"0::/6f265890-5165-7fab-6b52\n", ""},
		{"0::/6f265890_5165_7fab_6b52_18d1\n", ""},
		{"0::/lxc.monitor.c1\n", ""},
		{"0::/lxc/\n", ""},
		{"0::/lxc.payload.\n", ""},
		{"0::/lxc/a name\n", "a"},   /* a blank ends it */
		{"0::/lxc/" ID ID "\n", ""}, /* longer than any name */
		{"0::/0123456789ab\n", ""},
		{"0::/user.slice/0123456789ab.scope\n", ""},
		{"0::/docker/0123456789abc\n", ""},
		{"0::/docker-0123456789ab-x.scope\n", ""},
		{"0::/xdocker-0123456789ab.scope\n", ""},
		{"0::/docker/" ID "0\n", ""}, /* 65 digits */
		{"0::/docker/0123456789abcdef.scope\n", ""},
		{"0::/docker/" ID "-init\n", ""},
		{"0::/docker/" ID "x\n", ""},
		{"0::/docker/x" ID "\n", ""},
		{"0::/DOCKER/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n",
		 ""},
		{"0:" ID ":\n", ""},     /* no slash before it */
		{"0:-" ID "\n", ""},     /* no slash before it */
		{"0::/a\n" ID "\n", ""}, /* the slash is another line's */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_bytes id = cgroup_container_id(bytes(cases[i].text));

		if (id.n_bytes != strlen(cases[i].id) ||
		    (id.n_bytes > 0 && memcmp(id.data, cases[i].id, id.n_bytes) != 0))
			fail_msg("%s gave %.*s", cases[i].text, (int)id.n_bytes,
				 (const char *)id.data);
	}
	assert_int_equal(cgroup_container_id((struct wire_bytes){NULL, 0}).n_bytes, 0);
}

static struct targets *targets_of(const struct wire_target_rule *rules, size_t n_rules)
{
	const struct wire_job job = {.n_targets = n_rules, .targets = rules};
	struct targets *targets;

	assert_int_equal(targets_new(&job, 1, &targets), 0);
	return targets;
}

static void release_all(struct target *const matched[JOBS_MAX])
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		target_release(matched[i]);
}

/* Whether the match of @pid and @id has the labels @labels; NULL: no match. */
static void assert_match(const struct targets *targets, uint32_t pid, const char *id,
			 const char *labels)
{
	struct target *matched[JOBS_MAX];

	assert_int_equal(targets_match(targets, pid, bytes(id), matched), labels != NULL);
	if (!labels) {
		assert_null(matched[0]);
		return;
	}
	assert_non_null(matched[0]);
	assert_int_equal(matched[0]->n_labels_bytes, strlen(labels));
	assert_memory_equal(matched[0]->labels, labels, strlen(labels));
	release_all(matched);
}

static void the_short_form_of_an_id_stands_for_the_long_one(void **state)
{
	const struct wire_target_rule long_rules[] = {
		{.key_kind = TARGET_CONTAINER, .key = bytes(OTHER), .labels = bytes("other")},
		{.key_kind = TARGET_CONTAINER, .key = bytes(ID), .labels = bytes("long")},
	};
	const struct wire_target_rule short_rules[] = {
		{.key_kind = TARGET_CONTAINER, .key = bytes("0123456789ab"), .labels = bytes("s")},
		{.key_kind = TARGET_CONTAINER, .key = bytes("0123456789a"), .labels = bytes("x")},
		{.key_kind = TARGET_CONTAINER, .key = bytes("a-short-name"), .labels = bytes("n")},
	};
	struct targets *of_long = targets_of(long_rules, 2), *of_short = targets_of(short_rules, 3);

	(void)state;
	assert_match(of_long, 1, "0123456789ab", "long");
	assert_match(of_long, 1, "fedcba987654", "other");
	assert_match(of_long, 1, "0123456789ac", NULL);
	assert_match(of_long, 1, "ffffffffffff", NULL);
	assert_match(of_long, 1, "0123456789a", NULL);
	assert_match(of_short, 1, ID, "s");
	assert_match(of_short, 1, OTHER, NULL);
	assert_match(of_short, 1, "a-short-name", "n");
	targets_free(of_long);
	targets_free(of_short);
}

static void each_job_matches_by_its_own_targets(void **state)
{
	const struct wire_target_rule pids[] = {
		{TARGET_PID, bytes("7"), bytes("seven"), DEMANGLE_FULL, true}};
	const struct wire_target_rule all[] = {
		{TARGET_PID, bytes("7"), bytes("also"), DEMANGLE_NONE, false},
		{.key_kind = TARGET_DEFAULT, .key = bytes(""), .labels = bytes("rest")}};
	const struct wire_job jobs[] = {{.n_targets = 1, .targets = pids},
					{.n_targets = 0},
					{.n_targets = 2, .targets = all}};
	struct target *matched[JOBS_MAX];
	struct targets *targets;

	(void)state;
	assert_int_equal(targets_new(jobs, 3, &targets), 0);
	assert_int_equal(targets_jobs(targets), 7);
	assert_true(targets_have_pids(targets));
	assert_int_equal(targets_match(targets, 7, bytes(""), matched), 5);
	assert_memory_equal(matched[0]->labels, "seven", 5);
	assert_int_equal(matched[0]->demangle, DEMANGLE_FULL);
	assert_true(matched[0]->collect_kernel);
	assert_null(matched[1]);
	assert_memory_equal(matched[2]->labels, "also", 4);
	assert_false(matched[2]->collect_kernel);
	release_all(matched);
	assert_int_equal(targets_match(targets, 8, bytes(""), matched), 4);
	assert_memory_equal(matched[2]->labels, "rest", 4);
	release_all(matched);
	targets_free(targets);
}

static void the_pid_comes_before_the_container_and_that_before_the_default(void **state)
{
	const struct wire_target_rule rules[] = {
		{TARGET_DEFAULT, bytes(""), bytes("default"), DEMANGLE_NONE, true},
		{TARGET_CONTAINER, bytes(ID), bytes("container"), DEMANGLE_NONE, true},
		{TARGET_PID, bytes("42"), bytes("pid"), DEMANGLE_NONE, true},
		{TARGET_CONTAINER, bytes("short"), bytes("short"), DEMANGLE_NONE, true},
	};
	struct targets *targets = targets_of(rules, 4);

	(void)state;
	assert_match(targets, 42, ID, "pid");
	assert_match(targets, 42, "", "pid");
	assert_match(targets, 43, ID, "container");
	assert_match(targets, 43, "short", "short");
	assert_match(targets, 43, OTHER, "default");
	assert_match(targets, 43, "", "default");
	targets_free(targets);
}

static void without_a_default_what_matches_nothing_has_no_target(void **state)
{
	const struct wire_target_rule rule = {TARGET_CONTAINER, bytes(ID), bytes("container"),
					      DEMANGLE_NONE, true};
	struct targets *none = targets_of(NULL, 0), *one = targets_of(&rule, 1);

	(void)state;
	assert_match(none, 1, ID, NULL);
	assert_match(one, 1, ID, "container");
	assert_match(one, 1, OTHER, NULL);
	assert_match(one, 1, "", NULL);
	assert_match(one, 1, ID "0", NULL);
	targets_free(none);
	targets_free(one);
	targets_free(NULL);
}

static void the_last_of_equal_keys_wins(void **state)
{
	const struct wire_target_rule rules[] = {
		{TARGET_DEFAULT, bytes(""), bytes("d1"), DEMANGLE_NONE, true},
		{TARGET_PID, bytes("7"), bytes("p1"), DEMANGLE_NONE, true},
		{TARGET_CONTAINER, bytes(ID), bytes("c1"), DEMANGLE_NONE, true},
		{TARGET_PID, bytes("007"), bytes("p2"), DEMANGLE_NONE, true},
		{TARGET_CONTAINER, bytes(ID), bytes("c2"), DEMANGLE_NONE, true},
		{TARGET_DEFAULT, bytes(""), bytes("d2"), DEMANGLE_NONE, true},
		{TARGET_CONTAINER, bytes(ID), bytes("c3"), DEMANGLE_NONE, true},
	};
	struct targets *targets = targets_of(rules, 7);

	(void)state;
	assert_match(targets, 7, "", "p2");
	assert_match(targets, 8, ID, "c3");
	assert_match(targets, 8, "", "d2");
	targets_free(targets);
}

static void a_key_that_can_match_nothing_is_passed_over(void **state)
{
	const struct wire_target_rule rules[] = {
		{TARGET_PID, bytes("0"), bytes("x"), DEMANGLE_NONE, true},
		{TARGET_PID, bytes(""), bytes("x"), DEMANGLE_NONE, true},
		{TARGET_PID, bytes("1x"), bytes("x"), DEMANGLE_NONE, true},
		{TARGET_PID, bytes("-1"), bytes("x"), DEMANGLE_NONE, true},
		{TARGET_PID, bytes("4294967297"), bytes("x"), DEMANGLE_NONE, true}, /* 2^32 + 1 */
		{TARGET_PID, bytes("00000000001"), bytes("x"), DEMANGLE_NONE, true},
		{TARGET_CONTAINER, bytes(""), bytes("x"), DEMANGLE_NONE, true},
		{TARGET_CONTAINER, bytes(ID "0"), bytes("x"), DEMANGLE_NONE, true},
		{(enum target_key)99, bytes(""), bytes("x"), DEMANGLE_NONE, true},
	};
	struct targets *targets = targets_of(rules, sizeof(rules) / sizeof(rules[0]));

	(void)state;
	assert_match(targets, 0, "", NULL);
	assert_match(targets, 1, ID "0", NULL);
	targets_free(targets);
}

static void a_target_outlives_the_set_that_it_came_from(void **state)
{
	const struct wire_target_rule rule = {TARGET_DEFAULT, bytes(""), bytes("labels"),
					      DEMANGLE_NONE, true};
	struct targets *targets = targets_of(&rule, 1);
	struct target *matched[JOBS_MAX], *target;

	(void)state;
	assert_int_equal(targets_match(targets, 1, bytes(""), matched), 1);
	target = matched[0];
	targets_free(targets);
	assert_int_equal(target->n_refs, 1);
	assert_memory_equal(target->labels, "labels", 6);
	target_release(target_retain(target));
	target_release(target);
	target_release(NULL);
}

static void every_one_of_many_targets_is_found(void **state)
{
	enum { N = 1000 };
	static char keys[N][8];
	static struct wire_target_rule rules[N];
	struct targets *targets;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "%u", (i * 7919) % N + 1);
		rules[i] = (struct wire_target_rule){TARGET_PID, bytes(keys[i]), bytes(keys[i]),
						     DEMANGLE_NONE, true};
	}
	targets = targets_of(rules, N);
	for (unsigned i = 0; i < N; i++)
		assert_match(targets, (i * 7919) % N + 1, "", keys[i]);
	assert_match(targets, N + 1, "", NULL);
	targets_free(targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container_ids_are_found_in_every_shape_of_cgroup),
		cmocka_unit_test(the_pid_comes_before_the_container_and_that_before_the_default),
		cmocka_unit_test(without_a_default_what_matches_nothing_has_no_target),
		cmocka_unit_test(the_short_form_of_an_id_stands_for_the_long_one),
		cmocka_unit_test(each_job_matches_by_its_own_targets),
		cmocka_unit_test(the_last_of_equal_keys_wins),
		cmocka_unit_test(a_key_that_can_match_nothing_is_passed_over),
		cmocka_unit_test(a_target_outlives_the_set_that_it_came_from),
		cmocka_unit_test(every_one_of_many_targets_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
