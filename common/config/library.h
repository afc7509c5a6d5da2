#pragma once
/*
 * The standard library: functions and constants that every configuration can name, under the
 * dotted name (string.join) and, where there is one, the older (join).
 */
#include "base/bytes.h"
#include "config/diagnostics.h"
#include "config/evaluator.h"

#define CONFIG_ARGUMENTS_MAX 4096u /* of one call */

struct config_call {
	struct config_diagnostics *diagnostics;
	const struct config_function *function;
	struct config_span span; /* of the arguments with their brackets */
	const struct config_value *arguments;
	const struct config_span *spans; /* one for each argument */
	size_t n_arguments;
};

struct config_function {
	const char *name;
	const char *old_name; /* NULL when there is none */
	size_t n_min;
	size_t n_max;
	const char *form; /* "string.join(list, separator)", for messages */
	int (*run)(const struct config_call *call, struct config_value *ret_value);
};

/* Checks the number of arguments, then runs. Returns like config_evaluate(). */
int config_call(const struct config_call *call, struct config_value *ret_value) warn_unused_result;

/* Finds what the first names of @path stand for, and how many names that takes. */
bool config_library_find(struct config_arena *arena, const struct config_path *path,
			 size_t *ret_n_used, struct config_value *ret_value);

void config_library_suggest(struct config_suggestion *suggestion);

/* For functions: reports at argument @i what it should be. Returns CONFIG_REFUSED. */
int config_call_refuse(const struct config_call *call, size_t i, const char *wanted);

/* For functions: the text of argument @i, a number or null converted. Returns like
 * config_evaluate(). */
int config_call_text(const struct config_call *call, size_t i,
		     struct config_text *ret_text) warn_unused_result;

/* For functions: makes what was built in @out (consumed) the result. Like config_evaluate(). */
int config_call_give(const struct config_call *call, struct bytes *out,
		     struct config_value *ret_value) warn_unused_result;

/* The parts of the library, one a file. */
extern const struct config_function config_string_functions[];
extern const size_t config_n_string_functions;
extern const struct config_function config_array_functions[];
extern const size_t config_n_array_functions;
extern const struct config_function config_encoding_functions[];
extern const size_t config_n_encoding_functions;
extern const struct config_function config_data_functions[];
extern const size_t config_n_data_functions;

/* string.format(): in a file of its own. */
int config_run_format(const struct config_call *call,
		      struct config_value *ret_value) warn_unused_result;
