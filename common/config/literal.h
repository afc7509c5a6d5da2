#pragma once
/* What a literal is worth: the digits of a number, the escapes of a string. */
#include "config/lexer.h"
#include "config/value.h"

/*
 * The value of a literal @token (number, float, string, raw string, true, false, null).
 * Returns 0, a negative error of the diagnostics' arena, or CONFIG_REFUSED when it was reported.
 */
int config_literal_value(const struct config_source *source, struct config_token token,
			 struct config_diagnostics *diagnostics,
			 struct config_value *ret_value) warn_unused_result;
