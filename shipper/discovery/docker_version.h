#pragma once
/* Which version of Docker's API to speak: the lower of the engine's and ours. */
#include "base/cleanup.h"

#define DOCKER_VERSION_OWN    "1.47" /* of the client library that the old component has */
#define DOCKER_VERSION_UNSAID "1.24" /* of an engine that does not say one */
#define DOCKER_VERSION_BYTES  16

enum docker_version_outcome { DOCKER_VERSION_MALFORMED = 1 };

/*
 * @theirs is foreign: "1.52". @ret_version is set on 0 only. Returns 0 or DOCKER_VERSION_MALFORMED.
 */
int docker_version_choose(const char *theirs,
			  char ret_version[static DOCKER_VERSION_BYTES]) warn_unused_result;
