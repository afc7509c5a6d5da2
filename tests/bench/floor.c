/*
 * Runs floor.bpf.c on every online CPU until stdin closes. Usage: floor OBJECT HZ
 * Its cost is read from outside (bpftool prog show, kernel.bpf_stats_enabled=1).
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

static int attach(int cpu, unsigned hz, int program)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000ull / hz,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	return ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) != 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program;
	char byte;

	if (argc != 3 || atoi(argv[2]) <= 0) {
		(void)fprintf(stderr, "usage: floor OBJECT HZ\n");
		return 64;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object) != 0)
		return perror("floor: load"), 1;
	program = bpf_object__find_program_by_name(object, "floor_tick");
	for (int cpu = 0; cpu < (int)sysconf(_SC_NPROCESSORS_ONLN); cpu++)
		if (attach(cpu, (unsigned)atoi(argv[2]), bpf_program__fd(program)) != 0)
			return perror("floor: attach"), 1;
	(void)puts("attached");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	bpf_object__close(object);
	return 0;
}
