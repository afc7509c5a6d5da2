#include "elf/debuglink.h"

#include <string.h>

int debuglink_parse(struct wire_bytes section, struct debuglink *ret_link)
{
	const char *text = section.data;
	size_t n_name = 0, crc_at;
	uint32_t crc;

	if (section.n_bytes > 0)
		n_name = strnlen(text, section.n_bytes);
	crc_at = (n_name + 1 + 3) & ~(size_t)3;
	if (n_name == 0 || n_name > OBJECT_OPEN_NAME_BYTES_MAX || crc_at > section.n_bytes ||
	    section.n_bytes - crc_at < sizeof(crc))
		return DEBUGLINK_MALFORMED;
	memcpy(&crc, text + crc_at, sizeof(crc)); /* in the byte order of the file: ours */
	*ret_link = (struct debuglink){.name = {text, n_name}, .crc = crc};
	return 0;
}
