/*
 * Which endpoints there are: at start, and after each reload. What is new is opened before anything
 * that was there is touched, so that a failure changes nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "endpoints_internal.h"
#include "log/log.h"
#include "push_body.h"

#define QUARANTINE_BYTES_MAX (UINT64_C(64) << 20)
#define FILE_URL             "file://"
#define TENANT_HEADER        "X-Scope-OrgID"

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

/* The URL without user and password; a repeated one gets a number, for metrics must not repeat. */
static char *label_of(const struct endpoints *endpoints, const struct intake *intake,
		      const char *url)
{
	const char *authority = strstr(url, "://");
	size_t n_scheme = authority ? (size_t)(authority + 3 - url) : 0;
	size_t n_authority = strcspn(url + n_scheme, "/?#");
	const char *at = memrchr(url + n_scheme, '@', n_authority);
	const char *rest = at ? at + 1 : url + n_scheme;

	for (unsigned n = 1;; n++) { /* ends: what can be taken is bounded */
		char *label = NULL;

		if (asprintf(&label, n > 1 ? "%.*s%s#%u" : "%.*s%s", (int)n_scheme, url, rest, n) <
		    0)
			return NULL;
		if (!is_label_taken(endpoints, intake, label))
			return label;
		free(label);
	}
}

/*
 * What makes an endpoint the same after a reload or a restart: where to and for whom, not with
 * which secret. NULL: no memory, or too long for a cursor.
 */
static char *key_of(const struct configuration *configuration, size_t at)
{
	const struct endpoint_configuration *endpoint = &configuration->endpoints[at];
	const char *tenant = "";
	unsigned n_same = 0;
	char *key = NULL;

	for (size_t i = 0; i < endpoint->n_headers; i++)
		if (strcasecmp(endpoint->headers[i].name, TENANT_HEADER) == 0)
			tenant = endpoint->headers[i].value;
	for (size_t i = 0; i < at; i++)
		n_same += strcmp(configuration->endpoints[i].url, endpoint->url) == 0 &&
			  strcmp(configuration->endpoints[i].name, endpoint->name) == 0;
	if (asprintf(&key, "%s\n%s\n%s\n%u", endpoint->url, endpoint->name, tenant, n_same) < 0)
		return NULL;
	return key;
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
	cleanup_with(free_freep) char *key = key_of(configuration, at);
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

int endpoints_reload(struct endpoints *endpoints, const struct configuration *configuration)
{
	struct intake intake = {0};
	int r = 0;

	if (configuration->n_endpoints > ENDPOINTS_MAX) {
		log_err("too-many-endpoints", "found=%zu max=%u", configuration->n_endpoints,
			ENDPOINTS_MAX);
		return -E2BIG;
	}
	for (size_t i = 0; r == 0 && i < configuration->n_endpoints; i++)
		r = take_in(endpoints, &intake, configuration, i);
	if (r < 0) {
		undo(endpoints, &intake);
		return r;
	}
	end_missing(endpoints, &intake);
	for (size_t i = 0; i < intake.n; i++) {
		endpoints->all[i] = intake.all[i];
		endpoints->all[i]->configuration = &configuration->endpoints[i];
		endpoints->all[i]->wait_until_ns = 0; /* what failed may be what was mended */
	}
	endpoints->n = intake.n;
	return 0;
}

int endpoints_open(const struct endpoints_options *options, struct endpoints **ret_endpoints)
{
	struct endpoints *endpoints = calloc(1, sizeof(*endpoints));
	int r;

	if (!endpoints)
		return -ENOMEM;
	endpoints->spool = options->spool;
	r = push_open(&endpoints->push);
	if (r == 0)
		r = store_open(options->quarantine_path, QUARANTINE_BYTES_MAX,
			       &endpoints->quarantine);
	if (r == 0)
		r = endpoints_reload(endpoints, options->configuration);
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
