/*
 * Runs floor.bpf.c on every online CPU. Usage: floor OBJECT HZ
 *
 * Attached but quiet at first. On stdin: 'e' lets it tick, 'd' quiets it, each answered with a line
 * when done; the end of input ends it. Its cost is read from outside: bpf_stats of the program.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define CPUS_MAX 8192

static int event_fds[CPUS_MAX];
static int n_events;

static int attach(int cpu, unsigned hz, int program)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000ull / hz,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	event_fds[n_events++] = fd;
	return ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) != 0 ? -errno : 0;
}

static int attach_all(const char *path, unsigned hz)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int n_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	if (!object || bpf_object__load(object) != 0)
		return -errno;
	program = bpf_object__find_program_by_name(object, "floor_tick");
	for (int cpu = 0; program && cpu < n_cpus && cpu < CPUS_MAX; cpu++) {
		int r = attach(cpu, hz, bpf_program__fd(program));

		if (r != 0)
			return r;
	}
	return n_events > 0 ? 0 : -ENOENT;
}

static int obey(char order)
{
	unsigned long request = order == 'e' ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE;

	for (int i = 0; i < n_events; i++)
		if (ioctl(event_fds[i], request, 0) != 0)
			return -errno;
	(void)puts(order == 'e' ? "ticking" : "quiet");
	return fflush(stdout) != 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	char order;
	int r;

	if (argc != 3 || atoi(argv[2]) <= 0) {
		(void)fprintf(stderr, "usage: floor OBJECT HZ\n");
		return 64;
	}
	r = attach_all(argv[1], (unsigned)atoi(argv[2]));
	if (r == 0) {
		(void)puts("attached");
		(void)fflush(stdout);
	}
	while (r == 0 && read(STDIN_FILENO, &order, 1) > 0)
		if (order == 'e' || order == 'd')
			r = obey(order);
	if (r != 0)
		(void)fprintf(stderr, "floor: %s\n", strerror(-r));
	return r != 0;
}
