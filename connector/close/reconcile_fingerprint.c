#include "connector/close/reconcile_private.h"

#include "connector/close/catalogue.h"
#include "lib/json.h"
#include "lib/moment.h"

#include <json-c/linkhash.h>
#include <string.h>

/*
 * Whether an object may be what a create has made: by its contents, since it carries no mark of
 * ours. What Close may have written anew is unclear, and unclear is for people.
 */

const char crm_external_key[] = "external_whatsapp_message_id";

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
			count(&t, key, crm_compare(key, value, json_get(shown, key)));
	}
	return t;
}

/* Whom an object says it was made by: us, or whom the create names. */
static bool is_by_other(const struct crm_print *print, struct json_object *shown)
{
	static const char *const names[] = {"created_by", "created_by_id", "user_id"};
	const char *by = json_get_string(shown, "created_by");
	bool is_named = false;

	if (!by || !print->user || strcmp(by, print->user) == 0)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *named = json_get_string(print->sent, names[i]);

		is_named |= named && strcmp(by, named) == 0;
	}
	return !is_named;
}

bool crm_print_own_time(const struct crm_print *print, int64_t *ret_ms)
{
	static const char *const keys[] = {"date_created", "activity_at"};
	bool has_own = false;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *own = json_get_string(print->sent, keys[i]);
		int64_t us = 0;

		if (!own)
			continue;
		(void)moment_parse(own, &us, NULL); /* where it is none, from the beginning on */
		if (!has_own || us / 1000 < *ret_ms)
			*ret_ms = us / 1000;
		has_own = true;
	}
	return has_own;
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

	return created && updated && !crm_print_own_time(print, &created_ms) &&
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
