/*
 * Any bytes as a name: in each mode what is written fits, is the same again, and a name that was
 * read in between changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "demangle/demangle.h"
#include "display_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct demangler *demangler, struct wire_bytes name)
{
	static char first[DISPLAY_NAME_BYTES_MAX], second[DISPLAY_NAME_BYTES_MAX];
	const struct wire_bytes other = {"_ZN3foo4uselEi", 14};
	size_t n = demangle(demangler, name, first, sizeof(first));

	if (n > sizeof(first))
		abort();
	(void)demangle(demangler, other, second, sizeof(second));
	if (demangle(demangler, name, second, sizeof(second)) != n || memcmp(first, second, n) != 0)
		abort();
	if (n > 0 && demangle(demangler, name, second, n - 1) != 0)
		abort(); /* it does not fit: it is never cut */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct demangler *demanglers[DEMANGLE_FULL + 1];

	for (int mode = DEMANGLE_NONE; mode <= DEMANGLE_FULL; mode++) {
		if (!demanglers[mode] &&
		    demangler_new((enum demangle_mode)mode, &demanglers[mode]) != 0)
			abort();
		check(demanglers[mode], (struct wire_bytes){data, size});
	}
	return 0;
}
