#pragma once
/*
 * Relabelling: rules applied to the labels of a target, from the first to the last, as Prometheus
 * does it.
 *
 * A pure function of labels and rules. A label with the value "" is one that is not there. What
 * comes out is sorted by name. What outgrows a bound, or an expression's budget, is left out and
 * counted with the rule: it never fails the others.
 */
#include "base/bytes.h"
#include "config/value.h"
#include "regex.h"

#define RELABEL_LABELS_MAX      1024u                /* of a target, at any time */
#define RELABEL_VALUE_BYTES_MAX ((size_t)64 << 10)   /* of what a rule writes; names, too */
#define RELABEL_BYTES_MAX       ((size_t)16 << 20)   /* of all that rules write in one evaluation */
#define RELABEL_STEPS_MAX       ((uint64_t)32 << 20) /* of all expressions of one evaluation */
#define RELABEL_STEPS_A_TARGET  ((uint64_t)1024)     /* and as many more for each target */

enum relabel_action {
	RELABEL_REPLACE,
	RELABEL_KEEP,
	RELABEL_DROP,
	RELABEL_HASHMOD,
	RELABEL_LABELMAP,
	RELABEL_LABELDROP,
	RELABEL_LABELKEEP,
	RELABEL_LOWERCASE,
	RELABEL_UPPERCASE,
	RELABEL_KEEPEQUAL,
	RELABEL_DROPEQUAL,
};

/* What went wrong with one rule, summed up over targets. */
struct relabel_losses {
	size_t n_limited;  /* matches that were given up and count as none */
	size_t n_too_long; /* labels that were not written: one of the BYTES_MAX */
	size_t n_too_many; /* labels that were not written: RELABEL_LABELS_MAX */
};

struct relabel_rule {
	enum relabel_action action;
	const struct config_text *source_labels;
	size_t n_source_labels;
	struct config_text separator;
	const struct regex *regex; /* of the engine that the rules are applied with */
	uint64_t modulus;          /* above 0 for RELABEL_HASHMOD */
	struct config_text target_label;
	struct config_text replacement;
	struct relabel_losses losses; /* counted up */
};

enum relabel_outcome {
	RELABEL_DROPPED = 1, /* a rule says so */
	RELABEL_TOO_MANY,    /* there are more than RELABEL_LABELS_MAX to begin with */
};

struct relabel; /* opaque: the rules, and memory that is used again for each target */

/*
 * @engine, @rules and @arena (of the results) are borrowed until relabel_free().
 * The result is owned. Returns 0 or -ENOMEM.
 */
int relabel_new(struct regex_engine *engine, struct relabel_rule *rules, size_t n_rules,
		struct config_arena *arena, struct relabel **ret_relabel) warn_unused_result;
void relabel_free(struct relabel *relabel); /* NULL is fine */

/*
 * Applies the rules to @labels, whose values are all strings. @ret_labels lives in the arena and
 * borrows from @labels and from the rules.
 * Returns 0, a negative errno, or an enum relabel_outcome.
 */
int relabel_apply(struct relabel *relabel, const struct config_object *labels,
		  struct config_object *ret_labels) warn_unused_result;

/* Is @name what a label may be called: letters, digits and `_`, no digit first? */
bool relabel_name_is_valid(struct config_text name);

/* Is @text a name, or one with $name or ${name} for parts of it? */
bool relabel_template_is_valid(struct config_text text);
