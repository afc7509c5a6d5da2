#include "configuration_case.h"
#include "http/http_options.h"

/* The HTTP options in an endpoint: what excludes what, and what comes of them. */

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----\\n"
#define KEY         "-----BEGIN PRIVATE KEY-----\\nx\\n-----END PRIVATE KEY-----\\n"
#define OAUTH2      "client_id = \"i\"\nclient_secret = \"s\"\ntoken_url = \"https://t/t\"\n"
#define TWO_WAYS                                                                                   \
	", expected at most one of basic_auth, authorization, oauth2, bearer_token and "           \
	"bearer_token_file"

static struct loaded load_options(const char *options)
{
	static const char head[] = "pyroscope.ebpf \"e\" {\n"
				   " forward_to = [pyroscope.write.w.receiver]\n targets = []\n}\n"
				   "pyroscope.write \"w\" {\nendpoint {\nurl = \"http://h\"\n";
	struct bytes text = BYTES_INIT(1 << 16);
	struct loaded loaded;

	bytes_printf(&text, "%s%s}\n}\n", head, options);
	loaded = load_bytes(text.data, text.n_bytes);
	bytes_deinit(&text);
	return loaded;
}

/* The options are lines from the eighth of the file on. */
static const struct {
	const char *options, *message;
} faults[] = {
	{"bearer_token = \"a\"\nbearer_token_file = \"/b\"\n",
	 ":9:21: found bearer_token and bearer_token_file" TWO_WAYS},
	{"basic_auth {\n}\nbearer_token = \"a\"\n",
	 ":10:16: found basic_auth and bearer_token" TWO_WAYS},
	{"bearer_token = \"a\"\nauthorization {\n}\n",
	 ":9:1: found authorization and bearer_token" TWO_WAYS},
	{"oauth2 {\n" OAUTH2 "}\nbasic_auth {\n}\n", ":13:1: found basic_auth and oauth2" TWO_WAYS},
	{"basic_auth {\n}\nbasic_auth {\n}\n",
	 ":10:1: found more basic_auth blocks than 1, which is the most"},
	{"basic_auth {\npassword = \"a\"\npassword_file = \"/b\"\n}\n",
	 ":9:12: found password and password_file, expected at most one of them"},
	{"authorization {\ncredentials = \"a\"\ncredentials_file = \"/b\"\n}\n",
	 ":9:15: found credentials and credentials_file, expected at most one of them"},
	{"authorization {\ntype = \" BaSiC \"\n}\n",
	 ":9:8: type is \"basic\", expected the block basic_auth for that"},
	{"oauth2 {\n}\n", ":8:1: oauth2 has no client_id, expected one"},
	{"oauth2 {\nclient_id = \"i\"\n}\n",
	 ":8:1: oauth2 has no secret, expected client_secret or client_secret_file"},
	{"oauth2 {\nclient_id = \"i\"\nclient_secret_file = \"/s\"\n}\n",
	 ":8:1: oauth2 has no token_url, expected one"},
	{"oauth2 {\n" OAUTH2 "client_secret_file = \"/s\"\n}\n",
	 ":10:17: found client_secret and client_secret_file, expected at most one of "
	 "them"},
	{"oauth2 {\n" OAUTH2 "scopes = \"a\"\n}\n",
	 ":12:10: scopes is a string, expected a list of strings"},
	{"oauth2 {\n" OAUTH2 "scopes = [[]]\n}\n",
	 ":12:10: scopes has a list in it, expected a list of strings"},
	{"oauth2 {\nclient_id = \"i\"\nclient_secret = \"s\"\ntoken_url = \"t\"\n}\n",
	 ":11:13: token_url is no URL of HTTP, expected http:// or https://"},
	{"tls_config {\nca_pem = \"" CERTIFICATE "\"\nca_file = \"/c\"\n}\n",
	 ":9:10: found ca_pem and ca_file, expected at most one of them"},
	{"tls_config {\ncert_file = \"/c\"\ncert_pem = \"" CERTIFICATE "\"\nkey_file = \"/k\"\n}\n",
	 ":10:12: found cert_pem and cert_file, expected at most one of them"},
	{"tls_config {\ncert_file = \"/c\"\nkey_file = \"/k\"\nkey_pem = \"" KEY "\"\n}\n",
	 ":11:11: found key_pem and key_file, expected at most one of them"},
	{"tls_config {\ncert_file = \"/c\"\n}\n",
	 ":8:1: found a client certificate without key_pem or key_file, expected one of "
	 "them"},
	{"tls_config {\nkey_file = \"/k\"\n}\n",
	 ":8:1: found a key without cert_pem or cert_file, expected one of them"},
	{"tls_config {\nca_pem = \"x\"\n}\n",
	 ":9:10: ca_pem has no line with -----BEGIN CERTIFICATE-----, expected PEM"},
	{"tls_config {\nmin_version = \"TLS14\"\n}\n",
	 ":9:15: min_version is \"TLS14\", expected one of TLS10, TLS11, TLS12, TLS13; did "
	 "you mean TLS10?"},
	{"tls_config {\nserver_name = \"a b\"\n}\n",
	 ":9:15: server_name is \"a b\", expected a host's name"},
	{"tls_config {\nca_fle = \"x\"\n}\n",
	 ":9:1: found the unknown argument ca_fle, did you mean ca_file?"},
	{"proxy_url = \"http://p\"\nproxy_from_environment = true\n",
	 ":9:26: found proxy_from_environment and proxy_url, expected at most one of them"},
	{"no_proxy = \"h\"\nproxy_from_environment = true\n",
	 ":9:26: found proxy_from_environment and no_proxy, expected at most one of them"},
	{"no_proxy = \"h\"\n", ":8:12: found no_proxy without proxy_url, expected both"},
	{"proxy_connect_header = { a = [\"b\"] }\n",
	 ":8:24: found proxy_connect_header without a proxy, expected proxy_url or "
	 "proxy_from_environment with it"},
	{"proxy_url = \"p:3128\"\n",
	 ":8:13: proxy_url is no URL of a proxy, expected http://, https:// or socks5://"},
	{"http_headers = { a = \"b\" }\n",
	 ":8:16: the value of a in http_headers is no list of strings, expected a map of "
	 "lists of strings: { name = [\"value\"] }"},
	{"http_headers = { \"a b\" = [\"c\"] }\n",
	 ":8:16: \"a b\" is wrong in its name, expected letters, digits and -"},
	{"http_headers = { \"a\" = [\"b\\r\\nc: d\"] }\n",
	 ":8:16: \"a\" is wrong in its value, expected no control characters"},
	{"follow_redirects = \"yes\"\n",
	 ":8:20: follow_redirects is a string, expected true or false"},
	{"bearer_token = [\"a\"]\n",
	 ":8:16: bearer_token is a list, expected a string or a secret"},
};

static void what_excludes_another_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(faults); i++) {
		struct loaded loaded = load_options(faults[i].options);
		const char *text = (const char *)loaded.messages.data;
		size_t n = strlen(faults[i].message);

		if (loaded.r != CONFIGURATION_INVALID ||
		    strncmp(text, CASE_PATH, sizeof(CASE_PATH) - 1) ||
		    strncmp(text + sizeof(CASE_PATH) - 1, faults[i].message, n) != 0 ||
		    text[sizeof(CASE_PATH) - 1 + n] != '\n')
			fail_msg("%s\ngives %d\n%s\nnot\n%s", faults[i].options, loaded.r, text,
				 faults[i].message);
		unload(&loaded);
	}
}

static void no_message_has_a_secret_in_it(void **state)
{
	static const char *const rows[] = {
		"basic_auth {\npassword = \"hunter2\"\npassword_file = \"/b\"\n}\n",
		"bearer_token = \"hunter2\"\nbasic_auth {\n}\nbearer_token = 1\n",
		"basic_auth {\npassword = [\"hunter2\"]\n}\n",
		"bearer_token = \"hunter2\" \"hunter2\"\n",
		"bearer_token = \"hunter2\n",
		"bearer_token = `hunter2\n",
		"http_headers = { \"X\" = [\"hunter2\\n\"] }\n",
		"http_headers = { \"X\" = \"hunter2\" }\n",
		"headers = { \"Authorization\" = \"hunter2\\n\" }\n",
		"proxy_url = \"ftp://u:hunter2@p\"\n",
		"proxy_url = \"http://u:hunter2@p:99999\"\n",
		"oauth2 {\nclient_secret = \"hunter2\"\ntoken_url = \"http://u:hunter2@\"\n}\n",
		"url = \"http://u:hunter2@h\"\n",
		"tls_config {\nkey_pem = `hunter2`\ncert_file = \"/c\"\n}\n",
		"bearer_token = \"hunter2\", basic_auth = 1\n",
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct loaded loaded = load_options(rows[i]);

		assert_int_equal(loaded.r, CONFIGURATION_INVALID);
		if (strstr((const char *)loaded.messages.data, "hunter2"))
			fail_msg("%s\ngives\n%s", rows[i], (const char *)loaded.messages.data);
		unload(&loaded);
	}
}

static const struct http_options *options_of(const struct loaded *loaded)
{
	if (loaded->r != 0)
		fail_msg("%s", (const char *)loaded->messages.data);
	assert_int_equal(loaded->configuration->n_endpoints, 1);
	return loaded->configuration->endpoints[0].http;
}

static void without_options_there_are_defaults(void **state)
{
	struct loaded loaded = load_options("");
	const struct http_options *options = options_of(&loaded);

	(void)state;
	assert_int_equal(options->authentication, HTTP_ANONYMOUS);
	assert_true(options->follow_redirects && options->enable_http2);
	assert_int_equal(options->tls.min_version, HTTP_TLS_DEFAULT);
	assert_null(options->proxy.url);
	assert_int_equal(options->n_headers, 0);
	unload(&loaded);
	loaded =
		load_options("bearer_token = \"\"\nproxy_url = \"\"\n"); /* is as good as nothing */
	options = options_of(&loaded);
	assert_int_equal(options->authentication, HTTP_ANONYMOUS);
	assert_null(options->proxy.url);
	unload(&loaded);
}

static void each_way_to_say_who_we_are_is_decoded(void **state)
{
	static const struct {
		const char *options;
		enum http_authentication authentication;
		const char *user, *type, *text, *path;
	} rows[] = {
		{"bearer_token = \"a\"\n", HTTP_CREDENTIALS, NULL, "Bearer", "a", NULL},
		{"bearer_token_file = \"/a\"\n", HTTP_CREDENTIALS, NULL, "Bearer", NULL, "/a"},
		{"authorization {\ncredentials = \"a\"\n}\n", HTTP_CREDENTIALS, NULL, "Bearer", "a",
		 NULL},
		{"authorization {\ntype = \"\"\ncredentials_file = \"/a\"\n}\n", HTTP_CREDENTIALS,
		 NULL, "Bearer", NULL, "/a"},
		{"authorization {\ntype = \" X \"\n}\n", HTTP_CREDENTIALS, NULL, "X", NULL, NULL},
		{"basic_auth {\nusername = \"u\"\npassword = \"p\"\n}\n", HTTP_BASIC, "u", NULL,
		 "p", NULL},
		{"basic_auth {\npassword_file = \"/p\"\n}\n", HTTP_BASIC, "", NULL, NULL, "/p"},
		{"bearer_token = convert.nonsensitive(\"a\")\n", HTTP_CREDENTIALS, NULL, "Bearer",
		 "a", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct loaded loaded = load_options(rows[i].options);
		const struct http_options *options = options_of(&loaded);
		const char *const pairs[][2] = {{options->user, rows[i].user},
						{options->authentication_type, rows[i].type},
						{options->secret.text, rows[i].text},
						{options->secret.path, rows[i].path}};

		assert_int_equal(options->authentication, rows[i].authentication);
		for (size_t j = 0; j < N_ROWS(pairs); j++) {
			assert_int_equal(!pairs[j][0], !pairs[j][1]);
			if (pairs[j][0])
				assert_string_equal(pairs[j][0], pairs[j][1]);
		}
		unload(&loaded);
	}
}

static void all_other_options_are_decoded(void **state)
{
	struct loaded loaded = load_options(
		"oauth2 {\n" OAUTH2 "scopes = [\"a\", \"b c\"]\nendpoint_params = { x = \"1\" }\n"
		"proxy_url = \"socks5://p\"\nno_proxy = \"h\"\n"
		"tls_config {\nmin_version = \"TLS13\"\n}\n}\n"
		"tls_config {\nca_pem = \"" CERTIFICATE "\"\ncert_file = \"/c\"\nkey_pem = \"" KEY
		"\"\nserver_name = \"n\"\ninsecure_skip_verify = true\nmin_version = \"TLS10\"\n}\n"
		"proxy_from_environment = true\nproxy_connect_header = { h = [\"1\", \"2\"] }\n"
		"follow_redirects = false\nenable_http2 = false\nhttp_headers = { k = [\"v\"] }\n");
	const struct http_options *options = options_of(&loaded);

	(void)state;
	assert_int_equal(options->authentication, HTTP_OAUTH2);
	assert_string_equal(options->oauth2.client_id, "i");
	assert_string_equal(options->oauth2.client_secret.text, "s");
	assert_string_equal(options->oauth2.token_url, "https://t/t");
	assert_string_equal(options->oauth2.scopes, "a b c");
	assert_string_equal(options->oauth2.params[0].value, "1");
	assert_string_equal(options->oauth2.proxy.url, "socks5://p");
	assert_string_equal(options->oauth2.proxy.no_proxy, "h");
	assert_int_equal(options->oauth2.tls.min_version, HTTP_TLS_1_3);
	assert_non_null(strstr(options->tls.ca.text, "BEGIN"));
	assert_string_equal(options->tls.certificate.path, "/c");
	assert_non_null(strstr(options->tls.key.text, "PRIVATE"));
	assert_string_equal(options->tls.server_name, "n");
	assert_true(options->tls.insecure_skip_verify);
	assert_int_equal(options->tls.min_version, HTTP_TLS_1_0);
	assert_true(options->proxy.from_environment);
	assert_int_equal(options->proxy.n_connect_headers, 2);
	assert_string_equal(options->proxy.connect_headers[1].value, "2");
	assert_false(options->follow_redirects || options->enable_http2);
	assert_string_equal(options->headers[0].name, "k");
	unload(&loaded);
}

static void headers_that_nobody_may_set_are_warned_of(void **state)
{
	struct loaded loaded = load_options("http_headers = { host = [\"h\"] }\n");

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_non_null(strstr((const char *)loaded.messages.data,
			       ":8:16: warning: every request sets host itself, this one is not "
			       "used\n"));
	unload(&loaded);
}

static void options_are_equal_when_they_print_alike(void **state)
{
	static const char *const rows[] = {
		"",
		"bearer_token = \"a\"\n",
		"bearer_token = \"b\"\n",
		"bearer_token_file = \"a\"\n",
		"http_headers = { a = [\"b\", \"c\"] }\n",
		"http_headers = { a = [\"b\"], c = [\"c\"] }\n",
		"tls_config {\nserver_name = \"a\"\n}\n",
		"proxy_url = \"http://a\"\n",
		"enable_http2 = false\n",
	};
	struct bytes texts[N_ROWS(rows)];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct loaded loaded = load_options(rows[i]);
		struct config_arena arena = CONFIG_ARENA_INIT(1 << 16);
		struct bytes again = BYTES_INIT(1 << 16);
		struct http_options copy;

		texts[i] = (struct bytes)BYTES_INIT(1 << 16);
		http_options_print(options_of(&loaded), &texts[i]);
		assert_int_equal(http_options_copy(&arena, options_of(&loaded), &copy), 0);
		unload(&loaded);
		http_options_print(&copy, &again);
		assert_int_equal(again.n_bytes, texts[i].n_bytes);
		assert_memory_equal(again.data, texts[i].data, again.n_bytes);
		bytes_deinit(&again);
		config_arena_deinit(&arena);
		for (size_t j = 0; j < i; j++)
			assert_false(texts[i].n_bytes == texts[j].n_bytes &&
				     memcmp(texts[i].data, texts[j].data, texts[i].n_bytes) == 0);
	}
	for (size_t i = 0; i < N_ROWS(rows); i++)
		bytes_deinit(&texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_excludes_another_is_said),
		cmocka_unit_test(no_message_has_a_secret_in_it),
		cmocka_unit_test(without_options_there_are_defaults),
		cmocka_unit_test(each_way_to_say_who_we_are_is_decoded),
		cmocka_unit_test(all_other_options_are_decoded),
		cmocka_unit_test(headers_that_nobody_may_set_are_warned_of),
		cmocka_unit_test(options_are_equal_when_they_print_alike),
	};

	return cmocka_run_group_tests(tests, enter_own_directory, leave_own_directory);
}
