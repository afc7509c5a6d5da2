#include "objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "nameless_objects.h"
#include "object_roots.h"

/*
 * One record a file, on up to three kinds of chain: by id, by identity, and by each of the keys
 * under which a maps text showed it. The fd pins the inode, so a key cannot come to mean another
 * file while the record is there; when the fd goes, its keys go with it.
 */

/* Hard links, and containers that share a file; the oldest makes room. */
#define KEYS_PER_OBJECT 8u

#define KALLSYMS_NAME "[kernel]"

struct record;

struct key_link {
	struct object_key key;
	uint64_t name_hash;
	struct record *record; /* NULL: a free slot */
	struct key_link *next;
};

struct record {
	struct object object; /* first: an object of ours is its record */
	struct record *next_of_id;
	struct record *next_of_identity; /* of a nameless one: of its name */
	struct object_root *root;        /* not counted: objects_expire() takes it back */
	bool was_mapped;                 /* by an image, whose end began the hold time */
	unsigned next_key;
	struct key_link keys[KEYS_PER_OBJECT];
};

struct object_root {
	int fd;
	struct file_identity identity;
	uint64_t mount_id;
	struct wire_bytes path; /* owned; empty for "/" */
	unsigned n_images;
	uint64_t idle_since_ns;
	struct object_root *next;
};

struct objects {
	uint64_t seed;
	uint64_t hold_ns;
	uint64_t id_last;
	size_t n_max;
	size_t n_files;
	size_t n_kallsyms; /* the current copy, and earlier ones in windows */
	size_t n_code;
	size_t n_roots;
	uint64_t n_roots_lost;
	struct object_root *roots;
	struct record *kallsyms;
	struct nameless_objects *nameless;
	size_t n_buckets; /* a power of two, of each table */
	struct record **by_id;
	struct record **by_identity;
	struct key_link **by_key;
	bool is_kallsyms_asked;
};

static struct record *record_of(struct object *object)
{
	return (struct record *)object; /* its first member */
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct record **id_bucket(const struct objects *objects, uint64_t id)
{
	return &objects->by_id[id & (objects->n_buckets - 1)];
}

static struct record **identity_bucket(const struct objects *objects,
				       const struct file_identity *identity)
{
	uint64_t h = hash_word(objects->seed, identity->device);

	h = hash_word(h, identity->inode);
	return &objects->by_identity[h & (objects->n_buckets - 1)];
}

static struct key_link **key_bucket(const struct objects *objects, const struct object_key *key,
				    uint64_t name_hash)
{
	uint64_t h = hash_word(hash_word(name_hash, key->inode), key->device ^ key->scope);

	return &objects->by_key[h & (objects->n_buckets - 1)];
}

static bool same_key(const struct key_link *link, const struct object_key *key, uint64_t name_hash)
{
	return link->key.device == key->device && link->key.inode == key->inode &&
	       link->key.scope == key->scope && link->name_hash == name_hash;
}

static void unlink_key(struct objects *objects, struct key_link *link)
{
	struct key_link **at = key_bucket(objects, &link->key, link->name_hash);

	if (!link->record)
		return;
	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	link->record = NULL;
}

static void unlink_record(struct objects *objects, struct record *record)
{
	struct record **at = id_bucket(objects, record->object.id);

	while (*at != record)
		at = &(*at)->next_of_id;
	*at = record->next_of_id;
	if (record->object.kind != OBJECT_FILE)
		return;
	at = identity_bucket(objects, &record->object.identity);
	while (*at != record)
		at = &(*at)->next_of_identity;
	*at = record->next_of_identity;
	for (size_t i = 0; i < KEYS_PER_OBJECT; i++)
		unlink_key(objects, &record->keys[i]);
}

static size_t *count_of(struct objects *objects, enum object_kind kind)
{
	if (kind == OBJECT_FILE)
		return &objects->n_files;
	return kind == OBJECT_CODE ? &objects->n_code : &objects->n_kallsyms;
}

static void let_go(struct objects *objects, struct record *record)
{
	unlink_record(objects, record);
	*count_of(objects, record->object.kind) -= 1;
	close_fdp(&record->object.fd);
	free(record->object.name);
	free(record);
}

/* A record with the next id, on the chain of ids. */
static struct record *record_new(struct objects *objects, enum object_kind kind,
				 struct wire_bytes name)
{
	struct record *record = calloc(1, sizeof(*record));
	struct record **bucket;

	if (!record || !object_init(&record->object, kind, name)) {
		free(record);
		return NULL;
	}
	record->object.id = ++objects->id_last;
	bucket = id_bucket(objects, record->object.id);
	record->next_of_id = *bucket;
	*bucket = record;
	return record;
}

/* Lets go of the idle file that was used longest ago; false when all are in use. */
static bool evict_oldest(struct objects *objects)
{
	struct record *oldest = NULL;

	for (size_t i = 0; i < objects->n_buckets; i++)
		for (struct record *at = objects->by_id[i]; at; at = at->next_of_id)
			if (at->object.kind == OBJECT_FILE && at->object.n_refs == 0 &&
			    (!oldest || at->object.idle_since_ns < oldest->object.idle_since_ns))
				oldest = at;
	if (!oldest)
		return false;
	let_go(objects, oldest);
	return true;
}

static struct record *find_identity(struct objects *objects, const struct file_identity *identity)
{
	struct record *at = *identity_bucket(objects, identity);

	while (at && !(at->object.identity.device == identity->device &&
		       at->object.identity.inode == identity->inode &&
		       at->object.identity.size_bytes == identity->size_bytes &&
		       at->object.identity.change_time_ns == identity->change_time_ns))
		at = at->next_of_identity;
	return at;
}

struct object *objects_adopt(struct objects *objects, int fd, const struct file_identity *identity,
			     struct wire_bytes name)
{
	cleanup_with(close_fdp) int consumed = fd;
	struct record *record = find_identity(objects, identity);
	struct record **bucket;

	if (record)
		return object_retain(&record->object);
	if (objects->n_files >= objects->n_max && !evict_oldest(objects))
		return NULL;
	record = record_new(objects, OBJECT_FILE, name);
	if (!record)
		return NULL;
	record->object.fd = take_fd(&consumed);
	record->object.identity = *identity;
	bucket = identity_bucket(objects, identity);
	record->next_of_identity = *bucket;
	*bucket = record;
	objects->n_files++;
	return &record->object;
}

struct object *objects_new_code(struct objects *objects, const struct file_identity *process,
				struct wire_bytes name)
{
	struct record *record = NULL;

	if (objects->n_code < OBJECTS_CODE_MAX)
		record = record_new(objects, OBJECT_CODE, name);
	if (!record)
		return NULL;
	record->object.identity = *process;
	objects->n_code++;
	return &record->object;
}

struct object *objects_set_kallsyms(struct objects *objects, int fd, uint64_t size_bytes,
				    uint64_t generation)
{
	cleanup_with(close_fdp) int consumed = fd;
	struct record *before = objects->kallsyms;
	struct record *record =
		record_new(objects, OBJECT_KALLSYMS,
			   (struct wire_bytes){KALLSYMS_NAME, strlen(KALLSYMS_NAME)});

	if (!record)
		return NULL;
	record->object.fd = take_fd(&consumed);
	record->object.identity.size_bytes = size_bytes;
	record->object.identity.change_time_ns = generation;
	objects->n_kallsyms++;
	objects->kallsyms = record;
	if (before)
		object_release(objects, &before->object, 0);
	return &record->object;
}

void objects_ask_kallsyms(struct objects *objects)
{
	objects->is_kallsyms_asked = true;
}

bool objects_take_kallsyms_ask(struct objects *objects)
{
	bool asked = objects->is_kallsyms_asked;

	objects->is_kallsyms_asked = false;
	return asked;
}

struct object *objects_kallsyms(const struct objects *objects)
{
	return objects->kallsyms ? &objects->kallsyms->object : NULL;
}

struct object *objects_find_mapped(struct objects *objects, const struct object_key *key,
				   struct wire_bytes name)
{
	uint64_t name_hash = hash_bytes(objects->seed, name.data, name.n_bytes);
	struct key_link *at = *key_bucket(objects, key, name_hash);

	while (at && !same_key(at, key, name_hash))
		at = at->next;
	return at ? object_retain(&at->record->object) : NULL;
}

struct object *objects_find_file(struct objects *objects, uint64_t device, uint64_t inode)
{
	const struct file_identity identity = {.device = device, .inode = inode};
	struct record *newest = NULL; /* of one file that was written to in between */

	for (struct record *at = *identity_bucket(objects, &identity); at;
	     at = at->next_of_identity)
		if (at->object.identity.device == device && at->object.identity.inode == inode &&
		    (!newest || at->object.id > newest->object.id))
			newest = at;
	return newest ? &newest->object : NULL;
}

void objects_note_mapped(struct objects *objects, struct object *object,
			 const struct object_key *key, struct wire_bytes name)
{
	uint64_t name_hash = hash_bytes(objects->seed, name.data, name.n_bytes);
	struct key_link **bucket = key_bucket(objects, key, name_hash);
	struct record *record = record_of(object);
	struct key_link *link;

	if (object->kind != OBJECT_FILE)
		return;
	for (link = *bucket; link; link = link->next)
		if (same_key(link, key, name_hash))
			break;
	if (link && link->record == record)
		return;
	if (link) /* the file was replaced, or written to, since */
		unlink_key(objects, link);
	link = &record->keys[record->next_key++ % KEYS_PER_OBJECT];
	unlink_key(objects, link);
	*link = (struct key_link){*key, name_hash, record, *bucket};
	*bucket = link;
}

struct object *objects_nameless(struct objects *objects, struct wire_bytes name)
{
	return nameless_get(objects->nameless, name);
}

struct object *object_retain(struct object *object)
{
	object->n_refs++;
	return object;
}

/* Whether nothing needs @record any longer at @now_ns. */
static bool is_due(const struct objects *objects, const struct record *record, uint64_t now_ns)
{
	if (record->object.n_refs > 0)
		return false;
	return record->object.kind != OBJECT_FILE || record->object.is_passing ||
	       now_ns >= record->object.idle_since_ns + objects->hold_ns;
}

void object_release(struct objects *objects, struct object *object, uint64_t now_ns)
{
	if (object->kind == OBJECT_NAMELESS) {
		nameless_release(objects->nameless, object);
		return;
	}
	object->n_refs--;
	if (!record_of(object)->was_mapped)
		object->idle_since_ns = later(object->idle_since_ns, now_ns);
	if (is_due(objects, record_of(object), now_ns))
		let_go(objects, record_of(object));
}

void object_release_mapped(struct objects *objects, struct object *object, uint64_t now_ns)
{
	if (object->kind == OBJECT_FILE) {
		record_of(object)->was_mapped = true;
		object->idle_since_ns = later(object->idle_since_ns, now_ns);
	}
	object_release(objects, object, now_ns);
}

struct object *objects_find(const struct objects *objects, uint64_t id)
{
	struct record *at = *id_bucket(objects, id);

	while (at && at->object.id != id)
		at = at->next_of_id;
	return at ? &at->object : NULL;
}

static void root_free(struct object_root *root)
{
	close_fdp(&root->fd);
	free((void *)root->path.data);
	free(root);
}

/* Closes @root; objects that had it have none. */
static void close_root(struct objects *objects, struct object_root *root)
{
	struct object_root **link = &objects->roots;

	for (size_t i = 0; i < objects->n_buckets; i++)
		for (struct record *at = objects->by_id[i]; at; at = at->next_of_id) {
			if (at->root != root)
				continue;
			at->root = NULL;
			at->object.root_fd = -1;
			at->object.root_path = (struct wire_bytes){NULL, 0};
			objects->n_roots_lost++;
		}
	while (*link != root)
		link = &(*link)->next;
	*link = root->next;
	objects->n_roots--;
	root_free(root);
}

/* Closes the root without images that had them longest ago; false when all have some. */
static bool evict_oldest_root(struct objects *objects)
{
	struct object_root *oldest = NULL;

	for (struct object_root *at = objects->roots; at; at = at->next)
		if (at->n_images == 0 && (!oldest || at->idle_since_ns < oldest->idle_since_ns))
			oldest = at;
	if (!oldest)
		return false;
	close_root(objects, oldest);
	return true;
}

/* @fd is consumed. NULL without memory. */
static struct object_root *root_new(int fd, struct wire_bytes path)
{
	struct object_root *root = calloc(1, sizeof(*root));
	char *kept = NULL;

	if (!root) {
		close_fdp(&fd);
		return NULL;
	}
	root->fd = fd;
	if (path.n_bytes <= 1 || path.n_bytes > OBJECT_NAME_BYTES_MAX)
		return root;
	kept = malloc(path.n_bytes);
	if (!kept) {
		root_free(root);
		return NULL;
	}
	memcpy(kept, path.data, path.n_bytes);
	root->path = (struct wire_bytes){kept, path.n_bytes};
	return root;
}

struct object_root *objects_adopt_root(struct objects *objects, int fd,
				       const struct file_identity *identity, uint64_t mount_id,
				       struct wire_bytes path)
{
	cleanup_with(close_fdp) int consumed = fd;
	struct object_root *root = objects->roots;

	while (root && !(root->identity.device == identity->device &&
			 root->identity.inode == identity->inode && root->mount_id == mount_id))
		root = root->next;
	if (root) {
		root->n_images++;
		return root;
	}
	if (objects->n_roots >= OBJECTS_ROOTS_MAX && !evict_oldest_root(objects))
		return NULL;
	root = root_new(take_fd(&consumed), path);
	if (!root)
		return NULL;
	root->identity = *identity;
	root->mount_id = mount_id;
	root->n_images = 1;
	root->next = objects->roots;
	objects->roots = root;
	objects->n_roots++;
	return root;
}

void object_root_release(struct objects *objects, struct object_root *root, uint64_t now_ns)
{
	(void)objects; /* objects_expire() does the rest */
	root->n_images--;
	root->idle_since_ns = later(root->idle_since_ns, now_ns);
}

void object_set_root(struct object *object, struct object_root *root)
{
	if (!object_lacks_root(object))
		return;
	record_of(object)->root = root;
	object->root_fd = root->fd;
	object->root_path = root->path;
}

uint64_t objects_roots_lost(const struct objects *objects)
{
	return objects->n_roots_lost;
}

static uint64_t expire_roots(struct objects *objects, uint64_t now_ns)
{
	struct object_root *next, *at;
	uint64_t next_ns = UINT64_MAX;

	for (at = objects->roots; at; at = next) {
		uint64_t close_ns = at->idle_since_ns + objects->hold_ns;

		next = at->next;
		if (at->n_images > 0)
			continue;
		if (now_ns >= close_ns)
			close_root(objects, at);
		else if (close_ns < next_ns)
			next_ns = close_ns;
	}
	return next_ns;
}

uint64_t objects_expire(struct objects *objects, uint64_t now_ns)
{
	uint64_t next_ns = expire_roots(objects, now_ns);
	struct record *at, *next;

	for (size_t i = 0; i < objects->n_buckets; i++)
		for (at = objects->by_id[i]; at; at = next) {
			next = at->next_of_id;
			if (is_due(objects, at, now_ns))
				let_go(objects, at);
			else if (at->object.n_refs == 0 &&
				 at->object.idle_since_ns + objects->hold_ns < next_ns)
				next_ns = at->object.idle_since_ns + objects->hold_ns;
		}
	return next_ns;
}

size_t objects_n_held(const struct objects *objects)
{
	return objects->n_files + objects->n_kallsyms + objects->n_roots;
}

int objects_new(size_t n_max, uint64_t hold_ns, struct objects **ret_objects)
{
	struct objects *objects;

	if (n_max == 0 || n_max > OBJECTS_MAX_MAX)
		return -EINVAL;
	objects = calloc(1, sizeof(*objects));
	if (!objects)
		return -ENOMEM;
	objects->seed = hash_new_seed();
	objects->n_max = n_max;
	objects->hold_ns = hold_ns;
	objects->n_buckets = 64;
	while (objects->n_buckets < n_max)
		objects->n_buckets *= 2;
	objects->by_id = calloc(objects->n_buckets, sizeof(*objects->by_id));
	objects->by_identity = calloc(objects->n_buckets, sizeof(*objects->by_identity));
	objects->by_key = calloc(objects->n_buckets, sizeof(*objects->by_key));
	objects->nameless = nameless_new();
	if (!objects->by_id || !objects->by_identity || !objects->by_key || !objects->nameless) {
		objects_free(objects);
		return -ENOMEM;
	}
	*ret_objects = objects;
	return 0;
}

static void free_contents(struct objects *objects)
{
	while (objects->roots)
		close_root(objects, objects->roots);
	for (size_t i = 0; i < objects->n_buckets; i++)
		while (objects->by_id[i])
			let_go(objects, objects->by_id[i]);
}

void objects_free(struct objects *objects)
{
	if (!objects)
		return;
	if (objects->by_id && objects->by_identity && objects->by_key)
		free_contents(objects);
	nameless_free(objects->nameless);
	free(objects->by_key);
	free(objects->by_identity);
	free(objects->by_id);
	free(objects);
}
