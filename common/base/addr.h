#pragma once
/*
 * Three kinds of address, three types, so that mixing them does not compile.
 * Conversions between them are functions of the modules that know the mapping
 * (collector/mappings.h: proc_addr to file_off; symbolizer/elf/elf_image.h: file_off to elf_addr).
 */
#include <stdint.h>

struct proc_addr {
	uint64_t v; /* as a process of the host sees it, or as the kernel sees its own text */
};

struct file_off {
	uint64_t v; /* bytes from the start of a file */
};

struct elf_addr {
	uint64_t v; /* the address space of an ELF file: p_vaddr, st_value */
};
