/* A library that is loaded late, or deleted while it is mapped. */
#include "burn.h"

noinline void plugin_burn(void);

noinline void plugin_burn(void)
{
	burn_ns(UINT64_C(1000000000));
	__asm__ volatile("");
}
