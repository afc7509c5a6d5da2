#pragma once
/*
 * What a mangled name says: C++ (Itanium ABI) and Rust (legacy, v0). Everything else, D, Swift and
 * Go among it, is no mangled name here.
 *
 *   simplified  foo::Bar::push: no parameters, no template arguments, no clone suffix
 *   templates   foo::Bar<int>::push
 *   full        void foo::Bar<int>::push(int const&)
 *
 * Work, memory, depth and output are bounded by numbers, whatever the name is; a name over a bound
 * stays as it is. Never allocates once made; one thread at a time.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/wire.h"

#define DEMANGLE_BYTES_MAX 32768u /* of a mangled name; a longer one stays as it is */

struct demangler; /* room for one name at a time, 1 MiB that is only touched as far as needed */

/* Returns 0 or -ENOMEM. *@ret_demangler is owned, and demangles by @mode. */
int demangler_new(enum demangle_mode mode, struct demangler **ret_demangler) warn_unused_result;

/* Bounds the work for all names from now on; a name is at most some hundred thousand steps. */
void demangler_set_steps(struct demangler *demangler, uint64_t n_steps);

/*
 * Writes what @name is to @out, without a NUL. Returns the number of bytes, 0 when it is no mangled
 * name, the mode is DEMANGLE_NONE, a bound was reached, or it is more than @bytes_max: then @name
 * itself is what can be shown.
 */
size_t demangle(struct demangler *demangler, struct wire_bytes name, char *out, size_t bytes_max);

/* The mode that @word is. Returns 0 or -EINVAL. */
int demangle_mode_parse(const char *word, enum demangle_mode *ret_mode) warn_unused_result;

void demangler_free(struct demangler *demangler); /* NULL is fine */

static inline void demangler_freep(struct demangler **demangler)
{
	demangler_free(*demangler);
}
