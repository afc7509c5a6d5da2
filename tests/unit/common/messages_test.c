#include "wire/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire/wire.h"

#define BYTES_OF(text)                                                                             \
	{                                                                                          \
		.data = (text), .n_bytes = sizeof(text) - 1                                        \
	}

static void heads_are_checked_in_order(void **state)
{
	static const struct {
		struct wire_bytes frame;
		enum wire_party from, to;
		bool is_answer, leased;
		int outcome;
	} rows[] = {
		{BYTES_OF("\x91\x04"), SYMBOLIZER, COLLECTOR, false, false, 0},
		{BYTES_OF("\x91\x04"), SYMBOLIZER, SHIPPER, false, false, MESSAGE_WRONG_DIRECTION},
		{BYTES_OF("\x91\x04"), COLLECTOR, SYMBOLIZER, true, false, MESSAGE_WRONG_DIRECTION},
		{BYTES_OF("\x91\x04"), SYMBOLIZER, COLLECTOR, true, false, MESSAGE_WRONG_STATE},
		{BYTES_OF("\x91\x05"), COLLECTOR, SYMBOLIZER, true, false, 0},
		{BYTES_OF("\x91\x05"), COLLECTOR, SYMBOLIZER, false, false, MESSAGE_WRONG_STATE},
		{BYTES_OF("\x91\x08"), SYMBOLIZER, COLLECTOR, false, false, MESSAGE_WRONG_STATE},
		{BYTES_OF("\x91\x08"), SYMBOLIZER, COLLECTOR, false, true, 0},
		{BYTES_OF("\x91\x01"), SHIPPER, SHIPPER, false, false, 0},
		{BYTES_OF("\x91\x00"), SHIPPER, SHIPPER, false, false, MESSAGE_UNKNOWN},
		{BYTES_OF("\x91\xcd\x01\x04"), SYMBOLIZER, COLLECTOR, false, false,
		 MESSAGE_UNKNOWN},
		{BYTES_OF("\x90"), SYMBOLIZER, COLLECTOR, false, false, MESSAGE_UNKNOWN},
		{BYTES_OF(""), SYMBOLIZER, COLLECTOR, false, false, MESSAGE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum message_id id = 0;
		int r = message_check(rows[i].frame.data, rows[i].frame.n_bytes, rows[i].from,
				      rows[i].to, rows[i].is_answer, rows[i].leased, &id);

		if (r != rows[i].outcome)
			fail_msg("row %zu: %d", i, r);
		assert_int_equal(id != 0, r == 0);
	}
}

static void caps_are_those_of_the_table(void **state)
{
	unsigned char frame[257] = {0x91, MESSAGE_LEASE};
	enum message_id id;

	(void)state;
	assert_int_equal(message_check(frame, 256, SYMBOLIZER, COLLECTOR, false, false, &id), 0);
	assert_int_equal(message_check(frame, 257, SYMBOLIZER, COLLECTOR, false, false, &id),
			 MESSAGE_TOO_LONG);
	assert_int_equal(message_bytes_max(SYMBOLIZER, COLLECTOR, false), 512);
	assert_int_equal(message_bytes_max(SHIPPER, COLLECTOR, false), 8192 * 1024);
	assert_int_equal(message_bytes_max(COLLECTOR, SYMBOLIZER, true), 4096 * 1024);
	assert_int_equal(message_bytes_max(SYMBOLIZER, SHIPPER, false), 16384 * 1024);
}

static void every_refusal_has_a_name(void **state)
{
	(void)state;
	for (int reason = REFUSAL_VERSION; reason <= REFUSAL_DISK; reason++)
		assert_string_not_equal(refusal_name(reason), "unknown");
	assert_string_equal(refusal_name(0), "unknown");
	assert_string_equal(refusal_name(REFUSAL_DISK + 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_checked_in_order),
		cmocka_unit_test(caps_are_those_of_the_table),
		cmocka_unit_test(every_refusal_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
