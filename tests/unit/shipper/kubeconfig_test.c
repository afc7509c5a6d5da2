#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discovery/kubeconfig.h"

/* kubectl's file: what is made of it, what is refused, and that no secret is in a message. */

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PATH         "/home/u/.kube/config"

#define CONTEXTS                                                                                   \
	"current-context: here\n"                                                                  \
	"contexts:\n"                                                                              \
	"- name: there\n  context: {cluster: other, user: nobody}\n"                               \
	"- name: here\n  context: {cluster: c, user: u, namespace: shop}\n"
#define CLUSTER(more) "clusters:\n- name: c\n  cluster:\n    server: https://h:6443\n" more
#define USER(more)    "users:\n- name: u\n  user:\n" more
#define TOKEN         "    token: geheim\n"

static int read_text(const char *text, struct kubernetes_access *access, struct bytes *why)
{
	int r;

	*access = (struct kubernetes_access){.memory = CONFIG_ARENA_INIT(1 << 20)};
	*why = (struct bytes)BYTES_INIT(1024);
	r = kubeconfig_read((struct config_text){text, strlen(text)}, PATH, access, why);
	bytes_append(why, "", 1);
	return r;
}

static struct kubernetes_access read_well(const char *text)
{
	struct kubernetes_access access;
	struct bytes why;

	if (read_text(text, &access, &why) != 0)
		fail_msg("%s: %s", text, (char *)why.data);
	bytes_deinit(&why);
	return access;
}

static void a_token_goes_to_the_server_of_the_current_context(void **state)
{
	struct kubernetes_access access = read_well(CONTEXTS CLUSTER("") USER(TOKEN));

	(void)state;
	assert_string_equal(access.url, "https://h:6443");
	assert_int_equal(access.http.authentication, HTTP_CREDENTIALS);
	assert_string_equal(access.http.authentication_type, "Bearer");
	assert_string_equal(access.http.secret.text, "geheim");
	assert_null(access.http.tls.ca.text);
	assert_null(access.http.tls.ca.path);
	assert_false(access.http.tls.insecure_skip_verify);
	assert_true(access.http.proxy.from_environment);
	kubernetes_access_deinit(&access);
}

static void a_file_of_a_token_comes_before_the_token(void **state)
{
	struct kubernetes_access access =
		read_well(CONTEXTS CLUSTER("") USER(TOKEN "    tokenFile: token\n"));

	(void)state;
	assert_null(access.http.secret.text);
	assert_string_equal(access.http.secret.path, "/home/u/.kube/token");
	kubernetes_access_deinit(&access);
}

static void certificates_are_in_the_file_or_beside_it(void **state)
{
	struct kubernetes_access access =
		read_well(CONTEXTS CLUSTER("    certificate-authority-data: LS0tQ0EtLS0K\n"
					   "    certificate-authority: unused\n"
					   "    tls-server-name: api.internal\n")
				  USER("    client-certificate: /etc/u.crt\n"
				       "    client-key-data: |\n      LS0t\n      S0VZLS0=\n"));

	(void)state;
	assert_string_equal(access.http.tls.ca.text, "---CA---\n");
	assert_null(access.http.tls.ca.path);
	assert_string_equal(access.http.tls.server_name, "api.internal");
	assert_string_equal(access.http.tls.certificate.path, "/etc/u.crt");
	assert_null(access.http.tls.certificate.text);
	assert_string_equal(access.http.tls.key.text, "---KEY--");
	assert_int_equal(access.http.authentication, HTTP_ANONYMOUS);
	kubernetes_access_deinit(&access);
}

static void a_name_and_a_password_are_basic_authentication(void **state)
{
	struct kubernetes_access access = read_well(
		CONTEXTS CLUSTER("") USER("    username: admin\n    password: \"1234\"\n"));

	(void)state;
	assert_int_equal(access.http.authentication, HTTP_BASIC);
	assert_string_equal(access.http.user, "admin");
	assert_string_equal(access.http.secret.text, "1234");
	kubernetes_access_deinit(&access);
}

static void the_rest_of_a_cluster_is_understood(void **state)
{
	struct kubernetes_access access =
		read_well("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
			  "clusters: [{name: c, cluster: {server: 'http://h/base//', "
			  "insecure-skip-tls-verify: true, proxy-url: 'socks5://p:1'}}]\n");

	(void)state;
	assert_string_equal(access.url, "http://h/base");
	assert_true(access.http.tls.insecure_skip_verify);
	assert_string_equal(access.http.proxy.url, "socks5://p:1");
	assert_false(access.http.proxy.from_environment);
	assert_int_equal(access.http.authentication, HTTP_ANONYMOUS);
	kubernetes_access_deinit(&access);
}

static const struct {
	const char *text, *message;
} faults[] = {
	{"", PATH ": it is no mapping"},
	{"[]", PATH ": it is no mapping"},
	{"a: [", PATH ": line "},
	{"{}", PATH ": there is no current-context"},
	{"current-context: \"\"", "there is no current-context"},
	{"current-context: 7", "current-context is wrong, expected a string"},
	{"current-context: gone\n", "contexts has none of the name \"gone\""},
	{"current-context: gone\ncontexts: {}\n", "contexts is wrong, expected a list"},
	{"current-context: gone\ncontexts: [7]\n",
	 "contexts is wrong, expected a list of mappings"},
	{"current-context: a\ncontexts: [{name: a}]\n", "the context has no cluster"},
	{CONTEXTS USER(TOKEN), "clusters has none of the name \"c\""},
	{CONTEXTS CLUSTER(""), "users has none of the name \"u\""},
	{CONTEXTS "clusters: [{name: c, cluster: {}}]\n" USER(TOKEN), "the cluster has no server"},
	{CONTEXTS "clusters: [{name: c, cluster: {server: \"h:6443\"}}]\n" USER(TOKEN),
	 "server is \"h:6443\", expected"},
	{CONTEXTS
	 "clusters: [{name: c, cluster: {server: \"https://a:geheim@h:x\"}}]\n" USER(TOKEN),
	 "server is \"https://(secret)@h:x\", expected"},
	{CONTEXTS "clusters: [{name: c, cluster: {server: \"https://h?x\"}}]\n" USER(TOKEN),
	 "expected no ? or #"},
	{CONTEXTS CLUSTER("    insecure-skip-tls-verify: true\n    certificate-authority: a\n")
		 USER(TOKEN),
	 "has an authority and insecure-skip-tls-verify, expected one of them"},
	{CONTEXTS CLUSTER("    insecure-skip-tls-verify: 7\n") USER(TOKEN),
	 "insecure-skip-tls-verify is wrong, expected true or false"},
	{CONTEXTS CLUSTER("    certificate-authority-data: \"!!!\"\n") USER(TOKEN),
	 "certificate-authority-data is wrong, expected base64 of PEM"},
	{CONTEXTS CLUSTER("    certificate-authority-data: AAAA\n") USER(TOKEN),
	 "certificate-authority-data is wrong"},
	{CONTEXTS CLUSTER("    certificate-authority-data: LS0\n") USER(TOKEN),
	 "certificate-authority-data is wrong"},
	{CONTEXTS CLUSTER("    proxy-url: ftp://p\n") USER(TOKEN), "proxy-url is wrong"},
	{CONTEXTS CLUSTER("") USER("    token: 12345678\n"), "token is wrong, expected a string"},
	{CONTEXTS CLUSTER("") USER("    token: [geheim]\n"), "token is wrong, expected a string"},
	{CONTEXTS CLUSTER("") USER(TOKEN "    username: a\n"),
	 "the user has a token and a username, expected one of them"},
	{CONTEXTS CLUSTER("") USER("    client-certificate: a\n"),
	 "one of client-certificate and client-key, expected both or none"},
	{CONTEXTS CLUSTER("") USER("    exec: {command: aws}\n"),
	 "the user is made by a program (exec), expected token, tokenFile"},
	{CONTEXTS CLUSTER("") USER("    auth-provider: {name: gcp}\n"),
	 "the user is made by a plug-in (auth-provider), expected"},
	{CONTEXTS CLUSTER("") USER(TOKEN "    as: root\n"),
	 "the user is to speak as another (as), expected"},
};

static void what_is_wrong_is_said_without_secrets(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(faults); i++) {
		struct kubernetes_access access;
		struct bytes why;
		int r = read_text(faults[i].text, &access, &why);

		if (r != KUBERNETES_ACCESS_NONE || !strstr((char *)why.data, faults[i].message))
			fail_msg("%s: %d, %s", faults[i].text, r, (char *)why.data);
		assert_null(strstr((char *)why.data, "geheim"));
		bytes_deinit(&why);
		kubernetes_access_deinit(&access);
	}
}

/* ---- in a cluster, which this is not --------------------------------------------------------- */

static const struct {
	const char *host, *port, *url; /* NULL: there is none to be found */
} places[] = {
	{"10.96.0.1", "443", "https://10.96.0.1:443"},
	{"fd00::1", "6443", "https://[fd00::1]:6443"},
	{"kubernetes.default.svc", "443", "https://kubernetes.default.svc:443"},
	{"10.96.0.1", NULL, NULL},
	{NULL, "443", NULL},
	{"", "443", NULL},
	{"10.96.0.1", "99999", NULL},
	{"a b", "443", NULL},
};

static void set_or_not(const char *name, const char *value)
{
	assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void in_a_cluster_the_environment_says_where_the_api_is(void **state)
{
	const struct kubernetes_arguments arguments = {.api_server = NULL};

	(void)state;
	for (size_t i = 0; i < N_ROWS(places); i++) {
		struct kubernetes_access access;
		struct bytes why = BYTES_INIT(1024);
		int r;

		set_or_not("KUBERNETES_SERVICE_HOST", places[i].host);
		set_or_not("KUBERNETES_SERVICE_PORT", places[i].port);
		r = kubernetes_access_find(&arguments, &access, &why);
		assert_int_equal(r, places[i].url ? 0 : KUBERNETES_ACCESS_NONE);
		assert_int_equal(why.n_bytes > 0, r != 0);
		bytes_deinit(&why);
		if (r != 0)
			continue;
		assert_string_equal(access.url, places[i].url);
		assert_string_equal(access.http.secret.path,
				    "/var/run/secrets/kubernetes.io/serviceaccount/token");
		assert_string_equal(access.http.tls.ca.path,
				    "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
		kubernetes_access_deinit(&access);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_goes_to_the_server_of_the_current_context),
		cmocka_unit_test(a_file_of_a_token_comes_before_the_token),
		cmocka_unit_test(certificates_are_in_the_file_or_beside_it),
		cmocka_unit_test(a_name_and_a_password_are_basic_authentication),
		cmocka_unit_test(the_rest_of_a_cluster_is_understood),
		cmocka_unit_test(what_is_wrong_is_said_without_secrets),
		cmocka_unit_test(in_a_cluster_the_environment_says_where_the_api_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
