#include "fake_objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

static size_t n_objects;
static uint64_t last_id;
static bool table_is_full;

static unsigned n_kallsyms_asks; /* of any test of this process */

struct object *fake_object(enum object_kind kind, const char *name, int fd, uint64_t size_bytes)
{
	struct object *object = plenty_calloc(sizeof(*object));

	object->kind = kind;
	object->id = kind == OBJECT_NAMELESS ? 0 : ++last_id;
	object->identity = (struct file_identity){
		.device = 7, .inode = last_id, .size_bytes = size_bytes, .change_time_ns = 9};
	object->fd = fd;
	object->root_fd = -1;
	object->n_refs = 1;
	object->name = strdup(name);
	object->n_name_bytes = strlen(name);
	n_objects++;
	return object;
}

size_t fake_objects_n(void)
{
	return n_objects;
}

void fake_objects_set_full(bool is_full)
{
	table_is_full = is_full;
}

struct target *fake_target(const char *labels)
{
	struct target *target = plenty_calloc(sizeof(*target) + strlen(labels));

	target->n_refs = 1;
	target->n_labels_bytes = strlen(labels);
	memcpy(target->labels, labels, target->n_labels_bytes);
	return target;
}

struct object *object_retain(struct object *object)
{
	object->n_refs++;
	return object;
}

void object_release(struct objects *objects, struct object *object, uint64_t now_ns)
{
	(void)objects;
	(void)now_ns;
	assert_true(object->n_refs > 0);
	if (--object->n_refs > 0)
		return;
	close_fdp(&object->fd);
	free(object->name);
	free(object);
	n_objects--;
}

struct object *objects_adopt(struct objects *objects, int fd, const struct file_identity *identity,
			     struct wire_bytes name)
{
	char text[OBJECT_NAME_BYTES_MAX + 1];
	struct object *object;

	(void)objects;
	if (table_is_full) {
		close_fdp(&fd);
		return NULL;
	}
	assert_true(name.n_bytes <= OBJECT_NAME_BYTES_MAX);
	memcpy(text, name.data, name.n_bytes);
	text[name.n_bytes] = '\0';
	object = fake_object(OBJECT_FILE, text, fd, identity->size_bytes);
	object->identity = *identity;
	return object;
}

void objects_ask_kallsyms(struct objects *objects)
{
	(void)objects;
	n_kallsyms_asks++;
}

unsigned fake_objects_n_kallsyms_asks(void)
{
	return n_kallsyms_asks;
}

int fake_add(struct windows *windows, const struct target *target, const char *comm,
	     const struct window_frame *frames, size_t n_frames, uint32_t stack_flags,
	     uint64_t count)
{
	const struct window_sample sample = {
		.labels = {target->labels, target->n_labels_bytes},
		.comm = comm,
		.frames = frames,
		.n_frames = n_frames,
		.stack_flags = stack_flags,
		.count = count,
	};

	return windows_add(windows, 0, &sample);
}
