#pragma once
/*
 * An ELF file as its headers describe it: segments, build id, sections. The only reader of libelf.
 *
 * Opening checks every count, size and offset of the headers against the file and fetches exactly
 * what is needed; nothing that was not fetched is touched. What a section holds is fetched when it
 * is asked for, and inflated where it is compressed.
 *
 * What is fetched of one file is counted, and bounded by what its headers say is there to be found:
 * the headers and the names of sections themselves, four times the sections that functions can be
 * told from (.symtab, .dynsym, their names, Go's table, .gnu_debugdata, .gnu_debuglink, .eh_frame),
 * and ELF_FREE_BYTES for what has no section, and for the pages around. Where that is used up,
 * whatever is asked for next is ELF_IMAGE_TOO_BIG.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf/object_image.h"
#include "table/symbol_table.h"

#define ELF_INFLATED_BYTES_MAX OBJECT_IMAGE_BYTES_MAX /* of all that one table is built from */

#define ELF_FREE_BYTES 65536u

enum elf_image_outcome {
	ELF_IMAGE_NOT_ELF = 1,
	ELF_IMAGE_MALFORMED,
	ELF_IMAGE_TOO_BIG,    /* over a bound of this header or of object_image.h */
	ELF_IMAGE_UNREADABLE, /* may be readable another time; the others stay as they are */
};

struct elf_image;

/*
 * Fetches headers, notes and the names of sections.
 *   @image         borrowed for the life of the result
 *   @inflate_left  bytes that may be inflated yet; borrowed as well, and counted down
 *   @ret_elf       set on 0 only; owned, elf_image_free()
 * Returns 0, a negative errno or an enum elf_image_outcome.
 */
int elf_image_open(struct object_image *image, uint64_t *inflate_left,
		   struct elf_image **ret_elf) warn_unused_result;

/* All borrowed from @elf. */
const struct symbol_segments *elf_image_segments(const struct elf_image *elf);
const struct symbol_build_id *elf_image_build_id(const struct elf_image *elf);
bool elf_image_is_64(const struct elf_image *elf);

/* What its headers say besides. */
struct elf_traits {
	uint16_t machine;           /* EM_* of elf.h */
	bool has_go_note;           /* made by Go's linker */
	struct file_off dynamic_at; /* what the dynamic loader is told, unchecked */
	uint64_t n_dynamic_bytes;
	struct elf_addr unwind_header; /* .eh_frame_hdr: where it is, unchecked as well */
	struct file_off unwind_header_at;
	uint64_t n_unwind_header_bytes;
};

const struct elf_traits *elf_image_traits(const struct elf_image *elf);

/* What a section's header says, and nobody has checked. */
struct elf_section {
	size_t index;   /* 0: none */
	uint32_t type;  /* SHT_* of elf.h */
	uint32_t link;  /* the index of another */
	uint64_t flags; /* SHF_* */
	struct elf_addr start;
	uint64_t offset;
	uint64_t n_bytes; /* in memory; in the file, unless it is of SHT_NOBITS */
	uint64_t entry_bytes;
	uint64_t alignment;
};

/* Whether it has headers of sections: what runs needs none. */
bool elf_image_has_sections(const struct elf_image *elf);

/* By index, or by name: the first of that name. Return false, with @ret_section untouched. */
bool elf_image_section(const struct elf_image *elf, size_t index, struct elf_section *ret_section);
bool elf_image_find_section(const struct elf_image *elf, const char *name,
			    struct elf_section *ret_section);

/* Goes from @section (a zeroed one: from the start) to the next of @type; false at the end. */
bool elf_image_next_section(const struct elf_image *elf, uint32_t type,
			    struct elf_section *section);

/*
 * Fetches what @section holds in the file.
 *   @ret_bytes  set on 0 only; borrowed from @elf, aligned to nothing
 * Returns 0, a negative errno or an enum elf_image_outcome.
 */
int elf_image_bytes(struct elf_image *elf, const struct elf_section *section,
		    struct wire_bytes *ret_bytes) warn_unused_result;

/*
 * Fetches @n_bytes at @offset of the file, and gives them borrowed from @elf: of what no section
 * header tells. As elf_image_bytes(). elf_image_address() says where in the file an address lies,
 * and how much of its segment follows there; false: in none.
 */
int elf_image_range(struct elf_image *elf, struct file_off offset, uint64_t n_bytes,
		    struct wire_bytes *ret_bytes) warn_unused_result;
bool elf_image_address(const struct elf_image *elf, struct elf_addr address,
		       struct file_off *ret_offset, uint64_t *ret_n_bytes);

/* Allows @n_bytes more to be fetched: of what no section header tells. */
void elf_image_allow(struct elf_image *elf, uint64_t n_bytes);

/* Reads a range of the file that is not kept; see object_image_read(). As elf_image_bytes(). */
int elf_image_read(struct elf_image *elf, struct file_off offset, uint64_t n_bytes,
		   void *to) warn_unused_result;

void elf_image_free(struct elf_image *elf); /* NULL is fine */
