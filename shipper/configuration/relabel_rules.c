#include "configuration/relabel_rules.h"

#include <inttypes.h>
#include <string.h>

#define SOURCE_LABELS_MAX 64u
#define FIELDS            7u /* of a rule's export */

static const char *const action_words[] = {
	[RELABEL_REPLACE] = "replace",     [RELABEL_KEEP] = "keep",
	[RELABEL_DROP] = "drop",           [RELABEL_HASHMOD] = "hashmod",
	[RELABEL_LABELMAP] = "labelmap",   [RELABEL_LABELDROP] = "labeldrop",
	[RELABEL_LABELKEEP] = "labelkeep", [RELABEL_LOWERCASE] = "lowercase",
	[RELABEL_UPPERCASE] = "uppercase", [RELABEL_KEEPEQUAL] = "keepequal",
	[RELABEL_DROPEQUAL] = "dropequal", NULL,
};

static const struct config_argument rule_rows[] = {
	{.name = "source_labels",
	 .kind = CONFIG_ARGUMENT_VALUE,
	 .offset = offsetof(struct rule_arguments, source_labels)},
	{.name = "separator",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct rule_arguments, separator)},
	{.name = "regex",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct rule_arguments, regex)},
	{.name = "modulus",
	 .kind = CONFIG_ARGUMENT_VALUE,
	 .offset = offsetof(struct rule_arguments, modulus)},
	{.name = "target_label",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct rule_arguments, target_label)},
	{.name = "replacement",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct rule_arguments, replacement)},
	{.name = "action",
	 .kind = CONFIG_ARGUMENT_WORD,
	 .offset = offsetof(struct rule_arguments, action),
	 .words = action_words},
};

static const struct rule_arguments rule_defaults = {
	.source_labels = {.type = CONFIG_ARRAY},
	.modulus = {.type = CONFIG_NUMBER},
	.separator = CONFIG_TEXT(";"),
	.regex = CONFIG_TEXT("(.*)"),
	.target_label = CONFIG_TEXT(""),
	.replacement = CONFIG_TEXT("$1"),
	.action = RELABEL_REPLACE,
};

const struct config_schema relabel_rule_schema = {
	.arguments = rule_rows,
	.n_arguments = sizeof(rule_rows) / sizeof(rule_rows[0]),
	.defaults = &rule_defaults,
	.n_bytes = sizeof(rule_defaults),
};

/* What an action makes of its arguments, besides those that it just reads. */
enum target_form { TARGET_UNUSED, TARGET_NAME, TARGET_TEMPLATE };

#define MODULUS_ROW 3 /* of rule_rows */

#define NO_SOURCE      0x01u /* the argument has to be as if it were left out */
#define NO_SEPARATOR   0x02u
#define NO_REGEX       0x04u
#define NO_MODULUS     0x08u
#define NO_TARGET      0x10u
#define NO_REPLACEMENT 0x20u

static const struct action_form {
	enum target_form target;
	unsigned refused;
} forms[] = {
	[RELABEL_REPLACE] = {TARGET_TEMPLATE, 0},
	[RELABEL_KEEP] = {TARGET_UNUSED, 0},
	[RELABEL_DROP] = {TARGET_UNUSED, 0},
	[RELABEL_HASHMOD] = {TARGET_NAME, 0},
	[RELABEL_LABELMAP] = {TARGET_UNUSED, 0},
	[RELABEL_LABELDROP] = {TARGET_UNUSED,
			       NO_SOURCE | NO_SEPARATOR | NO_MODULUS | NO_TARGET | NO_REPLACEMENT},
	[RELABEL_LABELKEEP] = {TARGET_UNUSED,
			       NO_SOURCE | NO_SEPARATOR | NO_MODULUS | NO_TARGET | NO_REPLACEMENT},
	[RELABEL_LOWERCASE] = {TARGET_NAME, NO_REPLACEMENT},
	[RELABEL_UPPERCASE] = {TARGET_NAME, NO_REPLACEMENT},
	[RELABEL_KEEPEQUAL] = {TARGET_NAME, NO_SEPARATOR | NO_REGEX | NO_MODULUS | NO_REPLACEMENT},
	[RELABEL_DROPEQUAL] = {TARGET_NAME, NO_SEPARATOR | NO_REGEX | NO_MODULUS | NO_REPLACEMENT},
};

static struct config_span place_of(const struct rule_arguments *arguments, const char *name)
{
	return config_place_of(&relabel_rule_schema, &arguments->decoded, name);
}

static int read_source_labels(struct component_loading *loading,
			      const struct rule_arguments *arguments, struct relabel_rule *rule)
{
	const struct config_value *list = &arguments->source_labels;
	struct config_span at = place_of(arguments, "source_labels");
	size_t n = list->type == CONFIG_ARRAY ? list->array.n_items : 0;
	struct config_text *labels = config_arena_array(loading->scratch, n, sizeof(*labels));
	int r;

	if (!labels)
		return loading->scratch->error;
	if (list->type != CONFIG_ARRAY && list->type != CONFIG_NULL) {
		config_error(loading->diagnostics, at,
			     "source_labels is %s, expected a list of labels: [\"name\"]",
			     config_value_describe(list));
		return CONFIG_REFUSED;
	}
	if (n > SOURCE_LABELS_MAX) {
		config_error(loading->diagnostics, at,
			     "source_labels has %zu labels, expected at most %u", n,
			     SOURCE_LABELS_MAX);
		return CONFIG_REFUSED;
	}
	for (size_t i = 0; i < n; i++) {
		r = config_value_to_text(loading->scratch, &list->array.items[i], &labels[i]);
		if (r > 0)
			config_error(loading->diagnostics, at,
				     "found %s in source_labels, expected names of labels",
				     config_value_describe(&list->array.items[i]));
		if (r != 0)
			return r;
	}
	rule->source_labels = labels;
	rule->n_source_labels = n;
	return 0;
}

static int read_modulus(struct component_loading *loading, const struct rule_arguments *arguments,
			struct relabel_rule *rule)
{
	const struct config_value *value = &arguments->modulus;
	struct config_number number;
	int64_t whole = -1;

	if (value->type == CONFIG_BOOL || config_value_to_number(value, &number) != 0) {
		config_error(loading->diagnostics, place_of(arguments, "modulus"),
			     "modulus is %s, expected a whole number",
			     config_value_describe(value));
		return CONFIG_REFUSED;
	}
	if (number.kind == CONFIG_UINT) {
		rule->modulus = number.u;
		return 0;
	}
	if (config_number_to_int(number, &whole) != 0 || whole < 0) {
		config_error(loading->diagnostics, place_of(arguments, "modulus"),
			     "modulus is no whole number from 0 to %" PRIu64
			     ", expected one, at least 1 for hashmod",
			     UINT64_MAX);
		return CONFIG_REFUSED;
	}
	rule->modulus = (uint64_t)whole;
	return 0;
}

static bool text_is(struct config_text text, struct config_text other)
{
	return config_text_compare(text, other) == 0;
}

/* What the action has no use for must not be there: it would be a misunderstanding. */
static int check_refused(struct component_loading *loading, const struct rule_arguments *arguments,
			 const struct relabel_rule *rule)
{
	const struct {
		unsigned bit;
		bool is_default;
		const char *name;
	} checks[] = {
		{NO_SOURCE, rule->n_source_labels == 0, "source_labels"},
		{NO_SEPARATOR, text_is(rule->separator, rule_defaults.separator), "separator"},
		{NO_REGEX, text_is(arguments->regex, rule_defaults.regex), "regex"},
		{NO_MODULUS, rule->modulus == 0, "modulus"},
		{NO_TARGET, rule->target_label.n_bytes == 0, "target_label"},
		{NO_REPLACEMENT, text_is(rule->replacement, rule_defaults.replacement),
		 "replacement"},
	};
	int refusal = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (!(forms[rule->action].refused & checks[i].bit) || checks[i].is_default)
			continue;
		config_error(loading->diagnostics, place_of(arguments, checks[i].name),
			     "%s has no meaning with the action %s, expected a rule without it",
			     checks[i].name, action_words[rule->action]);
		refusal = CONFIG_REFUSED;
	}
	return refusal;
}

static int refuse_missing(struct component_loading *loading, const struct rule_arguments *arguments,
			  const char *name)
{
	config_error(loading->diagnostics, arguments->decoded.block->name_span,
		     "rule misses the argument %s, which the action %s requires", name,
		     action_words[arguments->action]);
	return CONFIG_REFUSED;
}

static int check_target(struct component_loading *loading, const struct rule_arguments *arguments)
{
	struct config_text target = arguments->target_label;
	enum target_form form = forms[arguments->action].target;

	if (form == TARGET_UNUSED)
		return 0;
	if (target.n_bytes == 0)
		return refuse_missing(loading, arguments, "target_label");
	if (relabel_name_is_valid(target) ||
	    (form == TARGET_TEMPLATE && relabel_template_is_valid(target)))
		return 0;
	config_error(loading->diagnostics, place_of(arguments, "target_label"),
		     "target_label is \"%s\", expected letters, digits and _, and no digit first%s",
		     target.data,
		     form == TARGET_TEMPLATE ? "; or groups of the regex, as in \"${1}_name\""
					     : "");
	return CONFIG_REFUSED;
}

static int check_rule(struct component_loading *loading, const struct rule_arguments *arguments,
		      const struct relabel_rule *rule)
{
	int target = check_target(loading, arguments);
	int refused = check_refused(loading, arguments, rule);

	if (rule->action == RELABEL_HASHMOD && rule->modulus == 0) {
		if (!arguments->decoded.set[MODULUS_ROW])
			return refuse_missing(loading, arguments, "modulus");
		config_error(loading->diagnostics, place_of(arguments, "modulus"),
			     "modulus is 0, expected at least 1");
		return CONFIG_REFUSED;
	}
	if (rule->action == RELABEL_LABELMAP && !relabel_template_is_valid(rule->replacement)) {
		config_error(loading->diagnostics, place_of(arguments, "replacement"),
			     "replacement is \"%s\", expected a label's name of letters, digits "
			     "and _, or groups of the regex, as in \"${1}_name\"",
			     rule->replacement.data);
		return CONFIG_REFUSED;
	}
	return target ? target : refused;
}

/* Compiles the expression of rule @i, once for all rules that have the same. */
static int compile_regex(struct relabel_rules *rules, size_t i)
{
	const struct rule_arguments *arguments = &rules->arguments[i];
	struct regex_fault fault;
	struct regex *regex;
	int r;

	for (size_t j = 0; j < i; j++)
		if (rules->rules[j].regex && text_is(rules->arguments[j].regex, arguments->regex)) {
			rules->rules[i].regex = rules->rules[j].regex;
			return 0;
		}
	r = regex_compile(rules->engine, arguments->regex, &regex, &fault);
	if (r == 0)
		rules->rules[i].regex = regex;
	if (r <= 0)
		return r;
	config_error(rules->loading->diagnostics, place_of(arguments, "regex"),
		     "regex is wrong: %s", fault.message);
	return CONFIG_REFUSED;
}

static int load_rule(struct relabel_rules *rules, size_t i)
{
	const struct rule_arguments *arguments = &rules->arguments[i];
	struct relabel_rule *rule = &rules->rules[i];
	int sources, modulus, regex, r;

	if (arguments->decoded.is_refused)
		return CONFIG_REFUSED;
	*rule = (struct relabel_rule){
		.action = (enum relabel_action)arguments->action,
		.separator = arguments->separator,
		.target_label = arguments->target_label,
		.replacement = arguments->replacement,
	};
	sources = read_source_labels(rules->loading, arguments, rule);
	modulus = read_modulus(rules->loading, arguments, rule);
	regex = compile_regex(rules, i);
	r = sources < 0 ? sources : regex;
	if (r < 0)
		return r;
	if (sources || modulus)
		return CONFIG_REFUSED;
	r = check_rule(rules->loading, arguments, rule);
	return regex ? regex : r;
}

int relabel_rules_load(struct relabel_rules *rules)
{
	int r, refusal = 0;

	for (size_t i = 0; i < rules->n_rules; i++) {
		r = load_rule(rules, i);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	return refusal;
}

static struct config_value text_value(struct config_text text)
{
	return (struct config_value){.type = CONFIG_STRING, .text = text};
}

static struct config_value count_value(uint64_t count)
{
	struct config_number number = {.kind = CONFIG_UINT, .u = count};

	if (count <= INT64_MAX)
		number = (struct config_number){.kind = CONFIG_INT, .i = (int64_t)count};
	return (struct config_value){.type = CONFIG_NUMBER, .number = number};
}

int relabel_rule_export(struct config_arena *arena, const struct rule_arguments *arguments,
			const struct relabel_rule *rule, struct config_value *ret_value)
{
	struct config_field *fields = config_arena_array(arena, FIELDS, sizeof(*fields));
	struct config_value *labels =
		config_arena_array(arena, rule->n_source_labels, sizeof(*labels));
	const char *action = action_words[rule->action];

	if (!fields || !labels)
		return arena->error;
	for (size_t i = 0; i < rule->n_source_labels; i++)
		labels[i] = text_value(rule->source_labels[i]);
	fields[0] = (struct config_field){
		CONFIG_TEXT("source_labels"),
		{.type = CONFIG_ARRAY, .array = {labels, rule->n_source_labels}},
		0};
	fields[1] = (struct config_field){CONFIG_TEXT("separator"), text_value(rule->separator), 0};
	fields[2] = (struct config_field){CONFIG_TEXT("regex"), text_value(arguments->regex), 0};
	fields[3] = (struct config_field){CONFIG_TEXT("modulus"), count_value(rule->modulus), 0};
	fields[4] = (struct config_field){CONFIG_TEXT("target_label"),
					  text_value(rule->target_label), 0};
	fields[5] =
		(struct config_field){CONFIG_TEXT("replacement"), text_value(rule->replacement), 0};
	fields[6] = (struct config_field){
		CONFIG_TEXT("action"), text_value((struct config_text){action, strlen(action)}), 0};
	*ret_value = (struct config_value){.type = CONFIG_OBJECT,
					   .object = config_object_make(fields, FIELDS)};
	return 0;
}
