#pragma once
/* The shipper from within: shipper.c runs it, shipper_pages.c shows it. */
#include "collector_view.h"
#include "control.h"
#include "configuration/current.h"
#include "endpoints/endpoints.h"
#include "http/http_client.h"
#include "pages/metrics.h"
#include "pages/pages.h"
#include "process_list.h"
#include "profiles.h"
#include "shipper.h"
#include "spool/spool.h"
#include "workers.h"

#define MESSAGES_BYTES_MAX (256u * 1024u) /* of what is wrong with a configuration */

struct shipper {
	const struct options *options;         /* borrowed */
	struct source_environment environment; /* of all sources */
	struct current *current;               /* owned, as all below */
	struct reload_counts reloads;
	struct configuration_losses losses; /* of all that were in force; hash: the last one's */
	struct spool_files files;
	struct spool *spool;
	struct http_client *http;
	struct endpoints *endpoints;
	struct workers *workers;
	struct tallies *tallies;
	struct last_profiles *last;
	struct reports *reports;
	struct collector_view *view;
	int status_fd; /* our own /proc/self/status */
	struct process_stats *process;
	struct pages *pages;
	struct control *control;
	struct process_list *process_list;
	struct profiles *profiles;
	int signal_fd;
	uint64_t expire_ns;
	uint64_t stop_ns; /* when to leave at the latest; 0: nobody asked yet */
};

/*
 * Reads the configuration again. Returns whether what it says is in force; else @messages, appended
 * to, tell why not.
 */
bool shipper_reload(struct shipper *shipper, struct bytes *messages);

/* Listens for requests of pages. Returns 0 or an enum exit_status. */
int shipper_open_pages(struct shipper *shipper) warn_unused_result;
