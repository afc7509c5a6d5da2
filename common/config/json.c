#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "config/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diagnostics.h"

struct reading {
	struct config_arena *arena;
	struct bytes *why;
};

static int read_value(const struct reading *reading, json_t *json, unsigned depth,
		      struct config_value *ret_value);

static int read_text(const struct reading *reading, const char *text, size_t n_bytes,
		     struct config_text *ret_text)
{
	const char *copy = config_arena_copy(reading->arena, text, n_bytes);

	if (!copy)
		return reading->arena->error;
	*ret_text = (struct config_text){copy, n_bytes};
	return 0;
}

static int read_array(const struct reading *reading, json_t *json, unsigned depth,
		      struct config_value *ret_value)
{
	size_t n = json_array_size(json);
	struct config_value *items = config_arena_array(reading->arena, n, sizeof(*items));
	int r = items ? 0 : reading->arena->error;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_value(reading, json_array_get(json, i), depth + 1, &items[i]);
	*ret_value = (struct config_value){.type = CONFIG_ARRAY, .array = {items, n}};
	return r;
}

static int read_object(const struct reading *reading, json_t *json, unsigned depth,
		       struct config_value *ret_value)
{
	struct config_field *fields =
		config_arena_array(reading->arena, json_object_size(json), sizeof(*fields));
	int r = fields ? 0 : reading->arena->error;
	size_t n = 0;
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		if (r == 0)
			r = read_text(reading, key, strlen(key), &fields[n].key);
		if (r == 0)
			r = read_value(reading, value, depth + 1, &fields[n++].value);
	}
	if (r == 0)
		*ret_value = (struct config_value){.type = CONFIG_OBJECT,
						   .object = config_object_make(fields, n)};
	return r;
}

static int read_value(const struct reading *reading, json_t *json, unsigned depth,
		      struct config_value *ret_value)
{
	struct config_value value = {.type = CONFIG_NULL};
	int r = 0;

	if (depth > CONFIG_JSON_DEPTH_MAX) {
		bytes_printf(reading->why, "it is nested more than %u levels deep",
			     CONFIG_JSON_DEPTH_MAX);
		return CONFIG_REFUSED;
	}
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return read_object(reading, json, depth, ret_value);
	case JSON_ARRAY:
		return read_array(reading, json, depth, ret_value);
	case JSON_STRING:
		value.type = CONFIG_STRING;
		r = read_text(reading, json_string_value(json), json_string_length(json),
			      &value.text);
		break;
	case JSON_INTEGER:
		value.type = CONFIG_NUMBER;
		value.number = (struct config_number){CONFIG_INT, .i = json_integer_value(json)};
		break;
	case JSON_REAL:
		value.type = CONFIG_NUMBER;
		value.number = (struct config_number){CONFIG_FLOAT, .f = json_real_value(json)};
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		value = (struct config_value){.type = CONFIG_BOOL, .boolean = json_is_true(json)};
		break;
	case JSON_NULL:
		break;
	}
	if (r == 0)
		*ret_value = value;
	return r;
}

int config_json_read(struct config_text text, enum config_json_numbers numbers,
		     struct config_arena *arena, struct config_value *ret_value, struct bytes *why)
{
	const struct reading reading = {arena, why};
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_error_t error;
	json_t *json;
	int r;

	if (numbers == CONFIG_JSON_FLOATS)
		flags |= JSON_DECODE_INT_AS_REAL;
	json = json_loadb(text.data, text.n_bytes, flags, &error);
	if (!json) {
		bytes_printf(why, "line %d, column %d: %s", error.line, error.column, error.text);
		return CONFIG_REFUSED;
	}
	r = read_value(&reading, json, 0, ret_value);
	json_decref(json);
	return r;
}

static void write_text(struct config_text text, struct bytes *out)
{
	static const char named[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";
	uint32_t character;
	const char *at;

	bytes_append(out, "\"", 1);
	for (size_t i = 0, n; i < text.n_bytes; i += n ? n : 1) {
		n = config_utf8_read(text.data + i, text.n_bytes - i, &character);
		at = n == 1 && character != 0 ? strchr(named, (int)character) : NULL;
		if (n == 0)
			bytes_printf(out, "\\ufffd");
		else if (at)
			bytes_printf(out, "\\%c", names[at - named]);
		else if (character < 0x20 || character == '<' || character == '>' ||
			 character == '&' || character == 0x2028 || character == 0x2029)
			bytes_printf(out, "\\u%04x", character);
		else
			bytes_append(out, text.data + i, n);
	}
	bytes_append(out, "\"", 1);
}

/* Shortest digits that read back as the same, with an exponent only outside of 1e-6 … 1e21. */
static void write_float(double f, struct bytes *out)
{
	double size = fabs(f);
	char text[64], *mark;
	int precision = 0, exponent;

	do
		(void)snprintf(text, sizeof(text), "%.*e", precision, f);
	while (strtod(text, NULL) != f && ++precision < 17);
	mark = strchr(text, 'e');
	exponent = mark ? (int)strtol(mark + 1, NULL, 10) : 0;
	if (size == 0 || (size >= 1e-6 && size < 1e21)) {
		bytes_printf(out, "%.*f", precision > exponent ? precision - exponent : 0, f);
		return;
	}
	if (mark)
		*mark = '\0';
	bytes_printf(out, "%se%c%02d", text, exponent < 0 ? '-' : '+', abs(exponent));
	if (exponent < 0 && exponent > -10) { /* e-09 is written e-9 */
		out->data[out->n_bytes - 2] = out->data[out->n_bytes - 1];
		out->n_bytes--;
	}
}

static int write_object(const struct config_object *object, struct bytes *out)
{
	int r = 0;

	bytes_append(out, "{", 1);
	for (size_t i = 0; r == 0 && i < object->n_fields; i++) {
		bytes_append(out, ",", i > 0);
		write_text(object->fields[i].key, out);
		bytes_append(out, ":", 1);
		r = config_json_write(&object->fields[i].value, out);
	}
	bytes_append(out, "}", 1);
	return r;
}

static int write_array(const struct config_array *array, struct bytes *out)
{
	int r = 0;

	bytes_append(out, "[", 1);
	for (size_t i = 0; r == 0 && i < array->n_items; i++) {
		bytes_append(out, ",", i > 0);
		r = config_json_write(&array->items[i], out);
	}
	bytes_append(out, "]", 1);
	return r;
}

int config_json_write(const struct config_value *value, struct bytes *out)
{
	switch (value->type) {
	case CONFIG_NULL:
		bytes_printf(out, "null");
		return 0;
	case CONFIG_BOOL:
		bytes_printf(out, value->boolean ? "true" : "false");
		return 0;
	case CONFIG_NUMBER:
		if (value->number.kind == CONFIG_INT)
			bytes_printf(out, "%lld", (long long)value->number.i);
		else if (value->number.kind == CONFIG_UINT)
			bytes_printf(out, "%llu", (unsigned long long)value->number.u);
		else
			write_float(value->number.f, out);
		return 0;
	case CONFIG_STRING:
		write_text(value->text, out);
		return 0;
	case CONFIG_ARRAY:
		return write_array(&value->array, out);
	case CONFIG_OBJECT:
		return write_object(&value->object, out);
	case CONFIG_SECRET:
	case CONFIG_FUNCTION:
	case CONFIG_CAPSULE:
		break;
	}
	return CONFIG_REFUSED;
}
