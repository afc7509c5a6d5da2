/*
 * Tokens of OAuth2's client credentials grant (RFC 6749, 4.4). A token is kept for all requests
 * with the same options, fetched again before it expires or when a server refuses it, and by one
 * request at a time: those that need it wait for that one.
 *
 * The secret goes into the Authorization header first, as the RFC wants it; a server that does not
 * take it from there gets it in the form.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "http/http_arguments.h"
#include "http/http_content.h"
#include "http/http_internal.h"

#define FETCH_TIMEOUT_MS     10000u
#define KEY_BYTES_MAX        (4u << 20)
#define FORM_BYTES_MAX       (2u << 20)
#define MARGIN_NS            (UINT64_C(10) * SECOND_NS) /* a token is not used right to its end */
#define SECOND_NS            UINT64_C(1000000000)
#define LIFETIME_S_MAX       (366.0 * 24 * 3600)
#define ERROR_WORD_BYTES_MAX 64

struct http_token {
	struct http_token *next;
	struct http_client *client;
	struct config_arena memory;  /* owned */
	struct http_options options; /* whose oauth2 it is; in memory */
	struct bytes key;            /* owned: what tells it from others; a secret */
	char *value;                 /* owned: "Bearer …"; NULL: there is none */
	uint64_t generation;         /* grows with each value */
	uint64_t expires_ns;
	uint64_t used_ns;
	bool wants_form; /* this server takes the secret from the form */

	struct http_transfer *fetch; /* borrowed; NULL: none is going on */
	struct bytes form;           /* owned: its body; a secret */
};

static void wipe(struct bytes *bytes)
{
	if (bytes->data)
		explicit_bzero(bytes->data, bytes->capacity_bytes);
	bytes_deinit(bytes);
}

static void token_free(struct http_token *token)
{
	if (!token)
		return;
	wipe(&token->key);
	wipe(&token->form);
	http_secret_freep(&token->value);
	config_arena_deinit(&token->memory);
	free(token);
}

static void token_freep(struct http_token **token)
{
	token_free(*token);
}

void http_tokens_free(struct http_client *client)
{
	while (client->tokens) {
		struct http_token *token = client->tokens;

		client->tokens = token->next;
		token_free(token);
	}
}

static bool is_needed(const struct http_client *client, const struct http_token *token)
{
	for (const struct http_transfer *i = client->transfers; i; i = i->next)
		if (i->token == token)
			return true;
	return token->fetch != NULL;
}

/* Makes room: the one that nobody asked for the longest time goes. */
static void forget_oldest(struct http_client *client)
{
	struct http_token **oldest = NULL, *gone;
	size_t n = 0;

	for (struct http_token **at = &client->tokens; *at; at = &(*at)->next) {
		n++;
		if (!is_needed(client, *at) && (!oldest || (*at)->used_ns < (*oldest)->used_ns))
			oldest = at;
	}
	if (n < HTTP_TOKENS_MAX || !oldest)
		return;
	gone = *oldest;
	*oldest = gone->next;
	token_free(gone);
}

static struct http_token *find(const struct http_client *client, const struct bytes *key)
{
	struct http_token *token = client->tokens;

	while (token && (token->key.n_bytes != key->n_bytes ||
			 memcmp(token->key.data, key->data, key->n_bytes) != 0))
		token = token->next;
	return token;
}

static int token_of(struct http_client *client, const struct http_options *options,
		    struct http_token **ret_token)
{
	cleanup_with(token_freep) struct http_token *token = NULL;
	cleanup_with(wipe) struct bytes key = BYTES_INIT(KEY_BYTES_MAX);

	http_oauth2_options_print(&options->oauth2, &key);
	if (key.error)
		return key.error;
	*ret_token = find(client, &key);
	if (*ret_token)
		return 0;
	forget_oldest(client);
	token = calloc(1, sizeof(*token));
	if (!token)
		return -ENOMEM;
	token->client = client;
	token->memory = (struct config_arena)CONFIG_ARENA_INIT(HTTP_MEMORY_BYTES_MAX);
	token->form = (struct bytes)BYTES_INIT(FORM_BYTES_MAX);
	token->key = key;
	key = (struct bytes)BYTES_INIT(0);
	if (http_options_copy(&token->memory, options, &token->options) < 0)
		return -ENOMEM;
	token->next = client->tokens;
	client->tokens = token;
	*ret_token = take_ptr(token);
	return 0;
}

/* Those that wait go on, or end like the fetch did. */
static void wake(struct http_token *token, enum http_outcome outcome, const char *why)
{
	for (struct http_transfer *i = token->client->transfers; i; i = i->next) {
		if (i->token != token || i->phase != HTTP_WAITING)
			continue;
		if (token->value)
			i->phase = HTTP_QUEUED;
		else
			http_transfer_end(i, outcome, "no token of OAuth2: %s", why);
	}
}

/* The type as servers of resources want it, then the token. */
static char *value_of(const json_t *answer)
{
	const char *type = json_string_value(json_object_get(answer, "token_type"));
	const char *text = json_string_value(json_object_get(answer, "access_token"));
	char *value = NULL;

	if (!text || !text[0])
		return NULL;
	if (!type || !type[0] || strcasecmp(type, "bearer") == 0)
		type = "Bearer";
	if (asprintf(&value, "%s %s", type, text) < 0)
		return NULL;
	if (http_header_fault((struct config_text)CONFIG_TEXT("Authorization"),
			      (struct config_text){value, strlen(value)}))
		http_secret_freep(&value);
	return value;
}

/* "expires_in" is a number, or one in a string; without it a token is used until it is refused. */
static uint64_t expiry_of(const json_t *answer, uint64_t now_ns)
{
	const json_t *field = json_object_get(answer, "expires_in");
	double lifetime_s = json_is_string(field) ? strtod(json_string_value(field), NULL)
						  : json_number_value(field);
	uint64_t lifetime_ns, margin_ns;

	if (!(lifetime_s > 0))
		return HTTP_NONE;
	if (lifetime_s > LIFETIME_S_MAX)
		lifetime_s = LIFETIME_S_MAX;
	lifetime_ns = (uint64_t)(lifetime_s * (double)SECOND_NS);
	margin_ns = lifetime_ns / 4 < MARGIN_NS ? lifetime_ns / 4 : MARGIN_NS;
	return now_ns + lifetime_ns - margin_ns;
}

/* What the server says about its refusal: one word by the RFC. Nothing else of it is shown. */
static void word_of_error(const json_t *answer, char word[ERROR_WORD_BYTES_MAX])
{
	const char *text = json_string_value(json_object_get(answer, "error"));
	size_t n = 0;

	for (; text && text[n] && n < ERROR_WORD_BYTES_MAX - 1; n++)
		word[n] = text[n] > 0x20 && text[n] < 0x7f ? text[n] : '?';
	word[n] = '\0';
}

static void take_answer(struct http_token *token, const struct http_result *result)
{
	json_t *answer = json_loadb(result->data, result->n_bytes, 0, NULL);
	char word[ERROR_WORD_BYTES_MAX], why[128 + ERROR_WORD_BYTES_MAX];

	if (result->status == 200)
		token->value = value_of(answer);
	if (token->value) {
		token->expires_ns = expiry_of(answer, clock_monotonic_ns());
		token->generation++;
		wake(token, HTTP_ANSWERED, "");
	} else {
		word_of_error(answer, word);
		(void)snprintf(why, sizeof(why), "its server answered %ld%s%s", result->status,
			       word[0]                 ? " "
			       : result->status == 200 ? " without one"
						       : "",
			       word);
		wake(token,
		     result->status >= 500 || result->status == 429 ? HTTP_UNREACHED : HTTP_DENIED,
		     why);
	}
	json_decref(answer);
}

static int fetch(struct http_token *token);

static void on_done(void *context, const struct http_result *result)
{
	struct http_token *token = context;
	bool was_form = token->wants_form, is_lost;

	token->fetch = NULL;
	wipe(&token->form);
	if (result->outcome !=
	    HTTP_ANSWERED) { /* what waits was not sent, whatever became of this */
		is_lost = result->outcome == HTTP_LOST || result->outcome == HTTP_TOO_LONG;
		wake(token, is_lost ? HTTP_UNREACHED : result->outcome, result->error);
		return;
	}
	if (!was_form && result->status >= 400 && result->status < 500 && result->status != 429) {
		token->wants_form = true;
		if (fetch(token) == 0)
			return;
	}
	take_answer(token, result);
	if (!token->value)
		token->wants_form = false; /* a new secret begins anew */
}

static void append_escaped(struct bytes *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			bytes_append(out, text, 1);
		else if (*text == ' ')
			bytes_append(out, "+", 1);
		else
			bytes_printf(out, "%%%02X", (unsigned char)*text);
	}
}

static void append_field(struct bytes *form, const char *name, const char *value)
{
	if (form->n_bytes > 0)
		bytes_append(form, "&", 1);
	append_escaped(form, name);
	bytes_append(form, "=", 1);
	append_escaped(form, value);
}

static void make_form(struct http_token *token, const char *secret)
{
	const struct http_oauth2_options *oauth2 = &token->options.oauth2;
	struct bytes *form = &token->form;
	bool has_grant = false;

	bytes_clear(form);
	for (size_t i = 0; i < oauth2->n_params; i++) {
		has_grant |= strcmp(oauth2->params[i].name, "grant_type") == 0;
		append_field(form, oauth2->params[i].name, oauth2->params[i].value);
	}
	if (!has_grant)
		append_field(form, "grant_type", "client_credentials");
	if (oauth2->scopes[0])
		append_field(form, "scope", oauth2->scopes);
	if (token->wants_form) {
		append_field(form, "client_id", oauth2->client_id);
		append_field(form, "client_secret", secret);
	}
}

static char *escaped(const char *text)
{
	struct bytes out = BYTES_INIT(FORM_BYTES_MAX);

	append_escaped(&out, text);
	bytes_append(&out, "", 1);
	if (out.error)
		wipe(&out);
	return (char *)out.data;
}

/* Sends what make_form() made. */
static int start_fetch(struct http_token *token, const char *user, const char *secret)
{
	static const struct http_pair headers[] = {
		{"Content-Type", "application/x-www-form-urlencoded"},
		{"Accept", "application/json"},
	};
	const struct http_oauth2_options *oauth2 = &token->options.oauth2;
	struct http_options options = {
		.authentication = token->wants_form ? HTTP_ANONYMOUS : HTTP_BASIC,
		.user = user,
		.secret = {.text = secret},
		.oauth2 = {.scopes = ""},
		.tls = oauth2->tls,
		.proxy = oauth2->proxy,
		.enable_http2 = token->options.enable_http2,
	};
	struct http_request request = {
		.method = "POST",
		.url = oauth2->token_url,
		.options = &options, /* no redirects: what is sent are secrets */
		.n_headers = sizeof(headers) / sizeof(headers[0]),
		.headers = headers,
		.body = token->form.data,
		.n_body_bytes = token->form.n_bytes,
		.timeout_ms = FETCH_TIMEOUT_MS,
		.on_done = on_done,
		.context = token,
	};

	return http_client_start(token->client, &request, &token->fetch);
}

/* Returns 0 when one is on its way, -ENOMEM, or another negative errno of the secret's file. */
static int fetch(struct http_token *token)
{
	const struct http_oauth2_options *oauth2 = &token->options.oauth2;
	cleanup_with(http_secret_freep) char *secret = NULL;
	cleanup_with(http_secret_freep) char *user = NULL;
	cleanup_with(http_secret_freep) char *password = NULL;
	int r = http_secret_read(&oauth2->client_secret, &secret);

	if (r < 0)
		return r;
	user = escaped(oauth2->client_id);
	password = escaped(secret);
	make_form(token, secret);
	if (!user || !password || token->form.error)
		return -ENOMEM;
	return start_fetch(token, user, password);
}

int http_token_take(struct http_transfer *transfer, const char **ret_bearer)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct http_token *token = NULL;
	int r = token_of(transfer->client, &transfer->options, &token);

	if (r < 0)
		return r;
	transfer->token = token;
	token->used_ns = now_ns;
	if (token->value && now_ns < token->expires_ns) {
		transfer->token_generation = token->generation;
		*ret_bearer = token->value;
		return 0;
	}
	http_secret_freep(&token->value);
	if (!token->fetch)
		r = fetch(token);
	if (r == 0)
		transfer->phase = HTTP_WAITING;
	else if (r != -ENOMEM)
		http_transfer_end(transfer, HTTP_DENIED, "no token of OAuth2: %s: %s",
				  token->options.oauth2.client_secret.path, strerror(-r));
	return r == -ENOMEM ? r : 0;
}

void http_token_refuse(struct http_transfer *transfer)
{
	/* It may be another one by now: others had theirs refused, too. */
	if (transfer->token->generation == transfer->token_generation)
		http_secret_freep(&transfer->token->value);
}
