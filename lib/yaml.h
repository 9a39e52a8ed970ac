#pragma once

/*
 * The door to libyaml: text in, a tree of nodes with their places out. Read at the event interface,
 * so that nothing is expanded and every bound holds while reading: at most 1 MiB, 32 levels, one
 * document. Anchors, aliases, tags, merge keys, duplicate keys, NUL and UTF-16 are faults; all of
 * them are collected, while a fault of syntax ends the reading. Values are text: what is a number
 * or a truth is asked for by the reader of the value. Without quotes that is by the core schema of
 * YAML 1.2, and then it stands there as JSON writes it (`True` as true, `0x1F` as 31, `+5` as 5);
 * `no`, `010` and `1:30` stay text, and .inf and .nan are faults, as JSON has no such number.
 */

#include <stdbool.h>
#include <stddef.h>

enum { yaml_max_bytes = 1 << 20, yaml_max_depth = 32, yaml_max_faults = 100 };

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	unsigned line, column;    /* from 1; columns count characters */
	bool is_plain;            /* YAML_TEXT: written without quotes */
	bool is_flow;             /* YAML_LIST, YAML_MAP: written with [] or {} */
	bool is_faulty;           /* a fault was told for it: say nothing more */
	char *text;               /* YAML_TEXT: never NULL, no NUL inside; as JSON writes it */
	struct yaml_node **keys;  /* YAML_MAP: n texts, no two the same */
	struct yaml_node **items; /* YAML_MAP, YAML_LIST: n values */
	size_t n;
};

struct yaml_fault {
	unsigned line, column;
	char *text; /* what is wrong and what to write instead, without the place */
};

struct yaml_doc {
	struct yaml_node *root;    /* NULL: empty, or the syntax is wrong */
	struct yaml_fault *faults; /* in the order of the text */
	size_t n_faults;
};

/* Reads @len bytes. Always a document, which may consist of faults. */
struct yaml_doc *yaml_doc_parse(const char *text, size_t len);
void yaml_doc_free(struct yaml_doc *doc);
void yaml_doc_freep(struct yaml_doc **doc);

/* The value of @key in a map, or NULL (also where @node is no map). */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);

/* What a text is by the core rules: quoted text is none of these. */
bool yaml_is_null(const struct yaml_node *node);                  /* nothing, ~ or null */
bool yaml_is_bool(const struct yaml_node *node, bool *ret_value); /* true or false */
bool yaml_is_number(const struct yaml_node *node);

/* "a map", "a list", "text", "the number 5", "nothing", …: for messages. @room holds long ones. */
const char *yaml_describe(const struct yaml_node *node, char *room, size_t room_len);

/*
 * Where the character at @line and @column (from 1) of @node's text stands in the file, whose @len
 * bytes are @text. False where that cannot be told: the text is folded, or has escapes before it.
 */
bool yaml_place(const struct yaml_node *node, const char *text, size_t len, unsigned line,
                unsigned column, unsigned *ret_line, unsigned *ret_column);
