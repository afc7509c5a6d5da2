#include "go_fixture.h"

#include <assert.h>
#include <string.h>

#define N_FUNCTIONS 3u

static const char *const names[N_FUNCTIONS] = {"main.main", "main.(*T).M[...]", "x_cgo_init"};
static const uint32_t starts[N_FUNCTIONS + 1] = {0, 0x40, 0x80, 0x100};

/* Differences of a value and of bytes of code, as they are written. */
struct step {
	int32_t value;
	uint32_t n_bytes;
};

#define STEPS_MAX 3u

static const struct step main_lines[STEPS_MAX] = {{11, 8}, {10, 8}, {-8, 0x10}};
static const struct step method_lines[STEPS_MAX] = {{31, 0x40}};

static void put(struct go_fixture *to, const void *data, size_t n_bytes)
{
	assert(n_bytes <= sizeof(to->bytes) - to->n_bytes);
	memcpy(to->bytes + to->n_bytes, data, n_bytes);
	to->n_bytes += n_bytes;
}

static void put_byte(struct go_fixture *to, uint32_t byte)
{
	put(to, &(uint8_t){(uint8_t)byte}, 1);
}

static void put_u32(struct go_fixture *to, size_t value)
{
	put(to, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
}

static void put_word(struct go_fixture *to, uint64_t value)
{
	if (to->pointer_bytes == sizeof(uint32_t))
		put_u32(to, value);
	else
		put(to, &value, sizeof(value));
}

void go_fixture_put32(struct go_fixture *fixture, size_t at, uint32_t value)
{
	memcpy(fixture->bytes + at, &value, sizeof(value));
}

static void put_steps(struct go_fixture *to, const struct step *steps)
{
	for (size_t i = 0; i < STEPS_MAX && steps[i].n_bytes > 0; i++) {
		put_byte(to, ((uint32_t)steps[i].value << 1) ^ (uint32_t)(steps[i].value >> 31));
		put_byte(to, steps[i].n_bytes / to->quantum_bytes);
	}
	put_byte(to, 0);
}

/* Files count from 1 in the oldest format, from 0 since; the string begins at -1. */
static size_t put_files(struct go_fixture *to, const struct step *steps)
{
	size_t at = to->n_bytes - to->values_at;
	struct step shifted[STEPS_MAX];

	memcpy(shifted, steps, sizeof(shifted));
	shifted[0].value += to->format == GO_FORMAT_1_2 ? 1 : 0;
	put_steps(to, shifted);
	return at;
}

/* Writes the strings of values; [i][0] is where those of files are, [i][1] those of lines. */
static void put_values(struct go_fixture *to, size_t ret_at[2][2])
{
	static const struct step main_files[STEPS_MAX] = {{1, 8}, {1, 8}, {-1, 0x10}};
	static const struct step method_files[STEPS_MAX] = {{1, 0x40}};

	put_byte(to, 0); /* an offset of zero says that there is none */
	ret_at[0][0] = put_files(to, main_files);
	to->lines_at[0] = to->n_bytes;
	put_steps(to, main_lines);
	ret_at[1][0] = put_files(to, method_files);
	to->lines_at[1] = to->n_bytes;
	put_steps(to, method_lines);
	for (size_t i = 0; i < 2; i++)
		ret_at[i][1] = to->lines_at[i] - to->values_at;
	while (to->n_bytes % 8)
		put_byte(to, 0);
}

static void put_names(struct go_fixture *to, size_t ret_at[N_FUNCTIONS])
{
	for (size_t i = 0; i < N_FUNCTIONS; i++) {
		ret_at[i] = to->n_bytes - to->names_at;
		put(to, names[i], strlen(names[i]) + 1);
	}
}

static bool is_relative(const struct go_fixture *to)
{
	return to->format >= GO_FORMAT_1_18;
}

static void put_function(struct go_fixture *to, size_t i, size_t name_at, const size_t *values_at)
{
	to->function_at[i] = to->n_bytes;
	if (is_relative(to))
		put_u32(to, starts[i]);
	else
		put_word(to, to->text + starts[i]);
	put_u32(to, name_at);
	put_u32(to, 0); /* arguments */
	put_u32(to, 0); /* deferreturn */
	put_u32(to, 0); /* stack */
	put_u32(to, values_at ? values_at[0] : 0);
	put_u32(to, values_at ? values_at[1] : 0);
	put_u32(to, 0); /* other values */
	if (to->format >= GO_FORMAT_1_16)
		put_u32(to, 1);             /* the unit's first file */
	put_u32(to, GO_FIXTURE_START_LINE); /* since 1.20; before, something else is there */
	for (size_t n = 0; n < 7; n++)
		put_u32(to, 0);
}

/* Writes the list once it is known where the functions are; its room was left free. */
static void fill_list(struct go_fixture *to)
{
	size_t end = to->n_bytes;

	to->n_bytes = to->list_at;
	for (size_t i = 0; i <= N_FUNCTIONS; i++) {
		if (is_relative(to))
			put_u32(to, starts[i]);
		else
			put_word(to, to->text + starts[i]);
		if (i == N_FUNCTIONS)
			break;
		if (is_relative(to))
			put_u32(to, to->function_at[i] - to->functions_at);
		else
			put_word(to, to->function_at[i] - to->functions_at);
	}
	to->n_bytes = end;
}

static void skip_list(struct go_fixture *to)
{
	to->list_at = to->n_bytes;
	to->n_bytes += (2 * N_FUNCTIONS + 1) *
		       (is_relative(to) ? sizeof(uint32_t) : (size_t)to->pointer_bytes);
}

static void make_1_2(struct go_fixture *to)
{
	size_t name_at[N_FUNCTIONS], values_at[2][2], file_at, file_list_at;

	put_word(to, N_FUNCTIONS);
	skip_list(to);
	file_list_at = to->n_bytes;
	put_u32(to, 0); /* where the list of files is, filled in below */
	put_names(to, name_at);
	put_values(to, values_at);
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		put_function(to, i, name_at[i], i < 2 ? values_at[i] : NULL);
	file_at = to->n_bytes;
	put(to, "main.go\0util.go", 16);
	to->files_at = to->n_bytes;
	go_fixture_put32(to, file_list_at, (uint32_t)to->files_at);
	put_u32(to, 3);
	put_u32(to, file_at);
	put_u32(to, file_at + 8);
	fill_list(to);
}

static void make_1_16(struct go_fixture *to)
{
	size_t name_at[N_FUNCTIONS], values_at[2][2], header_at, units_at, end;

	put_word(to, N_FUNCTIONS);
	put_word(to, 2);
	if (is_relative(to))
		put_word(to, to->text);
	header_at = to->n_bytes;
	to->n_bytes += 5 * (size_t)to->pointer_bytes;
	to->names_at = to->n_bytes;
	put_names(to, name_at);
	units_at = to->n_bytes;
	put_u32(to, UINT32_MAX); /* of a unit without files */
	put_u32(to, 0);
	put_u32(to, 8);
	to->files_at = to->n_bytes;
	put(to, "main.go\0util.go", 16);
	to->values_at = to->n_bytes;
	put_values(to, values_at);
	to->functions_at = to->n_bytes;
	skip_list(to);
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		put_function(to, i, name_at[i], i < 2 ? values_at[i] : NULL);
	fill_list(to);
	end = to->n_bytes;
	to->n_bytes = header_at;
	put_word(to, to->names_at);
	put_word(to, units_at);
	put_word(to, to->files_at);
	put_word(to, to->values_at);
	put_word(to, to->functions_at);
	to->n_bytes = end;
}

void go_fixture_make(struct go_fixture *fixture)
{
	static const uint32_t magics[] = {
		[GO_FORMAT_1_2] = 0xfffffffb,
		[GO_FORMAT_1_16] = 0xfffffffa,
		[GO_FORMAT_1_18] = 0xfffffff0,
		[GO_FORMAT_1_20] = 0xfffffff1,
	};

	fixture->n_bytes = 0;
	fixture->names_at = 0;
	fixture->values_at = 0;
	fixture->functions_at = 0;
	memset(fixture->bytes, 0, sizeof(fixture->bytes));
	put_u32(fixture, magics[fixture->format]);
	put_byte(fixture, 0);
	put_byte(fixture, 0);
	put_byte(fixture, fixture->quantum_bytes);
	put_byte(fixture, fixture->pointer_bytes);
	if (fixture->format == GO_FORMAT_1_2)
		make_1_2(fixture);
	else
		make_1_16(fixture);
}
