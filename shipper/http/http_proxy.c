#include "http/http_proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/value.h"

#define ADDRESS_BYTES 16u
#define ENTRY_MAX     256u

/* An address of either family; one of IPv4 as IPv6 maps it. */
struct address {
	unsigned char bytes[ADDRESS_BYTES];
	bool is_ipv4;
};

static bool read_address(const char *text, struct address *ret_address)
{
	struct address address = {.bytes = {[10] = 0xff, [11] = 0xff}, .is_ipv4 = true};
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET, text, address.bytes + 12) != 1) {
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return false;
		address.is_ipv4 = memcmp(address.bytes, mapped, sizeof(mapped)) == 0;
	}
	*ret_address = address;
	return true;
}

static bool is_loopback(const struct address *address)
{
	static const unsigned char one[ADDRESS_BYTES] = {[15] = 1};

	if (address->is_ipv4)
		return address->bytes[12] == 127;
	return memcmp(address->bytes, one, sizeof(one)) == 0;
}

static bool is_local(const struct http_url *url)
{
	struct address address;

	if (strcmp(url->host, "localhost") == 0)
		return true;
	return read_address(url->host, &address) && is_loopback(&address);
}

static bool has_prefix_bits(const struct address *address, const struct address *net, unsigned n)
{
	unsigned n_whole = n / 8, n_rest = n % 8;

	if (memcmp(address->bytes, net->bytes, n_whole) != 0)
		return false;
	if (n_rest == 0)
		return true;
	return ((address->bytes[n_whole] ^ net->bytes[n_whole]) >> (8 - n_rest)) == 0;
}

/* "10.0.0.0/8". False as well when @entry is none. @slash points into @entry. */
static bool matches_cidr(const char *entry, const char *slash, const struct http_url *url)
{
	struct address net, address;
	char text[ENTRY_MAX];
	uint64_t n_bits;
	size_t n_address = (size_t)(slash - entry);

	memcpy(text, entry, n_address);
	text[n_address] = '\0';
	if (!read_address(text, &net) || !read_address(url->host, &address) ||
	    config_parse_uint((struct config_text){slash + 1, strlen(slash + 1)}, &n_bits) != 0 ||
	    n_bits > (net.is_ipv4 ? 32 : 128) || net.is_ipv4 != address.is_ipv4)
		return false;
	return has_prefix_bits(&address, &net, (unsigned)n_bits + (net.is_ipv4 ? 96 : 0));
}

/*
 * Cuts a port off @entry: "host:80", "[::1]:80", whose brackets go, too. Returns it, or "": none,
 * and then brackets stay and match nothing.
 */
static const char *cut_port(char **entry)
{
	char *colon = strrchr(*entry, ':');
	bool has_brackets = (*entry)[0] == '[';

	if (!colon || (has_brackets ? colon[-1] != ']' : strchr(*entry, ':') != colon))
		return ""; /* of several colons: an address of IPv6 */
	*colon = '\0';
	if (has_brackets) {
		colon[-1] = '\0';
		(*entry)++;
	}
	return colon + 1;
}

static bool matches_domain(const char *domain, const char *host)
{
	bool only_below = domain[0] == '.';
	size_t n_domain, n_host = strlen(host);

	domain += only_below;
	n_domain = strlen(domain);
	if (n_domain == 0)
		return false;
	if (!only_below && strcasecmp(domain, host) == 0)
		return true;
	return n_host > n_domain && host[n_host - n_domain - 1] == '.' &&
	       strcasecmp(host + n_host - n_domain, domain) == 0;
}

/* @entry has no blanks around it and is changed. */
static bool matches_entry(char *entry, const struct http_url *url)
{
	const char *slash = strchr(entry, '/'), *port;
	struct address wanted, address;
	uint64_t number;

	if (strcmp(entry, "*") == 0)
		return true;
	if (slash)
		return matches_cidr(entry, slash, url);
	port = cut_port(&entry);
	if (*port && (config_parse_uint((struct config_text){port, strlen(port)}, &number) != 0 ||
		      number != url->port))
		return false;
	if (read_address(entry, &wanted))
		return read_address(url->host, &address) &&
		       memcmp(wanted.bytes, address.bytes, ADDRESS_BYTES) == 0;
	if (strncmp(entry, "*.", 2) == 0)
		entry++;
	return matches_domain(entry, url->host);
}

bool http_no_proxy_matches(const char *no_proxy, const struct http_url *url)
{
	char entry[ENTRY_MAX];
	size_t n;

	for (; *no_proxy; no_proxy += n + (no_proxy[n] == ',')) {
		const char *start = no_proxy;
		size_t n_trimmed;

		n = strcspn(no_proxy, ",");
		n_trimmed = n;
		while (n_trimmed > 0 && strchr(" \t", *start)) {
			start++;
			n_trimmed--;
		}
		while (n_trimmed > 0 && strchr(" \t", start[n_trimmed - 1]))
			n_trimmed--;
		if (n_trimmed == 0 || n_trimmed >= sizeof(entry))
			continue; /* no name of a host is so long */
		memcpy(entry, start, n_trimmed);
		entry[n_trimmed] = '\0';
		if (matches_entry(entry, url))
			return true;
	}
	return false;
}

static const char *either(const char *name, const char *other)
{
	const char *value = getenv(name);

	if (!value || !*value)
		value = getenv(other);
	return value && *value ? value : NULL;
}

static const char *of_environment(const struct http_url *url)
{
	bool is_https = strcmp(url->scheme, "https") == 0;
	const char *proxy = is_https ? either("HTTPS_PROXY", "https_proxy")
				     : either("HTTP_PROXY", "http_proxy");
	const char *no_proxy = either("NO_PROXY", "no_proxy");

	if (!proxy || is_local(url) || (no_proxy && http_no_proxy_matches(no_proxy, url)))
		return NULL;
	return proxy;
}

const char *http_proxy_for(const struct http_proxy_options *options, const struct http_url *url)
{
	if (options->from_environment)
		return of_environment(url);
	if (options->url && options->no_proxy &&
	    (is_local(url) || http_no_proxy_matches(options->no_proxy, url)))
		return NULL;
	return options->url;
}
