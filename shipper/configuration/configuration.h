#pragma once
/*
 * What a configuration file says, evaluated: the settings and targets for the collector, and where
 * profiles go. Immutable once loaded; on reload a new one replaces it whole.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/value.h"
#include "log/log.h"
#include "configuration/target_labels.h"
#include "wire/wire.h"

#define CONFIGURATION_ENDPOINTS_MAX 32u /* of all blocks together */

struct http_options;

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
	const char *component_id;                     /* of that block */
	uint64_t fingerprint; /* of all arguments of its pyroscope.write: equal, and nothing changed
			       */
	const struct http_options *http; /* secrets in it */
};

struct config_graph;
struct configuration_text;
struct source_class;

/* A component that runs, and publishes what others refer to: discovery/source.h. */
struct source_configuration {
	const char *id; /* "discovery.docker.linux" */
	const struct source_class *class;
	const void *arguments;       /* of the class's own type */
	uint64_t fingerprint;        /* of all arguments: equal, and what runs goes on */
	struct config_arena *memory; /* owned: all of the above; NULL: somebody took it */
};

void source_configuration_deinit(struct source_configuration *source);

#define CONFIGURATION_AILMENT_BYTES 512u

/* A component that works, but not as it should. */
struct configuration_ailment {
	const char *id;
	const char *message;
	const struct configuration_ailment *next;
};

/* What was left out of targets that components published, so that the others stay. */
struct configuration_losses {
	uint64_t n_labels[N_LABEL_FLAWS];
	uint64_t n_crowded; /* targets with more labels than servers usually take; they stay */
	uint64_t n_targets; /* passed over as a whole */
	uint64_t hash;      /* of all of it: the same, and nothing is news */
	const char *component_id; /* where the first of it was; NULL: there is none */
	const char *first;        /* what it was, for people; foreign bytes in it */
};

struct configuration {
	struct wire_settings settings;
	/* One a pyroscope.ebpf, in the order of the graph; one without targets when there is none.
	 */
	size_t n_jobs;
	struct wire_job *jobs; /* what they point to is in owned memory */
	const char **job_ids;  /* of their components; NULL of the one that stands for none */
	size_t n_targets;      /* of all jobs */
	size_t n_endpoints;
	struct endpoint_configuration *endpoints;
	size_t n_sources;
	struct source_configuration *sources;
	size_t n_components; /* of all that run or take part, for their health */
	const char **component_ids;
	const struct configuration_ailment *ailments;
	struct configuration_losses losses;
	enum log_level log_level; /* of the logging block */
	enum log_format log_format;
	void *memory; /* owned: everything above but the memory of sources */
};

/* What an evaluation may ask about the world and tell it. A NULL member is not asked. */
struct configuration_world {
	/* What stands for the export of @source: sources_published(). */
	const struct config_value *(*published)(const void *context,
						const struct source_configuration *source);
	/* Component @id was refused for @message. Told whatever comes of the whole. */
	void (*refused)(void *context, const char *id, const char *message);
	/* The components (borrowed for the call), with what they are worth: unless something was
	 * refused, or of all the same with is_lenient, as far as they are worth something. */
	void (*evaluated)(void *context, const struct config_graph *graph);
	void *context;
	bool is_lenient;
	bool is_running; /* a file that cannot be read now is an error, not only a warning */
};

enum configuration_outcome { CONFIGURATION_INVALID = 1 };

/*
 * Evaluates @text (borrowed for the call). That has no effect on anything: it can be done again
 * whenever something in @world (borrowed for the call) has changed.
 *   @ret_configuration  set on 0 only; owned, freed with configuration_free()
 *   @messages  one line each error or warning: "file:line:column: what, what would be right",
 *              followed by the source line and a caret. Warnings may be there on 0, too.
 * Returns 0, a negative errno (no memory), or CONFIGURATION_INVALID.
 */
int configuration_evaluate(const struct configuration_text *text,
			   const struct configuration_world *world,
			   struct configuration **ret_configuration,
			   struct bytes *messages) warn_unused_result;

/* Reads (configuration_text.h) and evaluates. NULL for @world: one that nobody asks. */
int configuration_load(const char *path, const struct configuration_world *world,
		       struct configuration **ret_configuration,
		       struct bytes *messages) warn_unused_result;

void configuration_free(struct configuration *configuration); /* NULL is fine */
