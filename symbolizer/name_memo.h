#pragma once
/*
 * Names that were shown before, so that a name is demangled once however often it is asked for.
 * Keyed by where the raw name lies, which a table keeps in place for its life. Bounded in bytes:
 * what is over is not kept. Not threaded.
 */
#include "wire/wire.h"

#define NAME_MEMO_BYTES_MAX (256u << 20)
#define NAME_MEMO_NAMES_MAX (1u << 20)

struct name_memo;

/* Returns 0 or -ENOMEM; *@ret_memo is owned. */
int name_memo_new(struct name_memo **ret_memo) warn_unused_result;

/* What was kept for @raw, borrowed until the next name_memo_keep(); without bytes: nothing was. */
struct wire_bytes name_memo_find(const struct name_memo *memo, const char *raw);

/* Keeps a copy of @shown for @raw, of which nothing was kept. Without room it does not. */
void name_memo_keep(struct name_memo *memo, const char *raw, struct wire_bytes shown);

void name_memo_free(struct name_memo *memo); /* NULL is fine */
