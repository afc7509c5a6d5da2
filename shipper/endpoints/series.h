#pragma once
/*
 * The labels that a profile has outside of this host: its target's, without those that are for
 * ourselves, and the endpoint's external labels over them. Pure functions over memory.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "configuration/configuration.h"
#include "wire/wire.h"

/* Whether a label by that name never leaves this host. */
bool series_is_for_ourselves(struct wire_bytes name);

/* Sorted by name, no name twice. A zeroed one is empty. */
struct series_labels {
	struct wire_label *labels; /* owned; names and values are borrowed from the sources */
	size_t n_labels;
	struct wire_arena arena; /* owned */
};

void series_labels_deinit(struct series_labels *labels);

/*
 * Makes the labels of one profile.
 *   @encoded   as PROFILE brought them; borrowed as long as *@ret_labels lives
 *   @external  an endpoint's, borrowed as long; may be NULL when @n_external is 0
 *   @ret_labels  set on 0 only; owned, series_labels_deinit()
 * Returns 0, -ENOMEM, or MESSAGE_GARBLED when @encoded is no label set.
 */
int series_labels_make(struct wire_bytes encoded, const struct configuration_header *external,
		       size_t n_external, struct series_labels *ret_labels) warn_unused_result;

/* Appends one line a label, name="value", with \" \\ and \n escaped. */
void series_labels_print(const struct series_labels *labels, struct bytes *out);
