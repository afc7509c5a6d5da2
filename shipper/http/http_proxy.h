#pragma once
/*
 * Which proxy a URL is asked through, by the rules of Go's x/net/http/httpproxy, which Alloy and
 * Prometheus have: pure functions of the options, the URL and the environment.
 *
 * no_proxy is a list with commas: "*"; an address or a CIDR; a domain, which stands for itself and
 * all below it, with a dot (or "*.") before it for those below it only; each but a CIDR with a port
 * behind it, perhaps. Where there is a no_proxy, or the environment decides, "localhost" and
 * loopback addresses are never asked through a proxy.
 */
#include "http/http_options.h"
#include "http/http_url.h"

/* Whether @no_proxy lets @url be reached directly. */
bool http_no_proxy_matches(const char *no_proxy, const struct http_url *url);

/*
 * The URL of the proxy for @url, borrowed from @options or the environment; NULL: none. One of the
 * environment may lack its scheme: http then.
 */
const char *http_proxy_for(const struct http_proxy_options *options, const struct http_url *url);
