/*
 * Is busy for a second, then loads the library of its first argument and is busy in that for
 * another. With "delete" behind it the file is gone before the library runs.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burn.h"

static noinline void early_burn(void)
{
	burn_ns(UINT64_C(1000000000));
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	void (*burn)(void) = NULL;
	void *library;

	if (argc < 2)
		return 2;
	early_burn();
	library = dlopen(argv[1], RTLD_NOW);
	if (library)
		*(void **)&burn = dlsym(library, "plugin_burn");
	if (!burn) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	if (argc > 2 && strcmp(argv[2], "delete") == 0 && unlink(argv[1]) != 0)
		return 1;
	burn();
	return 0;
}
