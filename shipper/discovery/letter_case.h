#pragma once
/*
 * Upper and lower case of letters in UTF-8, character by character as Go's package strings has it:
 * whatever the locale, and without the few letters that would become two.
 */
#include "base/bytes.h"
#include "config/source.h"

/* Appends @text to @out in the other case. Bytes that are no UTF-8 become U+FFFD. */
void letter_case_lower(struct config_text text, struct bytes *out);
void letter_case_upper(struct config_text text, struct bytes *out);
