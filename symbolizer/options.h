#pragma once
/* What the symbolizer's command line says. Pure: parsing touches nothing but its arguments. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "log/log.h"

#define OPTION_UIDS_MAX 16u

struct options {
	const char *run_dir;   /* borrowed from argv, like all strings here */
	const char *cache_dir; /* NULL: tables are kept in memory only */
	uint64_t cache_bytes;
	uint64_t memory_bytes;
	size_t n_collector_uids;
	uid_t collector_uids[OPTION_UIDS_MAX];
	size_t n_shipper_uids;
	uid_t shipper_uids[OPTION_UIDS_MAX];
	const char *health_file; /* NULL: none */
	enum log_level log_level;
	bool is_done; /* --help or --version was answered: leave with 0 */
};

/*
 * Fills *@ret_options from the defaults and @argv; prints what is wrong to stderr.
 * Returns 0 or -EINVAL.
 */
int options_parse(int argc, char **argv, struct options *ret_options) warn_unused_result;
