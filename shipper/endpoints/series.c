#include "endpoints/series.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static struct wire_bytes bytes_of(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

static int compare(struct wire_bytes a, struct wire_bytes b)
{
	size_t n = a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes;
	int r = n > 0 ? memcmp(a.data, b.data, n) : 0;

	if (r != 0)
		return r;
	return (a.n_bytes > b.n_bytes) - (a.n_bytes < b.n_bytes);
}

static int by_name(const void *left, const void *right)
{
	const struct wire_label *a = left, *b = right;

	return compare(a->name, b->name);
}

bool series_is_for_ourselves(struct wire_bytes name)
{
	if (name.n_bytes < 2 || memcmp(name.data, "__", 2) != 0)
		return false;
	return compare(name, bytes_of("__name__")) != 0 &&
	       compare(name, bytes_of("__delta__")) != 0;
}

/* Sets @label, over one of the same name. */
static void set(struct series_labels *labels, struct wire_label label)
{
	for (size_t i = 0; i < labels->n_labels; i++)
		if (compare(labels->labels[i].name, label.name) == 0) {
			labels->labels[i].value = label.value;
			return;
		}
	labels->labels[labels->n_labels++] = label;
}

void series_labels_deinit(struct series_labels *labels)
{
	free(labels->labels);
	wire_arena_deinit(&labels->arena);
	*labels = (struct series_labels){0};
}

int series_labels_make(struct wire_bytes encoded, const struct configuration_header *external,
		       size_t n_external, struct series_labels *ret_labels)
{
	cleanup_with(series_labels_deinit) struct series_labels labels = {0};
	const struct wire_label *decoded;
	size_t n_decoded;
	int r;

	r = wire_decode_labels(encoded.data, encoded.n_bytes, &labels.arena, &decoded, &n_decoded);
	if (r != 0)
		return r;
	labels.labels = calloc(n_decoded + n_external + 1, sizeof(*labels.labels)); /* LABELS_MAX */
	if (!labels.labels)
		return -ENOMEM;
	for (size_t i = 0; i < n_decoded; i++)
		if (!series_is_for_ourselves(decoded[i].name))
			set(&labels, decoded[i]);
	for (size_t i = 0; i < n_external; i++)
		set(&labels,
		    (struct wire_label){bytes_of(external[i].name), bytes_of(external[i].value)});
	qsort(labels.labels, labels.n_labels, sizeof(*labels.labels), by_name);
	*ret_labels = labels;
	labels = (struct series_labels){0};
	return 0;
}

static void print_quoted(struct bytes *out, struct wire_bytes value)
{
	const char *at = value.data;

	bytes_append(out, "\"", 1);
	for (size_t i = 0; i < value.n_bytes; i++) {
		if (at[i] == '\n')
			bytes_append(out, "\\n", 2);
		else if (at[i] == '"' || at[i] == '\\')
			bytes_printf(out, "\\%c", at[i]);
		else
			bytes_append(out, at + i, 1);
	}
	bytes_append(out, "\"", 1);
}

void series_labels_print(const struct series_labels *labels, struct bytes *out)
{
	for (size_t i = 0; i < labels->n_labels; i++) {
		bytes_append(out, labels->labels[i].name.data, labels->labels[i].name.n_bytes);
		bytes_append(out, "=", 1);
		print_quoted(out, labels->labels[i].value);
		bytes_append(out, "\n", 1);
	}
}
