#pragma once
/*
 * kubectl's configuration file: of its current context, the server and the user. Tokens, files of
 * tokens, passwords, client certificates and authorities are understood; what would have to run a
 * program, or speak as another user, is refused.
 */
#include "config/source.h"
#include "discovery/kubernetes_access.h"

/*
 * Reads @text (borrowed for the call), of the file @path, which other paths in it begin at.
 *   @access  its memory is there; the rest is set on 0 only
 *   @why     for people, without secrets: appended to when it is not usable
 * Returns 0, a negative error of the memory, or KUBERNETES_ACCESS_NONE.
 */
int kubeconfig_read(struct config_text text, const char *path, struct kubernetes_access *access,
		    struct bytes *why) warn_unused_result;
