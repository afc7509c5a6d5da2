#pragma once
/*
 * Tokens to a syntax tree. A statement that cannot be read is reported and passed over, so that one
 * reading finds the errors of a whole text.
 */
#include "config/tree.h"

/*
 * Parses the files of @source, which must outlive the tree, into one body. Reports to @diagnostics,
 * in whose arena the tree is built. After CONFIG_REFUSED the tree has all that could be read.
 *   @ret_body  set unless an error is negative
 * Returns 0, a negative error of the arena, or CONFIG_REFUSED after any error.
 */
int config_parse(const struct config_source *source, struct config_diagnostics *diagnostics,
		 struct config_body *ret_body) warn_unused_result;

/* The same for one expression that is all of the text. */
int config_parse_expression(const struct config_source *source,
			    struct config_diagnostics *diagnostics,
			    const struct config_expression **ret_expression) warn_unused_result;
