#pragma once
/* The smallest ELF file that has a segment, a build id and functions, made in memory for tests. */
#include <stddef.h>
#include <stdint.h>

#define SMALL_ELF_TEXT_OFFSET 0x1000u
#define SMALL_ELF_TEXT_ADDR   0x401000u
#define SMALL_ELF_STRIDE      0x100u /* between functions */
#define SMALL_ELF_SIZE        0x80u  /* of each: what is between them is nobody's */

struct small_elf {
	size_t n_bytes;
	uint8_t data[0x4000];
};

/*
 * Function i is @names[i], at SMALL_ELF_TEXT_ADDR + i × SMALL_ELF_STRIDE. The build id is 20 times
 * @build_id. Names of equal length give files of equal size.
 */
void small_elf_make(struct small_elf *elf, const char *const *names, size_t n_names,
		    uint8_t build_id);

/* Takes the build id out of a file that was made, or gives it @text as Go's; its size stays. */
void small_elf_drop_build_id(struct small_elf *elf);
void small_elf_set_go_build_id(struct small_elf *elf, const char text[48]);

/*
 * The same file stripped: without functions, with a debuglink when @link is not NULL, without a
 * build id when @build_id is 0.
 */
void small_elf_make_stripped(struct small_elf *elf, uint8_t build_id, const char *link,
			     uint32_t crc);
