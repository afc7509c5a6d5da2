#pragma once
/* Words of the page for people: what others chose is escaped here, and nowhere else. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/wire.h"

/* Appends foreign bytes as text of the page, or of an attribute between double quotes. What is no
 * UTF-8 becomes U+FFFD. */
void status_text(struct bytes *out, const void *bytes, size_t n_bytes);

/* The same of a string. */
void status_string(struct bytes *out, const char *string);

/* The labels of a set, but for those that are for ourselves, each in an element of its own. */
void status_labels(struct bytes *out, struct wire_bytes set);

/* A number with its digits in groups of three. */
void status_number(struct bytes *out, uint64_t value);

/* How long ago something was: "3 s ago", "2 h ago". */
void status_age(struct bytes *out, uint64_t age_ns);

/* Opens a section, and ends what it has with status_table_end(). @heads: the columns, ended by
 * NULL; one that begins with '#' is of numbers. On a phone each row is a block, in which each cell
 * says its column. */
void status_table(struct bytes *out, const char *const *heads);
void status_table_end(struct bytes *out);

/* Opens a cell of the column @head; @class: "" or one of the page's style. */
void status_cell(struct bytes *out, const char *head, const char *class);
