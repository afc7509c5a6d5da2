#pragma once
/* What the tests of the language share: a text with its arena, and values written as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "config/evaluator.h"
#include "config/parser.h"

struct config_case {
	struct config_arena arena;
	struct config_source source;
	struct config_diagnostics diagnostics;
	struct bytes out; /* what was printed last, with a NUL */
};

static inline void case_open(struct config_case *c, const char *text, size_t n_bytes)
{
	*c = (struct config_case){
		.arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX),
		.source = {"t", {text, n_bytes}},
		.out = BYTES_INIT(1 << 20),
	};
	c->diagnostics.arena = &c->arena;
	c->diagnostics.source = &c->source;
}

static inline void case_close(struct config_case *c)
{
	config_arena_deinit(&c->arena);
	bytes_deinit(&c->out);
}

/* The diagnostics as the user sees them. */
static inline const char *case_messages(struct config_case *c)
{
	bytes_clear(&c->out);
	config_diagnostics_write(&c->diagnostics, &c->out);
	bytes_append(&c->out, "", 1);
	return (const char *)c->out.data;
}

static inline void print_value(struct bytes *out, const struct config_value *value)
{
	switch (value->type) {
	case CONFIG_NULL:
		bytes_printf(out, "null");
		break;
	case CONFIG_BOOL:
		bytes_printf(out, "%s", value->boolean ? "true" : "false");
		break;
	case CONFIG_NUMBER:
		if (value->number.kind == CONFIG_FLOAT)
			bytes_printf(out, "%gf", value->number.f);
		else if (value->number.kind == CONFIG_UINT)
			bytes_printf(out, "%lluu", (unsigned long long)value->number.u);
		else
			bytes_printf(out, "%lld", (long long)value->number.i);
		break;
	case CONFIG_STRING:
		bytes_printf(out, "\"%s\"", value->text.data);
		break;
	case CONFIG_SECRET:
		bytes_printf(out, "secret");
		break;
	case CONFIG_ARRAY:
		bytes_printf(out, "[");
		for (size_t i = 0; i < value->array.n_items; i++) {
			bytes_printf(out, "%s", i ? " " : "");
			print_value(out, &value->array.items[i]);
		}
		bytes_printf(out, "]");
		break;
	case CONFIG_OBJECT:
		bytes_printf(out, "{");
		for (size_t i = 0; i < value->object.n_fields; i++) {
			bytes_printf(out, "%s%s=", i ? " " : "", value->object.fields[i].key.data);
			print_value(out, &value->object.fields[i].value);
		}
		bytes_printf(out, "}");
		break;
	case CONFIG_FUNCTION:
		bytes_printf(out, "function");
		break;
	case CONFIG_CAPSULE:
		bytes_printf(out, "capsule");
		break;
	}
}

/* The value of the text, or the first line of its diagnostics without the file's name. */
static inline const char *case_evaluate(struct config_case *c, const struct config_scope *scope)
{
	struct config_evaluator evaluator = {.diagnostics = &c->diagnostics};
	const struct config_expression *expression;
	struct config_value value;
	int r = config_parse_expression(&c->source, &c->diagnostics, &expression);

	if (scope)
		evaluator.scope = *scope;
	if (r == 0)
		r = config_evaluate(&evaluator, expression, &value);
	if (r < 0)
		return "no memory";
	if (r > 0) {
		const char *messages = case_messages(c);

		*strchrnul(messages, '\n') = '\0';
		return messages + 2;
	}
	bytes_clear(&c->out);
	print_value(&c->out, &value);
	bytes_append(&c->out, "", 1);
	return (const char *)c->out.data;
}

struct value_row {
	const char *text;
	const char *value; /* as print_value() writes it, or the start of the message */
};

static inline void check_values(const struct value_row *rows, size_t n_rows,
				const struct config_scope *scope)
{
	struct config_case c;

	for (size_t i = 0; i < n_rows; i++) {
		const char *value;

		case_open(&c, rows[i].text, strlen(rows[i].text));
		value = case_evaluate(&c, scope);
		if (strncmp(value, rows[i].value, strlen(rows[i].value)) != 0 ||
		    (value[strlen(rows[i].value)] != '\0' && c.diagnostics.n_errors == 0))
			fail_msg("%s gives %s, not %s", rows[i].text, value, rows[i].value);
		case_close(&c);
	}
}

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
