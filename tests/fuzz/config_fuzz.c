/* Any text as a configuration: lexed, parsed, its expressions evaluated, its errors written. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/decoder.h"
#include "config/graph.h"
#include "config/parser.h"

#define MESSAGES_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Evaluates components in order, each exporting what its attribute `out` is worth. */
static int evaluate(const struct config_body *body, struct config_evaluator *evaluator)
{
	struct config_graph graph;
	int r = config_graph_build(body, evaluator->diagnostics, &graph);

	if (r < 0)
		return r;
	evaluator->scope = config_graph_scope(&graph);
	for (size_t i = 0; i < graph.n_components; i++) {
		struct config_component *component = graph.order[i];
		const struct config_attribute *out = component->block->body.attributes;
		struct config_value value;

		r = config_evaluate_body(evaluator, &component->block->body);
		if (r < 0)
			return r;
		if (component->state == CONFIG_COMPONENT_BROKEN || !out)
			continue;
		r = config_evaluate(evaluator, out->value, &value);
		if (r < 0)
			return r;
		if (r == 0 && value.type == CONFIG_OBJECT) {
			component->exports = value.object;
			component->state = CONFIG_COMPONENT_READY;
		}
	}
	return 0;
}

/* A record separator, which stands in no text, ends a file where one more follows. */
static size_t split(const uint8_t *data, size_t size, struct config_file files[2])
{
	const uint8_t *at = size > 0 ? memchr(data, 0x1e, size) : NULL;

	files[0] = (struct config_file){"first", 0};
	files[1] = (struct config_file){"second", at ? (uint32_t)(at - data) + 1 : 0};
	return at ? 2 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_file files[2];
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_source source = {.name = "fuzz", .text = {(const char *)data, size}};
	struct config_diagnostics diagnostics = {.arena = &arena, .source = &source};
	struct config_evaluator evaluator = {.diagnostics = &diagnostics};
	struct bytes messages = BYTES_INIT(MESSAGES_BYTES_MAX);
	struct config_body body;
	int parsed, r;

	source.files = files;
	source.n_files = split(data, size, files);
	r = parsed = config_parse(&source, &diagnostics, &body);
	evaluator.is_partial = r >= 0 && body.is_damaged;
	if (r >= 0)
		r = evaluate(&body, &evaluator);
	r = r == 0 ? parsed : r;
	config_diagnostics_write(&diagnostics, &messages);
	if ((r > 0) != (r != 0 && arena.error == 0) || (r > 0 && messages.n_bytes == 0))
		abort(); /* refused without a word, or a failed arena taken for bad input */
	bytes_deinit(&messages);
	config_arena_deinit(&arena);
	return 0;
}
