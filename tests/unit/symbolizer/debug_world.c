#include "debug_world.h"

#include <string.h>

#include <zlib.h>

#define DEVICE   1u
#define MY_INODE 1u

void debug_world_make(struct small_elf *elf, const char *name, uint8_t build_id)
{
	small_elf_make(elf, &name, 1, build_id);
	if (build_id == 0)
		small_elf_drop_build_id(elf);
}

void debug_world_init(struct debug_world *world, uint8_t build_id, const struct small_elf *linked)
{
	uint32_t crc = (uint32_t)crc32(0, linked->data, (uInt)linked->n_bytes);

	memset(world, 0, sizeof(*world));
	world->places[0].is_there = true;
	world->places[0].inode = MY_INODE;
	small_elf_make_stripped(&world->places[0].elf, build_id, "a.debug", crc);
}

void debug_world_put(struct debug_world *world, enum object_open_kind kind, const char *name,
		     uint8_t build_id, uint64_t inode)
{
	struct debug_place *place = &world->places[kind];

	place->is_there = true;
	place->inode = inode;
	debug_world_make(&place->elf, name, build_id);
}

static struct wire_object object_of(const struct debug_place *place, uint64_t id)
{
	return (struct wire_object){
		.id = id,
		.kind = OBJECT_FILE,
		.device = DEVICE,
		.inode = place->inode,
		.size_bytes = place->size_bytes ? place->size_bytes : place->elf.n_bytes,
		.change_time_ns = 1,
	};
}

struct wire_object debug_world_object(const struct debug_world *world)
{
	return object_of(&world->places[0], DEBUG_WORLD_KINDS);
}

/* An object's id is its place's kind; the file itself has the next one. */
static int fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		 struct wire_bytes *ret_bytes)
{
	struct debug_world *world = owner;
	struct debug_place *place = &world->places[object % DEBUG_WORLD_KINDS];
	static uint8_t bytes[OBJECT_READ_BYTES_MAX]; /* zeros behind the end, where one is large */
	uint64_t size = place->size_bytes ? place->size_bytes : place->elf.n_bytes;
	uint64_t n_left = offset.v < size ? size - offset.v : 0;

	place->n_fetches++;
	if (world->n_fetches_max && world->n_fetches >= world->n_fetches_max)
		return OBJECT_FETCH_REFUSED;
	world->n_fetches++;
	memset(bytes, 0, n_bytes);
	if (offset.v < place->elf.n_bytes)
		memcpy(bytes, place->elf.data + offset.v,
		       n_bytes < place->elf.n_bytes - offset.v ? n_bytes
							       : place->elf.n_bytes - offset.v);
	*ret_bytes = (struct wire_bytes){bytes, n_left < n_bytes ? n_left : n_bytes};
	return 0;
}

static int open_place(void *owner, const struct wire_object_open *ask,
		      struct wire_object *ret_sibling)
{
	struct debug_world *world = owner;

	world->asked[world->n_asked++ % (2 * DEBUG_WORLD_KINDS)] = ask->kind;
	if (world->open_fails)
		return world->open_fails;
	if (!world->places[ask->kind].is_there)
		return REFUSAL_NOT_FOUND;
	*ret_sibling = object_of(&world->places[ask->kind], ask->kind);
	return 0;
}

struct object_reader debug_world_reader(struct debug_world *world)
{
	return (struct object_reader){.fetch = fetch, .open = open_place, .owner = world};
}
