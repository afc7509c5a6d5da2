/* Components that run: what they ask for, and what stands for their exports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "configuration/components.h"
#include "discovery/source.h"

#define REASON_BYTES_MAX ((size_t)8 << 10)

/* Of one process only: nothing outside of it compares these. */
static uint64_t fingerprint_seed;

static uint64_t mix(uint64_t hash, const void *bytes, size_t n_bytes)
{
	return hash_word(hash_bytes(hash, bytes, n_bytes), n_bytes);
}

static uint64_t mix_number(uint64_t hash, struct config_number number)
{
	hash = hash_word(hash, (uint64_t)number.kind);
	return number.kind == CONFIG_FLOAT ? mix(hash, &number.f, sizeof(number.f))
					   : hash_word(hash, number.u);
}

/* Values are only as deep as the brackets of a text, or of what a library read, may be. */
static uint64_t mix_value(uint64_t hash, const struct config_value *value)
{
	hash = hash_word(hash, (uint64_t)value->type);
	switch (value->type) {
	case CONFIG_NULL:
	case CONFIG_FUNCTION:
		break;
	case CONFIG_CAPSULE: /* what is in it is made anew by every evaluation */
		break;
	case CONFIG_BOOL:
		return hash_word(hash, value->boolean);
	case CONFIG_NUMBER:
		return mix_number(hash, value->number);
	case CONFIG_STRING:
	case CONFIG_SECRET:
		return mix(hash, value->text.data, value->text.n_bytes);
	case CONFIG_ARRAY:
		for (size_t i = 0; i < value->array.n_items; i++)
			hash = mix_value(hash, &value->array.items[i]);
		return hash_word(hash, value->array.n_items);
	case CONFIG_OBJECT:
		for (size_t i = 0; i < value->object.n_fields; i++) {
			const struct config_field *field = &value->object.fields[i];

			hash = mix(hash, field->key.data, field->key.n_bytes);
			hash = mix_value(hash, &field->value);
		}
		return hash_word(hash, value->object.n_fields);
	}
	return hash;
}

uint64_t component_fingerprint(const struct config_object *arguments)
{
	struct config_value value = {.type = CONFIG_OBJECT, .object = *arguments};

	if (fingerprint_seed == 0)
		fingerprint_seed = hash_new_seed() | 1;
	return mix_value(fingerprint_seed, &value);
}

/* Appends an empty source that owns its memory. NULL: no memory. */
static struct source_configuration *add_source(struct component_loading *loading)
{
	struct configuration *configuration = loading->configuration;
	struct source_configuration *source = &configuration->sources[configuration->n_sources];

	source->memory = calloc(1, sizeof(*source->memory));
	if (!source->memory)
		return NULL;
	source->memory->bytes_max = CONFIG_ARENA_BYTES_MAX;
	configuration->n_sources++;
	return source;
}

/* Where nothing was published yet the file is looked at, or an empty list stands for it. */
static int peek(struct component_loading *loading, const struct config_component *component,
		const struct source_configuration *source, struct config_value *ret_value)
{
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);
	const struct config_attribute *attribute = component->block->body.attributes;
	struct config_span at = component->block->name_span;
	int r;

	if (!source->class->peek) {
		*ret_value = (struct config_value){.type = CONFIG_ARRAY, .array = {NULL, 0}};
		return 0;
	}
	for (; attribute; attribute = attribute->next)
		if (config_text_equals(attribute->name, source->class->peeks_at))
			at = attribute->value->span;
	r = source->class->peek(source, loading->scratch, ret_value, &why);
	if (r > 0 && loading->world->is_running)
		config_error(loading->diagnostics, at, "%.*s, expected one that can",
			     (int)why.n_bytes, why.data ? (const char *)why.data : "");
	else if (r > 0)
		config_warn(loading->diagnostics, at, "%.*s, what refers to %s is not looked at",
			    (int)why.n_bytes, why.data ? (const char *)why.data : "",
			    component->id);
	bytes_deinit(&why);
	return r;
}

static int export(struct component_loading *loading, struct config_component *component,
		  const struct source_configuration *source)
{
	const struct configuration_world *world = loading->world;
	struct config_field *field = config_arena_alloc(loading->scratch, sizeof(*field));
	const struct config_value *published = NULL;
	int r = 0;

	if (!field)
		return loading->scratch->error;
	if (world->published)
		published = world->published(world->context, source);
	if (published)
		field->value = *published; /* borrowed until the evaluation ends */
	else
		r = peek(loading, component, source, &field->value);
	if (r != 0)
		return r;
	field->key = (struct config_text){source->class->export_name,
					  strlen(source->class->export_name)};
	component->exports = (struct config_object){field, 1};
	return 0;
}

int component_load_source(struct component_loading *loading, const struct source_class *class,
			  struct config_component *component)
{
	struct source_configuration *source = add_source(loading);
	struct config_arena *memory = loading->memory;
	int r;

	if (!source)
		return -ENOMEM;
	source->class = class;
	loading->memory = source->memory;
	source->id = config_arena_copy(source->memory, component->id, strlen(component->id));
	r = class->load(loading, component, source);
	loading->memory = memory;
	if (!source->id)
		return source->memory->error;
	if (r != 0)
		return r;
	source->fingerprint = component_fingerprint(&component->arguments);
	return export(loading, component, source);
}
