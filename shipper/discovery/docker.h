#pragma once
/*
 * `discovery.docker`: publishes the running containers of a Docker Engine as targets.
 *
 * The engine is asked anew whenever its stream of events says that something happened, and every
 * refresh_interval in any case. What it publishes stays when the engine does not answer, or
 * answers with something else than its API says.
 */
#include "discovery/source.h"

extern const struct source_class docker_class;
