#include "config/suggestion.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: one row of the table a letter of @a, the last three kept. */
static size_t distance_between(struct config_text a, struct config_text b)
{
	size_t rows[3][CONFIG_SUGGESTION_BYTES_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= b.n_bytes; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= a.n_bytes; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.n_bytes; j++) {
			bool differs = a.data[i - 1] != b.data[j - 1];

			row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + differs);
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
			    a.data[i - 2] == b.data[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b.n_bytes];
}

void config_suggestion_offer(struct config_suggestion *suggestion, const char *candidate)
{
	struct config_text other = {candidate, strlen(candidate)};
	size_t distance, distance_max = 1 + suggestion->word.n_bytes / 4;

	if (suggestion->word.n_bytes > CONFIG_SUGGESTION_BYTES_MAX ||
	    other.n_bytes > CONFIG_SUGGESTION_BYTES_MAX)
		return;
	distance = distance_between(suggestion->word, other);
	if (distance > distance_max || distance >= other.n_bytes)
		return;
	if (suggestion->nearest && distance >= suggestion->distance)
		return;
	suggestion->nearest = candidate;
	suggestion->distance = distance;
}
