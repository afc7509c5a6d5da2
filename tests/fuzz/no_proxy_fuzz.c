/* A line with a URL, the rest a list for no_proxy: neither may read past its end. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	struct http_url url;
	char *text, *list;

	if (!end)
		return 0;
	text = strndup((const char *)data, (size_t)(end - data));
	list = strndup((const char *)end + 1, size - (size_t)(end + 1 - data));
	if (text && list && http_url_parse(text, &url) == 0) {
		(void)http_no_proxy_matches(list, &url);
		assert(http_url_is_same_place(&url, &url));
		http_url_deinit(&url);
	}
	if (text)
		(void)http_url_fault((struct config_text){text, strlen(text)});
	free(text);
	free(list);
	return 0;
}
