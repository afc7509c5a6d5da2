#include "elf/elf_extents.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#define EH_FRAME_BYTES_MAX (64u << 20) /* the largest programs have some twenty MiB */
#define EXTENTS_BYTES_MAX  (32u << 20)
#define FDE_BYTES_AHEAD    4096u /* of the last FDE: it has tens */

/* Bytes that are read; owned. */
static int read_bytes(struct elf_image *elf, struct file_off offset, uint64_t n_bytes,
		      struct wire_bytes *ret_bytes)
{
	void *bytes;
	int r;

	if (n_bytes > EH_FRAME_BYTES_MAX)
		return ELF_IMAGE_TOO_BIG;
	bytes = malloc(n_bytes > 0 ? n_bytes : 1);
	if (!bytes)
		return -ENOMEM;
	r = elf_image_read(elf, offset, n_bytes, bytes);
	if (r != 0) {
		free(bytes);
		return r;
	}
	*ret_bytes = (struct wire_bytes){bytes, n_bytes};
	return 0;
}

/* How many bytes to fetch of the @n_bytes_max that an .eh_frame may have at most. */
static uint64_t bytes_of(const struct fde_header *header, uint64_t n_bytes_max)
{
	uint64_t n_bytes;

	if (header->last_fde.v < header->section.v)
		return n_bytes_max;
	n_bytes = header->last_fde.v - header->section.v;
	return n_bytes < n_bytes_max && n_bytes_max - n_bytes > FDE_BYTES_AHEAD
		       ? n_bytes + FDE_BYTES_AHEAD
		       : n_bytes_max;
}

/* By way of .eh_frame_hdr. What follows the last FDE that this names may be anything. */
static int read_by_header(struct elf_image *elf, const struct fde_section *from,
			  struct fde_section *section)
{
	struct fde_header header;
	struct file_off offset;
	uint64_t n_bytes;

	if (fde_header_read(from, &header) != 0 ||
	    !elf_image_address(elf, header.section, &offset, &n_bytes))
		return ELF_IMAGE_MALFORMED;
	section->start = header.section;
	section->last_fde = header.last_fde;
	section->ends_at_zero = header.last_fde.v == 0;
	n_bytes = bytes_of(&header, n_bytes);
	elf_image_allow(elf, n_bytes);
	return read_bytes(elf, offset, n_bytes, &section->bytes);
}

static int read_by_segment(struct elf_image *elf, struct fde_section *section)
{
	const struct elf_traits *traits = elf_image_traits(elf);
	struct fde_section header = {
		.start = traits->unwind_header,
		.data = traits->unwind_header,
		.is_64 = section->is_64,
	};
	int r;

	if (traits->n_unwind_header_bytes == 0)
		return 0;
	elf_image_allow(elf, traits->n_unwind_header_bytes);
	r = read_bytes(elf, traits->unwind_header_at, traits->n_unwind_header_bytes, &header.bytes);
	if (r == 0)
		r = read_by_header(elf, &header, section);
	free((void *)header.bytes.data);
	return r;
}

static int read_section(struct elf_image *elf, struct fde_section *section)
{
	struct elf_section from;

	if (!elf_image_find_section(elf, ".eh_frame", &from))
		return read_by_segment(elf, section);
	if (from.type == SHT_NOBITS || !(from.flags & SHF_ALLOC) || (from.flags & SHF_COMPRESSED))
		return 0;
	section->start = from.start;
	return read_bytes(elf, (struct file_off){from.offset}, from.n_bytes, &section->bytes);
}

static int outcome_of_table(int r)
{
	if (r <= 0)
		return r;
	return r == FDE_TABLE_TOO_BIG ? ELF_IMAGE_TOO_BIG : ELF_IMAGE_MALFORMED;
}

int elf_extents_open(struct elf_image *elf, struct elf_extents *ret_extents)
{
	cleanup_with(elf_extents_deinit) struct elf_extents extents = {
		.text = BYTES_INIT(EXTENTS_BYTES_MAX)};
	struct fde_section section = {.is_64 = elf_image_is_64(elf)};
	int r = read_section(elf, &section);

	if (r == 0)
		r = outcome_of_table(
			fde_table_read(&section, elf_image_segments(elf), &extents.text));
	free((void *)section.bytes.data);
	if (r < 0 || r == ELF_IMAGE_UNREADABLE)
		return r;
	extents.flaw = r;
	*ret_extents = extents;
	extents = (struct elf_extents){0};
	return 0;
}

int elf_extents_collect(struct elf_extents *extents, struct symbol_list *list)
{
	const struct wire_bytes text = {extents->text.data, extents->text.n_bytes};
	int r = outcome_of_table(fde_table_collect(text, list));

	if (r > 0)
		extents->flaw = r;
	return r < 0 ? r : 0;
}

void elf_extents_deinit(struct elf_extents *extents)
{
	bytes_deinit(&extents->text);
}
