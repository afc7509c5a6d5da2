#pragma once
/*
 * What of the file system the shipper keeps once it runs. Landlock only ever shrinks, and a
 * configuration that is loaded later may name files that nobody knows at start: tokens,
 * certificates, sockets. So the process may go on reading what its uid may read, which holds no
 * privilege, but for /proc, /sys and /dev; and writes nowhere but in its own directories.
 */
#include <stdbool.h>

#include "configuration/configuration.h"
#include "options.h"

/*
 * Confines the calling thread and all that it will start.
 *   @configuration     its file:// directories may be written
 *   @ret_has_landlock  set on 0 only
 * Returns 0 or a negative errno.
 */
int confinement_enter(const struct options *options, const struct configuration *configuration,
		      bool *ret_has_landlock) warn_unused_result;
