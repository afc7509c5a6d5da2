#include "object_requests.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "wire/object_paths.h"

static_assert(OBJECT_PATH_BYTES <= OPENER_PATH_BYTES, "the opener takes every path");

#define REQUESTS_MAX 64u /* more than workers: those of the dead end by the opener's deadline */

struct object_request {
	struct object_requests *requests;
	bool is_used;
	bool is_wanted; /* its worker is there */
	uint64_t peer;
	uint64_t request; /* for the answer */
	struct window_id window;
	struct object *object; /* one reference: the sibling, or what is read */
	uint32_t n_bytes;      /* of a read */
	enum object_open_kind kind;
	int root_fd;       /* owned duplicate: mount namespaces end while requests wait; -1: none */
	bool host_is_left; /* not to be had in the target's root: the host's comes next */
	char *path;        /* owned, with a leading '/'; NULL for a read */
};

struct object_requests {
	struct object_requests_options options;
	uint64_t now_ns;
	struct object_request slots[REQUESTS_MAX];
};

/* What an outcome of the opener is to the worker that asked, and under what it is counted. */
struct refusal_row {
	enum refusal reason;
	enum counter_id counter;
};

static const struct refusal_row refusal_rows[] = {
	[OPENER_GONE] = {REFUSAL_NOT_FOUND, COUNTER_OBJECTS_REFUSED_GONE},
	[OPENER_NOT_REGULAR] = {REFUSAL_NOT_REGULAR, COUNTER_OBJECTS_REFUSED},
	[OPENER_DENIED] = {REFUSAL_DENIED, COUNTER_OBJECTS_REFUSED_DENIED},
	[OPENER_DEADLINE] = {REFUSAL_DEADLINE, COUNTER_OBJECTS_REFUSED_DEADLINE},
	[OPENER_TRUNCATED] = {REFUSAL_DENIED, COUNTER_OBJECTS_REFUSED_DENIED},
	[OPENER_FULL] = {REFUSAL_BUSY, COUNTER_OBJECTS_REFUSED_FULL},
	[OPENER_FAILED] = {REFUSAL_DENIED, COUNTER_OBJECTS_REFUSED_DENIED},
};

int object_requests_new(const struct object_requests_options *options,
			struct object_requests **ret_requests)
{
	struct object_requests *requests = calloc(1, sizeof(*requests));

	if (!requests)
		return -ENOMEM;
	requests->options = *options;
	*ret_requests = requests;
	return 0;
}

static void refuse(struct object_requests *requests, uint64_t request, enum refusal reason,
		   enum counter_id counter)
{
	counters_add(requests->options.counters, counter, 1);
	answer_refused(requests->options.listener, request, reason);
}

static void refuse_outcome(struct object_requests *requests, uint64_t request, int outcome)
{
	const size_t n_rows = sizeof(refusal_rows) / sizeof(refusal_rows[0]);
	bool is_known = outcome > 0 && (size_t)outcome < n_rows;
	const struct refusal_row *row = &refusal_rows[is_known ? outcome : OPENER_FAILED];

	refuse(requests, request, row->reason, row->counter);
}

/* A slot for @event, or NULL when its worker has a request under way, or there are too many. */
static struct object_request *slot_take(struct object_requests *requests,
					const struct link_event *event, const struct window *window,
					struct object *object)
{
	struct object_request *free_slot = NULL;

	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		struct object_request *slot = &requests->slots[i];

		if (!slot->is_used)
			free_slot = slot;
		else if (slot->is_wanted && slot->peer == event->peer)
			return NULL;
	}
	if (free_slot)
		*free_slot = (struct object_request){
			.requests = requests,
			.is_used = true,
			.is_wanted = true,
			.peer = event->peer,
			.request = event->request,
			.window = window->id,
			.object = object_retain(object),
			.root_fd = -1,
		};
	return free_slot;
}

static void slot_free(struct object_request *slot)
{
	struct object_requests *requests = slot->requests;

	object_release(requests->options.objects, slot->object, requests->now_ns);
	close_fdp(&slot->root_fd);
	free(slot->path);
	*slot = (struct object_request){0};
}

static void answer_object_bytes(struct object_requests *requests, uint64_t request,
				const void *data, size_t n_bytes)
{
	cleanup_with(bytes_deinit) struct bytes out = BYTES_INIT(MESSAGE_BYTES_MAX_OBJECT_BYTES);

	wire_encode_object_bytes(&out, data, n_bytes);
	if (!out.error)
		counters_add(requests->options.counters, COUNTER_OBJECT_BYTES_READ, n_bytes);
	answer_bytes(requests->options.listener, request, &out);
}

static void read_done(void *owner, const struct opener_result *result)
{
	struct object_request *slot = owner;
	struct object_requests *requests = slot->requests;
	size_t n_bytes = result->bytes[0].n_bytes;

	if (slot->is_wanted && result->outcome != 0)
		refuse_outcome(requests, slot->request, result->outcome);
	else if (slot->is_wanted)
		answer_object_bytes(requests, slot->request, result->bytes[0].data,
				    n_bytes < slot->n_bytes ? n_bytes : slot->n_bytes);
	slot_free(slot);
}

/* The collector's own memory file: reading it cannot block. */
static void read_memory(struct object_requests *requests, uint64_t request,
			const struct object *object, const struct wire_object_read *ask)
{
	cleanup_with(free_freep) void *data = malloc(ask->n_bytes); /* OBJECT_READ_BYTES_MAX */
	ssize_t n = -1;

	if (!data) {
		answer_refused(requests->options.listener, request, REFUSAL_BUSY);
		return;
	}
	n = pread(object->fd, data, ask->n_bytes, (off_t)ask->offset);
	if (n < 0)
		refuse_outcome(requests, request, OPENER_FAILED);
	else
		answer_object_bytes(requests, request, data, (size_t)n);
}

static void read_through_opener(struct object_request *slot, const struct wire_object_read *ask)
{
	struct opener_request request = {
		.op = OPENER_READ_OBJECT,
		.device = slot->object->identity.device,
		.fd = slot->object->fd,
		.offset = ask->offset,
		.n_bytes = ask->n_bytes,
	};

	slot->n_bytes = ask->n_bytes;
	opener_submit(slot->requests->options.opener, &request, read_done, slot);
}

static void take_read(struct object_requests *requests, const struct link_event *event,
		      struct window *window, struct wire_object_read *ask)
{
	struct object *object = window_object(window, ask->object);
	struct object_request *slot;
	uint64_t n_left;

	if (!object) {
		refuse(requests, event->request, REFUSAL_NO_OBJECT, COUNTER_MESSAGES_REFUSED);
		return;
	}
	if (ask->offset >= object->identity.size_bytes) {
		answer_object_bytes(requests, event->request, NULL, 0);
		return;
	}
	n_left = object->identity.size_bytes - ask->offset;
	if (ask->n_bytes > n_left)
		ask->n_bytes = (uint32_t)n_left;
	if (object->kind == OBJECT_KALLSYMS && ask->offset == 0)
		objects_ask_kallsyms(requests->options.objects);
	if (object->kind == OBJECT_KALLSYMS || object->is_ours) {
		read_memory(requests, event->request, object, ask);
		return;
	}
	slot = slot_take(requests, event, window, object);
	if (slot)
		read_through_opener(slot, ask);
	else
		refuse_outcome(requests, event->request, OPENER_FULL);
}

/*
 * What a walk below a root may hang on is known to the opener by this in place of a device, so that
 * one root that hangs is refused and no other. Fds are reused: at worst one is that does not.
 */
static uint64_t walk_key(int root_fd)
{
	return UINT64_C(1) << 63 | (uint64_t)root_fd;
}

static void open_done(void *owner, const struct opener_result *result);

static bool is_by_build_id(enum object_open_kind kind)
{
	return kind == OBJECT_OPEN_BUILD_ID || kind == OBJECT_OPEN_HOST_BUILD_ID;
}

/* Asks the opener for @slot's path in @root_fd. Returns 0, or what the worker is to be told. */
static int open_in(struct object_request *slot, int root_fd)
{
	struct opener_request request = {
		.op = OPENER_OPEN_IN_ROOT,
		.device = walk_key(root_fd),
		/* Distributions link build ids to files; where users write a link is a trap. */
		.follows_link = is_by_build_id(slot->kind),
	};
	const char *path = slot->path + 1;

	close_fdp(&slot->root_fd);
	slot->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	if (slot->root_fd < 0)
		return OPENER_FAILED;
	request.fd = slot->root_fd;
	memcpy(request.path, path, strlen(path) + 1); /* object_path_build() bounds it */
	opener_submit(slot->requests->options.opener, &request, open_done, slot);
	return 0;
}

/*
 * The opener can read what nobody else may, and what is mapped may lie beside anything: a file of
 * debug symbols is one that everybody may read. Into a target's /tmp any of its users can write:
 * there only the process itself is believed.
 */
static bool may_hand_out(const struct object_request *slot, const struct file_identity *identity)
{
	if (slot->kind != OBJECT_OPEN_PERF_MAP)
		return identity->is_public;
	return identity->owner_uid == 0 || identity->owner_uid == slot->object->process_uid;
}

static void answer_opened(struct object_requests *requests, uint64_t request,
			  const struct object *object)
{
	cleanup_with(bytes_deinit) struct bytes out = BYTES_INIT(MESSAGE_BYTES_MAX_OBJECT_OPENED);
	const struct wire_object opened = window_describe_object(object);

	wire_encode_object_opened(&out, &opened);
	answer_bytes(requests->options.listener, request, &out);
}

/* Makes an opened file an object of the window; @fd is consumed. */
static void add_opened(struct object_request *slot, int fd, const struct file_identity *identity)
{
	struct object_requests *requests = slot->requests;
	struct windows *windows = requests->options.windows;
	struct window *window = windows_find(windows, slot->window);
	cleanup_with(close_fdp) int held = fd;
	struct object *object;

	if (!window) {
		refuse(requests, slot->request, REFUSAL_STATE, COUNTER_MESSAGES_REFUSED);
		return;
	}
	object = objects_adopt(requests->options.objects, take_fd(&held), identity,
			       (struct wire_bytes){slot->path, strlen(slot->path)});
	if (!object) {
		refuse_outcome(requests, slot->request, OPENER_FULL);
		return;
	}
	/* A map grows: its fd as it was a window ago is of no use to anybody. */
	if (slot->kind == OBJECT_OPEN_PERF_MAP && object->n_refs == 1)
		object->is_passing = true;
	if (window_add_object(windows, window, object) == 0)
		answer_opened(requests, slot->request, object);
	else
		refuse_outcome(requests, slot->request, OPENER_FULL);
	object_release(requests->options.objects, object, requests->now_ns);
}

static void open_done(void *owner, const struct opener_result *result)
{
	struct object_request *slot = owner;
	struct object_requests *requests = slot->requests;
	cleanup_with(close_fdp) int fd = result->fd;
	int outcome = result->outcome;

	if (outcome == 0 && !may_hand_out(slot, &result->identity))
		outcome = OPENER_DENIED;
	if (outcome != 0 && slot->host_is_left && slot->is_wanted) {
		slot->host_is_left = false;
		outcome = open_in(slot, requests->options.host_root_fd);
		if (outcome == 0)
			return; /* called again, or was already: the slot may be gone */
	}
	if (slot->is_wanted && outcome != 0)
		refuse_outcome(requests, slot->request, outcome);
	else if (slot->is_wanted)
		add_opened(slot, take_fd(&fd), &result->identity);
	slot_free(slot);
}

static bool is_of_host_alone(enum object_open_kind kind)
{
	return kind == OBJECT_OPEN_HOST_BUILD_ID || kind == OBJECT_OPEN_HOST_GLOBAL_DEBUG;
}

/* Below /usr/lib/debug nothing of the host's is secret, nor is it the target's to choose. */
static bool is_of_debug_directory(enum object_open_kind kind)
{
	return kind == OBJECT_OPEN_BUILD_ID || kind == OBJECT_OPEN_GLOBAL_DEBUG ||
	       is_of_host_alone(kind);
}

static void open_first(struct object_request *slot)
{
	struct object_requests *requests = slot->requests;
	int host_root_fd = requests->options.host_root_fd;
	int root_fd = slot->object->root_fd;
	bool may_be_on_host = is_of_debug_directory(slot->kind) && host_root_fd >= 0;
	int outcome = OPENER_GONE;

	if (root_fd >= 0 && !is_of_host_alone(slot->kind)) {
		slot->host_is_left = may_be_on_host;
		outcome = open_in(slot, root_fd);
	} else if (may_be_on_host) {
		outcome = open_in(slot, host_root_fd);
	}
	if (outcome == 0)
		return;
	refuse_outcome(requests, slot->request, outcome);
	slot_free(slot);
}

/*
 * What the target itself calls the file. Maps print names as the opener sees them, and a root that
 * was changed without a mount namespace is a directory of its own.
 */
static struct wire_bytes name_in_root(const struct object *object)
{
	struct wire_bytes root = object->root_path;
	struct wire_bytes name = {object->name, object->n_name_bytes};

	if (root.n_bytes == 0 || name.n_bytes <= root.n_bytes ||
	    memcmp(name.data, root.data, root.n_bytes) != 0 || object->name[root.n_bytes] != '/')
		return name;
	return (struct wire_bytes){object->name + root.n_bytes, name.n_bytes - root.n_bytes};
}

static void take_open(struct object_requests *requests, const struct link_event *event,
		      struct window *window, const struct wire_object_open *ask)
{
	struct object *object = window_object(window, ask->object);
	struct object_request *slot;
	char path[1 + OBJECT_PATH_BYTES] = "/";
	int outcome;

	if (!object) {
		refuse(requests, event->request, REFUSAL_NO_OBJECT, COUNTER_MESSAGES_REFUSED);
		return;
	}
	outcome = object_path_build(ask, name_in_root(object), object->namespace_pid, path + 1);
	if (object->kind == OBJECT_CODE && ask->kind != OBJECT_OPEN_PERF_MAP)
		outcome = OBJECT_PATH_NO_PLACE; /* memory lies in no directory */
	if (outcome == OBJECT_PATH_NO_PLACE) {
		refuse_outcome(requests, event->request, OPENER_GONE);
		return;
	}
	if (outcome != 0) {
		refuse(requests, event->request, REFUSAL_BAD_NAME, COUNTER_OBJECTS_REFUSED_NAME);
		return;
	}
	slot = slot_take(requests, event, window, object);
	if (!slot) {
		refuse_outcome(requests, event->request, OPENER_FULL);
		return;
	}
	slot->kind = ask->kind;
	slot->path = strdup(path);
	if (slot->path) {
		open_first(slot);
		return;
	}
	refuse_outcome(requests, event->request, OPENER_FULL);
	slot_free(slot);
}

void object_requests_take(struct object_requests *requests, const struct link_event *event,
			  struct window *window, uint64_t now_ns)
{
	struct wire_object_read read_ask;
	struct wire_object_open open_ask;
	bool is_read = event->id == MESSAGE_OBJECT_READ;
	int r;

	requests->now_ns = now_ns;
	r = is_read ? wire_decode_object_read(event->frame, event->n_bytes, &read_ask)
		    : wire_decode_object_open(event->frame, event->n_bytes, &open_ask);
	if (r != 0) {
		counters_add(requests->options.counters, COUNTER_MESSAGES_REFUSED, 1);
		link_refuse(requests->options.listener, event->request);
	} else if (!window) {
		refuse(requests, event->request, REFUSAL_STATE, COUNTER_MESSAGES_REFUSED);
	} else if (is_read) {
		take_read(requests, event, window, &read_ask);
	} else {
		take_open(requests, event, window, &open_ask);
	}
}

void object_requests_forget(struct object_requests *requests, uint64_t peer)
{
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		if (requests->slots[i].peer == peer)
			requests->slots[i].is_wanted = false;
}

void object_requests_free(struct object_requests *requests)
{
	if (!requests)
		return;
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		if (requests->slots[i].is_used)
			slot_free(&requests->slots[i]);
	free(requests);
}
