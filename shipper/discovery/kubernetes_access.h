#pragma once
/*
 * Where the Kubernetes API is and who we say we are: of the arguments, of a kubeconfig file, or of
 * what the cluster gives a pod. Files of tokens and certificates are named, not read: http_client
 * reads them for each request.
 */
#include "discovery/kubernetes_arguments.h"
#include "http/http_options.h"

struct kubernetes_access {
	struct config_arena memory; /* owned: all of the rest */
	const char *url;            /* that the API's paths follow: no "/" at its end */
	struct http_options http;
};

enum kubernetes_access_outcome {
	KUBERNETES_ACCESS_NONE = 1, /* it is not said, or not usable */
};

/*
 * Looks at the environment and at files, as they are now.
 *   @ret_access  set on 0 only; owned: kubernetes_access_deinit()
 *   @why         for people: appended to when it is none
 * Returns 0, -ENOMEM or KUBERNETES_ACCESS_NONE.
 */
int kubernetes_access_find(const struct kubernetes_arguments *arguments,
			   struct kubernetes_access *ret_access,
			   struct bytes *why) warn_unused_result;

void kubernetes_access_deinit(struct kubernetes_access *access);

/*
 * The namespace that this process runs in, into @memory. Returns 0, -ENOMEM or
 * KUBERNETES_ACCESS_NONE.
 */
int kubernetes_access_namespace(struct config_arena *memory, const char **ret_namespace,
				struct bytes *why) warn_unused_result;
