#pragma once
/* A stripped file and what stands at the places of its debug file, in memory. */
#include <stdbool.h>

#include "elf/object_image.h"
#include "small_elf.h"

#define DEBUG_WORLD_KINDS 8u /* of enum object_open_kind, and the file itself at 0 */
#define DEBUG_WORLD_CRC   0x12345678u

struct debug_place {
	bool is_there;
	struct small_elf elf;
	uint64_t inode;
	uint64_t size_bytes; /* said to be so large; 0: as it is */
	unsigned n_fetches;
};

struct debug_world {
	struct debug_place places[DEBUG_WORLD_KINDS];
	enum object_open_kind asked[2 * DEBUG_WORLD_KINDS];
	size_t n_asked;
	int open_fails;         /* a negative errno for every open; 0: none */
	unsigned n_fetches;     /* in all */
	unsigned n_fetches_max; /* refused from then on; 0: never */
};

/* The file itself has build id @build_id and a link of the name "a.debug", for the CRC of @linked.
 */
void debug_world_init(struct debug_world *world, uint8_t build_id, const struct small_elf *linked);

/* Puts a debug file that calls the function @name at the place of @kind, with inode @inode. */
void debug_world_put(struct debug_world *world, enum object_open_kind kind, const char *name,
		     uint8_t build_id, uint64_t inode);

/* The file itself. */
struct wire_object debug_world_object(const struct debug_world *world);
struct object_reader debug_world_reader(struct debug_world *world);

/* The debug file that debug_world_put() puts. */
void debug_world_make(struct small_elf *elf, const char *name, uint8_t build_id);
