#pragma once
/* What the collector's command line says. Pure: parsing touches nothing but its arguments. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "log/log.h"

#define OPTION_UIDS_MAX 16u

struct options {
	const char *run_dir; /* borrowed from argv, like all strings here */
	uid_t uid;           /* of the main process once it runs */
	uid_t opener_uid;
	gid_t gid;
	size_t n_symbolizer_uids;
	uid_t symbolizer_uids[OPTION_UIDS_MAX];
	size_t n_shipper_uids;
	uid_t shipper_uids[OPTION_UIDS_MAX];
	uint32_t pid_map_size;
	uint32_t sample_rate_hz; /* until settings arrive */
	uint64_t windows_bytes_max;
	uint32_t objects_max;
	uint32_t hold_s;
	uint32_t lease_s;
	uint32_t stop_s;
	const char *health_file; /* NULL: none */
	enum log_level log_level;
	bool lose_one_sample;
	bool is_done; /* --help or --version was answered: leave with 0 */
};

/*
 * Fills *@ret_options from the defaults and @argv; prints what is wrong to stderr.
 * Returns 0 or -EINVAL.
 */
int options_parse(int argc, char **argv, struct options *ret_options) warn_unused_result;
