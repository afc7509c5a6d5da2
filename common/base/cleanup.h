#pragma once
/*
 * Ownership that ends with its scope.
 *
 * cleanup_with(f) runs f(&variable) when the variable leaves its scope; take_ptr() and take_fd()
 * hand the value on and leave the variable empty, so the cleanup finds nothing to do.
 */
#include <stdlib.h>
#include <unistd.h>

#define cleanup_with(f)    __attribute__((cleanup(f)))
#define warn_unused_result __attribute__((__warn_unused_result__))

/* Evaluates its argument twice: an owning local variable, never an expression. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void free_freep(void *p)
{
	free(*(void **)p);
}

/* Closes *@fd when it is held and marks it as not held. */
static inline void close_fdp(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written through it: no error can matter */
	*fd = -1;
}
