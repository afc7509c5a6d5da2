#pragma once
/*
 * What is wrong with a configuration, for people: every error and warning with its place.
 *
 * All are kept, in the order of the text; of several errors on one line the first that was found,
 * since the others mostly follow from it. Foreign bytes may stand in a message: control characters
 * are replaced when it is written out.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "config/arena.h"
#include "config/source.h"

#define CONFIG_DIAGNOSTICS_MAX 100u /* of each severity; how many more there were is said */

/* Said in the diagnostics; the caller goes on with what does not depend on it. */
enum config_outcome { CONFIG_REFUSED = 1 };

struct config_diagnostic;

struct config_diagnostics {
	struct config_arena *arena;         /* borrowed */
	const struct config_source *source; /* borrowed */
	struct config_diagnostic *last;     /* newest first */
	size_t n_errors;                    /* distinct lines, as long as they are kept */
	size_t n_warnings;
	size_t n_seen;        /* all, also those that were passed over */
	size_t n_suggestions; /* asked for by config_may_suggest() */
};

/* "what was found, what would be right": one sentence without a full stop. */
void config_error(struct config_diagnostics *diagnostics, struct config_span at, const char *format,
		  ...) __attribute__((format(printf, 3, 4)));
void config_warn(struct config_diagnostics *diagnostics, struct config_span at, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));

/* The message of the error or warning that was found last, in the arena; "" when none is kept. */
const char *config_diagnostics_last(const struct config_diagnostics *diagnostics);

/*
 * May the next message look for what could have been meant? That costs a walk over all names, so a
 * hostile text gets it a limited number of times.
 */
bool config_may_suggest(struct config_diagnostics *diagnostics);

/* Appends all of them to @out: "file:line:column: text", the source line, and a caret below. */
void config_diagnostics_write(const struct config_diagnostics *diagnostics, struct bytes *out);
