#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "config/library.h"

#define TRIM_SET_BYTES_MAX 256u /* each character of the text is looked for in it */

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
	if (call->arguments[0].type == CONFIG_NULL)
		return config_call_give(call, &out, ret_value);
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
		return config_call_give(call, &out, ret_value);
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

static size_t character_length(struct config_text text, size_t at)
{
	uint32_t character;
	size_t n = config_utf8_read(text.data + at, text.n_bytes - at, &character);

	return n ? n : 1;
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
	if (texts[1].n_bytes == 0) { /* nothing is before, behind and between all characters */
		for (; at < texts[0].n_bytes; at += character_length(texts[0], at)) {
			bytes_append(&out, texts[2].data, texts[2].n_bytes);
			bytes_append(&out, texts[0].data + at, character_length(texts[0], at));
		}
		bytes_append(&out, texts[2].data, texts[2].n_bytes);
		return config_call_give(call, &out, ret_value);
	}
	while ((found = find(texts[0], at, texts[1])) < texts[0].n_bytes) {
		bytes_append(&out, texts[0].data + at, found - at);
		bytes_append(&out, texts[2].data, texts[2].n_bytes);
		at = found + texts[1].n_bytes;
	}
	bytes_append(&out, texts[0].data + at, texts[0].n_bytes - at);
	return config_call_give(call, &out, ret_value);
}

/* Is the character that starts at @at, @n bytes long, one of @set? */
static bool in_set(struct config_text text, size_t at, size_t n, struct config_text set)
{
	return memmem(set.data, set.n_bytes, text.data + at, n) != NULL;
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
		CONFIG_TEXT("\t\n\v\f\r \xc2\x85\xc2\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
			    "\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000");
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

/* Character by character, as Go does: what is no UTF-8 becomes a replacement character. */
static int change_case(const struct config_call *call, uint32_t (*change)(uint32_t character),
		       struct config_value *ret_value)
{
	struct bytes out = BYTES_INIT(call->diagnostics->arena->bytes_max);
	struct config_text text;
	uint32_t character;
	char changed[4];
	int r = config_call_text(call, 0, &text);

	if (r != 0)
		return r;
	for (size_t at = 0, n; at < text.n_bytes; at += n ? n : 1) {
		n = config_utf8_read(text.data + at, text.n_bytes - at, &character);
		character = n ? change(character) : 0xfffd;
		bytes_append(&out, changed, config_utf8_write(character, changed));
	}
	return config_call_give(call, &out, ret_value);
}

static int run_to_lower(const struct config_call *call, struct config_value *ret_value)
{
	return change_case(call, config_to_lower, ret_value);
}

static int run_to_upper(const struct config_call *call, struct config_value *ret_value)
{
	return change_case(call, config_to_upper, ret_value);
}

const struct config_function config_string_functions[] = {
	{"string.format", "format", 1, CONFIG_ARGUMENTS_MAX, "string.format(format, value, ...)",
	 config_run_format},
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
