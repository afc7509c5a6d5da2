#include "tallies.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/source.h"
#include "pages/histogram.h"
#include "pages/metrics_text.h"
#include "endpoints/routes.h"

#define JOB_DIGITS       16u
#define OTHERS           "(others)"
#define LABELS_BYTES_MAX (64u * 1024u)

struct tally {
	char *service; /* owned */
	uint64_t n_profiles;
	uint64_t n_bytes;
	uint64_t n_samples;
};

struct block {
	char *id;                 /* of the component; owned */
	char job[JOB_DIGITS + 1]; /* what its parts say */
	size_t n_targets;
	size_t n;
	struct tally *all; /* owned, as are all in it: in the order in which they came */
	struct histogram push;
};

struct tallies {
	size_t n_services;
	size_t n_blocks;
	struct block blocks[SETTINGS_JOBS_MAX];
};

/* Alloy's buckets, and its name. */
static const struct histogram_class push_class = {
	.name = "pyroscope_fanout_latency",
	.help = "Seconds that a profile was on its way to an endpoint, each try by itself.",
	.n_bounds = 11,
	.bounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
};

struct tallies *tallies_new(void)
{
	return calloc(1, sizeof(struct tallies));
}

static void block_deinit(struct block *block)
{
	for (size_t i = 0; i < block->n; i++)
		free(block->all[i].service);
	free(block->all);
	free(block->id);
	*block = (struct block){0};
}

static void blocks_deinit(struct block *blocks)
{
	for (size_t i = 0; i < SETTINGS_JOBS_MAX; i++)
		block_deinit(&blocks[i]);
}

void tallies_free(struct tallies *tallies)
{
	if (!tallies)
		return;
	blocks_deinit(tallies->blocks);
	free(tallies);
}

static size_t count_targets(const struct wire_job *job)
{
	size_t n = 0;

	for (size_t i = 0; i < job->n_targets; i++)
		n += job->targets[i].key_kind != TARGET_DEFAULT;
	return n;
}

/* Takes over what is counted of the block that @block is called after. */
static void inherit(struct tallies *tallies, struct block *block)
{
	for (size_t i = 0; i < tallies->n_blocks; i++) {
		struct block *before = &tallies->blocks[i];

		if (strcmp(before->id, block->id) != 0)
			continue;
		block->n = before->n;
		block->all = before->all;
		block->push = before->push;
		before->n = 0;
		before->all = NULL;
	}
}

int tallies_adopt(struct tallies *tallies, const struct configuration *configuration)
{
	struct block blocks[SETTINGS_JOBS_MAX] = {0};
	size_t n = 0;

	for (size_t i = 0; i < configuration->n_jobs && configuration->job_ids[i]; i++) {
		blocks[n].n_targets = count_targets(&configuration->jobs[i]);
		(void)snprintf(blocks[n].job, sizeof(blocks[n].job), "%016" PRIx64,
			       configuration->jobs[i].id);
		blocks[n].id = strdup(configuration->job_ids[i]);
		if (!blocks[n++].id) {
			blocks_deinit(blocks);
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < n; i++)
		inherit(tallies, &blocks[i]);
	blocks_deinit(tallies->blocks);
	memcpy(tallies->blocks, blocks, sizeof(blocks));
	tallies->n_blocks = n;
	tallies->n_services = 0;
	for (size_t i = 0; i < n; i++)
		tallies->n_services += blocks[i].n;
	return 0;
}

static struct wire_bytes value_of(const struct wire_label *labels, size_t n, const char *name)
{
	size_t n_name = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (labels[i].name.n_bytes == n_name &&
		    memcmp(labels[i].name.data, name, n_name) == 0)
			return labels[i].value;
	return (struct wire_bytes){"", 0};
}

/* The block that a part says it is from. One that does not say is of the only one there is, or was
 * when it was taken: the first. NULL: it is not there any more. */
static struct block *block_of(struct tallies *tallies, const struct wire_label *labels, size_t n)
{
	struct wire_bytes id = value_of(labels, n, BLOCK_LABEL);

	if (id.n_bytes == 0)
		return tallies->n_blocks > 0 ? &tallies->blocks[0] : NULL;
	for (size_t i = 0; i < tallies->n_blocks; i++)
		if (id.n_bytes == JOB_DIGITS &&
		    memcmp(tallies->blocks[i].job, id.data, JOB_DIGITS) == 0)
			return &tallies->blocks[i];
	return NULL;
}

/* Cut between two characters. */
static size_t cut(struct wire_bytes name)
{
	const char *text = name.data;
	size_t n = name.n_bytes;

	if (n <= TALLY_SERVICE_BYTES)
		return n;
	n = TALLY_SERVICE_BYTES;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static struct tally *find(const struct block *block, const char *service, size_t n_bytes)
{
	for (size_t i = 0; i < block->n; i++)
		if (strncmp(block->all[i].service, service, n_bytes) == 0 &&
		    block->all[i].service[n_bytes] == '\0')
			return &block->all[i];
	return NULL;
}

static struct tally *add(struct block *block, const char *service, size_t n_bytes)
{
	struct tally *grown = realloc(block->all, (block->n + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	block->all = grown;
	grown[block->n] = (struct tally){.service = strndup(service, n_bytes)};
	return grown[block->n].service ? &grown[block->n++] : NULL;
}

static struct tally *tally_of(struct tallies *tallies, struct block *block, struct wire_bytes name)
{
	size_t n_bytes = cut(name);
	struct tally *tally = find(block, name.data, n_bytes);

	if (tally)
		return tally;
	if (tallies->n_services < TALLY_SERVICES_MAX) {
		tally = add(block, name.data, n_bytes);
		tallies->n_services += tally != NULL;
		return tally;
	}
	tally = find(block, OTHERS, strlen(OTHERS));
	return tally ? tally : add(block, OTHERS, strlen(OTHERS)); /* at most one a block */
}

static void note_part(struct tallies *tallies, const struct wire_part *part)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	const struct wire_label *labels;
	struct tally *tally = NULL;
	struct block *block;
	size_t n;

	if (wire_decode_labels(part->labels.data, part->labels.n_bytes, &arena, &labels, &n) != 0)
		return;
	block = block_of(tallies, labels, n);
	if (block)
		tally = tally_of(tallies, block, value_of(labels, n, "service_name"));
	if (!tally)
		return;
	tally->n_profiles++;
	tally->n_bytes += part->pprof_gz.n_bytes;
	tally->n_samples += part->n_samples;
}

void tallies_note_profile(struct tallies *tallies, const void *frame, size_t n_bytes)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	struct wire_profile profile;

	if (wire_decode_profile(frame, n_bytes, &arena, &profile) != 0)
		return;
	for (size_t i = 0; i < profile.n_parts; i++)
		note_part(tallies, &profile.parts[i]);
}

void tallies_note_push(struct tallies *tallies, struct wire_bytes encoded, double seconds)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	const struct wire_label *labels = NULL;
	struct block *block;
	size_t n = 0;

	if (tallies->n_blocks > 1 &&
	    wire_decode_labels(encoded.data, encoded.n_bytes, &arena, &labels, &n) != 0)
		return;
	block = block_of(tallies, labels, n);
	if (block)
		histogram_observe(&block->push, &push_class, seconds);
}

static void print_services(const struct tallies *tallies, struct bytes *out, const char *name,
			   const char *help, size_t offset)
{
	metrics_family(out, name, "counter", help);
	for (size_t b = 0; b < tallies->n_blocks; b++)
		for (size_t i = 0; i < tallies->blocks[b].n; i++) {
			const struct tally *tally = &tallies->blocks[b].all[i];

			bytes_printf(out, "%s{", name);
			metrics_component_labels(out, tallies->blocks[b].id);
			bytes_append(out, ",", 1);
			metrics_label(out, "service_name", tally->service);
			bytes_printf(out, "} %" PRIu64 "\n",
				     *(const uint64_t *)((const char *)tally + offset));
		}
}

static void print_push(const struct tallies *tallies, struct bytes *out)
{
	histogram_family(out, &push_class);
	for (size_t i = 0; i < tallies->n_blocks; i++) {
		struct bytes labels = BYTES_INIT(LABELS_BYTES_MAX);

		metrics_component_labels(&labels, tallies->blocks[i].id);
		bytes_append(&labels, "", 1);
		if (labels.error == 0)
			histogram_print(out, &push_class, &tallies->blocks[i].push,
					(const char *)labels.data);
		bytes_deinit(&labels);
	}
}

void tallies_print(const struct tallies *tallies, struct bytes *out)
{
	static const char targets[] = "pyroscope_ebpf_active_targets";

	if (tallies->n_blocks == 0)
		return;
	metrics_family(out, targets, "gauge", "Number of active targets the component tracks.");
	for (size_t i = 0; i < tallies->n_blocks; i++) {
		bytes_printf(out, "%s{", targets);
		metrics_component_labels(out, tallies->blocks[i].id);
		bytes_printf(out, "} %zu\n", tallies->blocks[i].n_targets);
	}
	print_services(tallies, out, "pyroscope_ebpf_pprofs_total",
		       "Number of pprof profiles collected by the component.",
		       offsetof(struct tally, n_profiles));
	print_services(tallies, out, "pyroscope_ebpf_pprof_bytes_total",
		       "Bytes of them, compressed.", offsetof(struct tally, n_bytes));
	print_services(tallies, out, "pyroscope_ebpf_pprof_samples_total",
		       "Samples counted in them.", offsetof(struct tally, n_samples));
	print_push(tallies, out);
}
