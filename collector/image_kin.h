#pragma once
/*
 * What is made of images that were gone before they could be read: whom they came from, and who is
 * where they were, is known.
 */
#include <stdbool.h>
#include <stdint.h>

#include "process_record.h"

/*
 * Unless the image was read: it has the mappings of the nearest ancestor that it was forked from
 * and that was read, or else what its own exec brought along. With neither it stays unread.
 */
void image_inherit_mappings(struct process_record *record, uint64_t now_ns);

/*
 * Places the image in the container that its process was in before an exec, or its parent is in the
 * same cgroup, or whoever else is in that cgroup; with nobody to go by, in none. Returns false when
 * the image has ended and the first two are just being read: it is to be asked for again.
 */
bool image_inherit_place(struct process_record *record);
