#include "cpu_events.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "cpu_list.h"

#define SILENT_CPU_NS    UINT64_C(3000000000)
#define SILENT_PERIODS   3u
#define BUSY_CLOCK_TICKS 100u /* a second of work during which a live event would have ticked */
#define STAT_BYTES       (64u << 10)
#define ONLINE_CPUS_PATH "/sys/devices/system/cpu/online"
#define STAT_PATH        "/proc/stat"

struct cpu {
	int event_fd;          /* -1: not covered */
	uint64_t n_ticks;      /* as last counted */
	uint64_t last_tick_ns; /* monotonic: when they last grew */
	uint64_t n_busy_ticks; /* clock ticks of work when it was first found silent */
	bool is_silent;
	bool is_online;
	bool was_offline; /* since its event was opened, which died with it */
};

struct cpu_events {
	unsigned n_cpus_possible;
	unsigned n_cpus_covered;
	int online_fd;
	int stat_fd;
	uint64_t period_ns;
	uint64_t period_since_ns;   /* monotonic: since when period_ns holds; 0 when stopped */
	uint64_t n_expected_before; /* ticks due under earlier periods */
	struct cpu cpus[];          /* n_cpus_possible */
};

static void mark_online(struct cpu_events *events, const char *list)
{
	unsigned long first, last;

	for (unsigned i = 0; i < events->n_cpus_possible; i++)
		events->cpus[i].is_online = false;
	while (cpu_list_next(&list, &first, &last))
		for (unsigned long i = first; i <= last && i < events->n_cpus_possible; i++)
			events->cpus[i].is_online = true;
	for (unsigned i = 0; i < events->n_cpus_possible; i++)
		if (!events->cpus[i].is_online)
			events->cpus[i].was_offline = true;
}

static int read_online(struct cpu_events *events)
{
	char list[4096];
	ssize_t n = pread(events->online_fd, list, sizeof(list) - 1, 0);

	if (n < 0)
		return -errno;
	list[n] = '\0';
	mark_online(events, list);
	return 0;
}

int cpu_events_new(unsigned n_cpus_possible, uint64_t period_ns, struct cpu_events **ret_events)
{
	struct cpu_events *events =
		calloc(1, sizeof(*events) + n_cpus_possible * sizeof(events->cpus[0]));
	int r;

	if (!events)
		return -ENOMEM;
	events->n_cpus_possible = n_cpus_possible;
	events->period_ns = period_ns;
	for (unsigned i = 0; i < n_cpus_possible; i++)
		events->cpus[i].event_fd = -1;
	events->online_fd = open(ONLINE_CPUS_PATH, O_RDONLY | O_CLOEXEC);
	events->stat_fd = open(STAT_PATH, O_RDONLY | O_CLOEXEC);
	r = events->online_fd < 0 || events->stat_fd < 0 ? -errno : read_online(events);
	if (r != 0) {
		cpu_events_free(events);
		return r;
	}
	*ret_events = events;
	return 0;
}

static int open_event(unsigned cpu, uint64_t period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.disabled = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int cover(struct cpu_events *events, unsigned cpu, int program_fd)
{
	int fd = open_event(cpu, events->period_ns);

	if (fd == -ENODEV) /* it went offline just now */
		return 0;
	if (fd < 0)
		return fd == -EPERM || fd == -EACCES ? CPU_EVENTS_REFUSED : fd;
	events->cpus[cpu].event_fd = fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd) != 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != 0)
		return -errno;
	events->n_cpus_covered++;
	events->cpus[cpu].was_offline = false;
	events->cpus[cpu].last_tick_ns = clock_monotonic_ns();
	return 0;
}

int cpu_events_open(struct cpu_events *events, int program_fd)
{
	for (unsigned i = 0; i < events->n_cpus_possible; i++) {
		int r = events->cpus[i].is_online ? cover(events, i, program_fd) : 0;

		if (r != 0)
			return r;
	}
	events->period_since_ns = clock_monotonic_ns();
	return events->n_cpus_covered > 0 ? 0 : -ENODEV;
}

static int set_period(struct cpu_events *events, uint64_t period_ns)
{
	for (unsigned i = 0; i < events->n_cpus_possible; i++)
		if (events->cpus[i].event_fd >= 0 &&
		    ioctl(events->cpus[i].event_fd, PERF_EVENT_IOC_PERIOD, &period_ns) != 0)
			return -errno;
	return 0;
}

int cpu_events_set_period(struct cpu_events *events, uint64_t period_ns)
{
	uint64_t now_ns = clock_monotonic_ns();
	int r;

	if (period_ns == events->period_ns)
		return 0;
	r = set_period(events, period_ns);
	if (r < 0) {
		(void)set_period(events, events->period_ns); /* it was taken before */
		return r;
	}
	events->n_expected_before = cpu_events_expected(events, now_ns);
	events->period_since_ns = now_ns;
	events->period_ns = period_ns;
	return 0;
}

uint64_t cpu_events_period_ns(const struct cpu_events *events)
{
	return events->period_ns;
}

unsigned cpu_events_n_covered(const struct cpu_events *events)
{
	return events->n_cpus_covered;
}

uint64_t cpu_events_expected(const struct cpu_events *events, uint64_t now_ns)
{
	uint64_t n_cpus = events->n_cpus_covered, period_ns = events->period_ns;
	uint64_t elapsed_ns = now_ns - events->period_since_ns;

	if (events->period_since_ns == 0)
		return events->n_expected_before;
	/* In two parts: thousands of CPUs times weeks of nanoseconds do not fit 64 bits. */
	return events->n_expected_before + n_cpus * (elapsed_ns / period_ns) +
	       n_cpus * (elapsed_ns % period_ns) / period_ns;
}

void cpu_events_note_ticks(struct cpu_events *events, unsigned cpu, uint64_t n_ticks,
			   uint64_t now_ns)
{
	if (n_ticks == events->cpus[cpu].n_ticks)
		return;
	events->cpus[cpu].n_ticks = n_ticks;
	events->cpus[cpu].last_tick_ns = now_ns;
	events->cpus[cpu].is_silent = false;
}

/* The clock ticks that @cpu has spent on work: proc_stat(5). Returns false when it is not told. */
static bool read_busy_ticks(const struct cpu_events *events, unsigned cpu, uint64_t *ret_n_ticks)
{
	static char text[STAT_BYTES];
	unsigned long user, nice, system;
	ssize_t n = pread(events->stat_fd, text, sizeof(text) - 1, 0);
	char label[16];
	const char *line;

	if (n <= 0)
		return false;
	text[n] = '\0';
	(void)snprintf(label, sizeof(label), "\ncpu%u ", cpu);
	line = strstr(text, label);
	if (!line || sscanf(line + strlen(label), "%lu %lu %lu", &user, &nice, &system) != 3)
		return false;
	*ret_n_ticks = user + nice + system;
	return true;
}

/*
 * Whether the event of a CPU is dead that has not ticked for a while. An idle CPU may be silent,
 * too: one that works and does not tick is not.
 */
static bool is_dead(struct cpu_events *events, unsigned cpu)
{
	struct cpu *c = &events->cpus[cpu];
	uint64_t n_busy_ticks;

	if (!read_busy_ticks(events, cpu, &n_busy_ticks))
		return false;
	if (!c->is_silent) {
		c->is_silent = true;
		c->n_busy_ticks = n_busy_ticks;
	}
	return n_busy_ticks - c->n_busy_ticks > BUSY_CLOCK_TICKS;
}

bool cpu_events_has_uncovered(struct cpu_events *events)
{
	uint64_t silent_ns = SILENT_CPU_NS + SILENT_PERIODS * events->period_ns;
	uint64_t newest_ns = 0;

	if (events->period_since_ns == 0 || read_online(events) != 0)
		return false;
	for (unsigned i = 0; i < events->n_cpus_possible; i++)
		if (events->cpus[i].last_tick_ns > newest_ns)
			newest_ns = events->cpus[i].last_tick_ns;
	for (unsigned i = 0; i < events->n_cpus_possible; i++) {
		const struct cpu *cpu = &events->cpus[i];

		if (!cpu->is_online)
			continue;
		if (cpu->event_fd < 0 || cpu->was_offline)
			return true;
		if (newest_ns - cpu->last_tick_ns > silent_ns && is_dead(events, i))
			return true;
	}
	return false;
}

void cpu_events_stop(struct cpu_events *events)
{
	for (unsigned i = 0; i < events->n_cpus_possible; i++)
		if (events->cpus[i].event_fd >= 0)
			(void)ioctl(events->cpus[i].event_fd, PERF_EVENT_IOC_DISABLE, 0);
	events->n_expected_before = cpu_events_expected(events, clock_monotonic_ns());
	events->period_since_ns = 0;
}

void cpu_events_free(struct cpu_events *events)
{
	if (!events)
		return;
	for (unsigned i = 0; i < events->n_cpus_possible; i++)
		close_fdp(&events->cpus[i].event_fd);
	close_fdp(&events->online_fd);
	close_fdp(&events->stat_fd);
	free(events);
}
