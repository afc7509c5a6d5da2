#pragma once
/*
 * The running sources: started, kept and stopped as configurations come, polled behind one fd, and
 * what each published last. One thread; times are arguments.
 */
#include <stdbool.h>
#include <stdint.h>

#include "discovery/source.h"
#include "health.h"

struct sources; /* opaque */

/*
 *   @environment  borrowed until sources_free()
 *   @health       borrowed until sources_free(); told how each source is
 *   @ret_sources  set on 0 only; owned, sources_free()
 * Returns 0 or a negative errno.
 */
int sources_new(const struct source_environment *environment, struct health *health,
		struct sources **ret_sources) warn_unused_result;

/* Stops all of them. NULL is fine. */
void sources_free(struct sources *sources);

/*
 * Stops what @configuration does not want, starts what is new in it, and what has other arguments
 * anew: that one's last publication stays until its successor has one. Takes the memory of those
 * that it starts out of @configuration. One that cannot be started is unhealthy and tried again.
 */
void sources_adopt(struct sources *sources, struct configuration *configuration, uint64_t now_ns);

/* An fd that polls readable when sources_run() has something to do; borrowed. */
int sources_fd(const struct sources *sources);

/* When sources_run() must be called at the latest, or SOURCE_NO_TIME. */
uint64_t sources_deadline_ns(const struct sources *sources);

void sources_run(struct sources *sources, uint64_t now_ns);

/* Was something published that differs from before, since this was last asked? */
bool sources_take_change(struct sources *sources);

/*
 * For an evaluation: what stands for the export of @source. Of a class with peek() that is what a
 * source with equal arguments published, of others also what its predecessor did.
 * Returns it, borrowed until the next run or adoption; or NULL.
 */
const struct config_value *sources_published(const struct sources *sources,
					     const struct source_configuration *source);
