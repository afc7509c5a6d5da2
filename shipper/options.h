#pragma once
/* The command line of the shipper. Strings are borrowed from argv. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/link.h"
#include "log/log.h"

#define HTTP_DEFAULT "127.0.0.1:12345"

struct options {
	const char *config; /* NULL: the embedded default */
	const char *run_directory;
	const char *spool_directory;
	const char *http;
	uid_t collector_uid;
	size_t n_symbolizer_uids;
	uid_t symbolizer_uids[LINK_UIDS_MAX];
	uint64_t spool_bytes;
	uint32_t stop_seconds;
	bool has_log_level; /* else the configuration says */
	enum log_level log_level;
	const char *checked; /* what to validate instead of running; NULL: run */
	bool prints;         /* what it is worth, too */
	bool is_answered;    /* --help or --version: printed, nothing else to do */
};

/* Fills *@ret_options. Returns 0, or EXIT_STATUS_USAGE after saying on stderr what is wrong. */
int options_parse(struct options *ret_options, int argc, char **argv) warn_unused_result;
