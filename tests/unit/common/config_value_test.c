#include "config_case.h"

#include "config/suggestion.h"

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

static void durations_are_read_as_go_does(void **state)
{
	static const struct {
		const char *text;
		int r;
		long long ns;
	} rows[] = {
		{"15s", 0, 15000000000},
		{"1h30m", 0, 5400000000000},
		{"1.5s", 0, 1500000000},
		{".5s", 0, 500000000},
		{"1.s", 0, 1000000000},
		{"-1m", 0, -60000000000},
		{"+1ms", 0, 1000000},
		{"1us", 0, 1000},
		{"1\xc2\xb5s", 0, 1000},
		{"1ns", 0, 1},
		{"0", 0, 0},
		{"-0", 0, 0},
		{"0s", 0, 0},
		{"1s1s", 0, 2000000000},
		{"0.0000000001s", 0, 0},
		{"2562047h", 0, 9223369200000000000},
		{"2562048h", CONFIG_REFUSED, 0},
		{"99999999999999999999s", CONFIG_REFUSED, 0},
		{"", CONFIG_REFUSED, 0},
		{"-", CONFIG_REFUSED, 0},
		{"15", CONFIG_REFUSED, 0},
		{"s", CONFIG_REFUSED, 0},
		{".s", CONFIG_REFUSED, 0},
		{"1 s", CONFIG_REFUSED, 0},
		{"1d", CONFIG_REFUSED, 0},
		{"1s ", CONFIG_REFUSED, 0},
		{"1s2", CONFIG_REFUSED, 0},
		{"--1s", CONFIG_REFUSED, 0},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		int64_t ns = 0;
		int r = config_parse_duration(text_of(rows[i].text), &ns);

		if (r != rows[i].r || ns != rows[i].ns)
			fail_msg("%s gives %d, %lld ns", rows[i].text, r, (long long)ns);
	}
	assert_int_equal(config_parse_duration((struct config_text){"1s\0", 3}, &(int64_t){0}),
			 CONFIG_REFUSED);
}

static void strings_become_numbers_by_their_look(void **state)
{
	static const struct {
		const char *text;
		int r;
		struct config_number number;
	} rows[] = {
		{"97", 0, {.kind = CONFIG_INT, .i = 97}},
		{"010", 0, {.kind = CONFIG_INT, .i = 10}},
		{"-5", 0, {.kind = CONFIG_INT, .i = -5}},
		{"-9223372036854775808", 0, {.kind = CONFIG_INT, .i = INT64_MIN}},
		{"18446744073709551615", 0, {.kind = CONFIG_UINT, .u = UINT64_MAX}},
		{"1.5", 0, {.kind = CONFIG_FLOAT, .f = 1.5}},
		{"-1e3", 0, {.kind = CONFIG_FLOAT, .f = -1000}},
		{"", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"-", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"+5", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{" 5", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"5 ", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"0x10", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"0x1.8", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"ten", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"1e999", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"18446744073709551616", CONFIG_REFUSED, {.kind = CONFIG_INT}},
		{"-9223372036854775809", CONFIG_REFUSED, {.kind = CONFIG_INT}},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct config_value value = {.type = CONFIG_STRING, .text = text_of(rows[i].text)};
		struct config_number number = {.kind = CONFIG_INT};
		int r = config_value_to_number(&value, &number);

		if (r != rows[i].r || number.kind != rows[i].number.kind ||
		    config_number_compare(number, rows[i].number) != 0)
			fail_msg("%s is read wrongly", rows[i].text);
	}
}

static void numbers_become_the_shortest_text(void **state)
{
	static const struct {
		struct config_number number;
		const char *text;
	} rows[] = {
		{{.kind = CONFIG_INT, .i = -7}, "-7"},
		{{.kind = CONFIG_UINT, .u = UINT64_MAX}, "18446744073709551615"},
		{{.kind = CONFIG_FLOAT, .f = 0.1}, "0.1"},
		{{.kind = CONFIG_FLOAT, .f = 1.5}, "1.5"},
		{{.kind = CONFIG_FLOAT, .f = 100}, "100"},
		{{.kind = CONFIG_FLOAT, .f = 1e21}, "1000000000000000000000"},
		{{.kind = CONFIG_FLOAT, .f = 1e-7}, "0.0000001"},
		{{.kind = CONFIG_FLOAT, .f = 0.30000000000000004}, "0.30000000000000004"},
		{{.kind = CONFIG_FLOAT, .f = 0}, "0"},
	};
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 16);

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct config_value value = {.type = CONFIG_NUMBER, .number = rows[i].number};
		struct config_text text;

		assert_int_equal(config_value_to_text(&arena, &value, &text), 0);
		assert_string_equal(text.data, rows[i].text);
	}
	config_arena_deinit(&arena);
}

static void the_largest_float_has_room(void **state)
{
	struct config_value value = {
		.type = CONFIG_NUMBER,
		.number = {.kind = CONFIG_FLOAT, .f = -0x1.fffffffffffffp1023}};
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 16);
	struct config_text text;

	(void)state;
	assert_int_equal(config_value_to_text(&arena, &value, &text), 0);
	assert_int_equal(text.n_bytes, 310);
	value.number.f = 0x1p-1074;
	assert_int_equal(config_value_to_text(&arena, &value, &text), 0);
	assert_int_equal(text.n_bytes, 326);
	config_arena_deinit(&arena);
}

static void identifiers_are_letters_and_digits(void **state)
{
	(void)state;
	assert_true(config_is_identifier(text_of("a")));
	assert_true(config_is_identifier(text_of("_9")));
	assert_true(config_is_identifier(text_of("\xc3\xa9\xe5\x90\x8d")));
	assert_false(config_is_identifier(text_of("")));
	assert_false(config_is_identifier(text_of("9a")));
	assert_false(config_is_identifier(text_of("a-b")));
	assert_false(config_is_identifier(text_of("null")));
	assert_false(config_is_identifier(text_of("\xe2\x82\xac"))); /* a currency sign */
	assert_false(config_is_identifier(text_of("\xd9\xa3")));     /* a digit first */
}

static void the_nearest_word_is_suggested(void **state)
{
	static const struct {
		const char *word;
		const char *nearest;
	} rows[] = {
		{"targts", "targets"},    {"tragets", "targets"},
		{"target", "targets"},    {"forwardto", "forward_to"},
		{"demangel", "demangle"}, {"x", NULL},
		{"something_else", NULL}, {"", NULL},
	};
	static const char *const words[] = {"targets", "forward_to", "demangle", "url"};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct config_suggestion suggestion = {.word = text_of(rows[i].word)};

		for (size_t j = 0; j < N_ROWS(words); j++)
			config_suggestion_offer(&suggestion, words[j]);
		if (rows[i].nearest)
			assert_string_equal(suggestion.nearest, rows[i].nearest);
		else
			assert_null(suggestion.nearest);
	}
}

static void a_long_word_is_near_to_nothing(void **state)
{
	char word[CONFIG_SUGGESTION_BYTES_MAX + 2];
	struct config_suggestion suggestion;

	(void)state;
	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	suggestion = (struct config_suggestion){.word = text_of(word)};
	config_suggestion_offer(&suggestion, word);
	assert_null(suggestion.nearest);
	word[CONFIG_SUGGESTION_BYTES_MAX] = '\0';
	suggestion = (struct config_suggestion){.word = text_of(word)};
	config_suggestion_offer(&suggestion, word);
	assert_non_null(suggestion.nearest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_as_go_does),
		cmocka_unit_test(strings_become_numbers_by_their_look),
		cmocka_unit_test(numbers_become_the_shortest_text),
		cmocka_unit_test(the_largest_float_has_room),
		cmocka_unit_test(identifiers_are_letters_and_digits),
		cmocka_unit_test(the_nearest_word_is_suggested),
		cmocka_unit_test(a_long_word_is_near_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
