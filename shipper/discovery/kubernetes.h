#pragma once
/*
 * `discovery.kubernetes`, role pod: publishes the containers of the pods that a Kubernetes API
 * knows as targets, as soon as it says that something is different. What was published stays while
 * the API does not answer, or answers with something else than its API says.
 */
#include "discovery/source.h"

extern const struct source_class kubernetes_class;
