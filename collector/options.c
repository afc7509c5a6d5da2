#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/identity.h"
#include "base/number.h"
#include "objects.h"
#include "pool.h"
#include "sampler.h"
#include "windows.h"

#define UID_MAX UINT32_C(0xfffffffe) /* (uid_t)-1 means "unchanged" to the kernel */

static const char help_text[] =
	"Usage: triptych-collector [OPTION]...\n"
	"       triptych-collector health --health-file FILE                 (see health --help)\n"
	"Samples the CPUs of this host, holds the files that samples point into, and hands\n"
	"windows of samples to triptych-symbolizer. Starts as root with BPF, PERFMON, SYSLOG,\n"
	"SETUID, SETGID, SYS_PTRACE, CHECKPOINT_RESTORE and DAC_READ_SEARCH, and gives all of\n"
	"it up before it runs.\n"
	"\n"
	"  --run-dir DIR          directory of the sockets (default " RUN_DIRECTORY_DEFAULT ")\n"
	"  --uid UID              whom the main process becomes (default 59111)\n"
	"  --opener-uid UID       whom the opener's helpers become (default 59112)\n"
	"  --gid GID              common group of the services (default 59110)\n"
	"  --symbolizer-uid UID   who may lease windows; may be repeated (default 59113)\n"
	"  --shipper-uid UID      who may send settings; may be repeated (default 59114)\n"
	"  --pid-map-size N       processes that the kernel side can remember (default 2048)\n"
	"  --sample-rate HZ       until settings arrive (default 97)\n"
	"  --windows-bytes N      samples that may wait for symbolizers (default 64 MiB)\n"
	"  --objects N            files that may be held open (default 1024)\n"
	"  --hold-seconds N       how long a file is held after its last process (default 60)\n"
	"  --lease-seconds N      how long a symbolizer may take for a window (default 30)\n"
	"  --stop-seconds N       how long to wait for the pool when stopping (default 10)\n"
	"  --health-file FILE     where to say that it works, for `triptych-collector health`\n"
	"  --log-level LEVEL      error, warn, info or debug (default info)\n"
	"  --lose-one-sample      lose a sample without counting it: for the test of the books\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 stopped as asked; 64 wrong option; 69 this kernel cannot; 71 the system\n"
	"failed; 73 the run directory cannot be written; 75 start me again (authority is needed,\n"
	"or another collector listens there); 77 a capability is missing.\n";

enum option_id {
	OPTION_RUN_DIR = 1,
	OPTION_UID,
	OPTION_OPENER_UID,
	OPTION_GID,
	OPTION_SYMBOLIZER_UID,
	OPTION_SHIPPER_UID,
	OPTION_PID_MAP_SIZE,
	OPTION_SAMPLE_RATE,
	OPTION_WINDOWS_BYTES,
	OPTION_OBJECTS,
	OPTION_HOLD_SECONDS,
	OPTION_LEASE_SECONDS,
	OPTION_STOP_SECONDS,
	OPTION_HEALTH_FILE,
	OPTION_LOG_LEVEL,
	OPTION_LOSE_ONE_SAMPLE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
	{"uid", required_argument, NULL, OPTION_UID},
	{"opener-uid", required_argument, NULL, OPTION_OPENER_UID},
	{"gid", required_argument, NULL, OPTION_GID},
	{"symbolizer-uid", required_argument, NULL, OPTION_SYMBOLIZER_UID},
	{"shipper-uid", required_argument, NULL, OPTION_SHIPPER_UID},
	{"pid-map-size", required_argument, NULL, OPTION_PID_MAP_SIZE},
	{"sample-rate", required_argument, NULL, OPTION_SAMPLE_RATE},
	{"windows-bytes", required_argument, NULL, OPTION_WINDOWS_BYTES},
	{"objects", required_argument, NULL, OPTION_OBJECTS},
	{"hold-seconds", required_argument, NULL, OPTION_HOLD_SECONDS},
	{"lease-seconds", required_argument, NULL, OPTION_LEASE_SECONDS},
	{"stop-seconds", required_argument, NULL, OPTION_STOP_SECONDS},
	{"health-file", required_argument, NULL, OPTION_HEALTH_FILE},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"lose-one-sample", no_argument, NULL, OPTION_LOSE_ONE_SAMPLE},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

/* Options that are one number: where it goes, and its bounds. */
struct number_option {
	enum option_id id;
	uint64_t min;
	uint64_t max;
	size_t offset;
	size_t n_bytes; /* of the field: 4 or 8 */
};

#define NUMBER(id, field, min, max)                                                                \
	{                                                                                          \
		id, min, max, offsetof(struct options, field),                                     \
			sizeof(((struct options *)NULL)->field)                                    \
	}

static const struct number_option numbers[] = {
	NUMBER(OPTION_UID, uid, 1, UID_MAX),
	NUMBER(OPTION_OPENER_UID, opener_uid, 1, UID_MAX),
	NUMBER(OPTION_GID, gid, 1, UID_MAX),
	NUMBER(OPTION_PID_MAP_SIZE, pid_map_size, 16, 1u << 20),
	NUMBER(OPTION_SAMPLE_RATE, sample_rate_hz, 1, SAMPLE_RATE_HZ_MAX),
	NUMBER(OPTION_WINDOWS_BYTES, windows_bytes_max, 1u << 20, UINT64_C(1) << 36),
	NUMBER(OPTION_OBJECTS, objects_max, 16, 1u << 16),
	NUMBER(OPTION_HOLD_SECONDS, hold_s, 0, 86400),
	NUMBER(OPTION_LEASE_SECONDS, lease_s, 1, 3600),
	NUMBER(OPTION_STOP_SECONDS, stop_s, 0, 3600),
};

static int set_number(struct options *options, int id, const char *text)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char *field = (char *)options + numbers[i].offset;
		uint64_t value;
		uint32_t narrow;

		if ((int)numbers[i].id != id)
			continue;
		if (number_parse(text, numbers[i].min, numbers[i].max, &value) != 0)
			return -EINVAL;
		narrow = (uint32_t)value;
		memcpy(field, numbers[i].n_bytes == 8 ? (void *)&value : (void *)&narrow,
		       numbers[i].n_bytes);
		return 0;
	}
	return -EINVAL;
}

static int add_uid(uid_t uids[OPTION_UIDS_MAX], size_t *n_uids, bool *was_given, const char *text)
{
	uint64_t value;

	if (number_parse(text, 1, UID_MAX, &value) != 0)
		return -EINVAL;
	if (!*was_given)
		*n_uids = 0; /* the default gives way */
	*was_given = true;
	if (*n_uids == OPTION_UIDS_MAX)
		return -EINVAL;
	uids[(*n_uids)++] = (uid_t)value;
	return 0;
}

struct parse {
	struct options *options;
	bool symbolizers_given;
	bool shippers_given;
};

static int take_option(struct parse *p, int id, const char *argument)
{
	struct options *o = p->options;

	switch (id) {
	case OPTION_RUN_DIR:
		o->run_dir = argument;
		return 0;
	case OPTION_SYMBOLIZER_UID:
		return add_uid(o->symbolizer_uids, &o->n_symbolizer_uids, &p->symbolizers_given,
			       argument);
	case OPTION_SHIPPER_UID:
		return add_uid(o->shipper_uids, &o->n_shipper_uids, &p->shippers_given, argument);
	case OPTION_HEALTH_FILE:
		o->health_file = argument;
		return 0;
	case OPTION_LOG_LEVEL:
		return log_level_parse(argument, &o->log_level);
	case OPTION_LOSE_ONE_SAMPLE:
		o->lose_one_sample = true;
		return 0;
	case OPTION_HELP:
		(void)fputs(help_text, stdout);
		o->is_done = true;
		return 0;
	case OPTION_VERSION:
		(void)puts("triptych-collector " TRIPTYCH_VERSION);
		o->is_done = true;
		return 0;
	default:
		return set_number(o, id, argument);
	}
}

static const struct options options_default = {
	.run_dir = RUN_DIRECTORY_DEFAULT,
	.uid = IDENTITY_COLLECTOR_UID,
	.opener_uid = IDENTITY_OPENER_UID,
	.gid = IDENTITY_GROUP_GID,
	.n_symbolizer_uids = 1,
	.symbolizer_uids = {IDENTITY_SYMBOLIZER_UID},
	.n_shipper_uids = 1,
	.shipper_uids = {IDENTITY_SHIPPER_UID},
	.pid_map_size = 2048,
	.sample_rate_hz = 97,
	.windows_bytes_max = WINDOWS_BYTES_MAX_DEFAULT,
	.objects_max = OBJECTS_MAX_DEFAULT,
	.hold_s = 60,
	.lease_s = 30,
	.stop_s = 10,
	.log_level = LOG_INFO,
};

static bool has_uid(const uid_t *uids, size_t n_uids, uid_t uid)
{
	for (size_t i = 0; i < n_uids; i++)
		if (uids[i] == uid)
			return true;
	return false;
}

/* Processes of one uid may signal one another: who has authority shares its uid with nobody. */
static bool uids_are_apart(const struct options *o)
{
	const uid_t own[] = {o->uid, o->opener_uid};

	if (o->uid == o->opener_uid)
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (has_uid(o->symbolizer_uids, o->n_symbolizer_uids, own[i]) ||
		    has_uid(o->shipper_uids, o->n_shipper_uids, own[i]))
			return false;
	for (size_t i = 0; i < o->n_shipper_uids; i++)
		if (has_uid(o->symbolizer_uids, o->n_symbolizer_uids, o->shipper_uids[i]))
			return false;
	return true;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = options_default;
	struct parse p = {.options = &options};
	int id, index = 0;

	while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (id == '?')
			return -EINVAL; /* getopt has said what is wrong */
		if (take_option(&p, id, optarg) != 0) {
			(void)fprintf(
				stderr,
				"triptych-collector: --%s: \"%s\" is out of bounds; see --help\n",
				long_options[index].name, optarg);
			return -EINVAL;
		}
		if (options.is_done)
			break;
	}
	if (!options.is_done && optind < argc) {
		(void)fprintf(stderr,
			      "triptych-collector: \"%s\": no arguments are taken; see --help\n",
			      argv[optind]);
		return -EINVAL;
	}
	if (!uids_are_apart(&options)) {
		(void)fputs("triptych-collector: --uid, --opener-uid, --symbolizer-uid and "
			    "--shipper-uid must differ; see --help\n",
			    stderr);
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}
