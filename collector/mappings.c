#include "mappings.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define CAPACITY_MIN 16u

static_assert(OBJECT_NAME_BYTES_MAX <= UINT16_MAX, "a name's length fits its field");
static_assert((uint64_t)MAPPINGS_MAX * OBJECT_NAME_BYTES_MAX <= UINT32_MAX, "names fit name_at");

/* What is left of a line. */
struct cursor {
	const char *at;
	const char *end;
};

/* What a line says; name is borrowed from the text. */
struct line {
	struct mapping mapping;
	struct wire_bytes name;
	bool is_executable;
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return INT32_MAX;
}

/* Takes at least one digit; refuses what does not fit 64 bits. */
static bool take_number(struct cursor *c, unsigned base, uint64_t *ret_number)
{
	const char *first = c->at;
	uint64_t number = 0;

	for (; c->at < c->end && (unsigned)digit_value(*c->at) < base; c->at++) {
		uint64_t digit = (uint64_t)digit_value(*c->at);

		if (number > (UINT64_MAX - digit) / base)
			return false;
		number = number * base + digit;
	}
	*ret_number = number;
	return c->at > first;
}

static bool take_char(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_permissions(struct cursor *c, bool *ret_is_executable)
{
	if (c->end - c->at < 4 || !memchr("r-", c->at[0], 2) || !memchr("w-", c->at[1], 2) ||
	    !memchr("x-", c->at[2], 2) || !memchr("ps", c->at[3], 2))
		return false;
	*ret_is_executable = c->at[2] == 'x';
	c->at += 4;
	return true;
}

static bool take_device(struct cursor *c, uint64_t *ret_device)
{
	uint64_t major_number, minor_number;

	if (!take_number(c, 16, &major_number) || !take_char(c, ':') ||
	    !take_number(c, 16, &minor_number))
		return false;
	if (major_number > UINT32_MAX || minor_number > UINT32_MAX)
		return false;
	*ret_device = makedev((unsigned)major_number, (unsigned)minor_number);
	return true;
}

/* start-end perms offset major:minor inode   name */
static bool parse_line(struct cursor c, struct line *ret_line)
{
	struct mapping *m = &ret_line->mapping;

	*ret_line = (struct line){.is_executable = false};
	if (!take_number(&c, 16, &m->start.v) || !take_char(&c, '-') ||
	    !take_number(&c, 16, &m->end.v) || !take_char(&c, ' ') || m->end.v <= m->start.v)
		return false;
	if (!take_permissions(&c, &ret_line->is_executable) || !take_char(&c, ' '))
		return false;
	if (!take_number(&c, 16, &m->offset.v) || !take_char(&c, ' ') ||
	    !take_device(&c, &m->device) || !take_char(&c, ' ') || !take_number(&c, 10, &m->inode))
		return false;
	if (c.at < c.end && *c.at != ' ')
		return false;
	while (c.at < c.end && *c.at == ' ')
		c.at++;
	ret_line->name = (struct wire_bytes){c.at, (size_t)(c.end - c.at)};
	if (ret_line->name.n_bytes > OBJECT_NAME_BYTES_MAX)
		ret_line->name.n_bytes = OBJECT_NAME_BYTES_MAX;
	return true;
}

/* A set that grows. */
struct builder {
	struct mappings set;
	size_t capacity;
	struct bytes names;
};

static void builder_deinit(struct builder *b)
{
	free(b->set.mappings); /* the objects' references are with whoever filled it */
	bytes_deinit(&b->names);
}

static bool builder_reserve(struct builder *b)
{
	size_t capacity = b->capacity ? 2 * b->capacity : CAPACITY_MIN;
	struct mapping *grown;

	if (b->set.n_mappings < b->capacity)
		return true;
	grown = reallocarray(b->set.mappings, capacity,
			     sizeof(*grown)); /* MAPPINGS_MAX bounds it */
	if (!grown)
		return false;
	b->set.mappings = grown;
	b->capacity = capacity;
	return true;
}

/* Appends a mapping, whose name is stored once for a run of equal ones. Returns 0 or -ENOMEM. */
static int builder_add(struct builder *b, const struct mapping *mapping, struct wire_bytes name)
{
	struct mapping *added;

	if (!builder_reserve(b))
		return -ENOMEM;
	added = &b->set.mappings[b->set.n_mappings];
	*added = *mapping;
	added->name_at = (uint32_t)b->names.n_bytes;
	added->n_name_bytes = (uint16_t)name.n_bytes;
	if (b->set.n_mappings > 0 && added[-1].n_name_bytes == name.n_bytes && name.n_bytes > 0 &&
	    memcmp(b->names.data + added[-1].name_at, name.data, name.n_bytes) == 0)
		added->name_at = added[-1].name_at;
	else
		bytes_append(&b->names, name.data, name.n_bytes);
	if (b->names.error)
		return -ENOMEM;
	b->set.n_mappings++;
	return 0;
}

/* Hands the set over, cut to size: thousands of them are held for long. */
static struct mappings builder_take(struct builder *b)
{
	struct mappings set = b->set;
	void *cut;

	set.names = (char *)b->names.data;
	set.n_names_bytes = b->names.n_bytes;
	cut = set.n_mappings > 0 ? reallocarray(set.mappings, set.n_mappings, sizeof(*set.mappings))
				 : NULL;
	if (cut)
		set.mappings = cut;
	cut = set.n_names_bytes > 0 ? realloc(set.names, set.n_names_bytes) : NULL;
	if (cut)
		set.names = cut;
	b->set = (struct mappings){.n_mappings = 0};
	b->names.data = NULL;
	return set;
}

static int add_line(struct builder *b, struct cursor c, uint64_t *end_before)
{
	struct line line;

	if (!parse_line(c, &line)) {
		b->set.n_truncated++;
		return 0;
	}
	if (!line.is_executable)
		return 0;
	if (b->set.n_mappings == MAPPINGS_MAX || line.mapping.start.v < *end_before) {
		b->set.n_truncated++;
		return 0;
	}
	*end_before = line.mapping.end.v;
	return builder_add(b, &line.mapping, line.name);
}

int mappings_parse(struct wire_bytes text, struct mappings *ret_mappings)
{
	cleanup_with(builder_deinit) struct builder b = {.names = BYTES_INIT(MAPPINGS_TEXT_BYTES)};
	const char *at = text.data;
	const char *end;
	uint64_t end_before = 0;
	int r;

	if (text.n_bytes > MAPPINGS_TEXT_BYTES)
		text.n_bytes = MAPPINGS_TEXT_BYTES;
	end = text.n_bytes > 0 ? at + text.n_bytes : at;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline) {
			b.set.n_truncated++;
			break;
		}
		r = add_line(&b, (struct cursor){at, newline}, &end_before);
		if (r < 0)
			return r;
		at = newline + 1;
	}
	*ret_mappings = builder_take(&b);
	return 0;
}

static void retain_objects(struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->n_mappings; i++)
		if (mappings->mappings[i].object)
			(void)object_retain(mappings->mappings[i].object); /* as held here */
}

int mappings_make(const struct mapping *mappings, const struct wire_bytes *names, size_t n_mappings,
		  struct mappings *ret_mappings)
{
	cleanup_with(builder_deinit) struct builder b = {.names = BYTES_INIT(MAPPINGS_TEXT_BYTES)};
	int r;

	for (size_t i = 0; i < n_mappings; i++) {
		r = builder_add(&b, &mappings[i], names[i]);
		if (r < 0)
			return r;
	}
	*ret_mappings = builder_take(&b);
	retain_objects(ret_mappings);
	return 0;
}

/* The first mapping that ends above @addr, or n_mappings. */
static size_t first_ending_above(const struct mappings *mappings, uint64_t addr)
{
	size_t lo = 0, hi = mappings->n_mappings;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (mappings->mappings[mid].end.v <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct mapping *mappings_find(const struct mappings *mappings, struct proc_addr addr)
{
	size_t at = first_ending_above(mappings, addr.v);

	if (at == mappings->n_mappings || mappings->mappings[at].start.v > addr.v)
		return NULL;
	return &mappings->mappings[at];
}

struct wire_bytes mapping_name(const struct mappings *mappings, const struct mapping *mapping)
{
	if (mapping->n_name_bytes == 0)
		return (struct wire_bytes){"", 0};
	return (struct wire_bytes){mappings->names + mapping->name_at, mapping->n_name_bytes};
}

static bool same_name(struct wire_bytes a, struct wire_bytes b)
{
	return a.n_bytes == b.n_bytes && memcmp(a.data, b.data, a.n_bytes) == 0;
}

bool mapping_same_file(const struct mappings *mappings, const struct mapping *a,
		       const struct mapping *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       same_name(mapping_name(mappings, a), mapping_name(mappings, b));
}

static bool is_same_mapping(const struct mappings *old_set, const struct mapping *old,
			    const struct mappings *new_set, const struct mapping *new)
{
	return old->start.v == new->start.v && old->end.v == new->end.v &&
	       old->offset.v == new->offset.v && old->device == new->device &&
	       old->inode == new->inode &&same_name(mapping_name(old_set, old),
						    mapping_name(new_set, new));
}

/* Moves objects from @old to the same mappings of @fresh; returns how many others could stay. */
static size_t carry_over(struct mappings *old, struct mappings *fresh)
{
	size_t n_staying = 0;

	for (size_t i = 0; i < old->n_mappings; i++) {
		struct mapping *was = &old->mappings[i], *now = NULL;
		size_t at = first_ending_above(fresh, was->start.v);

		if (at < fresh->n_mappings && fresh->mappings[at].start.v < was->end.v)
			now = &fresh->mappings[at];
		was->is_gone = !now; /* what is overlapped does not stay */
		n_staying += was->is_gone;
		if (!now || !is_same_mapping(old, was, fresh, now))
			continue;
		now->object = take_ptr(was->object);
		now->is_opening = was->is_opening;
	}
	return n_staying;
}

static void give_up_objects(struct mappings *mappings, bool only_gone)
{
	for (size_t i = 0; i < mappings->n_mappings; i++)
		if (mappings->mappings[i].is_gone || !only_gone)
			mappings->mappings[i].object = NULL;
}

/* The union of @fresh and of what is_gone in @old, whose objects move with it. */
static int join(struct mappings *old, struct mappings *fresh, struct mappings *ret_joined)
{
	cleanup_with(builder_deinit) struct builder b = {.names = BYTES_INIT(UINT32_MAX)};
	size_t i = 0, j = 0;
	int r = 0;

	b.set.n_truncated = fresh->n_truncated;
	while (r == 0 && (i < old->n_mappings || j < fresh->n_mappings)) {
		const struct mapping *was = i < old->n_mappings ? &old->mappings[i] : NULL;
		const struct mapping *now = j < fresh->n_mappings ? &fresh->mappings[j] : NULL;

		if (was && !was->is_gone) {
			i++;
		} else if (!now || (was && was->start.v < now->start.v)) {
			r = builder_add(&b, was, mapping_name(old, was));
			i++;
		} else {
			r = builder_add(&b, now, mapping_name(fresh, now));
			j++;
		}
	}
	if (r < 0)
		return r;
	give_up_objects(old, true);
	give_up_objects(fresh, false);
	*ret_joined = builder_take(&b);
	return 0;
}

void mappings_replace(struct mappings *mappings, struct mappings *fresh, struct objects *objects,
		      uint64_t now_ns)
{
	size_t n_staying = carry_over(mappings, fresh);
	struct mappings joined;

	if (n_staying > 0 && n_staying + fresh->n_mappings <= MAPPINGS_MAX &&
	    join(mappings, fresh, &joined) == 0) {
		mappings_deinit(fresh, objects, now_ns);
		*fresh = joined;
	}
	mappings_deinit(mappings, objects, now_ns);
	*mappings = *fresh;
	*fresh = (struct mappings){.n_mappings = 0};
}

void mappings_prune(struct mappings *mappings, struct objects *objects, uint64_t now_ns)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < mappings->n_mappings; i++) {
		struct mapping *m = &mappings->mappings[i];

		if (!m->is_gone)
			mappings->mappings[n_kept++] = *m;
		else if (m->object)
			object_release_mapped(objects, m->object, now_ns);
	}
	mappings->n_mappings = n_kept;
}

int mappings_copy(const struct mappings *mappings, struct mappings *ret_mappings)
{
	cleanup_with(builder_deinit) struct builder b = {.names = BYTES_INIT(UINT32_MAX)};
	int r;

	for (size_t i = 0; i < mappings->n_mappings; i++) {
		const struct mapping *m = &mappings->mappings[i];

		r = builder_add(&b, m, mapping_name(mappings, m));
		if (r < 0)
			return r;
	}
	*ret_mappings = builder_take(&b);
	retain_objects(ret_mappings);
	return 0;
}

size_t mappings_bytes(const struct mappings *mappings)
{
	return mappings->n_mappings * sizeof(*mappings->mappings) + mappings->n_names_bytes;
}

void mappings_deinit(struct mappings *mappings, struct objects *objects, uint64_t now_ns)
{
	for (size_t i = 0; i < mappings->n_mappings; i++)
		if (mappings->mappings[i].object)
			object_release_mapped(objects, mappings->mappings[i].object, now_ns);
	free(mappings->mappings);
	free(mappings->names);
	*mappings = (struct mappings){.n_mappings = 0};
}
