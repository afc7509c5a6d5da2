#pragma once
/*
 * A Rust v0 name while it is read and written at once; see demangle_rust.h. Nobody but
 * demangle_rust.c and rust_*.c includes this.
 *
 * Back references are read again each time, so steps are counted; what is only skipped (hashes'
 * paths, left-out arguments) follows none. After a failure every read sees the end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RUST_DEPTH_MAX 256u
#define RUST_STEPS_MAX (UINT32_C(1) << 17)

struct rust {
	const char *start; /* after _R: back references count from here */
	const char *at;
	const char *end;
	char *out;
	size_t n_bytes;
	size_t bytes_max;
	uint32_t n_steps;
	uint32_t depth;
	uint32_t n_lifetimes; /* bound around what is read */
	uint32_t n_skipping;  /* more than 0: nothing is written */
	bool has_arguments;
	bool has_failed;
};

struct rust_identifier {
	const char *text;
	size_t n_bytes;
	bool is_punycode;
};

/* rust_text.c: characters, numbers and identifiers. */
void rust_fail(struct rust *r);
void rust_put(struct rust *r, const char *text, size_t n_bytes);
void rust_put_number(struct rust *r, uint64_t number);
void rust_put_character(struct rust *r, uint32_t c);
uint64_t rust_base_62(struct rust *r);
uint64_t rust_disambiguator(struct rust *r);
struct rust_identifier rust_identifier(struct rust *r);
void rust_put_identifier(struct rust *r, struct rust_identifier id);

/* What is called for every character; enter, one level deeper, is always paired with leave. */
static inline bool rust_enter(struct rust *r)
{
	if (++r->depth > RUST_DEPTH_MAX || ++r->n_steps > RUST_STEPS_MAX)
		rust_fail(r);
	return !r->has_failed;
}

static inline void rust_leave(struct rust *r)
{
	r->depth--;
}

static inline char rust_peek(const struct rust *r)
{
	return r->at < r->end ? *r->at : '\0';
}

static inline bool rust_eat(struct rust *r, char c)
{
	if (rust_peek(r) != c)
		return false;
	r->at++;
	return true;
}

static inline char rust_next(struct rust *r)
{
	char c = rust_peek(r);

	if (c == '\0')
		rust_fail(r);
	else
		r->at++;
	return c;
}

static inline void rust_put_text(struct rust *r, const char *text)
{
	rust_put(r, text, strlen(text));
}

/*
 * Reads what stands earlier in the name; the caller then goes on at *@ret_at. False: there is
 * nothing to read, because nothing is written either, or because it is no back reference.
 */
bool rust_go_back(struct rust *r, const char **ret_at);
void rust_come_back(struct rust *r, const char *at);

/* Things up to E, by @thing. Returns how many. */
size_t rust_list(struct rust *r, void (*thing)(struct rust *), const char *between);

/* demangle_rust.c */
void rust_path(struct rust *r, bool is_value); /* a value's generic arguments come after "::" */

/* rust_constant.c: inside another constant it needs no braces of its own. */
void rust_constant(struct rust *r, bool is_inside);
