#include "go/go_lines.h"

#define FILE_NONE       UINT64_MAX
#define VARINT_BITS_MAX 28u /* of the shift: five bytes hold any 32 bits */

static bool read_varint(struct go_values *values, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (unsigned shift = 0; shift <= VARINT_BITS_MAX; shift += 7) {
		uint8_t byte;

		if (values->at >= values->part.n_bytes)
			return false;
		byte = values->part.bytes[values->at++];
		value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static struct go_values values_begin(const struct go_table *table, uint32_t at, uint64_t start)
{
	return (struct go_values){
		.part = table->values,
		.at = at,
		.end = start,
		.value = UINT32_MAX,
		.is_over = at == 0, /* no string begins there: it is how none is said */
	};
}

/* Goes on to where the next value stops to hold; one that holds nowhere ends a broken string. */
static void values_step(struct go_values *values, const struct go_table *table)
{
	uint32_t zigzag, n_quanta;

	if (!read_varint(values, &zigzag) || (zigzag == 0 && values->is_begun) ||
	    !read_varint(values, &n_quanta) || n_quanta == 0 ||
	    values->end + (uint64_t)n_quanta * table->quantum_bytes < values->end) {
		values->is_over = true;
		return;
	}
	values->is_begun = true;
	values->value += (zigzag & 1) ? ~(zigzag >> 1) : zigzag >> 1;
	values->end += (uint64_t)n_quanta * table->quantum_bytes;
}

void go_lines_begin(struct go_lines *lines, const struct go_table *table,
		    const struct go_function *function, uint64_t n_steps_max)
{
	*lines = (struct go_lines){
		.table = table,
		.function = *function,
		.files = values_begin(table, function->files_at, function->start.v),
		.lines = values_begin(table, function->lines_at, function->start.v),
		.at = function->start.v,
		.n_steps_max = n_steps_max,
	};
}

/* Where the file of number @value in the function's unit has its name. */
static uint64_t file_at(const struct go_lines *lines, uint32_t value)
{
	uint32_t at;

	if (lines->table->format == GO_FORMAT_1_2) /* the first file is none */
		return value >= 1 && value <= INT32_MAX &&
				       go_part_u32(&lines->table->files, 4ull * value, &at)
			       ? at
			       : FILE_NONE;
	if (value > INT32_MAX || lines->function.unit == UINT32_MAX ||
	    !go_part_u32(&lines->table->units, 4 * ((uint64_t)lines->function.unit + value), &at))
		return FILE_NONE;
	return at == UINT32_MAX ? FILE_NONE : at;
}

/* Brings @values to the value that holds at the address reached; false when there is none. */
static bool catch_up(struct go_lines *lines, struct go_values *values)
{
	while (!values->is_over && values->end <= lines->at) {
		if (lines->n_steps == lines->n_steps_max)
			return false;
		values_step(values, lines->table);
		lines->n_steps++;
	}
	return !values->is_over;
}

bool go_lines_next(struct go_lines *lines, struct go_run *ret_run)
{
	while (lines->at < lines->function.end.v && catch_up(lines, &lines->lines)) {
		struct go_run run = {.start = {lines->at}, .line = lines->lines.value};
		uint64_t end = lines->lines.end;

		run.file_at = FILE_NONE;
		if (catch_up(lines, &lines->files)) {
			run.file_at = file_at(lines, lines->files.value);
			end = lines->files.end < end ? lines->files.end : end;
		}
		lines->at = end < lines->function.end.v ? end : lines->function.end.v;
		run.end.v = lines->at;
		if (run.line < 1 || run.line > INT32_MAX || run.file_at == FILE_NONE)
			continue;
		*ret_run = run;
		return true;
	}
	return false;
}

struct elf_addr go_lines_end(const struct go_lines *lines)
{
	return (struct elf_addr){lines->at};
}

const char *go_lines_file_name(const struct go_table *table, uint64_t file_at, size_t *ret_n_bytes)
{
	return go_part_text(table->format == GO_FORMAT_1_2 ? &table->whole : &table->files, file_at,
			    ret_n_bytes);
}
