#include "base/identity.h"
#include "log/log.h"
#include "options.h"
#include "symbolizer.h"

int main(int argc, char **argv)
{
	cleanup_with(symbolizer_deinit) struct symbolizer symbolizer = SYMBOLIZER_NULL;
	struct options options;
	enum exit_status status;

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
