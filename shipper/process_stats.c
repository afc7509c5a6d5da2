#include "process_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"

struct process_stats {
	int statm;
	DIR *fds; /* owned */
	uint64_t start_wall_ns;
};

int process_stats_open(struct process_stats **ret_stats)
{
	struct process_stats *stats = calloc(1, sizeof(*stats));
	int r = 0;

	if (!stats)
		return -ENOMEM;
	stats->start_wall_ns = clock_wall_ns();
	stats->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (stats->statm < 0)
		r = -errno;
	stats->fds = opendir("/proc/self/fd");
	if (!stats->fds)
		r = -errno;
	if (r < 0) {
		process_stats_free(stats);
		return r;
	}
	*ret_stats = stats;
	return 0;
}

void process_stats_free(struct process_stats *stats)
{
	if (!stats)
		return;
	close_fdp(&stats->statm);
	if (stats->fds)
		(void)closedir(stats->fds);
	free(stats);
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static uint64_t count_fds(DIR *fds)
{
	uint64_t n = 0;

	rewinddir(fds);
	while (readdir(fds))
		n++;
	return n > 2 ? n - 2 : 0; /* "." and ".." */
}

struct process_usage process_stats_read(struct process_stats *stats)
{
	struct process_usage usage = {0};
	uint64_t n_virtual = 0, n_resident = 0;
	struct rlimit limit;
	struct rusage used;
	char text[128];
	ssize_t n;

	if (getrusage(RUSAGE_SELF, &used) == 0)
		usage.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
	n = pread(stats->statm, text, sizeof(text) - 1, 0);
	if (n > 0) {
		text[n] = '\0';
		(void)sscanf(text, "%" SCNu64 " %" SCNu64, &n_virtual, &n_resident);
	}
	usage.virtual_bytes = n_virtual * (uint64_t)sysconf(_SC_PAGESIZE);
	usage.resident_bytes = n_resident * (uint64_t)sysconf(_SC_PAGESIZE);
	usage.n_open_fds = count_fds(stats->fds);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		usage.n_max_fds = limit.rlim_cur;
	usage.start_time_seconds = (double)stats->start_wall_ns / 1e9;
	return usage;
}
