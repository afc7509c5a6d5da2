#pragma once
/* What a BPF map costs. Only while /proc can be opened: before confinement. */
#include <stdint.h>

/* The kernel memory of the map behind @fd (borrowed), as its fdinfo has it; 0 when not known. */
uint64_t map_memory_bytes(int fd);
