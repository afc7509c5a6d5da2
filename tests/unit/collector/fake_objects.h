#pragma once
/*
 * Objects that live exactly as long as they are referred to, so that the sanitizer finds what is
 * used too long and a count finds what is kept for ever; and targets that a test writes down.
 */
#include <stddef.h>
#include <stdint.h>

#include "objects.h"
#include "targets.h"
#include "windows.h"

/* An object of @kind with one reference, for the test to give back; @fd is consumed. */
struct object *fake_object(enum object_kind kind, const char *name, int fd, uint64_t size_bytes);

/* How many there are. */
size_t fake_objects_n(void);

/* How often a newer copy of kallsyms was asked for. */
unsigned fake_objects_n_kallsyms_asks(void);

/* From now on objects_adopt() finds the table full, or not. */
void fake_objects_set_full(bool is_full);

/* A target, owned, freed with free(). */
struct target *fake_target(const char *labels);

/* windows_add() to the first gathering. */
int fake_add(struct windows *windows, const struct target *target, const char *comm,
	     const struct window_frame *frames, size_t n_frames, uint32_t stack_flags,
	     uint64_t count) warn_unused_result;
