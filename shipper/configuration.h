#pragma once
/*
 * What a configuration file says, evaluated: the settings and targets for the collector, and where
 * profiles go. Immutable once loaded; on reload a new one replaces it whole.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "log/log.h"
#include "wire/wire.h"

#define CONFIGURATION_ENDPOINTS_MAX 32u /* of all blocks together */

struct configuration_header {
	char *name;
	char *value;
};

/* One `endpoint` block of one `pyroscope.write` that a `pyroscope.ebpf` forwards to. */
struct endpoint_configuration {
	char *url;  /* http://, https:// without trailing slashes, or file:///absolute/directory */
	char *name; /* may be "" */
	uint32_t remote_timeout_ms;
	uint32_t min_backoff_ms;
	uint32_t max_backoff_ms;
	uint32_t max_backoff_retries; /* 0: for ever */
	size_t n_headers;
	struct configuration_header *headers;
	size_t n_external_labels;
	struct configuration_header *external_labels; /* of the pyroscope.write block */
};

struct configuration {
	struct wire_settings settings;
	size_t n_targets;
	struct wire_target_rule *targets; /* key and labels point into owned memory */
	size_t n_endpoints;
	struct endpoint_configuration *endpoints;
	enum log_level log_level; /* of the logging block */
	void *memory;             /* owned: everything above */
};

/* The text that is used when no file is named. */
extern const char configuration_default_text[];

/*
 * Loads @path, or configuration_default_text when it is NULL.
 *   @ret_configuration  set on 0 only; owned, freed with configuration_free()
 *   @messages  one line each error or warning: "file:line:column: what, what would be right",
 *              followed by the source line and a caret. Warnings may be there on 0, too.
 * Returns 0, a negative errno (the file cannot be read), or CONFIGURATION_INVALID.
 */
enum configuration_outcome { CONFIGURATION_INVALID = 1 };

int configuration_load(const char *path, struct configuration **ret_configuration,
		       struct bytes *messages) warn_unused_result;

void configuration_free(struct configuration *configuration); /* NULL is fine */
