/* A kubeconfig file: of any text come a server and credentials, or a reason. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "discovery/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kubernetes_access access = {.memory = CONFIG_ARENA_INIT(1 << 20)};
	struct bytes why = BYTES_INIT(1024);
	int r = kubeconfig_read((struct config_text){(const char *)data, size}, "/k/config",
				&access, &why);

	if (r == 0) {
		assert(access.url && why.n_bytes == 0);
		assert(access.http.authentication != HTTP_BASIC || access.http.user);
	} else {
		assert(r < 0 || why.n_bytes > 0);
	}
	bytes_deinit(&why);
	kubernetes_access_deinit(&access);
	return 0;
}
