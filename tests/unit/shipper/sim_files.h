#pragma once
/*
 * A spool's directory in memory, with a disk behind it: what was not synced may or may not survive
 * a power cut, files and names separately. Operations can be made to fail by their number.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/spool_files.h"

#define SIM_FILES_MAX 32

enum sim_fault {
	SIM_NONE,
	SIM_DEAD,        /* this and every later operation fails: the process is gone */
	SIM_EIO,         /* this one fails, once */
	SIM_ENOSPC,      /* a write fails, after half of its bytes; other operations succeed */
	SIM_SHORT_WRITE, /* a write takes half; other operations succeed */
};

struct sim_content {
	unsigned char *data; /* owned */
	size_t n_bytes;
};

struct sim_inode {
	struct sim_content now;
	struct sim_content synced;
	unsigned n_links; /* names, of the directory now and of the synced one */
	bool sync_failed; /* later syncs lie, as Linux's do */
};

struct sim_name {
	char name[SPOOL_NAME_BYTES + 16];
	int inode; /* -1: free */
};

struct sim {
	struct sim_inode inodes[SIM_FILES_MAX];
	struct sim_name names[SIM_FILES_MAX];
	struct sim_name synced_names[SIM_FILES_MAX];
	uint64_t n_operations;
	uint64_t fault_at; /* counted from 1; 0: never */
	enum sim_fault fault;
	uint64_t n_writes_left_to_disk_full; /* 0: no limit */
	bool sync_always_fails;
	struct spool_files files;
};

/* Makes an empty disk. @sim must not move afterwards. */
void sim_init(struct sim *sim);
void sim_deinit(struct sim *sim);

/* How much of what was never synced a power cut keeps. */
enum sim_survival {
	SIM_KEEP_ALL,
	SIM_KEEP_NOTHING,
	SIM_KEEP_HALF,
	SIM_KEEP_ZEROES,
	N_SIM_SURVIVALS
};

/* Cuts the power: the directory then is what the disk has. Faults are over. */
void sim_power_cut(struct sim *sim, enum sim_survival data, bool keep_names);

/* The content of @name, to look at or to damage; NULL when there is none. */
struct sim_content *sim_content(struct sim *sim, const char *name);

/* The first name (in no order) that ends in @suffix, or NULL. */
const char *sim_name_with(const struct sim *sim, const char *suffix);
