/*
 * Which endpoints there are: at start, and after each reload. What is new is opened before anything
 * that was there is touched, so that a failure changes nothing.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "endpoints/endpoint_names.h"
#include "endpoints/endpoints_internal.h"
#include "log/log.h"
#include "endpoints/push_body.h"
#include "endpoints/routes.h"

#define QUARANTINE_BYTES_MAX (UINT64_C(64) << 20)
#define FILE_URL             "file://"

static_assert(2 * ENDPOINTS_MAX <= SPOOL_READERS_MAX, "a reload may have the old and the new");

/* The endpoints of a configuration on their way in, in its order. */
struct intake {
	size_t n;
	struct endpoint *all[ENDPOINTS_MAX]; /* those that were there are borrowed */
	bool is_new[ENDPOINTS_MAX];          /* owned */
};

static void endpoint_free(struct endpoint *endpoint)
{
	if (!endpoint)
		return;
	store_free(endpoint->store);
	batch_clear(&endpoint->batch);
	bytes_deinit(&endpoint->body);
	free(endpoint->key);
	free(endpoint->label);
	free(endpoint);
}

static void endpoint_freep(struct endpoint **endpoint)
{
	endpoint_free(*endpoint);
}

/* Ends @endpoint, which was added to the spool: nothing of it is left. */
static void endpoint_end(struct endpoints *endpoints, struct endpoint *endpoint)
{
	push_cancel(endpoints->push, endpoint->reader);
	spool_reader_remove(endpoints->spool, endpoint->reader);
	endpoint_free(endpoint);
}

static bool is_label_taken(const struct endpoints *endpoints, const struct intake *intake,
			   const char *label)
{
	for (size_t i = 0; i < endpoints->n; i++)
		if (strcmp(endpoints->all[i]->label, label) == 0)
			return true;
	for (size_t i = 0; i < intake->n; i++)
		if (strcmp(intake->all[i]->label, label) == 0)
			return true;
	return false;
}

/* Metrics must not repeat: the label of a place that is there already gets a number. */
static char *label_of(const struct endpoints *endpoints, const struct intake *intake,
		      const char *url)
{
	for (unsigned n = 1;; n++) { /* ends: what can be taken is bounded */
		char *label = endpoint_label_new(url, n);

		if (!label || !is_label_taken(endpoints, intake, label))
			return label;
		free(label);
	}
}

static struct endpoint *find(const struct endpoints *endpoints, const char *key)
{
	for (size_t i = 0; i < endpoints->n; i++)
		if (strcmp(endpoints->all[i]->key, key) == 0)
			return endpoints->all[i];
	return NULL;
}

/* Opens one that is new. *@ret_endpoint is owned: endpoint_end(). */
static int endpoint_open(struct endpoints *endpoints, const struct intake *intake,
			 const struct endpoint_configuration *configuration, const char *key,
			 struct endpoint **ret_endpoint)
{
	cleanup_with(endpoint_freep) struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int r = 0;

	if (!endpoint)
		return -ENOMEM;
	endpoint->body = (struct bytes)BYTES_INIT(PUSH_BODY_BYTES_MAX);
	endpoint->key = strdup(key);
	endpoint->route = route_of(key);
	endpoint->label = label_of(endpoints, intake, configuration->url);
	if (!endpoint->key || !endpoint->label)
		return -ENOMEM;
	if (strncmp(configuration->url, FILE_URL, strlen(FILE_URL)) == 0)
		r = store_open(configuration->url + strlen(FILE_URL), STORE_BYTES_DEFAULT,
			       &endpoint->store);
	if (r == 0)
		r = spool_reader_add(endpoints->spool, key, &endpoint->reader);
	if (r < 0) {
		log_err("endpoint-unusable", "endpoint=%s error=\"%s\"", endpoint->label,
			strerror(-r));
		return r;
	}
	*ret_endpoint = take_ptr(endpoint);
	return 0;
}

static int take_in(struct endpoints *endpoints, struct intake *intake,
		   const struct configuration *configuration, size_t at)
{
	cleanup_with(free_freep) char *key = endpoint_key_new(configuration, at);
	struct endpoint *endpoint;
	int r = 0;

	if (!key)
		return -ENOMEM;
	endpoint = find(endpoints, key);
	intake->is_new[intake->n] = !endpoint;
	if (!endpoint)
		r = endpoint_open(endpoints, intake, &configuration->endpoints[at], key, &endpoint);
	if (r == 0)
		intake->all[intake->n++] = endpoint;
	return r;
}

static void undo(struct endpoints *endpoints, struct intake *intake)
{
	for (size_t i = 0; i < intake->n; i++)
		if (intake->is_new[i])
			endpoint_end(endpoints, intake->all[i]);
}

static void end_missing(struct endpoints *endpoints, const struct intake *intake)
{
	for (size_t i = 0; i < endpoints->n; i++) {
		struct endpoint *endpoint = endpoints->all[i];
		size_t at = 0;

		while (at < intake->n && intake->all[at] != endpoint)
			at++;
		if (at < intake->n)
			continue;
		log_info("endpoint-gone", "endpoint=%s samples_unsent=%" PRIu64, endpoint->label,
			 spool_held(endpoints->spool, endpoint->reader).n_samples);
		endpoint_end(endpoints, endpoint);
	}
}

/* What failed may be what was mended; what nobody touched goes on waiting. */
static void replace_configuration(struct endpoint *endpoint,
				  const struct endpoint_configuration *configuration, bool is_asked)
{
	if (is_asked || !endpoint->configuration ||
	    endpoint->configuration->fingerprint != configuration->fingerprint)
		endpoint->wait_until_ns = 0;
	endpoint->configuration = configuration;
}

int endpoints_reload(struct endpoints *endpoints, const struct configuration *configuration,
		     bool is_asked)
{
	struct intake intake = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < configuration->n_endpoints; i++)
		r = take_in(endpoints, &intake, configuration, i);
	if (r < 0) {
		undo(endpoints, &intake);
		return r;
	}
	end_missing(endpoints, &intake);
	for (size_t i = 0; i < intake.n; i++) {
		endpoints->all[i] = intake.all[i];
		replace_configuration(endpoints->all[i], &configuration->endpoints[i], is_asked);
	}
	endpoints->n = intake.n;
	return 0;
}

/* What all endpoints share. */
static int open_shared(struct endpoints *endpoints, const struct endpoints_options *options)
{
	const char *quarantine_path = options->quarantine_path;
	int r = push_open(options->http, &endpoints->push);

	if (r < 0) {
		log_err("start-failed", "error=\"%s\"", strerror(-r));
		return r;
	}
	r = store_open(quarantine_path, QUARANTINE_BYTES_MAX, &endpoints->quarantine);
	if (r < 0)
		log_err("quarantine-unusable", "directory=%s error=\"%s\"", quarantine_path,
			strerror(-r));
	return r;
}

int endpoints_open(const struct endpoints_options *options, struct endpoints **ret_endpoints)
{
	struct endpoints *endpoints = calloc(1, sizeof(*endpoints));
	int r;

	if (!endpoints)
		return -ENOMEM;
	endpoints->spool = options->spool;
	endpoints->tallies = options->tallies;
	r = open_shared(endpoints, options);
	if (r == 0)
		r = endpoints_reload(endpoints, options->configuration, true);
	if (r < 0) {
		endpoints_free(endpoints);
		return r;
	}
	*ret_endpoints = endpoints;
	return 0;
}

void endpoints_free(struct endpoints *endpoints)
{
	if (!endpoints)
		return;
	push_free(endpoints->push); /* first: it borrows bodies */
	for (size_t i = 0; i < endpoints->n; i++)
		endpoint_free(endpoints->all[i]);
	store_free(endpoints->quarantine);
	free(endpoints);
}
