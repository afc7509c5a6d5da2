#include "configuration/current.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "configuration/configuration_text.h"
#include "discovery/sources.h"

#define REEVALUATE_EVERY_NS UINT64_C(100000000)

struct current {
	const char *path;
	struct configuration_text *text;      /* owned, as all below */
	struct configuration_text *candidate; /* what was read last; NULL: the text in force */
	struct configuration *configuration;
	struct health *health;
	struct sources *sources;
	uint64_t now_ns;
	enum health_cause cause; /* of what the evaluation that is going on refuses */
	bool is_started;
	bool is_outdated;       /* a source published something since the last evaluation */
	uint64_t reevaluate_ns; /* not before this */
	uint64_t news;          /* hash of what was said last */
};

int current_open(const char *path, const struct source_environment *environment,
		 struct current **ret_current)
{
	struct current *current = calloc(1, sizeof(*current));
	int r;

	if (!current)
		return -ENOMEM;
	current->path = path;
	current->health = health_new();
	r = current->health ? sources_new(environment, current->health, &current->sources)
			    : -ENOMEM;
	if (r < 0) {
		current_free(current);
		return r;
	}
	*ret_current = current;
	return 0;
}

void current_free(struct current *current)
{
	if (!current)
		return;
	sources_free(current->sources);
	health_free(current->health);
	configuration_free(current->configuration);
	configuration_text_free(current->text);
	configuration_text_free(current->candidate);
	free(current);
}

static const struct config_value *published(const void *context,
					    const struct source_configuration *source)
{
	return sources_published(((const struct current *)context)->sources, source);
}

static void refused(void *context, const char *id, const char *message)
{
	const struct current *current = context;

	health_set(current->health, id, current->cause, message);
}

static int evaluate(struct current *current, const struct configuration_text *text,
		    struct configuration **ret_configuration, struct bytes *messages)
{
	const struct configuration_world world = {
		.published = published,
		.refused = refused,
		.context = current,
		.is_running = true,
	};

	current->cause = text == current->text ? HEALTH_EVALUATION : HEALTH_RELOAD;
	health_clear(current->health, current->cause);
	return configuration_evaluate(text, &world, ret_configuration, messages);
}

/* One current_look(). */
struct looking {
	const struct current *current;
	current_look_fn *look;
	void *context;
};

static const struct config_value *published_now(const void *context,
						const struct source_configuration *source)
{
	return published(((const struct looking *)context)->current, source);
}

static void look_at(void *context, const struct config_graph *graph)
{
	const struct looking *looking = context;

	looking->look(looking->context, graph);
}

int current_look(const struct current *current, current_look_fn *look, void *context)
{
	struct looking looking = {current, look, context};
	const struct configuration_world world = {
		.published = published_now,
		.evaluated = look_at,
		.context = &looking,
		.is_lenient = true,
		.is_running = true,
	};
	struct bytes ignored = BYTES_INIT(0);
	struct configuration *configuration;
	int r = configuration_evaluate(current->text, &world, &configuration, &ignored);

	bytes_deinit(&ignored);
	if (r == 0)
		configuration_free(configuration);
	return r < 0 ? r : 0; /* what is refused stands in its health */
}

int current_read(struct current *current, struct configuration **ret_configuration,
		 struct bytes *messages)
{
	int r;

	configuration_text_free(take_ptr(current->candidate));
	r = configuration_read(current->path, &current->candidate, messages);
	if (r != 0)
		return r;
	return evaluate(current, current->candidate, ret_configuration, messages);
}

int current_reevaluate(struct current *current, uint64_t now_ns,
		       struct configuration **ret_configuration, struct bytes *messages)
{
	current->is_outdated = false;
	current->reevaluate_ns = now_ns + REEVALUATE_EVERY_NS;
	configuration_text_free(take_ptr(current->candidate));
	return evaluate(current, current->text, ret_configuration, messages);
}

bool current_is_news(struct current *current, const struct bytes *messages)
{
	uint64_t news = hash_bytes(0, messages->data, messages->n_bytes);
	bool is_news = news != current->news;

	current->news = news;
	return is_news;
}

int current_prepare(struct current *current, const struct configuration *configuration)
{
	return health_reserve(current->health, configuration->component_ids,
			      configuration->n_components);
}

void current_adopt(struct current *current, struct configuration *configuration)
{
	if (current->candidate) {
		configuration_text_free(current->text);
		current->text = take_ptr(current->candidate);
	}
	health_adopt(current->health);
	health_clear(current->health, HEALTH_EVALUATION);
	for (const struct configuration_ailment *i = configuration->ailments; i; i = i->next)
		health_set(current->health, i->id, HEALTH_EVALUATION, i->message);
	if (current->is_started)
		sources_adopt(current->sources, configuration, current->now_ns);
	configuration_free(current->configuration);
	current->configuration = configuration;
	current->news = 0;
}

void current_start(struct current *current, uint64_t now_ns)
{
	current->now_ns = now_ns;
	current->is_started = true;
	sources_adopt(current->sources, current->configuration, now_ns);
}

const struct configuration *current_configuration(const struct current *current)
{
	return current->configuration;
}

struct health *current_health(const struct current *current)
{
	return current->health;
}

int current_fd(const struct current *current)
{
	return sources_fd(current->sources);
}

uint64_t current_deadline_ns(const struct current *current)
{
	uint64_t deadline_ns = sources_deadline_ns(current->sources);

	if (current->is_outdated && current->reevaluate_ns < deadline_ns)
		return current->reevaluate_ns;
	return deadline_ns;
}

bool current_run(struct current *current, uint64_t now_ns)
{
	current->now_ns = now_ns;
	sources_run(current->sources, now_ns);
	current->is_outdated |= sources_take_change(current->sources);
	return current->is_outdated && now_ns >= current->reevaluate_ns;
}
