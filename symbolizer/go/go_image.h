#pragma once
/*
 * Where an ELF file has Go's table, and where the code is that the table speaks of.
 *
 * elf_image says what sections, notes and symbols there are; this fetches the table and the few
 * words beside it. The table is found by its section, by the symbols around it, or, only in a file
 * that says it is Go's, by looking through the data. What its addresses are relative to is taken
 * from the first of these that puts them into the code: the table's header; the runtime's record of
 * the module, since 1.26; the relocation of either; the symbol runtime.text; that record where no
 * section has a name; the section .text, which is wrong where C code was linked before Go's.
 */
#include <stdbool.h>
#include <stdint.h>

#include "go/go_table.h"
#include "elf/object_image.h"
#include "table/symbol_table.h"

enum go_image_outcome {
	GO_IMAGE_NO_TABLE = 1, /* and no sign that there should be one */
	GO_IMAGE_MALFORMED,
	GO_IMAGE_TOO_BIG,
	GO_IMAGE_UNREADABLE,
};

/* A piece of the file with its place in memory. */
struct go_range {
	uint64_t vaddr;
	uint64_t offset;
	uint64_t n_bytes; /* 0: none */
};

/* Zeroed, with the first four set: nothing known yet. */
struct go_image {
	struct object_image *image;             /* borrowed for life */
	const struct symbol_segments *segments; /* borrowed for life */
	uint16_t machine;                       /* e_machine */
	bool is_64;
	bool is_go;
	struct go_range section; /* .gopclntab under any of its names */
	struct go_range module;  /* .go.module */
	struct go_range relro;   /* .data.rel.ro */
	struct go_range text;    /* .text */
	struct go_range dynamic; /* PT_DYNAMIC */
	uint64_t table_start;    /* runtime.pclntab, or 0 */
	uint64_t table_end;      /* runtime.epclntab, or 0 */
	uint64_t text_start;     /* runtime.text, or 0 */
	struct go_range at;      /* of the bytes below */
	uint8_t *bytes;          /* owned; a private mapping, so that relocations can be applied */
	struct go_table table;   /* of bytes, when it was found */
	bool is_found;
};

/* Takes notice of a section that is in memory and in the file, and not compressed. */
void go_image_see_section(struct go_image *go, const char *name, const struct go_range *section);

/* Takes notice of a symbol. Only asked for when the file is Go's. */
void go_image_see_symbol(struct go_image *go, const char *name, uint64_t value);

/* Finds and fetches the table. Returns 0, a negative errno, or an enum go_image_outcome. */
int go_image_fetch(struct go_image *go) warn_unused_result;

/* Unmaps what was fetched; @go is then as it was before that. */
void go_image_deinit(struct go_image *go);
