#pragma once

/*
 * Which object of Close is meant by what a record says of it: `match` and `link` of the pipeline
 * file. A rule is what was written, compiled; a lookup is a rule rendered for one record. shape
 * makes lookups, the engine answers them, connector/close knows how Close is asked.
 *
 * Kinds of objects are those of the catalogue's `object`: "lead", "contact", "opportunity",
 * "custom_object", and things with a name: "user", "status.lead", "status.opportunity", "pipeline",
 * "custom_field.lead" (…contact, opportunity, shared, activity, custom_object_type),
 * "custom_activity_type", "custom_object_type", "email_template", "sms_template", "sequence",
 * "group", "role".
 */

#include "lib/buf.h"
#include "lib/template.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

/* When two values are the same, and how search is asked for them. */
enum lookup_like {
	LIKE_TEXT,   /* exactly, spaces around it aside; and whatever has no rule of its own */
	LIKE_EMAIL,  /* in any case of letters */
	LIKE_PHONE,  /* digits and "+" alone */
	LIKE_URL,    /* host and path, without scheme, "www." and last slash */
	LIKE_NUMBER, /* the decimal value */
	LIKE_CHOICE, /* as text, an id or one of a list; search is asked by terms */
	LIKE_DAY,    /* the date, without a time */
	LIKE_MOMENT, /* the second, in any zone */
	LIKE_ID,     /* the object's own id: nothing is looked up */
};

enum on_many { MANY_REJECT, MANY_OLDEST };
enum on_match { MATCH_UPDATE, MATCH_SKIP };
enum on_none { NONE_CREATE, NONE_REJECT, NONE_SKIP };

/* Rules */

struct lookup_field_rule {
	char *name; /* "id", "email", "phone", "url", "name", "label", "custom.NAME"; beside the
	               label of a status.opportunity "pipeline_id", which narrows it */
	struct template *value;
};

struct lookup_key_rule {
	struct lookup_field_rule *fields;
	size_t n;
};

struct lookup_rule {
	char *kind;
	struct lookup_key_rule *keys; /* tried in their order */
	size_t n_keys;
};

/* An id by lookup: for a key of the body, or for a placeholder of the URL. */
struct link_rule {
	char *field;     /* "lead_id"; "custom.NAME"; the path parameter */
	bool is_in_url;  /* fills "{field}" of the route's url */
	bool takes_lead; /* the found object's lead is meant, not the object */
	struct lookup_rule rule;
	struct template *fallback; /* the id when nothing is found; NULL: none */
	enum on_none on_none;      /* not NONE_CREATE */
};

void lookup_rule_deinit(struct lookup_rule *rule);
void link_rule_deinit(struct link_rule *rule);

/* Lookups */

struct lookup_field {
	char *name;  /* as answers name it: "email", "name", "custom.cf_…" */
	char *value; /* as the record has it, trimmed; numbers as text */
	enum lookup_like like;
	char *folded; /* what is the same has the same (lookup_fold()) */
	char *shown;  /* how Close writes that value, folded; NULL: so, or nobody knows */
};

/* All its fields must fit one object. */
struct lookup_key {
	struct lookup_field *fields;
	size_t n;
};

struct lookup {
	char *kind;
	struct lookup_key *keys; /* tried in their order; at least one */
	size_t n_keys;
	char *lead_id; /* only objects of this lead; NULL: anywhere */
};

struct draft_link {
	char *field; /* the body's key by id, or the placeholder */
	bool is_in_url, takes_lead;
	char *fallback; /* NULL: none */
	enum on_none on_none;
	struct lookup lookup;
};

/* How ids of this kind begin: "lead_"; "" where that is not known, or nobody looks them up. */
const char *lookup_id_prefix(const char *kind);

void lookup_deinit(struct lookup *lookup);
void draft_link_deinit(struct draft_link *link);
struct lookup_key *lookup_add_key(struct lookup *lookup);
/* Trims and folds @value. */
void lookup_add_field(struct lookup_key *key, const char *name, const char *value,
                      enum lookup_like like);

/* Whether @folded is the value of @field, as it was written or as Close writes it. */
bool lookup_is_value(const struct lookup_field *field, const char *folded);

/*
 * What is the same has the same text; to free(). Of a URL, number or time that is none, and of a
 * phone without a digit, the trimmed text.
 */
char *lookup_fold(enum lookup_like like, const char *value);

/* Lists whose items are the same where one member of them is: emails by "email", in any case. */
struct lookup_list {
	const char *name, *member;
	enum lookup_like like;
};

extern const struct lookup_list lookup_lists[];
enum { lookup_emails, lookup_n_lists = 3 }; /* emails stand first */

/* How values of a field of this name are compared, where nothing else is known of it. */
enum lookup_like lookup_like_of(const char *field);

/*
 * One text for a key: "lead custom.cf_B2=77", "contact email=a@b.example name=Ana"; equal keys have
 * equal texts, others have others ("=" in a value is escaped). For lanes and for what waits for
 * whom; to free().
 */
char *lookup_key_text(const char *kind, const struct lookup_key *key);
/* The same of a key of one field. */
char *lookup_field_text(const char *kind, const char *name, const char *folded);
/* And back, all three to free(). False: it is a key of several fields, or no such text. */
bool lookup_field_parse(const char *text, char **ret_kind, char **ret_name, char **ret_folded);

/*
 * As JSON that outlives the process (lookup_text.c). What reads it is given a zeroed struct, which
 * is to be freed in any case; false: the text is damaged.
 */
void lookup_print(const struct lookup *lookup, struct buf *out);
void draft_link_print(const struct draft_link *link, struct buf *out);
bool lookup_read(struct json_object *kept, struct lookup *lookup);
bool draft_link_read(struct json_object *kept, struct draft_link *link);
