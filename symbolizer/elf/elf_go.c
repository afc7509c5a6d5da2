#include "elf/elf_go.h"

#include <elf.h>

/* Sections as they are named; what is not in memory, not in the file or packed is of no use. */
static void see_sections(struct go_image *go, const struct elf_image *elf)
{
	static const char *const names[] = {
		".gopclntab",    ".data.rel.ro.gopclntab", ".go.module", ".data.rel.ro",
		".go.buildinfo", ".note.go.buildid",       ".text"};
	struct elf_section section;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!elf_image_find_section(elf, names[i], &section) ||
		    section.type == SHT_NOBITS || !(section.flags & SHF_ALLOC) ||
		    (section.flags & SHF_COMPRESSED))
			continue;
		go_image_see_section(
			go, names[i],
			&(struct go_range){section.start.v, section.offset, section.n_bytes});
	}
}

static void see_symbols(struct go_image *go, const struct elf_image *elf,
			const struct elf_symbols *symbols)
{
	static const char *const names[] = {"runtime.text", "runtime.pclntab", "runtime.epclntab"};
	size_t n_names = go->section.n_bytes > 0 ? 1 : sizeof(names) / sizeof(names[0]);
	struct elf_addr value;

	for (size_t i = 0; i < n_names && go->is_go; i++)
		if (elf_symbols_find(symbols, elf, names[i], &value))
			go_image_see_symbol(go, names[i], value.v);
}

/* Where no section names Go's table, it may be anywhere in the data. */
static void allow_data(struct elf_image *elf, const struct symbol_segments *segments)
{
	for (size_t i = 0; i < segments->n_segments; i++)
		if (!segments->segments[i].is_executable)
			elf_image_allow(elf, segments->segments[i].file_bytes);
}

int elf_go_open(struct elf_image *elf, struct object_image *image,
		const struct elf_symbols *symbols, struct go_image *ret_go)
{
	const struct elf_traits *traits = elf_image_traits(elf);
	struct go_image go = {
		.image = image,
		.segments = elf_image_segments(elf),
		.machine = traits->machine,
		.is_64 = elf_image_is_64(elf),
		.is_go = traits->has_go_note,
		.dynamic = {0, traits->dynamic_at.v, traits->n_dynamic_bytes},
	};
	int r;

	see_sections(&go, elf);
	see_symbols(&go, elf, symbols);
	if (go.is_go && go.section.n_bytes == 0)
		allow_data(elf, go.segments);
	r = go_image_fetch(&go);
	switch (r) {
	case 0:
	case GO_IMAGE_NO_TABLE:
		*ret_go = go;
		return 0;
	case GO_IMAGE_MALFORMED:
		return ELF_IMAGE_MALFORMED;
	case GO_IMAGE_TOO_BIG:
		return ELF_IMAGE_TOO_BIG;
	case GO_IMAGE_UNREADABLE:
		return ELF_IMAGE_UNREADABLE;
	default:
		return r; /* a negative errno */
	}
}
