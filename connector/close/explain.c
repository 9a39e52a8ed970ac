#include "connector/close/explain.h"
#include "connector/model/outcome.h"

#include <string.h>
#include <strings.h>

struct row {
	const char *code, *meaning, *advice;
};

static const struct row statuses[] = {
	{"2xx", "Close did what was asked.",
         "Nothing needs to be done. A 2xx answer that is a page and not JSON does not come from Close: then its outcome counts as unknown."},
	{"3xx",
         "The answer points elsewhere. closefeed never follows it, because a redirected write can turn into a read; it stops, and nothing is rejected.",
         "Check close.base_url, and that a path written in a route ends with a slash."},
	{"400",
         "Close refused the request because of its content. Nothing was changed; the record is rejected with the fields Close named.",
         "Mend the record or the route and retry; closefeed rejects list shows the fields."},
	{"401",
         "Close does not accept the API key or access token. With close.oauth the token is refreshed and the call sent once more; else, and then, the run stops and nothing is rejected.",
         "Make a new key in Close and put it where close.api_key points, or authorize the app again and put the refresh token where close.oauth.refresh_token points, then run again."},
	{"402",
         "The limit of your plan at Close is reached. The run stops and nothing is rejected.",
         "Make room or change the plan in Close, then run again."},
	{"403",
         "The key's user may not do this. The record is rejected; five refusals in a row on one operation stop the run.",
         "Give the user's role the permission, or use the key of a user who has it, then retry."},
	{"404",
         "Close knows no such object or path, or the key's user may not see it. The record is rejected; a delete whose first answer was lost counts as done.",
         "Check the id: the object may have been deleted or merged, or belong to another organization."},
	{"405", "Close knows the path but not with this method. The record is rejected.",
         "Compare the route's method and url with closefeed operations."},
	{"408",
         "The server gave up waiting for the request. It may have been done all the same, so closefeed looks for proof before it sends again.",
         "Nothing needs to be done, unless it happens often: then look at the network."},
	{"409",
         "Close refused the request because it conflicts with what is there. The record is rejected.",
         "Look at the object in Close, then retry or drop the record."},
	{"410", "What the request is about is gone for good. The record is rejected.",
         "Drop the record, or point it at another object."},
	{"413",
         "The request is too large. A batch is halved until the large record stands alone; that one is rejected.",
         "Send less in one request: fewer or shorter fields, a smaller batch."},
	{"415", "The server does not take this kind of content. The record is rejected.",
         "Leave content_format at json for Close."},
	{"422", "Close understood the request and refused its content. The record is rejected.",
         "Mend the fields named in the message, then retry."},
	{"425",
         "The server was not ready for the request. It may have been done all the same, so closefeed looks for proof before it sends again.",
         "Nothing needs to be done."},
	{"429",
         "Too many calls for the moment. Nothing was done; closefeed holds every call of that endpoint group until the window is renewed, then sends again.",
         "Nothing needs to be done. If other tools share the organization's limit, lower close.share or set close.rate."},
	{"500",
         "Close failed. It may have done it all the same: a change or delete is repeated, a create is looked for before it is sent again.",
         "Nothing needs to be done, unless it lasts: then see Close's status page."},
	{"502",
         "Something in front of Close got no good answer from it. It may have been done: a change or delete is repeated, a create is looked for before it is sent again.",
         "Nothing needs to be done, unless it lasts: then see Close's status page."},
	{"503",
         "Close is not available for the moment. It may have been done all the same: a change or delete is repeated, a create is looked for before it is sent again.",
         "Nothing needs to be done, unless it lasts: then see Close's status page."},
	{"504",
         "Close took too long; this happens with very large leads. It may have been done: a change or delete is repeated, a create is looked for before it is sent again.",
         "Nothing needs to be done, unless it is always the same lead: then divide that lead."},
	{"4xx",
         "An answer Close is not known to give. It does not say whether anything was done, so closefeed looks for proof before it sends again.",
         "See whether a proxy or firewall answers in Close's place."},
	{"5xx",
         "Close or something in front of it failed. It may have been done all the same: a change or delete is repeated, a create is looked for before it is sent again.",
         "Nothing needs to be done, unless it lasts: then see Close's status page."},
};

static const struct row exit_codes[] = {
	{"0",
         "Everything is done and nothing was rejected, or the limit you asked for was reached.",
         "Nothing needs to be done."},
	{"1", "Everything is done, but something was rejected, is held, or is still open.",
         "See closefeed rejects list and closefeed held list."},
	{"2", "The command line is not one closefeed understands.",
         "See closefeed help, or closefeed VERB --help."},
	{"65", "The input could not be read.",
         "Check that the file named in the message exists, is readable and is not being changed."},
	{"69", "The broker or Close could not be reached for longer than delivery.retry_for.",
         "Run again when the network or Close is back; nothing is lost."},
	{"70", "closefeed itself failed.",
         "Run again, it goes on where it was. Please report the message."},
	{"74", "A local file or folder gave trouble: the state, or the disk is full.",
         "Mend what the message names, then run again; nothing is lost."},
	{"75", "closefeed stopped early, or another process uses the same state.",
         "Read the reason in the message, then run again; it goes on where it was."},
	{"77",
         "Close refused the key or the plan, or Kafka the login or a right, so the run stopped. Nothing was rejected for it.",
         "Mend the key, the plan or the right that the message names, then run again."},
	{"78",
         "The pipeline is wrong, names a topic that does not exist, or its state belongs to another organization or URL.",
         "See closefeed check, which names file, line and column; with --online also topics."},
	{"130", "A second Ctrl-C ended closefeed at once.", "Run again, it goes on where it was."},
};

enum {
	n_statuses = sizeof(statuses) / sizeof(statuses[0]),
	n_exit_codes = sizeof(exit_codes) / sizeof(exit_codes[0]),
};

static struct crm_explanation of_row(const char *kind, const struct row *row)
{
	return (struct crm_explanation){kind, row->code, row->meaning, row->advice};
}

bool crm_explain_nth(size_t index, struct crm_explanation *ret_explanation)
{
	enum reject_class class;

	if (index < n_statuses) {
		*ret_explanation = of_row("HTTP status", &statuses[index]);
		return true;
	}
	index -= n_statuses;
	if (index < n_exit_codes) {
		*ret_explanation = of_row("exit code", &exit_codes[index]);
		return true;
	}
	index -= n_exit_codes;
	if (index >= n_reject_classes - 1)
		return false;
	class = (enum reject_class)(REJECT_NONE + 1 + index);
	*ret_explanation = (struct crm_explanation){
		"reject class",
		reject_class_name(class),
		reject_class_meaning(class),
		reject_class_advice(class),
	};
	return true;
}

static bool find(const char *code, struct crm_explanation *ret_explanation)
{
	for (size_t i = 0; crm_explain_nth(i, ret_explanation); i++)
		if (strcasecmp(ret_explanation->code, code) == 0)
			return true;
	return false;
}

/* "507" → "5xx" */
static bool family_of(const char *code, char ret_family[static 4])
{
	if (strlen(code) != 3 || strspn(code, "0123456789") != 3)
		return false;
	memcpy(ret_family, (char[]){code[0], 'x', 'x', '\0'}, 4);
	return true;
}

bool crm_explain(const char *code, struct crm_explanation *ret_explanation)
{
	struct crm_explanation found;
	char family[4];

	if (strncasecmp(code, "exit", 4) == 0) {
		code += 4 + strspn(code + 4, " ");
		for (size_t i = 0; i < n_exit_codes; i++)
			if (strcmp(exit_codes[i].code, code) == 0) {
				*ret_explanation = of_row("exit code", &exit_codes[i]);
				return true;
			}
		return false;
	}
	if (!find(code, &found) && !(family_of(code, family) && find(family, &found)))
		return false;
	*ret_explanation = found;
	return true;
}
