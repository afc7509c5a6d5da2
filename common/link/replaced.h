#pragma once
/* A function of nng that ours is called instead of, and the one that it replaces: --wrap's names.
 */
#define REPLACES(name) __asm__("__wrap_" #name)
#define REPLACED(name) __asm__("__real_" #name)
