#include "elf/file_symbols.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "elf/elf_dynamic.h"
#include "elf/elf_extents.h"
#include "elf/elf_go.h"
#include "go/go_symbols.h"
#include "elf/mini_debug.h"

#define BUILD_BYTES_MAX (UINT64_C(248) << 20) /* of memory: what was fetched, lists, the block */

static_assert(BUILD_BYTES_MAX > OBJECT_IMAGE_BYTES_MAX, "some is left to build a table with");

/* An ELF file that stands in memory whole. */
struct inner_file {
	int memory_fd; /* all owned */
	struct object_image *image;
	struct elf_image *elf;
	struct elf_symbols symbols;
};

struct file_symbols {
	uint64_t inflate_left; /* for all images together */
	struct object_image *image;
	struct elf_image *elf;
	struct elf_symbols own;
	struct elf_extents extents;
	struct go_image go;
	int go_flaw; /* 0, or the outcome that cost some of Go's functions or lines */
	struct debug_file debug;
	struct inner_file mini;
	bool lacks_debug_file;
};

/* Without section headers there is only what the dynamic loader needs. */
static int open_dynamic(struct file_symbols *symbols)
{
	int r = elf_dynamic_open(symbols->elf, &symbols->own.dynsym);

	if (r <= 0 || r == ELF_IMAGE_UNREADABLE)
		return r;
	symbols->own.flaw = r;
	return 0;
}

static int open_own(struct file_symbols *symbols, const struct file_symbols_options *options)
{
	int r = object_image_new(options->memory_fd, options->object, options->reader,
				 &symbols->image);

	if (r != 0)
		return r < 0 ? r : ELF_IMAGE_TOO_BIG;
	r = elf_image_open(symbols->image, &symbols->inflate_left, &symbols->elf);
	if (r == 0)
		r = elf_symbols_open(symbols->elf, &symbols->own);
	if (r == 0 && !elf_image_has_sections(symbols->elf))
		r = open_dynamic(symbols);
	if (r == 0)
		r = elf_extents_open(symbols->elf, &symbols->extents);
	return r;
}

/* The file's other symbols stay, whatever Go's table holds. */
static int open_go(struct file_symbols *symbols)
{
	int r = elf_go_open(symbols->elf, symbols->image, &symbols->own, &symbols->go);

	if (r <= 0 || r == ELF_IMAGE_UNREADABLE)
		return r;
	symbols->go_flaw = r;
	return 0;
}

static int open_debug_file(struct file_symbols *symbols, const struct file_symbols_options *options,
			   uint64_t *ret_n_bytes)
{
	const struct debug_search search = {
		.object = options->object,
		.elf = symbols->elf,
		.reader = options->reader,
		.bytes_left = object_image_bytes_left(symbols->image),
		.inflate_left = &symbols->inflate_left,
		.tell = options->tell,
		.owner = options->owner,
	};
	int r = debug_file_find(&search, &symbols->debug, ret_n_bytes);

	symbols->lacks_debug_file = r == DEBUG_FILE_NONE;
	return r < 0 ? r : 0;
}

/* What an outcome of unpacking is as one of an ELF file. */
static int outcome_of_unpacking(int r)
{
	if (r <= 0)
		return r;
	return r == MINI_DEBUG_TOO_BIG ? ELF_IMAGE_TOO_BIG : ELF_IMAGE_MALFORMED;
}

static int unpack(struct file_symbols *symbols, struct wire_bytes packed)
{
	struct inner_file *mini = &symbols->mini;
	uint64_t n_left = object_image_bytes_left(symbols->image), n_bytes;
	int r;

	mini->memory_fd = memfd_create("minidebug", MFD_CLOEXEC);
	if (mini->memory_fd < 0)
		return -errno;
	n_left = n_left < symbols->inflate_left ? n_left : symbols->inflate_left;
	r = outcome_of_unpacking(mini_debug_unpack(packed, mini->memory_fd, &n_left, &n_bytes));
	if (r == 0)
		r = object_image_whole(mini->memory_fd, n_bytes, &mini->image) == 0
			    ? 0
			    : ELF_IMAGE_TOO_BIG;
	if (r != 0) {
		close_fdp(&mini->memory_fd); /* with all that was unpacked until then */
		return r;
	}
	symbols->inflate_left -= n_bytes;
	object_image_limit(symbols->image, object_image_bytes_left(symbols->image) - n_bytes);
	object_image_limit(mini->image, object_image_bytes_left(symbols->image));
	r = elf_image_open(mini->image, &symbols->inflate_left, &mini->elf);
	if (r == 0 && elf_image_is_64(mini->elf) != elf_image_is_64(symbols->elf))
		r = ELF_IMAGE_MALFORMED;
	if (r == 0)
		r = elf_symbols_open(mini->elf, &mini->symbols);
	return r;
}

/* The file's symbols stay, whatever is in there. */
static int open_mini_debug(struct file_symbols *symbols)
{
	struct elf_section section;
	struct wire_bytes packed;
	int r;

	if (!elf_image_find_section(symbols->elf, ".gnu_debugdata", &section))
		return 0;
	r = elf_image_bytes(symbols->elf, &section, &packed);
	if (r < 0 || r == ELF_IMAGE_UNREADABLE)
		return r;
	if (r == 0)
		r = unpack(symbols, packed);
	if (r == -ENOMEM)
		r = ELF_IMAGE_TOO_BIG;
	if (r <= 0)
		return r;
	symbols->mini.symbols = (struct elf_symbols){.flaw = r};
	return 0;
}

/* What a file that was stripped may have elsewhere. */
static int open_others(struct file_symbols *symbols, const struct file_symbols_options *options,
		       uint64_t *ret_n_bytes)
{
	int r = open_debug_file(symbols, options, ret_n_bytes);

	if (r == 0 && !symbols->debug.elf)
		r = open_mini_debug(symbols);
	return r;
}

int file_symbols_open(const struct file_symbols_options *options, struct file_symbols **ret_symbols,
		      uint64_t *ret_n_bytes)
{
	struct file_symbols *symbols = calloc(1, sizeof(*symbols));
	uint64_t n_debug_bytes = 0;
	int r;

	*ret_n_bytes = 0;
	if (!symbols)
		return -ENOMEM;
	symbols->inflate_left = ELF_INFLATED_BYTES_MAX;
	symbols->debug = (struct debug_file)DEBUG_FILE_NULL;
	symbols->mini.memory_fd = -1;
	r = open_own(symbols, options);
	if (r == 0)
		r = open_go(symbols);
	if (r == 0 && !elf_symbols_has_symtab(&symbols->own, symbols->elf))
		r = open_others(symbols, options, &n_debug_bytes);
	if (symbols->image)
		*ret_n_bytes = object_image_bytes_read(symbols->image) + n_debug_bytes;
	if (r != 0) {
		file_symbols_free(symbols);
		return r;
	}
	*ret_symbols = symbols;
	return 0;
}

/* What is inside the file's own bytes follows from them. */
int file_symbols_digest(const struct file_symbols *symbols,
			uint8_t ret_digest[OBJECT_IMAGE_DIGEST_BYTES])
{
	const struct object_image *images[] = {symbols->image, symbols->debug.image};

	const struct wire_bytes extents = {symbols->extents.text.data,
					   symbols->extents.text.n_bytes};

	return object_image_digest(images, images[1] ? 2 : 1, extents, ret_digest);
}

bool file_symbols_lacks_debug_file(const struct file_symbols *symbols)
{
	return symbols->lacks_debug_file;
}

static int collect_go(struct file_symbols *symbols, struct symbol_list *list,
		      struct line_list *lines)
{
	int r;

	if (!symbols->go.is_found)
		return 0;
	r = go_symbols_add(&symbols->go.table, list, lines);
	if (r > 0)
		symbols->go_flaw = r == GO_TABLE_TOO_BIG ? ELF_IMAGE_TOO_BIG : ELF_IMAGE_MALFORMED;
	return r < 0 ? r : 0;
}

/* What memory is left for lists and the block: what was read is there, too. */
static uint64_t build_bytes_left(const struct file_symbols *symbols)
{
	const struct object_image *last = symbols->image;

	if (symbols->debug.image)
		last = symbols->debug.image;
	if (symbols->mini.image)
		last = symbols->mini.image;
	return BUILD_BYTES_MAX - OBJECT_IMAGE_BYTES_MAX + object_image_bytes_left(last);
}

int file_symbols_build(struct file_symbols *symbols, void **ret_block, size_t *ret_n_bytes)
{
	cleanup_with(symbol_list_deinit) struct symbol_list list = {0};
	cleanup_with(line_list_deinit) struct line_list lines = LINE_LIST_INIT;
	const struct symbol_table_input input = {
		.list = &list,
		.lines = &lines,
		.segments = elf_image_segments(symbols->elf),
		.build_id = elf_image_build_id(symbols->elf),
	};
	const uint64_t n_left = build_bytes_left(symbols);
	int r;

	line_list_limit(&lines, n_left / 4); /* in a list, and in the block */
	list.build_bytes_max = n_left;
	r = collect_go(symbols, &list, &lines);
	if (r == 0)
		r = elf_symbols_collect(&symbols->own, symbols->elf, ELF_SYMBOLS_OWN, &list);
	if (r == 0 && symbols->debug.elf)
		r = elf_symbols_collect(&symbols->debug.symbols, symbols->debug.elf,
					ELF_SYMBOLS_DEBUG, &list);
	if (r == 0 && symbols->mini.elf)
		r = elf_symbols_collect(&symbols->mini.symbols, symbols->mini.elf,
					ELF_SYMBOLS_MINIDEBUG, &list);
	if (r == 0)
		r = elf_extents_collect(&symbols->extents, &list);
	if (r == 0)
		r = symbol_table_build(&input, ret_block, ret_n_bytes);
	if (r == 0 && list.is_cut)
		symbols->own.flaw = ELF_IMAGE_TOO_BIG;
	return r > 0 ? ELF_IMAGE_TOO_BIG : r;
}

int file_symbols_flaw(const struct file_symbols *symbols)
{
	if (symbols->own.flaw)
		return symbols->own.flaw;
	if (symbols->go_flaw)
		return symbols->go_flaw;
	if (symbols->debug.symbols.flaw)
		return symbols->debug.symbols.flaw;
	return symbols->mini.symbols.flaw ? symbols->mini.symbols.flaw : symbols->extents.flaw;
}

void file_symbols_free(struct file_symbols *symbols)
{
	if (!symbols)
		return;
	elf_extents_deinit(&symbols->extents);
	go_image_deinit(&symbols->go);
	elf_image_free(symbols->mini.elf);
	object_image_free(symbols->mini.image);
	close_fdp(&symbols->mini.memory_fd);
	debug_file_deinit(&symbols->debug);
	elf_image_free(symbols->elf);
	object_image_free(symbols->image);
	free(symbols);
}
