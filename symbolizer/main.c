#include <string.h>

#include "base/heartbeat.h"
#include "base/identity.h"
#include "demangle_lines.h"
#include "log/log.h"
#include "options.h"
#include "resolve.h"
#include "symbolizer.h"

#define HEALTH_AGE_MAX_S 90 /* it may wait half a minute for work, and name for as long */

static enum exit_status health_main(int argc, char **argv)
{
	return (enum exit_status)heartbeat_main("triptych-symbolizer", HEALTH_AGE_MAX_S, argc,
						argv);
}

/* What is not the service but a tool: for people, with their own authority. */
static const struct {
	const char *name;
	enum exit_status (*run)(int argc, char **argv);
} tools[] = {
	{"health", health_main},
	{"demangle", demangle_lines_main},
	{"resolve", resolve_main},
};

int main(int argc, char **argv)
{
	cleanup_with(symbolizer_deinit) struct symbolizer symbolizer = SYMBOLIZER_NULL;
	struct options options;
	enum exit_status status;

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (argc > 1 && strcmp(argv[1], tools[i].name) == 0)
			return tools[i].run(argc - 1, argv + 1);
	if (options_parse(argc, argv, &options) != 0)
		return EXIT_STATUS_USAGE;
	if (options.is_done)
		return EXIT_STATUS_OK;
	log_set_level(options.log_level);

	status = symbolizer_acquire(&symbolizer, &options); /* all that is opened by name */
	if (status == EXIT_STATUS_OK)
		status = symbolizer_confine(&symbolizer); /* authority only shrinks from here on */
	if (status == EXIT_STATUS_OK)
		status = symbolizer_run(&symbolizer);
	return status;
}
