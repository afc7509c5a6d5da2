#include "pages/histogram.h"

#include <inttypes.h>

#include "pages/metrics_text.h"

void histogram_observe(struct histogram *histogram, const struct histogram_class *class,
		       double value)
{
	size_t i = 0;

	if (!(value > 0))
		value = 0;
	while (i < class->n_bounds && value > class->bounds[i])
		i++;
	histogram->counts[i]++;
	histogram->sum += value;
}

void histogram_family(struct bytes *out, const struct histogram_class *class)
{
	metrics_family(out, class->name, "histogram", class->help);
}

static void print_tail(struct bytes *out, const struct histogram_class *class, const char *suffix,
		       const char *labels)
{
	bytes_printf(out, "%s_%s%s%s%s ", class->name, suffix, labels[0] ? "{" : "", labels,
		     labels[0] ? "}" : "");
}

void histogram_print(struct bytes *out, const struct histogram_class *class,
		     const struct histogram *histogram, const char *labels)
{
	const char *comma = labels[0] ? "," : "";
	uint64_t n = 0;

	for (size_t i = 0; i < class->n_bounds; i++) {
		n += histogram->counts[i];
		bytes_printf(out, "%s_bucket{%s%sle=\"%.10g\"} %" PRIu64 "\n", class->name, labels,
			     comma, class->bounds[i], n);
	}
	n += histogram->counts[class->n_bounds];
	bytes_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", class->name, labels, comma,
		     n);
	print_tail(out, class, "sum", labels);
	bytes_printf(out, "%.9g\n", histogram->sum);
	print_tail(out, class, "count", labels);
	bytes_printf(out, "%" PRIu64 "\n", n);
}
