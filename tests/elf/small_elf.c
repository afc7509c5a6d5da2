#include "small_elf.h"

#include <elf.h>
#include <string.h>

#define TEXT_BYTES  0x1000u
#define NOTE_OFFSET 0x2000u
#define TABLES_AT   0x2100u

struct note {
	Elf64_Nhdr header;
	char name[4];
	uint8_t build_id[20];
};

static void add_note(struct small_elf *elf, uint8_t build_id)
{
	struct note note = {.header = {4, 20, NT_GNU_BUILD_ID}, .name = "GNU"};

	memset(note.build_id, build_id, sizeof(note.build_id));
	memcpy(elf->data + NOTE_OFFSET, &note, sizeof(note));
}

/* Writes symbols, then names, at the end of the file; fills in their section headers. */
static void add_symbols(struct small_elf *elf, const char *const *names, size_t n_names,
			Elf64_Shdr *symbols, Elf64_Shdr *strings)
{
	size_t strings_at = elf->n_bytes + (n_names + 1) * sizeof(Elf64_Sym), end = strings_at + 1;

	for (size_t i = 0; i < n_names; i++) {
		Elf64_Sym symbol = {
			.st_name = (Elf64_Word)(end - strings_at),
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = SMALL_ELF_TEXT_ADDR + i * SMALL_ELF_STRIDE,
			.st_size = SMALL_ELF_SIZE,
		};

		memcpy(elf->data + elf->n_bytes + (i + 1) * sizeof(symbol), &symbol,
		       sizeof(symbol));
		memcpy(elf->data + end, names[i], strlen(names[i]) + 1);
		end += strlen(names[i]) + 1;
	}
	*symbols = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
				.sh_offset = elf->n_bytes,
				.sh_size = strings_at - elf->n_bytes,
				.sh_link = 3,
				.sh_entsize = sizeof(Elf64_Sym)};
	*strings = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_offset = strings_at, .sh_size = end - strings_at};
	elf->n_bytes = (end + 7) & ~(size_t)7;
}

void small_elf_make(struct small_elf *elf, const char *const *names, size_t n_names,
		    uint8_t build_id)
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 4,
	};
	Elf64_Phdr segments[2] = {
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_X,
		 .p_offset = SMALL_ELF_TEXT_OFFSET,
		 .p_vaddr = SMALL_ELF_TEXT_ADDR,
		 .p_filesz = TEXT_BYTES,
		 .p_memsz = TEXT_BYTES},
		{.p_type = PT_NOTE,
		 .p_offset = NOTE_OFFSET,
		 .p_filesz = sizeof(struct note),
		 .p_memsz = sizeof(struct note)},
	};
	Elf64_Shdr sections[4] = {[1] = {.sh_type = SHT_PROGBITS,
					 .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					 .sh_addr = SMALL_ELF_TEXT_ADDR,
					 .sh_offset = SMALL_ELF_TEXT_OFFSET,
					 .sh_size = TEXT_BYTES}};

	*elf = (struct small_elf){.n_bytes = TABLES_AT};
	add_note(elf, build_id);
	add_symbols(elf, names, n_names, &sections[2], &sections[3]);
	header.e_shoff = elf->n_bytes;
	memcpy(elf->data, &header, sizeof(header));
	memcpy(elf->data + sizeof(header), segments, sizeof(segments));
	memcpy(elf->data + elf->n_bytes, sections, sizeof(sections));
	elf->n_bytes += sizeof(sections);
}

void small_elf_drop_build_id(struct small_elf *elf)
{
	memset(elf->data + NOTE_OFFSET, 0, sizeof(struct note));
}

#define SECTION_NAMES "\0.gnu_debuglink\0.shstrtab"

/* Writes the link at the end of the file; fills in its section header. */
static void add_link(struct small_elf *elf, const char *link, uint32_t crc, Elf64_Shdr *section)
{
	size_t n_name = (strlen(link) + 4) & ~(size_t)3;

	*section = (Elf64_Shdr){.sh_name = 1,
				.sh_type = SHT_PROGBITS,
				.sh_offset = elf->n_bytes,
				.sh_size = n_name + sizeof(crc)};
	memcpy(elf->data + elf->n_bytes, link, strlen(link));
	memcpy(elf->data + elf->n_bytes + n_name, &crc, sizeof(crc));
	elf->n_bytes += section->sh_size;
}

void small_elf_make_stripped(struct small_elf *elf, uint8_t build_id, const char *link,
			     uint32_t crc)
{
	Elf64_Shdr sections[4] = {0};
	Elf64_Ehdr header;

	small_elf_make(elf, NULL, 0, build_id);
	memcpy(&header, elf->data, sizeof(header));
	memcpy(sections, elf->data + header.e_shoff, 2 * sizeof(sections[0]));
	memset(elf->data + TABLES_AT, 0, elf->n_bytes - TABLES_AT);
	elf->n_bytes = TABLES_AT;
	if (build_id == 0)
		small_elf_drop_build_id(elf);
	if (link)
		add_link(elf, link, crc, &sections[2]);
	sections[3] = (Elf64_Shdr){.sh_name = sizeof(SECTION_NAMES) - sizeof(".shstrtab"),
				   .sh_type = SHT_STRTAB,
				   .sh_offset = elf->n_bytes,
				   .sh_size = sizeof(SECTION_NAMES)};
	memcpy(elf->data + elf->n_bytes, SECTION_NAMES, sizeof(SECTION_NAMES));
	elf->n_bytes = (elf->n_bytes + sizeof(SECTION_NAMES) + 7) & ~(size_t)7;
	header.e_shoff = elf->n_bytes;
	header.e_shstrndx = 3;
	memcpy(elf->data, &header, sizeof(header));
	memcpy(elf->data + elf->n_bytes, sections, sizeof(sections));
	elf->n_bytes += sizeof(sections);
}

void small_elf_set_go_build_id(struct small_elf *elf, const char text[48])
{
	const Elf64_Nhdr header = {4, 48, 4};
	const size_t segment_at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	Elf64_Phdr segment;

	memcpy(&segment, elf->data + segment_at, sizeof(segment));
	segment.p_filesz = segment.p_memsz = sizeof(header) + 4 + 48;
	memcpy(elf->data + segment_at, &segment, sizeof(segment));
	memcpy(elf->data + NOTE_OFFSET, &header, sizeof(header));
	memcpy(elf->data + NOTE_OFFSET + sizeof(header), "Go\0", 4);
	memcpy(elf->data + NOTE_OFFSET + sizeof(header) + 4, text, 48);
}
