#include "configuration_case.h"
#include "configuration/components.h"
#include "discovery/kubernetes_arguments.h"
#include "http/http_options.h"

/* The block of discovery.kubernetes: what is refused and how, and what becomes of the rest. */

static struct loaded load_block(const char *arguments)
{
	struct bytes text = BYTES_INIT(1 << 18);
	struct loaded loaded;

	bytes_printf(&text,
		     "discovery.kubernetes \"k\" {\n%s}\n"
		     "pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.w.receiver]\n"
		     " targets = discovery.kubernetes.k.targets\n}\n"
		     "pyroscope.write \"w\" {\nendpoint {\nurl = \"http://h\"\n}\n}\n",
		     arguments);
	loaded = load_bytes(text.data, text.n_bytes);
	bytes_deinit(&text);
	return loaded;
}

#define ROLE "role = \"pod\"\n"

static const struct {
	const char *arguments, *message;
} faults[] = {
	{"", ":1:1: discovery.kubernetes misses the argument role, which is required"},
	{"role = \"node\"\n",
	 ":2:8: role is \"node\", expected \"pod\": profiles are of containers, and only pods say "
	 "which they have"},
	{"role = \"endpointslice\"\n", ":2:8: role is \"endpointslice\", expected \"pod\": "},
	{"role = \"pods\"\n", ":2:8: role is \"pods\", expected \"pod\"\n"},
	{ROLE "api_server = \"h:6443\"\n", ":3:14: api_server is \"h:6443\", "},
	{ROLE "api_server = \"https://u:geheim@h:x\"\n",
	 ":3:14: api_server is \"https://(secret)@h:x\", "},
	{ROLE "api_server = \"https://h?a\"\n", ":3:14: api_server is \"https://h?a\", expected no "
						"? or #, the paths of the API follow it"},
	{ROLE "api_server = \"https://h\"\nbearer_token = \"a\"\nbearer_token_file = \"/b\"\n",
	 ":5:21: found bearer_token and bearer_token_file"},
	{ROLE "namespaces {\nnames = \"a\"\n}\n",
	 ":4:9: names is no list, expected a list of names of namespaces"},
	{ROLE "namespaces {\nnames = [\"a\", 7]\n}\n",
	 ":4:9: names has in it what is no name, expected small letters, digits and -"},
	{ROLE "namespaces {\nnames = [\"../x\"]\n}\n", ":4:9: names has in it what is no name"},
	{ROLE "namespaces {\nnames = [\"\"]\n}\n", ":4:9: names has in it what is no name"},
	{ROLE "namespaces {\nname = []\n}\n",
	 ":4:1: found the unknown argument name, did you mean names?"},
	{ROLE "selectors {\nfield = \"a\"\n}\n",
	 ":3:1: selectors misses the argument role, which is required"},
	{ROLE "attach_metadata {\nnode = \"yes\"\n}\n", ":4:8: node"},
	{ROLE "rule = 1\n", ":3:1: found the unknown argument rule, did you mean role?"},
};

static void each_fault_is_named_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(faults); i++) {
		struct loaded loaded = load_block(faults[i].arguments);

		if (loaded.r != CONFIGURATION_INVALID ||
		    !strstr((char *)loaded.messages.data, faults[i].message))
			fail_msg("%s: %s", faults[i].arguments, (char *)loaded.messages.data);
		assert_null(strstr((char *)loaded.messages.data, "geheim"));
		bytes_deinit(&loaded.messages);
	}
}

static const struct {
	const char *arguments, *message;
} warnings[] = {
	{ROLE "selectors {\nrole = \"service\"\nfield = \"a=b\"\n}\n",
	 ":4:8: warning: role is \"service\", expected \"pod\" or \"node\": these selectors have "
	 "no "
	 "effect"},
	{ROLE "bearer_token_file = \"/t\"\n",
	 ":3:21: warning: bearer_token_file is not used: only with api_server"},
	{ROLE "tls_config {\ninsecure_skip_verify = true\n}\n",
	 ":3:1: warning: tls_config is not used: only with api_server"},
	{ROLE "kubeconfig_file = \"/k\"\napi_server = \"http://h\"\n",
	 ":4:14: warning: api_server is not used: kubeconfig_file says how to reach the API"},
};

static void what_has_no_effect_is_worth_a_warning(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(warnings); i++) {
		struct loaded loaded = load_block(warnings[i].arguments);

		if (loaded.r != 0 || !strstr((char *)loaded.messages.data, warnings[i].message))
			fail_msg("%s: %s", warnings[i].arguments, (char *)loaded.messages.data);
		unload(&loaded);
	}
}

static void what_is_not_said_is_as_in_the_reference(void **state)
{
	struct loaded loaded = load_block(ROLE);
	const struct kubernetes_arguments *arguments = loaded.configuration->sources[0].arguments;

	(void)state;
	assert_string_equal((char *)loaded.messages.data, "");
	assert_null(arguments->api_server);
	assert_null(arguments->kubeconfig_path);
	assert_false(arguments->has_own_namespace);
	assert_int_equal(arguments->n_namespaces, 0);
	assert_string_equal(arguments->pods.field, "");
	assert_string_equal(arguments->pods.label, "");
	assert_false(arguments->has_node_metadata);
	unload(&loaded);
}

static void what_is_said_arrives(void **state)
{
	struct loaded loaded = load_block(
		ROLE "api_server = \"https://h:6443/\"\nbearer_token = \"geheim\"\n"
		     "namespaces {\nown_namespace = true\nnames = [\"b\", \"a\", \"b\"]\n}\n"
		     "selectors {\nrole = \"pod\"\nfield = \"spec.nodeName=x\"\n}\n"
		     "selectors {\nrole = \"node\"\nlabel = \"zone=b\"\n}\n"
		     "selectors {\nrole = \"pod\"\nlabel = \"app in (a, b)\"\n}\n"
		     "attach_metadata {\nnode = true\n}\n");
	const struct kubernetes_arguments *arguments = loaded.configuration->sources[0].arguments;

	(void)state;
	assert_string_equal((char *)loaded.messages.data, "");
	assert_string_equal(arguments->api_server, "https://h:6443");
	assert_string_equal(arguments->http->secret.text, "geheim");
	assert_true(arguments->has_own_namespace);
	assert_int_equal(arguments->n_namespaces, 2);
	assert_string_equal(arguments->namespaces[0], "a");
	assert_string_equal(arguments->namespaces[1], "b");
	assert_string_equal(arguments->pods.field, ""); /* the last one counts, whole */
	assert_string_equal(arguments->pods.label, "app in (a, b)");
	assert_string_equal(arguments->nodes.label, "zone=b");
	assert_true(arguments->has_node_metadata);
	unload(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_is_named_at_its_place),
		cmocka_unit_test(what_has_no_effect_is_worth_a_warning),
		cmocka_unit_test(what_is_not_said_is_as_in_the_reference),
		cmocka_unit_test(what_is_said_arrives),
	};

	return cmocka_run_group_tests(tests, enter_own_directory, leave_own_directory);
}
