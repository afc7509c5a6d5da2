#pragma once
/* What is written in the configuration, or in a file that may change: tokens, certificates. */
#include <stdint.h>

#include "base/bytes.h"
#include "http/http_options.h"

#define HTTP_CONTENT_BYTES_MAX (1u << 20)

/*
 * Appends @content: its text, or what its file has now; nothing when neither is set. Returns 0 or a
 * negative errno, as file_text_read() does.
 */
int http_content_read(const struct http_content *content, struct bytes *out) warn_unused_result;

/*
 * The same as one text: a file without the blanks and line ends around it.
 *   @ret_text  set on 0 only; owned, zeroed and freed by http_secret_freep(); "" when it is not set
 */
int http_secret_read(const struct http_content *content, char **ret_text) warn_unused_result;

/*
 * A number that changes when one of the files of @options is written, replaced, made or removed;
 * 0 where none is named. It costs a system call a file.
 */
uint64_t http_files_stamp(const struct http_options *options);

/* Leaves no copy behind: with cleanup_with(), or by hand. */
void http_secret_freep(char **text);
