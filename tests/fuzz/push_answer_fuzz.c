/* Any bytes as a server's answer to a push: what it means, and what people read of it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "endpoints/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = {200, 307, 400, 401, 403, 404, 408, 409,
					412, 413, 422, 429, 499, 500, 501, 503};
	struct push_answer answer = {.transport = PUSH_ANSWERED,
				     .content_type = "application/json"};
	char text[128];

	if (size == 0)
		return 0;
	answer.status = statuses[data[0] % 16];
	answer.text = (const char *)data + 1;
	answer.n_text_bytes = size - 1;
	assert(verdict_of(&answer) < N_VERDICTS);
	push_answer_describe(&answer, text, sizeof(text));
	assert(strlen(text) < sizeof(text));
	return 0;
}
