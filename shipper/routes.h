#pragma once
/*
 * Which endpoints a profile is for, when not for all: the pyroscope.ebpf that it comes from
 * forwards to some only. That travels as one more label of the target, which nobody outside of the
 * shipper looks at and no endpoint gets to see; it is in the spool with the profile, and holds
 * after a reload and a restart. Without the label a profile is for every endpoint.
 */
#include <stdint.h>

#include "components.h"

#define ROUTE_LABEL "__forward_to__"

/* What stands for the endpoint with that key (endpoint_names.h). */
uint64_t route_of(const char *key);

/*
 * Adds the label to the targets of each job that does not forward to all endpoints.
 * Returns 0 or an arena's error.
 */
int routes_add(struct component_loading *loading) warn_unused_result;

/*
 * Whether a profile with @labels is for the endpoint of @route. A garbled set is for everybody.
 * Returns 0 (no), 1 (yes), or -ENOMEM.
 */
int route_includes(struct wire_bytes labels, uint64_t route) warn_unused_result;
