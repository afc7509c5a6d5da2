#include "http/http_content.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
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

static uint64_t stamp_file(uint64_t stamp, const char *path)
{
	struct stat st;

	if (!path)
		return stamp;
	if (stat(path, &st) != 0)
		return hash_word(stamp, (uint64_t)errno);
	stamp = hash_word(hash_word(stamp, st.st_ino), (uint64_t)st.st_size);
	stamp = hash_word(hash_word(stamp, (uint64_t)st.st_mtim.tv_sec),
			  (uint64_t)st.st_mtim.tv_nsec);
	return hash_word(hash_word(stamp, (uint64_t)st.st_ctim.tv_sec),
			 (uint64_t)st.st_ctim.tv_nsec);
}

uint64_t http_files_stamp(const struct http_options *options)
{
	const char *const paths[] = {
		options->secret.path,
		options->tls.ca.path,
		options->tls.certificate.path,
		options->tls.key.path,
		options->oauth2.client_secret.path,
		options->oauth2.tls.ca.path,
		options->oauth2.tls.certificate.path,
		options->oauth2.tls.key.path,
	};
	uint64_t stamp = 0;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		stamp = stamp_file(stamp, paths[i]);
	return stamp;
}

void http_secret_freep(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}
