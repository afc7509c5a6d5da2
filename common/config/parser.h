#pragma once
/*
 * Tokens to a syntax tree. A statement that cannot be read is reported and passed over, so that one
 * reading finds the errors of a whole text.
 */
#include "config/tree.h"

/*
 * Parses @source, which must outlive the tree. Reports to @diagnostics, in whose arena the tree is
 * built. Returns 0, a negative error of the arena, or CONFIG_REFUSED after any error.
 */
int config_parse(const struct config_source *source, struct config_diagnostics *diagnostics,
		 struct config_body *ret_body) warn_unused_result;

/* The same for one expression that is all of the text. */
int config_parse_expression(const struct config_source *source,
			    struct config_diagnostics *diagnostics,
			    const struct config_expression **ret_expression) warn_unused_result;
