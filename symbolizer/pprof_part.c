#include "pprof_part.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "profile.pb-c.h"

#define SLAB_BYTES_MAX (128u << 20)
#define FIXED_STRINGS  3u

/* Upper bounds of what each thing takes in the message; ids and indices stay below 2^35. */
#define HEAD_BYTES     128u
#define SAMPLE_BYTES   32u
#define LOCATION_BYTES 44u
#define FUNCTION_BYTES 36u
#define MAPPING_BYTES  64u
#define STRING_BYTES   6u

typedef Perftools__Profiles__Profile Profile;

enum { STRING_EMPTY, STRING_CPU, STRING_NANOSECONDS };

struct pprof_part {
	const struct frames *frames; /* borrowed */
	size_t samples_max;
	size_t n_bytes;
	uint64_t seed;
	size_t n_slots;  /* a power of two */
	uint32_t *slots; /* sample number, 0: free; by hash of the stack */
	/* Locations by what they stand for, strings by name. */
	struct id_map places;
	struct id_map function_places;
	struct id_map mapping_places;
	struct id_map mappings;
	struct id_map functions;
	struct id_map strings;
	Profile profile;   /* its arrays have room for everything a part may have */
	struct slab fixed; /* owns the maps and arrays */
	struct slab slab;  /* owns the messages of this part */
	uint64_t scratch[PPROF_PLACES_MAX];
};

static bool id_map_init(struct id_map *map, size_t n, struct slab *slab)
{
	map->ids = slab_take(slab, n + 1, sizeof(*map->ids));
	map->noted = slab_take(slab, n + 1, sizeof(*map->noted));
	return map->ids && map->noted;
}

static void id_map_set(struct id_map *map, uint32_t index, uint32_t id)
{
	map->ids[index] = id;
	map->noted[map->n_noted++] = index;
}

static void id_map_clear(struct id_map *map)
{
	for (size_t i = 0; i < map->n_noted; i++)
		map->ids[map->noted[i]] = 0;
	map->n_noted = 0;
}

/* Makes the part empty, with the strings that every one has. */
static void reset(struct pprof_part *part)
{
	Profile *profile = &part->profile;

	id_map_clear(&part->places);
	id_map_clear(&part->function_places);
	id_map_clear(&part->mapping_places);
	id_map_clear(&part->mappings);
	id_map_clear(&part->functions);
	id_map_clear(&part->strings);
	memset(part->slots, 0, part->n_slots * sizeof(*part->slots));
	slab_deinit(&part->slab);
	profile->n_sample = 0;
	profile->n_location = 0;
	profile->n_function = 0;
	profile->n_mapping = 0;
	profile->string_table[STRING_EMPTY] = (char *)"";
	profile->string_table[STRING_CPU] = (char *)"cpu";
	profile->string_table[STRING_NANOSECONDS] = (char *)"nanoseconds";
	profile->n_string_table = FIXED_STRINGS;
	part->n_bytes = HEAD_BYTES;
}

static bool take_arrays(struct pprof_part *part, size_t n_places)
{
	size_t n_names = part->frames->n_names_max, n_functions = part->frames->n_functions_max;
	size_t n_mappings = part->frames->n_mappings_max;
	size_t n_locations = n_places + n_functions + n_mappings;
	Profile *profile = &part->profile;
	struct slab *fixed = &part->fixed;

	profile->sample = slab_take(fixed, part->samples_max, sizeof(*profile->sample));
	profile->location = slab_take(fixed, n_locations, sizeof(*profile->location));
	profile->function = slab_take(fixed, n_functions, sizeof(*profile->function));
	profile->mapping = slab_take(fixed, n_mappings + 1, sizeof(*profile->mapping));
	/* Each name, each mapping's build id. */
	profile->string_table = slab_take(fixed, FIXED_STRINGS + n_names + n_mappings,
					  sizeof(*profile->string_table));
	part->slots = slab_take(fixed, part->n_slots, sizeof(*part->slots));
	return profile->sample && profile->location && profile->function && profile->mapping &&
	       profile->string_table && part->slots;
}

int pprof_part_new(const struct frames *frames, size_t n_locations, size_t samples_max,
		   struct pprof_part **ret_part)
{
	struct pprof_part *part = calloc(1, sizeof(*part));
	size_t n_functions = frames->n_functions_max, n_mappings = frames->n_mappings_max;

	if (!part)
		return -ENOMEM;
	part->frames = frames;
	part->samples_max = samples_max;
	part->seed = hash_new_seed();
	part->fixed.bytes_max = SLAB_BYTES_MAX;
	part->slab.bytes_max = SLAB_BYTES_MAX;
	for (part->n_slots = 64; part->n_slots < 2 * samples_max;)
		part->n_slots *= 2;
	perftools__profiles__profile__init(&part->profile);
	if (!take_arrays(part, 2 * n_locations) ||
	    !id_map_init(&part->places, 2 * n_locations, &part->fixed) ||
	    !id_map_init(&part->function_places, n_functions, &part->fixed) ||
	    !id_map_init(&part->mapping_places, n_mappings, &part->fixed) ||
	    !id_map_init(&part->mappings, n_mappings, &part->fixed) ||
	    !id_map_init(&part->functions, n_functions, &part->fixed) ||
	    !id_map_init(&part->strings, frames->n_names_max, &part->fixed)) {
		pprof_part_free(part);
		return -ENOMEM;
	}
	reset(part);
	*ret_part = part;
	return 0;
}

size_t pprof_part_bytes(const struct pprof_part *part)
{
	return part->n_bytes;
}

size_t pprof_part_samples(const struct pprof_part *part)
{
	return part->profile.n_sample;
}

/* A frame without an address is one place, wherever it came from: by mapping, or by function. */
static struct id_map *map_of(struct pprof_part *part, const struct pprof_place *place,
			     uint32_t *ret_index)
{
	const struct frame *frame;

	*ret_index = place->index;
	if (place->is_function)
		return &part->function_places;
	frame = &part->frames->frames[place->index];
	if (frame->address != 0)
		return &part->places;
	*ret_index = frame->mapping != FRAMES_NO_MAPPING ? frame->mapping : frame->function;
	return frame->mapping != FRAMES_NO_MAPPING ? &part->mapping_places : &part->function_places;
}

static size_t name_cost(const struct pprof_part *part, uint32_t name)
{
	return part->strings.ids[name] ? 0 : STRING_BYTES + part->frames->names[name].n_bytes;
}

static size_t mapping_cost(const struct pprof_part *part, uint32_t mapping)
{
	if (mapping == FRAMES_NO_MAPPING || part->mappings.ids[mapping])
		return 0;
	return MAPPING_BYTES + STRING_BYTES + 2 * SYMBOL_BUILD_ID_BYTES_MAX +
	       name_cost(part, part->frames->mappings[mapping].name);
}

static size_t function_cost(const struct pprof_part *part, uint32_t index)
{
	const struct frame_function *function = &part->frames->functions[index];
	size_t cost = FUNCTION_BYTES + name_cost(part, function->name);

	if (part->functions.ids[index])
		return 0;
	if (function->raw != function->name)
		cost += name_cost(part, function->raw);
	return function->file == FRAMES_NO_NAME ? cost : cost + name_cost(part, function->file);
}

size_t pprof_part_cost(const struct pprof_part *part, const struct pprof_place *places,
		       size_t n_places)
{
	size_t cost = SAMPLE_BYTES;

	for (size_t i = 0; i < n_places; i++) {
		uint32_t index, function = places[i].index;
		const struct id_map *map = map_of((struct pprof_part *)part, &places[i], &index);

		cost += 5; /* its id in the sample */
		if (map->ids[index])
			continue;
		cost += LOCATION_BYTES;
		if (!places[i].is_function) {
			function = part->frames->frames[places[i].index].function;
			cost += mapping_cost(part, part->frames->frames[places[i].index].mapping);
		}
		cost += function_cost(part, function);
	}
	return cost;
}

static uint32_t add_string(struct pprof_part *part, const char *text)
{
	uint32_t index = (uint32_t)part->profile.n_string_table++;

	part->profile.string_table[index] = (char *)text; /* protobuf-c has no const; it reads */
	return index;
}

static uint32_t string_of(struct pprof_part *part, uint32_t name)
{
	if (!part->strings.ids[name])
		id_map_set(&part->strings, name, add_string(part, part->frames->names[name].text));
	return part->strings.ids[name];
}

static int64_t build_id_string(struct pprof_part *part, const struct symbol_build_id *build_id)
{
	char *hex;

	if (build_id->n_bytes == 0)
		return STRING_EMPTY;
	hex = slab_take(&part->slab, 2 * build_id->n_bytes + 1, 1);
	if (!hex)
		return -ENOMEM;
	for (size_t i = 0; i < build_id->n_bytes; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", build_id->bytes[i]);
	return add_string(part, hex);
}

/* The id of a mapping, 0 for none, or -ENOMEM. */
static int64_t mapping_of(struct pprof_part *part, uint32_t index)
{
	const struct frame_mapping *from;
	Perftools__Profiles__Mapping *mapping;
	int64_t build_id;

	if (index == FRAMES_NO_MAPPING)
		return 0;
	if (part->mappings.ids[index])
		return part->mappings.ids[index];
	from = &part->frames->mappings[index];
	mapping = slab_take(&part->slab, 1, sizeof(*mapping));
	build_id = mapping ? build_id_string(part, &from->build_id) : -ENOMEM;
	if (build_id < 0)
		return build_id;
	perftools__profiles__mapping__init(mapping);
	part->profile.mapping[part->profile.n_mapping++] = mapping;
	mapping->id = part->profile.n_mapping;
	mapping->memory_start = from->start;
	mapping->memory_limit = from->limit;
	mapping->file_offset = from->offset;
	mapping->filename = string_of(part, from->name);
	mapping->build_id = build_id;
	mapping->has_functions = true;
	mapping->has_filenames = from->has_lines;
	mapping->has_line_numbers = from->has_lines;
	id_map_set(&part->mappings, index, (uint32_t)mapping->id);
	return (int64_t)mapping->id;
}

/* The id of a function, or -ENOMEM. */
static int64_t function_of(struct pprof_part *part, uint32_t index)
{
	const struct frame_function *from = &part->frames->functions[index];
	Perftools__Profiles__Function *function;

	if (part->functions.ids[index])
		return part->functions.ids[index];
	function = slab_take(&part->slab, 1, sizeof(*function));
	if (!function)
		return -ENOMEM;
	perftools__profiles__function__init(function);
	part->profile.function[part->profile.n_function++] = function;
	function->id = part->profile.n_function;
	function->name = string_of(part, from->name);
	function->system_name = string_of(part, from->raw);
	if (from->file != FRAMES_NO_NAME)
		function->filename = string_of(part, from->file);
	function->start_line = from->start_line;
	id_map_set(&part->functions, index, (uint32_t)function->id);
	return (int64_t)function->id;
}

/* One allocation: a location and the line that it nearly always has. */
struct location_with_line {
	Perftools__Profiles__Location location;
	Perftools__Profiles__Line line;
	Perftools__Profiles__Line *lines[1];
};

static int64_t location_of(struct pprof_part *part, const struct pprof_place *place)
{
	static const struct frame nothing = {.mapping = FRAMES_NO_MAPPING};
	const struct frame *frame =
		place->is_function ? &nothing : &part->frames->frames[place->index];
	struct location_with_line *made;
	int64_t mapping, function;
	uint32_t index;
	struct id_map *map = map_of(part, place, &index);

	if (map->ids[index])
		return map->ids[index];
	made = slab_take(&part->slab, 1, sizeof(*made));
	mapping = made ? mapping_of(part, frame->mapping) : -ENOMEM;
	function = mapping >= 0
			   ? function_of(part, place->is_function ? place->index : frame->function)
			   : -ENOMEM;
	if (function < 0)
		return function;
	perftools__profiles__location__init(&made->location);
	perftools__profiles__line__init(&made->line);
	part->profile.location[part->profile.n_location++] = &made->location;
	made->lines[0] = &made->line;
	made->line.function_id = (uint64_t)function;
	made->line.line = frame->line;
	made->location.id = part->profile.n_location;
	made->location.mapping_id = (uint64_t)mapping;
	made->location.address = frame->address;
	made->location.n_line = 1;
	made->location.line = made->lines;
	id_map_set(map, index, (uint32_t)made->location.id);
	return (int64_t)made->location.id;
}

/* The slot of the sample with these locations: its own, or the free one where it belongs. */
static uint32_t *slot_of(const struct pprof_part *part, const uint64_t *ids, size_t n_ids)
{
	size_t slot = hash_bytes(part->seed, ids, n_ids * sizeof(*ids)) & (part->n_slots - 1);

	for (; part->slots[slot] != 0; slot = (slot + 1) & (part->n_slots - 1)) {
		const Perftools__Profiles__Sample *sample =
			part->profile.sample[part->slots[slot] - 1];

		if (sample->n_location_id == n_ids &&
		    memcmp(sample->location_id, ids, n_ids * sizeof(*ids)) == 0)
			break;
	}
	return &part->slots[slot];
}

/* The sample for these locations is new. */
static int add_sample(struct pprof_part *part, uint32_t *slot, size_t n_ids, uint64_t value)
{
	Perftools__Profiles__Sample *sample = slab_take(&part->slab, 1, sizeof(*sample));
	uint64_t *ids = slab_take(&part->slab, n_ids + 1, sizeof(*ids));

	if (!sample || !ids || part->profile.n_sample == part->samples_max)
		return -ENOMEM;
	memcpy(ids, part->scratch, n_ids * sizeof(*ids));
	perftools__profiles__sample__init(sample);
	sample->n_location_id = n_ids;
	sample->location_id = ids;
	sample->n_value = 1;
	sample->value = (int64_t *)&ids[n_ids]; /* the element beyond the ids */
	sample->value[0] = (int64_t)value;
	part->profile.sample[part->profile.n_sample++] = sample;
	*slot = (uint32_t)part->profile.n_sample;
	return 0;
}

int pprof_part_add(struct pprof_part *part, const struct pprof_place *places, size_t n_places,
		   uint64_t value)
{
	size_t cost = pprof_part_cost(part, places, n_places);
	uint32_t *slot;

	assert(n_places <= PPROF_PLACES_MAX);
	for (size_t i = 0; i < n_places; i++) {
		int64_t id = location_of(part, &places[i]);

		if (id < 0)
			return (int)id;
		part->scratch[i] = (uint64_t)id;
	}
	slot = slot_of(part, part->scratch, n_places);
	if (*slot != 0) {
		int64_t *sum = &part->profile.sample[*slot - 1]->value[0];

		if (__builtin_add_overflow(*sum, (int64_t)value, sum))
			*sum = INT64_MAX;
		return 0;
	}
	part->n_bytes += cost;
	return add_sample(part, slot, n_places, value);
}

int pprof_part_close(struct pprof_part *part, const struct pprof_head *head, struct bytes *out)
{
	Perftools__Profiles__ValueType type = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	Perftools__Profiles__ValueType *types[1] = {&type};
	cleanup_with(free_freep) uint8_t *packed = NULL;
	Profile *profile = &part->profile;
	size_t n_bytes;

	type.type = STRING_CPU;
	type.unit = STRING_NANOSECONDS;
	profile->n_sample_type = 1;
	profile->sample_type = types;
	profile->period_type = &type;
	profile->period = (int64_t)head->period_ns;
	profile->time_nanos = (int64_t)head->time_wall_ns;
	profile->duration_nanos = (int64_t)head->duration_ns;
	n_bytes = perftools__profiles__profile__get_packed_size(profile);
	packed = malloc(n_bytes); /* part->n_bytes bounds it, the caller bounds that */
	if (packed)
		bytes_append(out, packed, perftools__profiles__profile__pack(profile, packed));
	profile->n_sample_type = 0;
	profile->sample_type = NULL;
	profile->period_type = NULL;
	reset(part);
	return packed ? out->error : -ENOMEM;
}

void pprof_part_free(struct pprof_part *part)
{
	if (!part)
		return;
	slab_deinit(&part->slab);
	slab_deinit(&part->fixed);
	free(part);
}
