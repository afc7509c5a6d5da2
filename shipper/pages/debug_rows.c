#include <jansson.h>

#include "pages/debug_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config/source.h"
#include "endpoints/series.h"

#define TEXT_BYTES_MAX (64u * 1024u)
#define HEX_BYTES_MAX  64u

struct debug_rows debug_rows_begin(size_t bytes_max)
{
	return (struct debug_rows){.array = json_array(), .left_bytes = bytes_max};
}

void debug_rows_add(struct debug_rows *rows, json_t *row)
{
	size_t n_bytes = row ? json_dumpb(row, NULL, 0, JSON_COMPACT) + 1 : 0; /* and a comma */

	if (n_bytes > rows->left_bytes)
		rows->left_bytes = 0;
	if (!row || rows->left_bytes == 0) {
		rows->is_truncated = true;
		json_decref(row);
		return;
	}
	rows->left_bytes -= n_bytes;
	(void)json_array_append_new(rows->array, row); /* without memory it is shorter */
}

json_t *debug_text(struct wire_bytes bytes)
{
	size_t n = bytes.n_bytes < TEXT_BYTES_MAX ? bytes.n_bytes : TEXT_BYTES_MAX;
	json_t *text = json_stringn(n > 0 ? bytes.data : "", n);
	uint32_t character;
	char *copy;

	if (text)
		return text;
	copy = malloc(n);
	if (!copy)
		return NULL;
	memcpy(copy, bytes.data, n);
	for (size_t i = 0; i < n;) {
		size_t n_read = config_utf8_read(copy + i, n - i, &character);

		if (n_read == 0)
			copy[i] = '?';
		i += n_read > 0 ? n_read : 1;
	}
	text = json_stringn(copy, n);
	free(copy);
	return text;
}

json_t *debug_count(uint64_t value)
{
	return json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX);
}

json_t *debug_id(uint64_t value)
{
	return json_sprintf("%016" PRIx64, value);
}

json_t *debug_hex(struct wire_bytes bytes)
{
	size_t n = bytes.n_bytes < HEX_BYTES_MAX ? bytes.n_bytes : HEX_BYTES_MAX;
	char text[2 * HEX_BYTES_MAX + 1] = "";

	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)bytes.data)[i]);
	return json_string(text);
}

json_t *debug_labels(struct wire_bytes set)
{
	struct wire_arena arena = {0};
	const struct wire_label *labels;
	json_t *object = json_object();
	size_t n = 0;

	if (wire_decode_labels(set.data, set.n_bytes, &arena, &labels, &n) != 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		json_t *name;

		if (series_is_for_ourselves(labels[i].name))
			continue;
		name = debug_text(labels[i].name);
		if (name)
			(void)json_object_set_new(object, json_string_value(name),
						  debug_text(labels[i].value));
		json_decref(name);
	}
	wire_arena_deinit(&arena);
	return object;
}

json_t *debug_status(const struct process_status *status)
{
	return json_pack("{s:I, s:I, s:o*, s:o*, s:b, s:i}", "pid", (json_int_t)status->pid, "uid",
			 (json_int_t)status->uid, "cap_effective", debug_id(status->effective_caps),
			 "cap_permitted", debug_id(status->permitted_caps), "no_new_privs",
			 (int)status->no_new_privs, "seccomp", (int)status->seccomp);
}
