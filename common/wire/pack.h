#pragma once
/* Appends msgpack to a buffer, which keeps the first error for whoever asks. Internal to wire/. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/wire.h"

/* Begins a frame: the array of @id and the @n_fields that follow. */
void pack_head(struct bytes *out, enum message_id id, size_t n_fields);

void pack_array(struct bytes *out, size_t n_elements);
void pack_uint(struct bytes *out, uint64_t value);
void pack_bool(struct bytes *out, bool value);
void pack_nil(struct bytes *out);
void pack_bytes(struct bytes *out, struct wire_bytes bytes);
