/* Values that may be secrets, for arguments that are. */
#include "config/decoder.h"

int config_value_to_secret(struct config_arena *arena, const struct config_value *value,
			   struct config_text *ret_text)
{
	if (value->type != CONFIG_SECRET)
		return config_value_to_text(arena, value, ret_text);
	*ret_text = value->text;
	return 0;
}

static int list_to_secrets(struct config_arena *arena, const struct config_value *list,
			   struct config_value *ret_list)
{
	struct config_value *items;
	int r = 0;

	if (list->type != CONFIG_ARRAY)
		return CONFIG_REFUSED;
	items = config_arena_array(arena, list->array.n_items, sizeof(*items));
	if (!items)
		return arena->error;
	for (size_t i = 0; r == 0 && i < list->array.n_items; i++) {
		items[i].type = CONFIG_SECRET;
		r = config_value_to_secret(arena, &list->array.items[i], &items[i].text);
	}
	*ret_list =
		(struct config_value){.type = CONFIG_ARRAY, .array = {items, list->array.n_items}};
	return r;
}

int config_object_to_secret_lists(struct config_arena *arena, const struct config_object *object,
				  struct config_object *ret_object, struct config_text *ret_key)
{
	struct config_field *fields = config_arena_array(arena, object->n_fields, sizeof(*fields));
	int r;

	if (!fields)
		return arena->error;
	for (size_t i = 0; i < object->n_fields; i++) {
		fields[i] = object->fields[i];
		r = list_to_secrets(arena, &object->fields[i].value, &fields[i].value);
		if (r > 0)
			*ret_key = fields[i].key;
		if (r != 0)
			return r;
	}
	*ret_object = (struct config_object){fields, object->n_fields};
	return 0;
}
