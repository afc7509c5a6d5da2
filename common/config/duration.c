#include <string.h>

#include "config/diagnostics.h"
#include "config/value.h"

struct unit {
	const char *name;
	int64_t ns;
};

/* Longer names before those that they begin with. */
static const struct unit units[] = {
	{"ns", 1},
	{"us", 1000},
	{"\xc2\xb5s", 1000}, /* the micro sign */
	{"\xce\xbcs", 1000}, /* the Greek letter */
	{"ms", 1000000},
	{"s", INT64_C(1000000000)},
	{"m", INT64_C(60000000000)},
	{"h", INT64_C(3600000000000)},
};

static const struct unit *unit_at(const char *text)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strncmp(text, units[i].name, strlen(units[i].name)) == 0)
			return &units[i];
	return NULL;
}

/* Reads digits into *@sum and returns how many there were, or -1 when they pass 64 bits. */
static int read_digits(const char *text, int64_t *sum)
{
	int n = 0;

	for (; text[n] >= '0' && text[n] <= '9'; n++)
		if (__builtin_mul_overflow(*sum, INT64_C(10), sum) ||
		    __builtin_add_overflow(*sum, (int64_t)(text[n] - '0'), sum))
			return -1;
	return n;
}

/* Reads one number with its unit at *@text and moves on. A fraction keeps nine digits. */
static int read_part(const char **text, int64_t *ret_ns)
{
	const char *at = *text;
	int64_t whole = 0, part_ns, scale;
	const struct unit *unit;
	int n = read_digits(at, &whole), n_fraction = 0;

	if (n < 0)
		return CONFIG_REFUSED;
	at += n;
	if (*at == '.')
		n_fraction = (int)strspn(++at, "0123456789");
	if (n + n_fraction == 0)
		return CONFIG_REFUSED;
	unit = unit_at(at + n_fraction);
	if (!unit || __builtin_mul_overflow(whole, unit->ns, &part_ns))
		return CONFIG_REFUSED;
	scale = unit->ns;
	for (int i = 0; i < n_fraction && i < 9; i++) {
		scale /= 10;
		if (__builtin_add_overflow(part_ns, scale * (at[i] - '0'), &part_ns))
			return CONFIG_REFUSED;
	}
	*text = at + n_fraction + strlen(unit->name);
	*ret_ns = part_ns;
	return 0;
}

int config_parse_duration(struct config_text text, int64_t *ret_ns)
{
	const char *at = text.data, *end = text.data + text.n_bytes;
	bool negative = at < end && *at == '-';
	int64_t sum_ns = 0, part_ns;

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (end - at == 1 && *at == '0') {
		*ret_ns = 0;
		return 0;
	}
	do {
		if (read_part(&at, &part_ns) != 0 ||
		    __builtin_add_overflow(sum_ns, part_ns, &sum_ns))
			return CONFIG_REFUSED;
	} while (at < end && *at != '\0');
	if (at != end) /* a NUL amid the text */
		return CONFIG_REFUSED;
	*ret_ns = negative ? -sum_ns : sum_ns;
	return 0;
}
