#pragma once
/*
 * The syntax of RE2 as a tree: what Go's package regexp accepts, and nothing else.
 *
 * The parser knows nothing of the library that matches; regex_translate() writes a tree in PCRE2's
 * spelling. Nodes live in an arena. Each knows, from the moment it is made, how high and how large
 * it is, so that no later walk can be deeper than REGEX_HEIGHT_MAX.
 */
#include "base/bytes.h"
#include "config/source.h"
#include "config/value.h"
#include "regex.h"

#define REGEX_HEIGHT_MAX    1000u               /* as in Go */
#define REGEX_REPEAT_MAX    1000u               /* as in Go; of nested counts the product */
#define REGEX_SIZE_MAX      ((uint64_t)3355443) /* as in Go: instructions of its program */
#define REGEX_UNLIMITED     UINT32_MAX
#define REGEX_NO_GROUP      UINT32_MAX
#define REGEX_CHARACTER_MAX 0x10ffffu

enum regex_kind {
	REGEX_EMPTY,
	REGEX_CHARACTER,
	REGEX_ANY,
	REGEX_ANY_BUT_NEWLINE,
	REGEX_CLASS,
	REGEX_TEXT_START,
	REGEX_TEXT_END,
	REGEX_LINE_START,
	REGEX_LINE_END,
	REGEX_WORD_EDGE,
	REGEX_NO_WORD_EDGE,
	REGEX_CAPTURE,
	REGEX_REPEAT,
	REGEX_SEQUENCE,
	REGEX_CHOICE,
};

/* A Unicode category or script, under PCRE2's name, and what its letters fold to outside of it. */
struct regex_fold_range {
	uint32_t first;
	uint32_t last;
};

struct regex_property {
	char name[40];
	const struct regex_fold_range *folds;
	size_t n_folds;
};

/* One item of a class: a range of characters or a property. */
struct regex_item {
	const struct regex_property *property; /* NULL: a range */
	bool is_negated;                       /* of a property */
	uint32_t first;
	uint32_t last;
	struct regex_item *next;
};

struct regex_node {
	enum regex_kind kind;
	bool folds;       /* of characters and classes: letters match in either case */
	bool is_lazy;     /* of a repeat */
	bool is_negated;  /* of a class */
	bool is_nullable; /* can match nothing */
	uint32_t character;
	uint32_t min; /* of a repeat */
	uint32_t max; /* or REGEX_UNLIMITED */
	uint32_t group;
	struct regex_item *items;
	struct regex_node *first; /* child */
	struct regex_node *next;  /* sibling */
	uint32_t height;
	uint32_t product; /* of the counts of nested repeats, at most */
	uint64_t size;
	uint64_t run; /* characters that are compared in a row, at most */
};

struct regex_name {
	struct config_text name;
	uint32_t group;
	const struct regex_name *next;
};

struct regex_tree {
	const struct regex_node *root;
	uint32_t n_groups; /* without the whole */
	const struct regex_name *names;
};

/* Parses @text. Returns 0, a negative error of the arena, or REGEX_REFUSED with @ret_fault set. */
int regex_parse(struct config_text text, struct config_arena *arena, struct regex_tree *ret_tree,
		struct regex_fault *ret_fault) warn_unused_result;

/*
 * Writes @tree for PCRE2 to @pattern. @groups gets one uint32_t for each group of the pattern from
 * its first: the group of @tree that it stands for, or REGEX_NO_GROUP. Errors stay in the bytes.
 */
void regex_translate(const struct regex_tree *tree, struct bytes *pattern, struct bytes *groups);

/* Finds a property by a name that Go knows. Fills @ret_property and returns true, or false. */
bool regex_property_find(struct config_text name, struct regex_property *ret_property,
			 bool *ret_is_negated);
