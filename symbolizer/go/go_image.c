#include "go/go_image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES       UINT64_C(4096)
#define MODULE_WORD_TEXT 22u /* of runtime.moduledata: behind six slices and four words */
#define DYNAMIC_MAX      1024u
#define LOOKALIKES_MAX   64u

static bool ends_with(const char *name, const char *end)
{
	size_t n_name_bytes = strlen(name), n_end_bytes = strlen(end);

	return n_name_bytes >= n_end_bytes && strcmp(name + n_name_bytes - n_end_bytes, end) == 0;
}

void go_image_see_section(struct go_image *go, const char *name, const struct go_range *section)
{
	if (ends_with(name, "gopclntab")) {
		go->section = *section;
		go->is_go = true;
	} else if (strcmp(name, ".go.module") == 0) {
		go->module = *section;
	} else if (strcmp(name, ".data.rel.ro") == 0) {
		go->relro = *section;
	} else if (strcmp(name, ".text") == 0) {
		go->text = *section;
	} else if (strcmp(name, ".go.buildinfo") == 0 || strcmp(name, ".note.go.buildid") == 0) {
		go->is_go = true;
	}
}

void go_image_see_symbol(struct go_image *go, const char *name, uint64_t value)
{
	if (strcmp(name, "runtime.pclntab") == 0)
		go->table_start = value;
	else if (strcmp(name, "runtime.epclntab") == 0)
		go->table_end = value;
	else if (strcmp(name, "runtime.text") == 0)
		go->text_start = value;
}

static int need(struct go_image *go, uint64_t offset, uint64_t n_bytes)
{
	int r = object_image_need(go->image, (struct file_off){offset}, n_bytes);

	switch (r) {
	case OBJECT_IMAGE_BEYOND:
		return GO_IMAGE_MALFORMED;
	case OBJECT_IMAGE_TOO_BIG:
		return GO_IMAGE_TOO_BIG;
	case OBJECT_IMAGE_UNREADABLE:
		return GO_IMAGE_UNREADABLE;
	default:
		return r; /* 0 or a negative errno */
	}
}

/* Whether nothing more can be learnt now: other outcomes only cost what was being looked at. */
static bool is_final(int r)
{
	return r < 0 || r == GO_IMAGE_UNREADABLE;
}

static int read_at(struct go_image *go, uint64_t offset, void *to, size_t n_bytes)
{
	int r = need(go, offset, n_bytes);
	ssize_t n;

	if (r != 0)
		return r;
	n = pread(object_image_fd(go->image), to, n_bytes, (off_t)offset);
	if (n < 0)
		return -errno;
	return (size_t)n == n_bytes ? 0 : GO_IMAGE_MALFORMED;
}

static void unmap(const struct go_range *range, uint8_t *bytes)
{
	uint64_t n_before = range->offset % PAGE_BYTES;

	(void)munmap(bytes - n_before, range->n_bytes + n_before);
}

/* Fetches @range and maps it, for us alone: what is written there is not in the memory file. */
static int map_range(struct go_image *go, const struct go_range *range, uint8_t **ret_bytes)
{
	uint64_t n_before = range->offset % PAGE_BYTES;
	int r = need(go, range->offset, range->n_bytes);
	void *mapped;

	if (r != 0)
		return r;
	if (range->n_bytes == 0)
		return GO_IMAGE_MALFORMED;
	mapped = mmap(NULL, range->n_bytes + n_before, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		      object_image_fd(go->image), (off_t)(range->offset - n_before));
	if (mapped == MAP_FAILED)
		return errno == ENOMEM ? GO_IMAGE_TOO_BIG : -errno; /* the others have room */
	*ret_bytes = (uint8_t *)mapped + n_before;
	return 0;
}

static int outcome_of_open(int r)
{
	if (r == GO_TABLE_TOO_BIG)
		return GO_IMAGE_TOO_BIG;
	return r == 0 ? 0 : GO_IMAGE_MALFORMED;
}

/* Takes the table that @range begins with. */
static int take(struct go_image *go, const struct go_range *range)
{
	int r = map_range(go, range, &go->bytes);

	if (r != 0)
		return r;
	go->at = *range;
	r = outcome_of_open(go_table_open(go->bytes, range->n_bytes, &go->table));
	if (r != 0)
		go_image_deinit(go);
	go->is_found = r == 0;
	return r;
}

/* Takes the first table that stands somewhere in @range. */
static int take_from(struct go_image *go, const struct go_range *range)
{
	struct go_table table;
	uint8_t *bytes;
	bool is_there;
	size_t at;
	int r = map_range(go, range, &bytes);

	if (r != 0)
		return r;
	is_there = go_table_scan(&(struct go_part){bytes, range->n_bytes}, &at, &table);
	unmap(range, bytes);
	return is_there ? take(go, &(struct go_range){range->vaddr + at, range->offset + at,
						      range->n_bytes - at})
			: 0;
}

/* Where @vaddr lies in the file, and how much of its segment follows; false: in none. */
static bool range_at(const struct go_image *go, uint64_t vaddr, struct go_range *ret_range)
{
	for (size_t i = 0; i < go->segments->n_segments; i++) {
		const struct symbol_segment *segment = &go->segments->segments[i];
		uint64_t n_before = vaddr - segment->vaddr;

		if (vaddr < segment->vaddr || n_before >= segment->file_bytes)
			continue;
		*ret_range = (struct go_range){vaddr, segment->offset + n_before,
					       segment->file_bytes - n_before};
		return true;
	}
	return false;
}

static int take_by_symbols(struct go_image *go)
{
	struct go_range range;

	if (go->table_start == 0 || !range_at(go, go->table_start, &range))
		return 0;
	if (go->table_end > go->table_start && go->table_end - go->table_start < range.n_bytes)
		range.n_bytes = go->table_end - go->table_start;
	return take(go, &range);
}

/* Looks through the data, where linkers put the table first. Bounded, whatever segments overlap. */
static int take_by_scan(struct go_image *go)
{
	uint64_t n_left = OBJECT_IMAGE_BYTES_MAX;
	int r = 0;

	if (go->relro.n_bytes > 0)
		r = take_from(go, &go->relro);
	for (size_t i = 0; i < go->segments->n_segments && !is_final(r) && !go->is_found; i++) {
		const struct symbol_segment *segment = &go->segments->segments[i];

		if (segment->is_executable || segment->file_bytes > n_left)
			continue;
		n_left -= segment->file_bytes;
		r = take_from(go, &(struct go_range){segment->vaddr, segment->offset,
						     segment->file_bytes});
	}
	return r;
}

static int take_table(struct go_image *go)
{
	int r = 0, r_section = 0;

	if (go->section.n_bytes > 0)
		r = r_section = take(go, &go->section);
	if (!is_final(r) && !go->is_found)
		r = take_by_symbols(go);
	if (!is_final(r) && !go->is_found)
		r = take_by_scan(go);
	if (go->is_found || r != 0)
		return r;
	return r_section != 0 ? r_section : GO_IMAGE_NO_TABLE;
}

/* The type of a relocation that says "where the file was loaded, plus the addend". */
static uint32_t relative_type(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return R_X86_64_RELATIVE;
	case EM_AARCH64:
		return R_AARCH64_RELATIVE;
	case EM_RISCV:
		return R_RISCV_RELATIVE;
	case EM_PPC64:
		return R_PPC64_RELATIVE;
	case EM_S390:
		return R_390_RELATIVE;
	default:
		return 0;
	}
}

/* Where relocations with addends are, as the dynamic loader is told. */
static int find_relocations(struct go_image *go, struct go_range *ret_relocations)
{
	uint64_t n_entries = go->dynamic.n_bytes / sizeof(Elf64_Dyn), vaddr = 0, n_bytes = 0;
	struct go_range range;
	Elf64_Dyn entry;
	int r;

	if (n_entries > DYNAMIC_MAX)
		return GO_IMAGE_TOO_BIG;
	for (uint64_t i = 0; i < n_entries; i++) {
		r = read_at(go, go->dynamic.offset + i * sizeof(entry), &entry, sizeof(entry));
		if (r != 0)
			return r;
		if (entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_RELA)
			vaddr = entry.d_un.d_ptr;
		if (entry.d_tag == DT_RELASZ)
			n_bytes = entry.d_un.d_val;
	}
	if (n_bytes == 0)
		return GO_IMAGE_NO_TABLE;
	if (!range_at(go, vaddr, &range) || range.n_bytes < n_bytes)
		return GO_IMAGE_MALFORMED;
	*ret_relocations = (struct go_range){vaddr, range.offset, n_bytes};
	return 0;
}

/*
 * Writes into the table what the dynamic loader would, for a load address of zero; likewise into
 * @word, the one at @word_vaddr. What linkers leave in the file instead is often zero.
 */
static int relocate(struct go_image *go, uint64_t word_vaddr, uint64_t *word)
{
	uint32_t type = relative_type(go->machine);
	struct go_range range;
	uint8_t *bytes;
	int r;

	if (!go->is_64 || type == 0) /* those have their addends in place */
		return GO_IMAGE_NO_TABLE;
	r = find_relocations(go, &range);
	if (r == 0)
		r = map_range(go, &range, &bytes);
	if (r != 0)
		return r;
	for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= range.n_bytes; at += sizeof(Elf64_Rela)) {
		Elf64_Rela entry;

		memcpy(&entry, bytes + at, sizeof(entry));
		if (ELF64_R_TYPE(entry.r_info) != type)
			continue;
		if (entry.r_offset == word_vaddr)
			*word = (uint64_t)entry.r_addend;
		if (entry.r_offset >= go->at.vaddr && go->at.n_bytes >= sizeof(*word) &&
		    entry.r_offset - go->at.vaddr <= go->at.n_bytes - sizeof(*word))
			memcpy(go->bytes + (entry.r_offset - go->at.vaddr), &entry.r_addend,
			       sizeof(*word));
	}
	unmap(&range, bytes);
	return 0;
}

/* Whether all functions lie in one segment of code, when addresses count from @text. */
static bool fits(struct go_image *go, uint64_t text)
{
	uint64_t first, end;

	if (go_table_is_relative(&go->table) && text == 0)
		return false;
	go->table.text.v = text;
	first = go_table_entry(&go->table, 0).v;
	end = go_table_entry(&go->table, go->table.n_functions).v;
	for (size_t i = 0; i < go->segments->n_segments; i++) {
		const struct symbol_segment *segment = &go->segments->segments[i];

		if (segment->is_executable && first < end && first >= segment->vaddr &&
		    end - segment->vaddr <= segment->memory_bytes)
			return true;
	}
	return false;
}

/* A word of the program as it stands in the file. */
static int read_word(struct go_image *go, uint64_t offset, uint64_t *ret_word)
{
	uint32_t word;
	int r;

	if (go->table.pointer_bytes == sizeof(*ret_word))
		return read_at(go, offset, ret_word, sizeof(*ret_word));
	r = read_at(go, offset, &word, sizeof(word));
	if (r == 0)
		*ret_word = word;
	return r;
}

/* Before 1.18, addresses are those of the file, or zero where relocations have them. */
static int settle_absolute(struct go_image *go)
{
	uint64_t none = 0;
	int r;

	if (fits(go, 0))
		return 0;
	r = relocate(go, 0, &none);
	if (is_final(r) || r == GO_IMAGE_TOO_BIG)
		return r;
	return fits(go, 0) ? 0 : GO_IMAGE_MALFORMED;
}

/* Looks in @range for the module's record, which begins with where the table is. */
static int fits_module_in(struct go_image *go, const struct go_range *range, bool *ret_fits)
{
	uint64_t n_word_bytes = go->table.pointer_bytes, text = 0;
	uint64_t text_at = MODULE_WORD_TEXT * n_word_bytes;
	unsigned n_lookalikes = 0;
	uint8_t *bytes;
	int r = map_range(go, range, &bytes);

	if (r != 0)
		return r;
	for (uint64_t at = 0; at + text_at + n_word_bytes <= range->n_bytes; at += n_word_bytes) {
		if (memcmp(bytes + at, &go->at.vaddr, n_word_bytes) != 0)
			continue;
		memcpy(&text, bytes + at + text_at, n_word_bytes);
		*ret_fits = fits(go, text);
		if (*ret_fits || ++n_lookalikes == LOOKALIKES_MAX)
			break;
	}
	unmap(range, bytes);
	return 0;
}

/* The same where sections have no names: the data was looked through for the table anyhow. */
static int fits_module(struct go_image *go, bool *ret_fits)
{
	uint64_t n_left = OBJECT_IMAGE_BYTES_MAX;
	int r = 0;

	if (go->section.n_bytes > 0 || go->relro.n_bytes > 0)
		return 0;
	for (size_t i = 0; i < go->segments->n_segments && !is_final(r) && !*ret_fits; i++) {
		const struct symbol_segment *segment = &go->segments->segments[i];

		if (segment->is_executable || segment->file_bytes > n_left)
			continue;
		n_left -= segment->file_bytes;
		r = fits_module_in(
			go,
			&(struct go_range){segment->vaddr, segment->offset, segment->file_bytes},
			ret_fits);
	}
	return is_final(r) ? r : 0;
}

static int settle_relative(struct go_image *go)
{
	uint64_t word_at = MODULE_WORD_TEXT * go->table.pointer_bytes, module_text = 0;
	uint64_t header_text = go->table.text.v;
	bool has_module = go->module.n_bytes >= word_at + go->table.pointer_bytes;
	bool is_found = false;
	int r = 0;

	if (fits(go, header_text))
		return 0;
	if (has_module)
		r = read_word(go, go->module.offset + word_at, &module_text);
	if (is_final(r))
		return r;
	if (fits(go, module_text))
		return 0;
	r = relocate(go, has_module ? go->module.vaddr + word_at : 0, &module_text);
	if (is_final(r))
		return r;
	if (go->is_64)
		memcpy(&header_text, go->bytes + go_table_text_at(&go->table), sizeof(header_text));
	if (fits(go, module_text) || fits(go, header_text) || fits(go, go->text_start))
		return 0;
	r = fits_module(go, &is_found);
	if (r != 0 || is_found)
		return r;
	return fits(go, go->text.vaddr) ? 0 : GO_IMAGE_MALFORMED;
}

int go_image_fetch(struct go_image *go)
{
	int r;

	if (!go->is_go)
		return GO_IMAGE_NO_TABLE;
	r = take_table(go);
	if (r == 0)
		r = go_table_is_relative(&go->table) ? settle_relative(go) : settle_absolute(go);
	if (r != 0)
		go_image_deinit(go);
	return r;
}

void go_image_deinit(struct go_image *go)
{
	if (go->bytes)
		unmap(&go->at, go->bytes);
	go->bytes = NULL;
	go->is_found = false;
}
