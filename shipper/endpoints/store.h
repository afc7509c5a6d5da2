#pragma once
/*
 * A directory of profiles: where `url = "file:///…"` puts them, and where those go that a server
 * will not take (quarantine).
 *
 * A profile is NAME.pb.gz, the pprof as it came, and NAME.labels, one name="value" line a label
 * (escaped as in Prometheus' text format). The labels stand beside the pprof, not in it: a pprof
 * has no place for a series' labels that its readers would keep, and these bytes stay what a server
 * would get. NAME is <wall ns, 20 digits>-<instance, hex>-<window>-<part>, so names sort by time.
 * The labels are renamed into place first: who sees a .pb.gz has its labels.
 *
 * Bounded in bytes: the oldest profiles make room. Files of other names are not touched.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "endpoints/batch.h"
#include "configuration/configuration.h"

#define STORE_BYTES_DEFAULT (UINT64_C(1) << 30)

struct store;

/*
 * Opens the directory @path, making it when its parent is there.
 *   @ret_store  set on 0 only; owned, store_free()
 * Returns 0 or a negative errno.
 */
int store_open(const char *path, uint64_t bytes_max, struct store **ret_store) warn_unused_result;

void store_free(struct store *store); /* NULL is fine */

/*
 * Writes one profile; again for the same item replaces it by the same. It is durable after the next
 * store_sync().
 *   @external  labels that are set over the item's; may be NULL when @n_external is 0
 * Returns 0 or a negative errno: then it is not there.
 */
int store_write(struct store *store, const struct batch_item *item,
		const struct configuration_header *external, size_t n_external) warn_unused_result;

/* Makes what was written durable. Returns 0 or a negative errno. */
int store_sync(struct store *store) warn_unused_result;

uint64_t store_bytes(const struct store *store);
