#pragma once

/*
 * The tables behind the pipeline file. A section is a map of the file, a key is a row: what it
 * takes, where it goes, what it means. The loader, the JSON Schema, the reference page and the
 * hints of messages all read the same rows, so a key is written down once.
 */

#include "connector/pipeline/pipeline.h"
#include "lib/template.h"
#include "lib/yaml.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key;
struct loader;
struct section;

/* What a key takes. Those up to VALUE_SECRET are settings: they may come from outside. */
enum value_type {
	VALUE_TEXT,      /* char * */
	VALUE_PROGRAM,   /* unsigned: the number of a jq program in the set of the file */
	VALUE_OPERATION, /* char *: the name of an operation */
	VALUE_BOOL,      /* bool */
	VALUE_COUNT,     /* unsigned or uint64_t within min and max */
	VALUE_DURATION,  /* uint64_t, milliseconds within min and max */
	VALUE_SIZE,      /* uint64_t, bytes within min and max */
	VALUE_RATE,      /* two uint64_t: so many per so many milliseconds */
	VALUE_SHARE,     /* unsigned, percent within min and max */
	VALUE_CHOICE,    /* index into choices: an enum, or a bool for two */
	VALUE_SECRET,    /* char *: never literally in the file */
	VALUE_CHOICES,   /* list of choices: 1 for the first, 2 for the second, 4 …, or'ed */
	VALUE_TEXTS,     /* const struct yaml_node *: a list of texts */
	VALUE_TEMPLATE,  /* const struct yaml_node *: a text with placeholders */
	VALUE_TEMPLATES, /* const struct yaml_node *: a map of them */
	VALUE_TREE,      /* const struct yaml_node *: a value with templates in it */
	VALUE_MAP,       /* const struct yaml_node *: such a value that is a map */
	VALUE_SECTION,   /* a map with the keys of .section, into the same struct */
	VALUE_SECTIONS,  /* a list of such maps, read by read() */
	VALUE_OTHER,     /* read() alone knows; takes and schema say what */
};

struct key {
	const char *name; /* NULL ends a table */
	enum value_type type;
	size_t offset, size; /* IN(struct, member); size 0: checked and not kept */
	uint64_t min, max;
	const char *fallback;           /* the default as it would be written; NULL: none */
	const char *const *choices;     /* NULL-terminated */
	const char *const *choice_help; /* what each of them means */
	const char *pattern; /* VALUE_TEXT, VALUE_TEMPLATE: what every good one matches */
	const struct section *section;
	/* Instead of (VALUE_OTHER, _SECRET, _SECTIONS) or after (settings) keeping the value. */
	void (*read)(struct loader *l, const struct key *key, const struct yaml_node *value,
	             void *target);
	const char *takes;  /* VALUE_OTHER: "a list of two, …" for messages and the reference */
	const char *schema; /* VALUE_OTHER: its JSON Schema */
	bool is_required;
	bool is_later; /* any value but the default is "not available yet" */
	/*
	 * Of a key that another one selects (section.selector): the choices it may, and those it
	 * must stand beside; NULL-terminated, or NULL: all, none.
	 */
	const char *const *belongs_to, *const *needed_by;
	const char *help;             /* one line */
	const char *const *elsewhere; /* what others call it, for hints; NULL-terminated or NULL */
	const char *example;          /* as JSON; NULL: none */
};

#define IN(type_, member_)                                                                         \
	.offset = offsetof(type_, member_), .size = sizeof(__typeof__(((type_ *)0)->member_))

struct key_pair {
	const char *a, *b;
};

struct section {
	const char *name; /* its place in the file: "source.ndjson"; "" is the file itself */
	const char *help;
	const struct key *keys;
	const struct key_pair *excluding; /* pairs that exclude each other; ends with NULLs */
	const char *const *one_of;        /* one of these must be there; NULL-terminated */
	/* What check() tells, as far as a JSON Schema can: a list of schemas; NULL: nothing. */
	const char *rules;
	const char *selector; /* the VALUE_CHOICE that belongs_to and needed_by speak of */
	/* What several keys mean together; after all keys were read. */
	void (*check)(struct loader *l, const struct yaml_node *map, void *target);
};

extern const struct section file_section, source_section, source_kafka_section,
	responses_kafka_section, rejects_kafka_section, close_section, delivery_section,
	responses_section, rejects_section, notify_section, route_section;

/* One load. */
struct loader {
	struct pipeline *pipeline;
	const struct pipeline_options *options;
	size_t cap_notes;
	enum pipeline_layer layer; /* of the notes made now */
	char path[256];            /* where we are: "routes[0].body" */
	/* Read when the rest is known. */
	const struct yaml_node *routes, *exclude, *source_key;
	bool is_kafka;
	/* Where the programs of the set stand, by their number. */
	struct program_place *programs;
	size_t cap_programs;
	unsigned n_programs;
};

struct program_place {
	const struct yaml_node *node;
	char *path;
};

/* A mistake or a warning at @at (NULL: the file), prefixed with the path. */
void fail(struct loader *l, const struct yaml_node *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void warn(struct loader *l, const struct yaml_node *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "<path>: not available yet …" */
void fail_later(struct loader *l, const struct yaml_node *at);

/* Whether secrets are read where we are. */
bool reads_secrets(const struct loader *l);

/* Goes down one step ("close", "[0]") and returns what path_leave() needs. */
size_t path_enter(struct loader *l, const char *step);
size_t path_enter_item(struct loader *l, size_t index);
void path_leave(struct loader *l, size_t mark);

/* Writes the defaults of a section and of the sections in it to @target. */
void section_defaults(const struct section *section, void *target);
/* Reads @map into @target. */
void section_read(struct loader *l, const struct section *section, const struct yaml_node *map,
                  void *target);
const struct key *section_key(const struct section *section, const char *name);
/* Tells which keys of @map do not go with @choice of the selector, and which are missing. */
void section_check_choice(struct loader *l, const struct section *section,
                          const struct yaml_node *map, const char *choice);

/* Reads what stands behind a key; section.c calls it for every pair of a map. */
void key_read(struct loader *l, const struct key *key, const struct yaml_node *value, void *target);

/* "a duration such as 30s, from 1s to 30d": what the key takes. */
char *key_takes(const struct key *key);

/* A value of the wrong kind; never repeats what a secret key holds. */
void fail_kind(struct loader *l, const struct yaml_node *value, const char *takes);
/* True if @value is an unquoted {name}, which was told. */
bool fail_unquoted(struct loader *l, const struct yaml_node *value);
/* Tells every unquoted {name} and every fault in a template or tree of them; true if it is clean.
 */
bool check_tree(struct loader *l, const struct yaml_node *value);
/* A text, number or truth as text, for a template; NULL after telling that it is none. */
const char *template_source(struct loader *l, const struct yaml_node *value);

/* The JSON value that @value writes; numbers keep their digits. New reference; NULL is null. */
struct json_object *tree_json(const struct yaml_node *value);

/* Reads a setting of any type up to VALUE_CHOICE out of @text; -EINVAL if it is none. */
int key_parse(const struct key *key, const char *text, void *target);

/*
 * secrets.c: values from outside. Returns 1 with text (to free()), or 0 where nothing could be had,
 * which was told, or where nothing was to be read. @ret_source: "env NAME" (to free()), may be
 * NULL.
 */
bool is_reference(const struct yaml_node *value);
int resolve_setting(struct loader *l, const struct yaml_node *reference, char **ret_text);
int resolve_secret(struct loader *l, const struct yaml_node *value, char **ret_text,
                   char **ret_source);
const char *load_getenv(const struct loader *l, const char *name);
/* @path as the file means it: relative to its folder. To free(). */
char *load_path(const struct loader *l, const char *path);

/*
 * programs.c: adds a jq program to those of the file, called by the path where we are, and returns
 * its number. @at is the value it was read from.
 */
unsigned program_add(struct loader *l, const struct yaml_node *at, const char *program);
/* Compiles all of them and tells what is wrong at the very place; once, when vars are known. */
void programs_compile(struct loader *l);

/* kafka_source.c: what is not written, when the rest of the file was read. */
void source_kafka_defaults(struct pipeline *pipeline);

/* kafka_sink.c: what topics to write to have to do with the rest of the file. */
void topics_check(struct loader *l, const struct yaml_node *file);

/* routes.c */
void routes_compile(struct loader *l);
/* Tells what is wrong in a list of paths to exclude. */
void check_paths(struct loader *l, const struct yaml_node *list);
/* vars of the file; the root table's reader. */
void read_vars(struct loader *l, const struct key *key, const struct yaml_node *value,
               void *target);
