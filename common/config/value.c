#include "config/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diagnostics.h"

const char *config_value_describe(const struct config_value *value)
{
	static const char *const names[] = {
		[CONFIG_NULL] = "null",         [CONFIG_BOOL] = "a bool",
		[CONFIG_NUMBER] = "a number",   [CONFIG_STRING] = "a string",
		[CONFIG_SECRET] = "a secret",   [CONFIG_ARRAY] = "a list",
		[CONFIG_OBJECT] = "an object",  [CONFIG_FUNCTION] = "a function",
		[CONFIG_CAPSULE] = "a capsule",
	};

	return value->type == CONFIG_CAPSULE ? value->capsule.kind : names[value->type];
}

static bool arrays_equal(const struct config_array *a, const struct config_array *b)
{
	if (a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (!config_value_equals(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool objects_equal(const struct config_object *a, const struct config_object *b)
{
	if (a->n_fields != b->n_fields)
		return false;
	for (size_t i = 0; i < a->n_fields; i++)
		if (config_text_compare(a->fields[i].key, b->fields[i].key) != 0 ||
		    !config_value_equals(&a->fields[i].value, &b->fields[i].value))
			return false;
	return true;
}

bool config_value_equals(const struct config_value *a, const struct config_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case CONFIG_NULL:
		return true;
	case CONFIG_BOOL:
		return a->boolean == b->boolean;
	case CONFIG_NUMBER:
		return config_number_compare(a->number, b->number) == 0;
	case CONFIG_STRING:
	case CONFIG_SECRET:
		return config_text_compare(a->text, b->text) == 0;
	case CONFIG_ARRAY:
		return arrays_equal(&a->array, &b->array);
	case CONFIG_OBJECT:
		return objects_equal(&a->object, &b->object);
	case CONFIG_FUNCTION:
		return a->function == b->function;
	case CONFIG_CAPSULE:
		return a->capsule.kind == b->capsule.kind && a->capsule.data == b->capsule.data;
	}
	return false;
}

bool config_value_is_zero(const struct config_value *value)
{
	switch (value->type) {
	case CONFIG_NULL:
		return true;
	case CONFIG_BOOL:
		return !value->boolean;
	case CONFIG_NUMBER:
		return config_number_to_float(value->number) == 0;
	case CONFIG_STRING:
	case CONFIG_SECRET:
		return value->text.n_bytes == 0;
	case CONFIG_ARRAY:
		return value->array.n_items == 0;
	case CONFIG_OBJECT:
		return value->object.n_fields == 0;
	case CONFIG_FUNCTION:
	case CONFIG_CAPSULE:
		return false;
	}
	return false;
}

const struct config_value *config_object_find(const struct config_object *object,
					      struct config_text key)
{
	size_t lo = 0, hi = object->n_fields;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = config_text_compare(object->fields[mid].key, key);

		if (order == 0)
			return &object->fields[mid].value;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int by_key_and_rank(const void *left, const void *right)
{
	const struct config_field *a = left, *b = right;
	int order = config_text_compare(a->key, b->key);

	return order != 0 ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

struct config_object config_object_make(struct config_field *fields, size_t n_fields)
{
	struct config_object object = {.fields = fields};
	size_t n = 0;

	for (size_t i = 0; i < n_fields; i++)
		fields[i].rank = (uint32_t)i;
	if (n_fields > 1)
		qsort(fields, n_fields, sizeof(*fields), by_key_and_rank);
	for (size_t i = 0; i < n_fields; i++) {
		if (n > 0 && config_text_compare(fields[n - 1].key, fields[i].key) == 0)
			n--;
		fields[n++] = fields[i];
	}
	object.n_fields = n;
	return object;
}
