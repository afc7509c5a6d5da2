#include "demangle/demangle_rust.h"

#include <stdint.h>
#include <string.h>

#include "demangle/rust_name.h"

static void type(struct rust *r);

static void lifetime(struct rust *r, uint64_t number)
{
	char letter;

	rust_put_text(r, "'");
	if (number == 0) {
		rust_put_text(r, "_");
	} else if (number > r->n_lifetimes) {
		rust_fail(r);
	} else if (r->n_lifetimes - number < 26) {
		letter = (char)('a' + (r->n_lifetimes - number));
		rust_put(r, &letter, 1);
	} else {
		rust_put_text(r, "_");
		rust_put_number(r, r->n_lifetimes - number);
	}
}

/* G number: that many lifetimes are bound in what follows. */
static void binder(struct rust *r)
{
	uint64_t n_bound;

	if (!rust_eat(r, 'G'))
		return;
	n_bound = rust_base_62(r) + 1;
	if (n_bound >= (uint64_t)(r->end - r->start)) { /* each should be used */
		rust_fail(r);
		return;
	}
	rust_put_text(r, "for<");
	for (uint64_t i = 0; i < n_bound && !r->has_failed; i++) {
		rust_put_text(r, i > 0 ? ", " : "");
		r->n_lifetimes++;
		lifetime(r, 1);
	}
	rust_put_text(r, "> ");
}

static void generic_argument(struct rust *r)
{
	if (rust_eat(r, 'L'))
		lifetime(r, rust_base_62(r));
	else if (rust_eat(r, 'K'))
		rust_constant(r, false);
	else
		type(r);
}

static void generic_arguments(struct rust *r)
{
	r->n_skipping += !r->has_arguments;
	(void)rust_list(r, generic_argument, ", ");
	r->n_skipping -= !r->has_arguments;
}

/* Which impl it is says nothing to a reader. */
static void skip_impl(struct rust *r)
{
	r->n_skipping++;
	(void)rust_disambiguator(r);
	rust_path(r, false);
	r->n_skipping--;
}

static void qualified_self(struct rust *r, bool has_trait)
{
	rust_put_text(r, "<");
	type(r);
	if (has_trait) {
		rust_put_text(r, " as ");
		rust_path(r, false);
	}
	rust_put_text(r, ">");
}

/* N namespace path identifier: capital namespaces are closures and what else has no name. */
static void nested(struct rust *r, bool is_value)
{
	char namespace = rust_next(r);
	uint64_t number;
	struct rust_identifier id;

	if ((namespace < 'a' || namespace > 'z') && (namespace < 'A' || namespace > 'Z'))
		rust_fail(r);
	rust_path(r, is_value);
	number = rust_disambiguator(r);
	id = rust_identifier(r);
	if (namespace >= 'a') {
		rust_put_text(r, id.n_bytes > 0 ? "::" : "");
		rust_put_identifier(r, id);
		return;
	}
	rust_put_text(r, "::{");
	if (namespace == 'C')
		rust_put_text(r, "closure");
	else if (namespace == 'S')
		rust_put_text(r, "shim");
	else
		rust_put(r, &namespace, 1);
	rust_put_text(r, id.n_bytes > 0 ? ":" : "");
	rust_put_identifier(r, id);
	rust_put_text(r, "#");
	rust_put_number(r, number);
	rust_put_text(r, "}");
}

static void path_of(struct rust *r, bool is_value)
{
	const char *here;

	switch (rust_next(r)) {
	case 'C':
		(void)rust_disambiguator(r); /* the crate's hash */
		rust_put_identifier(r, rust_identifier(r));
		break;
	case 'M':
		skip_impl(r);
		qualified_self(r, false);
		break;
	case 'X':
		skip_impl(r);
		qualified_self(r, true);
		break;
	case 'Y':
		qualified_self(r, true);
		break;
	case 'N':
		nested(r, is_value);
		break;
	case 'I':
		rust_path(r, is_value);
		rust_put_text(r, is_value ? "::<" : "<");
		generic_arguments(r);
		rust_put_text(r, ">");
		break;
	case 'B':
		r->at--;
		if (rust_go_back(r, &here)) {
			rust_path(r, is_value);
			rust_come_back(r, here);
		}
		break;
	default:
		rust_fail(r);
	}
}

void rust_path(struct rust *r, bool is_value)
{
	if (rust_enter(r))
		path_of(r, is_value);
	rust_leave(r);
}

static const char *basic_type(char c)
{
	static const char *const names[26] = {
		['a' - 'a'] = "i8",   ['b' - 'a'] = "bool",  ['c' - 'a'] = "char",
		['d' - 'a'] = "f64",  ['e' - 'a'] = "str",   ['f' - 'a'] = "f32",
		['h' - 'a'] = "u8",   ['i' - 'a'] = "isize", ['j' - 'a'] = "usize",
		['l' - 'a'] = "i32",  ['m' - 'a'] = "u32",   ['n' - 'a'] = "i128",
		['o' - 'a'] = "u128", ['p' - 'a'] = "_",     ['s' - 'a'] = "i16",
		['t' - 'a'] = "u16",  ['u' - 'a'] = "()",    ['v' - 'a'] = "...",
		['x' - 'a'] = "i64",  ['y' - 'a'] = "u64",   ['z' - 'a'] = "!",
	};

	return c >= 'a' && c <= 'z' ? names[c - 'a'] : NULL;
}

/* [binder] [U] [K abi] parameters E result */
static void function_type(struct rust *r)
{
	const uint32_t n_outer = r->n_lifetimes;

	binder(r);
	rust_put_text(r, rust_eat(r, 'U') ? "unsafe " : "");
	if (rust_eat(r, 'K')) {
		rust_put_text(r, "extern \"");
		if (rust_eat(r, 'C')) {
			rust_put_text(r, "C");
		} else {
			struct rust_identifier abi = rust_identifier(r);

			for (size_t i = 0; i < abi.n_bytes; i++)
				rust_put(r, abi.text[i] == '_' ? "-" : &abi.text[i], 1);
		}
		rust_put_text(r, "\" ");
	}
	rust_put_text(r, "fn(");
	(void)rust_list(r, type, ", ");
	rust_put_text(r, ")");
	if (!rust_eat(r, 'u')) {
		rust_put_text(r, " -> ");
		type(r);
	}
	r->n_lifetimes = n_outer;
}

/* A trait's path whose generic arguments stay open, for bindings. Returns whether they are. */
static bool open_path(struct rust *r)
{
	const char *here;
	bool is_open = false;

	if (!rust_enter(r)) {
		rust_leave(r);
		return false;
	}
	if (rust_peek(r) == 'B') {
		if (rust_go_back(r, &here)) {
			is_open = open_path(r);
			rust_come_back(r, here);
		}
	} else if (rust_eat(r, 'I')) {
		rust_path(r, false);
		rust_put_text(r, "<");
		generic_arguments(r);
		is_open = true;
	} else {
		rust_path(r, false);
	}
	rust_leave(r);
	return is_open;
}

static void dyn_trait(struct rust *r)
{
	bool is_open = open_path(r);

	while (!r->has_failed && rust_eat(r, 'p')) {
		bool is_first = !is_open || (r->n_bytes > 0 && r->out[r->n_bytes - 1] == '<');

		rust_put_text(r, !is_open ? "<" : is_first ? "" : ", ");
		is_open = true;
		rust_put_identifier(r, rust_identifier(r));
		rust_put_text(r, " = ");
		type(r);
	}
	rust_put_text(r, is_open ? ">" : "");
}

static void dyn_type(struct rust *r)
{
	const uint32_t n_outer = r->n_lifetimes;
	uint64_t number;

	rust_put_text(r, "dyn ");
	binder(r);
	(void)rust_list(r, dyn_trait, " + ");
	r->n_lifetimes = n_outer;
	if (!rust_eat(r, 'L'))
		rust_fail(r);
	number = rust_base_62(r);
	if (number == 0)
		return;
	rust_put_text(r, " + ");
	lifetime(r, number);
}

static void reference(struct rust *r, bool is_mutable)
{
	uint64_t number;

	rust_put_text(r, "&");
	if (rust_eat(r, 'L') && (number = rust_base_62(r)) > 0) {
		lifetime(r, number);
		rust_put_text(r, " ");
	}
	rust_put_text(r, is_mutable ? "mut " : "");
	type(r);
}

static void array(struct rust *r, bool has_length)
{
	rust_put_text(r, "[");
	type(r);
	if (has_length) {
		rust_put_text(r, "; ");
		rust_constant(r, true);
	}
	rust_put_text(r, "]");
}

static void type_of(struct rust *r)
{
	const char *name = basic_type(rust_peek(r)), *here;
	char c = rust_peek(r);

	if (name) {
		r->at++;
		rust_put_text(r, name);
		return;
	}
	if (c == 'B') {
		if (rust_go_back(r, &here)) {
			type(r);
			rust_come_back(r, here);
		}
		return;
	}
	if (c && strchr("CMXYNI", c)) {
		rust_path(r, false);
		return;
	}
	switch (rust_next(r)) {
	case 'A':
	case 'S':
		array(r, c == 'A');
		break;
	case 'T':
		rust_put_text(r, "(");
		rust_put_text(r, rust_list(r, type, ", ") == 1 ? ",)" : ")");
		break;
	case 'R':
	case 'Q':
		reference(r, c == 'Q');
		break;
	case 'P':
	case 'O':
		rust_put_text(r, c == 'P' ? "*const " : "*mut ");
		type(r);
		break;
	case 'F':
		function_type(r);
		break;
	case 'D':
		dyn_type(r);
		break;
	default:
		rust_fail(r);
	}
}

static void type(struct rust *r)
{
	if (rust_enter(r))
		type_of(r);
	rust_leave(r);
}

size_t demangle_rust_v0(struct wire_bytes name, bool has_arguments, struct rust_output *out)
{
	const char *text = name.data, *suffix = memchr(text, '.', name.n_bytes);
	struct rust r = {
		.start = text + 2,
		.at = text + 2,
		.end = suffix ? suffix : text + name.n_bytes, /* llvm's suffix is not shown */
		.out = out->text,
		.bytes_max = out->bytes_max,
		.has_arguments = has_arguments,
	};

	out->n_steps = 0;
	if (rust_peek(&r) < 'A' || rust_peek(&r) > 'Z') /* a version that is yet to come */
		return 0;
	rust_path(&r, true);
	r.n_skipping++;
	if (!r.has_failed && r.at < r.end) /* the crate that made this instance */
		rust_path(&r, false);
	out->n_steps = r.n_steps;
	return r.has_failed || r.at < r.end ? 0 : r.n_bytes;
}
