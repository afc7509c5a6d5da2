#include "elf/elf_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>

#define HEAD_BYTES            4096u /* holds most files' program headers and notes, too */
#define HEADERS_MAX           4096u
#define SECTIONS_MAX          (1u << 17) /* libelf keeps some 300 bytes of each */
#define NOTES_BYTES_MAX       65536u
#define NOTES_MAX             1024u
#define NOTE_SECTIONS_MAX     16u
#define GO_BUILD_ID_TYPE      4u
#define GO_BUILD_ID_BYTES_MIN 40u
#define BUILD_ID_BYTES_MIN    4u
#define NAMES_BYTES_MAX       (1u << 22) /* of sections: an executable has some hundred bytes */
#define NAME_BYTES_USUAL      64u
#define SYMBOL_BYTES_FACTOR   4u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ELFDATA_NATIVE ELFDATA2LSB
#else
#define ELFDATA_NATIVE ELFDATA2MSB
#endif

struct elf_image {
	struct object_image *image; /* borrowed */
	Elf *elf;                   /* owned */
	uint64_t *inflate_left;     /* borrowed */
	bool is_64;
	bool has_sections;
	struct symbol_segments segments;
	struct symbol_build_id build_id;
	struct elf_traits traits;
	struct wire_bytes section_names; /* NULL: there are none */
};

/* What a range that cannot be had says of the file. */
static int outcome_of_need(int r)
{
	switch (r) {
	case OBJECT_IMAGE_BEYOND:
		return ELF_IMAGE_MALFORMED;
	case OBJECT_IMAGE_TOO_BIG:
		return ELF_IMAGE_TOO_BIG;
	case OBJECT_IMAGE_UNREADABLE:
		return ELF_IMAGE_UNREADABLE;
	default:
		return r; /* 0 or a negative errno */
	}
}

static int need(struct elf_image *elf, uint64_t offset, uint64_t n_bytes)
{
	return outcome_of_need(object_image_need(elf->image, (struct file_off){offset}, n_bytes));
}

/* What the file's own header says of its other headers, before libelf is let near them. */
struct elf_counts {
	bool is_64;
	uint16_t machine;
	uint64_t segments_at;
	uint64_t n_segments;
	uint64_t sections_at;
	uint64_t n_sections;
	uint16_t section_bytes; /* of each one's header */
};

static int read_at(const struct elf_image *elf, uint64_t offset, void *to, size_t n_bytes)
{
	ssize_t n = pread(object_image_fd(elf->image), to, n_bytes, (off_t)offset);

	if (n < 0)
		return -errno;
	return (size_t)n == n_bytes ? 0 : ELF_IMAGE_MALFORMED;
}

/* Reads the fields of either class's header: they have the same names. */
#define COUNTS_FROM(header)                                                                        \
	((struct elf_counts){                                                                      \
		.is_64 = sizeof(header) == sizeof(Elf64_Ehdr),                                     \
		.machine = (header).e_machine,                                                     \
		.segments_at = (header).e_phoff,                                                   \
		.n_segments = (header).e_phnum,                                                    \
		.sections_at = (header).e_shoff,                                                   \
		.n_sections = (header).e_shoff ? (header).e_shnum : 0,                             \
		.section_bytes = (header).e_shentsize,                                             \
	})

static int read_counts(const struct elf_image *elf, struct elf_counts *ret_counts)
{
	unsigned char ident[EI_NIDENT];
	Elf64_Ehdr header_64;
	Elf32_Ehdr header_32;

	if (read_at(elf, 0, ident, sizeof(ident)) != 0 || memcmp(ident, ELFMAG, SELFMAG) != 0 ||
	    ident[EI_DATA] != ELFDATA_NATIVE)
		return ELF_IMAGE_NOT_ELF;
	if (ident[EI_CLASS] == ELFCLASS64) {
		if (read_at(elf, 0, &header_64, sizeof(header_64)) != 0)
			return ELF_IMAGE_MALFORMED;
		*ret_counts = COUNTS_FROM(header_64);
		return header_64.e_phnum && header_64.e_phentsize != sizeof(Elf64_Phdr)
			       ? ELF_IMAGE_MALFORMED
			       : 0;
	}
	if (ident[EI_CLASS] != ELFCLASS32 || read_at(elf, 0, &header_32, sizeof(header_32)) != 0)
		return ELF_IMAGE_MALFORMED;
	*ret_counts = COUNTS_FROM(header_32);
	return header_32.e_phnum && header_32.e_phentsize != sizeof(Elf32_Phdr)
		       ? ELF_IMAGE_MALFORMED
		       : 0;
}

/* More than 65 279 sections are counted in the first section's own header. */
static int read_section_count(struct elf_image *elf, struct elf_counts *counts)
{
	size_t entry_bytes = counts->is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	Elf64_Shdr first_64;
	Elf32_Shdr first_32;
	int r;

	if (counts->sections_at == 0)
		return 0;
	if (counts->section_bytes != entry_bytes)
		return ELF_IMAGE_MALFORMED;
	if (counts->n_sections > 0)
		return 0;
	r = need(elf, counts->sections_at, entry_bytes);
	if (r == 0 && counts->is_64)
		r = read_at(elf, counts->sections_at, &first_64, sizeof(first_64));
	else if (r == 0)
		r = read_at(elf, counts->sections_at, &first_32, sizeof(first_32));
	if (r == 0)
		counts->n_sections = counts->is_64 ? first_64.sh_size : first_32.sh_size;
	return r;
}

static int need_headers(struct elf_image *elf, uint64_t offset, uint64_t n_bytes)
{
	object_image_allow(elf->image, n_bytes);
	return need(elf, offset, n_bytes);
}

/*
 * Fetches all headers: after this, libelf may read every one of them. A section table that cannot
 * be had leaves the segments usable, but libelf would believe it, so such a file ends here.
 */
static int open_headers(struct elf_image *elf)
{
	uint64_t size = object_image_size(elf->image);
	struct elf_counts counts;
	int r;

	object_image_ration(elf->image, ELF_FREE_BYTES);
	r = need(elf, 0, size < HEAD_BYTES ? size : HEAD_BYTES);
	if (r == 0)
		r = read_counts(elf, &counts);
	if (r == 0)
		r = read_section_count(elf, &counts);
	if (r != 0)
		return r;
	if (counts.n_segments > HEADERS_MAX || counts.n_sections > SECTIONS_MAX)
		return ELF_IMAGE_TOO_BIG;
	r = need_headers(elf, counts.segments_at,
			 counts.n_segments *
				 (counts.is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)));
	if (r == 0)
		r = need_headers(elf, counts.sections_at,
				 counts.n_sections *
					 (counts.is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)));
	if (r != 0)
		return r;
	elf->is_64 = counts.is_64;
	elf->has_sections = counts.n_sections > 0;
	elf->traits.machine = counts.machine;
	elf->elf = elf_begin(object_image_fd(elf->image), ELF_C_READ_MMAP, NULL);
	return elf->elf && elf_kind(elf->elf) == ELF_K_ELF ? 0 : ELF_IMAGE_MALFORMED;
}

static void add_segment(struct elf_image *elf, const GElf_Phdr *header)
{
	if (header->p_filesz > header->p_memsz ||
	    header->p_offset + header->p_filesz < header->p_offset)
		return;
	elf->segments.segments[elf->segments.n_segments++] = (struct symbol_segment){
		.offset = header->p_offset,
		.file_bytes = header->p_filesz,
		.vaddr = header->p_vaddr,
		.memory_bytes = header->p_memsz,
		.is_executable = (header->p_flags & PF_X) != 0,
	};
}

static void add_traits(struct elf_image *elf, const GElf_Phdr *header)
{
	if (header->p_type == PT_DYNAMIC) {
		elf->traits.dynamic_at.v = header->p_offset;
		elf->traits.n_dynamic_bytes = header->p_filesz;
	} else if (header->p_type == PT_GNU_EH_FRAME) {
		elf->traits.unwind_header.v = header->p_vaddr;
		elf->traits.unwind_header_at.v = header->p_offset;
		elf->traits.n_unwind_header_bytes = header->p_filesz;
	}
}

/* What Go's linker writes: four hashes with slashes between, unless somebody cut them out. */
static bool is_go_build_id(const GElf_Nhdr *note, const char *text)
{
	unsigned n_slashes = 0;

	for (size_t i = 0; i < note->n_descsz; i++)
		n_slashes += text[i] == '/';
	return note->n_type == GO_BUILD_ID_TYPE && note->n_descsz >= GO_BUILD_ID_BYTES_MIN &&
	       n_slashes >= 2;
}

/* Looks for the GNU build id in one note segment or section, and for the mark of Go's linker. */
static void look_at_notes(struct elf_image *elf, Elf_Data *notes)
{
	size_t at = 0, name_at, desc_at;
	GElf_Nhdr note;

	for (unsigned n = 0; n < NOTES_MAX && notes; n++) {
		at = gelf_getnote(notes, at, &note, &name_at, &desc_at);
		if (at == 0)
			return;
		if (note.n_namesz == 4 && memcmp((char *)notes->d_buf + name_at, "Go\0", 4) == 0) {
			elf->traits.has_go_note = true;
			elf->build_id.has_go =
				is_go_build_id(&note, (char *)notes->d_buf + desc_at);
		}
		if (elf->build_id.n_bytes > 0 || note.n_type != NT_GNU_BUILD_ID ||
		    note.n_namesz != 4 || memcmp((char *)notes->d_buf + name_at, "GNU", 4) != 0 ||
		    note.n_descsz < BUILD_ID_BYTES_MIN || note.n_descsz > SYMBOL_BUILD_ID_BYTES_MAX)
			continue;
		elf->build_id.n_bytes = note.n_descsz;
		memcpy(elf->build_id.bytes, (char *)notes->d_buf + desc_at, note.n_descsz);
	}
}

static int take_notes(struct elf_image *elf, uint64_t offset, uint64_t n_bytes, uint64_t alignment)
{
	int r;

	if (n_bytes == 0 || n_bytes > NOTES_BYTES_MAX)
		return 0;
	r = need(elf, offset, n_bytes);
	if (r < 0 || r == ELF_IMAGE_UNREADABLE)
		return r;
	if (r == 0)
		look_at_notes(elf, elf_getdata_rawchunk(elf->elf, (int64_t)offset, n_bytes,
							alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
	return 0;
}

static int open_segments(struct elf_image *elf)
{
	size_t n_headers;
	GElf_Phdr header;
	int r;

	if (elf_getphdrnum(elf->elf, &n_headers) != 0)
		return ELF_IMAGE_MALFORMED;
	for (size_t i = 0; i < n_headers; i++) {
		if (!gelf_getphdr(elf->elf, (int)i, &header))
			return ELF_IMAGE_MALFORMED;
		if (header.p_type == PT_LOAD && elf->segments.n_segments == SYMBOL_SEGMENTS_MAX)
			return ELF_IMAGE_TOO_BIG;
		if (header.p_type == PT_LOAD)
			add_segment(elf, &header);
		add_traits(elf, &header);
		if (header.p_type != PT_NOTE)
			continue;
		r = take_notes(elf, header.p_offset, header.p_filesz, header.p_align);
		if (r != 0)
			return r;
	}
	return 0;
}

/* A file without a build id in its segments may have one in a section. */
static int open_note_sections(struct elf_image *elf)
{
	struct elf_section section = {0};
	int r = 0;

	for (unsigned n = 0; r == 0 && n < NOTE_SECTIONS_MAX && elf->build_id.n_bytes == 0; n++) {
		if (!elf_image_next_section(elf, SHT_NOTE, &section))
			return 0;
		r = take_notes(elf, section.offset, section.n_bytes, section.alignment);
	}
	return r;
}

/* Without them no section can be found by name, and that is all. */
static int open_section_names(struct elf_image *elf)
{
	struct elf_section section;
	size_t index, n_sections = 0;
	int r;

	if (elf_getshdrstrndx(elf->elf, &index) != 0 || !elf_image_section(elf, index, &section) ||
	    section.type != SHT_STRTAB || section.n_bytes > NAMES_BYTES_MAX ||
	    (section.flags & SHF_COMPRESSED))
		return 0;
	n_sections = elf_getshdrnum(elf->elf, &n_sections) == 0 ? n_sections : 0;
	object_image_allow(elf->image, n_sections * NAME_BYTES_USUAL);
	r = elf_image_bytes(elf, &section, &elf->section_names);
	return r < 0 || r == ELF_IMAGE_UNREADABLE ? r : 0;
}

static void allow_section(struct elf_image *elf, const struct elf_section *section)
{
	for (unsigned i = 0; i < SYMBOL_BYTES_FACTOR && section->type != SHT_NOBITS; i++)
		elf_image_allow(elf, section->n_bytes);
}

/* Lets be fetched what tells functions, once its headers say how much that is. */
static void allow_symbols(struct elf_image *elf)
{
	static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM, SHT_SYMTAB_SHNDX};
	static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab",
					    ".gnu_debugdata", ".gnu_debuglink", ".eh_frame"};
	struct elf_section section, strings;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		section = (struct elf_section){0};
		if (!elf_image_next_section(elf, types[i], &section))
			continue;
		allow_section(elf, &section);
		if (elf_image_section(elf, section.link, &strings))
			allow_section(elf, &strings);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (elf_image_find_section(elf, names[i], &section))
			allow_section(elf, &section);
}

int elf_image_open(struct object_image *image, uint64_t *inflate_left, struct elf_image **ret_elf)
{
	struct elf_image *elf;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	elf = calloc(1, sizeof(*elf));
	if (!elf)
		return -ENOMEM;
	elf->image = image;
	elf->inflate_left = inflate_left;
	r = open_headers(elf);
	if (r == 0)
		r = open_section_names(elf);
	if (r == 0)
		allow_symbols(elf);
	if (r == 0)
		r = open_segments(elf);
	if (r == 0)
		r = open_note_sections(elf);
	if (r != 0) {
		elf_image_free(elf);
		return r;
	}
	*ret_elf = elf;
	return 0;
}

const struct symbol_segments *elf_image_segments(const struct elf_image *elf)
{
	return &elf->segments;
}

const struct symbol_build_id *elf_image_build_id(const struct elf_image *elf)
{
	return &elf->build_id;
}

bool elf_image_is_64(const struct elf_image *elf)
{
	return elf->is_64;
}

const struct elf_traits *elf_image_traits(const struct elf_image *elf)
{
	return &elf->traits;
}

static void describe(Elf_Scn *scn, const GElf_Shdr *header, struct elf_section *ret_section)
{
	*ret_section = (struct elf_section){
		.index = elf_ndxscn(scn),
		.type = header->sh_type,
		.link = header->sh_link,
		.flags = header->sh_flags,
		.start = {header->sh_addr},
		.offset = header->sh_offset,
		.n_bytes = header->sh_size,
		.entry_bytes = header->sh_entsize,
		.alignment = header->sh_addralign,
	};
}

bool elf_image_has_sections(const struct elf_image *elf)
{
	return elf->has_sections;
}

bool elf_image_section(const struct elf_image *elf, size_t index, struct elf_section *ret_section)
{
	Elf_Scn *scn = index == SHN_UNDEF ? NULL : elf_getscn(elf->elf, index);
	GElf_Shdr header;

	if (!scn || !gelf_getshdr(scn, &header))
		return false;
	describe(scn, &header, ret_section);
	return true;
}

bool elf_image_next_section(const struct elf_image *elf, uint32_t type, struct elf_section *section)
{
	Elf_Scn *scn = section->index == 0 ? NULL : elf_getscn(elf->elf, section->index);
	GElf_Shdr header;

	while ((scn = elf_nextscn(elf->elf, scn))) {
		if (!gelf_getshdr(scn, &header) || header.sh_type != type)
			continue;
		describe(scn, &header, section);
		return true;
	}
	return false;
}

static bool has_name(const struct elf_image *elf, const GElf_Shdr *header, const char *name,
		     size_t n_bytes)
{
	const struct wire_bytes *names = &elf->section_names;

	return header->sh_name < names->n_bytes && n_bytes < names->n_bytes - header->sh_name &&
	       memcmp((const char *)names->data + header->sh_name, name, n_bytes + 1) == 0;
}

bool elf_image_find_section(const struct elf_image *elf, const char *name,
			    struct elf_section *ret_section)
{
	size_t n_bytes = strlen(name);
	Elf_Scn *scn = NULL;
	GElf_Shdr header;

	while ((scn = elf_nextscn(elf->elf, scn))) {
		if (!gelf_getshdr(scn, &header) || !has_name(elf, &header, name, n_bytes))
			continue;
		describe(scn, &header, ret_section);
		return true;
	}
	return false;
}

/* Bounded by what is left to inflate, and by libelf, which believes no claim over 1032 to one. */
static int inflate_section(struct elf_image *elf, Elf_Scn *scn)
{
	const uint64_t n_left = object_image_bytes_left(elf->image);
	GElf_Chdr header;

	if (!gelf_getchdr(scn, &header))
		return ELF_IMAGE_MALFORMED;
	if (header.ch_size > *elf->inflate_left || header.ch_size > n_left)
		return ELF_IMAGE_TOO_BIG;
	*elf->inflate_left -= header.ch_size;
	object_image_limit(elf->image, n_left - header.ch_size);
	return elf_compress(scn, 0, 0) == 1 ? 0 : ELF_IMAGE_MALFORMED;
}

int elf_image_bytes(struct elf_image *elf, const struct elf_section *section,
		    struct wire_bytes *ret_bytes)
{
	Elf_Scn *scn = elf_getscn(elf->elf, section->index);
	GElf_Shdr header;
	Elf_Data *data;
	int r = 0;

	if (!scn || !gelf_getshdr(scn, &header) || section->type == SHT_NOBITS)
		return ELF_IMAGE_MALFORMED;
	if (header.sh_flags == section->flags) /* else it is here, and inflated */
		r = need(elf, section->offset, section->n_bytes);
	if (r == 0 && (header.sh_flags & SHF_COMPRESSED))
		r = inflate_section(elf, scn);
	if (r != 0)
		return r;
	data = elf_rawdata(scn, NULL);
	if (!data || (!data->d_buf && data->d_size > 0))
		return ELF_IMAGE_MALFORMED;
	*ret_bytes = (struct wire_bytes){data->d_buf, data->d_size};
	return 0;
}

bool elf_image_address(const struct elf_image *elf, struct elf_addr address,
		       struct file_off *ret_offset, uint64_t *ret_n_bytes)
{
	const struct symbol_segments *segments = &elf->segments;

	for (size_t i = 0; i < segments->n_segments; i++) {
		const struct symbol_segment *segment = &segments->segments[i];
		uint64_t distance = address.v - segment->vaddr;

		if (address.v < segment->vaddr || distance >= segment->file_bytes)
			continue;
		ret_offset->v = segment->offset + distance;
		*ret_n_bytes = segment->file_bytes - distance;
		return true;
	}
	return false;
}

int elf_image_range(struct elf_image *elf, struct file_off offset, uint64_t n_bytes,
		    struct wire_bytes *ret_bytes)
{
	Elf_Data *data;
	int r = need(elf, offset.v, n_bytes);

	if (r != 0)
		return r;
	if (n_bytes == 0) {
		*ret_bytes = (struct wire_bytes){0};
		return 0;
	}
	data = elf_getdata_rawchunk(elf->elf, (int64_t)offset.v, n_bytes, ELF_T_BYTE);
	if (!data)
		return ELF_IMAGE_MALFORMED;
	*ret_bytes = (struct wire_bytes){data->d_buf, data->d_size};
	return 0;
}

void elf_image_allow(struct elf_image *elf, uint64_t n_bytes)
{
	uint64_t size = object_image_size(elf->image);

	object_image_allow(elf->image, n_bytes < size ? n_bytes : size);
}

int elf_image_read(struct elf_image *elf, struct file_off offset, uint64_t n_bytes, void *to)
{
	return outcome_of_need(object_image_read(elf->image, offset, n_bytes, to));
}

void elf_image_free(struct elf_image *elf)
{
	if (!elf)
		return;
	(void)elf_end(elf->elf);
	free(elf);
}
