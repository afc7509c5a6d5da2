#include "targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UUID  "pod64a5f1cc_d6ae_4d26_a9b4_7f6a4ca8c6a4"

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
		{"0::/kubepods.slice/crio-conmon-" ID ".scope\n", ID},
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
		/* several */
		{"0::/docker/" OTHER "/docker/" ID "\n", ID},
		{"0::/docker/" ID "/docker/" OTHER "/sub\n", OTHER},
		{"3:cpu:/user.slice\n2:memory:/docker/" ID "\n1:pids:/docker/" OTHER "\n", ID},
		/* none */
		{"", ""},
		{"\n\n", ""},
		{"0::/\n", ""},
		{"0::/user.slice/user-1000.slice/session-3.scope\n", ""},
		{"0::/ecs/0123456789abcdef0123456789abcdef-1234567890\n", ""},
		{"0::/docker/0" ID "\n", ""}, /* 65 digits */
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
	struct targets *targets;

	assert_int_equal(targets_new(rules, n_rules, &targets), 0);
	return targets;
}

/* Whether the match of @pid and @id has the labels @labels; NULL: no match. */
static void assert_match(const struct targets *targets, uint32_t pid, const char *id,
			 const char *labels)
{
	struct target *target = targets_match(targets, pid, bytes(id));

	if (!labels) {
		assert_null(target);
		return;
	}
	assert_non_null(target);
	assert_int_equal(target->n_labels_bytes, strlen(labels));
	assert_memory_equal(target->labels, labels, strlen(labels));
	target_release(target);
}

static void the_pid_comes_before_the_container_and_that_before_the_default(void **state)
{
	const struct wire_target_rule rules[] = {
		{TARGET_DEFAULT, bytes(""), bytes("default")},
		{TARGET_CONTAINER, bytes(ID), bytes("container")},
		{TARGET_PID, bytes("42"), bytes("pid")},
		{TARGET_CONTAINER, bytes("short"), bytes("short")},
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
	const struct wire_target_rule rule = {TARGET_CONTAINER, bytes(ID), bytes("container")};
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
		{TARGET_DEFAULT, bytes(""), bytes("d1")},
		{TARGET_PID, bytes("7"), bytes("p1")},
		{TARGET_CONTAINER, bytes(ID), bytes("c1")},
		{TARGET_PID, bytes("007"), bytes("p2")},
		{TARGET_CONTAINER, bytes(ID), bytes("c2")},
		{TARGET_DEFAULT, bytes(""), bytes("d2")},
		{TARGET_CONTAINER, bytes(ID), bytes("c3")},
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
		{TARGET_PID, bytes("0"), bytes("x")},
		{TARGET_PID, bytes(""), bytes("x")},
		{TARGET_PID, bytes("1x"), bytes("x")},
		{TARGET_PID, bytes("-1"), bytes("x")},
		{TARGET_PID, bytes("4294967297"), bytes("x")}, /* 2^32 + 1 */
		{TARGET_PID, bytes("00000000001"), bytes("x")},
		{TARGET_CONTAINER, bytes(""), bytes("x")},
		{TARGET_CONTAINER, bytes(ID "0"), bytes("x")},
		{(enum target_key)99, bytes(""), bytes("x")},
	};
	struct targets *targets = targets_of(rules, sizeof(rules) / sizeof(rules[0]));

	(void)state;
	assert_match(targets, 0, "", NULL);
	assert_match(targets, 1, ID "0", NULL);
	targets_free(targets);
}

static void a_target_outlives_the_set_that_it_came_from(void **state)
{
	const struct wire_target_rule rule = {TARGET_DEFAULT, bytes(""), bytes("labels")};
	struct targets *targets = targets_of(&rule, 1);
	struct target *target = targets_match(targets, 1, bytes(""));

	(void)state;
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
		rules[i] = (struct wire_target_rule){TARGET_PID, bytes(keys[i]), bytes(keys[i])};
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
		cmocka_unit_test(the_last_of_equal_keys_wins),
		cmocka_unit_test(a_key_that_can_match_nothing_is_passed_over),
		cmocka_unit_test(a_target_outlives_the_set_that_it_came_from),
		cmocka_unit_test(every_one_of_many_targets_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
