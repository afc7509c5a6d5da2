#include "resolve_line.h"

#include <string.h>

#define NOTHING "-"

const char *resolve_source_word(enum symbol_source source)
{
	static const char *const words[SYMBOL_SOURCES] = {
		[SYMBOL_FROM_SYMTAB] = "symtab",
		[SYMBOL_FROM_DYNSYM] = "dynsym",
		[SYMBOL_FROM_DEBUG] = "debug",
		[SYMBOL_FROM_GOPCLNTAB] = "gopclntab",
		[SYMBOL_FROM_MINIDEBUG] = "minidebug",
		[SYMBOL_FROM_PERFMAP] = "perfmap",
		[SYMBOL_FROM_FDE] = "fde",
		[SYMBOL_FROM_KALLSYMS] = "kallsyms",
	};

	return source < SYMBOL_SOURCES && words[source] ? words[source] : NOTHING;
}

static char *put_text(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n);
	return to + n;
}

static char *put_number(char *to, uint64_t number, unsigned base)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	while (n > 0)
		*to++ = digits[--n];
	return to;
}

static char *put_hex(char *to, uint64_t number)
{
	return put_number(put_text(to, "0x"), number, 16);
}

static char *put_shown(char *to, struct demangler *demangler, const char *name, size_t n_bytes)
{
	return to + display_name(demangler, (struct wire_bytes){name, n_bytes}, to,
				 DISPLAY_NAME_BYTES_MAX);
}

static char *put_name(char *to, const struct resolve_names *names, const struct symbol_found *found)
{
	struct wire_bytes shown = {0};
	char *end;

	if (found->n_name_bytes == 0) {
		to = put_shown(to, NULL, names->module, strlen(names->module));
		return put_hex(put_text(to, "+"), found->start.v);
	}
	if (names->memo)
		shown = name_memo_find(names->memo, found->name);
	if (shown.n_bytes > 0) {
		memcpy(to, shown.data, shown.n_bytes);
		return to + shown.n_bytes;
	}
	end = put_shown(to, names->demangler, found->name, found->n_name_bytes);
	if (names->memo)
		name_memo_keep(names->memo, found->name,
			       (struct wire_bytes){to, (size_t)(end - to)});
	return end;
}

static char *put_symbol(char *to, const struct symbol_found *found)
{
	to = put_text(put_hex(to, found->start.v), "\t");
	to = put_text(put_number(to, found->size_bytes, 10), "\t");
	return put_text(to, resolve_source_word(found->source));
}

size_t resolve_line(const struct resolve_names *names, struct elf_addr addr, char *out)
{
	struct symbol_found found;
	struct symbol_line line;
	char *to = put_text(put_hex(out, addr.v), "\t");

	if (symbol_table_find(names->table, addr, &found))
		to = put_symbol(put_text(put_name(to, names, &found), "\t"), &found);
	else
		to = put_text(to, NOTHING "\t" NOTHING "\t" NOTHING "\t" NOTHING);
	to = put_text(to, "\t");
	if (symbol_table_line(names->table, addr, &line)) {
		to = put_text(put_shown(to, NULL, line.file, line.n_file_bytes), ":");
		to = put_number(to, line.line, 10);
	} else {
		to = put_text(to, NOTHING);
	}
	return (size_t)(put_text(to, "\n") - out);
}
