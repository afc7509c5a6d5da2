#include "discovery/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "log/log.h"

#define EVENTS_AT_ONCE 16
#define RESTART_NS     UINT64_C(10000000000)

struct source_slot {
	struct source_slot *next; /* owned */
	struct sources *sources;
	struct source_configuration configuration; /* its memory is owned */
	void *source;                              /* owned; NULL: it could not be started */
	uint64_t restart_ns;                       /* when to try again */
	int fd;                                    /* borrowed from the source; -1: none */
	bool is_wanted;                            /* by the configuration that is being adopted */
	bool has_published;
	bool is_failing;
	struct config_value published;
	struct config_arena memory; /* of what is published */
};

struct sources {
	const struct source_environment *environment;
	struct health *health;
	int epoll_fd;
	bool has_changed;
	struct source_slot *slots; /* in no order */
};

int sources_new(const struct source_environment *environment, struct health *health,
		struct sources **ret_sources)
{
	struct sources *sources = calloc(1, sizeof(*sources));
	int r;

	if (!sources)
		return -ENOMEM;
	sources->environment = environment;
	sources->health = health;
	sources->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sources->epoll_fd < 0) {
		r = -errno;
		free(sources);
		return r;
	}
	*ret_sources = sources;
	return 0;
}

static void halt(struct source_slot *slot)
{
	if (slot->fd >= 0)
		(void)epoll_ctl(slot->sources->epoll_fd, EPOLL_CTL_DEL, slot->fd, NULL);
	slot->fd = -1;
	if (slot->source)
		slot->configuration.class->stop(slot->source);
	slot->source = NULL;
}

static void slot_free(struct source_slot *slot)
{
	halt(slot);
	source_configuration_deinit(&slot->configuration);
	config_arena_deinit(&slot->memory);
	free(slot);
}

void sources_free(struct sources *sources)
{
	struct source_slot *slot, *next;

	if (!sources)
		return;
	for (slot = sources->slots; slot; slot = next) {
		next = slot->next;
		slot_free(slot);
	}
	close_fdp(&sources->epoll_fd);
	free(sources);
}

static int watch(struct source_slot *slot)
{
	const struct source_class *class = slot->configuration.class;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};

	slot->fd = class->fd ? class->fd(slot->source) : -1;
	if (slot->fd < 0)
		return 0;
	return epoll_ctl(slot->sources->epoll_fd, EPOLL_CTL_ADD, slot->fd, &event) < 0 ? -errno : 0;
}

static void start(struct source_slot *slot, uint64_t now_ns)
{
	int r = slot->configuration.class->start(&slot->configuration, slot, &slot->source);

	if (r == 0)
		r = watch(slot);
	if (r == 0)
		return;
	halt(slot);
	slot->restart_ns = now_ns + RESTART_NS;
	source_fail(slot, strerror(-r));
}

static struct source_slot *find(const struct sources *sources,
				const struct source_configuration *wanted)
{
	struct source_slot *slot = sources->slots;

	while (slot && (slot->configuration.class != wanted->class ||
			strcmp(slot->configuration.id, wanted->id) != 0))
		slot = slot->next;
	return slot;
}

static struct source_slot *add(struct sources *sources)
{
	struct source_slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	slot->sources = sources;
	slot->fd = -1;
	slot->memory = (struct config_arena)CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	slot->next = sources->slots;
	sources->slots = slot;
	return slot;
}

static void stop_unwanted(struct sources *sources)
{
	struct source_slot **at = &sources->slots, *slot;

	while ((slot = *at)) {
		if (slot->is_wanted) {
			at = &slot->next;
			continue;
		}
		*at = slot->next;
		slot_free(slot);
	}
}

void sources_adopt(struct sources *sources, struct configuration *configuration, uint64_t now_ns)
{
	for (struct source_slot *i = sources->slots; i; i = i->next)
		i->is_wanted = false;
	for (size_t i = 0; i < configuration->n_sources; i++) {
		struct source_configuration *wanted = &configuration->sources[i];
		struct source_slot *slot = find(sources, wanted);
		bool is_same = slot && slot->configuration.fingerprint == wanted->fingerprint;

		slot = slot ? slot : add(sources);
		if (!slot) {
			health_set(sources->health, wanted->id, HEALTH_RUNNING, strerror(ENOMEM));
			continue;
		}
		slot->is_wanted = true;
		if (is_same)
			continue;
		halt(slot);
		source_configuration_deinit(&slot->configuration);
		slot->configuration = *wanted;
		wanted->memory = NULL;
		start(slot, now_ns);
	}
	stop_unwanted(sources);
}

int sources_fd(const struct sources *sources)
{
	return sources->epoll_fd;
}

static uint64_t slot_deadline_ns(const struct source_slot *slot)
{
	if (!slot->source)
		return slot->restart_ns;
	return slot->configuration.class->deadline_ns(slot->source);
}

uint64_t sources_deadline_ns(const struct sources *sources)
{
	uint64_t deadline_ns = SOURCE_NO_TIME;

	if (sources->has_changed) /* published from outside of sources_run(): an answer came */
		return 0;
	for (const struct source_slot *i = sources->slots; i; i = i->next)
		if (slot_deadline_ns(i) < deadline_ns)
			deadline_ns = slot_deadline_ns(i);
	return deadline_ns;
}

void sources_run(struct sources *sources, uint64_t now_ns)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n = epoll_wait(sources->epoll_fd, events, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < n; i++) { /* what has no place in it polls readable again */
		const struct source_slot *slot = events[i].data.ptr;

		slot->configuration.class->run(slot->source, now_ns);
	}
	for (struct source_slot *i = sources->slots; i; i = i->next) {
		if (slot_deadline_ns(i) > now_ns)
			continue;
		if (i->source)
			i->configuration.class->run(i->source, now_ns);
		else
			start(i, now_ns);
	}
}

bool sources_take_change(struct sources *sources)
{
	bool has_changed = sources->has_changed;

	sources->has_changed = false;
	return has_changed;
}

const struct config_value *sources_published(const struct sources *sources,
					     const struct source_configuration *source)
{
	const struct source_slot *slot = find(sources, source);

	if (!slot || !slot->has_published)
		return NULL;
	if (source->class->peek && slot->configuration.fingerprint != source->fingerprint)
		return NULL;
	return &slot->published;
}

const struct source_environment *source_environment(const struct source_slot *slot)
{
	return slot->sources->environment;
}

const char *source_id(const struct source_slot *slot)
{
	return slot->configuration.id;
}

static void take(struct source_slot *slot, struct config_value value, struct config_arena *memory)
{
	if (slot->has_published && config_value_equals(&slot->published, &value)) {
		config_arena_deinit(memory);
		return;
	}
	config_arena_deinit(&slot->memory);
	slot->memory = *memory;
	*memory = (struct config_arena)CONFIG_ARENA_INIT(memory->bytes_max);
	slot->published = value;
	slot->has_published = true;
	slot->sources->has_changed = true;
}

void source_publish(struct source_slot *slot, struct config_value value,
		    struct config_arena *memory)
{
	if (slot->is_failing)
		log_info("source-recovered", "component=%s", slot->configuration.id);
	slot->is_failing = false;
	health_set(slot->sources->health, slot->configuration.id, HEALTH_RUNNING, NULL);
	take(slot, value, memory);
}

void source_publish_ailing(struct source_slot *slot, struct config_value value,
			   struct config_arena *memory, const char *reason)
{
	if (!reason) {
		source_publish(slot, value, memory);
		return;
	}
	source_fail(slot, reason);
	take(slot, value, memory);
}

void source_fail(struct source_slot *slot, const char *message)
{
	if (!slot->is_failing)
		log_warn("source-failing", "component=%s reason=%s, what it published last stays",
			 slot->configuration.id, log_quote(message, strlen(message)).text);
	slot->is_failing = true;
	health_set(slot->sources->health, slot->configuration.id, HEALTH_RUNNING, message);
}
