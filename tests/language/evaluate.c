/*
 * Reads expressions from standard input, each ended by a NUL, and writes a line for each: what it
 * is worth, or "error". judge/main.go does the same with the language's own implementation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config/evaluator.h"
#include "config/parser.h"

static void write_hex(struct config_text text)
{
	for (size_t i = 0; i < text.n_bytes; i++)
		(void)printf("%02x", (unsigned char)text.data[i]);
}

static void write_number(struct config_number number)
{
	uint64_t bits;

	memcpy(&bits, &number.f, sizeof(bits));
	if (number.kind == CONFIG_INT)
		(void)printf("i%lld", (long long)number.i);
	else if (number.kind == CONFIG_UINT)
		(void)printf("i%llu", (unsigned long long)number.u);
	else
		(void)printf("f%016llx", (unsigned long long)bits);
}

static void write_value(const struct config_value *value)
{
	switch (value->type) {
	case CONFIG_NULL:
		(void)printf("null");
		break;
	case CONFIG_BOOL:
		(void)printf("%s", value->boolean ? "true" : "false");
		break;
	case CONFIG_NUMBER:
		write_number(value->number);
		break;
	case CONFIG_STRING:
		(void)printf("s");
		write_hex(value->text);
		break;
	case CONFIG_ARRAY:
		(void)printf("[");
		for (size_t i = 0; i < value->array.n_items; i++) {
			write_value(&value->array.items[i]);
			(void)printf(",");
		}
		(void)printf("]");
		break;
	case CONFIG_OBJECT:
		(void)printf("{");
		for (size_t i = 0; i < value->object.n_fields; i++) {
			write_hex(value->object.fields[i].key);
			(void)printf(":");
			write_value(&value->object.fields[i].value);
			(void)printf(",");
		}
		(void)printf("}");
		break;
	case CONFIG_SECRET:
	case CONFIG_FUNCTION:
	case CONFIG_CAPSULE:
		(void)printf("(%s)", config_value_describe(value));
		break;
	}
}

static int parse_file(struct config_diagnostics *diagnostics)
{
	struct config_body body;
	int r = config_parse(diagnostics->source, diagnostics, &body);

	if (r == 0)
		(void)printf("ok");
	return r;
}

static int parse_and_evaluate(struct config_diagnostics *diagnostics)
{
	const struct config_evaluator evaluator = {.diagnostics = diagnostics};
	const struct config_expression *expression;
	struct config_value value;
	int r = config_parse_expression(diagnostics->source, diagnostics, &expression);

	if (r == 0)
		r = config_evaluate(&evaluator, expression, &value);
	if (r == 0)
		write_value(&value);
	return r;
}

static void judge(const char *text, size_t n_bytes, bool is_file)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	const struct config_source source = {.name = "expression", .text = {text, n_bytes}};
	struct config_diagnostics diagnostics = {.arena = &arena, .source = &source};
	struct bytes messages = BYTES_INIT(1 << 16);
	int r = is_file ? parse_file(&diagnostics) : parse_and_evaluate(&diagnostics);

	if (r != 0)
		(void)printf("error");
	if (r != 0 && getenv("WHY")) {
		config_diagnostics_write(&diagnostics, &messages);
		bytes_append(&messages, "", 1);
		if (messages.data)
			(void)printf(" %.*s", (int)strcspn((const char *)messages.data, "\n"),
				     (const char *)messages.data);
	}
	(void)printf("\n");
	bytes_deinit(&messages);
	config_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
	bool is_file = argc > 1 && strcmp(argv[1], "file") == 0;
	char *text = NULL;
	size_t capacity = 0;
	ssize_t n_bytes;

	while ((n_bytes = getdelim(&text, &capacity, '\0', stdin)) > 0)
		judge(text, (size_t)n_bytes - (text[n_bytes - 1] == '\0'), is_file);
	free(text);
	return 0;
}
