#include "failing_memory.h"

#include <stdlib.h>

/* The linker's names for what is wrapped and for what it is wrapped in. */
void *__real_malloc(size_t n_bytes);
void *__real_calloc(size_t n, size_t n_bytes);
void *__real_realloc(void *at, size_t n_bytes);
void *__wrap_malloc(size_t n_bytes);
void *__wrap_calloc(size_t n, size_t n_bytes);
void *__wrap_realloc(void *at, size_t n_bytes);

static bool is_begun, is_for_good, has_failed;
static size_t n_left;

void failing_memory_begin(size_t n, bool for_good)
{
	is_begun = true;
	is_for_good = for_good;
	has_failed = false;
	n_left = n;
}

bool failing_memory_end(void)
{
	is_begun = false;
	return has_failed;
}

static bool fails_now(void)
{
	if (!is_begun || (has_failed && !is_for_good))
		return false;
	if (n_left > 0) {
		n_left--;
		return false;
	}
	has_failed = true;
	return true;
}

void *__wrap_malloc(size_t n_bytes)
{
	return fails_now() ? NULL : __real_malloc(n_bytes);
}

void *__wrap_calloc(size_t n, size_t n_bytes)
{
	return fails_now() ? NULL : __real_calloc(n, n_bytes);
}

void *__wrap_realloc(void *at, size_t n_bytes)
{
	return fails_now() ? NULL : __real_realloc(at, n_bytes);
}

void *plenty_calloc(size_t n_bytes)
{
	void *at = __real_calloc(1, n_bytes);

	if (!at)
		abort();
	return at;
}
