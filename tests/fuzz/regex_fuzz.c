/*
 * Any text as an expression, and any as what it is matched with: the input is cut at its first
 * newline. An expression that RE2's parser took must be one for PCRE2, too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/regex.h"

#define STEPS_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_groups(const struct regex_groups *groups, struct config_text subject)
{
	for (size_t i = 0; i < groups->n_texts; i++) {
		const struct config_text *text = &groups->texts[i];

		if (text->n_bytes > 0 &&
		    (text->data < subject.data ||
		     text->data + text->n_bytes > subject.data + subject.n_bytes))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t n = newline ? (size_t)(newline - data) : size;
	struct config_text text = {(const char *)data, n};
	struct config_text subject = {newline ? (const char *)newline + 1 : "",
				      newline ? size - n - 1 : 0};
	struct bytes expanded = BYTES_INIT(1 << 20);
	struct regex_engine *engine;
	struct regex_groups groups;
	struct regex_fault fault = {""};
	struct regex *regex;
	int r;

	if (regex_engine_new(STEPS_MAX, &engine) < 0)
		return 0;
	r = regex_compile(engine, text, &regex, &fault);
	if (r > 0 &&
	    (strncmp(fault.message, "found ", 6) != 0 || !strstr(fault.message, ", expected ")))
		abort();
	if (r == 0)
		r = regex_match(engine, regex, subject, &groups);
	if (r == 0) {
		check_groups(&groups, subject);
		regex_expand(regex, &groups, subject, &expanded);
	}
	bytes_deinit(&expanded);
	regex_engine_free(engine);
	return 0;
}
