#pragma once
/*
 * A seeded 64-bit hash for tables whose keys others choose. The seed comes from the kernel's random
 * source once a process, so that nobody can prepare colliding keys.
 */
#include <stddef.h>
#include <stdint.h>

/* Returns 64 random bits from getrandom(2). */
uint64_t hash_new_seed(void);

/* Hashes @n_bytes at @bytes (borrowed; may be NULL when @n_bytes is 0). */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t n_bytes);

/* Hashes one 64-bit word: cheap enough for integer keys. */
static inline uint64_t hash_word(uint64_t seed, uint64_t word)
{
	uint64_t h = (seed ^ word) * UINT64_C(0x9e3779b97f4a7c15);

	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return h ^ (h >> 32);
}
