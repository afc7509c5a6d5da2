#include "elf/debug_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <zlib.h>

#include "elf/debuglink.h"

#define PLACES_MAX 6u

/* One file, wherever it was found. */
struct identity {
	uint64_t device;
	uint64_t inode;
};

/* A search under way. */
struct hunt {
	const struct debug_search *search;
	const struct symbol_build_id *build_id; /* of the file; may be of no bytes */
	struct debuglink link;                  /* without a name where there is none */
	uint64_t n_bytes;                       /* read */
	size_t n_seen;
	struct identity seen[PLACES_MAX + 1]; /* the file itself, and what was refused */
};

const char *debug_outcome_text(enum debug_outcome outcome)
{
	static const char *const texts[] = {
		[DEBUG_TAKEN] = "taken",
		[DEBUG_REFUSED] = "cannot be opened",
		[DEBUG_SEEN] = "the file itself, or one that was refused before",
		[DEBUG_UNREADABLE] = "cannot be read",
		[DEBUG_NOT_ELF] = "not an ELF file of the same class",
		[DEBUG_MALFORMED] = "a malformed ELF file",
		[DEBUG_TOO_BIG] = "over the bounds of what is read",
		[DEBUG_OTHER_BUILD_ID] = "its build id is another",
		[DEBUG_OTHER_CRC] = "its CRC is not the one of the debuglink",
		[DEBUG_UNPROVED] = "without a build id, and too large to compare its CRC",
		[DEBUG_NO_SYMBOLS] = "it has no symbols",
	};

	return texts[outcome];
}

static bool is_by_build_id(enum object_open_kind kind)
{
	return kind == OBJECT_OPEN_BUILD_ID || kind == OBJECT_OPEN_HOST_BUILD_ID;
}

/* What reading an ELF file, or a negative errno, is here. */
static int outcome_of_elf(int r)
{
	static const enum debug_outcome outcomes[] = {
		[ELF_IMAGE_NOT_ELF] = DEBUG_NOT_ELF,
		[ELF_IMAGE_MALFORMED] = DEBUG_MALFORMED,
		[ELF_IMAGE_TOO_BIG] = DEBUG_TOO_BIG,
		[ELF_IMAGE_UNREADABLE] = DEBUG_UNREADABLE,
	};

	return r > 0 ? (int)outcomes[r] : r;
}

/* Whether @sibling is new to the search; from now on it is not. */
static bool is_first_sight(struct hunt *hunt, const struct wire_object *sibling)
{
	const struct identity identity = {sibling->device, sibling->inode};

	for (size_t i = 0; i < hunt->n_seen; i++)
		if (hunt->seen[i].device == identity.device &&
		    hunt->seen[i].inode == identity.inode)
			return false;
	hunt->seen[hunt->n_seen++] = identity; /* one a place, and the file itself */
	return true;
}

/* The CRC of the whole file, a piece at a time: nothing is kept. */
static int read_crc(struct hunt *hunt, const struct wire_object *sibling, uint32_t *ret_crc)
{
	const struct object_reader *reader = hunt->search->reader;
	uLong crc = crc32(0, NULL, 0);

	for (uint64_t at = 0; at < sibling->size_bytes;) {
		uint64_t n_left = sibling->size_bytes - at;
		uint32_t n_bytes =
			n_left < OBJECT_READ_BYTES_MAX ? (uint32_t)n_left : OBJECT_READ_BYTES_MAX;
		struct wire_bytes bytes;
		int r = reader->fetch(reader->owner, sibling->id, (struct file_off){at}, n_bytes,
				      &bytes);

		if (r != 0 || bytes.n_bytes == 0 || bytes.n_bytes > n_bytes)
			return r < 0 ? r : DEBUG_UNREADABLE;
		crc = crc32(crc, bytes.data, (uInt)bytes.n_bytes);
		at += bytes.n_bytes;
		hunt->n_bytes += bytes.n_bytes;
	}
	*ret_crc = (uint32_t)crc;
	return 0;
}

static int check_crc(struct hunt *hunt, const struct wire_object *sibling, bool has_build_id)
{
	uint32_t crc;
	int r;

	if (sibling->size_bytes > DEBUG_CRC_BYTES_MAX)
		return has_build_id ? 0 : DEBUG_UNPROVED;
	r = read_crc(hunt, sibling, &crc);
	if (r != 0)
		return r;
	return crc == hunt->link.crc ? 0 : DEBUG_OTHER_CRC;
}

/* Whether the candidate is the file's own. */
static int prove(struct hunt *hunt, enum object_open_kind kind, const struct wire_object *sibling,
		 const struct debug_file *file)
{
	const struct symbol_build_id *ours = hunt->build_id;
	const struct symbol_build_id *its = elf_image_build_id(file->elf);
	bool both_have_one = ours->n_bytes > 0 && its->n_bytes > 0;
	bool are_equal = both_have_one && ours->n_bytes == its->n_bytes &&
			 memcmp(ours->bytes, its->bytes, ours->n_bytes) == 0;

	if (elf_image_is_64(file->elf) != elf_image_is_64(hunt->search->elf))
		return DEBUG_NOT_ELF;
	if ((both_have_one || is_by_build_id(kind)) && !are_equal)
		return DEBUG_OTHER_BUILD_ID;
	return is_by_build_id(kind) ? 0 : check_crc(hunt, sibling, are_equal);
}

static bool has_symbols(const struct debug_file *file)
{
	return elf_symbols_has_symtab(&file->symbols, file->elf) ||
	       file->symbols.dynsym.symbols.n_bytes > 0;
}

/* Reads as much of @sibling as it takes to believe it, and then its symbols. */
static int take(struct hunt *hunt, enum object_open_kind kind, const struct wire_object *sibling,
		struct debug_file *file)
{
	const struct debug_search *search = hunt->search;
	int r;

	file->memory_fd = memfd_create("debug", MFD_CLOEXEC);
	if (file->memory_fd < 0)
		return -errno;
	r = object_image_new(file->memory_fd, sibling, search->reader, &file->image);
	if (r != 0)
		return r < 0 ? r : DEBUG_TOO_BIG;
	object_image_limit(file->image, search->bytes_left);
	r = outcome_of_elf(elf_image_open(file->image, search->inflate_left, &file->elf));
	if (r == 0)
		r = prove(hunt, kind, sibling, file);
	if (r == 0)
		r = outcome_of_elf(elf_symbols_open(file->elf, &file->symbols));
	if (r == 0 && !has_symbols(file))
		r = file->symbols.flaw ? outcome_of_elf(file->symbols.flaw) : DEBUG_NO_SYMBOLS;
	return r;
}

/* Looks at one place. Returns 0 with *@ret_file set, a negative errno, or what became of it. */
static int look(struct hunt *hunt, struct debug_attempt *attempt, struct debug_file *ret_file)
{
	const struct object_reader *reader = hunt->search->reader;
	cleanup_with(debug_file_deinit) struct debug_file file = DEBUG_FILE_NULL;
	struct wire_object sibling;
	int r = reader->open(reader->owner, &attempt->ask, &sibling);

	if (r < 0)
		return r;
	if (r > 0) {
		attempt->refusal = (enum refusal)r;
		return DEBUG_REFUSED;
	}
	attempt->sibling = sibling.id;
	if (!is_first_sight(hunt, &sibling))
		return DEBUG_SEEN;
	r = take(hunt, attempt->ask.kind, &sibling, &file);
	if (file.image)
		hunt->n_bytes += object_image_bytes_read(file.image);
	if (r != 0)
		return r;
	*ret_file = file;
	file = (struct debug_file)DEBUG_FILE_NULL;
	return 0;
}

/* As look(), and tells. Without memory for this candidate there may be enough for another. */
static int try(struct hunt *hunt, enum object_open_kind kind, struct wire_bytes name,
	       struct debug_file *ret_file)
{
	const struct debug_search *search = hunt->search;
	struct debug_attempt attempt = {.ask = {search->object->id, kind, name}};
	int r = look(hunt, &attempt, ret_file);

	if (r == -ENOMEM)
		r = DEBUG_TOO_BIG;
	if (r < 0)
		return r;
	attempt.outcome = (enum debug_outcome)r;
	if (search->tell)
		search->tell(search->owner, &attempt);
	return r;
}

/* Something stood there that was not believed: the host's may be another. */
static bool hides_the_hosts(int r)
{
	return r > 0 && r != DEBUG_REFUSED;
}

static int try_build_id(struct hunt *hunt, enum object_open_kind kind, struct debug_file *ret_file)
{
	char hex[2 * SYMBOL_BUILD_ID_BYTES_MAX + 1];

	for (size_t i = 0; i < hunt->build_id->n_bytes; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hunt->build_id->bytes[i]);
	return try(hunt, kind, (struct wire_bytes){hex, 2 * hunt->build_id->n_bytes}, ret_file);
}

static int find_by_build_id(struct hunt *hunt, struct debug_file *ret_file)
{
	int r;

	if (hunt->build_id->n_bytes == 0)
		return DEBUG_FILE_NONE;
	r = try_build_id(hunt, OBJECT_OPEN_BUILD_ID, ret_file);
	if (hides_the_hosts(r))
		r = try_build_id(hunt, OBJECT_OPEN_HOST_BUILD_ID, ret_file);
	return r > 0 ? DEBUG_FILE_NONE : r;
}

static int find_by_link(struct hunt *hunt, struct debug_file *ret_file)
{
	static const enum object_open_kind kinds[] = {
		OBJECT_OPEN_BESIDE, OBJECT_OPEN_BESIDE_DOT_DEBUG, OBJECT_OPEN_GLOBAL_DEBUG};
	int r = DEBUG_FILE_NONE;

	if (hunt->link.name.n_bytes == 0)
		return DEBUG_FILE_NONE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && r > 0; i++)
		r = try(hunt, kinds[i], hunt->link.name, ret_file);
	if (hides_the_hosts(r))
		r = try(hunt, OBJECT_OPEN_HOST_GLOBAL_DEBUG, hunt->link.name, ret_file);
	return r > 0 ? DEBUG_FILE_NONE : r;
}

/* The file's link, where it has a sound one. Returns 0 or a negative errno. */
static int read_link(const struct debug_search *search, struct debuglink *ret_link)
{
	struct elf_section section;
	struct wire_bytes bytes;
	int r;

	if (!elf_image_find_section(search->elf, ".gnu_debuglink", &section) ||
	    section.n_bytes > DEBUGLINK_BYTES_MAX)
		return 0;
	r = elf_image_bytes(search->elf, &section, &bytes);
	if (r != 0)
		return r < 0 ? r : 0;
	(void)!debuglink_parse(bytes, ret_link); /* one that is broken leads nowhere */
	return 0;
}

static int find(struct hunt *hunt, struct debug_file *ret_file)
{
	int r = find_by_build_id(hunt, ret_file);

	return r > 0 ? find_by_link(hunt, ret_file) : r;
}

int debug_file_find(const struct debug_search *search, struct debug_file *ret_file,
		    uint64_t *ret_n_bytes)
{
	struct hunt hunt = {
		.search = search,
		.build_id = elf_image_build_id(search->elf),
		.n_seen = 1,
		.seen = {{search->object->device, search->object->inode}},
	};
	int r = read_link(search, &hunt.link);

	if (r == 0 &&
	    (!search->reader->open || (hunt.build_id->n_bytes == 0 && hunt.link.name.n_bytes == 0)))
		r = DEBUG_FILE_NOWHERE;
	else if (r == 0)
		r = find(&hunt, ret_file);
	*ret_n_bytes = hunt.n_bytes;
	return r;
}

void debug_file_deinit(struct debug_file *file)
{
	elf_image_free(file->elf);
	object_image_free(file->image);
	close_fdp(&file->memory_fd);
	*file = (struct debug_file)DEBUG_FILE_NULL;
}
