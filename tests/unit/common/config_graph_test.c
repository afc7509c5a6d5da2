#include "config_case.h"

#include "config/graph.h"

struct graph_row {
	const char *text;
	const char *order; /* ids, each with a blank behind it */
	const char *messages;
};

static void check_graphs(const struct graph_row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct bytes order = BYTES_INIT(4096);
		struct config_graph graph;
		struct config_body body;
		struct config_case c;
		int r;

		case_open(&c, rows[i].text, strlen(rows[i].text));
		assert_int_equal(config_parse(&c.source, &c.diagnostics, &body), 0);
		r = config_graph_build(&body, &c.diagnostics, &graph);
		assert_int_equal(r, rows[i].messages[0] ? CONFIG_REFUSED : 0);
		for (size_t j = 0; j < graph.n_components; j++)
			bytes_printf(&order, "%s ", graph.order[j]->id);
		bytes_append(&order, "", 1);
		assert_string_equal((const char *)order.data, rows[i].order);
		assert_string_equal(case_messages(&c), rows[i].messages);
		bytes_deinit(&order);
		case_close(&c);
	}
}

static void what_is_needed_comes_first(void **state)
{
	static const struct graph_row rows[] = {
		{"", "", ""},
		{"b {}\na {}\n", "a b ", ""},
		{"a \"x\" { v = b.y.out }\nb \"y\" {}\n", "b.y a.x ", ""},
		{"a \"x\" { v = [c.z.out, b.y.out] }\nb \"y\" { v = c.z.out }\nc \"z\" {}",
		 "c.z b.y a.x ", ""},
		{"a \"x\" { v = {k = 1 + -f(b.y.out[0].p)} }\nb \"y\" {}", "b.y a.x ", ""},
		{"a \"x\" { i { j { v = b.y.out } } }\nb \"y\" {}", "b.y a.x ", ""},
		{"a \"x\" { v = l[b.y.out] }\nb \"y\" {}", "b.y a.x ", ""},
		{"a \"x\" { v = (b.y).out }\nb \"y\" {}", "b.y a.x ", ""},
		{"p.q \"x\" { v = r.s.y.out }\nr.s \"y\" {}", "r.s.y p.q.x ", ""},
		{"a \"x\" { v = unknown.thing.out }", "a.x ", ""},
	};

	(void)state;
	check_graphs(rows, N_ROWS(rows));
}

static void repeated_ids_and_cycles_are_said(void **state)
{
	static const struct graph_row rows[] = {
		{"a \"x\" {}\na \"x\" {}\na \"y\" {}\n", "a.x a.y ",
		 "t:2:1: found a second a.x, expected another label: the first is in line 1\n"
		 "a \"x\" {}\n^\n"},
		{"a \"x\" {\n v = a.x.out\n}", "a.x ",
		 "t:2:6: a.x refers to itself, expected a reference to another component\n"
		 " v = a.x.out\n     ^\n"},
		{"a \"x\" {\n v = b.y.out\n}\nb \"y\" {\n v = a.x.out\n}\n", "b.y a.x ",
		 "t:5:6: found a cycle of references, expected an end to it: a.x needs b.y needs "
		 "a.x\n"
		 " v = a.x.out\n     ^\n"},
		{"a \"x\" { v = b.x.o }\nb \"x\" { v = c.x.o }\nc \"x\" { v = b.x.o }\n",
		 "c.x b.x a.x ",
		 "t:3:13: found a cycle of references, expected an end to it: b.x needs c.x needs "
		 "b.x\n"
		 "c \"x\" { v = b.x.o }\n            ^\n"},
	};

	(void)state;
	check_graphs(rows, N_ROWS(rows));
}

static void the_scope_finds_exports_of_what_is_ready(void **state)
{
	static const char text[] = "a \"x\" {}\nb \"y\" {}\n";
	struct config_path path = {.names = {CONFIG_TEXT("a"), CONFIG_TEXT("x"), CONFIG_TEXT("o")},
				   .n_names = 3};
	struct config_scope scope;
	struct config_value value;
	struct config_graph graph;
	struct config_body body;
	struct config_case c;
	size_t n_used;

	(void)state;
	case_open(&c, text, strlen(text));
	assert_int_equal(config_parse(&c.source, &c.diagnostics, &body), 0);
	assert_int_equal(config_graph_build(&body, &c.diagnostics, &graph), 0);
	scope = config_graph_scope(&graph);
	assert_int_equal(scope.find(&graph, &path, &n_used, &value), CONFIG_LOOKUP_BROKEN);
	graph.components[0].state = CONFIG_COMPONENT_READY;
	assert_int_equal(scope.find(&graph, &path, &n_used, &value), CONFIG_LOOKUP_FOUND);
	assert_int_equal(n_used, 2);
	path.names[1] = (struct config_text)CONFIG_TEXT("y");
	assert_int_equal(scope.find(&graph, &path, &n_used, &value), CONFIG_LOOKUP_UNKNOWN);
	case_close(&c);
}

static void a_long_chain_of_references_needs_no_depth(void **state)
{
	struct bytes text = BYTES_INIT(1 << 20);
	struct config_graph graph;
	struct config_body body;
	struct config_case c;

	(void)state;
	for (unsigned i = 0; i < CONFIG_COMPONENTS_MAX; i++)
		bytes_printf(&text, "a \"n%u\" { v = a.n%u.out }\n", i, i + 1);
	case_open(&c, (const char *)text.data, text.n_bytes);
	assert_int_equal(config_parse(&c.source, &c.diagnostics, &body), 0);
	assert_int_equal(config_graph_build(&body, &c.diagnostics, &graph), 0);
	assert_string_equal(graph.order[0]->id, "a.n1023");
	assert_string_equal(graph.order[CONFIG_COMPONENTS_MAX - 1]->id, "a.n0");
	assert_true(config_component_refers_to(graph.order[1], graph.order[0]));
	assert_false(config_component_refers_to(graph.order[0], graph.order[1]));
	assert_false(config_component_refers_to(graph.order[2], graph.order[0]));
	case_close(&c);
	bytes_printf(&text, "a {}\n");
	case_open(&c, (const char *)text.data, text.n_bytes);
	assert_int_equal(config_parse(&c.source, &c.diagnostics, &body), 0);
	assert_int_equal(config_graph_build(&body, &c.diagnostics, &graph), CONFIG_REFUSED);
	assert_non_null(strstr(case_messages(&c), "t:1025:1: found more than 1024 blocks"));
	case_close(&c);
	bytes_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_needed_comes_first),
		cmocka_unit_test(repeated_ids_and_cycles_are_said),
		cmocka_unit_test(the_scope_finds_exports_of_what_is_ready),
		cmocka_unit_test(a_long_chain_of_references_needs_no_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
