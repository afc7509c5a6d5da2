#include "elf_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>

#define HEAD_BYTES         4096u /* holds most files' program headers and notes, too */
#define HEADERS_MAX        4096u
#define SECTIONS_MAX       (1u << 17) /* libelf keeps some 300 bytes of each */
#define NOTES_BYTES_MAX    65536u
#define NOTES_MAX          1024u
#define BUILD_ID_BYTES_MIN 4u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ELFDATA_NATIVE ELFDATA2LSB
#else
#define ELFDATA_NATIVE ELFDATA2MSB
#endif

/* A symbol table and its names, checked and fetched. */
struct elf_symbols {
	size_t section; /* 0: none */
	size_t names_section;
	size_t n_symbols;
};

struct elf_image {
	struct object_image *image; /* borrowed */
	Elf *elf;                   /* owned */
	int flaw;
	struct symbol_segments segments;
	struct symbol_build_id build_id;
	struct elf_symbols symtab;
	struct elf_symbols dynsym;
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
	uint64_t segments_at;
	uint64_t n_segments;
	uint64_t sections_at;
	uint64_t n_sections;
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
		.segments_at = (header).e_phoff,                                                   \
		.n_segments = (header).e_phnum,                                                    \
		.sections_at = (header).e_shoff,                                                   \
		.n_sections = (header).e_shoff ? (header).e_shnum : 0,                             \
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

	if (counts->sections_at == 0 || counts->n_sections > 0)
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

/*
 * Fetches all headers: after this, libelf may read every one of them. A section table that cannot
 * be had leaves the segments usable, but libelf would believe it, so such a file ends here.
 */
static int open_headers(struct elf_image *elf)
{
	uint64_t size = object_image_size(elf->image);
	struct elf_counts counts;
	int r = need(elf, 0, size < HEAD_BYTES ? size : HEAD_BYTES);

	if (r == 0)
		r = read_counts(elf, &counts);
	if (r == 0)
		r = read_section_count(elf, &counts);
	if (r != 0)
		return r;
	if (counts.n_segments > HEADERS_MAX || counts.n_sections > SECTIONS_MAX)
		return ELF_IMAGE_TOO_BIG;
	r = need(elf, counts.segments_at,
		 counts.n_segments * (counts.is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)));
	if (r == 0)
		r = need(elf, counts.sections_at,
			 counts.n_sections *
				 (counts.is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)));
	if (r != 0)
		return r;
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

/* Looks for the GNU build id in one note segment or section. */
static void find_build_id(struct elf_image *elf, Elf_Data *notes)
{
	size_t at = 0, name_at, desc_at;
	GElf_Nhdr note;

	for (unsigned n = 0; n < NOTES_MAX && notes; n++) {
		at = gelf_getnote(notes, at, &note, &name_at, &desc_at);
		if (at == 0)
			return;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    memcmp((char *)notes->d_buf + name_at, "GNU", 4) != 0 ||
		    note.n_descsz < BUILD_ID_BYTES_MIN || note.n_descsz > SYMBOL_BUILD_ID_BYTES_MAX)
			continue;
		elf->build_id.n_bytes = note.n_descsz;
		memcpy(elf->build_id.bytes, (char *)notes->d_buf + desc_at, note.n_descsz);
		return;
	}
}

static int take_notes(struct elf_image *elf, const GElf_Phdr *header)
{
	int r;

	if (elf->build_id.n_bytes > 0 || header->p_filesz == 0 ||
	    header->p_filesz > NOTES_BYTES_MAX)
		return 0;
	r = need(elf, header->p_offset, header->p_filesz);
	if (r < 0 || r == ELF_IMAGE_UNREADABLE)
		return r;
	if (r == 0)
		find_build_id(elf, elf_getdata_rawchunk(
					   elf->elf, (int64_t)header->p_offset, header->p_filesz,
					   header->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
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
		if (header.p_type != PT_NOTE)
			continue;
		r = take_notes(elf, &header);
		if (r != 0)
			return r;
	}
	return 0;
}

static int need_names(struct elf_image *elf, const GElf_Shdr *table)
{
	Elf_Scn *section = elf_getscn(elf->elf, table->sh_link);
	GElf_Shdr names;

	if (!section || !gelf_getshdr(section, &names) || names.sh_type != SHT_STRTAB ||
	    (names.sh_flags & SHF_COMPRESSED))
		return ELF_IMAGE_MALFORMED;
	return need(elf, names.sh_offset, names.sh_size);
}

/* Checks and fetches one symbol table and its names. */
static int open_symbols(struct elf_image *elf, Elf_Scn *section, const GElf_Shdr *header,
			struct elf_symbols *ret_symbols)
{
	size_t entry_bytes = gelf_fsize(elf->elf, ELF_T_SYM, 1, EV_CURRENT);
	int r;

	if (header->sh_entsize != entry_bytes || (header->sh_flags & SHF_COMPRESSED))
		return ELF_IMAGE_MALFORMED;
	if (header->sh_size / entry_bytes > SYMBOLS_MAX)
		return ELF_IMAGE_TOO_BIG;
	r = need(elf, header->sh_offset, header->sh_size);
	if (r == 0)
		r = need_names(elf, header);
	if (r == 0)
		*ret_symbols = (struct elf_symbols){elf_ndxscn(section), header->sh_link,
						    header->sh_size / entry_bytes};
	return r;
}

/* The first .dynsym is taken before the first .symtab: it is small, and never too big beside it. */
static int open_tables(struct elf_image *elf, GElf_Word type, struct elf_symbols *ret_symbols)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	int r;

	while ((section = elf_nextscn(elf->elf, section))) {
		if (!gelf_getshdr(section, &header) || header.sh_type != type)
			continue;
		r = open_symbols(elf, section, &header, ret_symbols);
		if (r < 0 || r == ELF_IMAGE_UNREADABLE)
			return r;
		if (r != 0)
			elf->flaw = r;
		return 0;
	}
	return 0;
}

int elf_image_open(struct object_image *image, struct elf_image **ret_elf)
{
	struct elf_image *elf;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	elf = calloc(1, sizeof(*elf));
	if (!elf)
		return -ENOMEM;
	elf->image = image;
	r = open_headers(elf);
	if (r == 0)
		r = open_segments(elf);
	if (r == 0)
		r = open_tables(elf, SHT_DYNSYM, &elf->dynsym);
	if (r == 0)
		r = open_tables(elf, SHT_SYMTAB, &elf->symtab);
	if (r != 0) {
		elf_image_free(elf);
		return r;
	}
	*ret_elf = elf;
	return 0;
}

int elf_image_flaw(const struct elf_image *elf)
{
	return elf->flaw;
}

/* Where the section of @symbol ends, and whether it holds code; false when it has no section. */
static bool section_of(const struct elf_image *elf, const GElf_Sym *symbol, uint64_t *ret_end,
		       bool *ret_is_code)
{
	Elf_Scn *section;
	GElf_Shdr header;

	if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE)
		return false;
	section = elf_getscn(elf->elf, symbol->st_shndx);
	if (!section || !gelf_getshdr(section, &header) ||
	    header.sh_addr + header.sh_size < header.sh_addr)
		return false;
	*ret_end = header.sh_addr + header.sh_size;
	*ret_is_code = (header.sh_flags & SHF_EXECINSTR) != 0;
	return true;
}

/* Whether @symbol may name code, and how it stands against others. */
static bool judge(const struct elf_image *elf, const GElf_Sym *from, bool is_symtab,
		  struct symbol *ret_symbol)
{
	unsigned type = GELF_ST_TYPE(from->st_info), binding = GELF_ST_BIND(from->st_info);
	bool is_typed = type == STT_FUNC || type == STT_GNU_IFUNC, is_code;
	uint64_t section_end;
	unsigned standing = is_typed ? 0 : SYMBOL_UNTYPED;

	if (from->st_value == 0 || !(is_typed || (is_symtab && type == STT_NOTYPE)) ||
	    !section_of(elf, from, &section_end, &is_code) || (!is_typed && !is_code))
		return false;
	if (from->st_size == 0)
		standing |= SYMBOL_SIZELESS;
	else if (from->st_value + from->st_size < from->st_value)
		return false;
	if (binding == STB_WEAK)
		standing |= SYMBOL_WEAK;
	else if (binding == STB_LOCAL)
		standing |= SYMBOL_LOCAL;
	*ret_symbol = (struct symbol){
		.start = {from->st_value},
		.end = {from->st_size ? from->st_value + from->st_size : section_end},
		.name_at = (uint32_t)from->st_name,
		.names_index = is_symtab,
		.source = is_symtab ? SYMBOL_FROM_SYMTAB : SYMBOL_FROM_DYNSYM,
		.standing = standing & 0xf,
	};
	return true;
}

/* The length of the name at @at, or 0 when it does not end inside the names, or is too long. */
static uint16_t name_bytes(const Elf_Data *names, size_t at)
{
	size_t n_left, n_bytes;

	if (at >= names->d_size)
		return 0;
	n_left = names->d_size - at;
	n_bytes = strnlen((const char *)names->d_buf + at,
			  n_left <= SYMBOL_NAME_BYTES_MAX ? n_left : SYMBOL_NAME_BYTES_MAX + 1u);
	return n_bytes < n_left && n_bytes <= SYMBOL_NAME_BYTES_MAX ? (uint16_t)n_bytes : 0;
}

/* Assembler labels and mapping symbols name no function: ".L42", "$x". */
static bool is_label(const struct symbol *symbol, const char *name)
{
	return (symbol->standing & SYMBOL_UNTYPED) && (name[0] == '$' || name[0] == '.');
}

static int collect(const struct elf_image *elf, const struct elf_symbols *table, bool is_symtab,
		   struct symbol_list *list)
{
	Elf_Data *symbols, *names;
	struct symbol symbol;
	GElf_Sym from;
	int r;

	if (table->section == 0)
		return 0;
	symbols = elf_getdata(elf_getscn(elf->elf, table->section), NULL);
	names = elf_getdata(elf_getscn(elf->elf, table->names_section), NULL);
	if (!symbols || !names || !symbols->d_buf || !names->d_buf || symbols->d_type != ELF_T_SYM)
		return 0;
	list->names[is_symtab] = names->d_buf;
	for (size_t i = 0; i < table->n_symbols; i++) {
		if (!gelf_getsym(symbols, (int)i, &from) || !judge(elf, &from, is_symtab, &symbol))
			continue;
		symbol.n_name_bytes = name_bytes(names, symbol.name_at);
		if (symbol.n_name_bytes == 0 ||
		    is_label(&symbol, list->names[is_symtab] + symbol.name_at))
			continue;
		r = symbol_list_add(list, &symbol);
		if (r != 0)
			return r < 0 ? r : ELF_IMAGE_TOO_BIG;
	}
	return 0;
}

int elf_image_build(struct elf_image *elf, void **ret_block, size_t *ret_n_bytes)
{
	cleanup_with(symbol_list_deinit) struct symbol_list list = {0};
	const struct symbol_table_input input = {
		.list = &list,
		.segments = &elf->segments,
		.build_id = &elf->build_id,
	};
	int r;

	r = collect(elf, &elf->dynsym, false, &list);
	if (r == 0)
		r = collect(elf, &elf->symtab, true, &list);
	if (r < 0)
		return r;
	if (r > 0)
		elf->flaw = r; /* what was collected until then is right, and kept */
	r = symbol_table_build(&input, ret_block, ret_n_bytes);
	return r > 0 ? ELF_IMAGE_TOO_BIG : r;
}

void elf_image_free(struct elf_image *elf)
{
	if (!elf)
		return;
	(void)elf_end(elf->elf);
	free(elf);
}
