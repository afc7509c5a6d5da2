#include "config/decoder.h"

#include <string.h>

#include "base/bytes.h"
#include "config/suggestion.h"

#define LIST_BYTES_MAX 512 /* of names that a message lists */

struct decoding {
	const struct config_evaluator *evaluator;
	struct config_diagnostics *diagnostics;
	const struct config_schema *schema;
	struct config_decoded *decoded; /* the start of the struct of arguments */
	bool *is_bad;                   /* by argument: what it is set to was refused */
	struct config_value *set;       /* by argument: what it is set to */
};

static void *field_at(const struct decoding *d, size_t offset)
{
	return (char *)d->decoded + offset;
}

int config_object_to_texts(struct config_arena *arena, const struct config_object *object,
			   struct config_object *ret_object, struct config_text *ret_key)
{
	struct config_field *fields = config_arena_array(arena, object->n_fields, sizeof(*fields));
	int r;

	if (!fields)
		return arena->error;
	for (size_t i = 0; i < object->n_fields; i++) {
		fields[i] = object->fields[i];
		fields[i].value.type = CONFIG_STRING;
		r = config_value_to_text(arena, &object->fields[i].value, &fields[i].value.text);
		if (r > 0)
			*ret_key = fields[i].key;
		if (r != 0)
			return r;
	}
	*ret_object = (struct config_object){fields, object->n_fields};
	return 0;
}

static int refuse(const struct decoding *d, const struct config_attribute *attribute,
		  const struct config_value *value, const char *expected)
{
	config_error(d->diagnostics, attribute->value->span, "%s is %s, expected %s",
		     attribute->name.data, config_value_describe(value), expected);
	return CONFIG_REFUSED;
}

static int store_count(const struct decoding *d, const struct config_argument *argument,
		       const struct config_attribute *attribute, const struct config_value *value)
{
	struct config_number number;
	struct config_text text;
	int64_t count = -1;
	int r;

	if (config_value_to_number(value, &number) != 0)
		return refuse(d, attribute, value, "a whole number");
	if (config_number_to_int(number, &count) != 0 || count < argument->min ||
	    count > argument->max) {
		r = config_value_to_text(d->diagnostics->arena, value, &text);
		if (r < 0)
			return r;
		config_error(d->diagnostics, attribute->value->span,
			     "%s is %s, expected a whole number from %u to %u", argument->name,
			     r == 0 && text.n_bytes > 0 ? text.data : "null", argument->min,
			     argument->max);
		return CONFIG_REFUSED;
	}
	*(uint32_t *)field_at(d, argument->offset) = (uint32_t)count;
	return 0;
}

/* Writes @ms as a person would: "15s", "100ms", "1h". */
static void print_duration(char *at, size_t n_bytes, uint32_t ms)
{
	struct bytes text = BYTES_INIT(n_bytes - 1);

	if (ms % 3600000 == 0 && ms > 0)
		bytes_printf(&text, "%uh", ms / 3600000);
	else if (ms % 60000 == 0 && ms > 0)
		bytes_printf(&text, "%um", ms / 60000);
	else if (ms % 1000 == 0)
		bytes_printf(&text, "%us", ms / 1000);
	else
		bytes_printf(&text, "%ums", ms);
	memcpy(at, text.data ? (const char *)text.data : "", text.n_bytes);
	at[text.n_bytes] = '\0';
	bytes_deinit(&text);
}

static int store_duration(const struct decoding *d, const struct config_argument *argument,
			  const struct config_attribute *attribute,
			  const struct config_value *value)
{
	char least[32], most[32];
	struct config_text text;
	int64_t ns = 0, ms;
	int r = config_value_to_text(d->diagnostics->arena, value, &text);

	if (r < 0)
		return r;
	if (r > 0 || value->type == CONFIG_BOOL)
		return refuse(d, attribute, value, "a duration such as \"15s\"");
	if (value->type != CONFIG_NULL && config_parse_duration(text, &ns) != 0) {
		config_error(
			d->diagnostics, attribute->value->span,
			"%s is \"%s\", expected a duration: numbers with a unit of ns us ms s m "
			"h, such as \"15s\" or \"1h30m\"",
			argument->name, text.data);
		return CONFIG_REFUSED;
	}
	ms = ns / 1000000;
	if (ns < 0 || ms < argument->min || ms > argument->max) {
		print_duration(least, sizeof(least), argument->min);
		print_duration(most, sizeof(most), argument->max);
		config_error(d->diagnostics, attribute->value->span,
			     "%s is \"%s\", expected a duration from %s to %s", argument->name,
			     text.data, least, most);
		return CONFIG_REFUSED;
	}
	*(uint32_t *)field_at(d, argument->offset) = (uint32_t)ms;
	return 0;
}

static int store_text(const struct decoding *d, const struct config_argument *argument,
		      const struct config_attribute *attribute, const struct config_value *value)
{
	bool is_secret = argument->kind == CONFIG_ARGUMENT_SECRET;
	struct config_text text;
	int r = is_secret ? config_value_to_secret(d->diagnostics->arena, value, &text)
			  : config_value_to_text(d->diagnostics->arena, value, &text);

	if (r < 0)
		return r;
	if (r > 0 || value->type == CONFIG_BOOL)
		return refuse(d, attribute, value, is_secret ? "a string or a secret" : "a string");
	if (strlen(text.data) != text.n_bytes || !config_utf8_valid(text)) {
		config_error(d->diagnostics, attribute->value->span,
			     "%s has a NUL byte or is not UTF-8, expected text", argument->name);
		return CONFIG_REFUSED;
	}
	*(struct config_text *)field_at(d, argument->offset) = text;
	return 0;
}

/* Appends a name to a list in words, cutting a long one. */
static void list_name(struct bytes *list, const char *name)
{
	if (list->n_bytes > 0)
		bytes_append(list, ", ", 2);
	bytes_append(list, name, strlen(name));
}

static const char *list_text(struct bytes *list)
{
	list->error = 0;
	list->bytes_max++;
	bytes_append(list, "", 1);
	return list->data ? (const char *)list->data : "";
}

static int store_word(const struct decoding *d, const struct config_argument *argument,
		      const struct config_attribute *attribute, const struct config_value *value)
{
	struct config_suggestion suggestion = {.nearest = NULL};
	struct bytes list = BYTES_INIT(LIST_BYTES_MAX);

	if (value->type != CONFIG_STRING)
		return refuse(d, attribute, value, "a string");
	suggestion.word = value->text;
	for (uint32_t i = 0; argument->words[i]; i++) {
		if (config_text_equals(value->text, argument->words[i])) {
			*(uint32_t *)field_at(d, argument->offset) = i;
			bytes_deinit(&list);
			return 0;
		}
		config_suggestion_offer(&suggestion, argument->words[i]);
		list_name(&list, argument->words[i]);
	}
	config_error(d->diagnostics, attribute->value->span,
		     "%s is \"%s\", expected one of %s%s%s%s", argument->name, value->text.data,
		     list_text(&list), suggestion.nearest ? "; did you mean " : "",
		     suggestion.nearest ? suggestion.nearest : "", suggestion.nearest ? "?" : "");
	bytes_deinit(&list);
	return CONFIG_REFUSED;
}

static int store_map(const struct decoding *d, const struct config_argument *argument,
		     const struct config_attribute *attribute, const struct config_value *value)
{
	struct config_object object = {NULL, 0};
	struct config_text key;
	int r = 0;

	if (value->type == CONFIG_OBJECT)
		r = config_object_to_texts(d->diagnostics->arena, &value->object, &object, &key);
	else if (value->type != CONFIG_NULL)
		return refuse(d, attribute, value, "a map of strings: { name = \"value\" }");
	if (r > 0)
		config_error(d->diagnostics, attribute->value->span,
			     "the value of %s in %s is no string, expected a map of strings",
			     key.data, argument->name);
	if (r == 0)
		*(struct config_object *)field_at(d, argument->offset) = object;
	return r;
}

static int store_secret_lists(const struct decoding *d, const struct config_argument *argument,
			      const struct config_attribute *attribute,
			      const struct config_value *value)
{
	static const char expected[] = "a map of lists of strings: { name = [\"value\"] }";
	struct config_object object = {NULL, 0};
	struct config_text key;
	int r = 0;

	if (value->type == CONFIG_OBJECT)
		r = config_object_to_secret_lists(d->diagnostics->arena, &value->object, &object,
						  &key);
	else if (value->type != CONFIG_NULL)
		return refuse(d, attribute, value, expected);
	if (r > 0)
		config_error(d->diagnostics, attribute->value->span,
			     "the value of %s in %s is no list of strings, expected %s", key.data,
			     argument->name, expected);
	if (r == 0)
		*(struct config_object *)field_at(d, argument->offset) = object;
	return r;
}

static int store(const struct decoding *d, const struct config_argument *argument,
		 const struct config_attribute *attribute, const struct config_value *value)
{
	switch (argument->kind) {
	case CONFIG_ARGUMENT_BOOL:
		if (value->type != CONFIG_BOOL && value->type != CONFIG_NULL)
			return refuse(d, attribute, value, "true or false");
		*(bool *)field_at(d, argument->offset) =
			value->type == CONFIG_BOOL && value->boolean;
		return 0;
	case CONFIG_ARGUMENT_COUNT:
		return store_count(d, argument, attribute, value);
	case CONFIG_ARGUMENT_DURATION:
		return store_duration(d, argument, attribute, value);
	case CONFIG_ARGUMENT_TEXT:
	case CONFIG_ARGUMENT_SECRET:
		return store_text(d, argument, attribute, value);
	case CONFIG_ARGUMENT_WORD:
		return store_word(d, argument, attribute, value);
	case CONFIG_ARGUMENT_MAP:
		return store_map(d, argument, attribute, value);
	case CONFIG_ARGUMENT_SECRET_LISTS:
		return store_secret_lists(d, argument, attribute, value);
	case CONFIG_ARGUMENT_VALUE:
		break;
	}
	*(struct config_value *)field_at(d, argument->offset) = *value;
	return 0;
}

/* Reports a name that no row has: of an attribute, or of a block in this block. */
static int refuse_name(const struct decoding *d, struct config_text name, struct config_span at,
		       bool is_block)
{
	struct config_suggestion suggestion = {.word = name};
	struct bytes known = BYTES_INIT(LIST_BYTES_MAX);
	const struct config_schema *schema = d->schema;
	const char *form = NULL;

	if (!config_may_suggest(d->diagnostics)) {
		config_error(d->diagnostics, at,
			     "found the unknown %s %s, expected one that is known",
			     is_block ? "block" : "argument", name.data);
		return CONFIG_REFUSED;
	}
	for (size_t i = 0; i < schema->n_arguments; i++) {
		config_suggestion_offer(&suggestion, schema->arguments[i].name);
		list_name(&known, schema->arguments[i].name);
		if (is_block && config_text_equals(name, schema->arguments[i].name))
			form = "an argument here, write";
	}
	for (size_t i = 0; i < schema->n_inner; i++) {
		config_suggestion_offer(&suggestion, schema->inner[i].name);
		list_name(&known, schema->inner[i].name);
		if (!is_block && config_text_equals(name, schema->inner[i].name))
			form = "a block here, write";
	}
	if (form)
		config_error(d->diagnostics, at, "%s is %s %s %s", name.data, form, name.data,
			     is_block ? "= value" : "{ ... }");
	else if (suggestion.nearest)
		config_error(d->diagnostics, at, "found the unknown %s %s, did you mean %s?",
			     is_block ? "block" : "argument", name.data, suggestion.nearest);
	else
		config_error(d->diagnostics, at, "found the unknown %s %s, %s knows %s",
			     is_block ? "block" : "argument", name.data,
			     d->decoded->block->name.data, list_text(&known));
	bytes_deinit(&known);
	return CONFIG_REFUSED;
}

static int decode_attribute(const struct decoding *d, const struct config_attribute *attribute)
{
	const struct config_argument *argument = NULL;
	const struct config_attribute *before;
	size_t i;
	int r;

	for (i = 0; i < d->schema->n_arguments && !argument; i++)
		if (config_text_equals(attribute->name, d->schema->arguments[i].name))
			argument = &d->schema->arguments[i];
	if (!argument)
		return refuse_name(d, attribute->name, attribute->name_span, false);
	before = d->decoded->set[i - 1];
	if (before) {
		config_error(
			d->diagnostics, attribute->name_span,
			"%s is set again, expected once: it is first set in line %u",
			argument->name,
			config_source_line(d->diagnostics->source, before->name_span.start, NULL));
		return CONFIG_REFUSED;
	}
	d->decoded->set[i - 1] = attribute;
	if (argument->flags & CONFIG_INACTIVE)
		config_warn(d->diagnostics, attribute->name_span,
			    "%s is accepted but has no effect in this version", argument->name);
	r = config_evaluate(d->evaluator, attribute->value, &d->set[i - 1]);
	r = r != 0 ? r : store(d, argument, attribute, &d->set[i - 1]);
	d->is_bad[i - 1] = r != 0;
	return r;
}

/* Decodes the blocks of @inner's name, in order, into an array that is put in its place. */
static int decode_inner(const struct decoding *d, const struct config_inner *inner)
{
	const struct config_block *block = d->decoded->block->body.blocks;
	struct config_inner_blocks *blocks = field_at(d, inner->offset);
	size_t n_items = 0;
	char *items;
	int r, refusal = 0;

	for (; block; block = block->next)
		n_items += config_text_equals(block->name, inner->name);
	items = config_arena_array(d->diagnostics->arena, n_items, inner->schema->n_bytes);
	if (!items)
		return d->diagnostics->arena->error;
	*blocks = (struct config_inner_blocks){items, 0};
	for (block = d->decoded->block->body.blocks; block; block = block->next) {
		if (!config_text_equals(block->name, inner->name))
			continue;
		if (blocks->n_items == inner->n_max) {
			config_error(d->diagnostics, block->name_span,
				     "found more %s blocks than %zu, which is the most",
				     inner->name, inner->n_max);
			return CONFIG_REFUSED;
		}
		if (block->label.n_bytes > 0) {
			config_error(d->diagnostics, block->label_span,
				     "found a label, a block %s has none", inner->name);
			refusal = CONFIG_REFUSED;
		}
		r = config_decode(d->evaluator, block, inner->schema,
				  items + blocks->n_items++ * inner->schema->n_bytes);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	return refusal;
}

static int check_blocks(const struct decoding *d)
{
	const struct config_block *block = d->decoded->block->body.blocks;
	int r, refusal = 0;

	for (; block; block = block->next) {
		bool known = false;

		for (size_t i = 0; i < d->schema->n_inner; i++)
			known |= config_text_equals(block->name, d->schema->inner[i].name);
		if (!known)
			refusal = refuse_name(d, block->name, block->name_span, true);
	}
	for (size_t i = 0; i < d->schema->n_inner; i++) {
		r = decode_inner(d, &d->schema->inner[i]);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	return refusal;
}

static int check_required(const struct decoding *d)
{
	int refusal = 0;

	if (d->decoded->block->body.is_damaged) /* it may be what could not be read */
		return CONFIG_REFUSED;
	for (size_t i = 0; i < d->schema->n_arguments; i++) {
		if (!(d->schema->arguments[i].flags & CONFIG_REQUIRED) || d->decoded->set[i])
			continue;
		config_error(d->diagnostics, d->decoded->block->name_span,
			     "%s misses the argument %s, which is required",
			     d->decoded->block->name.data, d->schema->arguments[i].name);
		refusal = CONFIG_REFUSED;
	}
	return refusal;
}

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

/* What an argument is worth after decoding. A duration stays as it was written. */
static int value_of(const struct decoding *d, size_t i, struct config_value *ret_value)
{
	const struct config_argument *argument = &d->schema->arguments[i];
	const void *field = field_at(d, argument->offset);
	struct config_value value = {.type = CONFIG_STRING};
	char duration[32];

	switch (argument->kind) {
	case CONFIG_ARGUMENT_BOOL:
		value = (struct config_value){.type = CONFIG_BOOL, .boolean = *(const bool *)field};
		break;
	case CONFIG_ARGUMENT_COUNT:
		value.type = CONFIG_NUMBER;
		value.number =
			(struct config_number){.kind = CONFIG_INT, .i = *(const uint32_t *)field};
		break;
	case CONFIG_ARGUMENT_DURATION:
		if (d->set[i].type != CONFIG_NULL) {
			value = d->set[i];
			break;
		}
		print_duration(duration, sizeof(duration), *(const uint32_t *)field);
		value.text = text_of(duration);
		value.text.data =
			config_arena_copy(d->diagnostics->arena, duration, value.text.n_bytes);
		break;
	case CONFIG_ARGUMENT_TEXT:
		value.text = *(const struct config_text *)field;
		break;
	case CONFIG_ARGUMENT_SECRET:
		value.type = CONFIG_SECRET;
		value.text = *(const struct config_text *)field;
		break;
	case CONFIG_ARGUMENT_WORD:
		value.text = text_of(argument->words[*(const uint32_t *)field]);
		break;
	case CONFIG_ARGUMENT_MAP:
	case CONFIG_ARGUMENT_SECRET_LISTS:
		value = (struct config_value){.type = CONFIG_OBJECT,
					      .object = *(const struct config_object *)field};
		break;
	case CONFIG_ARGUMENT_VALUE:
		value = *(const struct config_value *)field;
		break;
	}
	*ret_value = value;
	return d->diagnostics->arena->error;
}

/* The values of the inner blocks of one name, each of which begins with a struct config_decoded. */
static int value_of_inner(const struct decoding *d, const struct config_inner *inner,
			  struct config_value *ret_value)
{
	const struct config_inner_blocks *blocks = field_at(d, inner->offset);
	struct config_value *items =
		config_arena_array(d->diagnostics->arena, blocks->n_items, sizeof(*items));

	if (!items)
		return d->diagnostics->arena->error;
	for (size_t i = 0; i < blocks->n_items; i++) {
		const struct config_decoded *decoded =
			(const void *)((const char *)blocks->items + i * inner->schema->n_bytes);

		items[i] = (struct config_value){.type = CONFIG_OBJECT, .object = decoded->values};
	}
	if (inner->n_max > 1)
		*ret_value = (struct config_value){.type = CONFIG_ARRAY,
						   .array = {items, blocks->n_items}};
	else if (blocks->n_items > 0)
		*ret_value = items[0];
	else
		*ret_value = (struct config_value){.type = CONFIG_NULL};
	return 0;
}

static int gather_values(const struct decoding *d)
{
	const struct config_schema *schema = d->schema;
	struct config_arena *arena = d->diagnostics->arena;
	struct config_field *fields =
		config_arena_array(arena, schema->n_arguments + schema->n_inner, sizeof(*fields));
	size_t n = 0;
	int r;

	if (!fields)
		return arena->error;
	for (size_t i = 0; i < schema->n_arguments; i++, n++) {
		fields[n].key = text_of(schema->arguments[i].name);
		r = d->is_bad[i] ? 0 : value_of(d, i, &fields[n].value);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < schema->n_inner; i++, n++) {
		fields[n].key = text_of(schema->inner[i].name);
		r = value_of_inner(d, &schema->inner[i], &fields[n].value);
		if (r < 0)
			return r;
	}
	d->decoded->values = config_object_make(fields, n);
	return 0;
}

int config_decode(const struct config_evaluator *evaluator, const struct config_block *block,
		  const struct config_schema *schema, void *arguments)
{
	const struct config_attribute *attribute = block->body.attributes;
	struct config_value set[CONFIG_SCHEMA_ARGUMENTS_MAX] = {{.type = CONFIG_NULL}};
	bool is_bad[CONFIG_SCHEMA_ARGUMENTS_MAX] = {false};
	struct decoding d = {evaluator, evaluator->diagnostics, schema, arguments, is_bad, set};
	int r, refusal = 0;

	memcpy(arguments, schema->defaults, schema->n_bytes);
	d.decoded->block = block;
	for (; attribute; attribute = attribute->next) {
		r = decode_attribute(&d, attribute);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	r = check_blocks(&d);
	if (r < 0)
		return r;
	refusal = refusal ? refusal : r;
	r = check_required(&d);
	refusal = refusal ? refusal : r;
	d.decoded->is_refused = refusal != 0;
	r = gather_values(&d);
	if (r < 0)
		return r;
	if (block == evaluator->recorded_block)
		*evaluator->ret_recorded = d.decoded->values;
	return evaluator->diagnostics->arena->error ? evaluator->diagnostics->arena->error
						    : refusal;
}

struct config_span config_place_of(const struct config_schema *schema,
				   const struct config_decoded *decoded, const char *name)
{
	for (size_t i = 0; i < schema->n_arguments; i++)
		if (decoded->set[i] && strcmp(schema->arguments[i].name, name) == 0)
			return decoded->set[i]->value->span;
	return decoded->block->name_span;
}

int config_evaluate_body(const struct config_evaluator *evaluator, const struct config_body *body)
{
	const struct config_attribute *attribute = body->attributes;
	const struct config_block *block = body->blocks;
	struct config_value value;
	int r = 0;

	for (; attribute && r >= 0; attribute = attribute->next)
		r = config_evaluate(evaluator, attribute->value, &value);
	for (; block && r >= 0; block = block->next)
		r = config_evaluate_body(evaluator, &block->body);
	return r < 0 ? r : 0;
}
