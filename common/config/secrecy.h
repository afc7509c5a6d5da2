#pragma once
/*
 * Which characters of a text nobody should read who only reads messages about it: the strings that
 * are set to names like "password" or "bearer_token", all values of http_headers, user and password
 * of a URL. Found by the letters alone, since a text with errors in it has no other structure.
 */
#include "config/source.h"

/* Whether what is set to @name is a secret by that name: "password", "X-Api-Key". */
bool config_name_is_secret(const char *name);

/*
 * Marks with true the bytes of @range that are secret.
 *   @marks  one for each byte of @range, false before
 */
void config_secrets_mark(const struct config_source *source, struct config_span range, bool *marks);
