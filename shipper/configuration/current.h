#pragma once
/*
 * The configuration in force: the text it came from, what that is worth at the moment, the sources
 * that run for it, and how its components are. Where something new is to take its place this module
 * evaluates it; who uses it (endpoints, collector) takes it over in between, so that what cannot be
 * taken over changes nothing:
 *
 *     current_read() or current_reevaluate()      a candidate
 *     current_prepare(), then the others          all that can fail
 *     current_adopt()                             it is in force
 *
 * One thread; times are arguments.
 */
#include "configuration/configuration.h"
#include "discovery/source.h"
#include "health.h"

struct config_graph;
struct current; /* opaque */

/*
 * Makes one without a configuration.
 *   @path         of the file, or NULL for the built-in text; borrowed until current_free()
 *   @environment  of all sources; borrowed until current_free()
 *   @ret_current  set on 0 only; owned, current_free()
 * Returns 0 or a negative errno.
 */
int current_open(const char *path, const struct source_environment *environment,
		 struct current **ret_current) warn_unused_result;

void current_free(struct current *current); /* NULL is fine */

/*
 * Reads the file and evaluates it. What is refused shows in the health of the component in force.
 *   @ret_configuration  set on 0 only; owned
 * Returns like configuration_load().
 */
int current_read(struct current *current, struct configuration **ret_configuration,
		 struct bytes *messages) warn_unused_result;

/* Evaluates the text in force again; it is due no more. Otherwise like current_read(). */
int current_reevaluate(struct current *current, uint64_t now_ns,
		       struct configuration **ret_configuration,
		       struct bytes *messages) warn_unused_result;

/* Told of the components (borrowed for the call) by current_look(). */
typedef void current_look_fn(void *context, const struct config_graph *graph);

/*
 * Evaluates the text in force for @look alone: nothing changes by it. Returns 0 or a negative
 * errno, and @look may not have been called.
 */
int current_look(const struct current *current, current_look_fn *look,
		 void *context) warn_unused_result;

/* Whether @messages differ from those that it was asked of before: a thing is said once. */
bool current_is_news(struct current *current, const struct bytes *messages);

/* Makes room for what current_adopt() needs. Returns 0 or -ENOMEM. */
int current_prepare(struct current *current,
		    const struct configuration *configuration) warn_unused_result;

/* Puts @configuration (consumed), the last candidate, prepared for, in force. */
void current_adopt(struct current *current, struct configuration *configuration);

/* From now on sources run. */
void current_start(struct current *current, uint64_t now_ns);

/* Borrowed until the next adoption. */
const struct configuration *current_configuration(const struct current *current);

/* Borrowed until current_free(). */
struct health *current_health(const struct current *current);

int current_fd(const struct current *current); /* to poll for reading; borrowed */

uint64_t current_deadline_ns(const struct current *current); /* or SOURCE_NO_TIME */

/* Runs sources. Returns whether the text should be evaluated again now. */
bool current_run(struct current *current, uint64_t now_ns);
