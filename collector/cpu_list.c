#include "cpu_list.h"

#include <stdlib.h>

static bool take_number(const char **at, unsigned long *ret_number)
{
	char *end;

	if (**at < '0' || **at > '9') /* strtoul takes blanks and signs */
		return false;
	*ret_number = strtoul(*at, &end, 10);
	*at = end;
	return true;
}

bool cpu_list_next(const char **list, unsigned long *ret_first, unsigned long *ret_last)
{
	const char *at = *list;
	unsigned long first, last;

	if (!take_number(&at, &first))
		return false;
	last = first;
	if (*at == '-') {
		at++;
		if (!take_number(&at, &last))
			return false;
	}
	*list = *at == ',' ? at + 1 : "";
	*ret_first = first;
	*ret_last = last;
	return true;
}
