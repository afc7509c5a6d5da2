#include "configuration/components.h"
#include "configuration_case.h"
#include "discovery/docker_arguments.h"

/* The block of discovery.docker: what is refused and how, and what becomes of the rest. */

static struct loaded load_block(const char *arguments)
{
	struct bytes text = BYTES_INIT(1 << 18);
	struct loaded loaded;

	bytes_printf(&text,
		     "discovery.docker \"d\" {\n%s}\n"
		     "pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.w.receiver]\n"
		     " targets = discovery.docker.d.targets\n}\n"
		     "pyroscope.write \"w\" {\nendpoint {\nurl = \"http://h\"\n}\n}\n",
		     arguments);
	loaded = load_bytes(text.data, text.n_bytes);
	bytes_deinit(&text);
	return loaded;
}

#define HOST     "host = \"unix:///s\"\n"
#define EXPECTED "expected unix://PATH, tcp://HOST:PORT, http:// or https://"

static const struct {
	const char *arguments, *message;
} faults[] = {
	{"", ":1:1: discovery.docker misses the argument host, which is required"},
	{"host = \"\"\n", ":2:8: host is \"\", " EXPECTED},
	{"host = \"npipe:////./pipe/docker\"\n",
	 ":2:8: host is \"npipe:////./pipe/docker\", " EXPECTED},
	{"host = \"/var/run/docker.sock\"\n", ":2:8: host is \"/var/run/docker.sock\", " EXPECTED},
	{"host = \"unix://\"\n",
	 ":2:8: host is \"unix://\", expected a path, unix:///var/run/docker.sock"},
	{"host = \"tcp://\"\n", ":2:8: host is \"tcp://\", " EXPECTED},
	{"host = \"tcp://h:99999\"\n", ":2:8: host is \"tcp://h:99999\", " EXPECTED},
	{"host = \"http://u:geheim@h:x\"\n", ":2:8: host is \"http://(secret)@h:x\", expected"},
	{"host = \"http://h?a\"\n",
	 ":2:8: host is \"http://h?a\", expected no ? or #, the paths of Docker's API follow it"},
	{HOST "refresh_interval = \"0s\"\n", ":3:20: refresh_interval"},
	{HOST "refresh_interval = \"-1s\"\n", ":3:20: refresh_interval"},
	{HOST "port = 65536\n", ":3:8: port"},
	{HOST "match_first_network = \"maybe\"\n", ":3:23: match_first_network"},
	{HOST "filter {\nname = \"label\"\n}\n",
	 ":3:1: filter misses the argument values, which is required"},
	{HOST "filter {\nvalues = []\n}\n",
	 ":3:1: filter misses the argument name, which is required"},
	{HOST "filter {\nname = \"a\"\nvalues = \"b\"\n}\n",
	 ":5:10: values is a string, expected a list of strings"},
	{HOST "filter {\nname = \"a\"\nvalues = [1]\n}\n",
	 ":5:10: values has in it a number, expected a list of strings"},
	{"host = \"tcp://h\"\nbearer_token = \"a\"\nbearer_token_file = \"/b\"\n",
	 ":4:21: found bearer_token and bearer_token_file"},
	{HOST "hots = 1\n", ":3:1: found the unknown argument hots, did you mean host?"},
};

static void each_fault_is_named_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct loaded loaded = load_block(faults[i].arguments);

		if (loaded.r != CONFIGURATION_INVALID ||
		    !strstr((char *)loaded.messages.data, faults[i].message))
			fail_msg("%s: %s", faults[i].arguments, (char *)loaded.messages.data);
		assert_null(strstr((char *)loaded.messages.data, "geheim"));
		bytes_deinit(&loaded.messages);
	}
}

static const struct {
	const char *arguments, *url, *unix_socket;
} hosts[] = {
	{"host = \"unix:///var/run/docker.sock\"\n", "http://localhost", "/var/run/docker.sock"},
	{"host = \"unix://run/d.sock\"\n", "http://localhost", "run/d.sock"},
	{"host = \"tcp://10.0.0.1\"\n", "http://10.0.0.1:2375", NULL},
	{"host = \"tcp://10.0.0.1:99/\"\n", "http://10.0.0.1:99", NULL},
	{"host = \"tcp://[::1]\"\ntls_config {\n}\n", "https://[::1]:2376", NULL},
	{"host = \"tcp://h:99/base/\"\ntls_config {\n}\n", "https://h:99/base", NULL},
	{"host = \"http://h/\"\n", "http://h", NULL},
	{"host = \"https://h:2376\"\n", "https://h:2376", NULL},
};

static void a_host_of_each_scheme_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct loaded loaded = load_block(hosts[i].arguments);
		const struct docker_arguments *arguments;

		assert_int_equal(loaded.r, 0);
		assert_int_equal(loaded.configuration->n_sources, 1);
		arguments = loaded.configuration->sources[0].arguments;
		assert_string_equal(arguments->url, hosts[i].url);
		if (hosts[i].unix_socket)
			assert_string_equal(arguments->unix_socket, hosts[i].unix_socket);
		else
			assert_null(arguments->unix_socket);
		configuration_free(loaded.configuration);
		bytes_deinit(&loaded.messages);
	}
}

static void what_is_not_said_is_as_in_the_reference(void **state)
{
	struct loaded loaded = load_block(HOST);
	const struct docker_arguments *arguments = loaded.configuration->sources[0].arguments;

	(void)state;
	assert_int_equal(arguments->rules.port, 80);
	assert_string_equal(arguments->rules.host_networking_host, "localhost");
	assert_true(arguments->rules.match_first_network);
	assert_int_equal(arguments->refresh_interval_ms, 60000);
	assert_string_equal(arguments->filters, "");
	configuration_free(loaded.configuration);
	bytes_deinit(&loaded.messages);
}

/* {"label":{"a=1":true,"b":true},"name":{"/x y":true}} */
#define FILTERS                                                                                    \
	"%7B%22label%22%3A%7B%22a%3D%31%22%3Atrue%2C%22b%22%3Atrue%7D%2C"                          \
	"%22name%22%3A%7B%22%2Fx%20y%22%3Atrue%7D%7D"

static void filters_of_one_name_are_joined(void **state)
{
	struct loaded loaded = load_block(HOST "filter {\nname = \"name\"\nvalues = [\"/x y\"]\n}\n"
					       "filter {\nname = \"label\"\nvalues = [\"b\"]\n}\n"
					       "filter {\nname = \"label\"\n"
					       "values = [\"a=1\", \"b\"]\n}\n");
	const struct docker_arguments *arguments;

	(void)state;
	assert_int_equal(loaded.r, 0);
	arguments = loaded.configuration->sources[0].arguments;
	assert_string_equal(arguments->filters, FILTERS);
	configuration_free(loaded.configuration);
	bytes_deinit(&loaded.messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_is_named_at_its_place),
		cmocka_unit_test(a_host_of_each_scheme_is_understood),
		cmocka_unit_test(what_is_not_said_is_as_in_the_reference),
		cmocka_unit_test(filters_of_one_name_are_joined),
	};

	return cmocka_run_group_tests(tests, enter_own_directory, leave_own_directory);
}
