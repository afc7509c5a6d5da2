#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "config/library.h"

#define WIDTH_MAX          1000 /* of one formatted value */
#define TRIM_SET_BYTES_MAX 256u /* each character of the text is looked for in it */

/* Finishes a string that was built in @out, which it frees. */
static int give(const struct config_call *call, struct bytes *out, struct config_value *ret_value)
{
	struct config_arena *arena = call->diagnostics->arena;
	size_t n_bytes = out->n_bytes;
	const char *copy = NULL;
	int r = out->error;

	if (r == 0)
		copy = config_arena_copy(arena, out->data, n_bytes);
	bytes_deinit(out);
	if (!copy) {
		arena->error =
			r ? r : arena->error; /* the value is as much too big for the arena */
		return arena->error;
	}
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = {copy, n_bytes}};
	return 0;
}

static int give_part(const struct config_call *call, struct config_text text, size_t start,
		     size_t end, struct config_value *ret_value)
{
	char *copy = config_arena_copy(call->diagnostics->arena, text.data + start, end - start);

	if (!copy)
		return call->diagnostics->arena->error;
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = {copy, end - start}};
	return 0;
}

/* Returns where @word first stands in @text from @start on, or the end of @text. */
static size_t find(struct config_text text, size_t start, struct config_text word)
{
	const char *at = memmem(text.data + start, text.n_bytes - start, word.data, word.n_bytes);

	return at ? (size_t)(at - text.data) : text.n_bytes;
}

static int run_join(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes out = BYTES_INIT(call->diagnostics->arena->bytes_max);
	const struct config_array *list = &call->arguments[0].array;
	struct config_text separator, item;
	int r = config_call_text(call, 1, &separator);

	if (r != 0)
		return r;
	if (call->arguments[0].type != CONFIG_ARRAY)
		return config_call_refuse(call, 0, "a list");
	for (size_t i = 0; i < list->n_items && r == 0; i++) {
		r = config_value_to_text(call->diagnostics->arena, &list->items[i], &item);
		if (r != 0)
			break;
		if (i > 0)
			bytes_append(&out, separator.data, separator.n_bytes);
		bytes_append(&out, item.data, item.n_bytes);
	}
	if (r == 0)
		return give(call, &out, ret_value);
	bytes_deinit(&out);
	return r < 0 ? r : config_call_refuse(call, 0, "a list of strings");
}

/* Without a separator: into characters, as Go does. */
static size_t part_end(struct config_text text, size_t start, struct config_text separator)
{
	uint32_t character;
	size_t n;

	if (separator.n_bytes > 0)
		return find(text, start, separator);
	n = config_utf8_read(text.data + start, text.n_bytes - start, &character);
	return start + (n ? n : 1);
}

static size_t count_parts(struct config_text text, struct config_text separator)
{
	size_t n_parts = 1, end = 0;

	if (separator.n_bytes == 0 && text.n_bytes == 0)
		return 0;
	while ((end = part_end(text, end, separator)) < text.n_bytes) {
		n_parts++;
		end += separator.n_bytes;
	}
	return n_parts;
}

static int run_split(const struct config_call *call, struct config_value *ret_value)
{
	struct config_text text, separator;
	struct config_value *parts;
	size_t n_parts, start = 0, end;
	int r = config_call_text(call, 0, &text);

	if (r == 0)
		r = config_call_text(call, 1, &separator);
	if (r != 0)
		return r;
	n_parts = count_parts(text, separator);
	parts = config_arena_array(call->diagnostics->arena, n_parts, sizeof(*parts));
	if (!parts)
		return call->diagnostics->arena->error;
	for (size_t i = 0; i < n_parts; i++) {
		end = part_end(text, start, separator);
		r = give_part(call, text, start, end, &parts[i]);
		if (r != 0)
			return r;
		start = end + separator.n_bytes;
	}
	*ret_value = (struct config_value){.type = CONFIG_ARRAY, .array = {parts, n_parts}};
	return 0;
}

static int run_replace(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes out = BYTES_INIT(call->diagnostics->arena->bytes_max);
	struct config_text texts[3];
	size_t at = 0, found;
	int r;

	for (size_t i = 0; i < 3; i++) {
		r = config_call_text(call, i, &texts[i]);
		if (r != 0)
			return r;
	}
	if (texts[1].n_bytes == 0)
		return give_part(call, texts[0], 0, texts[0].n_bytes, ret_value);
	while ((found = find(texts[0], at, texts[1])) < texts[0].n_bytes) {
		bytes_append(&out, texts[0].data + at, found - at);
		bytes_append(&out, texts[2].data, texts[2].n_bytes);
		at = found + texts[1].n_bytes;
	}
	bytes_append(&out, texts[0].data + at, texts[0].n_bytes - at);
	return give(call, &out, ret_value);
}

/* Is the character that starts at @at, @n bytes long, one of @set? */
static bool in_set(struct config_text text, size_t at, size_t n, struct config_text set)
{
	return memmem(set.data, set.n_bytes, text.data + at, n) != NULL;
}

static size_t character_length(struct config_text text, size_t at)
{
	uint32_t character;
	size_t n = config_utf8_read(text.data + at, text.n_bytes - at, &character);

	return n ? n : 1;
}

static int trim(const struct config_call *call, struct config_text text, struct config_text set,
		struct config_value *ret_value)
{
	size_t start = 0, end = text.n_bytes, last;

	while (start < end && in_set(text, start, character_length(text, start), set))
		start += character_length(text, start);
	while (end > start) {
		last = end - 1;
		while (last > start && ((unsigned char)text.data[last] & 0xc0) == 0x80)
			last--;
		if (!in_set(text, last, end - last, set))
			break;
		end = last;
	}
	return give_part(call, text, start, end, ret_value);
}

static int run_trim(const struct config_call *call, struct config_value *ret_value)
{
	struct config_text text, set;
	int r = config_call_text(call, 0, &text);

	if (r == 0)
		r = config_call_text(call, 1, &set);
	if (r == 0 && set.n_bytes > TRIM_SET_BYTES_MAX)
		r = config_call_refuse(call, 1, "at most 256 bytes of characters");
	return r != 0 ? r : trim(call, text, set, ret_value);
}

static int run_trim_space(const struct config_call *call, struct config_value *ret_value)
{
	static const struct config_text blanks =
		CONFIG_TEXT("\t\n\v\f\r \xc2\x85\xc2\xa0\xe2\x80\xa8\xe2\x80\xa9\xe3\x80\x80");
	struct config_text text;
	int r = config_call_text(call, 0, &text);

	return r != 0 ? r : trim(call, text, blanks, ret_value);
}

static int run_trim_prefix(const struct config_call *call, struct config_value *ret_value)
{
	struct config_text text, prefix;
	bool has_it;
	int r = config_call_text(call, 0, &text);

	if (r == 0)
		r = config_call_text(call, 1, &prefix);
	if (r != 0)
		return r;
	has_it = prefix.n_bytes <= text.n_bytes &&
		 memcmp(text.data, prefix.data, prefix.n_bytes) == 0;
	return give_part(call, text, has_it ? prefix.n_bytes : 0, text.n_bytes, ret_value);
}

static int run_trim_suffix(const struct config_call *call, struct config_value *ret_value)
{
	struct config_text text, suffix;
	size_t end;
	int r = config_call_text(call, 0, &text);

	if (r == 0)
		r = config_call_text(call, 1, &suffix);
	if (r != 0)
		return r;
	end = text.n_bytes;
	if (suffix.n_bytes <= end &&
	    memcmp(text.data + end - suffix.n_bytes, suffix.data, suffix.n_bytes) == 0)
		end -= suffix.n_bytes;
	return give_part(call, text, 0, end, ret_value);
}

static int change_case(const struct config_call *call, char first, struct config_value *ret_value)
{
	struct config_text text;
	char *copy;
	int r = config_call_text(call, 0, &text);

	if (r != 0)
		return r;
	copy = config_arena_copy(call->diagnostics->arena, text.data, text.n_bytes);
	if (!copy)
		return call->diagnostics->arena->error;
	for (size_t i = 0; i < text.n_bytes; i++)
		if (copy[i] >= first && copy[i] < first + 26)
			copy[i] ^= 0x20;
	*ret_value = (struct config_value){.type = CONFIG_STRING, .text = {copy, text.n_bytes}};
	return 0;
}

static int run_to_lower(const struct config_call *call, struct config_value *ret_value)
{
	return change_case(call, 'A', ret_value);
}

static int run_to_upper(const struct config_call *call, struct config_value *ret_value)
{
	return change_case(call, 'a', ret_value);
}

/* One `%…` of a format. */
struct verb {
	char flags[8];
	int width;
	int precision; /* -1: none */
	char letter;
	size_t n_bytes; /* of the text that spells it */
};

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

static int format_number(const struct config_call *call, size_t i, const struct verb *verb,
			 struct bytes *out)
{
	bool is_whole = strchr("dxXo", verb->letter) != NULL;
	struct config_number number;
	char format[32];
	int64_t whole;

	if (config_value_to_number(&call->arguments[i], &number) != 0)
		return config_call_refuse(call, i, "a number");
	if (is_whole && config_number_to_int(number, &whole) != 0)
		return config_call_refuse(call, i, "a whole number");
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

	if (strchr("dxXofeEgG", verb->letter))
		return format_number(call, i, verb, out);
	if (!strchr("svqt", verb->letter)) {
		config_error(call->diagnostics, call->spans[0],
			     "found the verb %%%c, known are %%s %%q %%v %%t %%d %%x %%X %%o %%f "
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
	static const struct config_text percent = CONFIG_TEXT("%");
	size_t at = 0, found, i = 1;
	struct verb verb;
	int r = 0;

	while (r == 0 && (found = find(format, at, percent)) < format.n_bytes) {
		bytes_append(out, format.data + at, found - at);
		if (!read_verb(format.data + found, &verb)) {
			config_error(call->diagnostics, call->spans[0],
				     "this format ends amid a verb, or asks for more than %d "
				     "characters in one; %%%% is a percent sign",
				     WIDTH_MAX);
			return CONFIG_REFUSED;
		}
		at = found + verb.n_bytes;
		if (verb.letter == '%') {
			bytes_append(out, "%", 1);
		} else if (i < call->n_arguments) {
			r = format_one(call, i++, &verb, out);
		} else {
			i = call->n_arguments + 1;
		}
	}
	bytes_append(out, format.data + at, format.n_bytes - at);
	if (r == 0 && i != call->n_arguments) {
		config_error(call->diagnostics, call->spans[0],
			     "this format and its %zu values do not match, each verb takes one",
			     call->n_arguments - 1);
		r = CONFIG_REFUSED;
	}
	return r;
}

static int run_format(const struct config_call *call, struct config_value *ret_value)
{
	struct bytes out = BYTES_INIT(call->diagnostics->arena->bytes_max);
	struct config_text format;
	int r = config_call_text(call, 0, &format);

	if (r == 0)
		r = format_all(call, format, &out);
	if (r == 0)
		return give(call, &out, ret_value);
	bytes_deinit(&out);
	return r;
}

const struct config_function config_string_functions[] = {
	{"string.format", "format", 1, CONFIG_ARGUMENTS_MAX, "string.format(format, value, ...)",
	 run_format},
	{"string.join", "join", 2, 2, "string.join(list, separator)", run_join},
	{"string.split", "split", 2, 2, "string.split(string, separator)", run_split},
	{"string.replace", "replace", 3, 3, "string.replace(string, old, new)", run_replace},
	{"string.trim", "trim", 2, 2, "string.trim(string, characters)", run_trim},
	{"string.trim_prefix", "trim_prefix", 2, 2, "string.trim_prefix(string, prefix)",
	 run_trim_prefix},
	{"string.trim_suffix", "trim_suffix", 2, 2, "string.trim_suffix(string, suffix)",
	 run_trim_suffix},
	{"string.trim_space", "trim_space", 1, 1, "string.trim_space(string)", run_trim_space},
	{"string.to_lower", "to_lower", 1, 1, "string.to_lower(string)", run_to_lower},
	{"string.to_upper", "to_upper", 1, 1, "string.to_upper(string)", run_to_upper},
};

const size_t config_n_string_functions =
	sizeof(config_string_functions) / sizeof(config_string_functions[0]);
