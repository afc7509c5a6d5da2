#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/http_proxy.h"

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PROXY        "http://proxy.test:3128"

static void assert_proxy(const struct http_proxy_options *options, const char *text,
			 const char *expected)
{
	struct http_url url;
	const char *found;

	assert_int_equal(http_url_parse(text, &url), 0);
	found = http_proxy_for(options, &url);
	if (!expected != !found || (found && strcmp(found, expected) != 0))
		fail_msg("%s with no_proxy %s goes by %s, not by %s", text,
			 options->no_proxy ? options->no_proxy : "-", found ? found : "-",
			 expected ? expected : "-");
	http_url_deinit(&url);
}

/* Each row is what golang.org/x/net/http/httpproxy decides. */
static void no_proxy_is_read_as_go_reads_it(void **state)
{
	static const struct {
		const char *no_proxy;
		const char *url;
		bool is_direct;
	} rows[] = {
		{"*", "http://h.test/", true},
		{"h.test", "http://h.test/", true},
		{"h.test", "http://a.b.h.test/", true},
		{"h.test", "http://ah.test/", false},
		{"H.Test", "http://h.TEST/", true},
		{".h.test", "http://h.test/", false},
		{".h.test", "http://a.h.test/", true},
		{"*.h.test", "http://h.test/", false},
		{"*.h.test", "http://a.h.test/", true},
		{"h.test:80", "http://h.test/", true},
		{"h.test:80", "https://h.test/", false},
		{"h.test:443", "https://a.h.test/", true},
		{"h.test:8080", "http://h.test:8080/", true},
		{"h.test:8080", "http://h.test/", false},
		{" x.test , h.test ", "http://h.test/", true},
		{"x.test,,h.test", "http://h.test/", true},
		{"", "http://h.test/", false},
		{"x.test", "http://h.test/", false},
		{"10.0.0.0/8", "http://10.1.2.3/", true},
		{"10.0.0.0/8", "http://11.1.2.3/", false},
		{"10.1.2.128/25", "http://10.1.2.129/", true},
		{"10.1.2.128/25", "http://10.1.2.127/", false},
		{"10.1.2.3/32", "http://10.1.2.3/", true},
		{"0.0.0.0/0", "http://10.1.2.3/", true},
		{"0.0.0.0/0", "http://[2001:db8::1]/", false},
		{"10.0.0.0/33", "http://10.1.2.3/", false},
		{"10.0.0.0/8", "http://h.test/", false},
		{"2001:db8::/32", "http://[2001:db8:1::5]/", true},
		{"2001:db8::/32", "http://[2001:db9:1::5]/", false},
		{"10.1.2.3", "http://10.1.2.3:81/", true},
		{"10.1.2.3:80", "http://10.1.2.3/", true},
		{"10.1.2.3:80", "http://10.1.2.3:81/", false},
		{"2001:db8::1", "http://[2001:db8::1]/", true},
		{"[2001:db8::1]:80", "http://[2001:db8::1]/", true},
		{"[2001:db8::1]:81", "http://[2001:db8::1]/", false},
		{"[2001:db8::1]", "http://[2001:db8::1]/", false},
		{"10.1.2.3", "http://10.1.2.4/", false},
		{".2.3", "http://10.1.2.3/", true},
		{"localhost", "http://localhost/", true},
		{"x", "http://localhost:99/", true},
		{"x", "http://127.3.3.3/", true},
		{"x", "http://[::1]/", true},
		{"x", "http://10.1.2.3/", false},
		{"::ffff:10.1.2.3", "http://10.1.2.3/", true},
		{"h.test:", "http://h.test/", true},
		{":80", "http://h.test/", false},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct http_proxy_options options = {.url = PROXY, .no_proxy = rows[i].no_proxy};

		if (rows[i].no_proxy[0]) /* an empty one is none */
			assert_proxy(&options, rows[i].url, rows[i].is_direct ? NULL : PROXY);
	}
}

static void without_no_proxy_even_this_host_is_asked_by_the_proxy(void **state)
{
	struct http_proxy_options options = {.url = PROXY};

	(void)state;
	assert_proxy(&options, "http://localhost/", PROXY);
	assert_proxy(&options, "https://127.0.0.1/", PROXY);
	options.url = NULL;
	assert_proxy(&options, "http://h.test/", NULL);
}

static void the_environment_is_asked_when_it_is_told(void **state)
{
	static const char *const names[] = {"HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
					    "https_proxy", "NO_PROXY",   "no_proxy"};
	static const struct {
		const char *settings[3]; /* name=value */
		const char *url;
		const char *proxy;
	} rows[] = {
		{{"HTTP_PROXY=http://a:1"}, "http://h.test/", "http://a:1"},
		{{"http_proxy=a:1"}, "http://h.test/", "a:1"},
		{{"HTTP_PROXY=", "http_proxy=b"}, "http://h.test/", "b"},
		{{"HTTP_PROXY=a", "http_proxy=b"}, "http://h.test/", "a"},
		{{"HTTP_PROXY=a"}, "https://h.test/", NULL},
		{{"https_proxy=c"}, "https://h.test/", "c"},
		{{"HTTP_PROXY=a"}, "http://localhost/", NULL},
		{{"HTTP_PROXY=a", "NO_PROXY=h.test"}, "http://h.test/", NULL},
		{{"HTTP_PROXY=a", "no_proxy=*"}, "http://h.test/", NULL},
		{{"HTTP_PROXY=a", "no_proxy=i.test"}, "http://h.test/", "a"},
		{{NULL}, "http://h.test/", NULL},
	};
	const struct http_proxy_options options = {.from_environment = true};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		for (size_t j = 0; j < N_ROWS(names); j++)
			assert_int_equal(unsetenv(names[j]), 0);
		for (size_t j = 0; j < 3 && rows[i].settings[j]; j++) {
			char *setting = strdup(rows[i].settings[j]);
			char *value = strchr(setting, '=');

			*value = '\0';
			assert_int_equal(setenv(setting, value + 1, 1), 0);
			free(setting);
		}
		assert_proxy(&options, rows[i].url, rows[i].proxy);
	}
}

static void urls_come_apart(void **state)
{
	static const struct {
		const char *text, *clean, *host, *user, *password;
		unsigned port;
		bool is_ipv6;
	} rows[] = {
		{"http://Host.Test", "http://Host.Test/", "host.test", NULL, NULL, 80, false},
		{"https://h/p?q#f", "https://h/p?q", "h", NULL, NULL, 443, false},
		{"http://u%40:p%3A@h:81/", "http://h:81/", "h", "u@", "p:", 81, false},
		{"http://u@h/", "http://h/", "h", "u", "", 80, false},
		{"http://:p@h/", "http://h/", "h", "", "p", 80, false},
		{"http://[2001:DB8::1]:82/", "http://[2001:DB8::1]:82/", "2001:db8::1", NULL, NULL,
		 82, true},
		{"socks5://h", "socks5://h/", "h", NULL, NULL, 1080, false},
	};
	struct http_url url;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		assert_int_equal(http_url_parse(rows[i].text, &url), 0);
		if (strncmp(rows[i].text, "http", 4) == 0)
			assert_string_equal(url.clean, rows[i].clean);
		assert_string_equal(url.host, rows[i].host);
		assert_int_equal(url.port, rows[i].port);
		assert_int_equal(url.is_ipv6, rows[i].is_ipv6);
		if (rows[i].user) {
			assert_string_equal(url.user, rows[i].user);
			assert_string_equal(url.password, rows[i].password);
		} else {
			assert_null(url.user);
		}
		http_url_deinit(&url);
	}
	assert_int_equal(http_url_parse("http://[::1", &url), HTTP_URL_MALFORMED);
	assert_int_equal(http_url_parse("", &url), HTTP_URL_MALFORMED);
}

static void one_place_is_host_scheme_and_port(void **state)
{
	static const struct {
		const char *from, *to;
		bool is_same;
	} rows[] = {
		{"http://h/a", "http://H:80/b", true},
		{"http://h/", "https://h/", true},
		{"https://h/", "http://h/", false},
		{"http://h:8080/", "https://h:8443/", false},
		{"http://h:8080/", "http://h:8081/", false},
		{"http://h/", "http://sub.h/", false},
		{"https://h:1/", "https://h:1/x", true},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct http_url from, to;

		assert_int_equal(http_url_parse(rows[i].from, &from), 0);
		assert_int_equal(http_url_parse(rows[i].to, &to), 0);
		assert_int_equal(http_url_is_same_place(&from, &to), rows[i].is_same);
		http_url_deinit(&from);
		http_url_deinit(&to);
	}
}

static void messages_have_no_user_in_them(void **state)
{
	static const char *const rows[][2] = {
		{"http://h/", "http://h/"},
		{"http://u:p@h/", "http://(secret)@h/"},
		{"ftp://u:p/q@h/", "ftp://(secret)@h/"},
		{"u:p@h", "(secret)@h"},
	};
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 16);

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct config_text text = {rows[i][0], strlen(rows[i][0])};

		assert_string_equal(http_url_without_user(&arena, text), rows[i][1]);
	}
	config_arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_proxy_is_read_as_go_reads_it),
		cmocka_unit_test(without_no_proxy_even_this_host_is_asked_by_the_proxy),
		cmocka_unit_test(the_environment_is_asked_when_it_is_told),
		cmocka_unit_test(urls_come_apart),
		cmocka_unit_test(one_place_is_host_scheme_and_port),
		cmocka_unit_test(messages_have_no_user_in_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
