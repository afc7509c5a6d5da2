#include "discovery/kubeconfig.h"

#include <string.h>

#include "config/yaml.h"
#include "http/http_url.h"

struct reading {
	const char *path; /* of the file */
	struct kubernetes_access *access;
	struct config_arena *arena; /* of the access */
	struct bytes *why;
};

static const struct config_object nothing = {NULL, 0};

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

static const struct config_value *find(const struct config_object *object, const char *key)
{
	const struct config_value *value = config_object_find(object, text_of(key));

	return value && value->type != CONFIG_NULL ? value : NULL;
}

static int refuse(struct reading *reading, const char *what, const char *expected)
{
	bytes_printf(reading->why, "%s: %s, expected %s", reading->path, what, expected);
	return KUBERNETES_ACCESS_NONE;
}

/* Its name, never its value, which may be a secret. */
static int refuse_member(struct reading *reading, const char *key, const char *expected)
{
	bytes_printf(reading->why, "%s: %s is wrong, expected %s", reading->path, key, expected);
	return KUBERNETES_ACCESS_NONE;
}

/* NULL for one that is not there, or empty. */
static int get_text(struct reading *reading, const struct config_object *object, const char *key,
		    const char **ret_text)
{
	const struct config_value *value = find(object, key);

	*ret_text = NULL;
	if (!value)
		return 0;
	if (value->type != CONFIG_STRING ||
	    (value->text.n_bytes > 0 && memchr(value->text.data, '\0', value->text.n_bytes)))
		return refuse_member(reading, key, "a string");
	if (value->text.n_bytes > 0)
		*ret_text = value->text.data;
	return 0;
}

static int get_bool(struct reading *reading, const struct config_object *object, const char *key,
		    bool *ret_bool)
{
	const struct config_value *value = find(object, key);

	*ret_bool = false;
	if (!value)
		return 0;
	if (value->type != CONFIG_BOOL)
		return refuse_member(reading, key, "true or false");
	*ret_bool = value->boolean;
	return 0;
}

static int get_object(struct reading *reading, const struct config_object *object, const char *key,
		      struct config_object *ret_object)
{
	const struct config_value *value = find(object, key);

	*ret_object = nothing;
	if (!value)
		return 0;
	if (value->type != CONFIG_OBJECT)
		return refuse_member(reading, key, "a mapping");
	*ret_object = value->object;
	return 0;
}

/* Of the list @list the member @member of the item with the name @name, which must be there. */
static int get_named(struct reading *reading, const struct config_object *root, const char *list,
		     const char *member, const char *name, struct config_object *ret_object)
{
	const struct config_value *items = find(root, list);

	if (items && items->type != CONFIG_ARRAY)
		return refuse_member(reading, list, "a list");
	for (size_t i = 0; items && i < items->array.n_items; i++) {
		const struct config_value *item = &items->array.items[i];
		const char *own;

		if (item->type != CONFIG_OBJECT)
			return refuse_member(reading, list, "a list of mappings");
		if (get_text(reading, &item->object, "name", &own) != 0)
			return KUBERNETES_ACCESS_NONE;
		if (own && strcmp(own, name) == 0)
			return get_object(reading, &item->object, member, ret_object);
	}
	bytes_printf(reading->why, "%s: %s has none of the name \"%s\"", reading->path, list, name);
	return KUBERNETES_ACCESS_NONE;
}

/* A path in the file begins where the file is. */
static const char *resolve(struct reading *reading, const char *path)
{
	const char *slash = strrchr(reading->path, '/');
	size_t n_directory = slash ? (size_t)(slash - reading->path) + 1 : 0;
	char *whole;

	if (path[0] == '/')
		return path;
	whole = config_arena_alloc(reading->arena, n_directory + strlen(path) + 1);
	if (!whole)
		return NULL;
	memcpy(whole, reading->path, n_directory);
	memcpy(whole + n_directory, path, strlen(path) + 1);
	return whole;
}

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

/* Line ends may stand anywhere, padding at the end. NULL with no error of the arena: it is none. */
static const char *decode(struct reading *reading, const char *base64)
{
	size_t n_digits = 0, n_padding = 0, n = 0;
	char *text = config_arena_alloc(reading->arena, strlen(base64) + 1);
	uint32_t bits = 0;

	for (; text && *base64; base64++) {
		int digit = digit_of(*base64);

		if (*base64 == '\n' || *base64 == '\r')
			continue;
		n_padding += *base64 == '=';
		if (*base64 == '=')
			continue;
		if (digit < 0 || n_padding > 0)
			return NULL;
		bits = bits << 6 | (uint32_t)digit;
		if (++n_digits % 4 != 1)
			text[n++] = (char)(bits >> (6 - 2 * ((n_digits - 1) % 4)));
	}
	if (n_padding > 2 || (n_digits + n_padding) % 4 != 0 || (text && strlen(text) != n))
		return NULL;
	return text;
}

/* Of NAME and NAME-data the second, as it is said to be; PEM. */
static int get_content(struct reading *reading, const struct config_object *object,
		       const char *name, const char *data_name, struct http_content *ret_content)
{
	const char *path, *data;
	int r = get_text(reading, object, name, &path);

	*ret_content = (struct http_content){.text = NULL};
	if (r == 0)
		r = get_text(reading, object, data_name, &data);
	if (r != 0)
		return r;
	if (data) {
		ret_content->text = decode(reading, data);
		if (!ret_content->text && !reading->arena->error)
			return refuse_member(reading, data_name, "base64 of PEM");
	} else if (path) {
		ret_content->path = resolve(reading, path);
	}
	return reading->arena->error;
}

static int read_server(struct reading *reading, const struct config_object *cluster)
{
	const char *server, *fault;
	struct config_text url;
	int r = get_text(reading, cluster, "server", &server);

	if (r != 0)
		return r;
	if (!server)
		return refuse(reading, "the cluster has no server", "server: https://HOST:PORT");
	url = text_of(server);
	fault = http_url_fault(url);
	if (fault || strpbrk(server, "?#")) {
		bytes_printf(reading->why, "%s: server is \"%s\", %s", reading->path,
			     http_url_without_user(reading->arena, url),
			     fault ? fault : "expected no ? or #");
		return KUBERNETES_ACCESS_NONE;
	}
	while (url.data[url.n_bytes - 1] == '/') /* ends: a host is there */
		url.n_bytes--;
	reading->access->url = config_arena_copy(reading->arena, url.data, url.n_bytes);
	return reading->arena->error;
}

static int read_proxy(struct reading *reading, const struct config_object *cluster)
{
	struct http_proxy_options *proxy = &reading->access->http.proxy;
	int r = get_text(reading, cluster, "proxy-url", &proxy->url);

	if (r != 0)
		return r;
	if (proxy->url && http_proxy_url_fault(text_of(proxy->url)))
		return refuse_member(reading, "proxy-url",
				     http_proxy_url_fault(text_of(proxy->url)));
	proxy->from_environment = !proxy->url;
	return 0;
}

static int read_cluster(struct reading *reading, const struct config_object *cluster)
{
	struct http_tls_options *tls = &reading->access->http.tls;
	int r = read_server(reading, cluster);

	if (r == 0)
		r = get_content(reading, cluster, "certificate-authority",
				"certificate-authority-data", &tls->ca);
	if (r == 0)
		r = get_bool(reading, cluster, "insecure-skip-tls-verify",
			     &tls->insecure_skip_verify);
	if (r == 0)
		r = get_text(reading, cluster, "tls-server-name", &tls->server_name);
	if (r == 0 && tls->insecure_skip_verify && (tls->ca.text || tls->ca.path))
		r = refuse(reading, "the cluster has an authority and insecure-skip-tls-verify",
			   "one of them");
	return r ? r : read_proxy(reading, cluster);
}

/* What a user may have that would be another user's, or ours, without it. */
static int check_user(struct reading *reading, const struct config_object *user)
{
	static const struct {
		const char *key, *message;
	} refused[] = {
		{"exec", "the user is made by a program (exec)"},
		{"auth-provider", "the user is made by a plug-in (auth-provider)"},
		{"as", "the user is to speak as another (as)"},
		{"as-uid", "the user is to speak as another (as-uid)"},
		{"as-groups", "the user is to speak for groups (as-groups)"},
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (find(user, refused[i].key))
			return refuse(reading, refused[i].message,
				      "token, tokenFile, client-certificate or username: no "
				      "program is run here");
	return 0;
}

/* A file of a token is read again for each request, and therefore comes before the token. */
static int read_credentials(struct reading *reading, const struct config_object *user)
{
	struct http_options *http = &reading->access->http;
	const char *token, *path, *name, *password;
	int r = get_text(reading, user, "token", &token);

	if (r == 0)
		r = get_text(reading, user, "tokenFile", &path);
	if (r == 0)
		r = get_text(reading, user, "username", &name);
	if (r == 0)
		r = get_text(reading, user, "password", &password);
	if (r != 0)
		return r;
	if (name && (token || path))
		return refuse(reading, "the user has a token and a username", "one of them");
	if (name) {
		http->authentication = HTTP_BASIC;
		http->user = name;
		http->secret.text = password ? password : "";
	} else if (path || token) {
		http->authentication = HTTP_CREDENTIALS;
		http->authentication_type = "Bearer";
		http->secret.path = path ? resolve(reading, path) : NULL;
		http->secret.text = path ? NULL : token;
	}
	return reading->arena->error;
}

static int read_user(struct reading *reading, const struct config_object *user)
{
	struct http_tls_options *tls = &reading->access->http.tls;
	int r = check_user(reading, user);

	if (r == 0)
		r = read_credentials(reading, user);
	if (r == 0)
		r = get_content(reading, user, "client-certificate", "client-certificate-data",
				&tls->certificate);
	if (r == 0)
		r = get_content(reading, user, "client-key", "client-key-data", &tls->key);
	if (r == 0 &&
	    !(tls->certificate.text || tls->certificate.path) != !(tls->key.text || tls->key.path))
		r = refuse(reading, "the user has one of client-certificate and client-key",
			   "both or none");
	return r;
}

static int read_context(struct reading *reading, const struct config_object *root)
{
	const char *current, *cluster_name, *user_name;
	struct config_object context, cluster, user = nothing;
	int r = get_text(reading, root, "current-context", &current);

	if (r != 0)
		return r;
	if (!current)
		return refuse(reading, "there is no current-context", "the name of a context");
	r = get_named(reading, root, "contexts", "context", current, &context);
	if (r == 0)
		r = get_text(reading, &context, "cluster", &cluster_name);
	if (r == 0)
		r = get_text(reading, &context, "user", &user_name);
	if (r != 0)
		return r;
	if (!cluster_name)
		return refuse(reading, "the context has no cluster", "the name of one");
	r = get_named(reading, root, "clusters", "cluster", cluster_name, &cluster);
	if (r == 0 && user_name)
		r = get_named(reading, root, "users", "user", user_name, &user);
	if (r == 0)
		r = read_cluster(reading, &cluster);
	return r ? r : read_user(reading, &user);
}

int kubeconfig_read(struct config_text text, const char *path, struct kubernetes_access *access,
		    struct bytes *why)
{
	struct reading reading = {
		.path = path, .access = access, .arena = &access->memory, .why = why};
	struct config_value root;
	int r;

	access->http = http_options_default;
	bytes_printf(why, "%s: ", path);
	r = config_yaml_read(text, reading.arena, &root, why);
	if (r != 0)
		return r < 0 ? r : KUBERNETES_ACCESS_NONE;
	bytes_clear(why);
	if (root.type != CONFIG_OBJECT)
		return refuse(&reading, "it is no mapping", "what kubectl config view shows");
	return read_context(&reading, &root.object);
}
