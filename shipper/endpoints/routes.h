#pragma once
/*
 * Which pyroscope.ebpf a profile comes from, when there are several, and which endpoints it is for,
 * when not for all: that block forwards to some only. Both travel as more labels of the target,
 * which nobody outside of the shipper looks at and no endpoint gets to see; they are in the spool
 * with the profile, and hold after a reload and a restart. Without the one a profile is of the only
 * block, without the other for every endpoint.
 */
#include <stdint.h>

#include "configuration/components.h"

#define BLOCK_LABEL "__block__" /* the job's id, in 16 digits of hex */
#define ROUTE_LABEL "__forward_to__"

/* What stands for the endpoint with that key (endpoint_names.h). */
uint64_t route_of(const char *key);

/*
 * Adds the labels to the targets of each job where they are needed.
 * Returns 0 or an arena's error.
 */
int routes_add(struct component_loading *loading) warn_unused_result;

/*
 * Whether a profile with @labels is for the endpoint of @route. A garbled set is for everybody.
 * Returns 0 (no), 1 (yes), or -ENOMEM.
 */
int route_includes(struct wire_bytes labels, uint64_t route) warn_unused_result;
