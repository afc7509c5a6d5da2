#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/identity.h"
#include "base/number.h"

#define UID_MAX          UINT32_C(0xfffffffe) /* (uid_t)-1 means "unchanged" to the kernel */
#define CACHE_BYTES_MIN  (UINT64_C(1) << 20)
#define MEMORY_BYTES_MIN (UINT64_C(256) << 20)
#define BYTES_MAX        (UINT64_C(1) << 40)

static const char help_text[] =
	"Usage: triptych-symbolizer [OPTION]...\n"
	"       triptych-symbolizer resolve [OPTION]... FILE [ADDRESS]...   (see resolve --help)\n"
	"       triptych-symbolizer demangle --mode MODE                    (see demangle --help)\n"
	"       triptych-symbolizer health --health-file FILE                (see health --help)\n"
	"Names the samples that triptych-collector leases to it and hands profiles to "
	"triptych-shipper.\n"
	"Runs as any user but root, without capabilities, as often as there is work for.\n"
	"\n"
	"  --run-dir DIR          directory of the sockets (default " RUN_DIRECTORY_DEFAULT ")\n"
	"  --cache-dir DIR        symbol tables, shared by all symbolizers (default: memory only)\n"
	"  --cache-bytes N        of tables, in memory and in the directory each (default 256 "
	"MiB)\n"
	"  --memory-bytes N       address space of this process (default 1 GiB)\n"
	"  --collector-uid UID    whom the collector may run as; may be repeated (default 59111)\n"
	"  --shipper-uid UID      whom the shipper may run as; may be repeated (default 59114)\n"
	"  --health-file FILE     where to say that it works, for `triptych-symbolizer health`\n"
	"  --log-level LEVEL      error, warn, info or debug (default info)\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 stopped as asked; 64 wrong option; 71 the system failed; 73 the cache "
	"directory\n"
	"cannot be written; 77 it was started with privileges.\n";

enum option_id {
	OPTION_RUN_DIR = 1,
	OPTION_CACHE_DIR,
	OPTION_CACHE_BYTES,
	OPTION_MEMORY_BYTES,
	OPTION_COLLECTOR_UID,
	OPTION_SHIPPER_UID,
	OPTION_HEALTH_FILE,
	OPTION_LOG_LEVEL,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
	{"cache-dir", required_argument, NULL, OPTION_CACHE_DIR},
	{"cache-bytes", required_argument, NULL, OPTION_CACHE_BYTES},
	{"memory-bytes", required_argument, NULL, OPTION_MEMORY_BYTES},
	{"collector-uid", required_argument, NULL, OPTION_COLLECTOR_UID},
	{"shipper-uid", required_argument, NULL, OPTION_SHIPPER_UID},
	{"health-file", required_argument, NULL, OPTION_HEALTH_FILE},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

/* Uids that were given replace the default; *@n_uids is 0 until the first. */
static int add_uid(uid_t uids[OPTION_UIDS_MAX], size_t *n_uids, const char *text)
{
	uint64_t value;

	if (*n_uids == OPTION_UIDS_MAX || number_parse(text, 0, UID_MAX, &value) != 0)
		return -EINVAL;
	uids[(*n_uids)++] = (uid_t)value;
	return 0;
}

static int apply(struct options *options, int id, const char *argument)
{
	switch (id) {
	case OPTION_RUN_DIR:
		options->run_dir = argument;
		return 0;
	case OPTION_CACHE_DIR:
		options->cache_dir = argument;
		return 0;
	case OPTION_CACHE_BYTES:
		return number_parse(argument, CACHE_BYTES_MIN, BYTES_MAX, &options->cache_bytes);
	case OPTION_MEMORY_BYTES:
		return number_parse(argument, MEMORY_BYTES_MIN, BYTES_MAX, &options->memory_bytes);
	case OPTION_COLLECTOR_UID:
		return add_uid(options->collector_uids, &options->n_collector_uids, argument);
	case OPTION_SHIPPER_UID:
		return add_uid(options->shipper_uids, &options->n_shipper_uids, argument);
	case OPTION_HEALTH_FILE:
		options->health_file = argument;
		return 0;
	case OPTION_LOG_LEVEL:
		return log_level_parse(argument, &options->log_level);
	case OPTION_HELP:
		options->is_done = true;
		return fputs(help_text, stdout) < 0 ? -EINVAL : 0;
	case OPTION_VERSION:
		options->is_done = true;
		return puts("triptych-symbolizer " TRIPTYCH_VERSION) < 0 ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* The name of the option that @id is, for messages. */
static const char *option_name(int id)
{
	for (size_t i = 0; long_options[i].name; i++)
		if (long_options[i].val == id)
			return long_options[i].name;
	return "";
}

static int parse_all(int argc, char **argv, struct options *options)
{
	int id;

	optind = 0; /* so that a process may parse more than one line: tests do */
	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (id == '?')
			return -EINVAL; /* getopt said what is wrong */
		if (apply(options, id, optarg) == 0)
			continue;
		(void)fprintf(stderr, "%s: --%s %s: not a value of this option; see --help\n",
			      argv[0], option_name(id), optarg ? optarg : "");
		return -EINVAL;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "%s: %s: no arguments are taken; see --help\n", argv[0],
			      argv[optind]);
		return -EINVAL;
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = {
		.run_dir = RUN_DIRECTORY_DEFAULT,
		.cache_bytes = UINT64_C(256) << 20,
		.memory_bytes = UINT64_C(1) << 30,
		.log_level = LOG_INFO,
	};
	int r = parse_all(argc, argv, &options);

	if (r < 0)
		return r;
	if (options.n_collector_uids == 0)
		options.collector_uids[options.n_collector_uids++] = IDENTITY_COLLECTOR_UID;
	if (options.n_shipper_uids == 0)
		options.shipper_uids[options.n_shipper_uids++] = IDENTITY_SHIPPER_UID;
	*ret_options = options;
	return 0;
}
