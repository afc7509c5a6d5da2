#pragma once
/*
 * How many threads nng starts. Two implementations, chosen by CMake: nng since 1.7 can be told
 * (threads_told.c), in earlier ones the functions that decide are replaced (replaced.c). Six either
 * way: two for tasks, one each for polling, expiry, reaping, and timers or names.
 */

/* Call before any other function of nng. */
void threads_limit(void);
