#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/json.h"
#include "discovery/docker_targets.h"
#include "discovery/docker_version.h"

/* What the engine answers, and the targets as JSON with their keys in order. */

#define BRIDGE                                                                                     \
	"{\"Name\":\"bridge\",\"Id\":\"b1\",\"Scope\":\"local\",\"Driver\":\"bridge\","            \
	"\"Internal\":false,\"Ingress\":false,\"Labels\":{}}"
#define SHOP                                                                                       \
	"{\"Name\":\"shop\",\"Id\":\"5h0p\",\"Scope\":\"swarm\",\"Internal\":true,"                \
	"\"Ingress\":true,\"Labels\":{\"com.shop/tier\":\"gold\"}}"
#define NETWORKS "[" SHOP "," BRIDGE "]"

#define IN(network, id, ip) "\"" network "\":{\"NetworkID\":\"" id "\",\"IPAddress\":\"" ip "\"}"
#define CONTAINER(id, name, mode, ports, networks)                                                 \
	"{\"Id\":\"" id "\",\"Names\":[\"" name "\"],\"Ports\":[" ports "],\"Labels\":{},"         \
	"\"HostConfig\":{\"NetworkMode\":\"" mode                                                  \
	"\"},\"NetworkSettings\":{\"Networks\":{" networks "}}}"
#define IN_BRIDGE IN("bridge", "b1", "172.17.0.2")
#define IN_SHOP   IN("shop", "5h0p", "10.0.0.9")

#define ADDRESS(address) "{\"__address__\":\"" address "\","
#define OF(id, name, mode)                                                                         \
	"\"__meta_docker_container_id\":\"" id "\","                                               \
	"\"__meta_docker_container_name\":\"" name "\","                                           \
	"\"__meta_docker_container_network_mode\":\"" mode "\","
#define BRIDGE_LABELS(ip)                                                                          \
	"\"__meta_docker_network_id\":\"b1\","                                                     \
	"\"__meta_docker_network_ingress\":\"false\","                                             \
	"\"__meta_docker_network_internal\":\"false\","                                            \
	"\"__meta_docker_network_ip\":\"" ip "\","                                                 \
	"\"__meta_docker_network_name\":\"bridge\","                                               \
	"\"__meta_docker_network_scope\":\"local\""
#define SHOP_LABELS(ip)                                                                            \
	"\"__meta_docker_network_id\":\"5h0p\","                                                   \
	"\"__meta_docker_network_ingress\":\"true\","                                              \
	"\"__meta_docker_network_internal\":\"true\","                                             \
	"\"__meta_docker_network_ip\":\"" ip "\","                                                 \
	"\"__meta_docker_network_label_com_shop_tier\":\"gold\","                                  \
	"\"__meta_docker_network_name\":\"shop\","                                                 \
	"\"__meta_docker_network_scope\":\"swarm\""
#define PRIVATE(port) ",\"__meta_docker_port_private\":\"" port "\""
#define PUBLIC(port, ip)                                                                           \
	",\"__meta_docker_port_public\":\"" port "\",\"__meta_docker_port_public_ip\":\"" ip "\""

#define TCP(port) "{\"PrivatePort\":" port ",\"Type\":\"tcp\"}"
#define PUBLISHED(ip, private, public)                                                             \
	"{\"IP\":\"" ip "\",\"PrivatePort\":" private ",\"PublicPort\":" public ",\"Type\":"       \
										"\"tcp\"}"

static const struct {
	const char *what, *containers, *targets;
	bool match_all_networks;
} rules[] = {
	{"nothing runs", "[]", "[]", false},
	{"one without ports gets the port of the configuration",
	 "[" CONTAINER("c1", "/web", "bridge", "", IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:8080") OF("c1", "/web", "bridge") BRIDGE_LABELS("172.17.0.2") "}]",
	 false},
	{"a port that is not published has no public labels",
	 "[" CONTAINER("c1", "/web", "bridge", TCP("90"), IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:90") OF("c1", "/web", "bridge") BRIDGE_LABELS("172.17.0.2")
		 PRIVATE("90") "}]",
	 false},
	{"ports come in their order, those of UDP not at all",
	 "[" CONTAINER("c1", "/web", "bridge",
		       PUBLISHED("::", "443", "8443") "," TCP(
			       "90") ","
				     "{\"PrivatePort\":53,\"Type\":\"udp\"}," PUBLISHED(
					     "0.0.0.0", "443", "8443"),
		       IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:90") OF("c1", "/web", "bridge") BRIDGE_LABELS("172.17.0.2")
		 PRIVATE("90") "}," ADDRESS("172.17.0.2:443") OF("c1", "/web", "bridge")
			 BRIDGE_LABELS("172.17.0.2") PRIVATE("443")
				 PUBLIC("8443", "0.0.0.0") "}," ADDRESS("172.17.0.2:443")
					 OF("c1", "/web", "bridge") BRIDGE_LABELS("172.17.0.2")
						 PRIVATE("443") PUBLIC("8443", "::") "}]",
	 false},
	{"only UDP is as no port",
	 "[" CONTAINER("c1", "/dns", "bridge", "{\"PrivatePort\":53,\"Type\":\"udp\"}",
		       IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:8080") OF("c1", "/dns", "bridge") BRIDGE_LABELS("172.17.0.2") "}]",
	 false},
	{"of several networks the first by name",
	 "[" CONTAINER("c1", "/web", "shop", "", IN_SHOP "," IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:8080") OF("c1", "/web", "shop") BRIDGE_LABELS("172.17.0.2") "}]",
	 false},
	{"a network that is null is not the first",
	 "[" CONTAINER("c1", "/web", "shop", "", "\"a\":null," IN_SHOP "," IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:8080") OF("c1", "/web", "shop") BRIDGE_LABELS("172.17.0.2") "}]",
	 false},
	{"or each of them",
	 "[" CONTAINER("c1", "/web", "shop", TCP("90"), IN_SHOP "," IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:90") OF("c1", "/web", "shop") BRIDGE_LABELS("172.17.0.2")
		 PRIVATE("90") "}," ADDRESS("10.0.0.9:90") OF("c1", "/web", "shop")
			 SHOP_LABELS("10.0.0.9") PRIVATE("90") "}]",
	 true},
	{"mode host has its own address, without a port",
	 "[" CONTAINER("c1", "/agent", "host", "", IN("host", "none", "")) "]",
	 "[" ADDRESS("the-host") OF("c1", "/agent", "host") "\"__meta_docker_network_ip\":\"\"}]",
	 false},
	{"mode none has an empty ip",
	 "[" CONTAINER("c1", "/a", "none", "", IN("none", "n", "")) "]",
	 "[" ADDRESS(":8080") OF("c1", "/a", "none") "\"__meta_docker_network_ip\":\"\"}]", false},
	{"an address of IPv6 stands in brackets",
	 "[" CONTAINER("c1", "/a", "six", "", IN("six", "n", "fd00::2")) "]",
	 "[" ADDRESS("[fd00::2]:8080")
		 OF("c1", "/a", "six") "\"__meta_docker_network_ip\":\"fd00::2\"}]",
	 false},
	{"one in another's network is where that one is, along the chain",
	 "[" CONTAINER("c3", "/side", "container:c2", TCP("9"), "") "," CONTAINER(
		 "c2", "/middle", "container:c1", "", "") "," CONTAINER("c1", "/web", "bridge", "",
									IN_BRIDGE) "]",
	 "[" ADDRESS("172.17.0.2:8080") OF("c1", "/web", "bridge") BRIDGE_LABELS(
		 "172.17.0.2") "}," ADDRESS("172.17.0.2:8080") OF("c2", "/middle", "container:c1")
		 BRIDGE_LABELS("172.17.0.2") "}," ADDRESS("172.17.0.2:9")
			 OF("c3", "/side", "container:c2") BRIDGE_LABELS("172.17.0.2")
				 PRIVATE("9") "}]",
	 false},
	{"a chain that is a circle, or ends nowhere, leads to no target",
	 "[" CONTAINER("c1", "/a", "container:c2", "", "") "," CONTAINER(
		 "c2", "/b", "container:c1", "",
		 "") "," CONTAINER("c3", "/c", "container:gone", "",
				   "") "," CONTAINER("c4", "/d", "container:", "",
						     "") "," CONTAINER("c5", "/e", "bridge", "",
								       "") "]",
	 "[]", false},
	{"one without a name is passed over, but lends its network",
	 "[{\"Id\":\"c1\",\"Names\":[],\"NetworkSettings\":{\"Networks\":{" IN_BRIDGE "}}},"
	 "{\"Id\":\"c0\",\"NetworkSettings\":{\"Networks\":{" IN_BRIDGE
	 "}}}," CONTAINER("c2", "/b", "container:c1", "", "") "]",
	 "[" ADDRESS("172.17.0.2:8080") OF("c2", "/b", "container:c1")
		 BRIDGE_LABELS("172.17.0.2") "}]",
	 false},
	{"the first of several names",
	 "[{\"Id\":\"c1\",\"Names\":[\"/web\",\"/proxy/alias\"],\"NetworkSettings\":"
	 "{\"Networks\":{" IN_BRIDGE "}}}]",
	 "[" ADDRESS("172.17.0.2:8080") OF("c1", "/web", "") BRIDGE_LABELS("172.17.0.2") "}]",
	 false},
	{"what a label's name may not have is an underscore, a character of several bytes one",
	 "[{\"Id\":\"c1\",\"Names\":[\"/w\"],\"Labels\":{\"com.docker/x-y\":\"1\","
	 "\"\xc3\xa9t\xe2\x82\xac\":\"\xe2\x82\xac\",\"ok_9\":null,\"\":\"e\"},"
	 "\"NetworkSettings\":{\"Networks\":{" IN("n", "n", "1.2.3.4") "}}}]",
	 "[{\"__address__\":\"1.2.3.4:8080\",\"__meta_docker_container_id\":\"c1\","
	 "\"__meta_docker_container_label_\":\"e\","
	 "\"__meta_docker_container_label__t_\":\"\xe2\x82\xac\","
	 "\"__meta_docker_container_label_com_docker_x_y\":\"1\","
	 "\"__meta_docker_container_label_ok_9\":\"\","
	 "\"__meta_docker_container_name\":\"/w\","
	 "\"__meta_docker_container_network_mode\":\"\","
	 "\"__meta_docker_network_ip\":\"1.2.3.4\"}]",
	 false},
	{"of labels that become one the last",
	 "[{\"Id\":\"c1\",\"Names\":[\"/w\"],\"Labels\":{\"a.b\":\"1\",\"a-b\":\"2\"},"
	 "\"NetworkSettings\":{\"Networks\":{" IN("n", "n", "1.2.3.4") "}}}]",
	 "[{\"__address__\":\"1.2.3.4:8080\",\"__meta_docker_container_id\":\"c1\","
	 "\"__meta_docker_container_label_a_b\":\"2\","
	 "\"__meta_docker_container_name\":\"/w\","
	 "\"__meta_docker_container_network_mode\":\"\","
	 "\"__meta_docker_network_ip\":\"1.2.3.4\"}]",
	 false},
};

struct read {
	struct config_arena arena;
	struct bytes why;
	struct docker_targets targets;
	int r;
};

static struct read read_answers(struct config_text containers, struct config_text networks,
				bool match_all_networks)
{
	const struct docker_rules with = {
		.port = 8080,
		.host_networking_host = "the-host",
		.match_first_network = !match_all_networks,
	};
	const struct docker_answers answers = {containers, networks};
	struct read read = {
		.arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX),
		.why = BYTES_INIT(4096),
	};

	read.r = docker_targets_read(&answers, &with, &read.arena, &read.targets, &read.why);
	bytes_append(&read.why, "", 1);
	return read;
}

static void read_deinit(struct read *read)
{
	config_arena_deinit(&read->arena);
	bytes_deinit(&read->why);
}

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

static void each_container_has_the_targets_of_the_reference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct read read = read_answers(text_of(rules[i].containers), text_of(NETWORKS),
						rules[i].match_all_networks);
		struct bytes json = BYTES_INIT(1 << 16);

		print_message("  %s\n", rules[i].what);
		assert_string_equal((char *)read.why.data, "");
		assert_int_equal(read.r, 0);
		assert_int_equal(config_json_write(&read.targets.list, &json), 0);
		bytes_append(&json, "", 1);
		assert_string_equal((char *)json.data, rules[i].targets);
		bytes_deinit(&json);
		read_deinit(&read);
	}
}

#define ONE(members) "[{\"Id\":\"c1\",\"Names\":[\"/w\"]," members "}]"
#define LIST         "the list of containers is not usable: "

static const struct {
	const char *containers, *networks, *why;
} lies[] = {
	{"", "[]", LIST "it is no JSON from byte 0 on"},
	{"[{\"Id\":\"c1\"", "[]", LIST "it is no JSON from byte 11 on"},
	{"{}", "[]", LIST "the answer is an object, expected a list"},
	{"null", "[]", LIST "the answer is null, expected a list"},
	{"[7]", "[]", LIST "a container is a number, expected an object"},
	{"[{}]", "[]", LIST "there is one without an Id"},
	{"[{\"Id\":7}]", "[]", LIST "Id is a number, expected a string"},
	{"[{\"Id\":\"a\\u0000\"}]", "[]", LIST "Id has a NUL or 2 bytes, expected at most 4096"},
	{"[{\"Id\":\"a\",\"Names\":\"/w\"}]", "[]", LIST "Names is a string, expected a list"},
	{"[{\"Id\":\"a\",\"Names\":[null]}]", "[]", LIST "a name is null, expected a string"},
	{ONE("\"Labels\":[]"), "[]", LIST "Labels is a list, expected an object"},
	{ONE("\"Labels\":{\"a\":true}"), "[]", LIST "a label is a boolean, expected a string"},
	{ONE("\"Ports\":{}"), "[]", LIST "Ports is an object, expected a list"},
	{ONE("\"Ports\":[1.5]"), "[]", LIST "a port is a fraction, expected an object"},
	{ONE("\"Ports\":[{\"PrivatePort\":65536}]"), "[]",
	 LIST "PrivatePort is 65536, expected 0 ... 65535"},
	{ONE("\"Ports\":[{\"PublicPort\":-1}]"), "[]",
	 LIST "PublicPort is -1, expected 0 ... 65535"},
	{ONE("\"HostConfig\":\"host\""), "[]", LIST "HostConfig is a string, expected an object"},
	{ONE("\"NetworkSettings\":{\"Networks\":[]}"), "[]",
	 LIST "Networks is a list, expected an object"},
	{ONE("\"NetworkSettings\":{\"Networks\":{\"a\":\"b\"}}"), "[]",
	 LIST "a network of a container is a string, expected an object"},
	{"[]", "[{\"Id\":\"n\",\"Internal\":\"yes\"}]",
	 "the list of networks is not usable: Internal is a string, expected a boolean"},
	{"[]", "[{\"Name\":\"n\"}]",
	 "the list of networks is not usable: there is one without an Id"},
	{"[]", "<html>", "the list of networks is not usable: it is no JSON from byte 1 on"},
};

static void what_the_api_does_not_say_is_not_used_and_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct read read =
			read_answers(text_of(lies[i].containers), text_of(lies[i].networks), false);

		assert_string_equal((char *)read.why.data, lies[i].why);
		assert_int_equal(read.r, DOCKER_MALFORMED);
		read_deinit(&read);
	}
}

/* @n times @piece with commas between, within @head and @tail. */
static struct bytes repeat(const char *head, const char *piece, size_t n, const char *tail)
{
	struct bytes text = BYTES_INIT(64 << 20);

	bytes_printf(&text, "%s", head);
	for (size_t i = 0; i < n; i++)
		bytes_printf(&text, "%s%s", i > 0 ? "," : "", piece);
	bytes_printf(&text, "%s", tail);
	return text;
}

static const struct {
	const char *head, *piece, *tail;
	size_t n;
} giants[] = {
	{"[", "{}", "]", DOCKER_CONTAINERS_MAX + 1},
	{"[", "[", "", 100},
	{"[", "[]", "]", 2000000},
	{"", "\"0123456789012345678901234567890123456789012345678901234567890123456789\"", "",
	 600000},
};

static void what_would_cost_too_much_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(giants) / sizeof(giants[0]); i++) {
		struct bytes text =
			repeat(giants[i].head, giants[i].piece, giants[i].n, giants[i].tail);
		struct read read =
			read_answers((struct config_text){(char *)text.data, text.n_bytes},
				     text_of("[]"), false);

		assert_int_equal(read.r, DOCKER_TOO_BIG);
		read_deinit(&read);
		bytes_deinit(&text);
	}
}

static void targets_have_a_bound(void **state)
{
	struct bytes list = BYTES_INIT(32 << 20);
	struct read read;

	(void)state;
	bytes_printf(&list, "[");
	for (unsigned i = 0; i < 40; i++) {
		bytes_printf(&list, "%s{\"Id\":\"%u\",\"Names\":[\"/w\"],\"Ports\":[", i ? "," : "",
			     i);
		for (unsigned port = 1; port <= 1000; port++)
			bytes_printf(&list, "%s{\"PrivatePort\":%u,\"Type\":\"tcp\"}",
				     port > 1 ? "," : "", port);
		bytes_printf(&list,
			     "],\"NetworkSettings\":{\"Networks\":{" IN_BRIDGE "," IN_SHOP "}}}");
	}
	bytes_printf(&list, "]");
	read = read_answers((struct config_text){(char *)list.data, list.n_bytes},
			    text_of(NETWORKS), true);
	assert_int_equal(read.r, DOCKER_TOO_BIG);
	assert_string_equal((char *)read.why.data, "they make more than 65536 targets");
	read_deinit(&read);
	bytes_deinit(&list);
}

static void a_label_of_megabytes_is_left_out_and_counted(void **state)
{
	struct bytes list = BYTES_INIT(32 << 20);
	struct read read;

	(void)state;
	bytes_printf(&list,
		     "[{\"Id\":\"c1\",\"Names\":[\"/w\"],\"Labels\":{\"a\":\"b\",\"big\":\"");
	for (unsigned i = 0; i < 10 << 20; i += 16)
		bytes_printf(&list, "0123456789abcdef");
	bytes_printf(&list, "\",\"nul\":\"a\\u0000\"},\"NetworkSettings\":{\"Networks\":{" IN_BRIDGE
			    "}}}]");
	read = read_answers((struct config_text){(char *)list.data, list.n_bytes},
			    text_of(NETWORKS), false);
	assert_int_equal(read.r, 0);
	assert_int_equal(read.targets.list.array.n_items, 1);
	assert_int_equal(read.targets.n_left_out, 2);
	assert_non_null(config_object_find(&read.targets.list.array.items[0].object,
					   text_of("__meta_docker_container_label_a")));
	assert_null(config_object_find(&read.targets.list.array.items[0].object,
				       text_of("__meta_docker_container_label_big")));
	read_deinit(&read);
	bytes_deinit(&list);
}

static void a_container_has_a_bounded_number_of_ports(void **state)
{
	struct bytes list = repeat("[{\"Id\":\"c1\",\"Names\":[\"/w\"],\"Ports\":[", TCP("7"), 1030,
				   "],\"NetworkSettings\":{\"Networks\":{" IN_BRIDGE "}}}]");
	struct read read = read_answers((struct config_text){(char *)list.data, list.n_bytes},
					text_of(NETWORKS), false);

	(void)state;
	assert_int_equal(read.r, 0);
	assert_int_equal(read.targets.list.array.n_items, DOCKER_PORTS_MAX);
	assert_int_equal(read.targets.n_left_out, 6);
	read_deinit(&read);
	bytes_deinit(&list);
}

static const struct {
	const char *theirs, *chosen; /* NULL: malformed */
} versions[] = {
	{"1.52", "1.47"},      {"1.47", "1.47"}, {"1.46", "1.46"}, {"1.9", "1.9"},
	{"1.100", "1.47"},     {"2.0", "1.47"},  {"0.99", "0.99"}, {"", NULL},
	{"1", NULL},           {"1.", NULL},     {".4", NULL},     {"1.4x", NULL},
	{"1.4/../../x", NULL}, {"-1.4", NULL},   {"1.47 ", NULL},  {"1.99999999999", NULL},
};

static void the_lower_version_is_spoken(void **state)
{
	char version[DOCKER_VERSION_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		int r = docker_version_choose(versions[i].theirs, version);

		assert_int_equal(r, versions[i].chosen ? 0 : DOCKER_VERSION_MALFORMED);
		if (r == 0)
			assert_string_equal(version, versions[i].chosen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_container_has_the_targets_of_the_reference),
		cmocka_unit_test(what_the_api_does_not_say_is_not_used_and_named),
		cmocka_unit_test(what_would_cost_too_much_is_refused),
		cmocka_unit_test(targets_have_a_bound),
		cmocka_unit_test(a_label_of_megabytes_is_left_out_and_counted),
		cmocka_unit_test(a_container_has_a_bounded_number_of_ports),
		cmocka_unit_test(the_lower_version_is_spoken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
