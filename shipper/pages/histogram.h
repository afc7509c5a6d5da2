#pragma once
/* Observations counted by size, as Prometheus has them. A zeroed one is empty. */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define HISTOGRAM_BOUNDS_MAX 16u

/* What all histograms of one family share. Static. */
struct histogram_class {
	const char *name;
	const char *help;
	size_t n_bounds;
	double bounds[HISTOGRAM_BOUNDS_MAX]; /* ascending, inclusive; +Inf is not among them */
};

struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* of each bucket alone; the last: +Inf */
	double sum;
};

/* What is negative counts as 0: a clock went back. */
void histogram_observe(struct histogram *histogram, const struct histogram_class *class,
		       double value);

/* Seconds between two monotonic times. */
static inline double histogram_seconds(uint64_t start_ns, uint64_t end_ns)
{
	return end_ns > start_ns ? (double)(end_ns - start_ns) / 1e9 : 0;
}

/* Opens the family. */
void histogram_family(struct bytes *out, const struct histogram_class *class);

/* One member of it. @labels is "" or key="value" pairs with commas between, escaped. */
void histogram_print(struct bytes *out, const struct histogram_class *class,
		     const struct histogram *histogram, const char *labels);
