/* JSON and YAML. */
#include <string.h>

#include "config/json.h"
#include "config/json_path.h"
#include "config/library.h"
#include "config/yaml.h"

#define REASON_BYTES_MAX 256

/* Reports at argument @i what is wrong with its text, and forgets the reason. */
static int refuse_text(const struct config_call *call, size_t i, const char *what,
		       struct bytes *why)
{
	config_error(call->diagnostics, call->spans[i],
		     "this cannot be read as %s, expected one that can: %.*s", what,
		     (int)why->n_bytes, why->data ? (const char *)why->data : "");
	return CONFIG_REFUSED;
}

static int run_from_json(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);
	struct config_text text;
	int r = config_call_text(call, 0, &text);

	if (r != 0)
		return r;
	r = config_json_read(text, CONFIG_JSON_FLOATS, call->diagnostics->arena, ret_value, &why);
	if (r > 0)
		r = refuse_text(call, 0, "JSON", &why);
	bytes_deinit(&why);
	return r;
}

static int run_from_yaml(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);
	struct config_text text;
	int r = config_call_text(call, 0, &text);

	if (r != 0)
		return r;
	r = config_yaml_read(text, call->diagnostics->arena, ret_value, &why);
	if (r > 0)
		r = refuse_text(call, 0, "YAML", &why);
	bytes_deinit(&why);
	return r;
}

static int run_to_json(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes out = BYTES_INIT(call->diagnostics->arena->bytes_max);

	if (call->arguments[0].type != CONFIG_OBJECT)
		return config_call_refuse(call, 0, "an object");
	if (config_json_write(&call->arguments[0], &out) != 0) {
		bytes_deinit(&out);
		return config_call_refuse(call, 0, "one without secrets and functions");
	}
	return config_call_give(call, &out, ret_value);
}

static int run_json_path(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);
	struct config_text text, path;
	struct config_value json;
	int r = config_call_text(call, 0, &text);

	if (r == 0)
		r = config_call_text(call, 1, &path);
	if (r != 0)
		return r;
	r = config_json_read(text, CONFIG_JSON_WHOLES, call->diagnostics->arena, &json, &why);
	if (r > 0)
		r = refuse_text(call, 0, "JSON", &why);
	if (r == 0) {
		r = config_json_path(&json, path, call->diagnostics->arena, ret_value, &why);
		if (r > 0)
			r = refuse_text(call, 1, "a JSONPath", &why);
	}
	bytes_deinit(&why);
	return r;
}

const struct config_function config_data_functions[] = {
	{"encoding.from_json", "json_decode", 1, 1, "encoding.from_json(string)", run_from_json},
	{"encoding.from_yaml", "yaml_decode", 1, 1, "encoding.from_yaml(string)", run_from_yaml},
	{"encoding.to_json", NULL, 1, 1, "encoding.to_json(object)", run_to_json},
	{"json_path", NULL, 2, 2, "json_path(json, path)", run_json_path},
};

const size_t config_n_data_functions =
	sizeof(config_data_functions) / sizeof(config_data_functions[0]);
