#pragma once
/* Bytes of the leased window's objects, asked of the collector. */
#include <stdbool.h>

#include "link/link.h"
#include "elf/object_image.h"

/* A client's state for one window. Begin each window with object_client_begin(). */
struct object_client {
	struct link_client *pool;  /* borrowed */
	struct link_answer answer; /* owned: the bytes last fetched */
	bool is_lease_lost;        /* the window is somebody else's: do not go on with it */
	bool is_silent;            /* the collector does not answer: ask no more for this window */
};

void object_client_begin(struct object_client *client);

/* An object_fetch_fn; @owner is the client. */
int object_client_fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
			struct wire_bytes *ret_bytes) warn_unused_result;

/* An object_open_fn; @owner is the client. */
int object_client_open(void *owner, const struct wire_object_open *ask,
		       struct wire_object *ret_sibling) warn_unused_result;

void object_client_deinit(struct object_client *client);
