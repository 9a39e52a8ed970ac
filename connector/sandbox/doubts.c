#include "connector/sandbox/doubts.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VALUES(...)                                                                                \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

const struct box_doubt_row box_doubt_rows[BOX_N_DOUBTS] = {
	[DOUBT_ADD_LIST] = {"add_list", VALUES("accepted", "refused"),
                            "a list under custom.cf_….add or .remove"},
	[DOUBT_ADD_ON_CUSTOM] = {"add_on_custom", VALUES("refused", "accepted"),
                                 ".add and .remove on custom activities and custom objects"},
	[DOUBT_ADD_WITH_PLAIN] = {"add_with_plain", VALUES("accepted", "refused"),
                                  ".add or .remove beside the plain key of the same field"},
	[DOUBT_AFTER_DELETE] = {"after_delete", VALUES("gone", "seen_once"),
                                "the first GET of what was just deleted"},
	[DOUBT_BODY_SIZE] = {"body_size", VALUES("any", "1m"),
                             "how large a body may be: more than a megabyte is a 413"},
	[DOUBT_BULK_PAUSE] = {"bulk_pause", VALUES("refused", "by_put"),
                              "a PUT of paused or resuming to a bulk action"},
	[DOUBT_CHUNKED] = {"chunked", VALUES("refused", "accepted"),
                           "a body with Transfer-Encoding: chunked"},
	[DOUBT_CONTACT_WITHOUT_LEAD] = {"contact_without_lead", VALUES("made", "refused"),
                                        "a new contact or opportunity without lead_id"},
	[DOUBT_CUSTOM_ANSWER] = {"custom_answer", VALUES("shown", "left_out"),
                                 "custom in an answered lead: its fields by name"},
	[DOUBT_CUSTOM_DICTIONARY] = {"custom_dictionary", VALUES("replaces", "ignored", "refused"),
                                     "an object under custom: it erases what it does not list"},
	[DOUBT_CUSTOM_FIELDS] = {"custom_fields", VALUES("ignored", "taken"),
                                 "an object under custom_fields, by field id"},
	[DOUBT_CUSTOM_NAMES] = {"custom_names", VALUES("accepted", "refused"),
                                "custom.NAME instead of custom.cf_…"},
	[DOUBT_DELETE_BODY] = {"delete_body", VALUES("object", "empty"),
                               "the body of a DELETE's 200: {} or nothing"},
	[DOUBT_EMAIL_CASE] = {"email_case", VALUES("kept", "lowered"),
                              "letter case of e-mail addresses in answers"},
	[DOUBT_ERROR_BODY] = {"error_body", VALUES("error", "errors", "html", "empty"),
                              "the body of a 402, 403, 405, 415 or 5xx"},
	[DOUBT_EVENT_DATA] = {"event_data", VALUES("whole", "without_custom", "none"),
                              "what the event log tells of an object"},
	[DOUBT_EXACT_VALUE] = {"exact_value", VALUES("folded", "case"),
                               "whether exact_value in a search minds letter case"},
	[DOUBT_HTML_TAGS] = {"html_tags", VALUES("stripped", "refused"),
                             "tags in note_html that rich text does not have"},
	[DOUBT_LEAD_CONTACTS] = {"lead_contacts", VALUES("ignored", "refused"),
                                 "contacts in the PUT of a lead"},
	[DOUBT_LIST_PARAMS] = {"list_params", VALUES("ignored", "refused"),
                               "parameters a list does not know"},
	[DOUBT_MEDIA_TYPE] = {"media_type", VALUES("400", "415"), "a body that is not JSON"},
	[DOUBT_MERGE] = {"merge", VALUES("at_once", "later"),
                         "whether a merge of leads is done when it is answered"},
	[DOUBT_MULTI_SCALAR] = {"multi_scalar", VALUES("accepted", "refused"),
                                "one value for a field of several, without a list around it"},
	[DOUBT_NUMBER_TEXT] = {"number_text", VALUES("refused", "accepted"),
                               "a number field given \"12.5\""},
	[DOUBT_OAUTH_ONLY] = {"oauth_only", VALUES("refused", "accepted"),
                              "what only OAuth applications may do, done with an API key"},
	[DOUBT_PAGE_LIMITS] = {"page_limits", VALUES("refused", "cut"),
                               "a _limit above the largest page"},
	[DOUBT_RATE_BODY] = {"rate_body", VALUES("error", "nested", "flat", "flat_text"),
                             "the body of a 429: today's, or those of 2017 to 2021"},
	[DOUBT_SEARCH_FIELD] = {"search_field", VALUES("refused", "nothing"),
                                "a search by a custom field that is not there"},
	[DOUBT_SLASH] = {"slash", VALUES("308", "301"),
                         "the redirect where the last slash is missing"},
	[DOUBT_STATUS_TYPE] = {"status_type", VALUES("type", "status_type"),
                               "what an opportunity status calls active, won or lost"},
	[DOUBT_TEXT_NUMBER] = {"text_number", VALUES("refused", "converted"),
                               "a text field given 12.5 or true"},
	[DOUBT_UNKNOWN_KEYS] = {"unknown_keys", VALUES("ignored", "refused"),
                                "keys a contact or an opportunity does not have"},
	[DOUBT_WEBHOOK_REPEAT] = {"webhook_repeat", VALUES("once", "twice"),
                                  "how often an event is delivered that was taken"},
};

bool box_doubt_is(const struct box_doubts *doubts, enum box_doubt doubt, const char *value)
{
	return strcmp(box_doubt_value(doubts, doubt), value) == 0;
}

const char *box_doubt_value(const struct box_doubts *doubts, enum box_doubt doubt)
{
	return box_doubt_rows[doubt].values[doubts->chosen[doubt]];
}

static int refuse_value(const struct box_doubt_row *row, const char *value, struct err *err)
{
	struct buf values = BUF_INIT;
	int r;

	for (size_t i = 0; row->values[i]; i++)
		buf_addf(&values, "%s%s", i ? " or " : "", row->values[i]);
	r = err_set(err, -EINVAL, "%s must be %s, not \"%s\"", row->name, buf_text(&values), value);
	buf_deinit(&values);
	return r;
}

int box_doubts_set(struct box_doubts *doubts, const char *name, const char *value, struct err *err)
{
	for (size_t d = 0; d < BOX_N_DOUBTS; d++) {
		const struct box_doubt_row *row = &box_doubt_rows[d];

		if (strcmp(row->name, name) != 0)
			continue;
		for (unsigned char i = 0; row->values[i]; i++) {
			if (strcmp(row->values[i], value) != 0)
				continue;
			doubts->chosen[d] = i;
			return 0;
		}
		return refuse_value(row, value, err);
	}
	return err_set(err, -ENOENT, "the sandbox has no switch called \"%s\"", name);
}

int box_doubts_set_text(struct box_doubts *doubts, const char *text, struct err *err)
{
	const char *sign = strchr(text, '=');
	char *name;
	int r;

	if (!sign)
		return err_set(err, -EINVAL, "\"%s\" must be NAME=VALUE", text);
	name = mem_dup(text, (size_t)(sign - text));
	r = box_doubts_set(doubts, name, sign + 1, err);
	free(name);
	return r;
}
