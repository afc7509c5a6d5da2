#pragma once
/* Numbers in files: least significant byte first, whatever the machine. */
#include <stddef.h>
#include <stdint.h>

static inline void put_le32(unsigned char *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static inline void put_le64(unsigned char *at, uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static inline uint32_t get_le32(const unsigned char *at)
{
	uint32_t value = 0;

	for (size_t i = 0; i < 4; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

static inline uint64_t get_le64(const unsigned char *at)
{
	return get_le32(at) | (uint64_t)get_le32(at + 4) << 32;
}
