#include "config/library.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HOSTNAME_BYTES_MAX 256

int config_call_refuse(const struct config_call *call, size_t i, const char *wanted)
{
	config_error(call->diagnostics, call->spans[i], "argument %zu is %s, %s needs %s here",
		     i + 1, config_value_describe(&call->arguments[i]), call->function->form,
		     wanted);
	return CONFIG_REFUSED;
}

int config_call_text(const struct config_call *call, size_t i, struct config_text *ret_text)
{
	int r;

	if (call->arguments[i].type != CONFIG_STRING && call->arguments[i].type != CONFIG_NUMBER &&
	    call->arguments[i].type != CONFIG_NULL)
		return config_call_refuse(call, i, "a string");
	r = config_value_to_text(call->diagnostics->arena, &call->arguments[i], ret_text);
	return r;
}

int config_call_give(const struct config_call *call, struct bytes *out,
		     struct config_value *ret_value)
{
	struct config_arena *arena = call->diagnostics->arena;
	size_t n_bytes = out->n_bytes;
	const char *copy = NULL;
	int r = out->error;

	if (r == 0)
		copy = config_arena_copy(arena, out->data, n_bytes);
	bytes_deinit(out);
	if (!copy) { /* what is too big for @out is as much too big for the arena */
		arena->error = r ? r : arena->error;
		return arena->error;
	}
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = {copy, n_bytes}};
	return 0;
}

static int run_env(const struct config_call *call, struct config_value *ret_value)
{
	struct config_text name;
	const char *value = NULL;
	char *copy;
	int r = config_call_text(call, 0, &name);

	if (r != 0)
		return r;
	if (strlen(name.data) == name.n_bytes)
		value = getenv(name.data);
	if (!value && name.n_bytes > 2 && name.data[0] == '<' && name.data[name.n_bytes - 1] == '>')
		config_warn(call->diagnostics, call->spans[0],
			    "no variable is called %s, the brackets are those of documentation; "
			    "did you mean sys.env(\"%.*s\")?",
			    name.data, (int)(name.n_bytes - 2), name.data + 1);
	value = value ? value : "";
	copy = config_arena_copy(call->diagnostics->arena, value, strlen(value));
	if (!copy)
		return call->diagnostics->arena->error;
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = {copy, strlen(copy)}};
	return 0;
}

static int run_coalesce(const struct config_call *call, struct config_value *ret_value)
{
	struct config_value value = {.type = CONFIG_NULL};

	for (size_t i = 0; i < call->n_arguments; i++) {
		value = call->arguments[i];
		if (!config_value_is_zero(&value))
			break;
	}
	*ret_value = value;
	return 0;
}

static int run_nonsensitive(const struct config_call *call, struct config_value *ret_value)
{
	struct config_value value = call->arguments[0];

	if (value.type != CONFIG_SECRET && value.type != CONFIG_STRING)
		return config_call_refuse(call, 0, "a secret");
	value.type = CONFIG_STRING;
	*ret_value = value;
	return 0;
}

static const struct config_function functions[] = {
	{"sys.env", "env", 1, 1, "sys.env(name)", run_env},
	{"coalesce", NULL, 0, CONFIG_ARGUMENTS_MAX, "coalesce(value, ...)", run_coalesce},
	{"convert.nonsensitive", "nonsensitive", 1, 1, "convert.nonsensitive(secret)",
	 run_nonsensitive},
};

static const size_t n_functions = sizeof(functions) / sizeof(functions[0]);

/* All of them, part by part. */
static const struct {
	const struct config_function *functions;
	const size_t *n;
} parts[] = {
	{functions, &n_functions},
	{config_string_functions, &config_n_string_functions},
	{config_array_functions, &config_n_array_functions},
	{config_encoding_functions, &config_n_encoding_functions},
	{config_data_functions, &config_n_data_functions},
};

static const struct config_function *function_at(size_t i)
{
	for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
		if (i < *parts[part].n)
			return &parts[part].functions[i];
		i -= *parts[part].n;
	}
	return NULL;
}

/* Do the first names of @path spell @dotted? Returns how many they are, or 0. */
static size_t names_spell(const struct config_path *path, const char *dotted)
{
	size_t n = 0;

	for (;;) {
		size_t n_bytes = strcspn(dotted, ".");

		if (n == path->n_names || path->names[n].n_bytes != n_bytes ||
		    memcmp(path->names[n].data, dotted, n_bytes) != 0)
			return 0;
		n++;
		if (dotted[n_bytes] == '\0')
			return n;
		dotted += n_bytes + 1;
	}
}

static struct config_value string_value(struct config_arena *arena, const char *text)
{
	char *copy = config_arena_copy(arena, text, strlen(text));

	if (!copy) /* the arena says so to whoever asks */
		return (struct config_value){.type = CONFIG_NULL};
	return (struct config_value){.type = CONFIG_STRING, .text = {copy, strlen(copy)}};
}

/* The object behind the name "constants", with the words that Go has for architectures. */
static bool make_constants(struct config_arena *arena, struct config_value *ret_value)
{
	struct config_field *fields = config_arena_array(arena, 3, sizeof(*fields));
	char hostname[HOSTNAME_BYTES_MAX + 1] = "";
	struct utsname machine = {.machine = ""};
	const char *arch = machine.machine;

	if (!fields)
		return false;
	(void)gethostname(hostname, HOSTNAME_BYTES_MAX); /* "" when it cannot be told */
	(void)uname(&machine);
	if (strcmp(machine.machine, "x86_64") == 0)
		arch = "amd64";
	else if (strcmp(machine.machine, "aarch64") == 0)
		arch = "arm64";
	fields[0].key = (struct config_text)CONFIG_TEXT("arch");
	fields[0].value = string_value(arena, arch);
	fields[1].key = (struct config_text)CONFIG_TEXT("hostname");
	fields[1].value = string_value(arena, hostname);
	fields[2].key = (struct config_text)CONFIG_TEXT("os");
	fields[2].value = string_value(arena, "linux");
	*ret_value = (struct config_value){.type = CONFIG_OBJECT,
					   .object = config_object_make(fields, 3)};
	return arena->error == 0;
}

bool config_library_find(struct config_arena *arena, const struct config_path *path,
			 size_t *ret_n_used, struct config_value *ret_value)
{
	const struct config_function *function;
	size_t n_used;

	if (names_spell(path, "constants") == 1) {
		*ret_n_used = 1;
		return make_constants(arena, ret_value);
	}
	for (size_t i = 0; (function = function_at(i)); i++) {
		n_used = names_spell(path, function->name);
		if (n_used == 0 && function->old_name)
			n_used = names_spell(path, function->old_name);
		if (n_used == 0)
			continue;
		*ret_n_used = n_used;
		*ret_value = (struct config_value){.type = CONFIG_FUNCTION, .function = function};
		return true;
	}
	return false;
}

void config_library_suggest(struct config_suggestion *suggestion)
{
	const struct config_function *function;

	config_suggestion_offer(suggestion, "constants");
	for (size_t i = 0; (function = function_at(i)); i++) {
		config_suggestion_offer(suggestion, function->name);
		if (function->old_name)
			config_suggestion_offer(suggestion, function->old_name);
	}
}

int config_call(const struct config_call *call, struct config_value *ret_value)
{
	const struct config_function *function = call->function;

	if (call->n_arguments < function->n_min || call->n_arguments > function->n_max) {
		config_error(call->diagnostics, call->span, "found %zu arguments, the form is %s",
			     call->n_arguments, function->form);
		return CONFIG_REFUSED;
	}
	return function->run(call, ret_value);
}
