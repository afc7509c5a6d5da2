#pragma once
/*
 * Reads what /proc says of one process image, through the opener. An answer is used only when it is
 * certainly of that image.
 */
#include <stdint.h>

#include "process_record.h"

/*
 * Asks for a read that begins after @news_ns. Nothing happens when one that did is there, or the
 * image has ended; when an earlier one is in flight, another follows it.
 */
void image_read(struct process_record *record, uint64_t news_ns);
