#include "connector/shape/steps.h"
#include "lib/json.h"

#include <string.h>
#include <strings.h>

/*
 * Effects of an operation that show only in the record. What an operation always does is refused
 * when the pipeline is checked.
 */

struct guard {
	const char *operation;
	unsigned effect; /* enum operation_effect or ALLOW_ORPHANS */
	bool (*has_effect)(struct json_object *body);
	const char *field, *sentence;
};

/* Close compares the words exactly, but nothing that may mean sending gets near it. */
static bool would_send(struct json_object *body)
{
	const char *status = json_get_string(body, "status");
	size_t len;

	if (!status)
		return false;
	status += strspn(status, " \t\r\n");
	len = strcspn(status, " \t\r\n");
	return (len == 6 && strncasecmp(status, "outbox", len) == 0) ||
	       (len == 9 && strncasecmp(status, "scheduled", len) == 0);
}

static bool is_orphan(struct json_object *body)
{
	struct json_object *id = json_get(body, "lead_id");

	if (!json_object_is_type(id, json_type_string))
		return !id;
	return json_object_get_string(id)[strspn(json_object_get_string(id), " \t\r\n")] == '\0';
}

#define SENDS(what_)                                                                               \
	"with this status Close really sends the " what_                                           \
	", and the route does not allow that; status draft or sent only records it"
#define ORPHANS(what_)                                                                             \
	"the " what_ " names no lead: Close would make a new one for it, and the route does not "  \
	"allow that; give the body a lead_id"

static const struct guard guards[] = {
	{"activity.email.create", EFFECT_SENDS, would_send, "status", SENDS("e-mail")},
	{"activity.email.update", EFFECT_SENDS, would_send, "status", SENDS("e-mail")},
	{"activity.sms.create", EFFECT_SENDS, would_send, "status", SENDS("text message")},
	{"activity.sms.update", EFFECT_SENDS, would_send, "status", SENDS("text message")},
	{"contact.create", ALLOW_ORPHANS, is_orphan, "lead_id", ORPHANS("contact")},
	{"opportunity.create", ALLOW_ORPHANS, is_orphan, "lead_id", ORPHANS("opportunity")},
};

bool shape_guard(struct shaping *s)
{
	const struct route *route = s->route;

	for (size_t i = 0; route->op && i < sizeof(guards) / sizeof(guards[0]); i++) {
		const struct guard *guard = &guards[i];

		if (strcmp(guard->operation, route->op->name) != 0 ||
		    (route->allow & guard->effect) || shape_is_linked(s, guard->field) ||
		    !guard->has_effect(s->draft->body))
			continue;
		rejection_set(s->rejection, REJECT_GUARD, guard->field, "%s", guard->sentence);
		return false;
	}
	return true;
}
