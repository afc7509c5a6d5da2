#pragma once
/*
 * What a server of the Connect protocol says when it refuses: a JSON object with a code and a
 * message, under the status that goes with the code. Bodies of proxies and portals on the way may
 * look similar, so a code counts only under a status that is its own.
 */
#include <stdbool.h>
#include <stddef.h>

#define CONNECT_MESSAGE_BYTES 256u

enum connect_code {
	CONNECT_CANCELED,
	CONNECT_UNKNOWN,
	CONNECT_INVALID_ARGUMENT,
	CONNECT_DEADLINE_EXCEEDED,
	CONNECT_NOT_FOUND,
	CONNECT_ALREADY_EXISTS,
	CONNECT_PERMISSION_DENIED,
	CONNECT_RESOURCE_EXHAUSTED,
	CONNECT_FAILED_PRECONDITION,
	CONNECT_ABORTED,
	CONNECT_OUT_OF_RANGE,
	CONNECT_UNIMPLEMENTED,
	CONNECT_INTERNAL,
	CONNECT_UNAVAILABLE,
	CONNECT_DATA_LOSS,
	CONNECT_UNAUTHENTICATED,
	N_CONNECT_CODES,
};

/* "invalid_argument". Static. */
const char *connect_code_name(enum connect_code code);

struct connect_error {
	enum connect_code code;
	char message[CONNECT_MESSAGE_BYTES]; /* cut; foreign bytes */
};

/* Whether @text is such an error, and one that goes with @status; @ret_error is set if so. */
bool connect_error_read(const char *text, size_t n_bytes, long status,
			struct connect_error *ret_error);
