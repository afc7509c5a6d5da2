#include "http_content.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "file_text.h"

int http_content_read(const struct http_content *content, struct bytes *out)
{
	if (content->text)
		bytes_append(out, content->text, strlen(content->text));
	else if (content->path)
		return file_text_read(content->path, out);
	return out->error;
}

int http_secret_read(const struct http_content *content, char **ret_text)
{
	struct bytes bytes = BYTES_INIT(HTTP_CONTENT_BYTES_MAX);
	int r = http_content_read(content, &bytes);
	size_t start = 0, end = bytes.n_bytes;

	if (!content->text && r == 0) {
		while (start < end && isspace(bytes.data[start]))
			start++;
		while (end > start && isspace(bytes.data[end - 1]))
			end--;
	}
	if (r == 0) {
		*ret_text =
			strndup(bytes.data ? (const char *)bytes.data + start : "", end - start);
		r = *ret_text ? 0 : -ENOMEM;
	}
	if (bytes.data)
		explicit_bzero(bytes.data, bytes.capacity_bytes);
	bytes_deinit(&bytes);
	return r;
}

void http_secret_freep(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}
