#include "config/evaluator.h"

#include <string.h>

#include "config/library.h"
#include "config/operators.h"

#define FIELDS_OFFERED_MAX 64u /* for "did you mean" */

/* Where an expression has got to: a value, and the suffixes that still apply to it. */
struct progress {
	struct config_value value;
	const struct config_suffix *suffix;
};

struct config_path config_path_of(const struct config_expression *expression)
{
	const struct config_expression *first = expression;
	const struct config_suffix *suffix = NULL;
	struct config_path path = {.n_names = 0};

	if (expression->kind == CONFIG_SUFFIXED) {
		first = expression->suffixed.operand;
		suffix = expression->suffixed.suffixes;
	}
	if (first->kind != CONFIG_NAME)
		return path;
	path.span = first->span;
	path.names[path.n_names++] = first->name;
	for (; suffix && suffix->kind == CONFIG_MEMBER; suffix = suffix->next) {
		if (path.n_names == CONFIG_PATH_NAMES_MAX)
			break;
		path.names[path.n_names++] = suffix->name;
	}
	return path;
}

static int refuse_unknown(const struct config_evaluator *ev, const struct config_path *path)
{
	char text[CONFIG_SUGGESTION_BYTES_MAX + 1];
	struct config_suggestion suggestion = {.word = {text, 0}};
	const char *dot;
	size_t n = 0;

	if (ev->is_partial)
		return CONFIG_REFUSED;
	for (size_t i = 0; i < path->n_names; i++) /* the whole path, as far as it has room */
		for (size_t j = 0; j <= path->names[i].n_bytes && n + 1 < sizeof(text); j++)
			text[n++] = j < path->names[i].n_bytes ? path->names[i].data[j] : '.';
	n -= n > 0 && text[n - 1] == '.';
	suggestion.word.n_bytes = n;
	if (config_may_suggest(ev->diagnostics)) {
		config_library_suggest(&suggestion);
		dot = memrchr(text, '.', n); /* what follows the last is an export, not of the id */
		suggestion.word.n_bytes = dot ? (size_t)(dot - text) : n;
		if (ev->scope.suggest)
			ev->scope.suggest(ev->scope.context, &suggestion);
	}
	config_error(ev->diagnostics, path->span, "found the unknown name %.*s, %s%s%s", (int)n,
		     text,
		     suggestion.nearest ? "did you mean "
					: "names are those of components with their "
					  "labels and of the standard library",
		     suggestion.nearest ? suggestion.nearest : "", suggestion.nearest ? "?" : "");
	return CONFIG_REFUSED;
}

/* Finds what a path stands for and passes the suffixes that belong to it. */
static int resolve(const struct config_evaluator *ev, const struct config_expression *expression,
		   struct progress *progress)
{
	struct config_path path = config_path_of(expression);
	enum config_lookup lookup = CONFIG_LOOKUP_UNKNOWN;
	size_t n_used = 0;

	if (ev->scope.find)
		lookup = ev->scope.find(ev->scope.context, &path, &n_used, &progress->value);
	if (lookup == CONFIG_LOOKUP_BROKEN)
		return CONFIG_REFUSED;
	if (lookup == CONFIG_LOOKUP_UNKNOWN &&
	    !config_library_find(ev->diagnostics->arena, &path, &n_used, &progress->value)) {
		if (ev->diagnostics->arena->error)
			return ev->diagnostics->arena->error;
		return refuse_unknown(ev, &path);
	}
	for (size_t i = 1; i < n_used; i++)
		progress->suffix = progress->suffix->next;
	return 0;
}

static int take_member(const struct config_evaluator *ev, const struct config_suffix *suffix,
		       struct config_value *value)
{
	struct config_suggestion suggestion = {.word = suffix->name};
	const struct config_value *found;

	if (value->type != CONFIG_OBJECT) {
		config_error(ev->diagnostics, suffix->span,
			     "found .%s behind %s, only an object has fields", suffix->name.data,
			     config_value_describe(value));
		return CONFIG_REFUSED;
	}
	found = config_object_find(&value->object, suffix->name);
	if (found) {
		*value = *found;
		return 0;
	}
	for (size_t i = 0; i < value->object.n_fields && i < FIELDS_OFFERED_MAX; i++)
		config_suggestion_offer(&suggestion, value->object.fields[i].key.data);
	if (suggestion.nearest)
		config_error(ev->diagnostics, suffix->span,
			     "there is no field %s here, did you mean %s?", suffix->name.data,
			     suggestion.nearest);
	else
		config_error(ev->diagnostics, suffix->span, "there is no field %s here, %s%s",
			     suffix->name.data,
			     value->object.n_fields > 0 ? "there is for example "
							: "there are none",
			     value->object.n_fields > 0 ? value->object.fields[0].key.data : "");
	return CONFIG_REFUSED;
}

static int take_item(const struct config_evaluator *ev, const struct config_suffix *suffix,
		     const struct config_value *index, struct config_value *value)
{
	struct config_span at = suffix->arguments->span;
	int64_t i;

	if (index->type != CONFIG_NUMBER || config_number_to_int(index->number, &i) != 0) {
		config_error(ev->diagnostics, at, "the index is %s, a list needs a whole number",
			     config_value_describe(index));
		return CONFIG_REFUSED;
	}
	if (i < 0 || (uint64_t)i >= value->array.n_items) {
		config_error(ev->diagnostics, at,
			     "the index is %lld, the list has %zu elements, from 0", (long long)i,
			     value->array.n_items);
		return CONFIG_REFUSED;
	}
	*value = value->array.items[i];
	return 0;
}

/* A list by number, an object by key: a key that is not there gives null. */
static int take_index(const struct config_evaluator *ev, const struct config_suffix *suffix,
		      struct config_value *value)
{
	const struct config_value *found;
	struct config_value index;
	int r = config_evaluate(ev, suffix->arguments, &index);

	if (r != 0)
		return r;
	if (value->type == CONFIG_ARRAY)
		return take_item(ev, suffix, &index, value);
	if (value->type != CONFIG_OBJECT || index.type != CONFIG_STRING) {
		config_error(
			ev->diagnostics, suffix->arguments->span,
			"found %s as the index of %s, expected a number for a list or a string "
			"for an object",
			config_value_describe(&index), config_value_describe(value));
		return CONFIG_REFUSED;
	}
	found = config_object_find(&value->object, index.text);
	*value = found ? *found : (struct config_value){.type = CONFIG_NULL};
	return 0;
}

static int take_call(const struct config_evaluator *ev, const struct config_suffix *suffix,
		     struct config_value *value)
{
	struct config_arena *arena = ev->diagnostics->arena;
	struct config_value *arguments =
		config_arena_array(arena, suffix->n_arguments, sizeof(*arguments));
	struct config_span *spans = config_arena_array(arena, suffix->n_arguments, sizeof(*spans));
	struct config_call call = {.diagnostics = ev->diagnostics, .span = suffix->span};
	const struct config_expression *e = suffix->arguments;
	int r = 0;

	if (!arguments || !spans)
		return arena->error;
	if (value->type != CONFIG_FUNCTION) {
		config_error(ev->diagnostics, suffix->span,
			     "found %s before (, only a function can be called",
			     config_value_describe(value));
		return CONFIG_REFUSED;
	}
	for (size_t i = 0; i < suffix->n_arguments; i++, e = e->next) {
		int result = config_evaluate(ev, e, &arguments[i]);

		spans[i] = e->span;
		if (result < 0)
			return result;
		r = result ? result : r;
	}
	if (r != 0)
		return r;
	call.function = value->function;
	call.arguments = arguments;
	call.spans = spans;
	call.n_arguments = suffix->n_arguments;
	return config_call(&call, value);
}

static int evaluate_suffixed(const struct config_evaluator *ev,
			     const struct config_expression *expression,
			     struct config_value *ret_value)
{
	struct progress progress = {.suffix = NULL};
	int r;

	if (expression->kind == CONFIG_SUFFIXED)
		progress.suffix = expression->suffixed.suffixes;
	if (expression->kind == CONFIG_NAME || expression->suffixed.operand->kind == CONFIG_NAME)
		r = resolve(ev, expression, &progress);
	else
		r = config_evaluate(ev, expression->suffixed.operand, &progress.value);
	for (; r == 0 && progress.suffix; progress.suffix = progress.suffix->next) {
		if (progress.suffix->kind == CONFIG_MEMBER)
			r = take_member(ev, progress.suffix, &progress.value);
		else if (progress.suffix->kind == CONFIG_INDEX)
			r = take_index(ev, progress.suffix, &progress.value);
		else
			r = take_call(ev, progress.suffix, &progress.value);
	}
	if (r == 0)
		*ret_value = progress.value;
	return r;
}

static int evaluate_signed(const struct config_evaluator *ev,
			   const struct config_expression *expression,
			   struct config_value *ret_value)
{
	const struct config_operator *op = expression->sign.operators;
	struct config_value value;
	int r = config_evaluate(ev, expression->sign.operand, &value);

	for (; r == 0 && op; op = op->next)
		r = config_apply_unary(ev->diagnostics, op, &value, &value);
	if (r == 0)
		*ret_value = value;
	return r;
}

/* From the left, but `^` from the right. All operands are evaluated, those of && and || too. */
static int evaluate_chain(const struct config_evaluator *ev,
			  const struct config_expression *expression,
			  struct config_value *ret_value)
{
	struct config_arena *arena = ev->diagnostics->arena;
	size_t n = expression->chain.n_terms;
	struct config_value *operands = config_arena_array(arena, n + 1, sizeof(*operands));
	const struct config_term **terms = config_arena_array(arena, n, sizeof(*terms));
	const struct config_term *term = expression->chain.terms;
	int r, first_refusal = 0;

	if (!operands || !terms)
		return arena->error;
	for (size_t i = 0; i <= n; i++) {
		r = config_evaluate(ev, i == 0 ? expression->chain.first : term->operand,
				    &operands[i]);
		if (r < 0)
			return r;
		first_refusal = first_refusal ? first_refusal : r;
		if (i > 0) {
			terms[i - 1] = term;
			term = term->next;
		}
	}
	if (first_refusal)
		return first_refusal;
	if (terms[0]->kind == CONFIG_TOKEN_POW) {
		for (size_t i = n; i > 0 && first_refusal == 0; i--)
			first_refusal =
				config_apply_binary(ev->diagnostics, terms[i - 1], &operands[i - 1],
						    &operands[i], &operands[i - 1]);
	} else {
		for (size_t i = 0; i < n && first_refusal == 0; i++)
			first_refusal = config_apply_binary(ev->diagnostics, terms[i], &operands[0],
							    &operands[i + 1], &operands[0]);
	}
	if (first_refusal == 0)
		*ret_value = operands[0];
	return first_refusal;
}

static int evaluate_list(const struct config_evaluator *ev,
			 const struct config_expression *expression, struct config_value *ret_value)
{
	struct config_arena *arena = ev->diagnostics->arena;
	size_t n = expression->list.n_items;
	struct config_value *items = config_arena_array(arena, n, sizeof(*items));
	const struct config_expression *item = expression->list.items;
	int r, refusal = 0;

	if (!items)
		return arena->error;
	for (size_t i = 0; i < n; i++, item = item->next) {
		r = config_evaluate(ev, item, &items[i]);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	if (refusal == 0)
		*ret_value = (struct config_value){.type = CONFIG_ARRAY, .array = {items, n}};
	return refusal;
}

static int evaluate_map(const struct config_evaluator *ev,
			const struct config_expression *expression, struct config_value *ret_value)
{
	struct config_arena *arena = ev->diagnostics->arena;
	size_t n = expression->map.n_entries;
	struct config_field *fields = config_arena_array(arena, n, sizeof(*fields));
	const struct config_entry *entry = expression->map.entries;
	int r, refusal = 0;

	if (!fields)
		return arena->error;
	for (size_t i = 0; i < n; i++, entry = entry->next) {
		fields[i].key = entry->key;
		r = config_evaluate(ev, entry->value, &fields[i].value);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	if (refusal == 0)
		*ret_value = (struct config_value){.type = CONFIG_OBJECT,
						   .object = config_object_make(fields, n)};
	return refusal;
}

int config_evaluate(const struct config_evaluator *evaluator,
		    const struct config_expression *expression, struct config_value *ret_value)
{
	switch (expression->kind) {
	case CONFIG_LITERAL:
		*ret_value = expression->literal;
		return 0;
	case CONFIG_NAME:
	case CONFIG_SUFFIXED:
		return evaluate_suffixed(evaluator, expression, ret_value);
	case CONFIG_SIGNED:
		return evaluate_signed(evaluator, expression, ret_value);
	case CONFIG_CHAIN:
		return evaluate_chain(evaluator, expression, ret_value);
	case CONFIG_LIST:
		return evaluate_list(evaluator, expression, ret_value);
	case CONFIG_MAP:
		return evaluate_map(evaluator, expression, ret_value);
	}
	return CONFIG_REFUSED;
}
