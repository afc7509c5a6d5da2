#include "endpoints/push_body.h"

#include <errno.h>
#include <string.h>

#include "push.pb-c.h"
#include "endpoints/series.h"

/* One series and everything that it points to: freed as one. */
struct series {
	Push__V1__RawProfileSeries message;
	Push__V1__RawSample sample;
	Push__V1__RawSample *samples[1];
	Types__V1__LabelPair *pairs;   /* owned */
	Types__V1__LabelPair **labels; /* owned */
	char *text; /* owned: names and values with the NULs that protobuf-c wants */
};

static void series_deinit(struct series *series)
{
	free(series->pairs);
	free(series->labels);
	free(series->text);
}

static char *put_text(char **at, struct wire_bytes from)
{
	char *start = *at;

	if (from.n_bytes > 0)
		memcpy(start, from.data, from.n_bytes);
	start[from.n_bytes] = '\0';
	*at += from.n_bytes + 1;
	return start;
}

static int set_labels(struct series *series, const struct series_labels *labels)
{
	size_t n_text = 0;
	char *at;

	for (size_t i = 0; i < labels->n_labels; i++)
		n_text += labels->labels[i].name.n_bytes + labels->labels[i].value.n_bytes + 2;
	series->pairs = calloc(labels->n_labels + 1, sizeof(*series->pairs));
	series->labels = calloc(labels->n_labels + 1, sizeof(*series->labels));
	series->text = malloc(n_text + 1);
	if (!series->pairs || !series->labels || !series->text)
		return -ENOMEM;
	at = series->text;
	for (size_t i = 0; i < labels->n_labels; i++) {
		types__v1__label_pair__init(&series->pairs[i]);
		series->pairs[i].name = put_text(&at, labels->labels[i].name);
		series->pairs[i].value = put_text(&at, labels->labels[i].value);
		series->labels[i] = &series->pairs[i];
	}
	series->message.n_labels = labels->n_labels;
	series->message.labels = series->labels;
	return 0;
}

static int series_init(struct series *series, const struct wire_part *part,
		       const struct configuration_header *external, size_t n_external)
{
	cleanup_with(series_labels_deinit) struct series_labels labels = {0};
	int r;

	push__v1__raw_profile_series__init(&series->message);
	push__v1__raw_sample__init(&series->sample);
	r = series_labels_make(part->labels, external, n_external, &labels);
	if (r < 0)
		return r; /* a garbled set was refused when it came; here it is an empty one */
	series->sample.raw_profile.data = (uint8_t *)part->pprof_gz.data; /* only read */
	series->sample.raw_profile.len = part->pprof_gz.n_bytes;
	series->samples[0] = &series->sample;
	series->message.n_samples = 1;
	series->message.samples = series->samples;
	return set_labels(series, &labels);
}

static int pack(const Push__V1__PushRequest *request, struct bytes *out)
{
	size_t n_bytes = push__v1__push_request__get_packed_size(request);
	cleanup_with(free_freep) unsigned char *packed = NULL;

	if (n_bytes > PUSH_BODY_BYTES_MAX)
		return -EMSGSIZE;
	packed = malloc(n_bytes + 1);
	if (!packed)
		return -ENOMEM;
	bytes_clear(out);
	bytes_append(out, packed, push__v1__push_request__pack(request, packed));
	return out->error;
}

int push_body_encode(const struct batch *batch, const struct configuration_header *external,
		     size_t n_external, struct bytes *out)
{
	Push__V1__PushRequest request = PUSH__V1__PUSH_REQUEST__INIT;
	Push__V1__RawProfileSeries *pointers[BATCH_PARTS_MAX];
	struct series *all = calloc(batch->n_items + 1, sizeof(*all));
	int r = all ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < batch->n_items; i++) {
		r = series_init(&all[i], &batch->items[i].part, external, n_external);
		pointers[i] = &all[i].message;
	}
	request.n_series = batch->n_items;
	request.series = pointers;
	if (r == 0)
		r = pack(&request, out);
	for (size_t i = 0; all && i < batch->n_items; i++)
		series_deinit(&all[i]);
	free(all);
	return r;
}
