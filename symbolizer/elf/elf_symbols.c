#include "elf/elf_symbols.h"

#include <assert.h>
#include <elf.h>
#include <string.h>

#define SECTION_NUMBERS_MAX 4u /* a table of them for each symbol table */

/* A symbol of either class. */
struct raw_symbol {
	uint32_t name_at;
	uint32_t section;
	uint8_t type;
	uint8_t binding;
	uint64_t value;
	uint64_t n_bytes;
};

#define RAW_FROM(symbol)                                                                           \
	((struct raw_symbol){                                                                      \
		.name_at = (symbol).st_name,                                                       \
		.section = (symbol).st_shndx,                                                      \
		.type = ELF32_ST_TYPE((symbol).st_info),                                           \
		.binding = ELF32_ST_BIND((symbol).st_info),                                        \
		.value = (symbol).st_value,                                                        \
		.n_bytes = (symbol).st_size,                                                       \
	})

static_assert(ELF32_ST_TYPE(0xa2) == ELF64_ST_TYPE(0xa2), "both classes pack them alike");

static size_t entry_bytes_of(const struct elf_image *elf)
{
	return elf_image_is_64(elf) ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static int open_names(struct elf_image *elf, const struct elf_section *table,
		      struct wire_bytes *ret_names)
{
	struct elf_section names;

	if (!elf_image_section(elf, table->link, &names) || names.type != SHT_STRTAB)
		return ELF_IMAGE_MALFORMED;
	return elf_image_bytes(elf, &names, ret_names);
}

/* The numbers of sections that are too great for @table: a section of their own that links to it.
 */
static int open_sections(struct elf_image *elf, const struct elf_section *table,
			 struct wire_bytes *ret_sections)
{
	struct elf_section section = {0};

	for (unsigned n = 0; n < SECTION_NUMBERS_MAX; n++) {
		if (!elf_image_next_section(elf, SHT_SYMTAB_SHNDX, &section))
			return 0;
		if (section.link == table->index)
			return elf_image_bytes(elf, &section, ret_sections);
	}
	return 0;
}

/* Checks and fetches one symbol table and its names. */
static int open_table(struct elf_image *elf, const struct elf_section *section,
		      struct elf_symbol_table *ret_table)
{
	size_t entry_bytes = entry_bytes_of(elf);
	struct elf_symbol_table table = {0};
	int r;

	if (section->entry_bytes != entry_bytes)
		return ELF_IMAGE_MALFORMED;
	if (section->n_bytes / entry_bytes > SYMBOLS_MAX)
		return ELF_IMAGE_TOO_BIG;
	r = elf_image_bytes(elf, section, &table.symbols);
	if (r == 0 && table.symbols.n_bytes / entry_bytes > SYMBOLS_MAX)
		r = ELF_IMAGE_TOO_BIG; /* once inflated */
	if (r == 0)
		r = open_names(elf, section, &table.names);
	if (r == 0)
		r = open_sections(elf, section, &table.sections);
	if (r == 0)
		*ret_table = table;
	return r;
}

static int open_first(struct elf_image *elf, uint32_t type, int *flaw,
		      struct elf_symbol_table *ret_table)
{
	struct elf_section section = {0};
	int r;

	if (!elf_image_next_section(elf, type, &section))
		return 0;
	r = open_table(elf, &section, ret_table);
	if (r < 0 || r == ELF_IMAGE_UNREADABLE)
		return r;
	if (r != 0)
		*flaw = r;
	return 0;
}

/* .dynsym is taken before .symtab: it is small, and never too big beside it. */
int elf_symbols_open(struct elf_image *elf, struct elf_symbols *ret_symbols)
{
	struct elf_symbols symbols = {0};
	int r = open_first(elf, SHT_DYNSYM, &symbols.flaw, &symbols.dynsym);

	if (r == 0)
		r = open_first(elf, SHT_SYMTAB, &symbols.flaw, &symbols.symtab);
	if (r == 0)
		*ret_symbols = symbols;
	return r;
}

/* The number of the section of the symbol at @i, which its own 16 bits do not hold. */
static uint32_t read_section(const struct elf_symbol_table *table, size_t i)
{
	uint32_t section = SHN_UNDEF;

	if (i < table->sections.n_bytes / sizeof(section))
		memcpy(&section, (const uint8_t *)table->sections.data + i * sizeof(section),
		       sizeof(section));
	return section;
}

static size_t n_symbols_of(const struct elf_symbol_table *table, const struct elf_image *elf)
{
	return table->symbols.n_bytes / entry_bytes_of(elf);
}

static struct raw_symbol read_symbol(const struct elf_symbol_table *table,
				     const struct elf_image *elf, size_t i)
{
	const uint8_t *at = (const uint8_t *)table->symbols.data + i * entry_bytes_of(elf);
	struct raw_symbol symbol;
	Elf64_Sym symbol_64;
	Elf32_Sym symbol_32;

	if (elf_image_is_64(elf)) {
		memcpy(&symbol_64, at, sizeof(symbol_64));
		symbol = RAW_FROM(symbol_64);
	} else {
		memcpy(&symbol_32, at, sizeof(symbol_32));
		symbol = RAW_FROM(symbol_32);
	}
	if (symbol.section == SHN_XINDEX)
		symbol.section = read_section(table, i);
	else if (symbol.section >= SHN_LORESERVE)
		symbol.section = SHN_UNDEF; /* of none: absolute, common */
	return symbol;
}

bool elf_symbols_find(const struct elf_symbols *symbols, const struct elf_image *elf,
		      const char *name, struct elf_addr *ret_value)
{
	const struct wire_bytes *names = &symbols->symtab.names;
	size_t n_bytes = strlen(name) + 1;

	for (size_t i = 0; i < n_symbols_of(&symbols->symtab, elf); i++) {
		struct raw_symbol symbol = read_symbol(&symbols->symtab, elf, i);

		if (symbol.section == SHN_UNDEF || symbol.name_at > names->n_bytes ||
		    n_bytes > names->n_bytes - symbol.name_at ||
		    memcmp((const char *)names->data + symbol.name_at, name, n_bytes) != 0)
			continue;
		ret_value->v = symbol.value;
		return true;
	}
	return false;
}

/* As section_of(), where what tells sections apart is gone: a segment of code stands for one. */
static bool segment_of(const struct elf_image *elf, const struct raw_symbol *symbol,
		       uint64_t *ret_end, bool *ret_is_code)
{
	const struct symbol_segments *segments = elf_image_segments(elf);

	for (size_t i = 0; i < segments->n_segments; i++) {
		const struct symbol_segment *segment = &segments->segments[i];

		if (!segment->is_executable || symbol->value < segment->vaddr ||
		    symbol->value - segment->vaddr >= segment->memory_bytes ||
		    segment->vaddr + segment->memory_bytes < segment->vaddr)
			continue;
		*ret_end = segment->vaddr + segment->memory_bytes;
		*ret_is_code = true;
		return true;
	}
	return false;
}

/* Where the section of @symbol ends, and whether it holds code; false when it has no section. */
static bool section_of(const struct elf_image *elf, const struct raw_symbol *symbol,
		       uint64_t *ret_end, bool *ret_is_code)
{
	struct elf_section section;

	if (symbol->section == SHN_UNDEF)
		return false;
	if (!elf_image_has_sections(elf))
		return segment_of(elf, symbol, ret_end, ret_is_code);
	if (!elf_image_section(elf, symbol->section, &section) ||
	    section.start.v + section.n_bytes < section.start.v)
		return false;
	*ret_end = section.start.v + section.n_bytes;
	*ret_is_code = (section.flags & SHF_EXECINSTR) != 0;
	return true;
}

/* Whether @symbol may name code, and how it stands against others. */
static bool judge(const struct elf_image *elf, const struct raw_symbol *from, bool is_symtab,
		  struct symbol *symbol)
{
	bool is_typed = from->type == STT_FUNC || from->type == STT_GNU_IFUNC, is_code;
	unsigned standing = is_typed ? 0 : SYMBOL_UNTYPED;
	uint64_t section_end;

	if (from->value == 0 || !(is_typed || (is_symtab && from->type == STT_NOTYPE)) ||
	    !section_of(elf, from, &section_end, &is_code) || (!is_typed && !is_code))
		return false;
	if (from->n_bytes == 0)
		standing |= SYMBOL_SIZELESS;
	else if (from->value + from->n_bytes < from->value)
		return false;
	if (from->binding == STB_WEAK)
		standing |= SYMBOL_WEAK;
	else if (from->binding == STB_LOCAL)
		standing |= SYMBOL_LOCAL;
	symbol->start.v = from->value;
	symbol->end.v = from->n_bytes ? from->value + from->n_bytes : section_end;
	symbol->name_at = from->name_at;
	symbol->standing = standing & 0xf;
	return true;
}

/*
 * The length of the name at @at; 0 when it does not end inside the names or is too long, and then
 * *@ret_n_looked is how far it was looked for.
 */
static uint16_t name_bytes(const struct wire_bytes *names, size_t at, size_t *ret_n_looked)
{
	size_t n_left, n_bytes;

	*ret_n_looked = 0;
	if (at >= names->n_bytes)
		return 0;
	n_left = names->n_bytes - at;
	n_bytes = strnlen((const char *)names->data + at,
			  n_left <= SYMBOL_NAME_BYTES_MAX ? n_left : SYMBOL_NAME_BYTES_MAX + 1u);
	if (n_bytes < n_left && n_bytes <= SYMBOL_NAME_BYTES_MAX)
		return (uint16_t)n_bytes;
	*ret_n_looked = n_bytes;
	return 0;
}

/* Assembler labels and mapping symbols name no function: ".L42", "$x". */
static bool is_label(const struct symbol *symbol, const char *name)
{
	return (symbol->standing & SYMBOL_UNTYPED) && (name[0] == '$' || name[0] == '.');
}

static int collect(const struct elf_symbol_table *table, const struct elf_image *elf,
		   enum symbol_source source, bool is_symtab, struct symbol_list *list)
{
	size_t n_symbols = n_symbols_of(table, elf);
	const unsigned names_index = source - 1u;
	const struct symbol like = {.names_index = names_index & 0xfu, .source = source & 0xfu};

	if (n_symbols == 0 || table->names.n_bytes == 0)
		return 0;
	list->names[names_index] = table->names.data;
	for (size_t i = 0; i < n_symbols; i++) {
		struct raw_symbol from = read_symbol(table, elf, i);
		struct symbol symbol = like;
		size_t n_looked;
		int r;

		if (!judge(elf, &from, is_symtab, &symbol))
			continue;
		symbol.n_name_bytes = name_bytes(&table->names, symbol.name_at, &n_looked);
		if (symbol.n_name_bytes == 0)
			r = symbol_list_pass_over(list, n_looked);
		else if (is_label(&symbol, list->names[names_index] + symbol.name_at))
			r = symbol_list_pass_over(list, symbol.n_name_bytes);
		else
			r = symbol_list_add(list, &symbol);
		if (r != 0)
			return r;
	}
	return 0;
}

bool elf_symbols_has_symtab(const struct elf_symbols *symbols, const struct elf_image *elf)
{
	const struct elf_symbol_table *table = &symbols->symtab;

	for (size_t i = 0; i < n_symbols_of(table, elf); i++) {
		struct raw_symbol from = read_symbol(table, elf, i);
		struct symbol symbol = {0};

		if (from.type == STT_FUNC && judge(elf, &from, true, &symbol) &&
		    symbol.name_at < table->names.n_bytes)
			return true;
	}
	return false;
}

int elf_symbols_collect(struct elf_symbols *symbols, const struct elf_image *elf,
			enum elf_symbols_role role, struct symbol_list *list)
{
	enum symbol_source source = SYMBOL_FROM_SYMTAB;
	bool has_symtab = symbols->symtab.symbols.n_bytes > 0;
	int r = 0;

	if (role != ELF_SYMBOLS_OWN)
		source = role == ELF_SYMBOLS_DEBUG ? SYMBOL_FROM_DEBUG : SYMBOL_FROM_MINIDEBUG;
	if (role == ELF_SYMBOLS_OWN)
		r = collect(&symbols->dynsym, elf, SYMBOL_FROM_DYNSYM, false, list);
	else if (!has_symtab)
		r = collect(&symbols->dynsym, elf, source, false, list);
	if (r == 0)
		r = collect(&symbols->symtab, elf, source, true, list);
	if (r > 0)
		symbols->flaw =
			ELF_IMAGE_TOO_BIG; /* what was collected until then is right, and kept */
	return r < 0 ? r : 0;
}
