#pragma once
/* Rust's two manglings; see demangle.h. Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

struct rust_output {
	char *text;
	size_t bytes_max;
	uint32_t n_steps; /* how much work it was, set on return */
};

/*
 * Writes what the v0 name @name (with its _R) is to @out; without generic arguments unless
 * @has_arguments. Returns the number of bytes, or 0 when it is none or a bound was reached.
 */
size_t demangle_rust_v0(struct wire_bytes name, bool has_arguments, struct rust_output *out);

/* The same for a legacy name: _ZN … 17h<hash>E, whose hash is left out. */
size_t demangle_rust_legacy(struct wire_bytes name, struct rust_output *out);
