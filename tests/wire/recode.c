#include "recode.h"

typedef int recode_function(const void *frame, size_t n_bytes, struct wire_arena *arena,
			    struct bytes *out);

static int recode_lease(const void *frame, size_t n_bytes, struct wire_arena *arena,
			struct bytes *out)
{
	struct wire_lease m;
	int r = wire_decode_lease(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_lease(out, &m);
	return r;
}

static int recode_object_read(const void *frame, size_t n_bytes, struct wire_arena *arena,
			      struct bytes *out)
{
	struct wire_object_read m;
	int r = wire_decode_object_read(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_object_read(out, &m);
	return r;
}

static int recode_object_open(const void *frame, size_t n_bytes, struct wire_arena *arena,
			      struct bytes *out)
{
	struct wire_object_open m;
	int r = wire_decode_object_open(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_object_open(out, &m);
	return r;
}

static int recode_object_opened(const void *frame, size_t n_bytes, struct wire_arena *arena,
				struct bytes *out)
{
	struct wire_object m;
	int r = wire_decode_object_opened(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_object_opened(out, &m);
	return r;
}

static int recode_refused(const void *frame, size_t n_bytes, struct wire_arena *arena,
			  struct bytes *out)
{
	enum refusal m;
	int r = wire_decode_refused(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_refused(out, m);
	return r;
}

static int recode_stored(const void *frame, size_t n_bytes, struct wire_arena *arena,
			 struct bytes *out)
{
	struct wire_stored m;
	int r = wire_decode_stored(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_stored(out, &m);
	return r;
}

static int recode_window(const void *frame, size_t n_bytes, struct wire_arena *arena,
			 struct bytes *out)
{
	struct wire_window m;
	int r = wire_decode_window(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_window(out, &m);
	return r;
}

static int recode_settings(const void *frame, size_t n_bytes, struct wire_arena *arena,
			   struct bytes *out)
{
	struct wire_settings_message m;
	int r = wire_decode_settings(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_settings(out, &m);
	return r;
}

static int recode_state(const void *frame, size_t n_bytes, struct wire_arena *arena,
			struct bytes *out)
{
	struct wire_state m;
	int r = wire_decode_state(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_state(out, &m);
	return r;
}

static int recode_processes(const void *frame, size_t n_bytes, struct wire_arena *arena,
			    struct bytes *out)
{
	struct wire_processes m;
	int r = wire_decode_processes(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_processes(out, &m);
	return r;
}

static int recode_process_list(const void *frame, size_t n_bytes, struct wire_arena *arena,
			       struct bytes *out)
{
	struct wire_process_list m;
	int r = wire_decode_process_list(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_process_list(out, &m);
	return r;
}

static int recode_profile(const void *frame, size_t n_bytes, struct wire_arena *arena,
			  struct bytes *out)
{
	struct wire_profile m;
	int r = wire_decode_profile(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_profile(out, &m);
	return r;
}

static int recode_stats(const void *frame, size_t n_bytes, struct wire_arena *arena,
			struct bytes *out)
{
	struct wire_stats m;
	int r = wire_decode_stats(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_stats(out, &m);
	return r;
}

static int recode_view(const void *frame, size_t n_bytes, struct wire_arena *arena,
		       struct bytes *out)
{
	struct wire_view m;
	int r = wire_decode_view(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_view(out, &m);
	return r;
}

static int recode_report(const void *frame, size_t n_bytes, struct wire_arena *arena,
			 struct bytes *out)
{
	struct wire_report m;
	int r = wire_decode_report(frame, n_bytes, arena, &m);

	if (r == 0)
		wire_encode_report(out, &m);
	return r;
}

static int recode_look(const void *frame, size_t n_bytes, struct wire_arena *arena,
		       struct bytes *out)
{
	int r = wire_decode_bare(frame, n_bytes, MESSAGE_LOOK);

	(void)arena;
	if (r == 0)
		wire_encode_bare(out, MESSAGE_LOOK);
	return r;
}

static int recode_object_bytes(const void *frame, size_t n_bytes, struct wire_arena *arena,
			       struct bytes *out)
{
	struct wire_bytes m;
	int r = wire_decode_object_bytes(frame, n_bytes, &m);

	(void)arena;
	if (r == 0)
		wire_encode_object_bytes(out, m.data, m.n_bytes);
	return r;
}

static int recode_probe(const void *frame, size_t n_bytes, struct wire_arena *arena,
			struct bytes *out)
{
	int r = wire_decode_bare(frame, n_bytes, MESSAGE_PROBE);

	(void)arena;
	if (r == 0)
		wire_encode_bare(out, MESSAGE_PROBE);
	return r;
}

static int recode_probed(const void *frame, size_t n_bytes, struct wire_arena *arena,
			 struct bytes *out)
{
	int r = wire_decode_bare(frame, n_bytes, MESSAGE_PROBED);

	(void)arena;
	if (r == 0)
		wire_encode_bare(out, MESSAGE_PROBED);
	return r;
}

static int recode_nothing_yet(const void *frame, size_t n_bytes, struct wire_arena *arena,
			      struct bytes *out)
{
	int r = wire_decode_bare(frame, n_bytes, MESSAGE_NOTHING_YET);

	(void)arena;
	if (r == 0)
		wire_encode_bare(out, MESSAGE_NOTHING_YET);
	return r;
}

static int recode_go(const void *frame, size_t n_bytes, struct wire_arena *arena, struct bytes *out)
{
	int r = wire_decode_bare(frame, n_bytes, MESSAGE_GO);

	(void)arena;
	if (r == 0)
		wire_encode_bare(out, MESSAGE_GO);
	return r;
}

static int recode_noted(const void *frame, size_t n_bytes, struct wire_arena *arena,
			struct bytes *out)
{
	int r = wire_decode_bare(frame, n_bytes, MESSAGE_NOTED);

	(void)arena;
	if (r == 0)
		wire_encode_bare(out, MESSAGE_NOTED);
	return r;
}

/* Through the listener's eyes: whoever may send the message, to whomever, in whatever state. */
static bool is_message(const void *frame, size_t n_bytes, enum message_id *ret_id)
{
	for (int from = ANYONE; from <= SHIPPER; from++)
		for (int to = ANYONE; to <= SHIPPER; to++)
			if (message_check(frame, n_bytes, from, to, false, true, ret_id) == 0 ||
			    message_check(frame, n_bytes, from, to, true, false, ret_id) == 0)
				return true;
	return false;
}

int recode(const void *frame, size_t n_bytes, struct bytes *out)
{
	static recode_function *const functions[] = {
		[MESSAGE_LEASE] = recode_lease,
		[MESSAGE_OBJECT_READ] = recode_object_read,
		[MESSAGE_OBJECT_OPEN] = recode_object_open,
		[MESSAGE_OBJECT_OPENED] = recode_object_opened,
		[MESSAGE_REFUSED] = recode_refused,
		[MESSAGE_STORED] = recode_stored,
		[MESSAGE_WINDOW] = recode_window,
		[MESSAGE_SETTINGS] = recode_settings,
		[MESSAGE_STATE] = recode_state,
		[MESSAGE_PROFILE] = recode_profile,
		[MESSAGE_STATS] = recode_stats,
		[MESSAGE_OBJECT_BYTES] = recode_object_bytes,
		[MESSAGE_PROBE] = recode_probe,
		[MESSAGE_PROBED] = recode_probed,
		[MESSAGE_NOTHING_YET] = recode_nothing_yet,
		[MESSAGE_GO] = recode_go,
		[MESSAGE_NOTED] = recode_noted,
		[MESSAGE_PROCESSES] = recode_processes,
		[MESSAGE_PROCESS_LIST] = recode_process_list,
		[MESSAGE_LOOK] = recode_look,
		[MESSAGE_VIEW] = recode_view,
		[MESSAGE_REPORT] = recode_report,
	};
	struct wire_arena arena = {0};
	enum message_id id;
	int r;

	if (!is_message(frame, n_bytes, &id))
		return MESSAGE_UNKNOWN;
	r = functions[id](frame, n_bytes, &arena, out);
	wire_arena_deinit(&arena);
	return r;
}

int recode_labels(const void *data, size_t n_bytes, struct bytes *out)
{
	struct wire_arena arena = {0};
	const struct wire_label *labels;
	size_t n_labels;
	int r = wire_decode_labels(data, n_bytes, &arena, &labels, &n_labels);

	if (r == 0)
		wire_encode_labels(out, labels, n_labels);
	wire_arena_deinit(&arena);
	return r;
}
