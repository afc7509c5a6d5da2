/*
 * `discovery.kubernetes`: one watch (kubernetes_watch.h) for each namespace, or one for all, and
 * one for nodes where their metadata is wanted. Here their questions become requests, and what they
 * know becomes targets. Nothing is published before each of them has its first list, or some time
 * has passed: then those that have none are what is wrong, and the others are not held back.
 */
#include "discovery/kubernetes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "discovery/json_answer.h"
#include "discovery/kubernetes_access.h"
#include "discovery/kubernetes_watch.h"
#include "http/http_client.h"
#include "log/log.h"

#define MS_NS           UINT64_C(1000000)
#define SECOND_NS       UINT64_C(1000000000)
#define GAP_NS_MIN      (25 * MS_NS) /* between publications */
#define GAP_NS_MAX      (500 * MS_NS)
#define PATIENCE_NS     (3 * SECOND_NS) /* for a watch that has no list yet */
#define LIST_TIMEOUT_MS 60000u
#define LIST_IDLE_MS    30000u
#define LISTS_MAX       4u      /* at a time: each may be long */
#define STREAM_IDLE_MS  660000u /* longer than the server was asked to keep it open */
#define PATH_BYTES_MAX  ((size_t)64 << 10)
#define CONNECT_NS      SECOND_NS /* between looks for where the API is */
#define CONNECT_NS_MAX  (30 * SECOND_NS)
#define METADATA_ALONE                                                                             \
	"application/json;as=PartialObjectMetadata%s;g=meta.k8s.io;v=v1,application/json"

struct stream {
	struct kubernetes *owner;
	struct kubernetes_watch watch;
	struct http_transfer *transfer; /* borrowed; NULL: nothing is asked */
};

struct kubernetes {
	const struct kubernetes_arguments *arguments;
	struct source_slot *slot;
	struct kubernetes_access access; /* owned; url NULL: not known */
	struct config_arena memory;      /* owned: the paths */
	size_t n_streams;
	struct stream *streams; /* owned: of pods, then one of nodes; NULL: not known yet */
	struct kubernetes_budget budget;        /* of all of them */
	const struct kubernetes_objects **pods; /* owned: of the first */
	uint64_t connect_ns;                    /* when to look for the API again */
	unsigned n_connects;                    /* in vain */

	uint64_t began_ns;
	uint64_t published_ns;
	uint64_t gap_ns;
	uint64_t publish_ns; /* when to publish; KUBERNETES_NEVER: nothing is different */
	bool has_published;
	bool was_failing;
	bool has_told_of_left_out;
};

static size_t n_pod_streams(const struct kubernetes *kubernetes)
{
	return kubernetes->n_streams - kubernetes->arguments->has_node_metadata;
}

/* Why it is not as it should be; NULL: it is. */
static const char *reason_of(const struct kubernetes *kubernetes)
{
	for (size_t i = 0; i < kubernetes->n_streams; i++)
		if (kubernetes->streams[i].watch.is_failing)
			return kubernetes->streams[i].watch.reason;
	return NULL;
}

static bool is_synced(const struct kubernetes *kubernetes)
{
	for (size_t i = 0; i < kubernetes->n_streams; i++)
		if (!kubernetes->streams[i].watch.is_synced)
			return false;
	return true;
}

static bool has_pods(const struct kubernetes *kubernetes)
{
	for (size_t i = 0; i < n_pod_streams(kubernetes); i++)
		if (kubernetes->streams[i].watch.is_synced)
			return true;
	return false;
}

static bool may_publish(const struct kubernetes *kubernetes, uint64_t now_ns)
{
	return kubernetes->has_published || is_synced(kubernetes) ||
	       (has_pods(kubernetes) && now_ns - kubernetes->began_ns >= PATIENCE_NS);
}

/* After a watch took something: what is wrong is said at once, what is different soon. */
static void look(struct kubernetes *kubernetes, uint64_t now_ns)
{
	const char *reason = reason_of(kubernetes);
	bool has_changed = kubernetes->was_failing != (reason != NULL);
	uint64_t due_ns = kubernetes->published_ns + kubernetes->gap_ns;

	for (size_t i = 0; i < kubernetes->n_streams; i++)
		has_changed |= kubernetes->streams[i].watch.has_changed;
	if (reason)
		source_fail(kubernetes->slot, reason);
	kubernetes->was_failing = reason != NULL;
	if (!has_changed)
		return;
	if (!may_publish(kubernetes, now_ns))
		due_ns = has_pods(kubernetes) ? kubernetes->began_ns + PATIENCE_NS
					      : KUBERNETES_NEVER;
	if (due_ns < kubernetes->publish_ns)
		kubernetes->publish_ns = due_ns;
}

static void tell_of_left_out(struct kubernetes *kubernetes)
{
	size_t n = 0;

	for (size_t i = 0; i < kubernetes->n_streams; i++)
		n += kubernetes->streams[i].watch.objects.n_left_out;
	if (n > 0 && !kubernetes->has_told_of_left_out)
		log_warn(
			"kubernetes-labels-left-out",
			"component=%s n=%zu, labels of more than %zu bytes, and labels, containers "
			"and ports beyond the first of a pod that has too many, are not published",
			source_id(kubernetes->slot), n, KUBERNETES_LABEL_BYTES_MAX);
	kubernetes->has_told_of_left_out = n > 0;
}

static int make_targets(const struct kubernetes *kubernetes, struct config_arena *arena,
			struct config_value *ret_list)
{
	const struct kubernetes_objects *nodes = NULL;

	if (kubernetes->arguments->has_node_metadata)
		nodes = &kubernetes->streams[kubernetes->n_streams - 1].watch.objects;
	return kubernetes_targets_make(kubernetes->pods, n_pod_streams(kubernetes), nodes, arena,
				       ret_list);
}

/* Publications come at once after a silence, and ever slower while something changes all the time.
 */
static void note_publication(struct kubernetes *kubernetes, uint64_t now_ns)
{
	bool is_calm = now_ns - kubernetes->published_ns >= SECOND_NS;

	kubernetes->gap_ns = is_calm ? GAP_NS_MIN : kubernetes->gap_ns * 2;
	if (kubernetes->gap_ns > GAP_NS_MAX)
		kubernetes->gap_ns = GAP_NS_MAX;
	kubernetes->published_ns = now_ns;
	for (size_t i = 0; i < kubernetes->n_streams; i++)
		kubernetes->streams[i].watch.has_changed = false;
}

static void publish(struct kubernetes *kubernetes, uint64_t now_ns)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	const char *reason = reason_of(kubernetes);
	struct config_value list;
	int r = make_targets(kubernetes, &arena, &list);

	kubernetes->publish_ns = KUBERNETES_NEVER;
	note_publication(kubernetes, now_ns);
	if (r == 0) {
		tell_of_left_out(kubernetes);
		source_publish_ailing(kubernetes->slot, list, &arena, reason);
		kubernetes->has_published = true;
	} else {
		source_fail(kubernetes->slot, r < 0 ? strerror(-r)
						    : "its pods make more targets, or larger ones, "
						      "than there may be");
	}
	config_arena_deinit(&arena);
}

static int on_bytes(void *context, long status, const void *data, size_t n_bytes)
{
	struct stream *stream = context;
	uint64_t now_ns = clock_monotonic_ns();
	int r = kubernetes_watch_take_bytes(&stream->watch, status, data, n_bytes, now_ns);

	look(stream->owner, now_ns);
	return r;
}

static void on_list(void *context, const struct http_result *result)
{
	struct stream *stream = context;
	uint64_t now_ns = clock_monotonic_ns();

	stream->transfer = NULL;
	kubernetes_watch_take_list(&stream->watch, result, now_ns);
	look(stream->owner, now_ns);
}

static void on_end(void *context, const struct http_result *result)
{
	struct stream *stream = context;
	uint64_t now_ns = clock_monotonic_ns();

	stream->transfer = NULL;
	kubernetes_watch_take_end(&stream->watch, result, now_ns);
	look(stream->owner, now_ns);
}

/* Of nodes only the metadata is wanted, and a server that can sends no more. */
static void write_accept(char *text, size_t n_bytes, const struct stream *stream, bool is_list)
{
	(void)snprintf(text, n_bytes,
		       stream->watch.query.kind == KUBERNETES_NODE ? METADATA_ALONE
								   : "application/json",
		       is_list ? "List" : "");
}

static int start_request(struct stream *stream, enum kubernetes_question question, const char *path)
{
	struct kubernetes *kubernetes = stream->owner;
	bool is_list = question == KUBERNETES_LIST;
	char accept[sizeof(METADATA_ALONE) + sizeof("List")];
	const struct http_pair header = {"Accept", accept};
	struct bytes url = BYTES_INIT(PATH_BYTES_MAX);
	struct http_request request = {
		.method = "GET",
		.options = &kubernetes->access.http,
		.n_headers = 1,
		.headers = &header,
		.timeout_ms = is_list ? LIST_TIMEOUT_MS : 0,
		.idle_timeout_ms = is_list ? LIST_IDLE_MS : STREAM_IDLE_MS,
		.bytes_max = is_list ? JSON_ANSWER_BYTES_MAX : UINT64_MAX,
		.on_bytes = is_list ? NULL : on_bytes,
		.on_done = is_list ? on_list : on_end,
		.context = stream,
	};
	int r;

	write_accept(accept, sizeof(accept), stream, is_list);
	bytes_printf(&url, "%s%s", kubernetes->access.url, path);
	bytes_append(&url, "", 1);
	request.url = (const char *)url.data;
	r = url.error;
	if (r == 0)
		r = http_client_start(source_environment(kubernetes->slot)->http_client, &request,
				      &stream->transfer);
	bytes_deinit(&url);
	return r;
}

/* Where the API is may be said anew in a kubeconfig file: each list begins with a look at it. */
static int find_access(struct kubernetes *kubernetes, struct bytes *why)
{
	struct kubernetes_access access;
	int r = kubernetes_access_find(kubernetes->arguments, &access, why);

	if (r != 0)
		return r;
	kubernetes_access_deinit(&kubernetes->access);
	kubernetes->access = access;
	return 0;
}

static void ask(struct stream *stream, uint64_t now_ns)
{
	struct bytes path = BYTES_INIT(PATH_BYTES_MAX);
	struct bytes why = BYTES_INIT(KUBERNETES_REASON_BYTES - 1);
	enum kubernetes_question question = kubernetes_watch_ask(&stream->watch, now_ns, &path);
	int r = path.error;

	if (question == KUBERNETES_LIST && r == 0)
		r = find_access(stream->owner, &why);
	if (question != KUBERNETES_NOTHING && r == 0)
		r = start_request(stream, question, (const char *)path.data);
	if (r < 0)
		bytes_printf(&why, "%s", strerror(-r));
	if (r != 0) {
		bytes_append(&why, "", 1);
		kubernetes_watch_give_up(&stream->watch, (const char *)why.data, now_ns);
	}
	look(stream->owner, now_ns);
	bytes_deinit(&path);
	bytes_deinit(&why);
}

/* Of the namespace @name, or of all when it is NULL. */
static int add_stream(struct kubernetes *kubernetes, const char *name, bool is_nodes)
{
	const struct kubernetes_arguments *arguments = kubernetes->arguments;
	struct stream *stream = &kubernetes->streams[kubernetes->n_streams];
	const struct kubernetes_selectors *selectors =
		is_nodes ? &arguments->nodes : &arguments->pods;
	struct bytes path = BYTES_INIT(PATH_BYTES_MAX);
	struct kubernetes_query query = {
		.kind = is_nodes ? KUBERNETES_NODE : KUBERNETES_POD,
		.field = selectors->field,
		.label = selectors->label,
		.budget = &kubernetes->budget,
	};

	bytes_printf(&path, "/api/v1/%s%s%s", name ? "namespaces/" : "", name ? name : "",
		     is_nodes ? "nodes" : (name ? "/pods" : "pods"));
	query.path = config_arena_copy(&kubernetes->memory, path.data, path.n_bytes);
	bytes_deinit(&path);
	if (!query.path)
		return -ENOMEM;
	stream->owner = kubernetes;
	kubernetes_watch_init(&stream->watch, &query, hash_new_seed());
	if (!is_nodes)
		kubernetes->pods[kubernetes->n_streams] = &stream->watch.objects;
	kubernetes->n_streams++;
	return 0;
}

/* Its own namespace stands where it belongs in the order of the others, unless it is one of them.
 */
static int add_streams(struct kubernetes *kubernetes, const char *own)
{
	const struct kubernetes_arguments *arguments = kubernetes->arguments;
	int r = 0;

	for (size_t i = 0; r == 0 && i < arguments->n_namespaces; i++) {
		int order = own ? strcmp(own, arguments->namespaces[i]) : 1;

		if (order < 0)
			r = add_stream(kubernetes, own, false);
		if (order <= 0)
			own = NULL;
		if (r == 0)
			r = add_stream(kubernetes, arguments->namespaces[i], false);
	}
	if (r == 0 && (own || kubernetes->n_streams == 0))
		r = add_stream(kubernetes, own, false);
	if (r == 0 && arguments->has_node_metadata)
		r = add_stream(kubernetes, NULL, true);
	return r;
}

static void drop_streams(struct kubernetes *kubernetes)
{
	for (size_t i = 0; i < kubernetes->n_streams; i++) {
		if (kubernetes->streams[i].transfer)
			http_transfer_cancel(kubernetes->streams[i].transfer);
		kubernetes_watch_deinit(&kubernetes->streams[i].watch);
	}
	free(kubernetes->streams);
	free(kubernetes->pods);
	kubernetes->streams = NULL;
	kubernetes->pods = NULL;
	kubernetes->n_streams = 0;
}

/* Finds out what to watch. It has no effect where that is not known yet. */
static int make_streams(struct kubernetes *kubernetes, struct bytes *why)
{
	const struct kubernetes_arguments *arguments = kubernetes->arguments;
	size_t n_max = arguments->n_namespaces + 2;
	const char *own = NULL;
	int r = 0;

	if (arguments->has_own_namespace)
		r = kubernetes_access_namespace(&kubernetes->memory, &own, why);
	if (r != 0)
		return r;
	kubernetes->streams = calloc(n_max, sizeof(*kubernetes->streams));
	kubernetes->pods = calloc(n_max, sizeof(*kubernetes->pods));
	r = kubernetes->streams && kubernetes->pods ? 0 : -ENOMEM;
	if (r == 0)
		r = add_streams(kubernetes, own);
	if (r != 0)
		drop_streams(kubernetes);
	return r;
}

static void connect(struct kubernetes *kubernetes, uint64_t now_ns)
{
	struct bytes why = BYTES_INIT(KUBERNETES_REASON_BYTES - 1);
	int r = make_streams(kubernetes, &why);
	uint64_t delay_ns = CONNECT_NS << (kubernetes->n_connects < 5 ? kubernetes->n_connects : 5);

	if (r < 0)
		bytes_printf(&why, "%s", strerror(-r));
	if (r != 0) {
		bytes_append(&why, "", 1);
		source_fail(kubernetes->slot, (const char *)why.data);
		kubernetes->n_connects++;
		kubernetes->connect_ns =
			now_ns + (delay_ns < CONNECT_NS_MAX ? delay_ns : CONNECT_NS_MAX);
	}
	kubernetes->began_ns = now_ns;
	bytes_deinit(&why);
}

static int start(const struct source_configuration *source, struct source_slot *slot,
		 void **ret_source)
{
	struct kubernetes *kubernetes = calloc(1, sizeof(*kubernetes));

	if (!kubernetes)
		return -ENOMEM;
	kubernetes->arguments = source->arguments;
	kubernetes->slot = slot;
	kubernetes->memory = (struct config_arena)CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	kubernetes->publish_ns = KUBERNETES_NEVER;
	*ret_source = kubernetes;
	return 0;
}

static void stop(void *source)
{
	struct kubernetes *kubernetes = source;

	drop_streams(kubernetes);
	kubernetes_access_deinit(&kubernetes->access);
	config_arena_deinit(&kubernetes->memory);
	free(kubernetes);
}

/* When to ask what @stream asks next: not while so many wait for lists, if it is one. */
static uint64_t stream_due_ns(const struct stream *stream)
{
	const struct kubernetes *kubernetes = stream->owner;
	size_t n_lists = 0;

	if (stream->watch.asked != KUBERNETES_NOTHING || stream->watch.next != KUBERNETES_LIST)
		return kubernetes_watch_due_ns(&stream->watch);
	for (size_t i = 0; i < kubernetes->n_streams; i++)
		n_lists += kubernetes->streams[i].watch.asked == KUBERNETES_LIST;
	return n_lists < LISTS_MAX ? kubernetes_watch_due_ns(&stream->watch) : KUBERNETES_NEVER;
}

static uint64_t deadline_ns(const void *source)
{
	const struct kubernetes *kubernetes = source;
	uint64_t deadline_ns = kubernetes->publish_ns;

	if (!kubernetes->streams)
		return kubernetes->connect_ns;
	for (size_t i = 0; i < kubernetes->n_streams; i++) {
		uint64_t due_ns = stream_due_ns(&kubernetes->streams[i]);

		deadline_ns = due_ns < deadline_ns ? due_ns : deadline_ns;
	}
	return deadline_ns;
}

static void run(void *source, uint64_t now_ns)
{
	struct kubernetes *kubernetes = source;

	if (!kubernetes->streams && now_ns >= kubernetes->connect_ns)
		connect(kubernetes, now_ns);
	for (size_t i = 0; i < kubernetes->n_streams; i++)
		if (now_ns >= stream_due_ns(&kubernetes->streams[i]))
			ask(&kubernetes->streams[i], now_ns);
	if (now_ns >= kubernetes->publish_ns)
		publish(kubernetes, now_ns);
}

const struct source_class kubernetes_class = {
	.name = "discovery.kubernetes",
	.export_name = "targets",
	.load = kubernetes_arguments_load,
	.start = start,
	.stop = stop,
	.run = run,
	.deadline_ns = deadline_ns,
};
