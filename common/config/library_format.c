#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "config/library.h"

#define WIDTH_MAX 1000 /* of one formatted value */

/* One `%…` of a format. */
struct verb {
	char flags[8];
	int width;
	int precision; /* -1: none */
	size_t index;  /* `[n]`: which value it takes, from 1; 0: the next */
	char letter;
	size_t n_bytes; /* of the text that spells it */
};

static size_t character_length(struct config_text text, size_t at)
{
	uint32_t character;
	size_t n = config_utf8_read(text.data + at, text.n_bytes - at, &character);

	return n ? n : 1;
}

static int read_width(const char **at)
{
	int width = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		width = width > WIDTH_MAX ? width : width * 10 + (**at - '0');
	return width;
}

/* Returns false when the text at @at is no verb. */
static bool read_verb(const char *at, struct verb *verb)
{
	const char *start = at;
	size_t n_flags;

	*verb = (struct verb){.precision = -1};
	n_flags = strspn(++at, "-+ 0#");
	if (n_flags >= sizeof(verb->flags))
		return false;
	memcpy(verb->flags, at, n_flags);
	at += n_flags;
	verb->width = read_width(&at);
	if (*at == '.') {
		at++;
		verb->precision = read_width(&at);
	}
	if (*at == '[') {
		at++;
		verb->index = (size_t)read_width(&at);
		if (*at++ != ']' || verb->index == 0)
			return false;
	}
	verb->letter = *at;
	verb->n_bytes = (size_t)(at + 1 - start);
	return *at != '\0' && verb->width <= WIDTH_MAX && verb->precision <= WIDTH_MAX;
}

static void format_padded(struct bytes *out, const struct verb *verb, struct config_text text)
{
	size_t n_chars = 0, cut = 0, padding;

	while (cut < text.n_bytes && (verb->precision < 0 || n_chars < (size_t)verb->precision)) {
		cut += character_length(text, cut);
		n_chars++;
	}
	padding = (size_t)verb->width > n_chars ? (size_t)verb->width - n_chars : 0;
	if (!strchr(verb->flags, '-'))
		bytes_printf(out, "%*s", (int)padding, "");
	bytes_append(out, text.data, cut);
	if (strchr(verb->flags, '-'))
		bytes_printf(out, "%*s", (int)padding, "");
}

static void format_quoted(struct bytes *out, const struct verb *verb, struct config_text text)
{
	struct bytes quoted = BYTES_INIT(text.n_bytes * 4 + 2);

	bytes_append(&quoted, "\"", 1);
	for (size_t i = 0; i < text.n_bytes; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '"' || c == '\\')
			bytes_printf(&quoted, "\\%c", c);
		else if (c == '\n' || c == '\t' || c == '\r')
			bytes_printf(&quoted, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else if (c < 0x20 || c == 0x7f)
			bytes_printf(&quoted, "\\x%02x", c);
		else
			bytes_append(&quoted, &c, 1);
	}
	bytes_append(&quoted, "\"", 1);
	out->error = out->error ? out->error : quoted.error;
	format_padded(out, verb, (struct config_text){(char *)quoted.data, quoted.n_bytes});
	bytes_deinit(&quoted);
}

/* Writes @whole in base 2, as no printf() of this age does. */
static void format_binary(struct bytes *out, const struct verb *verb, int64_t whole)
{
	uint64_t bits = whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole;
	char digits[1 + 64];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + (bits & 1));
	while (bits >>= 1);
	if (whole < 0)
		digits[--at] = '-';
	format_padded(out, verb, (struct config_text){digits + at, sizeof(digits) - at});
}

static int format_number(const struct config_call *call, size_t i, const struct verb *verb,
			 struct bytes *out)
{
	bool is_whole = strchr("bdxXo", verb->letter) != NULL;
	struct config_number number;
	char format[32];
	int64_t whole;

	if (config_value_to_number(&call->arguments[i], &number) != 0)
		return config_call_refuse(call, i, "a number");
	if (is_whole && config_number_to_int(number, &whole) != 0)
		return config_call_refuse(call, i, "a whole number");
	if (verb->letter == 'b') {
		format_binary(out, verb, whole);
		return 0;
	}
	/* Flags, width and precision were read digit by digit: this is a format of ours. */
	(void)snprintf(format, sizeof(format), "%%%s*.*%s%c", verb->flags, is_whole ? "ll" : "",
		       verb->letter);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (is_whole)
		bytes_printf(out, format, verb->width, verb->precision, (long long)whole);
	else
		bytes_printf(out, format, verb->width, verb->precision,
			     config_number_to_float(number));
#pragma GCC diagnostic pop
	return 0;
}

/* Formats argument @i by @verb. */
static int format_one(const struct config_call *call, size_t i, const struct verb *verb,
		      struct bytes *out)
{
	const struct config_value *value = &call->arguments[i];
	struct config_text text;
	int r;

	if (strchr("bdxXofeEgG", verb->letter))
		return format_number(call, i, verb, out);
	if (!strchr("svqt", verb->letter)) {
		config_error(
			call->diagnostics, call->spans[0],
			"found the verb %%%c, known are %%s %%q %%v %%t %%b %%d %%x %%X %%o %%f "
			"%%e %%g %%%%",
			verb->letter);
		return CONFIG_REFUSED;
	}
	if (verb->letter == 't' && value->type != CONFIG_BOOL)
		return config_call_refuse(call, i, "a bool");
	r = config_value_to_text(call->diagnostics->arena, value, &text);
	if (r != 0)
		return r < 0 ? r : config_call_refuse(call, i, "a string, number or bool");
	if (value->type == CONFIG_NULL && verb->letter == 'v')
		text = (struct config_text)CONFIG_TEXT("null");
	if (verb->letter == 'q')
		format_quoted(out, verb, text);
	else
		format_padded(out, verb, text);
	return 0;
}

static int format_all(const struct config_call *call, struct config_text format, struct bytes *out)
{
	size_t at = 0, i = 1;
	bool is_reordered = false;
	const char *percent;
	struct verb verb;
	int r = 0;

	while (r == 0 && (percent = memchr(format.data + at, '%', format.n_bytes - at))) {
		bytes_append(out, format.data + at, (size_t)(percent - format.data) - at);
		if (!read_verb(percent, &verb)) {
			config_error(call->diagnostics, call->spans[0],
				     "this format ends amid a verb, or asks for more than %d "
				     "characters in one; %%%% is a percent sign",
				     WIDTH_MAX);
			return CONFIG_REFUSED;
		}
		at = (size_t)(percent - format.data) + verb.n_bytes;
		is_reordered |= verb.index > 0;
		i = verb.index > 0 ? verb.index : i;
		if (verb.letter == '%') {
			bytes_append(out, "%", 1);
		} else if (i < call->n_arguments) {
			r = format_one(call, i++, &verb, out);
		} else {
			i = call->n_arguments +
			    1; /* as does each that follows, unless it says which */
			break;
		}
	}
	bytes_append(out, format.data + at, format.n_bytes - at);
	if (r == 0 && (is_reordered ? i > call->n_arguments : i != call->n_arguments)) {
		config_error(call->diagnostics, call->spans[0],
			     "this format and its %zu values do not match, each verb takes one",
			     call->n_arguments - 1);
		r = CONFIG_REFUSED;
	}
	return r;
}

int config_run_format(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes out = BYTES_INIT(call->diagnostics->arena->bytes_max);
	struct config_text format;
	int r = config_call_text(call, 0, &format);

	if (r == 0)
		r = format_all(call, format, &out);
	if (r == 0)
		return config_call_give(call, &out, ret_value);
	bytes_deinit(&out);
	return r;
}
