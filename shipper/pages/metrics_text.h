#pragma once
/* The words of Prometheus' text format 0.0.4. */
#include <stdint.h>

#include "base/bytes.h"

/* Opens a family: its samples follow, and no other family in between. */
void metrics_family(struct bytes *out, const char *name, const char *type, const char *help);

/* A family of one sample without labels. */
void metrics_single(struct bytes *out, const char *name, const char *type, const char *help,
		    uint64_t value);

/* Appends @name="@value", the value escaped and made UTF-8. */
void metrics_label(struct bytes *out, const char *name, const char *value);

/* The two labels by which Alloy tells components apart. */
void metrics_component_labels(struct bytes *out, const char *id);
