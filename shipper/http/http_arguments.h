#pragma once
/*
 * The HTTP options as arguments of a block: pyroscope.write's endpoint, discovery.docker and
 * discovery.kubernetes take the same ones. A component puts a struct http_arguments into its struct
 * of arguments, the rows into its tables and the defaults into its defaults:
 *
 *	struct docker_arguments { struct config_decoded decoded; …; struct http_arguments http; };
 *	static const struct config_argument rows[] = {
 *		{.name = "host", …},
 *		HTTP_ARGUMENT_ROWS(struct docker_arguments, http),
 *	};
 *	static const struct config_inner inner[] = {
 *		HTTP_ARGUMENT_INNER(struct docker_arguments, http),
 *	};
 *	static const struct docker_arguments defaults = {…, .http = HTTP_ARGUMENTS_DEFAULT};
 */
#include "configuration/components.h"
#include "config/decoder.h"
#include "http/http_options.h"

/* Where a client goes through a proxy: of a block, and of its oauth2 block. */
struct http_proxy_arguments {
	struct config_text url;
	struct config_text no_proxy;
	bool from_environment;
	struct config_object connect_header; /* of arrays of texts */
};

struct http_arguments {
	struct config_text bearer_token;
	struct config_text bearer_token_file;
	struct http_proxy_arguments proxy;
	bool follow_redirects;
	bool enable_http2;
	struct config_object headers; /* of arrays of texts */
	struct config_inner_blocks basic_auth;
	struct config_inner_blocks authorization;
	struct config_inner_blocks oauth2;
	struct config_inner_blocks tls_config;
};

extern const struct config_schema http_basic_auth_schema;
extern const struct config_schema http_authorization_schema;
extern const struct config_schema http_oauth2_schema;
extern const struct config_schema http_tls_schema;

/* clang-format off: tables */
#define HTTP_ROW(row_name, row_kind, row_offset)                                                   \
	{                                                                                          \
		.name = (row_name), .kind = (row_kind), .offset = (row_offset)                     \
	}

#define HTTP_PROXY_ROWS(type, member)                                                              \
	HTTP_ROW("proxy_url", CONFIG_ARGUMENT_TEXT, offsetof(type, member.url)),                   \
		HTTP_ROW("no_proxy", CONFIG_ARGUMENT_TEXT, offsetof(type, member.no_proxy)),       \
		HTTP_ROW("proxy_from_environment", CONFIG_ARGUMENT_BOOL,                           \
			 offsetof(type, member.from_environment)),                                 \
		HTTP_ROW("proxy_connect_header", CONFIG_ARGUMENT_SECRET_LISTS,                     \
			 offsetof(type, member.connect_header))

#define HTTP_ARGUMENT_ROWS(type, member)                                                           \
	HTTP_ROW("bearer_token", CONFIG_ARGUMENT_SECRET, offsetof(type, member.bearer_token)),     \
		HTTP_ROW("bearer_token_file", CONFIG_ARGUMENT_TEXT,                                \
			 offsetof(type, member.bearer_token_file)),                                \
		HTTP_ROW("follow_redirects", CONFIG_ARGUMENT_BOOL,                                 \
			 offsetof(type, member.follow_redirects)),                                 \
		HTTP_ROW("enable_http2", CONFIG_ARGUMENT_BOOL,                                     \
			 offsetof(type, member.enable_http2)),                                     \
		HTTP_ROW("http_headers", CONFIG_ARGUMENT_SECRET_LISTS,                             \
			 offsetof(type, member.headers)),                                          \
		HTTP_PROXY_ROWS(type, member.proxy)

#define HTTP_ARGUMENT_INNER(type, member)                                                          \
	{"basic_auth", &http_basic_auth_schema, offsetof(type, member.basic_auth), 1},             \
		{"authorization", &http_authorization_schema,                                      \
		 offsetof(type, member.authorization), 1},                                         \
		{"oauth2", &http_oauth2_schema, offsetof(type, member.oauth2), 1},                 \
	{                                                                                          \
		"tls_config", &http_tls_schema, offsetof(type, member.tls_config), 1               \
	}

#define HTTP_ARGUMENTS_DEFAULT                                                                     \
	{                                                                                          \
		.bearer_token = CONFIG_TEXT(""), .bearer_token_file = CONFIG_TEXT(""),             \
		.proxy = {.url = CONFIG_TEXT(""), .no_proxy = CONFIG_TEXT("")},                    \
		.follow_redirects = true, .enable_http2 = true,                                    \
	}
/* clang-format on */

/* The block that has the options, decoded without a refusal. All borrowed for the call. */
struct http_arguments_block {
	const struct config_schema *schema; /* with the rows */
	const struct config_decoded *decoded;
	const struct http_arguments *arguments;
};

/*
 * Checks what a table cannot say (which options exclude each other, what a URL or a header may be)
 * and makes options in the result's memory.
 *   @ret_options  set on 0 only; the result's
 * Returns 0, a negative error of an arena, or CONFIG_REFUSED: what is wrong was reported.
 */
int http_arguments_load(struct component_loading *loading, const struct http_arguments_block *block,
			const struct http_options **ret_options) warn_unused_result;

/* What is wrong with a header? NULL: nothing. It must not end its line and begin another. Static */
const char *http_header_fault(struct config_text name, struct config_text value);
