#include "endpoints/connect_error.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The status of today's servers, and that of those before 2024 where it was another. */
static const struct {
	const char *name;
	long status;
	long old_status;
} codes[N_CONNECT_CODES] = {
	[CONNECT_CANCELED] = {"canceled", 499, 408},
	[CONNECT_UNKNOWN] = {"unknown", 500, 0},
	[CONNECT_INVALID_ARGUMENT] = {"invalid_argument", 400, 0},
	[CONNECT_DEADLINE_EXCEEDED] = {"deadline_exceeded", 504, 408},
	[CONNECT_NOT_FOUND] = {"not_found", 404, 0},
	[CONNECT_ALREADY_EXISTS] = {"already_exists", 409, 0},
	[CONNECT_PERMISSION_DENIED] = {"permission_denied", 403, 0},
	[CONNECT_RESOURCE_EXHAUSTED] = {"resource_exhausted", 429, 0},
	[CONNECT_FAILED_PRECONDITION] = {"failed_precondition", 400, 412},
	[CONNECT_ABORTED] = {"aborted", 409, 0},
	[CONNECT_OUT_OF_RANGE] = {"out_of_range", 400, 0},
	[CONNECT_UNIMPLEMENTED] = {"unimplemented", 501, 404},
	[CONNECT_INTERNAL] = {"internal", 500, 0},
	[CONNECT_UNAVAILABLE] = {"unavailable", 503, 0},
	[CONNECT_DATA_LOSS] = {"data_loss", 500, 0},
	[CONNECT_UNAUTHENTICATED] = {"unauthenticated", 401, 0},
};

const char *connect_code_name(enum connect_code code)
{
	return codes[code].name;
}

static bool find_code(const char *name, long status, enum connect_code *ret_code)
{
	for (unsigned i = 0; name && i < N_CONNECT_CODES; i++) {
		if (strcmp(codes[i].name, name) != 0)
			continue;
		*ret_code = (enum connect_code)i;
		return status == codes[i].status || status == codes[i].old_status;
	}
	return false;
}

bool connect_error_read(const char *text, size_t n_bytes, long status,
			struct connect_error *ret_error)
{
	json_t *object = n_bytes > 0 ? json_loadb(text, n_bytes, 0, NULL) : NULL;
	const char *code = json_string_value(json_object_get(object, "code"));
	const char *message = json_string_value(json_object_get(object, "message"));
	bool is_error = find_code(code, status, &ret_error->code);

	(void)snprintf(ret_error->message, sizeof(ret_error->message), "%s",
		       message ? message : "");
	json_decref(object);
	return is_error;
}
