#pragma once
/*
 * The bodies of the messages in messages.def, as structs, with their encoders and decoders.
 *
 * A frame is one msgpack array: the message's id, then its fields in the order of the struct.
 * Decoders are bounded by the frame itself: a count never exceeds the bytes that are left, depth is
 * fixed by the code, trailing bytes are an error. Every pointer in a decoded struct is borrowed
 * from the frame or from the struct's arena, until wire_arena_deinit().
 *
 * Encoders append to a `struct bytes`, whose own bound is the row's bytes_max; ask its error once.
 * Decoders return 0, -ENOMEM, or MESSAGE_GARBLED.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/process_status.h"
#include "wire/messages.h"

/* Memory of decoded arrays, freed as one. A zeroed one is empty. */
struct wire_arena {
	struct wire_arena_block *blocks; /* owned */
};

void wire_arena_deinit(struct wire_arena *arena);

/* Bytes that travel uninterpreted: names, label sets, file contents. */
struct wire_bytes {
	const void *data; /* borrowed */
	size_t n_bytes;
};

/* Unique for ever: the collector's random instance and a number that it counts up. */
struct window_id {
	uint64_t instance;
	uint64_t sequence;
};

/* ---- LEASE: symbolizer → collector. "What became of my last window; give me work." ---- */

enum lease_outcome {
	LEASE_OUTCOME_NONE,   /* no window is open: the first ask, or after NOTHING_YET */
	LEASE_OUTCOME_STORED, /* the shipper acknowledged it */
	LEASE_OUTCOME_FAILED, /* this worker gives it back */
};

struct wire_lease {
	uint64_t protocol_version;
	uint64_t worker; /* random, one a process */
	bool stopping;   /* asked to stop: wants GO, unless the collector is stopping itself */
	enum lease_outcome outcome;
	struct window_id window; /* of the outcome; zero for LEASE_OUTCOME_NONE */
};

void wire_encode_lease(struct bytes *out, const struct wire_lease *m);
int wire_decode_lease(const void *frame, size_t n_bytes,
		      struct wire_lease *ret_m) warn_unused_result;

/* ---- WINDOW: collector → symbolizer. Samples as locations that need names. ---- */

enum object_kind {
	OBJECT_FILE = 1, /* readable by OBJECT_READ */
	OBJECT_KALLSYMS, /* the collector's copy of /proc/kallsyms, readable by OBJECT_READ; reading
			  * at offset 0 asks for a newer one, made at most once a minute */
	OBJECT_NAMELESS, /* nothing can be read: [stack], [vsyscall], a file that was not opened */
	OBJECT_CODE,	 /* what a process made itself, in memory without a file: values are
			  * addresses; of its siblings, OBJECT_OPEN_PERF_MAP alone can be opened */
};

struct wire_object {
	uint64_t id; /* unique for the collector's life; 0 for OBJECT_NAMELESS */
	enum object_kind kind;
	/* Identity of an OBJECT_FILE, from fstat of the held fd; of OBJECT_KALLSYMS, a generation
	 * in change_time_ns; of OBJECT_CODE, of the process: device is its pid and how often
	 * it had called exec, inode when it began. */
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t change_time_ns;
	struct wire_bytes name; /* as /proc/PID/maps printed it: foreign bytes */
};

/* Top byte of every frame word; see bpf/sample.h, which fixes the values. */
enum frame_kind {
	FRAME_USER = 0x00,
	FRAME_KERNEL = 0xff,
};

#define LOCATION_NO_OBJECT UINT32_MAX

struct wire_location {
	uint8_t kind;          /* enum frame_kind; others are kept, counted and shown as unknown */
	uint32_t object_index; /* into objects; LOCATION_NO_OBJECT when no mapping covers it */
	uint64_t value;        /* a file offset; of OBJECT_CODE, and without object, an address */
};

#define STACK_TRUNCATED_USER   0x1u
#define STACK_TRUNCATED_KERNEL 0x2u

struct wire_stack {
	uint64_t count; /* samples */
	uint32_t flags; /* STACK_TRUNCATED_… */
	uint32_t n_locations;
	const uint32_t *locations; /* indices into the window's, leaf first: kernel, then user */
};

struct wire_process {
	struct wire_bytes comm; /* of the group leader: foreign bytes */
	size_t n_stacks;
	const struct wire_stack *stacks;
};

struct wire_target {
	struct wire_bytes labels; /* opaque here: a label set as SETTINGS brought it */
	size_t n_processes;
	const struct wire_process *processes;
};

struct wire_cache_limits {
	uint32_t build_id_entries;
	uint32_t same_file_entries;
	uint32_t pid_entries;
};

struct wire_window {
	struct window_id id;
	bool name_nothing;     /* two workers died of it: every user frame as module + offset */
	uint64_t time_wall_ns; /* start; of no other window of this collector */
	uint64_t duration_ns;
	uint64_t period_ns; /* CPU time that one sample stands for */
	uint8_t demangle;   /* enum demangle_mode of all its targets */
	struct wire_cache_limits caches;
	size_t n_objects;
	const struct wire_object *objects;
	size_t n_locations;
	const struct wire_location *locations;
	size_t n_targets;
	const struct wire_target *targets;
};

void wire_encode_window(struct bytes *out, const struct wire_window *m);

/* Also checks that every index is in range. */
int wire_decode_window(const void *frame, size_t n_bytes, struct wire_arena *arena,
		       struct wire_window *ret_m) warn_unused_result;

/* ---- OBJECT_READ / OBJECT_OPEN: symbolizer → collector, while it holds a lease ---- */

#define OBJECT_READ_BYTES_MAX (512u * 1024u)

struct wire_object_read {
	uint64_t object;
	uint64_t offset;
	uint32_t n_bytes; /* 1 … OBJECT_READ_BYTES_MAX; fewer come back at the end of the file */
};

enum object_open_kind {
	OBJECT_OPEN_BUILD_ID = 1,     /* name: build id in hex; target's root, then the host's */
	OBJECT_OPEN_BESIDE,           /* name: a base name, in the directory of the mapped file */
	OBJECT_OPEN_BESIDE_DOT_DEBUG, /* … in its .debug/ */
	OBJECT_OPEN_GLOBAL_DEBUG,     /* … in /usr/lib/debug + that directory; then the host's */
	OBJECT_OPEN_PERF_MAP,         /* no name: /tmp/perf-<namespace pid>.map of the process */
	/* The same two in the host's root alone: for whoever does not believe the target's. */
	OBJECT_OPEN_HOST_BUILD_ID,
	OBJECT_OPEN_HOST_GLOBAL_DEBUG,
};

#define OBJECT_OPEN_NAME_BYTES_MAX 255u

struct wire_object_open {
	uint64_t object; /* the sibling, already in the leased window */
	enum object_open_kind kind;
	struct wire_bytes name; /* bounded here; that it is a base name the collector checks */
};

void wire_encode_object_read(struct bytes *out, const struct wire_object_read *m);
int wire_decode_object_read(const void *frame, size_t n_bytes,
			    struct wire_object_read *ret_m) warn_unused_result;
void wire_encode_object_open(struct bytes *out, const struct wire_object_open *m);
int wire_decode_object_open(const void *frame, size_t n_bytes,
			    struct wire_object_open *ret_m) warn_unused_result;
void wire_encode_object_bytes(struct bytes *out, const void *data, size_t n_bytes);
int wire_decode_object_bytes(const void *frame, size_t n_bytes,
			     struct wire_bytes *ret_bytes) warn_unused_result;
void wire_encode_object_opened(struct bytes *out, const struct wire_object *object);
int wire_decode_object_opened(const void *frame, size_t n_bytes,
			      struct wire_object *ret_object) warn_unused_result;

/* ---- REFUSED and the answers without a body ---- */

enum refusal {
	REFUSAL_VERSION = 1, /* protocol version not spoken here */
	REFUSAL_STATE,       /* no lease, not yet ready */
	REFUSAL_NO_OBJECT,   /* not an object of the leased window */
	REFUSAL_NOT_FOUND,   /* no such file */
	REFUSAL_NOT_REGULAR, /* symlink out of reach, FIFO, device, directory */
	REFUSAL_BAD_NAME,    /* not a base name, not hex */
	REFUSAL_DENIED,      /* the kernel said no */
	REFUSAL_DEADLINE,    /* the file system did not answer */
	REFUSAL_BUSY,        /* a bound is reached: ask again later */
	REFUSAL_DISK,        /* the spool cannot be written */
};

const char *refusal_name(enum refusal reason);

void wire_encode_refused(struct bytes *out, enum refusal reason);
int wire_decode_refused(const void *frame, size_t n_bytes,
			enum refusal *ret_reason) warn_unused_result;

/* PROBE, PROBED, NOTHING_YET, GO, NOTED, LOOK: an id and nothing else. */
void wire_encode_bare(struct bytes *out, enum message_id id);
int wire_decode_bare(const void *frame, size_t n_bytes, enum message_id id) warn_unused_result;

/* ---- SETTINGS: shipper → collector, on every change and as a heartbeat ---- */

enum demangle_mode { DEMANGLE_NONE, DEMANGLE_SIMPLIFIED, DEMANGLE_TEMPLATES, DEMANGLE_FULL };

/* What all jobs share. */
struct wire_settings {
	uint32_t pid_map_size;
	uint32_t container_id_cache_size;
	struct wire_cache_limits caches;
};

enum target_key {
	TARGET_PID = 1,   /* key: decimal pid */
	TARGET_CONTAINER, /* key: container id */
	TARGET_DEFAULT,   /* key: empty; whatever matches no other target */
};

struct wire_target_rule {
	enum target_key key_kind;
	struct wire_bytes key;
	struct wire_bytes labels; /* wire_encode_labels() */
	enum demangle_mode demangle;
	bool collect_kernel; /* only if the job does */
};

#define SETTINGS_JOBS_MAX 8u

/* One `pyroscope.ebpf`: whom to sample, and how. A process may be a target of several. */
struct wire_job {
	uint64_t id;             /* of the block, the same after a reload; no two are equal */
	uint32_t sample_rate_hz; /* at least 1, as is the interval: the decoder checks */
	uint32_t collect_interval_ms;
	bool collect_user;
	bool collect_kernel;
	size_t n_targets;
	const struct wire_target_rule *targets;
};

struct wire_settings_message {
	uint64_t protocol_version;
	uint64_t generation; /* of settings and jobs together */
	bool is_heartbeat;   /* then settings and jobs are absent: those of @generation hold */
	struct wire_settings settings;
	size_t n_jobs; /* 1 … SETTINGS_JOBS_MAX */
	const struct wire_job *jobs;
};

void wire_encode_settings(struct bytes *out, const struct wire_settings_message *m);
int wire_decode_settings(const void *frame, size_t n_bytes, struct wire_arena *arena,
			 struct wire_settings_message *ret_m) warn_unused_result;

/* ---- STATE: the collector's answer to SETTINGS ---- */

enum collector_phase { COLLECTOR_SAMPLING = 1, COLLECTOR_STOPPING };

struct wire_counter {
	uint32_t id; /* of counters.def; unknown ones are passed over */
	uint64_t value;
};

/* How often the interval of a job ended; both count from 0 in each life of the collector. */
struct wire_rounds {
	uint64_t job; /* its id */
	uint64_t n_ended;
	uint64_t n_failed; /* the kernel's maps could not be read: not in n_ended */
};

struct wire_state {
	uint64_t instance;
	uint64_t generation; /* applied; 0 when none: the shipper then sends all of it */
	enum collector_phase phase;
	uint32_t n_cpus;
	struct wire_bytes version;
	size_t n_counters;
	const struct wire_counter *counters;
	size_t n_rounds; /* at most SETTINGS_JOBS_MAX: of the jobs in force */
	const struct wire_rounds *rounds;
};

void wire_encode_state(struct bytes *out, const struct wire_state *m);
int wire_decode_state(const void *frame, size_t n_bytes, struct wire_arena *arena,
		      struct wire_state *ret_m) warn_unused_result;

/* ---- PROCESSES: shipper → collector, and PROCESS_LIST, its answer: some at a time ---- */

struct wire_processes {
	uint32_t after_pid;  /* asks for those of greater pids; 0: for the first of a new list */
	bool wants_commands; /* command lines lie in memory of the processes: read when asked for */
};

#define PROCESS_TEXT_BYTES_MAX (64u * 1024u) /* of a command line, of cgroup: cut there */
#define PROCESS_PATH_BYTES_MAX 4096u

struct wire_listed_process {
	uint32_t pid;	       /* as the host numbers it: 1 … INT32_MAX */
	uint32_t uid;	       /* real, as the initial user namespace numbers it */
	struct wire_bytes exe; /* foreign bytes, like the rest; empty: it has none (kernel threads,
				* zombies), or it could not be read */
	struct wire_bytes cwd;
	struct wire_bytes command;	/* arguments, each ended by NUL unless it was rewritten */
	struct wire_bytes container_id; /* empty: in no container */
	struct wire_bytes cgroup;	/* /proc/PID/cgroup */
};

struct wire_process_list {
	uint32_t next_after_pid; /* for the next ask */
	bool is_last;		 /* there are no greater pids */
	uint32_t n_unread;	 /* of this part: processes that are there and told nothing */
	size_t n_processes;	 /* may be 0 in any part */
	const struct wire_listed_process *processes; /* of ascending pids */
};

void wire_encode_processes(struct bytes *out, const struct wire_processes *m);
int wire_decode_processes(const void *frame, size_t n_bytes, struct wire_processes *ret_m)
	warn_unused_result;
void wire_encode_process_list(struct bytes *out, const struct wire_process_list *m);

/* Also checks that pids ascend, up to next_after_pid, and the length of each text. */
int wire_decode_process_list(const void *frame, size_t n_bytes, struct wire_arena *arena,
			     struct wire_process_list *ret_m) warn_unused_result;

/* ---- PROFILE and STATS: symbolizer → shipper ---- */

struct wire_part {
	struct wire_bytes labels;
	struct wire_bytes pprof_gz;
	uint64_t n_samples;          /* sum of the counts in it */
	uint64_t uncompressed_bytes; /* of the pprof */
};

#define PROFILE_PARTS_MAX 4096u

struct wire_profile {
	struct window_id window;
	uint64_t time_wall_ns;
	size_t n_parts;
	const struct wire_part *parts;
};

void wire_encode_profile(struct bytes *out, const struct wire_profile *m);
int wire_decode_profile(const void *frame, size_t n_bytes, struct wire_arena *arena,
			struct wire_profile *ret_m) warn_unused_result;

struct wire_stored {
	struct window_id window;
	bool was_known; /* a repeat: recognised, not stored twice */
};

void wire_encode_stored(struct bytes *out, const struct wire_stored *m);
int wire_decode_stored(const void *frame, size_t n_bytes,
		       struct wire_stored *ret_m) warn_unused_result;

struct wire_stats {
	uint64_t worker;
	size_t n_counters;
	const struct wire_counter *counters;
};

void wire_encode_stats(struct bytes *out, const struct wire_stats *m);
int wire_decode_stats(const void *frame, size_t n_bytes, struct wire_arena *arena,
		      struct wire_stats *ret_m) warn_unused_result;

/* ---- What people are shown: nothing depends on it ---- */

enum service_role { SERVICE_MAIN = 1, SERVICE_OPENER };

/* A process of a service, as the kernel describes it. */
struct wire_service {
	enum service_role role;
	struct process_status status;
};

#define VIEW_SERVICES_MAX        8u
#define VIEW_PROCESSES_MAX       1024u
#define VIEW_PROCESS_FILES_MAX   64u
#define VIEW_PROCESS_TARGETS_MAX SETTINGS_JOBS_MAX
#define VIEW_FILES_MAX           2048u
#define VIEW_COMM_BYTES_MAX      64u
#define SHOWN_NAME_BYTES_MAX     200u /* longer names are shown from their end */

/* A file that processes have mapped for execution. */
struct wire_mapped_file {
	uint64_t device;
	uint64_t inode;
	struct wire_bytes name; /* foreign bytes */
};

/* Which target of which job: that whose labels hash to this, wire_labels_hash(). */
struct wire_target_name {
	uint64_t job;
	uint64_t labels_hash;
};

struct wire_profiled {
	uint32_t pid;
	struct wire_bytes comm;   /* foreign bytes */
	uint64_t last_used_round; /* when samples of it were last found; 0: never */
	size_t n_targets;
	const struct wire_target_name *targets;
	uint32_t n_mappings;   /* executable ones */
	size_t n_files;        /* different ones of these, as far as there is room for them */
	const uint32_t *files; /* indices into the view's */
};

/* ---- VIEW: collector → shipper, the answer to LOOK ---- */

struct wire_view {
	uint64_t instance;
	uint64_t round;      /* drains so far */
	uint64_t n_profiled; /* processes that are somebody's target; rows are at most as many */
	size_t n_services;
	const struct wire_service *services;
	size_t n_files;
	const struct wire_mapped_file *files;
	size_t n_processes; /* most recently used first */
	const struct wire_profiled *processes;
};

void wire_encode_view(struct bytes *out, const struct wire_view *m);

/* Also checks that every index is in range. */
int wire_decode_view(const void *frame, size_t n_bytes, struct wire_arena *arena,
		     struct wire_view *ret_m) warn_unused_result;

/* ---- REPORT: symbolizer → shipper, what it has in its caches and named last ---- */

enum report_cache { REPORT_BUILD_ID, REPORT_SAME_FILE, REPORT_PID };

#define REPORT_CACHES             3u
#define REPORT_TABLES_MAX         256u /* of each cache */
#define REPORT_FILES_MAX          1024u
#define REPORT_BUILD_ID_BYTES_MAX 64u
#define REPORT_TARGETS_MAX        128u
#define REPORT_FUNCTIONS_MAX      5u

/* A symbol table in memory. */
struct wire_table {
	uint64_t id;                /* a part of the hash over what it was built from */
	struct wire_bytes build_id; /* not in hex; empty: none that is kept */
	struct wire_bytes name;     /* foreign bytes: of a file whose table it is */
	uint64_t n_symbols;
	uint64_t n_bytes;
	uint64_t last_used_round;
	bool has_mini_debug_info;
};

struct wire_table_cache {
	uint64_t n; /* in it; rows are at most as many, most recently used first */
	uint64_t n_max;
	size_t n_tables;
	const struct wire_table *tables;
};

/* A file whose table is among those above. */
struct wire_table_file {
	uint64_t device;
	uint64_t inode;
	uint64_t table; /* its id */
};

struct wire_function_share {
	struct wire_bytes name; /* foreign bytes */
	uint64_t n_samples;     /* with it as the leaf */
};

/* What the latest window with that target had of it. */
struct wire_last_named {
	uint64_t labels_hash;
	uint64_t time_wall_ns;
	uint64_t n_samples;
	size_t n_functions; /* most samples first */
	const struct wire_function_share *functions;
};

struct wire_report {
	uint64_t worker;
	struct process_status status;
	uint64_t round; /* windows named so far */
	struct wire_table_cache caches[REPORT_CACHES];
	size_t n_files;
	const struct wire_table_file *files;
	size_t n_named;
	const struct wire_last_named *named;
};

void wire_encode_report(struct bytes *out, const struct wire_report *m);
int wire_decode_report(const void *frame, size_t n_bytes, struct wire_arena *arena,
		       struct wire_report *ret_m) warn_unused_result;

/* ---- Label sets: opaque to all but the shipper ---- */

#define LABELS_MAX 256u

struct wire_label {
	struct wire_bytes name;
	struct wire_bytes value;
};

/* One msgpack array of name, value, name, value…; callers pass them sorted by name. */
void wire_encode_labels(struct bytes *out, const struct wire_label *labels, size_t n_labels);
int wire_decode_labels(const void *data, size_t n_bytes, struct wire_arena *arena,
		       const struct wire_label **ret_labels,
		       size_t *ret_n_labels) warn_unused_result;

/* What a label set is called where only a name is needed: the same wherever it is computed. */
uint64_t wire_labels_hash(struct wire_bytes labels);

/* The end of @name, as far as it is shown. */
struct wire_bytes wire_shown_name(struct wire_bytes name);
