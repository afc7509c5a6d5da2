#pragma once
/*
 * What a kind of running component is: one that looks at the world and publishes what it finds, for
 * other components to refer to (`discovery.docker.linux.targets`, `local.file.token.content`).
 *
 * The text of a configuration is evaluated again, whole, whenever a source published something
 * else; evaluation itself has no effect on sources. A source lives as long as the configurations
 * that are adopted want one with its id and the same arguments.
 *
 * Everything here runs on the shipper's one thread: no function may wait.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/value.h"
#include "configuration/configuration.h"

struct component_loading;
struct config_component;
struct http_client;
struct process_list;

#define SOURCE_NO_TIME UINT64_MAX

/* What sources may use, borrowed for as long as they run; start() and peek() may not use it yet. */
struct source_environment {
	struct http_client *http_client;
	struct process_list *process_list;
};

struct source_slot; /* the place of one running source: opaque */

struct source_class {
	const char *name;        /* of the component: "discovery.docker" */
	const char *export_name; /* "targets" */
	const char *peeks_at; /* the argument at fault when peek() refuses; NULL without peek() */

	/*
	 * Decodes the component's block into a struct of the class's own and sets @ret->arguments
	 * to it. What it allocates comes from loading->memory, which lives as long as a source
	 * that was started with it; loading->scratch does not. The rest of @ret is filled by the
	 * caller. Returns like component_load_write().
	 */
	int (*load)(struct component_loading *loading, struct config_component *component,
		    struct source_configuration *ret);
	/*
	 * Finds out, without running, what a source with these arguments would publish first; its
	 * memory comes from @arena. Returns 0, -ENOMEM of the arena, or CONFIG_REFUSED after
	 * appending the reason to @why. NULL: that takes time, an empty list stands for it.
	 */
	int (*peek)(const struct source_configuration *source, struct config_arena *arena,
		    struct config_value *ret_value, struct bytes *why);
	/*
	 *   @source      borrowed until stop()
	 *   @slot        borrowed until stop(); published to from run(), or from here
	 *   @ret_source  set on 0 only; owned: stop()
	 * Returns 0 or a negative errno.
	 */
	int (*start)(const struct source_configuration *source, struct source_slot *slot,
		     void **ret_source);
	void (*stop)(void *source);
	/* Its deadline passed, or its fd polls readable. */
	void (*run)(void *source, uint64_t now_ns);
	uint64_t (*deadline_ns)(const void *source); /* or SOURCE_NO_TIME */
	int (*fd)(const void *source); /* the same for its life; -1, or NULL here: none */
};

/* The classes that there are, ended by NULL. */
extern const struct source_class *const source_classes[];

const struct source_environment *source_environment(const struct source_slot *slot);
const char *source_id(const struct source_slot *slot);

/*
 * Publishes @value, which replaces what was published before, and makes the source healthy. One
 * that equals it changes nothing.
 *   @memory  what @value lives in: consumed, left empty
 */
void source_publish(struct source_slot *slot, struct config_value value,
		    struct config_arena *memory);

/*
 * The same for what is not all that it should be, for @reason: the source is unhealthy until it
 * publishes again. NULL for @reason: source_publish().
 */
void source_publish_ailing(struct source_slot *slot, struct config_value value,
			   struct config_arena *memory, const char *reason);

/* What was published stays; the source is unhealthy for @message until it publishes again. */
void source_fail(struct source_slot *slot, const char *message);
