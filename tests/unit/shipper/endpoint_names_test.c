#include "endpoint_names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct configuration_header tenant_a = {(char *)"x-scope-orgid", (char *)"a"};
static struct configuration_header tenant_b = {(char *)"X-Scope-OrgID", (char *)"b"};

#define ENDPOINT(address)                                                                          \
	{                                                                                          \
		.url = (char *)(address), .name = (char *)""                                       \
	}

static struct endpoint_configuration endpoints[] = {
	ENDPOINT("http://host:4040/base"),           ENDPOINT("http://ann:secret@host:4040/base"),
	ENDPOINT("http://bob:other@host:4040/base"), ENDPOINT("https://host:4040/base"),
	ENDPOINT("file:///directory/a@b"),           ENDPOINT("file:///directory/a@b"),
};

#define N_ENDPOINTS (sizeof(endpoints) / sizeof(endpoints[0]))

static const char *const labels[N_ENDPOINTS] = {
	"http://host:4040/base",  "http://host:4040/base #2", "http://host:4040/base #3",
	"https://host:4040/base", "file:///directory/a@b",    "file:///directory/a@b #2",
};

static const struct configuration configuration = {
	.n_endpoints = N_ENDPOINTS,
	.endpoints = endpoints,
};

static void no_label_is_that_of_another_or_has_a_password(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ENDPOINTS; i++) {
		char *label = endpoint_label_new(&configuration, i);

		assert_non_null(label);
		assert_string_equal(label, labels[i]);
		free(label);
	}
}

static void assert_key(const struct endpoint_configuration *of, size_t n, size_t i,
		       const char *expected)
{
	struct configuration some = {.n_endpoints = n,
				     .endpoints = (struct endpoint_configuration *)of};
	struct bytes key = BYTES_INIT(256);

	assert_int_equal(endpoint_key_print(&some, i, &key), 0);
	assert_string_equal((const char *)key.data, expected);
	bytes_deinit(&key);
}

static void a_key_says_where_to_and_as_whom_but_no_password(void **state)
{
	(void)state;
	assert_key(endpoints, N_ENDPOINTS, 0, "http://host:4040/base\n\n\n\n0");
	assert_key(endpoints, N_ENDPOINTS, 1, "http://host:4040/base\nann\n\n\n0");
	assert_key(endpoints, N_ENDPOINTS, 2, "http://host:4040/base\nbob\n\n\n0");
	assert_key(endpoints, N_ENDPOINTS, 5, "file:///directory/a@b\n\n\n\n1");
}

static void tenants_may_change_places_and_keep_their_keys(void **state)
{
	struct endpoint_configuration two[] = {ENDPOINT("http://h"), ENDPOINT("http://h")};

	(void)state;
	two[0].n_headers = two[1].n_headers = 1;
	two[0].headers = &tenant_a;
	two[1].headers = &tenant_b;
	assert_key(two, 2, 0, "http://h\n\n\na\n0");
	assert_key(two, 2, 1, "http://h\n\n\nb\n0");
	two[0].headers = &tenant_b;
	two[1].headers = &tenant_a;
	assert_key(two, 2, 0, "http://h\n\n\nb\n0");
	assert_key(two, 2, 1, "http://h\n\n\na\n0");
}

static void a_key_that_is_too_long_is_an_error(void **state)
{
	struct bytes key = BYTES_INIT(16);

	(void)state;
	assert_int_equal(endpoint_key_print(&configuration, 0, &key), -EMSGSIZE);
	bytes_deinit(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_label_is_that_of_another_or_has_a_password),
		cmocka_unit_test(a_key_says_where_to_and_as_whom_but_no_password),
		cmocka_unit_test(tenants_may_change_places_and_keep_their_keys),
		cmocka_unit_test(a_key_that_is_too_long_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
