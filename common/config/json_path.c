#include "config/json_path.h"

#include <string.h>

#include "config/diagnostics.h"
#include "config/json_path_tree.h"

struct walk {
	const struct config_value *root;
	struct config_arena *arena;
	size_t n_visits;
};

/* What was found; grows in the arena. */
struct found {
	struct config_value *items;
	size_t n_items;
	size_t n_items_max;
};

static int follow(struct walk *walk, const struct json_step *steps,
		  const struct config_value *value, struct found *found);

static int add(struct walk *walk, const struct config_value *value, struct found *found)
{
	size_t n_max = found->n_items_max ? 2 * found->n_items_max : 8;
	struct config_value *items;

	if (found->n_items == found->n_items_max) {
		items = config_arena_array(walk->arena, n_max, sizeof(*items));
		if (!items)
			return walk->arena->error;
		if (found->n_items > 0)
			memcpy(items, found->items, found->n_items * sizeof(*items));
		found->items = items;
		found->n_items_max = n_max;
	}
	found->items[found->n_items++] = *value;
	return 0;
}

/* How many values @value has in it, and one of them. */
static size_t n_inner(const struct config_value *value)
{
	return value->type == CONFIG_ARRAY    ? value->array.n_items
	       : value->type == CONFIG_OBJECT ? value->object.n_fields
					      : 0;
}

static const struct config_value *inner_at(const struct config_value *value, size_t i)
{
	return value->type == CONFIG_ARRAY ? &value->array.items[i]
					   : &value->object.fields[i].value;
}

static int follow_all(struct walk *walk, const struct json_step *step,
		      const struct config_value *value, struct found *found)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_inner(value); i++)
		r = follow(walk, step->next, inner_at(value, i), found);
	return r;
}

static int follow_descent(struct walk *walk, const struct json_step *step,
			  const struct config_value *value, struct found *found)
{
	int r = follow(walk, step->next, value, found);

	for (size_t i = 0; r == 0 && i < n_inner(value); i++)
		r = follow_descent(walk, step, inner_at(value, i), found);
	return r;
}

static int follow_slice(struct walk *walk, const struct json_step *step,
			const struct config_value *value, struct found *found)
{
	int64_t n = (int64_t)value->array.n_items, start = step->start, end = step->end;
	bool is_back = step->stride < 0;
	int r = 0;

	if (step->stride == 0)
		return 0;
	start = step->has_start ? start + (start < 0 ? n : 0) : is_back ? n - 1 : 0;
	end = step->has_end ? end + (end < 0 ? n : 0) : is_back ? -1 : n;
	if (is_back && start >= n)
		start = n - 1;
	if (!is_back && start < 0)
		start = 0;
	for (int64_t i = start; r == 0 && i >= 0 && i < n && (is_back ? i > end : i < end);
	     i += step->stride)
		r = follow(walk, step->next, &value->array.items[i], found);
	return r;
}

static bool holds(struct walk *walk, const struct json_filter *filter,
		  const struct config_value *here, int *r);

/* The value of one side; NULL when a path leads nowhere. */
static const struct config_value *side(struct walk *walk, const struct json_filter *filter,
				       const struct config_value *here, struct config_value *held,
				       int *r)
{
	struct found found = {NULL, 0, 0};

	if (filter->kind == JSON_FILTER_VALUE)
		return &filter->value;
	if (filter->kind != JSON_FILTER_PATH) {
		*held = (struct config_value){.type = CONFIG_BOOL,
					      .boolean = holds(walk, filter, here, r)};
		return held;
	}
	if (*r == 0)
		*r = follow(walk, filter->path, filter->from_root ? walk->root : here, &found);
	return *r == 0 && found.n_items > 0 ? &found.items[0] : NULL;
}

static bool compare(enum json_filter_kind kind, const struct config_value *a,
		    const struct config_value *b)
{
	int order;

	if (kind == JSON_FILTER_EQUAL)
		return a && b && config_value_equals(a, b);
	if (kind == JSON_FILTER_NOT_EQUAL)
		return !a || !b || !config_value_equals(a, b);
	if (!a || !b || a->type != b->type)
		return false;
	if (a->type == CONFIG_NUMBER)
		order = config_number_compare(a->number, b->number);
	else if (a->type == CONFIG_STRING)
		order = config_text_compare(a->text, b->text);
	else
		return false;
	return kind == JSON_FILTER_LESS         ? order < 0
	       : kind == JSON_FILTER_LESS_EQUAL ? order <= 0
	       : kind == JSON_FILTER_GREATER    ? order > 0
						: order >= 0;
}

/* A path by itself asks whether there is something; a value by itself whether it is true. */
static bool holds(struct walk *walk, const struct json_filter *filter,
		  const struct config_value *here, int *r)
{
	const struct config_value *left, *right;
	struct config_value held[2];

	switch (filter->kind) {
	case JSON_FILTER_OR:
		return holds(walk, filter->left, here, r) || holds(walk, filter->right, here, r);
	case JSON_FILTER_AND:
		return holds(walk, filter->left, here, r) && holds(walk, filter->right, here, r);
	case JSON_FILTER_NOT:
		return !holds(walk, filter->left, here, r);
	case JSON_FILTER_VALUE:
		return filter->value.type == CONFIG_BOOL && filter->value.boolean;
	case JSON_FILTER_PATH:
		left = side(walk, filter, here, &held[0], r);
		return left && (left->type != CONFIG_BOOL || left->boolean);
	default:
		left = side(walk, filter->left, here, &held[0], r);
		right = side(walk, filter->right, here, &held[1], r);
		return compare(filter->kind, left, right);
	}
}

static int follow_filter(struct walk *walk, const struct json_step *step,
			 const struct config_value *value, struct found *found)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_inner(value); i++) {
		const struct config_value *inner = inner_at(value, i);

		if (holds(walk, step->filter, inner, &r) && r == 0)
			r = follow(walk, step->next, inner, found);
	}
	return r;
}

static int follow_one(struct walk *walk, const struct json_step *step,
		      const struct config_value *value, struct found *found)
{
	const struct config_value *inner = NULL;
	int64_t i;

	switch (step->kind) {
	case JSON_STEP_NAME:
		if (value->type == CONFIG_OBJECT)
			inner = config_object_find(&value->object, step->name);
		return inner ? follow(walk, step->next, inner, found) : 0;
	case JSON_STEP_INDEX:
		if (value->type != CONFIG_ARRAY)
			return 0;
		i = step->start + (step->start < 0 ? (int64_t)value->array.n_items : 0);
		if (i < 0 || (uint64_t)i >= value->array.n_items)
			return 0;
		return follow(walk, step->next, &value->array.items[i], found);
	case JSON_STEP_SLICE:
		return value->type == CONFIG_ARRAY ? follow_slice(walk, step, value, found) : 0;
	case JSON_STEP_ALL:
		return follow_all(walk, step, value, found);
	case JSON_STEP_DESCENT:
		return follow_descent(walk, step, value, found);
	case JSON_STEP_FILTER:
		return follow_filter(walk, step, value, found);
	}
	return 0;
}

/* Alternatives share what follows them, which only the first of them has. */
static int follow(struct walk *walk, const struct json_step *steps,
		  const struct config_value *value, struct found *found)
{
	struct json_step alternative;
	int r = 0;

	if (++walk->n_visits > CONFIG_JSON_PATH_VISITS_MAX)
		return CONFIG_REFUSED;
	if (!steps)
		return add(walk, value, found);
	for (const struct json_step *i = steps; r == 0 && i; i = i->other) {
		alternative = *i;
		alternative.next = steps->next;
		r = follow_one(walk, &alternative, value, found);
	}
	return r;
}

int config_json_path(const struct config_value *json, struct config_text path,
		     struct config_arena *arena, struct config_value *ret_value, struct bytes *why)
{
	struct walk walk = {json, arena, 0};
	struct found found = {NULL, 0, 0};
	const struct json_step *steps;
	int r = json_path_parse(path, arena, &steps, why);

	if (r != 0)
		return r;
	r = follow(&walk, steps, json, &found);
	if (r > 0)
		bytes_printf(why, "it visits more than %u values", CONFIG_JSON_PATH_VISITS_MAX);
	if (r == 0)
		*ret_value = (struct config_value){.type = CONFIG_ARRAY,
						   .array = {found.items, found.n_items}};
	return r;
}
