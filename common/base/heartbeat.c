#include "base/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "base/number.h"

#define MS_NS      UINT64_C(1000000)
#define BEAT_MS    1000u
#define LINE_BYTES 24

static uint64_t now_ms(void)
{
	return clock_boot_ns() / MS_NS;
}

int heartbeat_open(struct heartbeat *heartbeat, const char *path)
{
	heartbeat->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (heartbeat->fd < 0)
		return -errno;
	if (fchmod(heartbeat->fd, 0644) < 0) /* whatever the umask is */
		return -errno;
	heartbeat_beat(heartbeat);
	return 0;
}

void heartbeat_beat(struct heartbeat *heartbeat)
{
	char line[LINE_BYTES];
	uint64_t ms;
	int n;

	if (heartbeat->fd < 0)
		return;
	ms = now_ms();
	if (heartbeat->beat_ms != 0 && ms - heartbeat->beat_ms < BEAT_MS)
		return;
	heartbeat->beat_ms = ms;
	n = snprintf(line, sizeof(line), "%020" PRIu64 "\n", ms); /* one length: nothing to cut */
	(void)!pwrite(heartbeat->fd, line, (size_t)n, 0);
}

void heartbeat_deinit(struct heartbeat *heartbeat)
{
	close_fdp(&heartbeat->fd);
}

/* Reads when the file's loop turned last. Returns 0 or a negative errno. */
static int read_beat(const char *path, uint64_t *ret_ms)
{
	cleanup_with(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char line[LINE_BYTES + 1];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, line, sizeof(line) - 1);
	if (n < 0)
		return -errno;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return number_parse(line, 1, UINT64_MAX, ret_ms);
}

static int report(const char *path, uint64_t age_max_s)
{
	uint64_t beat_ms, ms = now_ms(), age_ms;
	int r = read_beat(path, &beat_ms);

	if (r < 0) {
		(void)printf("unhealthy: %s: %s\n", path, strerror(-r));
		return EXIT_FAILURE;
	}
	age_ms = ms > beat_ms ? ms - beat_ms : 0;
	(void)printf("%s: the last turn was %" PRIu64 ".%" PRIu64 " s ago\n",
		     age_ms > age_max_s * 1000 ? "unhealthy" : "healthy", age_ms / 1000,
		     age_ms % 1000 / 100);
	return age_ms > age_max_s * 1000 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int heartbeat_main(const char *program, uint64_t age_max_s, int argc, char **argv)
{
	static const struct option options[] = {
		{"health-file", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			(void)printf("Usage: %s health --health-file FILE\n"
				     "Says whether the service that was started with the same "
				     "option turned its loop\n"
				     "in the last %" PRIu64 " s. Exit status: 0 it did; 1 it did "
				     "not; 64 wrong option.\n",
				     program, age_max_s);
			return EXIT_STATUS_OK;
		}
		if (option != 'f') /* getopt has said what is wrong */
			return EXIT_STATUS_USAGE;
		path = optarg;
	}
	if (!path || optind < argc) {
		(void)fprintf(stderr, "%s: health takes --health-file FILE; see --help\n", program);
		return EXIT_STATUS_USAGE;
	}
	return report(path, age_max_s);
}
