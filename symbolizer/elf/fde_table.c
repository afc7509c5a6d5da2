#include "elf/fde_table.h"

#include <errno.h>
#include <string.h>

#define EXTENDED_LENGTH        UINT32_MAX /* the true length follows, in eight bytes */
#define AUGMENTATION_BYTES_MAX 16u        /* "zPLR" and its like */
#define LEB_BYTES_MAX          10u
#define HEADER_VERSION         1u

/* Encodings of addresses, as the Linux Standard Base numbers them. */
#define ENCODED_OMITTED  0xffu
#define ENCODED_INDIRECT 0x80u

enum encoded_size {
	ENCODED_NATIVE = 0x0,
	ENCODED_ULEB = 0x1,
	ENCODED_UDATA2 = 0x2,
	ENCODED_UDATA4 = 0x3,
	ENCODED_UDATA8 = 0x4,
	ENCODED_SIGNED = 0x8,
	ENCODED_SLEB = 0x9,
	ENCODED_SDATA2 = 0xa,
	ENCODED_SDATA4 = 0xb,
	ENCODED_SDATA8 = 0xc,
};

enum encoded_base {
	ENCODED_ABSOLUTE = 0x00,
	ENCODED_PC_RELATIVE = 0x10,
	ENCODED_DATA_RELATIVE = 0x30,
	ENCODED_ALIGNED = 0x50,
};

/* A place in a section, and how far may be read; reading past it sticks. */
struct cursor {
	const struct fde_section *section;
	size_t at;
	size_t end;
	bool is_bad;
};

static uint64_t take(struct cursor *cursor, size_t n_bytes)
{
	const uint8_t *bytes = cursor->section->bytes.data;
	uint64_t value = 0;

	if (cursor->is_bad || n_bytes > cursor->end - cursor->at) {
		cursor->is_bad = true;
		return 0;
	}
	memcpy(&value, bytes + cursor->at, n_bytes); /* files of another byte order end earlier */
	cursor->at += n_bytes;
	return value;
}

static void skip(struct cursor *cursor, uint64_t n_bytes)
{
	if (cursor->is_bad || n_bytes > cursor->end - cursor->at)
		cursor->is_bad = true;
	else
		cursor->at += n_bytes;
}

static uint64_t sign_extend(uint64_t value, unsigned n_bits)
{
	const uint64_t sign = UINT64_C(1) << (n_bits - 1);

	return n_bits >= 64 ? value : (value ^ sign) - sign;
}

static uint64_t take_leb(struct cursor *cursor, bool is_signed)
{
	uint64_t value = 0, byte = 0x80;
	unsigned n_bits = 0;

	for (unsigned n = 0; n < LEB_BYTES_MAX && (byte & 0x80); n++) {
		byte = take(cursor, 1);
		value |= n_bits < 64 ? (byte & 0x7f) << n_bits : 0;
		n_bits += 7;
	}
	if (byte & 0x80)
		cursor->is_bad = true;
	return is_signed && n_bits < 64 ? sign_extend(value, n_bits) : value;
}

/* A value of the size that @encoding names, without what it is relative to. */
static uint64_t take_value(struct cursor *cursor, unsigned encoding)
{
	switch (encoding & 0x0f) {
	case ENCODED_NATIVE:
	case ENCODED_SIGNED:
		return take(cursor, cursor->section->is_64 ? 8 : 4);
	case ENCODED_ULEB:
		return take_leb(cursor, false);
	case ENCODED_SLEB:
		return take_leb(cursor, true);
	case ENCODED_UDATA2:
		return take(cursor, 2);
	case ENCODED_SDATA2:
		return sign_extend(take(cursor, 2), 16);
	case ENCODED_UDATA4:
		return take(cursor, 4);
	case ENCODED_SDATA4:
		return sign_extend(take(cursor, 4), 32);
	case ENCODED_UDATA8:
	case ENCODED_SDATA8:
		return take(cursor, 8);
	default:
		cursor->is_bad = true;
		return 0;
	}
}

static uint64_t in_class(const struct fde_section *section, uint64_t address)
{
	return section->is_64 ? address : (uint32_t)address;
}

/* An address; one that only a running program knows is bad. */
static uint64_t take_address(struct cursor *cursor, unsigned encoding)
{
	const struct fde_section *section = cursor->section;
	const uint64_t n_native = section->is_64 ? 8 : 4, here = section->start.v + cursor->at;
	uint64_t base = 0;

	switch (encoding & 0xf0) {
	case ENCODED_ABSOLUTE:
		break;
	case ENCODED_PC_RELATIVE:
		base = here;
		break;
	case ENCODED_DATA_RELATIVE:
		base = section->data.v;
		cursor->is_bad = cursor->is_bad || base == 0;
		break;
	case ENCODED_ALIGNED:
		skip(cursor, -here & (n_native - 1));
		encoding = ENCODED_NATIVE;
		break;
	default:
		cursor->is_bad = true;
	}
	return in_class(section, base + take_value(cursor, encoding));
}

/* A CIE or an FDE: what stands behind its length and its CIE pointer. */
struct record {
	struct cursor body;
	size_t at;
	size_t cie_at; /* of an FDE: where its CIE begins */
	bool is_cie;
	bool is_end; /* a length of zero */
};

/* Reads a record's head at @cursor, which goes behind the record. False where it has no length. */
static bool take_record(struct cursor *cursor, struct record *ret_record)
{
	struct record record = {.body = *cursor, .at = cursor->at};
	uint64_t n_bytes = take(cursor, 4), pointer;
	size_t pointer_at;

	if (n_bytes == EXTENDED_LENGTH)
		n_bytes = take(cursor, 8);
	record.is_end = n_bytes == 0;
	record.body.at = cursor->at;
	skip(cursor, n_bytes);
	if (cursor->is_bad)
		return false;
	record.body.end = cursor->at;
	pointer_at = record.body.at;
	pointer = record.is_end ? 0 : take(&record.body, 4);
	record.is_cie = pointer == 0;
	record.body.is_bad = record.body.is_bad || pointer > pointer_at;
	record.cie_at = pointer > pointer_at ? 0 : pointer_at - (size_t)pointer;
	*ret_record = record;
	return true;
}

/* Copies the augmentation of the CIE at @cursor, which goes behind it. */
static bool take_augmentation(struct cursor *cursor, char text[AUGMENTATION_BYTES_MAX])
{
	for (unsigned n = 0; n < AUGMENTATION_BYTES_MAX; n++) {
		text[n] = (char)take(cursor, 1);
		if (text[n] == '\0')
			return !cursor->is_bad;
	}
	return false;
}

/* How the addresses of a CIE's FDEs are encoded: what @letters say, up to theirs. */
static bool take_encoding(struct cursor *cursor, const char *letters, unsigned *ret_encoding)
{
	unsigned personality;

	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			*ret_encoding = (unsigned)take(cursor, 1);
			return !cursor->is_bad;
		case 'P':
			personality = (unsigned)take(cursor, 1);
			(void)take_address(cursor, personality & ~ENCODED_INDIRECT);
			break;
		case 'L':
			skip(cursor, 1);
			break;
		case 'S':
		case 'B':
		case 'G':
			break;
		default:
			return false;
		}
	}
	*ret_encoding = ENCODED_ABSOLUTE;
	return !cursor->is_bad;
}

/* Reads the CIE at @at as far as it says how addresses are encoded. */
static bool read_cie(const struct fde_section *section, size_t at, unsigned *ret_encoding)
{
	struct cursor cursor = {.section = section, .at = at, .end = section->bytes.n_bytes};
	struct record cie;
	char augmentation[AUGMENTATION_BYTES_MAX];
	uint64_t version;

	if (!take_record(&cursor, &cie) || !cie.is_cie || cie.is_end)
		return false;
	version = take(&cie.body, 1);
	if ((version != 1 && version != 3 && version != 4) ||
	    !take_augmentation(&cie.body, augmentation))
		return false;
	if (version == 4 && (take(&cie.body, 1) != (section->is_64 ? 8 : 4) ||
			     take(&cie.body, 1) != 0)) /* a segment, which x86 has no use for */
		return false;
	if (augmentation[0] != 'z') { /* GCC 2 had "eh", with data of its own; FDEs were absolute */
		*ret_encoding = ENCODED_ABSOLUTE;
		return augmentation[0] == '\0' || strcmp(augmentation, "eh") == 0;
	}
	(void)take_leb(&cie.body, false); /* factors of the code and of the data */
	(void)take_leb(&cie.body, true);
	(void)(version == 1 ? take(&cie.body, 1) : take_leb(&cie.body, false));
	(void)take_leb(&cie.body, false); /* how much augmentation there is */
	return take_encoding(&cie.body, augmentation + 1, ret_encoding);
}

static bool is_code(const struct symbol_segments *segments, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < segments->n_segments; i++) {
		const struct symbol_segment *segment = &segments->segments[i];

		if (segment->is_executable && start >= segment->vaddr &&
		    start - segment->vaddr < segment->memory_bytes)
			return end - segment->vaddr <= segment->memory_bytes;
	}
	return false;
}

/*
 * Extents are written one after another as two LEB128 each: how far behind the end of the one
 * before an extent begins, folded so that small distances of either sign are short, and its size.
 */
static size_t put_leb(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		to[n++] = (uint8_t)(value | 0x80);
	to[n++] = (uint8_t)value;
	return n;
}

static uint64_t fold(uint64_t distance)
{
	return (distance << 1) ^ (distance >> 63 ? UINT64_MAX : 0);
}

static uint64_t unfold(uint64_t folded)
{
	return (folded >> 1) ^ (folded & 1 ? UINT64_MAX : 0);
}

/* What a walk over a section remembers: the CIE that was read last, which most FDEs share. */
struct walk {
	const struct fde_section *section;
	const struct symbol_segments *segments;
	struct bytes *extents;
	uint64_t end;
	size_t cie_at;
	unsigned encoding; /* of its FDEs; ENCODED_OMITTED: of no use */
	bool has_flaw;
};

static unsigned encoding_of(struct walk *walk, size_t cie_at)
{
	unsigned encoding = ENCODED_OMITTED;

	if (cie_at == walk->cie_at)
		return walk->encoding;
	if (!read_cie(walk->section, cie_at, &encoding))
		encoding = ENCODED_OMITTED;
	walk->cie_at = cie_at;
	walk->encoding = encoding;
	return encoding;
}

static void write_extent(struct walk *walk, uint64_t start, uint64_t end)
{
	uint8_t text[2 * LEB_BYTES_MAX];
	size_t n = put_leb(text, fold(start - walk->end));

	n += put_leb(text + n, end - start);
	bytes_append(walk->extents, text, n);
	walk->end = end;
}

static void take_extent(struct walk *walk, struct record *fde)
{
	unsigned encoding = fde->body.is_bad ? ENCODED_OMITTED : encoding_of(walk, fde->cie_at);
	uint64_t start, end;

	if (encoding == ENCODED_OMITTED) {
		walk->has_flaw = true;
		return;
	}
	start = take_address(&fde->body, encoding);
	end = start + in_class(walk->section, take_value(&fde->body, encoding));
	walk->has_flaw = walk->has_flaw || fde->body.is_bad;
	if (!fde->body.is_bad && start > 0 && end > start && is_code(walk->segments, start, end))
		write_extent(walk, start, end); /* a linker that drops code may leave its record */
}

/* Whether nothing follows @record, which is zeroed before the first. */
static bool is_last(const struct fde_section *section, const struct record *record)
{
	return (section->ends_at_zero && record->is_end) ||
	       (section->last_fde.v > section->start.v &&
		section->start.v + record->at >= section->last_fde.v);
}

int fde_table_read(const struct fde_section *section, const struct symbol_segments *segments,
		   struct bytes *extents)
{
	struct cursor cursor = {.section = section, .end = section->bytes.n_bytes};
	struct walk walk = {
		.section = section,
		.segments = segments,
		.extents = extents,
		.cie_at = SIZE_MAX,
	};
	struct record record = {0};

	while (cursor.end - cursor.at >= 4 && !is_last(section, &record) && extents->error == 0) {
		if (!take_record(&cursor, &record))
			return FDE_TABLE_MALFORMED;
		if (!record.is_end && !record.is_cie)
			take_extent(&walk, &record);
	}
	if (extents->error != 0)
		return extents->error == -ENOMEM ? -ENOMEM : FDE_TABLE_TOO_BIG;
	return walk.has_flaw ? FDE_TABLE_MALFORMED : 0;
}

int fde_table_collect(struct wire_bytes extents, struct symbol_list *list)
{
	const struct fde_section section = {.bytes = extents};
	struct cursor cursor = {.section = &section, .end = extents.n_bytes};
	struct symbol extent = {.source = SYMBOL_FROM_FDE, .names_index = SYMBOL_FROM_FDE - 1};

	while (cursor.at < cursor.end) {
		int r;

		extent.start.v = extent.end.v + unfold(take_leb(&cursor, false));
		extent.end.v = extent.start.v + take_leb(&cursor, false);
		if (cursor.is_bad)
			return FDE_TABLE_MALFORMED;
		r = symbol_list_add(list, &extent);
		if (r != 0)
			return r < 0 ? r : FDE_TABLE_TOO_BIG;
	}
	return 0;
}

int fde_header_read(const struct fde_section *header, struct fde_header *ret_header)
{
	struct cursor cursor = {.section = header, .end = header->bytes.n_bytes};
	struct fde_header found = {0};
	uint64_t version = take(&cursor, 1), n_fdes;
	unsigned section = (unsigned)take(&cursor, 1), count = (unsigned)take(&cursor, 1);
	unsigned table = (unsigned)take(&cursor, 1);

	if (version != HEADER_VERSION)
		return FDE_TABLE_MALFORMED;
	found.section.v = take_address(&cursor, section);
	if (cursor.is_bad)
		return FDE_TABLE_MALFORMED;
	if (count != ENCODED_OMITTED && table != ENCODED_OMITTED) {
		n_fdes = take_address(&cursor, count);
		for (uint64_t i = 0; i < n_fdes && !cursor.is_bad; i++) {
			uint64_t fde;

			(void)take_address(&cursor, table);
			fde = take_address(&cursor, table);
			if (!cursor.is_bad && fde > found.last_fde.v)
				found.last_fde.v = fde;
		}
	}
	*ret_header = found;
	return 0;
}
