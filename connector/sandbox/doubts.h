#pragma once

/*
 * What nobody outside Close knows for sure, or what has changed there over the years, as switches:
 * the stand-in behaves one way unless it is told to behave the other way. A client that is right
 * under both needs no answer. Set by `--set NAME=VALUE` and by POST /_sandbox/settings.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>

enum box_doubt {
	DOUBT_ADD_LIST,
	DOUBT_ADD_ON_CUSTOM,
	DOUBT_ADD_WITH_PLAIN,
	DOUBT_AFTER_DELETE,
	DOUBT_BODY_SIZE,
	DOUBT_BULK_PAUSE,
	DOUBT_CHUNKED,
	DOUBT_CONTACT_WITHOUT_LEAD,
	DOUBT_CUSTOM_ANSWER,
	DOUBT_CUSTOM_DICTIONARY,
	DOUBT_CUSTOM_FIELDS,
	DOUBT_CUSTOM_NAMES,
	DOUBT_DELETE_BODY,
	DOUBT_EMAIL_CASE,
	DOUBT_ERROR_BODY,
	DOUBT_EVENT_DATA,
	DOUBT_EXACT_VALUE,
	DOUBT_HTML_TAGS,
	DOUBT_LEAD_CONTACTS,
	DOUBT_LIST_PARAMS,
	DOUBT_MEDIA_TYPE,
	DOUBT_MERGE,
	DOUBT_MULTI_SCALAR,
	DOUBT_NUMBER_TEXT,
	DOUBT_OAUTH_ONLY,
	DOUBT_PAGE_LIMITS,
	DOUBT_RATE_BODY,
	DOUBT_SEARCH_FIELD,
	DOUBT_SLASH,
	DOUBT_STATUS_TYPE,
	DOUBT_TEXT_NUMBER,
	DOUBT_UNKNOWN_KEYS,
	DOUBT_WEBHOOK_REPEAT,
	BOX_N_DOUBTS,
};

/* All zero: every doubt as it usually is. */
struct box_doubts {
	unsigned char chosen[BOX_N_DOUBTS];
};

struct box_doubt_row {
	const char *name;
	const char *const *values; /* ends with NULL; the first is the usual one */
	const char *help;          /* what it is about, a line */
};

extern const struct box_doubt_row box_doubt_rows[BOX_N_DOUBTS];

/* Whether the doubt is set to @value, which is one of its row's. */
bool box_doubt_is(const struct box_doubts *doubts, enum box_doubt doubt, const char *value);
const char *box_doubt_value(const struct box_doubts *doubts, enum box_doubt doubt);

/* -ENOENT where there is no such name, -EINVAL where it has no such value, with a sentence. */
int box_doubts_set(struct box_doubts *doubts, const char *name, const char *value, struct err *err);
/* "name=value" */
int box_doubts_set_text(struct box_doubts *doubts, const char *text, struct err *err);
