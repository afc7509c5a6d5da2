#include "discovery/kubernetes_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN ((size_t)64)

/* Where @key is, or should be. */
static size_t place_of(const struct kubernetes_objects *objects, const char *key,
		       bool *ret_is_there)
{
	size_t lo = 0, hi = objects->n;

	/* They come in order, mostly: behind the last is tried first. */
	if (hi > 0 && strcmp(objects->items[hi - 1]->text, key) < 0)
		lo = hi;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(objects->items[mid]->text, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_is_there = lo < objects->n && strcmp(objects->items[lo]->text, key) == 0;
	return lo;
}

static void count(struct kubernetes_objects *objects, const struct kubernetes_object *object)
{
	objects->n_bytes += object->n_bytes;
	if (objects->budget)
		objects->budget->n_bytes += object->n_bytes;
	objects->n_left_out += object->n_left_out;
}

static void discount(struct kubernetes_objects *objects, const struct kubernetes_object *object)
{
	objects->n_bytes -= object->n_bytes;
	if (objects->budget)
		objects->budget->n_bytes -= object->n_bytes;
	objects->n_left_out -= object->n_left_out;
}

static bool has_bytes_for(const struct kubernetes_objects *objects,
			  const struct kubernetes_object *object)
{
	size_t n_left = KUBERNETES_SET_BYTES_MAX - objects->n_bytes;

	if (objects->budget && KUBERNETES_BUDGET_BYTES_MAX - objects->budget->n_bytes < n_left)
		n_left = KUBERNETES_BUDGET_BYTES_MAX - objects->budget->n_bytes;
	return object->n_bytes <= n_left;
}

static int make_room(struct kubernetes_objects *objects)
{
	size_t capacity = objects->capacity > 0 ? objects->capacity * 2 : CAPACITY_MIN;
	struct kubernetes_object **items;

	if (objects->n < objects->capacity)
		return 0;
	if (objects->n >= KUBERNETES_OBJECTS_MAX)
		return KUBERNETES_TOO_BIG;
	items = realloc(objects->items, capacity * sizeof(struct kubernetes_object *));
	if (!items)
		return -ENOMEM;
	objects->items = items;
	objects->capacity = capacity;
	return 0;
}

static int insert(struct kubernetes_objects *objects, size_t at, struct kubernetes_object *object)
{
	int r = make_room(objects);

	if (r != 0)
		return r;
	memmove(&objects->items[at + 1], &objects->items[at],
		(objects->n - at) * sizeof(struct kubernetes_object *));
	objects->items[at] = object;
	objects->n++;
	return 0;
}

int kubernetes_objects_put(struct kubernetes_objects *objects, struct kubernetes_object *object,
			   bool *ret_has_changed)
{
	bool is_there, has_changed = true;
	size_t at = place_of(objects, object->text, &is_there);
	int r = 0;

	if (!has_bytes_for(objects, object))
		r = KUBERNETES_TOO_BIG;
	else if (!is_there)
		r = insert(objects, at, object);
	if (r != 0) {
		free(object);
		return r;
	}
	if (is_there) {
		has_changed = !kubernetes_object_equals(objects->items[at], object);
		discount(objects, objects->items[at]);
		free(objects->items[at]);
		objects->items[at] = object;
	}
	count(objects, object);
	*ret_has_changed = has_changed;
	return 0;
}

bool kubernetes_objects_remove(struct kubernetes_objects *objects, const char *key)
{
	bool is_there;
	size_t at = place_of(objects, key, &is_there);

	if (!is_there)
		return false;
	discount(objects, objects->items[at]);
	free(objects->items[at]);
	objects->n--;
	memmove(&objects->items[at], &objects->items[at + 1],
		(objects->n - at) * sizeof(struct kubernetes_object *));
	return true;
}

const struct kubernetes_object *kubernetes_objects_find(const struct kubernetes_objects *objects,
							const char *key)
{
	bool is_there;
	size_t at = place_of(objects, key, &is_there);

	return is_there ? objects->items[at] : NULL;
}

bool kubernetes_objects_equal(const struct kubernetes_objects *a,
			      const struct kubernetes_objects *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!kubernetes_object_equals(a->items[i], b->items[i]))
			return false;
	return true;
}

void kubernetes_objects_deinit(struct kubernetes_objects *objects)
{
	for (size_t i = 0; i < objects->n; i++) {
		discount(objects, objects->items[i]);
		free(objects->items[i]);
	}
	free(objects->items);
	*objects = (struct kubernetes_objects){.budget = objects->budget};
}

/* A list on its way. */
struct making {
	const struct kubernetes_objects *nodes;
	struct config_arena *arena;
	size_t n_targets;
	struct config_value *targets;
};

static size_t put_group(struct config_field *fields, size_t n, const char **at)
{
	struct kubernetes_label label;

	while (kubernetes_label_next(at, &label))
		fields[n++] = (struct config_field){
			.key = label.key,
			.value = {.type = CONFIG_STRING, .text = label.value},
		};
	return n;
}

/* A copy of the groups of @object in the arena, for the values to point into. NULL: no room. */
static const char *copy_groups(struct making *making, const struct kubernetes_object *object)
{
	size_t n_before = (size_t)(object->groups - object->text);

	return config_arena_copy(making->arena, object->groups, object->n_bytes - n_before);
}

/* The groups of labels that a target is made of. */
struct groups {
	const char *node; /* "": none */
	const char *common;
	const char *own;
	size_t n_labels_max;
};

/* Makes a target, and leaves groups->own at the next one's. */
static int add_target(struct making *making, struct groups *groups)
{
	struct config_field *fields =
		config_arena_array(making->arena, groups->n_labels_max, sizeof(*fields));
	const char *node = groups->node, *common = groups->common;
	size_t n;

	if (!fields)
		return making->arena->error;
	n = put_group(fields, 0, &node);
	n = put_group(fields, n, &common);
	n = put_group(fields, n, &groups->own);
	making->targets[making->n_targets++] = (struct config_value){
		.type = CONFIG_OBJECT, .object = config_object_make(fields, n)};
	return 0;
}

static int add_targets(struct making *making, const struct kubernetes_object *pod)
{
	const struct kubernetes_object *node = NULL;
	struct kubernetes_label label;
	struct groups groups;
	int r = 0;

	if (pod->n_targets == 0)
		return 0;
	if (making->nodes && pod->node[0])
		node = kubernetes_objects_find(making->nodes, pod->node);
	groups.node = node ? copy_groups(making, node) : "";
	groups.common = groups.own = copy_groups(making, pod);
	groups.n_labels_max =
		pod->n_common + KUBERNETES_TARGET_LABELS_MAX + (node ? node->n_labels : 0);
	if (!groups.node || !groups.common)
		return making->arena->error;
	while (kubernetes_label_next(&groups.own, &label))
		; /* groups.own is where the first target's are */
	for (size_t i = 0; r == 0 && i < pod->n_targets; i++)
		r = add_target(making, &groups);
	return r;
}

static int make(struct making *making, const struct kubernetes_objects *const *pods, size_t n)
{
	size_t n_targets = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < pods[i]->n; j++)
			n_targets += pods[i]->items[j]->n_targets;
	if (n_targets > KUBERNETES_TARGETS_MAX)
		return KUBERNETES_TOO_BIG;
	making->targets = config_arena_array(making->arena, n_targets, sizeof(*making->targets));
	if (!making->targets)
		return making->arena->error;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; r == 0 && j < pods[i]->n; j++)
			r = add_targets(making, pods[i]->items[j]);
	return r;
}

int kubernetes_targets_make(const struct kubernetes_objects *const *pods, size_t n,
			    const struct kubernetes_objects *nodes, struct config_arena *arena,
			    struct config_value *ret_list)
{
	struct making making = {.nodes = nodes, .arena = arena};
	int r = make(&making, pods, n);

	if (r == -EMSGSIZE)
		return KUBERNETES_TOO_BIG;
	if (r != 0)
		return r;
	*ret_list = (struct config_value){.type = CONFIG_ARRAY,
					  .array = {making.targets, making.n_targets}};
	return 0;
}
