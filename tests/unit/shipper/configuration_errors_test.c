#include "configuration_case.h"

/* The message and the excerpt of each wrong file: the golden table of what users read. */

#define WRITE "pyroscope.write \"w\" {\n endpoint {\n  url = \"http://h\"\n }\n}\n"
#define EBPF(arguments)                                                                            \
	WRITE "pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.w.receiver]\n" arguments "}" \
	      "\n"
#define TARGETS(arguments)  EBPF(" targets = []\n" arguments)
#define ENDPOINT(arguments) "pyroscope.write \"w\" {\n endpoint {\n" arguments " }\n}\n"

struct error_row {
	const char *text;
	const char *errors; /* each line of a place begins with "@" for the file's name */
};

/* Writes the components that are known, which are more with each release, as "...". */
static void shorten_known(struct bytes *text)
{
	const char *from = (const char *)text->data, *known;
	struct bytes shorter = BYTES_INIT(1 << 16);

	for (; (known = strstr(from, "known are ")); from = known + strcspn(known, ";\n")) {
		bytes_append(&shorter, from, (size_t)(known - from));
		bytes_printf(&shorter, "known are ...");
	}
	bytes_append(&shorter, from, strlen(from) + 1);
	bytes_deinit(text);
	*text = shorter;
}

/* Compares, with the file's name in the messages written as "@". */
static void check_errors(const struct error_row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct loaded loaded = load_text(rows[i].text);
		struct bytes text = BYTES_INIT(1 << 16);
		const char *at = (const char *)loaded.messages.data, *next;

		for (; (next = strstr(at, CASE_PATH)); at = next + strlen(CASE_PATH)) {
			bytes_append(&text, at, (size_t)(next - at));
			bytes_append(&text, "@", 1);
		}
		bytes_append(&text, at, strlen(at) + 1);
		shorten_known(&text);
		if (loaded.r != CONFIGURATION_INVALID ||
		    strcmp((const char *)text.data, rows[i].errors) != 0)
			fail_msg("%s\ngives %d\n%s\nnot\n%s", rows[i].text, loaded.r,
				 (const char *)text.data, rows[i].errors);
		assert_null(loaded.configuration);
		bytes_deinit(&text);
		unload(&loaded);
	}
}

static void names_that_nobody_knows(void **state)
{
	static const struct error_row rows[] = {
		{TARGETS(" sample_rat = 97\n"),
		 "@:9:2: found the unknown argument sample_rat, did you mean sample_rate?\n"
		 " sample_rat = 97\n ^\n"},
		{TARGETS(" zzzz = 97\n"),
		 "@:9:2: found the unknown argument zzzz, pyroscope.ebpf knows forward_to, "
		 "targets, "
		 "default_target, build_id_cache_size, collect_interval, collect_kernel_profile, "
		 "collect_user_profile, container_id_cache_size, demangle, pid_cache_size, "
		 "pid_map_size, python_enabled, same_file_cache_size, sample_rate, "
		 "symbols_map_size, "
		 "cache_rounds, go_table_fallback\n zzzz = 97\n ^\n"},
		{TARGETS(" rule {\n }\n"),
		 "@:9:2: found the unknown block rule, pyroscope.ebpf knows forward_to, targets, "
		 "default_target, build_id_cache_size, collect_interval, collect_kernel_profile, "
		 "collect_user_profile, container_id_cache_size, demangle, pid_cache_size, "
		 "pid_map_size, python_enabled, same_file_cache_size, sample_rate, "
		 "symbols_map_size, "
		 "cache_rounds, go_table_fallback\n rule {\n ^\n"},
		{ENDPOINT("  url = \"http://h\"\n  remote_timout = \"1s\"\n"),
		 "@:4:3: found the unknown argument remote_timout, did you mean remote_timeout?\n"
		 "  remote_timout = \"1s\"\n  ^\n"},
		{"pyroscope.write \"w\" {\n endpiont {\n  url = \"http://h\"\n }\n}\n",
		 "@:2:2: found the unknown block endpiont, did you mean endpoint?\n endpiont {\n "
		 "^\n"},
		{"pyroscope.writer \"w\" {\n}\n",
		 "@:1:1: found the unknown component pyroscope.writer, known are ..."
		 "; did you mean pyroscope.write?\npyroscope.writer \"w\" "
		 "{\n^\n"},
		{"prometheus.scrape \"w\" {\n}\n",
		 "@:1:1: found the unknown component prometheus.scrape, known are ..."
		 "\nprometheus.scrape \"w\" {\n^\n"},
		{"foreach \"d\" {\n}\n",
		 "@:1:1: foreach is not supported here, expected a configuration without modules\n"
		 "foreach \"d\" {\n^\n"},
		{"a = 1\n", "@:1:1: found the argument a outside of a block, expected blocks "
			    "only\na = 1\n^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void blocks_for_arguments_and_arguments_for_blocks(void **state)
{
	static const struct error_row rows[] = {
		{EBPF(" targets {\n }\n default_target = {}\n"),
		 "@:8:2: targets is an argument here, write targets = value\n targets {\n ^\n"},
		{"pyroscope.write \"w\" {\n endpoint = {}\n}\n",
		 "@:2:2: endpoint is a block here, write endpoint { ... }\n endpoint = {}\n ^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void what_is_there_twice_or_not_at_all(void **state)
{
	static const struct error_row rows[] = {
		{TARGETS(" sample_rate = 1\n sample_rate = 2\n"),
		 "@:10:2: sample_rate is set again, expected once: it is first set in line 9\n"
		 " sample_rate = 2\n ^\n"},
		{"pyroscope.ebpf \"e\" {\n targets = []\n}\n",
		 "@:1:1: pyroscope.ebpf misses the argument forward_to, which is required\n"
		 "pyroscope.ebpf \"e\" {\n^\n"},
		{EBPF(""),
		 "@:6:1: pyroscope.ebpf misses the argument targets, which is required unless "
		 "default_target is there\npyroscope.ebpf \"e\" {\n^\n"},
		{ENDPOINT(""), "@:2:2: endpoint misses the argument url, which is required\n"
			       " endpoint {\n ^\n"},
		{WRITE WRITE,
		 "@:6:1: found a second pyroscope.write.w, expected another label: the "
		 "first is in line 1\npyroscope.write \"w\" {\n^\n"},
		{"logging {\n}\nlogging {\n}\n",
		 "@:3:1: found a second logging, expected another label: the first is in line 1\n"
		 "logging {\n^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void labels_where_they_belong(void **state)
{
	static const struct error_row rows[] = {
		{"pyroscope.write {\n endpoint {\n  url = \"http://h\"\n }\n}\n",
		 "@:1:1: pyroscope.write has no label, expected one: "
		 "pyroscope.write \"name\" { ... }\n"
		 "pyroscope.write {\n^\n"},
		{WRITE "pyroscope.ebpf \"\" {\n forward_to = [pyroscope.write.w.receiver]\n"
		       " targets = []\n}\n",
		 "@:6:1: pyroscope.ebpf has no label, expected one: pyroscope.ebpf \"name\" { ... "
		 "}\n"
		 "pyroscope.ebpf \"\" {\n^\n"},
		{"logging \"l\" {\n}\n",
		 "@:1:9: logging has the label \"l\", expected none: logging { ... }\n"
		 "logging \"l\" {\n        ^\n"},
		{"pyroscope.write \"w\" {\n endpoint \"e\" {\n  url = \"http://h\"\n }\n}\n",
		 "@:2:11: found a label, a block endpoint has none\n endpoint \"e\" {\n          "
		 "^\n"},
		{"pyroscope.write \"a-b\" {\n}\n",
		 "@:1:17: the label \"a-b\" is no identifier, use letters, digits and _, and no "
		 "digit "
		 "first\npyroscope.write \"a-b\" {\n                ^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void values_of_the_wrong_type(void **state)
{
	static const struct error_row rows[] = {
		{TARGETS(" sample_rate = true\n"),
		 "@:9:16: sample_rate is a bool, expected a whole number\n sample_rate = true\n"
		 "               ^\n"},
		{TARGETS(" sample_rate = \"fast\"\n"), "@:9:16: sample_rate is a string, expected "
						       "a whole number\n sample_rate = \"fast\"\n"
						       "               ^\n"},
		{TARGETS(" python_enabled = \"true\"\n"),
		 "@:9:2: warning: python_enabled is accepted but has no effect in this version\n"
		 " python_enabled = \"true\"\n ^\n"
		 "@:9:19: python_enabled is a string, expected true or false\n"
		 " python_enabled = \"true\"\n                  ^\n"},
		{TARGETS(" collect_user_profile = 1\n"),
		 "@:9:25: collect_user_profile is a number, expected true or false\n"
		 " collect_user_profile = 1\n                        ^\n"},
		{TARGETS(" collect_interval = [\"15s\"]\n"),
		 "@:9:21: collect_interval is a list, expected a duration such as \"15s\"\n"
		 " collect_interval = [\"15s\"]\n                    ^\n"},
		{TARGETS(" demangle = true\n"), "@:9:13: demangle is a bool, expected a string\n "
						"demangle = true\n            ^\n"},
		{EBPF(" targets = \"all\"\n"), "@:8:12: targets is a string, expected a list of "
					       "maps of labels\n targets = \"all\"\n"
					       "           ^\n"},
		{EBPF(" targets = [{__process_pid__ = \"1\"}, \"x\"]\n"),
		 "@:8:38: found a string among the targets, expected maps of labels\n"
		 " targets = [{__process_pid__ = \"1\"}, \"x\"]\n"
		 "                                     ^\n"},
		{EBPF(" targets = [{__process_pid__ = [1]}]\n"),
		 "@:8:13: the value of the label __process_pid__ is no string, expected one\n"
		 " targets = [{__process_pid__ = [1]}]\n            ^\n"},
		{EBPF(" default_target = []\n"), "@:8:19: default_target is a list, expected a map "
						 "of strings: { name = \"value\" }\n"
						 " default_target = []\n                  ^\n"},
		{EBPF(" default_target = {a = {}}\n"),
		 "@:8:19: the value of a in default_target is no string, expected a map of "
		 "strings\n"
		 " default_target = {a = {}}\n                  ^\n"},
		{"pyroscope.ebpf \"e\" {\n forward_to = \"w\"\n targets = []\n}\n",
		 "@:2:15: forward_to is a string, expected a list: "
		 "[pyroscope.write.LABEL.receiver]\n"
		 " forward_to = \"w\"\n              ^\n"},
		{"pyroscope.ebpf \"e\" {\n forward_to = [null, \"w\"]\n targets = []\n}\n",
		 "@:2:22: found a string in forward_to, expected pyroscope.write.LABEL.receiver\n"
		 " forward_to = [null, \"w\"]\n                     ^\n"},
		{WRITE "pyroscope.ebpf \"e\" {\n forward_to = pyroscope.write.w.receiver\n"
		       " targets = []\n}\n",
		 "@:7:15: forward_to is a profiles receiver, expected a list: "
		 "[pyroscope.write.LABEL.receiver]\n forward_to = pyroscope.write.w.receiver\n"
		 "              ^\n"},
		{ENDPOINT("  url = true\n"),
		 "@:3:9: url is a bool, expected a string\n  url = true\n        ^\n"},
		{ENDPOINT("  url = \"http://h\"\n  headers = [\"a\"]\n"),
		 "@:4:13: headers is a list, expected a map of strings: { name = \"value\" }\n"
		 "  headers = [\"a\"]\n            ^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void numbers_and_words_out_of_bounds(void **state)
{
	static const struct error_row rows[] = {
		{TARGETS(" sample_rate = 0\n"),
		 "@:9:16: sample_rate is 0, expected a whole number from 1 to 10000\n"
		 " sample_rate = 0\n               ^\n"},
		{TARGETS(" sample_rate = -97\n"),
		 "@:9:16: sample_rate is -97, expected a whole number from 1 to 10000\n"
		 " sample_rate = -97\n               ^\n"},
		{TARGETS(" sample_rate = 10001\n"),
		 "@:9:16: sample_rate is 10001, expected a whole number from 1 to 10000\n"
		 " sample_rate = 10001\n               ^\n"},
		{TARGETS(" sample_rate = 97.5\n"),
		 "@:9:16: sample_rate is 97.5, expected a whole number from 1 to 10000\n"
		 " sample_rate = 97.5\n               ^\n"},
		{TARGETS(" sample_rate = 18446744073709551615\n"),
		 "@:9:16: sample_rate is 18446744073709551615, expected a whole number from 1 to "
		 "10000\n sample_rate = 18446744073709551615\n               ^\n"},
		{TARGETS(" sample_rate = null\n"),
		 "@:9:16: sample_rate is null, expected a whole number from 1 to 10000\n"
		 " sample_rate = null\n               ^\n"},
		{TARGETS(" pid_cache_size = 0\n"),
		 "@:9:19: pid_cache_size is 0, expected a whole number from 1 to 1048576\n"
		 " pid_cache_size = 0\n                  ^\n"},
		{TARGETS(" build_id_cache_size = -1\n"),
		 "@:9:24: build_id_cache_size is -1, expected a whole number from 1 to 1048576\n"
		 " build_id_cache_size = -1\n                       ^\n"},
		{TARGETS(" same_file_cache_size = 0\n"),
		 "@:9:25: same_file_cache_size is 0, expected a whole number from 1 to 1048576\n"
		 " same_file_cache_size = 0\n                        ^\n"},
		{TARGETS(" collect_interval = \"0s\"\n"),
		 "@:9:21: collect_interval is \"0s\", expected a duration from 50ms to 1h\n"
		 " collect_interval = \"0s\"\n                    ^\n"},
		{TARGETS(" collect_interval = \"-15s\"\n"),
		 "@:9:21: collect_interval is \"-15s\", expected a duration from 50ms to 1h\n"
		 " collect_interval = \"-15s\"\n                    ^\n"},
		{TARGETS(" collect_interval = \"61m\"\n"),
		 "@:9:21: collect_interval is \"61m\", expected a duration from 50ms to 1h\n"
		 " collect_interval = \"61m\"\n                    ^\n"},
		{TARGETS(" collect_interval = \"15\"\n"),
		 "@:9:21: collect_interval is \"15\", expected a duration: numbers with a unit of "
		 "ns us "
		 "ms s m h, such as \"15s\" or \"1h30m\"\n collect_interval = \"15\"\n"
		 "                    ^\n"},
		{TARGETS(" collect_interval = 15\n"),
		 "@:9:21: collect_interval is \"15\", expected a duration: numbers with a unit of "
		 "ns us "
		 "ms s m h, such as \"15s\" or \"1h30m\"\n collect_interval = 15\n"
		 "                    ^\n"},
		{TARGETS(" collect_interval = 15s\n"),
		 "@:9:23: found `s`, expected the end of the line (a duration is a string: "
		 "\"15s\")\n"
		 " collect_interval = 15s\n                      ^\n"},
		{TARGETS(" demangle = \"ful\"\n"),
		 "@:9:13: demangle is \"ful\", expected one of none, simplified, templates, full; "
		 "did "
		 "you mean full?\n demangle = \"ful\"\n            ^\n"},
		{TARGETS(" demangle = \"\"\n"),
		 "@:9:13: demangle is \"\", expected one of none, simplified, templates, full\n"
		 " demangle = \"\"\n            ^\n"},
		{"logging {\n level = \"verbose\"\n}\n",
		 "@:2:10: level is \"verbose\", expected one of error, warn, info, debug\n"
		 " level = \"verbose\"\n         ^\n"},
		{ENDPOINT("  url = \"http://h\"\n  max_backoff_retries = -1\n"),
		 "@:4:25: max_backoff_retries is -1, expected a whole number from 0 to 1000000\n"
		 "  max_backoff_retries = -1\n                        ^\n"},
		{ENDPOINT("  url = \"http://h\"\n  remote_timeout = \"0s\"\n"),
		 "@:4:20: remote_timeout is \"0s\", expected a duration from 1ms to 1h\n"
		 "  remote_timeout = \"0s\"\n                   ^\n"},
		{ENDPOINT("  url = \"http://h\"\n  min_backoff_period = \"10m\"\n"),
		 "@:4:24: min_backoff_period is longer than max_backoff_period, expected at most "
		 "300000 "
		 "ms\n  min_backoff_period = \"10m\"\n                       ^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void urls_that_lead_nowhere(void **state)
{
	static const struct {
		const char *url;
		const char *fault;
	} rows[] = {
		{"", "expected http://, https:// or file:///directory"},
		{"pyroscope:4040", "expected http://, https:// or file:///directory"},
		{"ftp://h", "expected http://, https:// or file:///directory"},
		{"http://", "expected a host, such as http://pyroscope:4040"},
		{"http:///path", "expected a host, such as http://pyroscope:4040"},
		{"http://:4040", "expected a host, such as http://pyroscope:4040"},
		{"http://user@", "expected a host, such as http://pyroscope:4040"},
		{"http://h:0", "expected a port from 1 to 65535"},
		{"http://h:65536", "expected a port from 1 to 65535"},
		{"http://h:", "expected a port from 1 to 65535"},
		{"http://h:http/", "expected a port from 1 to 65535"},
		{"http://[::1", "expected an address in brackets, such as http://[::1]:4040"},
		{"http://[::1]4040", "expected an address in brackets, such as http://[::1]:4040"},
		{"http://h/?a=b", "expected no ? or #, the path of the push service follows it"},
		{"http://h/#a", "expected no ? or #, the path of the push service follows it"},
		{"http://h o", "expected no blanks and control characters"},
		{"http://h\\n", "expected no blanks and control characters"},
		{"file://",
		 "expected an absolute directory, such as file:///var/lib/triptych/profiles"},
		{"file:///",
		 "expected an absolute directory, such as file:///var/lib/triptych/profiles"},
		{"file://profiles",
		 "expected an absolute directory, such as file:///var/lib/triptych/profiles"},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		char text[256], expected[256];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text), ENDPOINT("  url = \"%s\"\n"), rows[i].url);
		(void)snprintf(expected, sizeof(expected), "\", %s\n", rows[i].fault);
		loaded = load_text(text);
		assert_int_equal(loaded.r, CONFIGURATION_INVALID);
		if (strncmp((const char *)loaded.messages.data, CASE_PATH ":3:9: the url is \"",
			    strlen(CASE_PATH ":3:9: the url is \"")) != 0 ||
		    !strstr((const char *)loaded.messages.data, expected))
			fail_msg("%s gives %s", rows[i].url, (const char *)loaded.messages.data);
		unload(&loaded);
	}
}

static void headers_and_labels_that_would_break_the_push(void **state)
{
	static const struct error_row rows[] = {
		{ENDPOINT("  url = \"http://h\"\n  headers = {\"a b\" = \"c\"}\n"),
		 "@:4:13: \"a b\" is wrong in its name, expected letters, digits and -\n"
		 "  headers = {\"a b\" = \"c\"}\n            ^\n"},
		{ENDPOINT("  url = \"http://h\"\n  headers = {\"a\" = \"c\\r\\nd: e\"}\n"),
		 "@:4:13: \"a\" is wrong in its value, expected no control characters\n"
		 "  headers = {\"a\" = \"c\\r\\nd: e\"}\n            ^\n"},
		{"pyroscope.write \"w\" {\n external_labels = {\"a-b\" = \"c\"}\n}\n",
		 "@:2:20: \"a-b\" is wrong in its name, expected letters, digits and _, and no "
		 "digit "
		 "first\n external_labels = {\"a-b\" = \"c\"}\n                   ^\n"},
		{"pyroscope.write \"w\" {\n external_labels = {a = \"\\xff\"}\n}\n",
		 "@:2:20: \"a\" is wrong in its value, expected at most 2048 bytes of UTF-8\n"
		 " external_labels = {a = \"\\xff\"}\n                   ^\n"},
		{EBPF(" targets = [{\n  __process_pid__ = \"1\",\n  \"a-b\" = \"c\",\n }]\n"),
		 "@:8:13: the label name \"a-b\" is wrong, expected letters, digits and _, and no "
		 "digit "
		 "first\n targets = [{\n            ^\n"},
		{EBPF(" default_target = {a = \"\\xff\"}\n"),
		 "@:8:19: the value of the label a is not UTF-8, expected text\n"
		 " default_target = {a = \"\\xff\"}\n                  ^\n"},
		{ENDPOINT("  url = \"http://h\\x00.example\"\n"),
		 "@:3:9: url has a NUL byte or is not UTF-8, expected text\n"
		 "  url = \"http://h\\x00.example\"\n        ^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void assert_refused(const char *text, const char *expected)
{
	struct loaded loaded = load_text(text);

	assert_int_equal(loaded.r, CONFIGURATION_INVALID);
	if (!strstr((const char *)loaded.messages.data, expected))
		fail_msg("%s, not %s", (const char *)loaded.messages.data, expected);
	unload(&loaded);
}

static void what_is_longer_than_anybody_takes(void **state)
{
	char text[16384], longer[9000];

	(void)state;
	memset(longer, 'a', sizeof(longer));
	longer[8192] = '\0';
	(void)snprintf(text, sizeof(text),
		       ENDPOINT("  url = \"http://h\"\n  headers = {h = \"%s\"}\n"), longer);
	assert_refused(text, ":4:13: \"h\" is wrong in its length, expected at most 8192 bytes");
	longer[257] = '\0';
	(void)snprintf(text, sizeof(text), ENDPOINT("  url = \"http://h\"\n  name = \"%s\"\n"),
		       longer);
	assert_refused(text, ":4:10: name has 257 bytes, expected at most 256\n");
}

static void more_endpoints_than_can_be_served(void **state)
{
	struct bytes text = BYTES_INIT(1 << 16);

	(void)state;
	for (unsigned w = 0; w < 3; w++) {
		bytes_printf(&text, "pyroscope.write \"w%u\" {\n", w);
		for (unsigned i = 0; i < 11; i++)
			bytes_printf(&text, " endpoint {\n  url = \"http://h\"\n }\n");
		bytes_printf(&text, "}\n");
	}
	bytes_printf(&text, "pyroscope.ebpf \"e\" {\n targets = []\n"
			    " forward_to = [pyroscope.write.w0.receiver,\n"
			    "  pyroscope.write.w1.receiver, pyroscope.write.w2.receiver]\n}\n");
	bytes_append(&text, "", 1);
	assert_int_equal(text.error, 0);
	assert_refused((const char *)text.data,
		       ":109:32: found more than 32 endpoints in all, which is the most\n");
	bytes_deinit(&text);
}

static void references_that_lead_nowhere(void **state)
{
	static const struct error_row rows[] = {
		{"pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.v.receiver]\n targets = "
		 "[]\n}\n",
		 "@:2:16: found the unknown name pyroscope.write.v.receiver, names are those of "
		 "components with their labels and of the standard library\n"
		 " forward_to = [pyroscope.write.v.receiver]\n               ^\n"},
		{WRITE "pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.v.receiver]\n"
		       " targets = []\n}\n",
		 "@:7:16: found the unknown name pyroscope.write.v.receiver, did you mean "
		 "pyroscope.write.w?\n forward_to = [pyroscope.write.v.receiver]\n"
		 "               ^\n"},
		{WRITE "pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.w.reciever]\n"
		       " targets = []\n}\n",
		 "@:7:34: there is no field reciever here, did you mean receiver?\n"
		 " forward_to = [pyroscope.write.w.reciever]\n"
		 "                                 ^\n"},
		{"pyroscope.write \"a\" {\n external_labels = {x = pyroscope.write.b.receiver}\n}\n"
		 "pyroscope.write \"b\" {\n external_labels = {x = "
		 "pyroscope.write.a.receiver}\n}\n",
		 "@:5:25: found a cycle of references, expected an end to it: pyroscope.write.a "
		 "needs "
		 "pyroscope.write.b needs pyroscope.write.a\n"
		 " external_labels = {x = pyroscope.write.a.receiver}\n"
		 "                        ^\n"},
		{"pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.ebpf.e.receiver]\n targets = "
		 "[]\n}\n",
		 "@:2:16: pyroscope.ebpf.e refers to itself, expected a reference to another "
		 "component\n forward_to = [pyroscope.ebpf.e.receiver]\n               ^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void all_errors_are_said_but_one_a_line(void **state)
{
	static const struct error_row rows[] = {
		{"pyroscope.write \"w\" {\n endpoint {\n  url = \"h\"\n  nmae = \"\"\n }\n}\n"
		 "pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.w.receiver]\n"
		 " sample_rate = 0\n targets = [{__process_pid__ = \"1\", \"-\" = \"\", \"+\" = "
		 "\"x\"}, 5]\n"
		 "}\n"
		 "discovery.consul \"d\" {\n host = 1 / 0\n}\n",
		 "@:4:3: found the unknown argument nmae, did you mean name?\n  nmae = \"\"\n  ^\n"
		 "@:9:16: sample_rate is 0, expected a whole number from 1 to 10000\n"
		 " sample_rate = 0\n               ^\n"
		 "@:10:13: the label name \"+\" is wrong, expected letters, digits and _, and no "
		 "digit "
		 "first\n targets = [{__process_pid__ = \"1\", \"-\" = \"\", \"+\" = \"x\"}, 5]\n"
		 "            ^\n"
		 "@:12:1: found the unknown component discovery.consul, known are ...; did you "
		 "mean discovery.docker?"
		 "\ndiscovery.consul \"d\" {\n^\n"
		 "@:13:11: this divides by zero, expected another divisor\n host = 1 / 0\n         "
		 " ^\n"},
	};

	(void)state;
	check_errors(rows, N_ROWS(rows));
}

static void too_many_errors_are_counted(void **state)
{
	struct bytes text = BYTES_INIT(1 << 16);
	struct loaded loaded;

	(void)state;
	for (unsigned i = 0; i < 150; i++)
		bytes_printf(&text, "a%u = 1\n", i);
	loaded = load_bytes(text.data, text.n_bytes);
	assert_int_equal(loaded.r, CONFIGURATION_INVALID);
	assert_non_null(strstr((const char *)loaded.messages.data, ":100:1: "));
	assert_null(strstr((const char *)loaded.messages.data, ":101:1: "));
	assert_non_null(strstr((const char *)loaded.messages.data, ": and 50 more errors\n"));
	unload(&loaded);
	bytes_deinit(&text);
}

static void a_long_line_is_cut_around_its_caret(void **state)
{
	struct bytes text = BYTES_INIT(1 << 16);
	const char *excerpt, *caret;
	struct loaded loaded;

	(void)state;
	bytes_printf(&text, "%*sa = ]%*s|\n", 5000, "", 5000, "");
	loaded = load_bytes(text.data, text.n_bytes);
	assert_int_equal(loaded.r, CONFIGURATION_INVALID);
	excerpt = strchr((const char *)loaded.messages.data, '\n') + 1;
	caret = strchr(excerpt, '\n') + 1;
	assert_true(caret - excerpt < 1000);
	assert_int_equal(strchr(excerpt, ']') - excerpt, strchr(caret, '^') - caret);
	unload(&loaded);
	bytes_deinit(&text);
}

static void nothing_that_a_terminal_obeys_is_written(void **state)
{
	struct loaded loaded = load_text("a = \"\x1b[2J\xc2\x9b\x7f\" \x1b\n");

	(void)state;
	assert_int_equal(loaded.r, CONFIGURATION_INVALID);
	for (const char *at = (const char *)loaded.messages.data; *at; at++)
		assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
	unload(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_nobody_knows),
		cmocka_unit_test(blocks_for_arguments_and_arguments_for_blocks),
		cmocka_unit_test(what_is_there_twice_or_not_at_all),
		cmocka_unit_test(labels_where_they_belong),
		cmocka_unit_test(values_of_the_wrong_type),
		cmocka_unit_test(numbers_and_words_out_of_bounds),
		cmocka_unit_test(urls_that_lead_nowhere),
		cmocka_unit_test(headers_and_labels_that_would_break_the_push),
		cmocka_unit_test(what_is_longer_than_anybody_takes),
		cmocka_unit_test(more_endpoints_than_can_be_served),
		cmocka_unit_test(references_that_lead_nowhere),
		cmocka_unit_test(all_errors_are_said_but_one_a_line),
		cmocka_unit_test(too_many_errors_are_counted),
		cmocka_unit_test(a_long_line_is_cut_around_its_caret),
		cmocka_unit_test(nothing_that_a_terminal_obeys_is_written),
	};

	return cmocka_run_group_tests(tests, enter_own_directory, leave_own_directory);
}
