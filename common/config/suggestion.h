#pragma once
/*
 * "Did you mean": the nearest of many words to one that is wrong, by the number of letters that
 * were added, left out, replaced or swapped with their neighbour.
 */
#include "config/source.h"

#define CONFIG_SUGGESTION_BYTES_MAX 64u /* longer words are near to nothing */

struct config_suggestion {
	struct config_text word;
	const char *nearest; /* borrowed from the one who offered it; NULL when none is near */
	size_t distance;
};

/* Keeps @candidate when it is nearer than what was offered before. */
void config_suggestion_offer(struct config_suggestion *suggestion, const char *candidate);
