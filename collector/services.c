#include "services.h"

int services_open(struct services *services, const pid_t helpers[OPENER_HELPERS])
{
	int r = 0;

	for (size_t i = 0; i < SERVICES; i++) {
		int fd = process_status_open(i == 0 ? 0 : helpers[i - 1]);

		if (fd < 0)
			r = fd;
		services->fds[i] = fd < 0 ? -1 : fd;
	}
	return r;
}

size_t services_read(const struct services *services, struct wire_service ret_services[SERVICES])
{
	size_t n = 0;

	for (size_t i = 0; i < SERVICES; i++) {
		struct wire_service *service = &ret_services[n];

		service->role = i == 0 ? SERVICE_MAIN : SERVICE_OPENER;
		if (services->fds[i] >= 0 &&
		    process_status_read(services->fds[i], &service->status) == 0)
			n++;
	}
	return n;
}

void services_deinit(struct services *services)
{
	for (size_t i = 0; i < SERVICES; i++)
		close_fdp(&services->fds[i]);
}
