#pragma once
/*
 * What the tests of the opener share: an opener with its real helpers, call backs that remember,
 * processes to look at. All of it needs root. The clock that ends a request is the argument of
 * opener_expire(): no test waits for a deadline.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "opener/opener.h"

#define PAGE_BYTES     4096u
#define SEEN_TEXT_MAX  8192u
#define DIRECTORY      "/mnt" /* an empty file system that only the test sees */
#define FUSE_DIRECTORY DIRECTORY "/fuse"

/* What a call back brought. */
struct seen {
	unsigned n_calls;
	int outcome;
	int fd; /* owned */
	struct file_identity identity;
	uint64_t mount_id;
	size_t n_bytes[OPENER_PROC_FILES];
	char text[OPENER_PROC_FILES][SEEN_TEXT_MAX]; /* as much as fits, NUL-terminated */
};

/* Of the test that runs. */
extern struct opener *opener;

/* Setup and teardown: of a test, of the group. */
int start_opener(void **state);
int stop_opener(void **state);
int make_directories(void **state);
int remove_directories(void **state);

#define opener_test(function) cmocka_unit_test_setup_teardown(function, start_opener, stop_opener)

/* A call back whose owner is a struct seen. */
void see(void *owner, const struct opener_result *result);

void wait_readable(int fd);
void dispatch_until(const struct seen *seen, unsigned n_calls);

/* Submits and waits for the answer. */
void run(const struct opener_request *request, struct seen *seen);

/* Fails unless another request is served now. */
void check_others_are_served(void);

/* A process of another uid, which waits to be ended; it inherits what is mapped here. */
pid_t start_target(void);
void end_process(pid_t pid);

/* A file of one page of @fill that only root may read, mapped as a program would be. */
unsigned char *map_file(const char *path, int fill, struct stat *ret_st);
