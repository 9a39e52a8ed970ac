#include "connector/close/reconcile_private.h"

#include "connector/close/catalogue.h"
#include "connector/model/lookup.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whether an object may be what a create has made: by its contents, since it carries no mark of
 * ours. Close may trim, strip HTML, write numbers of phones anew, so "not the same text" is not
 * always "another object": what such a change could explain is unclear, and unclear is for people.
 */

const char crm_external_key[] = "external_whatsapp_message_id";

enum { second_us = 1000000, quarter_us = 900 * second_us };

/* What was counted over the keys of a create. */
struct tally {
	unsigned n_same, n_unclear, n_different;
	bool names_it; /* one of the same ones says which object is meant */
};

/* Of what is logged on a lead, what Close shows as it was sent; the rest it may work on. */
static const char *const logged[] = {"lead_id",       "contact_id",
                                     "user_id",       "object_id",
                                     "note",          "note_html",
                                     "title",         "text",
                                     "subject",       "body",
                                     "body_text",     "body_html",
                                     "sender",        "to",
                                     "direction",     "duration",
                                     "phone",         "local_phone",
                                     "remote_phone",  "recording_url",
                                     "outcome_id",    "_type",
                                     "assigned_to",   "date",
                                     "due_date",      "activity_at",
                                     "date_created",  "old_status_id",
                                     "new_status_id", "opportunity_id"};

/* Of other objects, what is not told, or under another name. */
static const char *const untold[] = {"status", "_fields", "created_by", "created_by_id"};

/* Keys that by themselves say which object is meant. */
static const char *const naming[] = {"name", "label",     "lead_id",         "object_id", "phone",
                                     "url",  "title",     "allowed_user_id", "subject",   "text",
                                     "note", "note_html", "contact_id",      "emails"};

#define IS_AMONG(list_, key_) is_among((list_), sizeof(list_) / sizeof((list_)[0]), (key_))

static bool is_among(const char *const *list, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], key) == 0)
			return true;
	return false;
}

static bool contains(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* Letters and digits alone, in one case, without tags and entities: what formatting leaves. */
static char *bare(const char *text)
{
	char *out = mem_strdup(text), *to = out;

	for (const char *c = text; *c; c++) {
		const char *end = *c == '<' ? strchr(c, '>') : *c == '&' ? strchr(c, ';') : NULL;

		if (end && (*c == '<' || end - c < 10)) {
			c = end;
			continue;
		}
		if ((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c & 0x80))
			*to++ = *c;
		else if (*c >= 'A' && *c <= 'Z')
			*to++ = (char)(*c - 'A' + 'a');
	}
	*to = '\0';
	return out;
}

/* One may be the beginning of the other, which Close has cut. */
static bool is_cut(const char *a, const char *b)
{
	const size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return shorter >= 64 && strncmp(a, b, shorter) == 0;
}

static enum crm_likeness compare_bare(const char *sent, const char *shown, bool is_html)
{
	cleanup_(freep) char *a = bare(sent), *b = bare(shown);

	if (strcmp(a, b) == 0)
		return is_html ? CRM_SAME : CRM_UNCLEAR;
	return is_cut(a, b) ? CRM_UNCLEAR : CRM_DIFFERENT;
}

static bool has_zone(const char *text)
{
	const char *time = strpbrk(text, "Tt ");

	return time && strpbrk(time, "+-Zz");
}

/* A time without a zone may be read in another one; a day has no time. */
static enum crm_likeness compare_times(const char *sent, int64_t a, bool a_is_day, int64_t b,
                                       bool b_is_day)
{
	const int64_t apart = a > b ? a - b : b - a;
	char a_day[moment_bytes], b_day[moment_bytes];

	if ((a_is_day || b_is_day) &&
	    !strcmp(moment_date_text(a, a_day), moment_date_text(b, b_day)))
		return CRM_SAME;
	if (apart < second_us)
		return CRM_SAME;
	if (a_is_day || b_is_day || (!has_zone(sent) && apart % quarter_us < second_us))
		return apart <= (int64_t)26 * 4 * quarter_us ? CRM_UNCLEAR : CRM_DIFFERENT;
	return CRM_DIFFERENT;
}

/* Of a number in a country's own form Close makes one in the world's. */
static enum crm_likeness compare_phones(const char *sent, const char *shown)
{
	cleanup_(freep) char *a = lookup_fold(LIKE_PHONE, sent);
	cleanup_(freep) char *b = lookup_fold(LIKE_PHONE, shown);

	if (strcmp(a, b) == 0)
		return CRM_SAME;
	return *a == '+' && *b == '+' ? CRM_DIFFERENT : CRM_UNCLEAR;
}

static enum crm_likeness compare_folded(enum lookup_like like, const char *sent, const char *shown)
{
	cleanup_(freep) char *a = lookup_fold(like, sent), *b = lookup_fold(like, shown);

	return strcmp(a, b) == 0 ? CRM_SAME : CRM_DIFFERENT;
}

/* The address in "Ana <a@b.example>". */
static char *address_of(const char *text)
{
	const char *begin = strrchr(text, '<'), *end = begin ? strchr(begin, '>') : NULL;
	cleanup_(freep) char *inner = end ? mem_dup(begin + 1, (size_t)(end - begin - 1)) : NULL;

	return lookup_fold(LIKE_EMAIL, inner ? inner : text);
}

static enum crm_likeness compare_senders(const char *sent, const char *shown)
{
	cleanup_(freep) char *a = address_of(sent), *b = address_of(shown);

	return strcmp(a, b) == 0 ? CRM_SAME : CRM_DIFFERENT;
}

static enum crm_likeness compare_text(const char *key, const char *sent, const char *shown)
{
	int64_t a, b;
	bool a_is_day, b_is_day;

	if (crm_same_text(sent, shown))
		return CRM_SAME;
	if (moment_parse(sent, &a, &a_is_day) && moment_parse(shown, &b, &b_is_day))
		return compare_times(sent, a, a_is_day, b, b_is_day);
	if (contains(key, "phone"))
		return compare_phones(sent, shown);
	if (strcmp(key, "sender") == 0)
		return compare_senders(sent, shown);
	if (strcmp(key, "url") == 0 || contains(key, "_url"))
		return compare_folded(LIKE_URL, sent, shown);
	/* A user, contact or object may be sent by its name, and is shown by its id. */
	if (strncmp(key, "custom.", strlen("custom.")) == 0 && strchr(shown, '_') &&
	    !strchr(sent, '_'))
		return CRM_UNCLEAR;
	return compare_bare(sent, shown, contains(key, "html"));
}

/* "a@b.example", or {"email": "a@b.example"}. */
static const char *item_text(struct json_object *item)
{
	return json_object_is_type(item, json_type_string) ? json_object_get_string(item)
	                                                   : json_get_string(item, "email");
}

static bool has_address(struct json_object *list, const char *address)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *text = item_text(json_object_array_get_idx(list, i));
		cleanup_(freep) char *other = text ? address_of(text) : NULL;

		if (other && strcmp(other, address) == 0)
			return true;
	}
	return false;
}

static enum crm_likeness compare_addresses(struct json_object *sent, struct json_object *shown)
{
	if (!json_object_is_type(shown, json_type_array))
		return CRM_UNCLEAR;
	for (size_t i = 0; i < json_object_array_length(sent); i++) {
		const char *text = item_text(json_object_array_get_idx(sent, i));
		cleanup_(freep) char *address = text ? address_of(text) : NULL;

		if (address && !has_address(shown, address))
			return CRM_DIFFERENT;
	}
	return CRM_SAME;
}

static bool is_number(struct json_object *value)
{
	return json_object_is_type(value, json_type_int) ||
	       json_object_is_type(value, json_type_double);
}

static enum crm_likeness compare(const char *key, struct json_object *sent,
                                 struct json_object *shown)
{
	if (json_object_is_type(sent, json_type_array))
		return compare_addresses(sent, shown);
	if (!shown)
		return CRM_UNCLEAR;
	if (json_object_is_type(sent, json_type_string) &&
	    json_object_is_type(shown, json_type_string))
		return compare_text(key, json_object_get_string(sent),
		                    json_object_get_string(shown));
	if (is_number(sent) || is_number(shown))
		return compare_folded(LIKE_NUMBER, json_object_get_string(sent),
		                      json_object_get_string(shown));
	if (json_object_is_type(sent, json_type_boolean) &&
	    json_object_is_type(shown, json_type_boolean))
		return json_object_get_boolean(sent) == json_object_get_boolean(shown)
		               ? CRM_SAME
		               : CRM_DIFFERENT;
	return CRM_UNCLEAR;
}

/* Of lists only addresses are compared; what is nothing cannot be missed. */
static bool is_content(const char *key, struct json_object *value)
{
	if (!value || json_object_is_type(value, json_type_object))
		return false;
	if (json_object_is_type(value, json_type_array))
		return strcmp(key, "emails") == 0 || strcmp(key, "to") == 0;
	return !json_object_is_type(value, json_type_string) || *json_object_get_string(value);
}

static bool is_compared(const struct crm_print *print, const char *key, struct json_object *value)
{
	if (!is_content(key, value))
		return false;
	switch (print->class) {
	case CLASS_B:
		return strcmp(key, crm_external_key) == 0;
	case CLASS_C:
	case CLASS_D:
		return IS_AMONG(logged, key);
	case CLASS_A:
	case CLASS_N:
		return !IS_AMONG(untold, key) && (!print->op || operation_field(print->op, key));
	case CLASS_R:
	case CLASS_U:
		break;
	}
	return false;
}

static void count(struct tally *t, const char *key, enum crm_likeness likeness)
{
	switch (likeness) {
	case CRM_SAME:
		t->n_same++;
		t->names_it |= IS_AMONG(naming, key);
		return;
	case CRM_UNCLEAR:
		t->n_unclear++;
		return;
	case CRM_DIFFERENT:
		t->n_different++;
		return;
	}
}

/* What a list of named things leaves out is not missed: the name decides. */
static bool is_left_out(const struct crm_print *print, struct json_object *shown, const char *key)
{
	return print->class == CLASS_N && !json_object_object_get_ex(shown, key, NULL);
}

static struct tally tally_of(const struct crm_print *print, struct json_object *shown)
{
	struct tally t = {0};

	json_object_object_foreach(print->sent, key, value)
	{
		if (is_compared(print, key, value) && !is_left_out(print, shown, key))
			count(&t, key, compare(key, value, json_get(shown, key)));
	}
	return t;
}

/* Whom an object says it was made by: us, or whom the create names. */
static bool is_by_other(const struct crm_print *print, struct json_object *shown)
{
	const char *by = json_get_string(shown, "created_by");
	const char *named = json_get_string(print->sent, "created_by");

	if (!named)
		named = json_get_string(print->sent, "created_by_id");
	if (!by || !print->user || strcmp(by, print->user) == 0)
		return false;
	return !named || strcmp(by, named) != 0;
}

bool crm_print_has_own_time(const struct crm_print *print)
{
	return json_get_string(print->sent, "date_created") != NULL;
}

/*
 * Somebody has changed it since, so it may have been the same. Of what has a time of its own that
 * cannot be seen.
 */
static bool was_changed(const struct crm_print *print, struct json_object *shown)
{
	const char *created = json_get_string(shown, "date_created");
	const char *updated = json_get_string(shown, "date_updated");
	int64_t created_ms, updated_ms;

	return created && updated && !crm_print_has_own_time(print) &&
	       crm_time_parse(created, &created_ms) && crm_time_parse(updated, &updated_ms) &&
	       updated_ms > created_ms + 2000;
}

enum crm_likeness crm_likeness(const struct crm_print *print, struct json_object *shown)
{
	const struct tally t = tally_of(print, shown);

	if (is_by_other(print, shown))
		return CRM_DIFFERENT;
	if (t.n_different)
		return t.names_it && was_changed(print, shown) ? CRM_UNCLEAR : CRM_DIFFERENT;
	return t.n_unclear || !t.n_same ? CRM_UNCLEAR : CRM_SAME;
}

bool crm_print_is_enough(const struct crm_print *print)
{
	json_object_object_foreach(print->sent, key, value)
	{
		if (is_compared(print, key, value) && IS_AMONG(naming, key))
			return true;
		if (print->class == CLASS_B && is_compared(print, key, value))
			return true;
	}
	return false;
}
