#pragma once
/*
 * Names of users by their numbers, out of a file like /etc/passwd: of the machine or image that the
 * shipper runs in, whatever a container that a process is in calls them.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/source.h"

#define USER_NAMES_PATH      "/etc/passwd"
#define USER_NAMES_BYTES_MAX (1u << 20)

struct user_name {
	uint32_t uid;
	struct config_text name;
};

/* A zeroed one knows nobody. */
struct user_names {
	struct bytes text;       /* of the file; names lie in it */
	struct user_name *names; /* owned; by uid */
	size_t n;
};

/* Reads the file at @path. Lines that are none are passed over; of two names the first counts, as
 * for everybody else. Returns 0 or a negative errno; owned: user_names_deinit(). */
int user_names_read(const char *path, struct user_names *ret_names) warn_unused_result;

/* Returns the name, borrowed from @names, or NULL. */
const struct user_name *user_names_find(const struct user_names *names, uint32_t uid);

void user_names_deinit(struct user_names *names);
