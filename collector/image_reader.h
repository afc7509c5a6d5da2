#pragma once
/*
 * Reads one process image through the opener: its texts first, then the files behind its mappings,
 * then, when a file is new, the root in which the file's siblings are. Everything is asynchronous;
 * an answer is used only when it is certainly of that image.
 */
#include <stddef.h>
#include <stdint.h>

#include "process_record.h"

/*
 * Asks for a read that begins after @news_ns. Nothing happens when one that did is there, or the
 * image has ended; when an earlier one is in flight, another follows it.
 */
void image_read(struct process_record *record, uint64_t news_ns);

/* Replaces what is known by @mappings (consumed), within the bound on all images' mappings. */
void image_set_mappings(struct process_record *record, struct mappings *mappings, uint64_t now_ns);

/* Forgets all that was read but the container; objects count as mapped until @now_ns. */
void image_drop(struct process_record *record, uint64_t now_ns);

/* Every sample so far was looked up: drops unmapped mappings, trusts what no exec put in doubt. */
void image_drained(struct process_record *record, uint64_t now_ns);

/* Gives objects that have no root the image's own, and asks for that when need be. */
void image_mend_roots(struct process_record *record);

/* Frees the requests in flight, which must not come back. */
void image_reader_deinit(struct processes *processes);
