#include <string.h>

#include "base/identity.h"
#include "check.h"
#include "health_check.h"
#include "shipper.h"

int main(int argc, char **argv)
{
	cleanup_with(shipper_freep) struct shipper *shipper = NULL;
	struct options options;
	int r;

	if (argc > 1 && strcmp(argv[1], "health") == 0)
		return health_check_main(argc - 1, argv + 1);
	r = options_parse(&options, argc, argv);
	if (r != 0 || options.is_answered)
		return r;
	if (options.checked)
		return check_run(options.checked, options.prints);
	r = shipper_acquire(&options, &shipper);
	if (r == 0)
		r = shipper_confine(shipper); /* authority only shrinks from here on */
	if (r == 0)
		r = shipper_run(shipper);
	return r;
}
