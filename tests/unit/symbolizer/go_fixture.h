#pragma once
/* Go tables of every format, made in memory for tests. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_table.h"

#define GO_FIXTURE_TEXT       0x401000u
#define GO_FIXTURE_START_LINE 9u /* of each function */

/*
 * What they say, by address behind the text: main.main has code in [0, 0x20), of main.go:10, then
 * util.go:20 (0x8), then main.go:12 (0x10), and padding; main.(*T).M[...] has [0x40, 0x80), all of
 * main.go:30; x_cgo_init begins at 0x80 and has no lines; at 0x100 all ends.
 */
struct go_fixture {
	enum go_format format;
	uint8_t quantum_bytes;
	uint8_t pointer_bytes;
	uint64_t text;       /* as the header has it, before 1.18 as addresses count from it */
	size_t n_bytes;      /* of the table */
	size_t list_at;      /* of the list of functions */
	size_t functions_at; /* what offsets of functions count from */
	size_t function_at[3];
	size_t names_at; /* what offsets of names count from */
	size_t files_at;
	size_t values_at;   /* what offsets of values count from */
	size_t lines_at[2]; /* of the strings of lines, in the table */
	uint8_t bytes[2048];
};

/* Fills in all behind the first four, which the caller has set. */
void go_fixture_make(struct go_fixture *fixture);

/* Writes 4 bytes at @at of the table. */
void go_fixture_put32(struct go_fixture *fixture, size_t at, uint32_t value);
