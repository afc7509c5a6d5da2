#pragma once
/*
 * The text of a configuration as it was when it was read, so that it can be evaluated again and
 * again whatever becomes of its files: one file, or all *.alloy files of a directory, in the order
 * of their names, as one.
 */
#include "base/bytes.h"
#include "config/source.h"

#define CONFIGURATION_FILES_MAX 1024u

struct configuration_text; /* opaque */

/* The text that is used when no file is named. */
extern const char configuration_default_text[];

/*
 * Reads @path, or takes configuration_default_text when it is NULL. What is longer than any
 * configuration may be is cut behind that bound, for the evaluation to refuse.
 *   @ret_text  set on 0 only; owned, configuration_text_free()
 *   @why       which file cannot be read, for people: appended to on an error
 * Returns 0 or a negative errno: -ENOENT also for a directory without such files.
 */
int configuration_read(const char *path, struct configuration_text **ret_text,
		       struct bytes *why) warn_unused_result;

void configuration_text_free(struct configuration_text *text); /* NULL is fine */

static inline void configuration_text_freep(struct configuration_text **text)
{
	configuration_text_free(*text);
}

/* For the lexer; borrowed from @text. */
struct config_source configuration_text_source(const struct configuration_text *text);
