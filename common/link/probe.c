#include "link/probe.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "wire/wire.h"

#define PROBE_TIMEOUT_MS 2000

int probe_begin(const char *path, enum wire_party self, struct link_client **ret_client)
{
	struct link_dial_options options = {
		.path = path,
		.self = self,
		.peer = self,
		.n_uids = 1,
		.uids = {geteuid()},
	};
	cleanup_with(bytes_deinit) struct bytes frame = BYTES_INIT(64);
	struct link_client *client;
	int r;

	wire_encode_bare(&frame, MESSAGE_PROBE);
	if (frame.error)
		return frame.error;
	r = link_dial(&options, &client);
	if (r < 0)
		return r;
	r = link_ask_begin(client, frame.data, frame.n_bytes, PROBE_TIMEOUT_MS);
	if (r < 0) {
		link_client_free(client);
		return r;
	}
	*ret_client = client;
	return 0;
}
