#pragma once
/*
 * What an expression is worth, and the conversions that the language makes by itself.
 * Values are immutable; what they point to lives in the arena of the configuration.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "config/arena.h"
#include "config/source.h"

enum config_type {
	CONFIG_NULL,
	CONFIG_BOOL,
	CONFIG_NUMBER,
	CONFIG_STRING,
	CONFIG_SECRET, /* a text that is never printed */
	CONFIG_ARRAY,
	CONFIG_OBJECT,
	CONFIG_FUNCTION,
	CONFIG_CAPSULE, /* something of a component that only components look into */
};

enum config_number_kind {
	CONFIG_INT,  /* fits 64 signed bits */
	CONFIG_UINT, /* fits 64 unsigned bits only */
	CONFIG_FLOAT,
};

struct config_number {
	enum config_number_kind kind;
	union {
		int64_t i;
		uint64_t u;
		double f;
	};
};

struct config_value;
struct config_field;
struct config_function;

struct config_array {
	const struct config_value *items;
	size_t n_items;
};

struct config_object {
	const struct config_field *fields; /* sorted by key, no two alike */
	size_t n_fields;
};

struct config_capsule {
	const char *kind; /* for messages and comparison by address: "profiles receiver" */
	const void *data;
};

struct config_value {
	enum config_type type;
	union {
		bool boolean;
		struct config_number number;
		struct config_text text; /* of CONFIG_STRING and CONFIG_SECRET */
		struct config_array array;
		struct config_object object;
		const struct config_function *function;
		struct config_capsule capsule;
	};
};

struct config_field {
	struct config_text key;
	struct config_value value;
	uint32_t rank; /* config_object_make() keeps here where it stood */
};

/* "a string", "an array", …: the type as it reads in a message; a capsule gives its kind. */
const char *config_value_describe(const struct config_value *value);

/* Different types are unequal, numbers compare by value: 3 == 3.0. */
bool config_value_equals(const struct config_value *a, const struct config_value *b);

/* null, false, 0, "", an empty array or object: what coalesce() passes over. */
bool config_value_is_zero(const struct config_value *value);

/* Returns the field's value, borrowed from @object, or NULL. */
const struct config_value *config_object_find(const struct config_object *object,
					      struct config_text key);

/*
 * Makes an object of @n_fields fields in any order, sorting them in place (borrowed by the object).
 * Of equal keys the last one stays. Returns it.
 */
struct config_object config_object_make(struct config_field *fields, size_t n_fields);

/*
 * Text of a string, or of a number or bool as the language writes it. null is "". Not of a secret.
 * Returns 0, a negative error of the arena, or CONFIG_REFUSED for any other type.
 */
int config_value_to_text(struct config_arena *arena, const struct config_value *value,
			 struct config_text *ret_text) warn_unused_result;

/*
 * The number of a number, or of a string that reads as one: with `.`, `e` or `E` a float, with a
 * leading `-` signed, else unsigned. null is 0. Returns 0 or CONFIG_REFUSED.
 */
int config_value_to_number(const struct config_value *value,
			   struct config_number *ret_number) warn_unused_result;

/* The whole number of @number. Returns 0, or CONFIG_REFUSED when it has a fraction or is not in
 * 64 signed bits. */
int config_number_to_int(struct config_number number, int64_t *ret_int) warn_unused_result;

double config_number_to_float(struct config_number number);
int config_number_compare(struct config_number a, struct config_number b); /* NaN is below all */

/* Reads decimal digits, all of @text. 0, or CONFIG_REFUSED: none, foreign, or over 64 bits. */
int config_parse_uint(struct config_text text, uint64_t *ret_uint) warn_unused_result;

/*
 * Reads a duration in Go's form: an optional sign, then decimal numbers with units ("1h30m",
 * "1.5s"); "0" needs no unit. Returns 0, or CONFIG_REFUSED when it is none or passes 64 bits of ns.
 */
int config_parse_duration(struct config_text text, int64_t *ret_ns) warn_unused_result;
