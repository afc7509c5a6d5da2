#include "demangle/demangle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "demangle/demangle_rust.h"
#include "demangle/itanium.h"

struct demangler {
	enum demangle_mode mode;
	uint64_t n_steps_left;
	char *out; /* of the name at hand */
	size_t bytes_max;
	struct itanium itanium; /* begun anew for each name */
};

int demangler_new(enum demangle_mode mode, struct demangler **ret_demangler)
{
	struct demangler *demangler = malloc(sizeof(*demangler));

	if (!demangler)
		return -ENOMEM;
	demangler->mode = mode;
	demangler->n_steps_left = UINT64_MAX;
	*ret_demangler = demangler;
	return 0;
}

void demangler_free(struct demangler *demangler)
{
	free(demangler);
}

void demangler_set_steps(struct demangler *demangler, uint64_t n_steps)
{
	demangler->n_steps_left = n_steps;
}

int demangle_mode_parse(const char *word, enum demangle_mode *ret_mode)
{
	static const char *const words[] = {
		[DEMANGLE_NONE] = "none",
		[DEMANGLE_SIMPLIFIED] = "simplified",
		[DEMANGLE_TEMPLATES] = "templates",
		[DEMANGLE_FULL] = "full",
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret_mode = (enum demangle_mode)i;
			return 0;
		}
	return -EINVAL;
}

static bool begins_with(struct wire_bytes name, const char *prefix)
{
	return name.n_bytes >= strlen(prefix) && memcmp(name.data, prefix, strlen(prefix)) == 0;
}

static struct wire_bytes without(struct wire_bytes name, size_t n_bytes)
{
	return (struct wire_bytes){(const char *)name.data + n_bytes, name.n_bytes - n_bytes};
}

static void count_steps(struct demangler *demangler, uint32_t n_steps)
{
	demangler->n_steps_left -=
		n_steps < demangler->n_steps_left ? n_steps : demangler->n_steps_left;
}

/* An encoding without its _Z, with @prefix before it. */
static size_t demangle_encoding(struct demangler *d, struct wire_bytes encoding, const char *prefix,
				bool has_params)
{
	const struct itanium_style style = {
		.has_enclosing_params = d->mode == DEMANGLE_FULL,
		.has_template_args = d->mode != DEMANGLE_SIMPLIFIED,
	};
	size_t n_prefix = strlen(prefix), n_bytes;
	uint32_t root;

	itanium_begin(&d->itanium, encoding.data, encoding.n_bytes);
	root = itanium_encoding(&d->itanium, has_params, false);
	count_steps(d, d->itanium.n_steps);
	if (d->itanium.has_failed || n_prefix > d->bytes_max)
		return 0;
	n_bytes = itanium_print(&d->itanium, root, &style, d->out + n_prefix,
				d->bytes_max - n_prefix);
	count_steps(d, d->itanium.n_steps);
	memcpy(d->out, prefix, n_prefix);
	return n_bytes > 0 ? n_prefix + n_bytes : 0;
}

/* _GLOBAL__I_… and _GLOBAL__D_…: what runs before and after main for one file. */
static size_t demangle_global(struct demangler *d, struct wire_bytes name)
{
	const char *text = name.data, *prefix = "global constructors keyed to ";
	size_t n_prefix;

	if (name.n_bytes < 4 || !strchr("._$", text[0]) || text[2] != '_' ||
	    (text[1] != 'I' && text[1] != 'D'))
		return 0;
	if (text[1] == 'D')
		prefix = "global destructors keyed to ";
	name = without(name, 3);
	if (begins_with(name, "_Z")) /* the function says in full which it is */
		return demangle_encoding(d, without(name, 2), prefix, true);
	n_prefix = strlen(prefix);
	if (name.n_bytes > d->bytes_max || n_prefix > d->bytes_max - name.n_bytes)
		return 0;
	memcpy(d->out, prefix, n_prefix);
	memcpy(d->out + n_prefix, name.data, name.n_bytes);
	return n_prefix + name.n_bytes;
}

/* ___Z<encoding>_block_invoke[_<number>]: a block of clang's. */
static size_t demangle_block(struct demangler *d, struct wire_bytes name)
{
	static const char mark[] = "_block_invoke";
	const char *found = NULL, *at = name.data, *end = at + name.n_bytes;

	while ((at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1)))
		found = at++;
	if (!found)
		return 0;
	at = found + sizeof(mark) - 1;
	if (at < end && *at == '_')
		at++;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	if (at < end && *at != '.')
		return 0;
	name.n_bytes = (size_t)(found - (const char *)name.data);
	return demangle_encoding(d, without(name, 4), "invocation function for block in ",
				 d->mode == DEMANGLE_FULL);
}

static size_t demangle_rust(struct demangler *d, struct wire_bytes name)
{
	struct rust_output out = {.text = d->out, .bytes_max = d->bytes_max};
	size_t n_bytes;

	if (begins_with(name, "_R"))
		n_bytes = demangle_rust_v0(name, d->mode != DEMANGLE_SIMPLIFIED, &out);
	else
		n_bytes = demangle_rust_legacy(name, &out);
	count_steps(d, out.n_steps);
	return n_bytes;
}

static size_t demangle_any(struct demangler *d, struct wire_bytes name)
{
	size_t n_bytes = 0;

	if (begins_with(name, "_R"))
		return demangle_rust(d, name);
	if (begins_with(name, "_ZN")) /* may be Rust's */
		n_bytes = demangle_rust(d, name);
	if (n_bytes > 0)
		return n_bytes;
	if (begins_with(name, "_Z"))
		return demangle_encoding(d, without(name, 2), "", d->mode == DEMANGLE_FULL);
	if (begins_with(name, "___Z"))
		return demangle_block(d, name);
	if (begins_with(name, "_GLOBAL_"))
		return demangle_global(d, without(name, 8));
	return 0;
}

size_t demangle(struct demangler *demangler, struct wire_bytes name, char *out, size_t bytes_max)
{
	const char *text = name.data, *version;

	if (demangler->mode == DEMANGLE_NONE || demangler->n_steps_left == 0 || name.n_bytes < 3 ||
	    name.n_bytes > DEMANGLE_BYTES_MAX || text[0] != '_' || memchr(text, '\0', name.n_bytes))
		return 0;
	version = memchr(text, '@', name.n_bytes);
	if (version)
		name.n_bytes = (size_t)(version - text);
	demangler->out = out;
	demangler->bytes_max = bytes_max;
	return demangle_any(demangler, name);
}
