#pragma once
/*
 * The debug information of Alloy's pyroscope.ebpf as JSON: the targets, the symbol tables in the
 * caches of all symbolizers, and the processes that are profiled, each with its target. Made when
 * somebody asks, of what the other services last said. Bounded in bytes: what does not fit is left
 * out, and "truncated" says so.
 *
 * What others chose (names, labels) is text of the JSON: bytes that are no UTF-8 become "?".
 */
#include <stdint.h>

#include "configuration/configuration.h"
#include "reports.h"
#include "wire/wire.h"

struct json_t; /* jansson.h; include it first */

/* Where it is taken from. All borrowed for the call. */
struct debug_sources {
	const struct configuration *configuration;
	const struct wire_view *view; /* of the collector; NULL: none at hand */
	const struct reports *reports;
	uint64_t now_ns;
};

/*
 * What Alloy shows of one pyroscope.ebpf, job @job of the configuration:
 *   {"targets": […], "session": {"arch", "kernel", "elf_cache", "pid_cache"}}
 * and "pid_targets", the processes of each of its targets. The caches are those of all.
 * Returns it, owned: json_decref(); NULL without memory.
 */
struct json_t *debug_information_of_job(const struct debug_sources *sources, size_t job);

/*
 * All of it: "targets", "elf_cache", "pid_cache" over all of them; "instances", by component, each
 * with "targets" and "pid_targets"; "session"; "symbolizers", each with its own process and the
 * sizes of its caches; "collector". Returns as above.
 */
struct json_t *debug_information(const struct debug_sources *sources);
