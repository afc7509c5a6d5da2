#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "configuration/component_json.h"

#include <string.h>

#include "configuration/components.h"
#include "config/secrecy.h"
#include "http/http_url.h"

bool component_is_one(const struct config_component *component)
{
	return component->block->label.n_bytes > 0 && !component->is_ignored;
}

static json_t *json_of(const struct config_value *value, size_t *n_left);

json_t *component_json_text(struct config_text text)
{
	struct bytes mended = BYTES_INIT(3 * text.n_bytes + 1);
	uint32_t character;
	json_t *json;

	for (size_t at = 0; at < text.n_bytes;) {
		size_t n = config_utf8_read(text.data + at, text.n_bytes - at, &character);

		bytes_append(&mended, n ? text.data + at : "\xef\xbf\xbd", n ? n : 3);
		at += n ? n : 1;
	}
	json = mended.error
		       ? NULL
		       : json_stringn(mended.data ? (const char *)mended.data : "", mended.n_bytes);
	bytes_deinit(&mended);
	return json;
}

static json_t *json_of_number(struct config_number number)
{
	if (number.kind == CONFIG_INT)
		return json_integer(number.i);
	return json_real(config_number_to_float(number));
}

static json_t *json_of_array(const struct config_array *array, size_t *n_left)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i<array->n_items && * n_left> 0; i++)
		if (json_array_append_new(json, json_of(&array->items[i], n_left)) != 0) {
			json_decref(json);
			return NULL;
		}
	return json;
}

/* Arguments that are no secrets by their type, but may have one in them. */
static bool is_url(const char *name)
{
	static const char *const names[] = {"url", "proxy_url", "token_url", "api_server", "host"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static json_t *json_of_url(struct config_text url)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	const char *text = http_url_without_user(&arena, url);
	json_t *json = component_json_text((struct config_text){text, strlen(text)});

	config_arena_deinit(&arena);
	return json;
}

/* Headers of an endpoint: those whose names say that they are secrets. */
static json_t *json_of_headers(const struct config_object *headers, size_t *n_left)
{
	json_t *json = component_json(headers, n_left);

	for (size_t i = 0; json && i < headers->n_fields; i++)
		if (config_name_is_secret(headers->fields[i].key.data))
			(void)json_object_set_new(json, headers->fields[i].key.data,
						  json_string("(secret)"));
	return json;
}

static json_t *json_of_field(const struct config_field *field, size_t *n_left)
{
	const char *name = field->key.data;

	if (field->value.type == CONFIG_STRING && is_url(name))
		return json_of_url(field->value.text);
	if (field->value.type == CONFIG_OBJECT &&
	    (strcmp(name, "headers") == 0 || strcmp(name, "endpoint_params") == 0))
		return json_of_headers(&field->value.object, n_left);
	return json_of(&field->value, n_left);
}

json_t *component_json(const struct config_object *object, size_t *n_left)
{
	json_t *json = json_object();

	for (size_t i = 0; json && i<object->n_fields && * n_left> 0; i++) {
		json_t *key =
			component_json_text(object->fields[i].key); /* a key is a C string there */

		if (!key || json_object_set_new(json, json_string_value(key),
						json_of_field(&object->fields[i], n_left)) != 0) {
			json_decref(json);
			json = NULL;
		}
		json_decref(key);
	}
	return json;
}

/* By the name under which a configuration refers to it. */
static json_t *json_of_capsule(struct config_capsule capsule)
{
	const struct write_receiver *receiver = capsule.data;

	if (capsule.kind != receiver_kind)
		return json_string(capsule.kind);
	return json_sprintf("%s.receiver", receiver->component->id);
}

/* Returns a new reference, or NULL without memory. */
static json_t *json_of(const struct config_value *value, size_t *n_left)
{
	*n_left -= *n_left > 0;
	switch (value->type) {
	case CONFIG_NULL:
		return json_null();
	case CONFIG_BOOL:
		return json_boolean(value->boolean);
	case CONFIG_NUMBER:
		return json_of_number(value->number);
	case CONFIG_STRING:
		return component_json_text(value->text);
	case CONFIG_SECRET:
		return json_string(value->text.n_bytes > 0 ? "(secret)" : "");
	case CONFIG_ARRAY:
		return json_of_array(&value->array, n_left);
	case CONFIG_OBJECT:
		return component_json(&value->object, n_left);
	case CONFIG_FUNCTION:
		return json_string("(function)");
	case CONFIG_CAPSULE:
		return json_of_capsule(value->capsule);
	}
	return NULL;
}
