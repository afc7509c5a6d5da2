#include "base/number.h"

#include <errno.h>
#include <stdlib.h>

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9') /* strtoull takes blanks and signs */
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < min || value > max)
		return -EINVAL;
	*ret_value = value;
	return 0;
}
