#include "elf/elf_dynamic.h"

#include <elf.h>
#include <string.h>

#define ENTRIES_MAX 1024u /* of the dynamic section: files have some thirty */

/* What the dynamic section says, of either class; 0: nothing. */
struct loader_view {
	struct elf_addr symbols;
	struct elf_addr names;
	uint64_t n_name_bytes;
	uint64_t entry_bytes;
	struct elf_addr hash;     /* the table of System V */
	struct elf_addr gnu_hash; /* that of GNU */
};

static void see(struct loader_view *view, uint64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_SYMTAB:
		view->symbols.v = value;
		break;
	case DT_STRTAB:
		view->names.v = value;
		break;
	case DT_STRSZ:
		view->n_name_bytes = value;
		break;
	case DT_SYMENT:
		view->entry_bytes = value;
		break;
	case DT_HASH:
		view->hash.v = value;
		break;
	case DT_GNU_HASH:
		view->gnu_hash.v = value;
		break;
	default:
		break;
	}
}

static void read_dynamic(const struct elf_image *elf, struct wire_bytes dynamic,
			 struct loader_view *view)
{
	bool is_64 = elf_image_is_64(elf);
	size_t n = dynamic.n_bytes / (is_64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn));
	Elf64_Dyn entry_64;
	Elf32_Dyn entry_32;

	for (size_t i = 0; i < n; i++) {
		if (is_64) {
			memcpy(&entry_64, (const uint8_t *)dynamic.data + i * sizeof(entry_64),
			       sizeof(entry_64));
		} else {
			memcpy(&entry_32, (const uint8_t *)dynamic.data + i * sizeof(entry_32),
			       sizeof(entry_32));
			entry_64.d_tag = entry_32.d_tag;
			entry_64.d_un.d_val = entry_32.d_un.d_val;
		}
		if (entry_64.d_tag == DT_NULL)
			return;
		see(view, (uint64_t)entry_64.d_tag, entry_64.d_un.d_val);
	}
}

/* Fetches @n_bytes at @address. */
static int fetch(struct elf_image *elf, struct elf_addr address, uint64_t n_bytes,
		 struct wire_bytes *ret_bytes)
{
	struct file_off offset;
	uint64_t n_left;

	if (!elf_image_address(elf, address, &offset, &n_left) || n_bytes > n_left)
		return ELF_IMAGE_MALFORMED;
	elf_image_allow(elf, n_bytes);
	return elf_image_range(elf, offset, n_bytes, ret_bytes);
}

static int fetch_words(struct elf_image *elf, struct elf_addr address, uint64_t n_words,
		       struct wire_bytes *ret_words)
{
	return fetch(elf, address, n_words * sizeof(uint32_t), ret_words);
}

static uint32_t word_at(struct wire_bytes words, size_t i)
{
	uint32_t word;

	memcpy(&word, (const uint8_t *)words.data + i * sizeof(word), sizeof(word));
	return word;
}

/* The second word of a table of System V: it has a link for each symbol. */
static int count_by_hash(struct elf_image *elf, struct elf_addr hash, uint64_t *ret_n_symbols)
{
	struct wire_bytes words;
	int r = fetch_words(elf, hash, 2, &words);

	if (r == 0)
		*ret_n_symbols = word_at(words, 1);
	return r;
}

/* Goes along the chain that begins at symbol @first to its end, which a lowest bit marks. */
static int end_of_chain(struct elf_image *elf, struct elf_addr chains, uint64_t first,
			uint64_t *ret_n_symbols)
{
	uint64_t n_words = 64, at = 0;
	struct wire_bytes words = {0};
	int r = 0;

	for (; r == 0 && at < SYMBOLS_MAX; n_words *= 2) {
		struct file_off offset;
		uint64_t n_left;
		bool is_all;

		if (!elf_image_address(elf, chains, &offset, &n_left))
			return ELF_IMAGE_MALFORMED;
		is_all = n_words >= n_left / sizeof(uint32_t);
		n_words = is_all ? n_left / sizeof(uint32_t) : n_words;
		r = fetch_words(elf, chains, n_words, &words);
		for (; r == 0 && at < n_words; at++) {
			if (!(word_at(words, at) & 1))
				continue;
			*ret_n_symbols = first + at + 1;
			return 0;
		}
		if (is_all)
			return ELF_IMAGE_MALFORMED;
	}
	return r != 0 ? r : ELF_IMAGE_TOO_BIG;
}

/* The last symbol of a GNU table is the end of the chain of the bucket that begins last. */
static int count_by_gnu_hash(struct elf_image *elf, struct elf_addr hash, uint64_t *ret_n_symbols)
{
	const uint64_t bloom_bytes = elf_image_is_64(elf) ? 8 : 4;
	struct wire_bytes head, buckets;
	uint64_t n_buckets, first, last = 0;
	int r = fetch_words(elf, hash, 4, &head);

	if (r != 0)
		return r;
	n_buckets = word_at(head, 0);
	first = word_at(head, 1);
	hash.v += 4 * sizeof(uint32_t) + word_at(head, 2) * bloom_bytes;
	if (n_buckets > SYMBOLS_MAX)
		return ELF_IMAGE_TOO_BIG;
	r = fetch_words(elf, hash, n_buckets, &buckets);
	if (r != 0)
		return r;
	for (uint64_t i = 0; i < n_buckets; i++)
		last = word_at(buckets, i) > last ? word_at(buckets, i) : last;
	if (last < first) { /* nothing is exported */
		*ret_n_symbols = first;
		return 0;
	}
	hash.v += (n_buckets + (last - first)) * sizeof(uint32_t);
	return end_of_chain(elf, hash, last, ret_n_symbols);
}

static int open_table(struct elf_image *elf, const struct loader_view *view,
		      struct elf_symbol_table *ret_table)
{
	const uint64_t entry_bytes = elf_image_is_64(elf) ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	struct elf_symbol_table table = {0};
	uint64_t n_symbols = 0;
	int r;

	if (view->symbols.v == 0 || (view->hash.v == 0 && view->gnu_hash.v == 0))
		return 0;
	if (view->entry_bytes != entry_bytes)
		return ELF_IMAGE_MALFORMED;
	r = view->hash.v ? count_by_hash(elf, view->hash, &n_symbols)
			 : count_by_gnu_hash(elf, view->gnu_hash, &n_symbols);
	if (r == 0 && n_symbols > SYMBOLS_MAX)
		r = ELF_IMAGE_TOO_BIG;
	if (r == 0)
		r = fetch(elf, view->symbols, n_symbols * entry_bytes, &table.symbols);
	if (r == 0)
		r = fetch(elf, view->names, view->n_name_bytes, &table.names);
	if (r == 0)
		*ret_table = table;
	return r;
}

int elf_dynamic_open(struct elf_image *elf, struct elf_symbol_table *ret_table)
{
	const struct elf_traits *traits = elf_image_traits(elf);
	struct loader_view view = {0};
	struct elf_symbol_table table = {0};
	struct wire_bytes dynamic;
	uint64_t n_bytes = traits->n_dynamic_bytes;
	int r;

	if (n_bytes > ENTRIES_MAX * sizeof(Elf64_Dyn))
		n_bytes = ENTRIES_MAX * sizeof(Elf64_Dyn);
	r = elf_image_range(elf, traits->dynamic_at, n_bytes, &dynamic);
	if (r != 0)
		return r;
	read_dynamic(elf, dynamic, &view);
	r = open_table(elf, &view, &table);
	if (r == 0)
		*ret_table = table;
	return r;
}
