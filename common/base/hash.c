#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

uint64_t hash_new_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		abort(); /* 8 bytes never come short once the kernel is up: getrandom(2) */
	return seed;
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t n_bytes)
{
	const unsigned char *at = bytes;
	uint64_t h = hash_word(seed, n_bytes);
	uint64_t tail = 0;

	for (; n_bytes >= 8; at += 8, n_bytes -= 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		h = hash_word(h, word);
	}
	if (n_bytes > 0)
		memcpy(&tail, at, n_bytes);
	return hash_word(h, tail);
}
