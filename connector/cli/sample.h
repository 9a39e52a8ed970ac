#pragma once

/*
 * What the records of a sample look like: which fields there are, how many have each, what kind of
 * value it holds, and what it seems to be for. No value is kept: a pipeline file is no place for
 * customers' data.
 */

#include "connector/source/source.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Kinds of values, or'ed over all records. */
enum {
	SAMPLE_TEXT = 1,
	SAMPLE_NUMBER = 2,
	SAMPLE_BOOL = 4,
	SAMPLE_NULL = 8,
	SAMPLE_OBJECT = 16,
	SAMPLE_LIST = 32,
	SAMPLE_EMAIL = 64,
	SAMPLE_URL = 128,
	SAMPLE_DATE = 256,
	SAMPLE_TIME = 512, /* date and time of day */
	SAMPLE_ID = 1024,  /* of an object of Close */
	SAMPLE_BLANK = 2048,
};

/* What a field seems to be for, by its name first and by its values where they tell. */
enum sample_role {
	ROLE_NONE,
	ROLE_KEY, /* the record's own key */
	ROLE_LEAD_ID,
	ROLE_CONTACT_ID,
	ROLE_COMPANY,
	ROLE_PERSON,
	ROLE_FIRST_NAME,
	ROLE_LAST_NAME,
	ROLE_TITLE,
	ROLE_EMAIL,
	ROLE_PHONE,
	ROLE_URL,
	ROLE_DESCRIPTION,
	ROLE_NOTE,
	ROLE_VALUE,
	ROLE_DUE,
	ROLE_DURATION,
	ROLE_DIRECTION,
	n_sample_roles,
};

enum { sample_max_records = 1000, sample_max_fields = 200 };

struct sample_field {
	char *name;     /* of the record's own members; "profile.email" for those one level down */
	unsigned n;     /* records that have it */
	unsigned kinds; /* or'ed */
	enum sample_role role;
};

struct sample {
	unsigned n_records, n_faulty; /* lines that are no record */
	struct sample_field *fields;  /* in the order in which they came */
	size_t n_fields;
	const struct sample_field *of_role[n_sample_roles]; /* the field of each role; NULL: none */
};

/* Looks at the first records of @path. -ENODATA where not one of them is a JSON object. */
int sample_look(const char *path, struct sample *ret_sample, struct err *err);
void sample_deinit(struct sample *sample);

/* "text, e-mail addresses" */
void sample_kinds_text(unsigned kinds, char *text, size_t size);
