#pragma once

/*
 * What Close knows by name: the custom fields of a kind of object, statuses, pipelines, users. A
 * book holds all of one kind, as it was read from Close or from a lock file; connector/close makes
 * books, shape looks names up in them, and nobody changes one that is in use.
 *
 * Kinds of books are texts: "lead", "contact", "opportunity", "activity/TYPE_ID" and
 * "custom_object/TYPE_ID" for custom fields, "status/lead", "status/opportunity", "pipeline",
 * "user"; and for links alone "custom_field/shared" (…activity, custom_object_type),
 * "custom_activity" and "custom_object_type" for the types, "email_template", "sms_template",
 * "sequence", "group", "role". Close's names are not unique by rule, so one name may stand for
 * several ids.
 */

#include "connector/model/lookup.h"
#include "connector/model/operation.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a custom field holds; FIELD_ANY: a type this version does not know. */
enum field_type {
	FIELD_ANY,
	FIELD_TEXT, /* also textarea and hidden */
	FIELD_NUMBER,
	FIELD_DATE,
	FIELD_DATETIME,
	FIELD_CHOICES,
	FIELD_USER,
	FIELD_CONTACT,
	FIELD_CUSTOM_OBJECT,
};

struct name_entry {
	char *id;       /* "cf_…", "stat_…" */
	char *name;     /* without spaces around it */
	char *email;    /* of a user; else NULL */
	char *pipeline; /* of an opportunity status: the id; else NULL */
	/* Of a custom field. */
	char *type_name; /* "choices", as Close calls it; else NULL */
	enum field_type type;
	bool is_multi;
	char **choices; /* NULL-terminated or NULL */
};

struct name_book {
	char *kind;
	struct name_entry *items; /* in Close's order */
	size_t n, cap;
	/* Read so lately that a name which is not in it is nobody's: it need not be asked again. */
	bool is_fresh;
	bool may_grow;    /* we have made such things since: a name not in it is asked for again */
	uint64_t read_ms; /* when it was read, on the clock of who judges that; 0: in another run */
	char *trouble; /* why there is none ("activity type … is not there"); NULL: it is whole */
};

struct names {
	struct name_book **books;
	size_t n;
};

struct name_book *name_book_new(const char *kind);
void name_book_free(struct name_book *book); /* NULL is ignored */
/* A new entry at its end, to be filled; valid until the next one. Takes @takes_id, trims @name. */
struct name_entry *name_book_add(struct name_book *book, const char *id, const char *name);

/* In the place of the book of the same kind, which is freed. */
void names_put(struct names *names, struct name_book *takes_book);
/* NULL: there is none of this kind, or @names is NULL. */
const struct name_book *names_book(const struct names *names, const char *kind);
void names_deinit(struct names *names);

/*
 * The entry called @name: exactly, spaces around it aside; a user also by e-mail in any case of
 * letters. @within (may be NULL): only statuses of that pipeline. NULL: nobody is called so, or
 * several are; *ret_n says how many.
 */
const struct name_entry *name_find(const struct name_book *book, const char *name,
                                   const char *within, size_t *ret_n);
const struct name_entry *name_find_id(const struct name_book *book, const char *id);
/*
 * Why name_find() gave none, as a sentence with near names or all the ids; to free().
 */
char *name_trouble(const struct name_book *book, const char *name, const char *within);

/*
 * The custom field that @written names, which may end in ".add" or ".remove" unless a field bears
 * the whole name. *ret_suffix points at that end, or at the end of @written.
 */
const struct name_entry *name_find_field(const struct name_book *book, const char *written,
                                         const char **ret_suffix, size_t *ret_n);

/* Whether @name, what follows "custom." in a key, is an id: "cf_…" or "lcf_…", ".add" or not. */
bool name_is_field_id(const char *name);

/* Whether there are books of this kind, with or without a type's id. */
bool name_kind_is_known(const char *kind);
/* What one of this kind is called: "custom field of leads", "lead status". */
const char *name_kind_text(const char *kind);
/* The same for all of them: "lead statuses". */
const char *name_kind_all(const char *kind);
/* How ids of this kind begin: "stat_"; "cf_" for custom fields. */
const char *name_kind_prefix(const char *kind);
/* Whether books of this kind hold custom fields, with their types and choices. */
bool name_kind_is_fields(const char *kind);
/* … those of objects of this kind ("custom_object": of any type). */
bool name_kind_is_fields_of(const char *kind, const char *object);
/* Whether only links look names up in such a book: no key of a body is, or holds, one of them. */
bool name_kind_is_linked(const char *kind);
/*
 * The kind of the book that has what a link calls @looked_up (model/lookup.h): "status/lead" of
 * "status.lead"; NULL: it is searched for, or no kind at all.
 */
const char *name_kind_of_lookup(const char *looked_up);
/* How values of such a field are compared. */
enum lookup_like name_like_of_type(enum field_type type);

/*
 * The kind of what @field of @op names by its id ("status_id" of a lead: "status/lead"); NULL: it
 * is no such field, or the catalogue does not list it.
 */
const char *name_kind_of_field(const struct operation *op, const char *field);

/*
 * The kind of the custom fields of @op's object: one of the names above; "activity" and
 * "custom_object" where the type's id completes it (name_type_key()); NULL: they have no names.
 */
const char *name_kind_of_object(const struct operation *op);
/* The body's key for that id: "custom_activity_type_id"; NULL: the kind is whole. */
const char *name_type_key(const char *kind);

/*
 * Which names stand for the keys of a body, kept with a request: JSON object of key → as it was
 * written ("custom.cf_B2" → "custom.Industry"); so are places in lists ("emails[1]" → "emails[0]").
 * Returns @path with the last key it ends in, or the place it begins with, replaced; to free().
 * @written may be NULL.
 */
char *name_written(struct json_object *written, const char *path);
