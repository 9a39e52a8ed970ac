/* The keys of a route. */

#include "connector/pipeline/routes.h"
#include "lib/near.h"

#include <string.h>

static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", NULL};
static const char *const formats[] = {"json", "form", "xml", NULL};
static const char *const send_or_omit[] = {"send", "omit", NULL};
static const char *const unknowns[] = {"warn", "drop", "reject", NULL};
static const char *const on_manys[] = {"reject", "oldest", NULL};
static const char *const on_matches[] = {"update", "skip", NULL};
static const char *const on_nones[] = {"create", "reject", "skip", NULL};
/* In the order of enum operation_effect. */
static const char *const effects[] = {"sends", "costs", "mass", "destroys", "orphans", NULL};
static const char without_lead[] =
	"a contact or opportunity without lead_id, for which Close makes a new lead";

/* The index of the enum is the index of the choice. */
_Static_assert(METHOD_POST == 0 && METHOD_PUT == 1 && METHOD_PATCH == 2 && METHOD_DELETE == 3, "");
_Static_assert(NULLS_SEND == 0 && NULLS_OMIT == 1, "");
_Static_assert(CONTENT_JSON == 0 && CONTENT_FORM == 1 && CONTENT_XML == 2, "");
_Static_assert(UNKNOWN_WARN == 0 && UNKNOWN_DROP == 1 && UNKNOWN_REJECT == 2, "");
_Static_assert(EFFECT_SENDS == 1 && EFFECT_COSTS == 2 && EFFECT_MASS == 4 && EFFECT_DESTROYS == 8 &&
                       EFFECT_ORPHANS == 16,
               "");

static void keep_method(struct loader *l, const struct key *key, const struct yaml_node *value,
                        void *target)
{
	struct route_spec *spec = target;

	(void)l, (void)key, (void)value;
	spec->has_method = true;
}

static void read_route_exclude(struct loader *l, const struct key *key,
                               const struct yaml_node *value, void *target)
{
	struct route_spec *spec = target;

	if (value->kind != YAML_LIST) {
		fail_kind(l, value, key->takes);
		return;
	}
	check_paths(l, value);
	spec->exclude = value;
}

static void read_headers(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	struct route_spec *spec = target;

	if (value->kind == YAML_LIST || yaml_is_null(value))
		fail_kind(l, value, key->takes);
	else if (check_tree(l, value))
		spec->headers = value;
}

static void read_identity(struct loader *l, const struct key *key, const struct yaml_node *value,
                          void *target)
{
	struct route_spec *spec = target;

	if (value->kind == YAML_LIST || yaml_is_null(value))
		fail_kind(l, value, key->takes);
	else if (check_tree(l, value))
		spec->identity = value;
}

static void read_match(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	struct route_spec *spec = target;

	if (value->kind == YAML_TEXT)
		fail_kind(l, value, key->takes);
	else if (check_tree(l, value))
		spec->match = value;
}

static void read_link(struct loader *l, const struct key *key, const struct yaml_node *value,
                      void *target)
{
	struct route_spec *spec = target;

	if (value->kind != YAML_MAP)
		fail_kind(l, value, key->takes);
	else if (check_tree(l, value))
		spec->link = value;
}

static void read_list(struct loader *l, const struct yaml_node *value)
{
	static const char *const choices[] = {"replace", "append", NULL};
	const char *near = value->kind == YAML_TEXT ? near_name(value->text, choices) : NULL;

	if (!near)
		fail_kind(l, value, "replace or append");
	else if (strcmp(near, value->text) != 0)
		fail(l, value, "must be replace or append, not \"%.40s\": did you mean \"%s\"?",
		     value->text, near);
}

static void read_lists(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	struct route_spec *spec = target;
	const size_t n_errors = l->pipeline->n_errors;

	if (value->kind != YAML_MAP) {
		fail_kind(l, value, key->takes);
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		const size_t mark = path_enter(l, value->keys[i]->text);

		read_list(l, value->items[i]);
		path_leave(l, mark);
	}
	if (l->pipeline->n_errors == n_errors)
		spec->lists = value;
}

static void keep_on_none(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	struct route_spec *spec = target;

	(void)l, (void)key, (void)value;
	spec->has_on_none = true;
}

static const struct key route_keys[] = {
	{.name = "name",
         .type = VALUE_TEXT,
         IN(struct route_spec, name),
         .help = "for events, messages and rejects retry, so no two are the same; default: the "
                 "operation, of a second route of the same one \"lead.create 2\""},
	{.name = "when",
         .type = VALUE_PROGRAM,
         .elsewhere = (const char *const[]){"if", "condition", "filter", NULL},
         IN(struct route_spec, when),
         .example = "\".country == \\\"DE\\\"\"",
         .help = "a jq condition; absent: always"},
	{.name = "transform",
         .type = VALUE_PROGRAM,
         IN(struct route_spec, transform),
         .example = "\".lines[] | select(.qty > 0)\"",
         .help = "a jq program run on each record of this route, after its when; no output drops it, "
                 "several make several"},
	{.name = "continue",
         .type = VALUE_BOOL,
         IN(struct route_spec, goes_on),
         .fallback = "false",
         .help = "true: the record goes on to the next routes, too"},
	{.name = "operation",
         .type = VALUE_OPERATION,
         IN(struct route_spec, operation),
         .example = "\"lead.create\"",
         .help = "a name of the catalogue: closefeed operations"},
	{.name = "method",
         .type = VALUE_CHOICE,
         IN(struct route_spec, method),
         .choices = methods,
         .choice_help =
                 (const char *const[]){
			 "create", "change only what is sent",
			 "sent as PUT, which is Close's way to change only what is sent", "delete"},
         .read = keep_method,
         .help = "with url instead of operation; PATCH is sent as PUT"},
	{.name = "url",
         .type = VALUE_TEXT,
         .elsewhere = (const char *const[]){"endpoint", "path", NULL},
         IN(struct route_spec, url),
         .pattern = "^(/|https?://)([^?#{}\\s\\\\\"<>^`|\\u0080-\\uffff]|\\{[^}]*\\})*$",
         .example = "\"/lead/{id}/\"",
         .help = "a path under base_url that begins with /, or a full URL of Close"},
	{.name = "params",
         .type = VALUE_TEMPLATES,
         IN(struct route_spec, params),
         .example = "{\"id\": \"{lead_id}\"}",
         .help = "values of the path's parameters; default: the record's field of that name"},
	{.name = "query",
         .type = VALUE_TEMPLATES,
         IN(struct route_spec, query),
         .help = "parameters behind the URL"},
	{.name = "headers",
         .type = VALUE_OTHER,
         .elsewhere = (const char *const[]){"request_headers", NULL},
         IN(struct route_spec, headers),
         .read = read_headers,
         .takes = "a map of texts with placeholders, or text such as \"a:1,b:2\"",
         .schema =
                 "{\"anyOf\":[{\"type\":\"object\",\"propertyNames\":{\"pattern\":"
                 "\"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$\"},\"additionalProperties\":{\"type\":[\"string\","
                 "\"number\",\"boolean\"],\"pattern\":\"^[\\t -~]*$\"}},{\"type\":\"string\","
                 "\"pattern\":\"^( *$| *[^:,{} ]+:)\"}]}",
         .help = "more headers of the request"},
	{.name = "body",
         .type = VALUE_TREE,
         .elsewhere = (const char *const[]){"payload", "mapping", "fields", "data", NULL},
         IN(struct route_spec, body),
         .example = "{\"name\": \"{company}\"}",
         .help = "what is sent; default: the record without what is excluded or fills the URL"},
	{.name = "on_create",
         .type = VALUE_MAP,
         IN(struct route_spec, on_create),
         .elsewhere = (const char *const[]){"on_insert", NULL},
         .example = "{\"status\": \"Potential\"}",
         .help = "upserts: keys laid over body for a create"},
	{.name = "on_update",
         .type = VALUE_MAP,
         IN(struct route_spec, on_update),
         .example = "{\"custom.Last seen\": \"{at|date}\"}",
         .help = "upserts: keys laid over body for an update"},
	{.name = "omit_on_update",
         .type = VALUE_TEXTS,
         IN(struct route_spec, omit_on_update),
         .example = "[\"name\"]",
         .help = "upserts: keys left out of an update; those that only a create takes are left out "
                 "by themselves"},
	{.name = "exclude",
         .type = VALUE_OTHER,
         .elsewhere = (const char *const[]){"exclude_attributes", "omit", "ignore", NULL},
         .read = read_route_exclude,
         .takes = "a list of paths, such as [meta.ip, \"lines[].id\", _*]",
         .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}",
         .help = "paths left out of this route's body, beside those of the file"},
	{.name = "content_format",
         .type = VALUE_CHOICE,
         .elsewhere = (const char *const[]){"data_format", "format", "content_type", NULL},
         .choices = formats,
         .choice_help =
                 (const char *const[]){"what Close takes",
                                       "name=value pairs as a web form sends them, for other hosts",
                                       "a record element, for other hosts"},
         IN(struct route_spec, format),
         .fallback = "json",
         .help = "how a body is written; Close takes JSON, the others are for other hosts behind base_url"},
	{.name = "nulls",
         .type = VALUE_CHOICE,
         IN(struct route_spec, nulls),
         .choices = send_or_omit,
         .choice_help = (const char *const[]){"a null is sent, and Close clears the field",
                                              "the key is left out"},
         .fallback = "send",
         .help = "what becomes of a null"},
	{.name = "blanks",
         .type = VALUE_CHOICE,
         .choices = send_or_omit,
         .choice_help = (const char *const[]){"empty text is sent", "the key is left out"},
         IN(struct route_spec, blanks),
         .fallback = "send",
         .help = "what becomes of empty text"},
	{.name = "unknown_keys",
         .type = VALUE_CHOICE,
         IN(struct route_spec, unknown_keys),
         .choices = unknowns,
         .choice_help =
                 (const char *const[]){
			 "check tells them in a written body; of a default body they are counted",
			 "they are left out",
			 "a record with one is rejected (field); in a written body it is an error of check"},
         .fallback = "warn",
         .help = "body keys the catalogue does not list, which Close drops without a word"},
	{.name = "match",
         .type = VALUE_OTHER,
         .elsewhere = (const char *const[]){"upsert_key", "key", "unique_key", NULL},
         .read = read_match,
         .takes = "a map such as {email: \"{email}\"}, or a list of them that is tried in order",
         .schema = "{\"$ref\":\"#/$defs/match\"}",
         .example = "{\"custom.Account ID\": \"{account}\"}",
         .help = "which existing object is meant: for *.upsert, and for *.update and *.delete without "
                 "an id; the fields of one map must all fit"},
	{.name = "on_many",
         .type = VALUE_CHOICE,
         IN(struct route_spec, on_many),
         .choices = on_manys,
         .choice_help = (const char *const[]){"the record is rejected (match)",
                                              "the oldest object is meant"},
         .fallback = "reject",
         .help = "match: when several objects fit"},
	{.name = "on_match",
         .type = VALUE_CHOICE,
         IN(struct route_spec, on_match),
         .choices = on_matches,
         .choice_help = (const char *const[]){"it is updated", "the record is skipped"},
         .fallback = "update",
         .help = "match: when one object fits"},
	{.name = "on_none",
         .type = VALUE_CHOICE,
         IN(struct route_spec, on_none),
         .choices = on_nones,
         .choice_help = (const char *const[]){"it is created", "the record is rejected (match)",
                                              "the record is skipped"},
         .read = keep_on_none,
         .help = "match: when no object fits; default: create for an upsert, else reject"},
	{.name = "link",
         .type = VALUE_OTHER,
         .elsewhere = (const char *const[]){"links", "lookup", "references", NULL},
         .read = read_link,
         .takes = "a map such as {lead_id: {lead: {name: \"{company}\"}}}",
         .schema = "{\"$ref\":\"#/$defs/link\"}",
         .example = "{\"lead_id\": {\"lead\": {\"custom.Account ID\": \"{account}\"}}}",
         .help = "ids by lookup, for fields of the body and parameters of the path: of a lead, contact, "
                 "opportunity or custom_object, a user (by email or name), and by name of custom_field.*, "
                 "status.*, pipeline, custom_activity_type, custom_object_type, template, sms_template, "
                 "sequence, group and role; beside the kind stand default, an id for when nothing is "
                 "found, and on_none: reject (default) or skip"},
	{.name = "identity",
         .type = VALUE_OTHER,
         .read = read_identity,
         .takes = "a map of one custom field, such as {custom.cf_abc: \"{id}\"}, or custom.cf_abc",
         .schema = "{\"anyOf\":[{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
                   "\"propertyNames\":{\"pattern\":\"^custom\\\\..\"},\"additionalProperties\":{"
                   "\"type\":\"string\",\"pattern\":\"\\\\{\"}},"
                   "{\"type\":\"string\",\"pattern\":\"^custom\\\\..\"}]}",
         .example = "{\"custom.cf_abc\": \"{id}\"}",
         .help = "a key stored on the object at creation, which proves that a create happened; a field "
                 "alone: closefeed writes a key of its own into it"},
	{.name = "lists",
         .type = VALUE_OTHER,
         .read = read_lists,
         .takes = "a map such as {emails: append}",
         .schema =
                 "{\"type\":\"object\",\"additionalProperties\":{\"enum\":[\"replace\",\"append\"]}}",
         .example = "{\"emails\": \"append\"}",
         .help = "updates and upserts: replace a list (emails, phones, urls, addresses) as Close does, "
                 "or append what is new to it"},
	{.name = "skip_unchanged",
         .type = VALUE_BOOL,
         IN(struct route_spec, skip_unchanged),
         .fallback = "false",
         .help = "updates and upserts: true: an update that changes nothing is skipped, as far as the "
                 "state knows Close's last answer"},
	{.name = "batch",
         .type = VALUE_SECTION,
         .elsewhere = (const char *const[]){"batch_records", NULL},
         .section = &batch_section,
         .help = "several records in one call"},
	{.name = "allow",
         .type = VALUE_CHOICES,
         IN(struct route_spec, allow),
         .choices = effects,
         .choice_help =
                 (const char *const[]){"it sends something to people", "it costs money or credits",
                                       "one call changes many objects", "it deletes or merges",
                                       without_lead},
         .help = "effects to let through: what a route's calls always do is a mistake without the word, "
                 "and a record that brings one about is rejected (guard)"},
	{0},
};

/* What routes_compile() tells of keys that stand together. */
static const char route_rules[] =
	"[{\"if\":{\"required\":[\"url\"]},\"then\":{\"required\":[\"method\"]}},"
	"{\"if\":{\"required\":[\"batch\",\"identity\"]},\"then\":{\"properties\":{\"batch\":{"
	"\"properties\":{\"algorithm\":{\"not\":{\"enum\":[\"array\",\"keyed_array\",\"expression\"]}}}}}}},"
	"{\"if\":{\"required\":[\"operation\"]},\"then\":{\"properties\":{"
	"\"batch\":{\"properties\":{\"algorithm\":{\"not\":{\"const\":\"array\"}}}},"
	"\"content_format\":{\"not\":{\"enum\":[\"form\",\"xml\"]}}}}},"
	"{\"if\":{\"required\":[\"url\"]},\"then\":{\"properties\":{\"match\":false,"
	"\"on_create\":false,\"on_update\":false,\"omit_on_update\":false}}},"
	"{\"if\":{\"not\":{\"required\":[\"match\"]}},\"then\":{\"properties\":{"
	"\"on_many\":false,\"on_match\":false,\"on_none\":false}}},"
	"{\"if\":{\"required\":[\"match\"]},\"then\":{\"properties\":{\"params\":{"
	"\"properties\":{\"id\":false}},\"link\":{\"properties\":{\"id\":false}},\"batch\":{"
	"\"properties\":{\"algorithm\":{\"not\":{\"enum\":[\"keyed_array\",\"expression\"]}}}}}}},"
	"{\"if\":{\"properties\":{\"on_match\":{\"const\":\"skip\"}},\"required\":"
	"[\"on_match\"]},\"then\":{\"properties\":{\"on_none\":{\"not\":{\"enum\":"
	"[\"reject\",\"skip\"]}}}}},"
	"{\"if\":{\"properties\":{\"method\":{\"const\":\"DELETE\"}},\"required\":[\"method\"],"
	"\"not\":{\"required\":[\"body\"]}},\"then\":{\"properties\":{\"batch\":false}}},"
	"{\"if\":{\"properties\":{\"content_format\":{\"const\":\"form\"}},\"required\":"
	"[\"content_format\"]},\"then\":{\"properties\":{\"batch\":{\"properties\":{\"algorithm\":"
	"{\"not\":{\"enum\":[\"array\",\"keyed_array\"]}}}}}}}]";

const struct section route_section = {
	.name = "routes[]",
	.help = "What is sent for a record: an operation of the catalogue, or a method and a URL.",
	.keys = route_keys,
	.excluding = (const struct key_pair[]){{"operation", "method"}, {"operation", "url"}, {0}},
	.one_of = (const char *const[]){"operation", "url", NULL},
	.rules = route_rules,
};
