#include "config_case.h"

#include <errno.h>

static void print_expression(struct bytes *out, const struct config_expression *e);

static void print_list(struct bytes *out, const struct config_expression *e)
{
	for (; e; e = e->next) {
		print_expression(out, e);
		bytes_printf(out, "%s", e->next ? " " : "");
	}
}

static void print_suffixes(struct bytes *out, const struct config_suffix *suffix)
{
	for (; suffix; suffix = suffix->next) {
		if (suffix->kind == CONFIG_MEMBER)
			bytes_printf(out, ".%s", suffix->name.data);
		else if (suffix->kind == CONFIG_INDEX)
			bytes_printf(out, "[");
		else
			bytes_printf(out, "(");
		print_list(out, suffix->arguments);
		if (suffix->kind != CONFIG_MEMBER)
			bytes_printf(out, "%s", suffix->kind == CONFIG_INDEX ? "]" : ")");
	}
}

/* Writes a chain as <a op b op c>, so that its grouping shows. */
static void print_expression(struct bytes *out, const struct config_expression *e)
{
	switch (e->kind) {
	case CONFIG_LITERAL:
		print_value(out, &e->literal);
		break;
	case CONFIG_NAME:
		bytes_printf(out, "%s", e->name.data);
		break;
	case CONFIG_SUFFIXED:
		print_expression(out, e->suffixed.operand);
		print_suffixes(out, e->suffixed.suffixes);
		break;
	case CONFIG_SIGNED:
		for (const struct config_operator *i = e->sign.operators; i; i = i->next)
			bytes_printf(out, "%c", i->kind == CONFIG_TOKEN_NOT ? '!' : '-');
		print_expression(out, e->sign.operand);
		break;
	case CONFIG_CHAIN:
		bytes_printf(out, "<");
		print_expression(out, e->chain.first);
		for (const struct config_term *i = e->chain.terms; i; i = i->next) {
			bytes_printf(out, " o ");
			print_expression(out, i->operand);
		}
		bytes_printf(out, ">");
		break;
	case CONFIG_LIST:
		bytes_printf(out, "[");
		print_list(out, e->list.items);
		bytes_printf(out, "]");
		break;
	case CONFIG_MAP:
		bytes_printf(out, "{");
		for (const struct config_entry *i = e->map.entries; i; i = i->next) {
			bytes_printf(out, "%s=", i->key.data);
			print_expression(out, i->value);
			bytes_printf(out, "%s", i->next ? " " : "");
		}
		bytes_printf(out, "}");
		break;
	}
}

static void print_body(struct bytes *out, const struct config_body *body)
{
	for (const struct config_attribute *i = body->attributes; i; i = i->next) {
		bytes_printf(out, "%s=", i->name.data);
		print_expression(out, i->value);
		bytes_printf(out, ";");
	}
	for (const struct config_block *i = body->blocks; i; i = i->next) {
		bytes_printf(out, "%s", i->name.data);
		if (i->label.n_bytes > 0)
			bytes_printf(out, ":%s", i->label.data);
		bytes_printf(out, "{");
		print_body(out, &i->body);
		bytes_printf(out, "}");
	}
}

struct tree_row {
	const char *text;
	const char *tree;
};

/* Compares the tree, or else the messages: their first lines, joined with newlines. */
static void check_trees(const struct tree_row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct config_case c;
		struct config_body body;

		case_open(&c, rows[i].text, strlen(rows[i].text));
		if (config_parse(&c.source, &c.diagnostics, &body) == 0)
			print_body(&c.out, &body);
		else
			(void)case_messages(&c);
		bytes_append(&c.out, "", 1);
		if (strcmp((const char *)c.out.data, rows[i].tree) != 0)
			fail_msg("%s\ngives\n%s\nnot\n%s", rows[i].text, (const char *)c.out.data,
				 rows[i].tree);
		case_close(&c);
	}
}

static void statements_become_a_tree(void **state)
{
	static const struct tree_row rows[] = {
		{"", ""},
		{"a = 1", "a=1;"},
		{"a = 1\nb = 2\n", "a=1;b=2;"},
		{"a {}", "a{}"},
		{"a.b.c \"d\" {\n x = 1\n}\n", "a.b.c:d{x=1;}"},
		{"a \"\" { x = 1 }", "a{x=1;}"},
		{"a { b { c = 1 } }", "a{b{c=1;}}"},
		{"a {\n b {}\n x = 1\n b {}\n y = 2\n}", "a{x=1;y=2;b{}b{}}"},
		{"a = [1,\n2,\n]\n", "a=[1 2];"},
		{"a = [1, 2]", "a=[1 2];"},
		{"a = []", "a=[];"},
		{"a = [\n]", "a=[];"},
		{"a = { b = 1, \"c d\" = [2], }", "a={b=1 c d=[2]};"},
		{"a = {\n b = 1,\n c = 2,\n}", "a={b=1 c=2};"},
		{"a = {}", "a={};"},
		{"a = f()", "a=f();"},
		{"a = f(1, 2,)", "a=f(1 2);"},
		{"a = f(\n1,\n2,\n)", "a=f(1 2);"},
		{"a = b.c[0][\"d\"].e(1).f", "a=b.c[0][\"d\"].e(1).f;"},
		{"a = 1 +\n 2", "a=<1 o 2>;"},
		{"a = (1 + 2) * 3", "a=<<1 o 2> o 3>;"},
		{"a = 1 + 2 * 3 - 4", "a=<1 o <2 o 3> o 4>;"},
		{"a = 1 || 2 && 3 == 4 + 5 * 6 ^ 7", "a=<1 o <2 o <3 o <4 o <5 o <6 o 7>>>>>>;"},
		{"a = 1 ^ 2 * 3 + 4 == 5 && 6 || 7", "a=<<<<<<1 o 2> o 3> o 4> o 5> o 6> o 7>;"},
		{"a = -2 ^ 2", "a=<-2 o 2>;"},
		{"a = !b.c", "a=!b.c;"},
		{"a = !-!b", "a=!-!b;"},
	};

	(void)state;
	check_trees(rows, N_ROWS(rows));
}

static void a_wrong_statement_is_said_with_its_line_and_a_caret(void **state)
{
	static const struct tree_row rows[] = {
		{"a = \n", "t:2:1: found the end of the text, expected a value\n\n^\n"},
		{"a\n",
		 "t:1:2: found the end of the line, expected `=` and a value, or `{` and the "
		 "body of a block\na\n ^\n"},
		{"a.b = 1", "t:1:1: the name of an attribute has no dots, only that of a block\n"
			    "a.b = 1\n^\n"},
		{"a. = 1", "t:1:4: found `=`, expected a name after `.`\na. = 1\n   ^\n"},
		{"a \"b\" = 1", "t:1:7: found `=`, expected `{`\na \"b\" = 1\n      ^\n"},
		{"a \"1b\" {}",
		 "t:1:3: the label \"1b\" is no identifier, use letters, digits and _, "
		 "and no digit first\na \"1b\" {}\n  ^\n"},
		{"a \"true\" {}", "t:1:3: the label \"true\" is no identifier, use letters, digits "
				  "and _, and no digit first\na \"true\" {}\n  ^\n"},
		{"\"a\" = 1", "t:1:1: found a string, expected the name of an attribute or block\n"
			      "\"a\" = 1\n^\n"},
		{"true = 1", "t:1:1: found `true`, expected the name of an attribute or block\n"
			     "true = 1\n^\n"},
		{"}", "t:1:1: found `}`, but no block is open here\n}\n^\n"},
		{"a {\n b = 1\n", "t:1:1: this block has no end, close it with `}`\na {\n^\n"},
		{"a = 1 b = 2",
		 "t:1:7: found `b`, expected the end of the line\na = 1 b = 2\n      ^\n"},
		{"a = 15s",
		 "t:1:7: found `s`, expected the end of the line (a duration is a string: "
		 "\"15s\")\na = 15s\n      ^\n"},
		{"a = [1\n]", "t:1:7: found the end of the line, expected `,` or `]` (a comma also "
			      "follows the last element when the bracket closes on another line)\n"
			      "a = [1\n      ^\n"},
		{"a = { b = 1\n}",
		 "t:1:12: found the end of the line, expected `,` or `}` (a comma "
		 "also follows the last value when the brace closes on another "
		 "line)\na = { b = 1\n           ^\n"},
		{"a = { 1 = 2 }", "t:1:7: found `1`, expected a key (an identifier or a string) or "
				  "`}`\na = { 1 = 2 }\n      ^\n"},
		{"a = { b: 2 }", "t:1:8: found :, which means nothing in this language\n"
				 "a = { b: 2 }\n       ^\n"},
		{"a = (1", "t:1:7: found the end of the line, expected `)`\na = (1\n      ^\n"},
		{"a = b[1", "t:1:8: found the end of the line, expected `]`\na = b[1\n       ^\n"},
		{"a = b.1", "t:1:6: found `.1`, expected the end of the line\na = b.1\n     ^\n"},
		{"a = \"\\'\"",
		 "t:1:6: found the escape \\', known are \\\\ \\\" \\a \\b \\f \\n \\r "
		 "\\t \\v \\NNN \\xNN \\uNNNN \\UNNNNNNNN\na = \"\\'\"\n     ^\n"},
		{"\ta\t= ]", "t:1:6: found `]`, expected a value\n\ta\t= ]\n\t \t  ^\n"},
		{"\xc3\xa9 = ]", "t:1:5: found `]`, expected a value\n\xc3\xa9 = ]\n    ^\n"},
		{"\xef\xbb\xbf]",
		 "t:1:1: found `]`, expected the name of an attribute or block\n]\n^\n"},
	};

	(void)state;
	check_trees(rows, N_ROWS(rows));
}

static void all_wrong_statements_are_said_and_one_a_line(void **state)
{
	static const struct tree_row rows[] = {
		{"a = ]\nb = 1\nc = )\n", "t:1:5: found `]`, expected a value\na = ]\n    ^\n"
					  "t:3:5: found `)`, expected a value\nc = )\n    ^\n"},
		{"a {\n b = *\n}\nc = *\n", "t:2:6: found `*`, expected a value\n b = *\n     ^\n"
					    "t:4:5: found `*`, expected a value\nc = *\n    ^\n"},
		{"a = [\n 1 2,\n 3 4,\n]\nb = *\n",
		 "t:2:4: found `2`, expected `,` or `]` (a comma also follows the last element "
		 "when the "
		 "bracket closes on another line)\n 1 2,\n   ^\n"
		 "t:5:5: found `*`, expected a value\nb = *\n    ^\n"},
		{"a = \"\\q\" \"\\q\"\n# x\n",
		 "t:1:6: found the escape \\q, known are \\\\ \\\" \\a \\b \\f \\n \\r \\t \\v "
		 "\\NNN "
		 "\\xNN \\uNNNN \\UNNNNNNNN\na = \"\\q\" \"\\q\"\n     ^\n"
		 "t:2:1: found #, a comment begins with //\n# x\n^\n"},
	};

	(void)state;
	check_trees(rows, N_ROWS(rows));
}

/* @n times @open, then @middle, then @n times @close. */
static void nest(struct bytes *text, size_t n, const char *open, const char *middle,
		 const char *close)
{
	bytes_clear(text);
	for (size_t i = 0; i < n; i++)
		bytes_printf(text, "%s", open);
	bytes_printf(text, "%s", middle);
	for (size_t i = 0; i < n; i++)
		bytes_printf(text, "%s", close);
}

static void nesting_has_a_bound(void **state)
{
	static const struct {
		const char *open, *middle, *close;
	} rows[] = {
		{"[", "1", "]"},  {"(", "1", ")"},  {"{a=", "1", "}"},
		{"f(", "1", ")"}, {"l[", "0", "]"}, {"!(", "true", ")"},
	};
	struct bytes text = BYTES_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		for (size_t n = CONFIG_NESTING_MAX; n <= 100000;
		     n += n == CONFIG_NESTING_MAX ? 1 : 99935) {
			const struct config_expression *e;
			struct config_case c;
			int r;

			nest(&text, n, rows[i].open, rows[i].middle, rows[i].close);
			case_open(&c, (const char *)text.data, text.n_bytes);
			r = config_parse_expression(&c.source, &c.diagnostics, &e);
			assert_int_equal(r, n == CONFIG_NESTING_MAX ? 0 : CONFIG_REFUSED);
			if (r != 0)
				assert_non_null(strstr(case_messages(&c), "more than 64 levels"));
			case_close(&c);
		}
	bytes_deinit(&text);
}

static void blocks_nest_within_the_same_bound(void **state)
{
	struct bytes text = BYTES_INIT(1 << 20);
	struct config_body body;
	struct config_case c;

	(void)state;
	nest(&text, CONFIG_NESTING_MAX, "a {", "", "}");
	case_open(&c, (const char *)text.data, text.n_bytes);
	assert_int_equal(config_parse(&c.source, &c.diagnostics, &body), 0);
	case_close(&c);
	nest(&text, CONFIG_NESTING_MAX + 1, "a {", "", "}");
	case_open(&c, (const char *)text.data, text.n_bytes);
	assert_int_equal(config_parse(&c.source, &c.diagnostics, &body), CONFIG_REFUSED);
	case_close(&c);
	bytes_deinit(&text);
}

static void long_chains_need_no_depth(void **state)
{
	static const char *const links[] = {"-", "!", "1+", "1^", "1||"};
	struct bytes text = BYTES_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < N_ROWS(links); i++) {
		const struct config_expression *e;
		struct config_case c;

		nest(&text, 100000, links[i], "1", "");
		case_open(&c, (const char *)text.data, text.n_bytes);
		assert_int_equal(config_parse_expression(&c.source, &c.diagnostics, &e), 0);
		case_close(&c);
	}
	bytes_deinit(&text);
}

static void memory_has_a_bound(void **state)
{
	struct bytes text = BYTES_INIT(1 << 20);
	struct config_body body;
	struct config_case c;

	(void)state;
	nest(&text, 10000, "a=1\n", "", "");
	case_open(&c, (const char *)text.data, text.n_bytes);
	c.arena.bytes_max = 1 << 16;
	assert_int_equal(config_parse(&c.source, &c.diagnostics, &body), -EMSGSIZE);
	case_close(&c);
	bytes_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_become_a_tree),
		cmocka_unit_test(a_wrong_statement_is_said_with_its_line_and_a_caret),
		cmocka_unit_test(all_wrong_statements_are_said_and_one_a_line),
		cmocka_unit_test(nesting_has_a_bound),
		cmocka_unit_test(blocks_nest_within_the_same_bound),
		cmocka_unit_test(long_chains_need_no_depth),
		cmocka_unit_test(memory_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
