#include "endpoints/endpoint_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_options.h"

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

static void a_label_has_no_credentials_and_none_is_numbered_like_another(void **state)
{
	static const struct {
		const char *url;
		unsigned n;
		const char *label;
	} rows[] = {
		{"http://host:4040/base", 1, "http://host:4040/base"},
		{"http://ann:secret@host:4040/base", 1, "http://host:4040/base"},
		{"http://ann:secret@host:4040/base", 2, "http://host:4040/base #2"},
		{"http://ann:a@b@host", 1, "http://host"},
		{"file:///directory/a@b", 1, "file:///directory/a@b"},
		{"file:///directory#2", 1, "file:///directory#2"},
		{"file:///directory", 2, "file:///directory #2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *label = endpoint_label_new(rows[i].url, rows[i].n);

		assert_non_null(label);
		assert_string_equal(label, rows[i].label);
		free(label);
	}
}

static void assert_key(const struct endpoint_configuration *of, size_t n, size_t i,
		       const char *expected)
{
	struct configuration some = {.n_endpoints = n,
				     .endpoints = (struct endpoint_configuration *)of};
	char *key = endpoint_key_new(&some, i);

	assert_non_null(key);
	assert_string_equal(key, expected);
	free(key);
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

static void users_and_tenants_of_the_options_are_told_apart_too(void **state)
{
	static const struct http_pair tenant = {"X-Scope-OrgID", "t"};
	static const struct http_options some[] = {
		{.authentication = HTTP_BASIC, .user = "ann", .secret = {.text = "hush"}},
		{.authentication = HTTP_OAUTH2, .oauth2 = {.client_id = "id"}},
		{.authentication = HTTP_CREDENTIALS, .secret = {.text = "hush"}},
		{.n_headers = 1, .headers = &tenant},
	};
	static const char *const keys[] = {"http://h\nann\n\n\n0", "http://h\nid\n\n\n0",
					   "http://h\n\n\n\n0", "http://h\n\n\nt\n0"};
	struct endpoint_configuration all[] = {ENDPOINT("http://h"), ENDPOINT("http://h"),
					       ENDPOINT("http://h"), ENDPOINT("http://h")};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		all[i].http = &some[i];
	for (size_t i = 0; i < 4; i++)
		assert_key(all, 4, i, keys[i]);
	all[0].http = &some[3];
	assert_key(all, 4, 3, "http://h\n\n\nt\n1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_label_has_no_credentials_and_none_is_numbered_like_another),
		cmocka_unit_test(a_key_says_where_to_and_as_whom_but_no_password),
		cmocka_unit_test(users_and_tenants_of_the_options_are_told_apart_too),
		cmocka_unit_test(tenants_may_change_places_and_keep_their_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
