#pragma once
/*
 * What the operators of the language do to values. Both sides need the same type; whole numbers
 * stay whole (7 / 2 is 3) and never wrap: what does not fit 64 bits is refused.
 */
#include "config/diagnostics.h"
#include "config/tree.h"
#include "config/value.h"

/*
 * `@left operator @right`, reported at the operator's @term when it cannot be.
 * Returns 0, a negative error of the diagnostics' arena, or CONFIG_REFUSED.
 */
int config_apply_binary(struct config_diagnostics *diagnostics, const struct config_term *term,
			const struct config_value *left, const struct config_value *right,
			struct config_value *ret_value) warn_unused_result;

/* The same for one operator before @value. */
int config_apply_unary(struct config_diagnostics *diagnostics, const struct config_operator *op,
		       const struct config_value *value,
		       struct config_value *ret_value) warn_unused_result;
