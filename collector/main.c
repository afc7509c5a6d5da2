#include <string.h>

#include "base/heartbeat.h"
#include "base/identity.h"
#include "collector.h"
#include "log/log.h"
#include "options.h"

#define HEALTH_AGE_MAX_S 30 /* the loop turns at least every few seconds */

int main(int argc, char **argv)
{
	cleanup_with(collector_deinit) struct collector collector = COLLECTOR_NULL;
	struct options options;
	int status;

	if (argc > 1 && strcmp(argv[1], "health") == 0)
		return heartbeat_main("triptych-collector", HEALTH_AGE_MAX_S, argc - 1, argv + 1);
	if (options_parse(argc, argv, &options) != 0)
		return EXIT_STATUS_USAGE;
	if (options.is_done)
		return EXIT_STATUS_OK;
	log_set_level(options.log_level);

	status = collector_acquire(&collector, &options); /* all that needs privilege */
	if (status == EXIT_STATUS_OK)
		status = collector_confine(&collector); /* authority only shrinks from here on */
	if (status == EXIT_STATUS_OK)
		status = collector_run(&collector);
	return status;
}
