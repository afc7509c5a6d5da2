#include "discovery/docker_version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 4u
#define DIGITS     "0123456789"

struct version {
	unsigned major;
	unsigned minor;
};

/* One number, of a few digits; returns how many, 0 when that is not so. */
static size_t read_number(const char *text, unsigned *ret_number)
{
	size_t n = strspn(text, DIGITS);

	*ret_number = 0;
	if (n > DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		*ret_number = *ret_number * 10 + (unsigned)(text[i] - '0');
	return n;
}

static bool read_version(const char *text, struct version *ret_version)
{
	size_t n = read_number(text, &ret_version->major);

	if (n == 0 || text[n] != '.')
		return false;
	text += n + 1;
	n = read_number(text, &ret_version->minor);
	return n > 0 && text[n] == '\0';
}

int docker_version_choose(const char *theirs, char ret_version[static DOCKER_VERSION_BYTES])
{
	struct version their, own;
	bool is_lower;

	if (!read_version(theirs, &their) || !read_version(DOCKER_VERSION_OWN, &own))
		return DOCKER_VERSION_MALFORMED;
	is_lower = their.major != own.major ? their.major < own.major : their.minor < own.minor;
	if (!is_lower)
		their = own;
	(void)snprintf(ret_version, DOCKER_VERSION_BYTES, "%u.%u", their.major, their.minor);
	return 0;
}
