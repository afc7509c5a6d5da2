#include "slab.h"

#include <stdlib.h>
#include <string.h>

#define SLAB_BLOCK_BYTES (64u * 1024u)

struct slab_block {
	struct slab_block *next;
	size_t n_used;
	size_t n_bytes;
	_Alignas(16) unsigned char data[];
};

static struct slab_block *add_block(struct slab *slab, size_t n_bytes)
{
	size_t wanted = n_bytes > SLAB_BLOCK_BYTES ? n_bytes : SLAB_BLOCK_BYTES;
	struct slab_block *block;

	if (wanted > slab->bytes_max - slab->n_bytes)
		return NULL;
	block = calloc(1, sizeof(*block) + wanted); /* bounded above */
	if (!block)
		return NULL;
	block->n_bytes = wanted;
	block->next = slab->blocks;
	slab->blocks = block;
	slab->n_bytes += wanted;
	return block;
}

void *slab_take(struct slab *slab, size_t n_elements, size_t element_bytes)
{
	struct slab_block *block = slab->blocks;
	size_t n_bytes;
	void *taken;

	if (__builtin_mul_overflow(n_elements, element_bytes, &n_bytes) ||
	    n_bytes > slab->bytes_max)
		return NULL;
	n_bytes = (n_bytes + 15) & ~(size_t)15;
	if (!block || n_bytes > block->n_bytes - block->n_used)
		block = add_block(slab, n_bytes);
	if (!block)
		return NULL;
	taken = block->data + block->n_used;
	block->n_used += n_bytes;
	return taken;
}

void slab_deinit(struct slab *slab)
{
	struct slab_block *block = slab->blocks;

	while (block) {
		struct slab_block *next = block->next;

		free(block);
		block = next;
	}
	*slab = (struct slab){.bytes_max = slab->bytes_max};
}
