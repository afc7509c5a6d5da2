#pragma once
/*
 * The files behind one image's mappings: found among those that are held, or opened through the
 * opener; and, when a file has none, the root in which the file's siblings are.
 */
#include <stdint.h>

#include "process_record.h"

/*
 * Replaces what is known by @mappings (consumed), within the bound on all images' mappings. Their
 * files are not there before image_open_files().
 */
void image_set_mappings(struct process_record *record, struct mappings *mappings, uint64_t now_ns);

/* Whether the image's exec brought mappings along, and all their files are held. */
bool image_has_exec_files(const struct process_record *record);

/*
 * Makes do with the mappings that the image's exec brought along, when all their files are held:
 * they are what it had before its first instruction. They count as read.
 */
void image_use_exec_mappings(struct process_record *record, uint64_t now_ns);

/* Gives every mapping its object, in time: what must be opened comes later. */
void image_open_files(struct process_record *record);

/* Gives objects that have no root the image's own, and asks for that when need be. */
void image_mend_roots(struct process_record *record);

/* Tells the image's code whose perf map is its own, as far as the image's status is known. */
void image_claim_perf_map(struct process_record *record);

/* Every sample so far was looked up: drops unmapped mappings, trusts what no exec put in doubt. */
void image_drained(struct process_record *record, uint64_t now_ns);

/* Forgets all that was read but the container; objects count as mapped until @now_ns. */
void image_drop(struct process_record *record, uint64_t now_ns);

/* Frees the requests in flight, which must not come back. */
void image_files_deinit(struct processes *processes);
