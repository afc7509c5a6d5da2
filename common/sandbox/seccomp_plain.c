#include "sandbox/seccomp.h"

/* A build without sanitizers needs nothing beside its role. */
const struct seccomp_table seccomp_build_table = {0};
