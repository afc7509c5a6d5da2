#pragma once
/*
 * One CPU-clock event on every online CPU: opened while PERFMON is held, used ever after. An event
 * dies with its CPU and does not come back with it; an online CPU that stays silent needs a restart
 * with authority. Not threaded.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct cpu_events;

enum cpu_events_outcome {
	CPU_EVENTS_REFUSED = 1, /* perf_event_open: EPERM or EACCES */
};

/*
 * Prepares for @n_cpus_possible CPUs; nothing is opened but the list of CPUs that are online.
 * Returns 0 or a negative errno; *@ret_events is owned, freed with cpu_events_free().
 */
int cpu_events_new(unsigned n_cpus_possible, uint64_t period_ns,
		   struct cpu_events **ret_events) warn_unused_result;

/*
 * Opens an event on each online CPU, with the program behind @program_fd (borrowed) on it, and
 * starts it. Returns 0, a negative errno, or an enum cpu_events_outcome.
 */
int cpu_events_open(struct cpu_events *events, int program_fd) warn_unused_result;

/* Sets the period of all. Returns 0, or a negative errno with the old period in force. */
int cpu_events_set_period(struct cpu_events *events, uint64_t period_ns) warn_unused_result;

uint64_t cpu_events_period_ns(const struct cpu_events *events);
unsigned cpu_events_n_covered(const struct cpu_events *events);

/* Ticks that were due until @now_ns (monotonic): CPUs x time / period, summed over the periods. */
uint64_t cpu_events_expected(const struct cpu_events *events, uint64_t now_ns);

/* Notes how many ticks @cpu has counted so far. */
void cpu_events_note_ticks(struct cpu_events *events, unsigned cpu, uint64_t n_ticks,
			   uint64_t now_ns);

/*
 * Whether a CPU is online that has no event, or whose event is dead: it was seen offline since, or
 * it works and does not tick. Reads held fds of /sys/devices/system/cpu/online and /proc/stat.
 */
bool cpu_events_has_uncovered(struct cpu_events *events);

/* Stops all: no tick fires afterwards. */
void cpu_events_stop(struct cpu_events *events);

void cpu_events_free(struct cpu_events *events); /* NULL is fine */
