#include "go/go_table.h"

#include <string.h>

#define MAGIC_1_2        UINT32_C(0xfffffffb)
#define MAGIC_1_16       UINT32_C(0xfffffffa)
#define MAGIC_1_18       UINT32_C(0xfffffff0)
#define MAGIC_1_20       UINT32_C(0xfffffff1)
#define HEAD_BYTES       8u
#define TEXT_BYTES_MAX   65535u /* of a name */
#define FUNCTIONS_PROBED 8u
#define WORD_TEXT        2u /* behind the head: n_functions, n_files, text */
#define LOOKALIKES_MAX   64u
#define FIELD_NAME       0u /* of a function, behind its address, each 4 bytes */
#define FIELD_FILES      4u
#define FIELD_LINES      5u
#define FIELD_UNIT       7u
#define FIELD_START_LINE 8u

bool go_part_u32(const struct go_part *part, uint64_t at, uint32_t *ret_value)
{
	if (at > part->n_bytes || part->n_bytes - at < sizeof(*ret_value))
		return false;
	memcpy(ret_value, part->bytes + at, sizeof(*ret_value));
	return true;
}

/* Reads a word of the program: as long as its pointers. */
static bool read_word(const struct go_part *part, uint64_t at, uint32_t n_bytes,
		      uint64_t *ret_value)
{
	uint32_t word;

	if (n_bytes == sizeof(word)) {
		if (!go_part_u32(part, at, &word))
			return false;
		*ret_value = word;
		return true;
	}
	if (at > part->n_bytes || part->n_bytes - at < sizeof(*ret_value))
		return false;
	memcpy(ret_value, part->bytes + at, sizeof(*ret_value));
	return true;
}

const char *go_part_text(const struct go_part *part, uint64_t at, size_t *ret_n_bytes)
{
	size_t n_left, n_bytes;

	if (at >= part->n_bytes)
		return NULL;
	n_left = part->n_bytes - at;
	n_bytes = strnlen((const char *)part->bytes + at,
			  n_left <= TEXT_BYTES_MAX ? n_left : TEXT_BYTES_MAX + 1u);
	if (n_bytes == n_left || n_bytes > TEXT_BYTES_MAX)
		return NULL;
	*ret_n_bytes = n_bytes;
	return (const char *)part->bytes + at;
}

static enum go_format format_of(uint32_t magic)
{
	switch (magic) {
	case MAGIC_1_2:
		return GO_FORMAT_1_2;
	case MAGIC_1_16:
		return GO_FORMAT_1_16;
	case MAGIC_1_18:
		return GO_FORMAT_1_18;
	case MAGIC_1_20:
		return GO_FORMAT_1_20;
	default:
		return 0;
	}
}

/* Checks the eight bytes that all formats begin with. */
static bool read_head(const struct go_part *whole, struct go_table *table)
{
	const uint8_t *bytes = whole->bytes;
	uint32_t magic;

	if (whole->n_bytes < HEAD_BYTES || !go_part_u32(whole, 0, &magic))
		return false;
	table->whole = *whole;
	table->format = format_of(magic);
	table->quantum_bytes = bytes[6];
	table->pointer_bytes = bytes[7];
	return table->format != 0 && bytes[4] == 0 && bytes[5] == 0 &&
	       (bytes[6] == 1 || bytes[6] == 2 || bytes[6] == 4) &&
	       (bytes[7] == 4 || bytes[7] == 8);
}

static bool head_word(const struct go_table *table, uint32_t i, uint64_t *ret_value)
{
	return read_word(&table->whole, HEAD_BYTES + i * table->pointer_bytes, table->pointer_bytes,
			 ret_value);
}

/* The part that the header's word @i tells the start of; all of them end with the table. */
static bool head_part(const struct go_table *table, uint32_t i, struct go_part *ret_part)
{
	uint64_t at;

	if (!head_word(table, i, &at) || at >= table->whole.n_bytes)
		return false;
	*ret_part = (struct go_part){table->whole.bytes + at, table->whole.n_bytes - at};
	return true;
}

static uint32_t field_bytes(const struct go_table *table)
{
	return go_table_is_relative(table) ? sizeof(uint32_t) : table->pointer_bytes;
}

/* Where in functions the list of functions begins: each has an address, and where its rest is. */
static uint64_t list_at(const struct go_table *table)
{
	return table->format == GO_FORMAT_1_2 ? HEAD_BYTES + table->pointer_bytes : 0;
}

/* In the format of 1.2 everything is relative to the table, and the files stand behind the list. */
static bool open_1_2(struct go_table *table, uint64_t n_functions)
{
	uint64_t at = list_at(table) + (2 * n_functions + 1) * table->pointer_bytes;
	uint32_t files_at;

	table->names = table->whole;
	table->values = table->whole;
	table->functions = table->whole;
	if (!go_part_u32(&table->whole, at, &files_at) || files_at >= table->whole.n_bytes)
		return false;
	table->files =
		(struct go_part){table->whole.bytes + files_at, table->whole.n_bytes - files_at};
	return true;
}

static bool open_parts(struct go_table *table)
{
	uint32_t first = WORD_TEXT;

	if (go_table_is_relative(table) && !head_word(table, first++, &table->text.v))
		return false;
	return head_part(table, first, &table->names) &&
	       head_part(table, first + 1, &table->units) &&
	       head_part(table, first + 2, &table->files) &&
	       head_part(table, first + 3, &table->values) &&
	       head_part(table, first + 4, &table->functions);
}

static int open_whole(const struct go_part *whole, struct go_table *ret_table)
{
	struct go_table table = {0};
	uint64_t n_functions;

	if (!read_head(whole, &table) || !head_word(&table, 0, &n_functions) || n_functions == 0)
		return GO_TABLE_MALFORMED;
	if (n_functions > GO_TABLE_FUNCTIONS_MAX)
		return GO_TABLE_TOO_BIG;
	table.n_functions = (uint32_t)n_functions;
	if (!(table.format == GO_FORMAT_1_2 ? open_1_2(&table, n_functions) : open_parts(&table)))
		return GO_TABLE_MALFORMED;
	if ((2 * n_functions + 1) * field_bytes(&table) + list_at(&table) > table.functions.n_bytes)
		return GO_TABLE_MALFORMED;
	*ret_table = table;
	return 0;
}

int go_table_open(const uint8_t *bytes, size_t n_bytes, struct go_table *ret_table)
{
	return open_whole(&(struct go_part){bytes, n_bytes}, ret_table);
}

bool go_table_is_relative(const struct go_table *table)
{
	return table->format >= GO_FORMAT_1_18;
}

size_t go_table_text_at(const struct go_table *table)
{
	return go_table_is_relative(table) ? HEAD_BYTES + WORD_TEXT * table->pointer_bytes : 0;
}

/* One of the two fields of each function in the list; that it is there was checked at opening. */
static uint64_t list_field(const struct go_table *table, uint64_t i)
{
	uint32_t n_bytes = field_bytes(table);
	uint64_t value = 0;

	(void)read_word(&table->functions, list_at(table) + i * n_bytes, n_bytes, &value);
	return value;
}

struct elf_addr go_table_entry(const struct go_table *table, uint32_t i)
{
	uint64_t entry = list_field(table, 2 * (uint64_t)i);

	return (struct elf_addr){go_table_is_relative(table) ? entry + table->text.v : entry};
}

int go_table_function(const struct go_table *table, uint32_t i, struct go_function *ret_function)
{
	uint64_t at = list_field(table, 2 * (uint64_t)i + 1);
	uint64_t fields_at = at + field_bytes(table);
	uint32_t fields[FIELD_START_LINE + 1] = {0};
	size_t n_fields = table->format >= GO_FORMAT_1_20   ? FIELD_START_LINE + 1
			  : table->format >= GO_FORMAT_1_16 ? FIELD_UNIT + 1
							    : FIELD_LINES + 1;
	struct go_function function;

	if (at > table->functions.n_bytes)
		return GO_TABLE_MALFORMED;
	for (size_t n = 0; n < n_fields; n++)
		if (!go_part_u32(&table->functions, fields_at + n * sizeof(fields[0]), &fields[n]))
			return GO_TABLE_MALFORMED;
	function = (struct go_function){
		.start = go_table_entry(table, i),
		.end = go_table_entry(table, i + 1),
		.start_line = fields[FIELD_START_LINE] <= INT32_MAX ? fields[FIELD_START_LINE] : 0,
		.unit = fields[FIELD_UNIT],
		.files_at = fields[FIELD_FILES],
		.lines_at = fields[FIELD_LINES],
	};
	function.name = go_part_text(&table->names, fields[FIELD_NAME], &function.n_name_bytes);
	if (!function.name)
		return GO_TABLE_MALFORMED;
	*ret_function = function;
	return 0;
}

/* Whether the parts stand in the order in which every linker since 1.16 has written them. */
static bool parts_ascend(const struct go_table *table)
{
	return table->names.bytes < table->units.bytes && table->units.bytes < table->files.bytes &&
	       table->files.bytes < table->values.bytes &&
	       table->values.bytes < table->functions.bytes;
}

/*
 * Whether the first functions are what a linker would write. Where they begin may all be zero, as
 * it is in a file whose relocations are not applied; where their rest is may not.
 */
static bool functions_ascend(const struct go_table *table)
{
	uint32_t n = table->n_functions < FUNCTIONS_PROBED ? table->n_functions : FUNCTIONS_PROBED;
	struct go_function function;

	for (uint32_t i = 0; i < n; i++) {
		if (go_table_function(table, i, &function) != 0 ||
		    function.start.v > function.end.v)
			return false;
		if (i > 0 && list_field(table, 2 * i + 1) <= list_field(table, 2 * i - 1))
			return false;
	}
	return go_table_entry(table, 0).v <= go_table_entry(table, table->n_functions).v;
}

bool go_table_scan(const struct go_part *bytes, size_t *ret_at, struct go_table *ret_table)
{
	unsigned n_lookalikes = 0;
	struct go_table table;
	uint32_t magic;

	for (size_t at = 0; n_lookalikes < LOOKALIKES_MAX && go_part_u32(bytes, at, &magic);
	     at += GO_TABLE_SCAN_STEP) {
		if (magic < MAGIC_1_18 || format_of(magic) == 0 ||
		    go_table_open(bytes->bytes + at, bytes->n_bytes - at, &table) != 0)
			continue;
		if ((table.format == GO_FORMAT_1_2 || parts_ascend(&table)) &&
		    functions_ascend(&table)) {
			*ret_at = at;
			*ret_table = table;
			return true;
		}
		n_lookalikes++;
	}
	return false;
}
