#include "connector/model/effects.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	unsigned effect;
	const char *name, *caution;
} effects[n_effects] = {
	{EFFECT_SENDS, "sends", "what is sent cannot be called back"},
	{EFFECT_COSTS, "costs", "each call can cost money or credits"},
	{EFFECT_MASS, "mass", "one call changes all that its search or filter finds"},
	{EFFECT_DESTROYS, "destroys",
         "what is gone does not come back (delivery.max_destroys limits how much a run may take "
         "away)"},
	{EFFECT_ORPHANS, "orphans", "each record without a lead makes a new one"},
};

static size_t index_of(unsigned effect)
{
	size_t i = 0;

	while (i < n_effects - 1 && effects[i].effect != effect)
		i++;
	assert(effects[i].effect == effect);
	return i;
}

const char *effect_name(unsigned effect)
{
	return effects[index_of(effect)].name;
}

const char *effect_caution(unsigned effect)
{
	return effects[index_of(effect)].caution;
}

char *effect_cautions(unsigned mask)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < n_effects; i++)
		if (mask & effects[i].effect)
			buf_addf(&text, "%s%s", text.len ? "; " : "", effects[i].caution);
	return buf_take(&text);
}

char *effect_names(unsigned mask)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < n_effects; i++) {
		if (!(mask & effects[i].effect))
			continue;
		buf_addf(&text, "%s%s", text.len ? ", " : "", effects[i].name);
	}
	return buf_take(&text);
}

unsigned effects_always(const struct operation *op, enum http_method method, const char *path)
{
	static const char bulk[] = "/bulk_action/";

	if (op)
		return op->effects & ~op->depends;
	if (method == METHOD_DELETE)
		return EFFECT_DESTROYS;
	return strncmp(path, bulk, sizeof(bulk) - 1) == 0 ? EFFECT_MASS : 0;
}

bool effects_destroy(const struct operation *op, enum http_method method)
{
	return method == METHOD_DELETE || (op && (op->effects & EFFECT_DESTROYS));
}

/* What depends on the body */

/* Close compares words exactly, but nothing that may mean one of @words gets by. */
static bool says(struct json_object *body, const char *field, const char *const *words)
{
	const char *text = json_get_string(body, field);
	size_t len;

	if (!text)
		return false;
	text += strspn(text, " \t\r\n");
	len = strcspn(text, " \t\r\n");
	for (; *words; words++)
		if (len == strlen(*words) && strncasecmp(text, *words, len) == 0)
			return true;
	return false;
}

static bool asks_to_send(struct json_object *body)
{
	return says(body, "status", (const char *const[]){"outbox", "scheduled", NULL});
}

static bool follows_up(struct json_object *body)
{
	return json_get(body, "followup_sequence_id") != NULL;
}

/* Only what is known to be quiet is; a word Close learns tomorrow may send. */
static bool is_quiet(struct json_object *body, const char *field)
{
	return says(body, field, (const char *const[]){"paused", "draft", "pause", NULL});
}

static bool goes_on_sending(struct json_object *body)
{
	return json_get(body, "status") && !is_quiet(body, "status");
}

static bool sends_other_steps(struct json_object *body)
{
	return json_get(body, "steps") && !is_quiet(body, "status");
}

static bool starts_sending(struct json_object *body)
{
	return !is_quiet(body, "action_type");
}

static bool is_orphan(struct json_object *body)
{
	struct json_object *id = json_get(body, "lead_id");

	if (!json_object_is_type(id, json_type_string))
		return !id;
	return json_object_get_string(id)[strspn(json_object_get_string(id), " \t\r\n")] == '\0';
}

#define SENDS(what_)                                                                               \
	"with it Close really sends the " what_                                                    \
	", and the route does not allow that (allow: [sends]); status draft or sent only records " \
	"it"
#define FOLLOWS_UP                                                                                 \
	"it puts the contact into a sequence, which sends, and the route does not allow that "     \
	"(allow: [sends])"
#define ORPHANS(what_)                                                                             \
	"the " what_                                                                               \
	" names no lead: Close would make a new one for it, and the route does not allow that "    \
	"(allow: [orphans]); give the body a lead_id"

/* Rules of one operation stand together. */
static const struct effect_rule rules[] = {
	{"activity.email.create", EFFECT_SENDS, "status", asks_to_send, SENDS("e-mail")},
	{"activity.email.create", EFFECT_SENDS, "followup_sequence_id", follows_up, FOLLOWS_UP},
	{"activity.email.update", EFFECT_SENDS, "status", asks_to_send, SENDS("e-mail")},
	{"activity.email.update", EFFECT_SENDS, "followup_sequence_id", follows_up, FOLLOWS_UP},
	{"activity.sms.create", EFFECT_SENDS, "status", asks_to_send, SENDS("text message")},
	{"activity.sms.update", EFFECT_SENDS, "status", asks_to_send, SENDS("text message")},
	{"bulk_action.sequence_subscription.create", EFFECT_SENDS, "action_type", starts_sending,
         "it starts sending to every lead that the search finds, and the route does not allow "
         "that (allow: [mass, sends]); only pause sends nothing"},
	{"contact.create", EFFECT_ORPHANS, "lead_id", is_orphan, ORPHANS("contact")},
	{"opportunity.create", EFFECT_ORPHANS, "lead_id", is_orphan, ORPHANS("opportunity")},
	{"sequence.update", EFFECT_SENDS, "status", goes_on_sending,
         "with it the sequence sends to the contacts in it, and the route does not allow that "
         "(allow: [sends]); status paused or draft sends nothing"},
	{"sequence.update", EFFECT_SENDS, "steps", sends_other_steps,
         "other steps send other mail to the contacts in the sequence, and the route does not "
         "allow that (allow: [sends]); with status paused or draft nothing is sent"},
	{"sequence_subscription.update", EFFECT_SENDS, "status", goes_on_sending,
         "with it the sequence goes on sending to the contact, and the route does not allow that "
         "(allow: [sends]); status paused sends nothing"},
};

enum { n_rules = sizeof(rules) / sizeof(rules[0]) };

const struct effect_rule *effect_rule_next(const struct operation *op,
                                           const struct effect_rule *before)
{
	for (size_t i = before ? (size_t)(before - rules) + 1 : 0; op && i < n_rules; i++)
		if (strcmp(rules[i].operation, op->name) == 0)
			return &rules[i];
	return NULL;
}

char *effect_rule_text(const struct effect_rule *rule, struct json_object *body)
{
	const char *value = json_get_string(body, rule->field);

	if (!value || rule->effect == EFFECT_ORPHANS)
		return mem_strdup(rule->sentence);
	return mem_printf("%s \"%.80s\": %s", rule->field, value, rule->sentence);
}

unsigned effects_shown(const struct operation *op, struct json_object *body)
{
	unsigned shown = 0;

	for (const struct effect_rule *r = NULL; (r = effect_rule_next(op, r));)
		if (r->shows(body))
			shown |= r->effect;
	return shown;
}

/* Selections */

static const struct selection {
	const char *operation;         /* its name, or how it begins */
	const char *const *in_body;    /* keys of the body that select */
	const char *const *parameters; /* needed in the query; NULL: any filter does */
	bool has_query;                /* filters stand in the query, or in _params */
	const char *everything;        /* what it would change without one */
} selections[] = {
	{"bulk_action.", (const char *const[]){"s_query", "query", NULL}, NULL, false,
         "every lead there is"},
	{"membership.bulk_update", (const char *const[]){"_params", NULL},
         (const char *const[]){"id__in", NULL}, true, "every member of the organization"},
	{"send_as.delete_by_user", (const char *const[]){NULL},
         (const char *const[]){"allowed_user_id", "allowing_user_id", NULL}, true,
         "more permissions than one"},
	{"task.bulk_update", (const char *const[]){"_params", NULL}, NULL, true,
         "every task there is"},
};

enum { n_selections = sizeof(selections) / sizeof(selections[0]) };

static const struct selection *selection_of(const struct operation *op)
{
	for (size_t i = 0; op && i < n_selections; i++) {
		const char *name = selections[i].operation;

		if (strncmp(op->name, name, strlen(name)) == 0)
			return &selections[i];
	}
	return NULL;
}

bool effects_select(const struct operation *op)
{
	return selection_of(op) != NULL;
}

const char *const *effects_selectors(const struct operation *op)
{
	static const char *const none[] = {NULL}, *const any[] = {"s_query", "query", "_params",
	                                                          NULL};
	const struct selection *s = selection_of(op);

	if (!op)
		return any;
	return s ? s->in_body : none;
}

static bool is_in(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

bool effects_is_filter(const struct operation *op, const char *name)
{
	const struct selection *s = selection_of(op);

	if (s && s->parameters)
		return is_in(name, s->parameters);
	/* Those say how to answer, or what every call means anyway. */
	return *name != '_' && strcmp(name, "format") != 0 &&
	       strcmp(name, "organization_id") != 0 && is_in(name, op->query_params);
}

/* What the filters of one call come to. */
struct filters {
	const struct operation *op;
	size_t n;          /* that narrow */
	const char *blank; /* one that has no value, of the call; or */
	const char *odd;   /* one that Close does not know, and so would ignore */
};

/* How many bytes of @value are a blank or comma, also as a URL writes it; 0: none. */
static size_t blank_at(const char *value, size_t len)
{
	static const char *const written[] = {"%20", "%2C", "%2c", "%09",
	                                      "%0A", "%0a", "%0D", "%0d"};

	for (size_t i = 0; len >= 3 && i < sizeof(written) / sizeof(written[0]); i++)
		if (memcmp(value, written[i], 3) == 0)
			return 3;
	return strchr(" \t\r\n,+[]\"", *value) ? 1 : 0;
}

/* It says nothing, or lists nothing. */
static bool is_blank(const char *value, size_t len)
{
	size_t n;

	while (len && (n = blank_at(value, len))) {
		value += n;
		len -= n;
	}
	return !len;
}

static void count_filter(struct filters *f, const char *name, const char *value, size_t len)
{
	if (!effects_is_filter(f->op, name)) {
		if (*name != '_' && !is_in(name, f->op->query_params))
			f->odd = name;
	} else if (is_blank(value, len)) {
		f->blank = name;
	} else {
		f->n++;
	}
}

/* "allowed_user_id and allowing_user_id" */
static char *needed(const struct selection *s)
{
	struct buf text = BUF_INIT;

	for (const char *const *name = s->parameters; *name; name++)
		buf_addf(&text, "%s%s", text.len ? " and " : "", *name);
	return buf_take(&text);
}

static char *unfiltered(const struct filters *f, const struct selection *s, char **ret_field)
{
	cleanup_(freep) char *names = s->parameters ? needed(s) : NULL;
	size_t n_needed = 0;

	while (s->parameters && s->parameters[n_needed])
		n_needed++;
	if (f->blank || f->odd)
		*ret_field = mem_strdup(f->blank ? f->blank : f->odd);
	if (f->blank)
		return mem_printf("the filter %s has no value: Close could take that for none, and "
		                  "change %s",
		                  f->blank, s->everything);
	if (f->odd)
		return mem_printf("%s is no filter that Close knows: it would be ignored, and the "
		                  "call could change %s",
		                  f->odd, s->everything);
	if (f->n && f->n >= n_needed)
		return NULL;
	return mem_printf("the call has no filter%s%s: it would change %s, which is never sent",
	                  names ? " " : "", names ? names : "", s->everything);
}

static char *judge_filters(const struct operation *op, const struct selection *s, const char *url,
                           struct json_object *body, char **ret_field)
{
	struct filters f = {.op = op};
	const char *query = strchr(url, '?');
	cleanup_(freep) char *pairs = mem_strdup(query ? query + 1 : "");
	char *rest = pairs;

	for (char *name; (name = strsep(&rest, "&"));) {
		char *value = strchr(name, '=');

		if (value)
			*value++ = '\0';
		if (*name)
			count_filter(&f, name, value ? value : "", value ? strlen(value) : 0);
	}
	if (json_object_is_type(json_get(body, "_params"), json_type_object)) {
		json_object_object_foreach(json_get(body, "_params"), name, value)
		{
			const char *text = value ? json_object_get_string(value) : "";

			count_filter(&f, name, text, strlen(text));
		}
	}
	return unfiltered(&f, s, ret_field);
}

/*
 * Whether a search tree finds all there is: it is empty, or what is left of it says no more than
 * which kind of object is looked for.
 */
static bool finds_all(struct json_object *node)
{
	struct json_object *queries = json_get(node, "queries");
	const char *type = json_get_string(node, "type"), *text;
	bool is_or = type && strcmp(type, "or") == 0, all = !is_or;

	if (json_object_is_type(node, json_type_string)) {
		text = json_object_get_string(node);
		return is_blank(text, strlen(text));
	}
	if (!json_object_is_type(node, json_type_object) || !json_object_object_length(node))
		return true;
	if (!type)
		return finds_all(json_get(node, "query"));
	if (strcmp(type, "object_type") == 0)
		return true;
	if (strcmp(type, "field_condition") == 0)
		return !json_get(node, "condition");
	if (strcmp(type, "has_related") == 0)
		return !json_get(node, "related_query");
	if (!is_or && strcmp(type, "and") != 0)
		return false;
	if (!json_object_is_type(queries, json_type_array) || !json_object_array_length(queries))
		return true;
	for (size_t i = 0; i < json_object_array_length(queries); i++) {
		const bool one = finds_all(json_object_array_get_idx(queries, i));

		all = is_or ? all || one : all && one;
	}
	return all;
}

char *effects_unselected(const struct operation *op, const char *url, struct json_object *body,
                         char **ret_field)
{
	const struct selection *s = selection_of(op);

	*ret_field = NULL;
	if (!s)
		return NULL;
	if (s->has_query)
		return judge_filters(op, s, url, body, ret_field);
	for (const char *const *key = s->in_body; *key; key++)
		if (!finds_all(json_get(body, *key)))
			return NULL;
	*ret_field = mem_strdup(s->in_body[0]);
	return mem_printf(
		"the search selects nothing, and Close would take %s, which is never sent; "
		"who means that writes s_query: {query: {type: match_all}}",
		s->everything);
}
