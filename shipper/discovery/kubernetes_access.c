#include "discovery/kubernetes_access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/kubeconfig.h"
#include "file_text.h"
#include "http/http_url.h"

#define ACCOUNT         "/var/run/secrets/kubernetes.io/serviceaccount"
#define FILE_BYTES_MAX  ((size_t)1 << 20)
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-."
#define NAME_BYTES_MAX  253u

static int find_in_cluster(struct kubernetes_access *access, struct bytes *why)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	struct bytes url = BYTES_INIT(HTTP_URL_BYTES_MAX);
	bool is_ipv6 = host && strchr(host, ':');

	if (!host || !host[0] || !port || !port[0]) {
		bytes_printf(why, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
				  "set, as they are in a cluster: expected api_server or "
				  "kubeconfig_file outside of one");
		return KUBERNETES_ACCESS_NONE;
	}
	bytes_printf(&url, "https://%s%s%s:%s", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
	access->url = config_arena_copy(&access->memory, url.data, url.n_bytes);
	bytes_deinit(&url);
	if (!access->url)
		return access->memory.error;
	if (http_url_fault((struct config_text){access->url, strlen(access->url)})) {
		bytes_printf(why, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no host "
				  "and port");
		return KUBERNETES_ACCESS_NONE;
	}
	access->http = http_options_default;
	access->http.authentication = HTTP_CREDENTIALS;
	access->http.authentication_type = "Bearer";
	access->http.secret.path = ACCOUNT "/token";
	access->http.tls.ca.path = ACCOUNT "/ca.crt";
	access->http.proxy.from_environment = true;
	return 0;
}

static int find_in_file(const char *path, struct kubernetes_access *access, struct bytes *why)
{
	struct bytes text = BYTES_INIT(FILE_BYTES_MAX);
	int r = file_text_read(path, &text);

	if (r < 0 && r != -ENOMEM) {
		bytes_printf(why, "kubeconfig_file %s cannot be read: %s", path, strerror(-r));
		r = KUBERNETES_ACCESS_NONE;
	}
	if (r == 0)
		r = kubeconfig_read((struct config_text){text.data ? (const char *)text.data : "",
							 text.n_bytes},
				    path, access, why);
	if (text.data)
		explicit_bzero(text.data, text.capacity_bytes);
	bytes_deinit(&text);
	return r;
}

int kubernetes_access_find(const struct kubernetes_arguments *arguments,
			   struct kubernetes_access *ret_access, struct bytes *why)
{
	struct kubernetes_access access = {.memory = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX)};
	int r = 0;

	if (arguments->kubeconfig_path) {
		r = find_in_file(arguments->kubeconfig_path, &access, why);
	} else if (arguments->api_server) {
		access.url = arguments->api_server;
		access.http = *arguments->http;
	} else {
		r = find_in_cluster(&access, why);
	}
	if (r == -EMSGSIZE) {
		bytes_printf(why, "kubeconfig_file %s is too big", arguments->kubeconfig_path);
		r = KUBERNETES_ACCESS_NONE;
	}
	if (r == 0)
		*ret_access = access;
	else
		kubernetes_access_deinit(&access);
	return r;
}

void kubernetes_access_deinit(struct kubernetes_access *access)
{
	config_arena_deinit(&access->memory);
	access->url = NULL;
}

int kubernetes_access_namespace(struct config_arena *memory, const char **ret_namespace,
				struct bytes *why)
{
	struct bytes text = BYTES_INIT(NAME_BYTES_MAX + 2);
	int r = file_text_read(ACCOUNT "/namespace", &text);
	char *name = NULL;

	if (r == 0)
		name = config_arena_copy(memory, text.data, text.n_bytes);
	bytes_deinit(&text);
	if (r < 0 && r != -ENOMEM) {
		bytes_printf(why, "%s, which says the own_namespace, cannot be read: %s",
			     ACCOUNT "/namespace", strerror(-r));
		return KUBERNETES_ACCESS_NONE;
	}
	if (!name)
		return -ENOMEM;
	name[strcspn(name, "\r\n")] = '\0';
	if (!name[0] || name[0] == '.' || name[strspn(name, NAME_CHARACTERS)]) {
		bytes_printf(why, "%s has no name in it", ACCOUNT "/namespace");
		return KUBERNETES_ACCESS_NONE;
	}
	*ret_namespace = name;
	return 0;
}
