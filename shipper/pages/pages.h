#pragma once
/*
 * The HTTP server: a few pages, rendered when asked for, in the caller's event loop. Bounded in
 * connections, in memory a connection and in time; answers GET and HEAD, and POST where a page does
 * something, whose body is passed over. A
 * connection is for one request, and closed after ten seconds whatever came of it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define PAGE_BYTES_MAX (4u << 20)
#define PAGES_NO_TIME  UINT64_MAX

struct page {
	const char *path;
	const char *content_type;
	/* Appends the page to @out (bounded by PAGE_BYTES_MAX); returns the HTTP status. */
	unsigned (*render)(void *context, struct bytes *out);
	bool acts; /* rendering it does something: for GET and POST, not for HEAD */
	/* The same for a path below this one: @below is what follows the slash behind @path, not
	 * empty. NULL: there is nothing below. */
	unsigned (*render_below)(void *context, const char *below, struct bytes *out);
};

struct pages;

/*
 * Listens on @address, "HOST:PORT" with a numeric host ("[::1]:80" for IPv6).
 *   @table     borrowed until pages_free()
 *   @ret_pages set on 0 only; owned, pages_free()
 * Returns 0, -EINVAL when @address is none, or another negative errno (-EADDRINUSE).
 */
int pages_open(const char *address, const struct page *table, size_t n_pages, void *context,
	       struct pages **ret_pages) warn_unused_result;

void pages_free(struct pages *pages); /* NULL is fine */

/* Appends how long the pages took to make. */
void pages_print_metrics(const struct pages *pages, struct bytes *out);

int pages_fd(const struct pages *pages);

uint64_t pages_deadline_ns(const struct pages *pages, uint64_t now_ns);

void pages_run(struct pages *pages, uint64_t now_ns);
