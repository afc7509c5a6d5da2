#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/identity.h"
#include "base/number.h"
#include "spool/spool.h"

#define SPOOL_DIRECTORY_DEFAULT "/var/lib/triptych/spool"
#define STOP_SECONDS_DEFAULT    10u
#define STOP_SECONDS_MAX        3600u

enum option_id {
	OPTION_CONFIG = 256,
	OPTION_RUN_DIR,
	OPTION_SPOOL_DIR,
	OPTION_HTTP,
	OPTION_COLLECTOR_UID,
	OPTION_SYMBOLIZER_UID,
	OPTION_SPOOL_BYTES,
	OPTION_STOP_SECONDS,
	OPTION_LOG_LEVEL,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_PRINT,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
	{"spool-dir", required_argument, NULL, OPTION_SPOOL_DIR},
	{"http", required_argument, NULL, OPTION_HTTP},
	{"collector-uid", required_argument, NULL, OPTION_COLLECTOR_UID},
	{"symbolizer-uid", required_argument, NULL, OPTION_SYMBOLIZER_UID},
	{"spool-bytes", required_argument, NULL, OPTION_SPOOL_BYTES},
	{"stop-seconds", required_argument, NULL, OPTION_STOP_SECONDS},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"Usage: triptych-shipper [OPTION]...\n"
	"       triptych-shipper check [--print] PATH\n"
	"       triptych-shipper health [--ready] [--http ADDRESS:PORT]\n"
	"\n"
	"The service of Triptych that owns the outside world. It reads the configuration, tells "
	"the\n"
	"collector what to sample, takes profiles from symbolizers into a spool on disk, and "
	"pushes\n"
	"them from there to every configured endpoint: a Pyroscope server (http://, https://) or "
	"a\n"
	"directory (file://). It serves the metrics of all three services over HTTP.\n"
	"\n"
	"It must run without privilege, and confines itself to its directories before it answers\n"
	"anybody. A profile is acknowledged only when it would survive a power cut.\n"
	"\n"
	"Options:\n"
	"  --config PATH          configuration in Alloy's language, a file or a directory whose\n"
	"                         *.alloy files are read as one; without it, every process of\n"
	"                         the host is one target and profiles go to the default endpoint\n"
	"  --run-dir DIR          directory of the sockets (default " RUN_DIRECTORY_DEFAULT ")\n"
	"  --spool-dir DIR        directory of the spool; it is made if only its last part is\n"
	"                         missing (default " SPOOL_DIRECTORY_DEFAULT ")\n"
	"  --spool-bytes N        bound of the spool, with K, M or G for powers of 1024, at least\n"
	"                         40M (default 512M); beyond it the oldest profiles are dropped "
	"and\n"
	"                         counted\n"
	"  --http ADDRESS:PORT    where to serve /metrics, /-/ready and /-/healthy\n"
	"                         (default " HTTP_DEFAULT ")\n"
	"  --collector-uid UID    whom the collector runs as (default 59111)\n"
	"  --symbolizer-uid UID   whom symbolizers may run as; may be repeated (default 59113)\n"
	"  --stop-seconds N       how long to stay after SIGTERM for symbolizers to leave and for\n"
	"                         the spool to be tried once more (default 10)\n"
	"  --log-level LEVEL      error, warn, info or debug (default: what the configuration "
	"says)\n"
	"  --help                 print this and exit\n"
	"  --version              print the version and exit\n"
	"\n"
	"`check` says what is wrong with the configuration PATH, without running it: every error\n"
	"and warning with its place on standard error. With --print it writes what every\n"
	"component is worth, as far as that needs nothing of the outside world, as one JSON\n"
	"object to standard output.\n"
	"\n"
	"Signals: SIGTERM and SIGINT stop it; what is not sent stays in the spool. SIGHUP has the\n"
	"configuration read again, as does a GET or POST of /-/reload; one that is wrong changes\n"
	"nothing.\n"
	"\n"
	"Exit status: 0 stopped as asked; 64 an option is wrong; 65 the configuration is wrong;\n"
	"69 the HTTP address cannot be used; 71 a system call failed; 73 a directory cannot be\n"
	"used; 75 another shipper owns the spool or the socket; 77 it was started with "
	"privilege.\n"
	"Of check: 0 nothing is wrong; 1 something is; 64 an option is wrong.\n";

/* Parses a number of bytes with an optional K, M or G behind it. */
static int parse_bytes(const char *text, uint64_t min, uint64_t max, uint64_t *ret_bytes)
{
	static const char units[] = "KMG";
	size_t n_digits = strspn(text, "0123456789");
	const char *unit = text[n_digits] ? strchr(units, text[n_digits]) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	char digits[24];
	uint64_t number;

	if (n_digits >= sizeof(digits) || (text[n_digits] && (!unit || text[n_digits + 1])))
		return -EINVAL;
	memcpy(digits, text, n_digits);
	digits[n_digits] = '\0';
	if (number_parse(digits, 0, max >> shift, &number) != 0 || number << shift < min)
		return -EINVAL;
	*ret_bytes = number << shift;
	return 0;
}

static int complain(const char *name, const char *value, const char *right)
{
	(void)fprintf(stderr, "triptych-shipper: --%s: \"%s\" is not %s\n", name, value, right);
	return EXIT_STATUS_USAGE;
}

static int add_symbolizer(struct options *options, const char *value)
{
	uint64_t number;

	if (number_parse(value, 1, UINT_MAX - 1, &number) != 0)
		return complain("symbolizer-uid", value, "a uid from 1 on");
	if (options->n_symbolizer_uids == LINK_UIDS_MAX)
		return complain("symbolizer-uid", value, "among the 16 that are possible");
	options->symbolizer_uids[options->n_symbolizer_uids++] = (uid_t)number;
	return 0;
}

static int parse_numeric(struct options *options, int option, const char *value)
{
	uint64_t number;

	switch (option) {
	case OPTION_COLLECTOR_UID:
		if (number_parse(value, 1, UINT_MAX - 1, &number) != 0)
			return complain("collector-uid", value, "a uid from 1 on");
		options->collector_uid = (uid_t)number;
		return 0;
	case OPTION_SYMBOLIZER_UID:
		return add_symbolizer(options, value);
	case OPTION_SPOOL_BYTES:
		if (parse_bytes(value, SPOOL_BYTES_MIN, UINT64_MAX / 4, &number) != 0)
			return complain("spool-bytes", value, "a number of bytes of at least 40M");
		options->spool_bytes = number;
		return 0;
	default:
		if (number_parse(value, 0, STOP_SECONDS_MAX, &number) != 0)
			return complain("stop-seconds", value, "a number from 0 to 3600");
		options->stop_seconds = (uint32_t)number;
		return 0;
	}
}

static int parse_one(struct options *options, int option, const char *value)
{
	switch (option) {
	case OPTION_CONFIG:
		options->config = value;
		return 0;
	case OPTION_RUN_DIR:
		options->run_directory = value;
		return 0;
	case OPTION_SPOOL_DIR:
		options->spool_directory = value;
		return 0;
	case OPTION_HTTP:
		options->http = value;
		return 0;
	case OPTION_LOG_LEVEL:
		if (log_level_parse(value, &options->log_level) != 0)
			return complain("log-level", value, "error, warn, info or debug");
		options->has_log_level = true;
		return 0;
	case OPTION_HELP:
		(void)fputs(help, stdout);
		options->is_answered = true;
		return 0;
	case OPTION_VERSION:
		(void)puts("triptych-shipper " TRIPTYCH_VERSION);
		options->is_answered = true;
		return 0;
	case '?': /* getopt has said what */
		(void)fputs("Try --help.\n", stderr);
		return EXIT_STATUS_USAGE;
	default:
		return parse_numeric(options, option, value);
	}
}

/* `check [--print] PATH`, behind the program's name. */
static int parse_check(struct options *options, int argc, char **argv)
{
	static const struct option check_options[] = {
		{"print", no_argument, NULL, OPTION_PRINT},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc - 1, argv + 1, "", check_options, NULL)) != -1) {
		if (option == OPTION_HELP)
			return parse_one(options, option, NULL);
		if (option != OPTION_PRINT) /* getopt has said what is wrong */
			return EXIT_STATUS_USAGE;
		options->prints = true;
	}
	if (optind + 1 != argc - 1) {
		(void)fputs("triptych-shipper: check takes one PATH. Try --help.\n", stderr);
		return EXIT_STATUS_USAGE;
	}
	options->checked = argv[1 + optind];
	return 0;
}

int options_parse(struct options *ret_options, int argc, char **argv)
{
	struct options options = {
		.run_directory = RUN_DIRECTORY_DEFAULT,
		.spool_directory = SPOOL_DIRECTORY_DEFAULT,
		.http = HTTP_DEFAULT,
		.collector_uid = IDENTITY_COLLECTOR_UID,
		.spool_bytes = SPOOL_BYTES_DEFAULT,
		.stop_seconds = STOP_SECONDS_DEFAULT,
	};
	int option, r = 0;

	if (argc > 1 && strcmp(argv[1], "check") == 0) {
		r = parse_check(&options, argc, argv);
		*ret_options = options;
		return r;
	}
	while (r == 0 && !options.is_answered &&
	       (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		r = parse_one(&options, option, optarg);
	if (r == 0 && !options.is_answered && optind < argc) {
		(void)fprintf(stderr, "triptych-shipper: \"%s\" is no option. Try --help.\n",
			      argv[optind]);
		r = EXIT_STATUS_USAGE;
	}
	if (r != 0)
		return r;
	if (options.n_symbolizer_uids == 0)
		options.symbolizer_uids[options.n_symbolizer_uids++] = IDENTITY_SYMBOLIZER_UID;
	*ret_options = options;
	return 0;
}
