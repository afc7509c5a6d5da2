#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "config/library.h"

static int run_concat(const struct config_call *call, struct config_value *ret_value)
{
	struct config_arena *arena = call->diagnostics->arena;
	struct config_value *items;
	size_t n_items = 0, at = 0;

	for (size_t i = 0; i < call->n_arguments; i++) {
		if (call->arguments[i].type != CONFIG_ARRAY)
			return config_call_refuse(call, i, "a list");
		n_items += call->arguments[i].array.n_items; /* each is in memory: no overflow */
	}
	items = config_arena_array(arena, n_items, sizeof(*items));
	if (!items)
		return arena->error;
	for (size_t i = 0; i < call->n_arguments; i++) {
		const struct config_array *array = &call->arguments[i].array;

		if (array->n_items > 0)
			memcpy(items + at, array->items, array->n_items * sizeof(*items));
		at += array->n_items;
	}
	*ret_value = (struct config_value){.type = CONFIG_ARRAY, .array = {items, n_items}};
	return 0;
}

/* An inner join on its way: the right side in the order of the hashes of what is compared. */
struct join {
	const struct config_array *left;
	const struct config_array *right;
	const struct config_array *keys;
	struct ranked {
		uint64_t hash;
		size_t rank;
	} * ranked;
	size_t n_ranked;
	struct config_value *items; /* the result, which may grow */
	size_t n_items;
	size_t n_items_max;
	uint64_t seed; /* labels come from outside */
};

/* Equal values have equal hashes; of what is rarely compared, all have one. */
static uint64_t hash_value(uint64_t seed, const struct config_value *value)
{
	double number;

	if (value->type == CONFIG_STRING)
		return hash_bytes(seed, value->text.data, value->text.n_bytes);
	if (value->type != CONFIG_NUMBER)
		return hash_word(seed, value->type == CONFIG_BOOL && value->boolean);
	number = config_number_to_float(value->number) + 0.0; /* -0 is 0 */
	return hash_bytes(seed, &number, sizeof(number));
}

/* The hash of what @value has under the keys. Returns false when one of them is not there. */
static bool hash_keys(const struct join *join, const struct config_value *value, uint64_t *ret_hash)
{
	const struct config_value *found;
	uint64_t hash = join->seed;

	for (size_t i = 0; i < join->keys->n_items; i++) {
		found = config_object_find(&value->object, join->keys->items[i].text);
		if (!found)
			return false;
		hash = hash_value(hash, found);
	}
	*ret_hash = hash;
	return true;
}

static bool have_equal_keys(const struct join *join, const struct config_value *a,
			    const struct config_value *b)
{
	for (size_t i = 0; i < join->keys->n_items; i++) {
		struct config_text key = join->keys->items[i].text;

		if (!config_value_equals(config_object_find(&a->object, key),
					 config_object_find(&b->object, key)))
			return false;
	}
	return true;
}

static int by_hash_and_rank(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->rank > b->rank) - (a->rank < b->rank);
}

static int rank_right(struct join *join, struct config_arena *arena)
{
	join->ranked = config_arena_array(arena, join->right->n_items, sizeof(*join->ranked));
	if (!join->ranked)
		return arena->error;
	for (size_t i = 0; i < join->right->n_items; i++) {
		join->ranked[join->n_ranked].rank = i;
		join->n_ranked +=
			hash_keys(join, &join->right->items[i], &join->ranked[join->n_ranked].hash);
	}
	if (join->n_ranked > 1)
		qsort(join->ranked, join->n_ranked, sizeof(*join->ranked), by_hash_and_rank);
	return 0;
}

static int add_item(struct join *join, struct config_arena *arena, struct config_value item)
{
	size_t n_max = join->n_items_max ? 2 * join->n_items_max : 16;
	struct config_value *items;

	if (join->n_items == join->n_items_max) {
		items = config_arena_array(arena, n_max, sizeof(*items));
		if (!items)
			return arena->error;
		if (join->n_items > 0)
			memcpy(items, join->items, join->n_items * sizeof(*items));
		join->items = items;
		join->n_items_max = n_max;
	}
	join->items[join->n_items++] = item;
	return 0;
}

/* All fields of both; where both have one, the right one's. */
static int add_combined(struct join *join, struct config_arena *arena,
			const struct config_object *left, const struct config_object *right)
{
	size_t n = left->n_fields + right->n_fields;
	struct config_field *fields = config_arena_array(arena, n, sizeof(*fields));
	struct config_value item = {.type = CONFIG_OBJECT};

	if (!fields)
		return arena->error;
	if (left->n_fields > 0)
		memcpy(fields, left->fields, left->n_fields * sizeof(*fields));
	if (right->n_fields > 0)
		memcpy(fields + left->n_fields, right->fields, right->n_fields * sizeof(*fields));
	item.object = config_object_make(fields, n);
	return add_item(join, arena, item);
}

/* Joins one of the left with all that it matches; @keep_lone: or else takes it as it is. */
static int join_one(struct join *join, struct config_arena *arena, const struct config_value *left,
		    bool keep_lone)
{
	size_t lo = 0, hi = join->n_ranked, n_items = join->n_items;
	uint64_t hash;
	int r = 0;

	if (hash_keys(join, left, &hash)) {
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (join->ranked[mid].hash < hash)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; r == 0 && lo < join->n_ranked && join->ranked[lo].hash == hash; lo++) {
			const struct config_value *right =
				&join->right->items[join->ranked[lo].rank];

			if (have_equal_keys(join, left, right))
				r = add_combined(join, arena, &left->object, &right->object);
		}
	}
	if (r == 0 && keep_lone && join->n_items == n_items)
		r = add_item(join, arena, *left);
	return r;
}

static int check_join(const struct config_call *call)
{
	const struct config_array *keys = &call->arguments[2].array;

	for (size_t i = 0; i < 3; i++)
		if (call->arguments[i].type != CONFIG_ARRAY)
			return config_call_refuse(call, i, "a list");
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < call->arguments[i].array.n_items; j++)
			if (call->arguments[i].array.items[j].type != CONFIG_OBJECT)
				return config_call_refuse(call, i, "a list of objects");
	for (size_t i = 0; i < keys->n_items; i++)
		if (keys->items[i].type != CONFIG_STRING)
			return config_call_refuse(call, 2, "a list of strings");
	if (keys->n_items == 0)
		return config_call_refuse(call, 2, "a list of at least one string");
	if (call->n_arguments > 3 && call->arguments[3].type != CONFIG_BOOL)
		return config_call_refuse(call, 3, "a bool");
	return 0;
}

static int run_combine_maps(const struct config_call *call, struct config_value *ret_value)
{
	struct config_arena *arena = call->diagnostics->arena;
	bool keep_lone = call->n_arguments > 3 && call->arguments[3].boolean;
	struct join join = {
		.left = &call->arguments[0].array,
		.right = &call->arguments[1].array,
		.keys = &call->arguments[2].array,
		.seed = hash_new_seed(),
	};
	int r = check_join(call);

	if (r == 0)
		r = rank_right(&join, arena);
	for (size_t i = 0; r == 0 && i < join.left->n_items; i++)
		r = join_one(&join, arena, &join.left->items[i], keep_lone);
	if (r == 0)
		*ret_value = (struct config_value){.type = CONFIG_ARRAY,
						   .array = {join.items, join.n_items}};
	return r;
}

const struct config_function config_array_functions[] = {
	{"array.concat", "concat", 0, CONFIG_ARGUMENTS_MAX, "array.concat(list, ...)", run_concat},
	{"array.combine_maps", NULL, 3, 4, "array.combine_maps(list, list, keys)",
	 run_combine_maps},
};

const size_t config_n_array_functions =
	sizeof(config_array_functions) / sizeof(config_array_functions[0]);
