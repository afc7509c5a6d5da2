#pragma once
/*
 * The shipper as a whole: what it holds, and its event loop. The four steps of main() are
 * options_parse(), shipper_acquire(), shipper_confine(), shipper_run().
 *
 * Functions return 0 or an enum exit_status; what failed was said in the log.
 */
#include "base/cleanup.h"
#include "options.h"

struct shipper; /* opaque */

/*
 * Opens everything that a confined process could not: configuration, spool, stores, the HTTP port.
 *   @options      borrowed until shipper_free()
 *   @ret_shipper  set on 0 only; owned
 */
int shipper_acquire(const struct options *options, struct shipper **ret_shipper) warn_unused_result;

/* Gives up the file system but for its directories, and every system call it has no use for. */
int shipper_confine(struct shipper *shipper) warn_unused_result;

/*
 * Runs until SIGTERM or SIGINT; SIGHUP has the configuration read again. Starts threads (nng's):
 * not before shipper_confine().
 */
int shipper_run(struct shipper *shipper) warn_unused_result;

void shipper_free(struct shipper *shipper); /* NULL is fine */

static inline void shipper_freep(struct shipper **shipper)
{
	shipper_free(*shipper);
}
