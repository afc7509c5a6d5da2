#include <string.h>

#include "base/bytes.h"
#include "config/library.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int encode(const struct config_call *call, const char *alphabet,
		  struct config_value *ret_value)
{
	struct config_text text;
	size_t n_bytes, n = 0;
	char *out;
	int r = config_call_text(call, 0, &text);

	if (r != 0)
		return r;
	n_bytes = (text.n_bytes + 2) / 3 * 4; /* the text is in memory: no overflow */
	out = config_arena_alloc(call->diagnostics->arena, n_bytes + 1);
	if (!out)
		return call->diagnostics->arena->error;
	for (size_t at = 0; at < text.n_bytes; at += 3) {
		size_t n_left = text.n_bytes - at;
		uint32_t bits = (uint32_t)(unsigned char)text.data[at] << 16;

		bits |= n_left > 1 ? (uint32_t)(unsigned char)text.data[at + 1] << 8 : 0;
		bits |= n_left > 2 ? (uint32_t)(unsigned char)text.data[at + 2] : 0;
		out[n++] = alphabet[bits >> 18];
		out[n++] = alphabet[bits >> 12 & 63];
		out[n++] = n_left > 1 ? alphabet[bits >> 6 & 63] : '=';
		out[n++] = n_left > 2 ? alphabet[bits & 63] : '=';
	}
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = {out, n_bytes}};
	return 0;
}

/* Takes the next character that counts, past line ends: its value, 64 for padding, -1 for none. */
static int next_digit(const char *alphabet, struct config_text text, size_t *at)
{
	const char *digit;

	while (*at < text.n_bytes && (text.data[*at] == '\n' || text.data[*at] == '\r'))
		(*at)++;
	if (*at == text.n_bytes)
		return -1;
	if (text.data[*at] == '=') {
		(*at)++;
		return 64;
	}
	digit = memchr(alphabet, text.data[*at], 64);
	if (!digit)
		return -1;
	(*at)++;
	return (int)(digit - alphabet);
}

/* Reads groups of four digits, the last of which may be padded. Returns false when they are none.
 */
static bool decode_groups(const char *alphabet, struct config_text text, char *out,
			  size_t *ret_n_bytes)
{
	size_t n = 0, at = 0, n_pads = 0;

	for (;;) {
		uint32_t bits = 0;
		int digit = next_digit(alphabet, text, &at);

		if (digit < 0) {
			*ret_n_bytes = n;
			return at == text.n_bytes;
		}
		for (int i = 0; i < 4; i++) {
			if (i > 0)
				digit = next_digit(alphabet, text, &at);
			if (digit < 0 || (digit == 64 && i < 2) || (digit < 64 && n_pads > 0))
				return false;
			n_pads += digit == 64;
			bits = bits << 6 | (uint32_t)(digit & 63);
		}
		out[n++] = (char)(bits >> 16);
		if (n_pads < 2)
			out[n++] = (char)(bits >> 8);
		if (n_pads < 1)
			out[n++] = (char)bits;
	}
}

static int decode(const struct config_call *call, const char *alphabet,
		  struct config_value *ret_value)
{
	struct config_text text;
	size_t n_bytes;
	char *out;
	int r = config_call_text(call, 0, &text);

	if (r != 0)
		return r;
	out = config_arena_alloc(call->diagnostics->arena, text.n_bytes / 4 * 3 + 4);
	if (!out)
		return call->diagnostics->arena->error;
	if (!decode_groups(alphabet, text, out, &n_bytes)) {
		config_error(call->diagnostics, call->spans[0],
			     "this is no base64, %s needs groups of four of its characters, the "
			     "last padded with =",
			     call->function->form);
		return CONFIG_REFUSED;
	}
	out[n_bytes] = '\0';
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = {out, n_bytes}};
	return 0;
}

static int run_to_base64(const struct config_call *call, struct config_value *ret_value)
{
	return encode(call, standard, ret_value);
}

static int run_to_url_base64(const struct config_call *call, struct config_value *ret_value)
{
	return encode(call, for_urls, ret_value);
}

static int run_from_base64(const struct config_call *call, struct config_value *ret_value)
{
	return decode(call, standard, ret_value);
}

static int run_from_url_base64(const struct config_call *call, struct config_value *ret_value)
{
	return decode(call, for_urls, ret_value);
}

/* Drops the last name of the path in @out, if there is one that may go. Returns whether. */
static bool drop_name(struct bytes *out, bool is_absolute)
{
	size_t start = out->n_bytes;

	while (start > 0 && out->data[start - 1] != '/')
		start--;
	if (start == out->n_bytes ||
	    (out->n_bytes - start == 2 && memcmp(out->data + start, "..", 2) == 0))
		return is_absolute && out->n_bytes <= 1;
	out->n_bytes = start > 1 || (start == 1 && !is_absolute) ? start - 1 : start;
	return true;
}

static void append_name(struct bytes *out, const char *name, size_t n_bytes, bool is_absolute)
{
	if (n_bytes == 0 || (n_bytes == 1 && *name == '.'))
		return;
	if (n_bytes == 2 && memcmp(name, "..", 2) == 0 && drop_name(out, is_absolute))
		return;
	if (out->n_bytes > (size_t)is_absolute)
		bytes_append(out, "/", 1);
	bytes_append(out, name, n_bytes);
}

/* The parts that are not empty, joined by slashes, then without what "." and ".." cancel. */
static int run_path_join(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes out = BYTES_INIT(call->diagnostics->arena->bytes_max);
	struct config_text part;
	bool is_first = true, is_absolute = false;
	int r = 0;

	for (size_t i = 0; i < call->n_arguments; i++) {
		const char *at, *end;

		r = config_call_text(call, i, &part);
		if (r != 0)
			break;
		if (part.n_bytes == 0)
			continue;
		if (is_first && part.data[0] == '/') {
			is_absolute = true;
			bytes_append(&out, "/", 1);
		}
		is_first = false;
		for (at = part.data, end = at + part.n_bytes; at <= end;) {
			const char *slash = memchr(at, '/', (size_t)(end - at));
			const char *stop = slash ? slash : end;

			append_name(&out, at, (size_t)(stop - at), is_absolute);
			at = stop + 1;
		}
	}
	if (!is_first && out.n_bytes == 0)
		bytes_append(&out, ".", 1);
	if (r == 0)
		return config_call_give(call, &out, ret_value);
	bytes_deinit(&out);
	return r;
}

const struct config_function config_encoding_functions[] = {
	{"encoding.from_base64", "base64_decode", 1, 1, "encoding.from_base64(string)",
	 run_from_base64},
	{"encoding.from_URLbase64", NULL, 1, 1, "encoding.from_URLbase64(string)",
	 run_from_url_base64},
	{"encoding.to_base64", NULL, 1, 1, "encoding.to_base64(string)", run_to_base64},
	{"encoding.to_URLbase64", NULL, 1, 1, "encoding.to_URLbase64(string)", run_to_url_base64},
	{"file.path_join", NULL, 0, CONFIG_ARGUMENTS_MAX, "file.path_join(part, ...)",
	 run_path_join},
};

const size_t config_n_encoding_functions =
	sizeof(config_encoding_functions) / sizeof(config_encoding_functions[0]);
