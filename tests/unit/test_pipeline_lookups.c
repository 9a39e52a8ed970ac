/* Upserts, match, link and what changes an object: what the lines of a file become. */

#include "tests/unit/pipeline_case.h"

#include "connector/model/names.h"
#include "lib/mem.h"
#include "lib/strlist.h"

static const struct route *route_of(const struct pipeline *p)
{
	check_eq(p->routes.n, 1);
	return &p->routes.items[0];
}

static struct pipeline *load(const char *route)
{
	struct buf text = BUF_INIT;
	struct pipeline *p;

	buf_addf(&text, V S C "routes:\n  - %s", route);
	p = case_good(buf_text(&text));
	buf_deinit(&text);
	return p;
}

static bool is_in(char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static void an_upsert_is_a_create_with_an_update_beside_it(void **state)
{
	struct pipeline *p =
		load("operation: lead.upsert\n    match: {custom.Account: \"{id}\"}\n"
	             "    headers: {X-A: \"{n}\"}\n    query: {_fields: id}\n    exclude: [a.b]\n"
	             "    nulls: omit\n    unknown_keys: drop\n    body: {name: \"{n}\", url: x}\n"
	             "    on_create: {status: Potential}\n    on_update: {description: \"{n}\"}\n"
	             "    omit_on_update: [url]\n");
	const struct route *create = route_of(p), *update = create->update;

	(void)state;
	check_text(create->name, "lead.upsert");
	check_text(create->op->name, "lead.create");
	check_eq(create->method, METHOD_POST);
	check_text(template_text(create->url), "/lead/");
	check(create->body && create->over);
	check_null(create->omit);
	check_null(create->create_only);

	check_text(update->name, "lead.upsert");
	check_eq(update->index, 0);
	check_text(update->op->name, "lead.update");
	check_eq(update->method, METHOD_PUT);
	check_text(template_text(update->url), "/lead/{{id}}/");
	check(template_is_literal(update->url));
	check(update->has_body && update->body && update->over);
	check(update->body != create->body && update->over != create->over);
	check_eq(update->n_headers, 1);
	check_eq(update->n_query, 1);
	check_eq(update->n_exclude, 1);
	check_eq(update->nulls, NULLS_OMIT);
	check_eq(update->unknown_keys, UNKNOWN_DROP);
	check_eq(strlist_len(update->omit), 1);
	check_eq(update->match.n_keys, 0);
	check_null(update->update);
	check_null(update->batch);
	check(route_set_has(&p->routes, update));
	pipeline_free(p);
}

/* What an update of each kind leaves out by itself. */
static void keys_that_only_a_create_takes_are_known(void **state)
{
	static const struct {
		const char *operation, *keys[5], *kept;
	} kinds[] = {
		{"lead.upsert", {"contacts", "date_created", "created_by"}, "status_id"},
		{"contact.upsert", {"lead_id", "date_created", "created_by"}, "emails"},
		{"opportunity.upsert", {"lead_id", "date_created", "created_by"}, "contact_id"},
		{"custom_object.upsert", {"lead_id", "custom_object_type_id"}, "name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char *text = mem_printf("operation: %s\n    match: {custom.cf_A: \"{id}\"}\n",
		                        kinds[i].operation);
		struct pipeline *p = load(text);
		const struct route *update = route_of(p)->update;

		for (const char *const *key = kinds[i].keys; *key; key++)
			check(is_in(update->create_only, *key));
		check(!is_in(update->create_only, kinds[i].kept));
		pipeline_free(p);
		free(text);
	}
}

static void match_is_a_rule_of_keys_tried_in_order(void **state)
{
	struct pipeline *p =
		load("operation: contact.upsert\n    match: [{email: \"{email|lower}\"}, {name: "
	             "\"{n}\", custom.Kind: staff}]\n    on_many: oldest\n    on_match: skip\n");
	const struct route *r = route_of(p);

	(void)state;
	check_text(r->match.kind, "contact");
	check_eq(r->match.n_keys, 2);
	check_eq(r->match.keys[0].n, 1);
	check_text(r->match.keys[0].fields[0].name, "email");
	check_text(template_text(r->match.keys[0].fields[0].value), "{email|lower}");
	check_eq(r->match.keys[1].n, 2);
	check_text(r->match.keys[1].fields[1].name, "custom.Kind");
	check_eq(r->on_many, MANY_OLDEST);
	check_eq(r->on_match, MATCH_SKIP);
	check_eq(r->on_none, NONE_CREATE);
	pipeline_free(p);
}

static void an_update_without_an_id_has_a_hole_for_it(void **state)
{
	struct pipeline *p = load("operation: contact.update\n    match: {email: \"{email}\"}\n");
	const struct route *r = route_of(p);

	(void)state;
	check_text(template_text(r->url), "/contact/{{id}}/");
	check_null(r->update);
	check_eq(r->on_none, NONE_REJECT);
	check_eq(r->on_match, MATCH_UPDATE);
	/* It would move the contact, as in every update. */
	check_eq(r->n_consumed, 1);
	check_text(r->consumed[0], "lead_id");
	pipeline_free(p);

	p = load("operation: lead.update\n    match: {id: \"{id}\"}\n    on_none: skip\n");
	check_eq(route_of(p)->on_none, NONE_SKIP);
	check_text(route_of(p)->match.keys[0].fields[0].name, "id");
	pipeline_free(p);
}

static void links_fill_keys_of_the_body_and_holes_of_the_path(void **state)
{
	struct pipeline *p =
		load("operation: custom_field.shared.update_association\n    link:\n"
	             "      scf_id: {custom_field.shared: {label: \"{n}\"}}\n"
	             "      object_type: {custom_activity_type: {name: Visit}, on_none: skip}\n"
	             "    body: {required: true}\n");
	const struct route *r = route_of(p);

	(void)state;
	check_text(template_text(r->url),
	           "/custom_field/shared/{{scf_id}}/association/custom_activity_type/"
	           "{{object_type}}/");
	check_eq(r->n_links, 2);
	check_text(r->links[0].field, "scf_id");
	check(r->links[0].is_in_url);
	check_text(r->links[0].rule.kind, "custom_field.shared");
	check_text(r->links[0].rule.keys[0].fields[0].name, "name");
	check_eq(r->links[0].on_none, NONE_REJECT);
	check_eq(r->links[1].on_none, NONE_SKIP);
	pipeline_free(p);

	/* Schemas call types otherwise. */
	p = load(
		"operation: custom_field_schema.update\n    link: {object_type: {custom_activity_type: "
		"{name: \"{n}\"}}}\n    body: {fields: \"{fields}\"}\n");
	check_text(template_text(route_of(p)->url),
	           "/custom_field_schema/activity/{{object_type}}/");
	pipeline_free(p);

	p = load("operation: activity.note.create\n    link:\n"
	         "      lead_id: {contact: {email: \"{email}\"}}\n"
	         "      contact_id: {contact: {email: \"{email}\"}}\n"
	         "      user_id: {user: {email: \"{email}\"}, default: user_A}\n"
	         "    body: {note: \"{n}\"}\n");
	r = route_of(p);
	check(r->links[0].takes_lead && !r->links[0].is_in_url);
	check(!r->links[1].takes_lead);
	check_text(template_text(r->links[2].fallback), "user_A");
	pipeline_free(p);
}

static void things_with_names_are_called_as_answers_call_them(void **state)
{
	static const struct {
		const char *link, *kind, *field;
	} links[] = {
		{"status_id: {status.lead: {name: \"{n}\"}}", "status.lead", "label"},
		{"custom.Owner: {user: {name: \"{n}\"}}", "user", "name"},
		{"custom.Group: {group: {label: \"{n}\"}}", "group", "name"},
		{"custom.Mail: {template: {name: \"{n}\"}}", "email_template", "name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		char *text = mem_printf("operation: lead.create\n    link: {%s}\n", links[i].link);
		struct pipeline *p = load(text);
		const struct lookup_rule *rule = &route_of(p)->links[0].rule;

		check_text(rule->kind, links[i].kind);
		check_text(rule->keys[0].fields[0].name, links[i].field);
		check(is_in(p->name_kinds, name_kind_of_lookup(links[i].kind)));
		pipeline_free(p);
		free(text);
	}
}

/* A link to what only a create takes, or what updates leave out, is none of the update's. */
static void the_update_of_an_upsert_has_links_of_its_own(void **state)
{
	struct pipeline *p =
		load("operation: opportunity.upsert\n    match: {custom.Deal: \"{id}\"}\n"
	             "    omit_on_update: [user_id]\n    link:\n"
	             "      lead_id: {lead: {name: \"{n}\"}}\n"
	             "      user_id: {user: {email: \"{email}\"}}\n"
	             "      contact_id: {contact: {email: \"{email}\"}}\n");
	const struct route *r = route_of(p);

	(void)state;
	check_eq(r->n_links, 3);
	check_eq(r->update->n_links, 1);
	check_text(r->update->links[0].field, "contact_id");
	check(r->update->links[0].rule.keys != r->links[2].rule.keys);
	pipeline_free(p);
}

static void lists_and_unchanged_are_about_the_update(void **state)
{
	struct pipeline *p = load("operation: contact.upsert\n    match: {email: \"{email}\"}\n"
	                          "    lists: {emails: append, phones: replace}\n"
	                          "    skip_unchanged: true\n");
	const struct route *r = route_of(p);

	(void)state;
	check_null(r->append);
	check(!r->skip_unchanged);
	check_eq(strlist_len(r->update->append), 1);
	check_text(r->update->append[0], "emails");
	check(r->update->skip_unchanged);
	pipeline_free(p);

	p = load("operation: lead.update\n    lists: {addresses: append}\n    skip_unchanged: "
	         "true\n");
	check_text(route_of(p)->append[0], "addresses");
	check(route_of(p)->skip_unchanged);
	pipeline_free(p);
}

static void an_identity_without_a_template_is_ours(void **state)
{
	struct pipeline *p = load("operation: lead.upsert\n    match: {name: \"{n}\"}\n"
	                          "    identity: custom.Feed Key\n");
	const struct route *r = route_of(p);

	(void)state;
	check_text(r->identity_field, "custom.Feed Key");
	check_null(r->identity_value);
	check_null(r->update->identity_field);
	pipeline_free(p);
}

static void merge_and_nest_know_what_belongs_together(void **state)
{
	struct pipeline *p =
		load("operation: lead.upsert\n    match: {custom.Domain: \"{n}\"}\n"
	             "    identity: {custom.Feed Key: \"{n}\"}\n"
	             "    batch: {algorithm: nest, by: \"{n}\", into: contacts, child: "
	             "{name: \"{email}\"}}\n    body: {name: \"{n}\"}\n");
	const struct batch *batch = route_of(p)->batch;

	(void)state;
	check_eq(batch->algorithm, BATCH_NEST);
	check_text(template_text(batch->by), "{n}");
	check_text(batch->into, "contacts");
	check(batch->child != NULL);
	pipeline_free(p);

	p = load("operation: lead.update\n    batch: {algorithm: merge, wait: 5s}\n");
	batch = route_of(p)->batch;
	check_eq(batch->algorithm, BATCH_MERGE);
	check_eq(batch->wait_ms, 5000);
	check_null(batch->by);
	pipeline_free(p);
}

static void a_contact_linked_to_a_lead_is_no_orphan(void **state)
{
	struct pipeline *p = load("operation: contact.create\n    link: {lead_id: {lead: {name: "
	                          "\"{n}\"}}}\n    body: {name: \"{n}\"}\n");

	(void)state;
	pipeline_free(p);
	/* It may be the update of one that has a lead. */
	p = load("operation: contact.upsert\n    match: {name: \"{n}\"}\n    body: {name: "
	         "\"{n}\"}\n");
	pipeline_free(p);
	case_check_notes(
		V S C "routes:\n  - operation: opportunity.create\n    body: {note: a}\n",
		"7:11: error: routes[0].body: names no lead, and Close would make a new one\n");
}

static void parked_objects_are_asked_for(void **state)
{
	struct pipeline *p = case_good(V S C R "delivery: {on_reject: park}\n");

	(void)state;
	check(p->park_rejects);
	pipeline_free(p);
	p = case_good(V S C R);
	check(!p->park_rejects);
	pipeline_free(p);
}

/* Names against books */

static struct names known_names(void)
{
	struct names names = {0};
	struct name_book *contacts = name_book_new("contact"), *leads = name_book_new("lead");
	struct name_book *shared = name_book_new("custom_field/shared");

	(void)name_book_add(contacts, "cf_C1", "Member No");
	(void)name_book_add(leads, "cf_L1", "Account ID");
	(void)name_book_add(leads, "cf_L2", "Twin");
	(void)name_book_add(leads, "cf_L3", "Twin");
	(void)name_book_add(shared, "cf_S1", "Region");
	names_put(&names, contacts);
	names_put(&names, leads);
	names_put(&names, shared);
	return names;
}

static struct pipeline *load_with(const struct names *names, const char *route)
{
	const struct pipeline_options options = {
		.operations = crm_catalogue(), .names = names, .getenv = case_getenv};
	struct buf text = BUF_INIT;
	struct pipeline *p = NULL;
	struct err err = {0};

	buf_addf(&text, V S C "routes:\n  - %s", route);
	check_eq(pipeline_load_text("a.yaml", text.data, text.len, &options, &p, &err), 0);
	buf_deinit(&text);
	return p;
}

static void names_are_those_of_the_kind_that_is_looked_up(void **state)
{
	static const struct {
		const char *route, *note;
	} cases[] = {
		{"operation: contact.upsert\n    match: {custom.Member No: \"{id}\"}\n", ""},
		{"operation: contact.upsert\n    match: {custom.Account ID: \"{id}\"}\n",
	         "there is no custom field of contacts called \"Account ID\""},
		{"operation: contact.create\n    link: {lead_id: {lead: {custom.Account ID: \"{id}\"}}}\n",
	         ""},
		{"operation: contact.create\n    link: {lead_id: {lead: {custom.Acount ID: \"{id}\"}}}\n",
	         "did you mean \"Account ID\"?"},
		{"operation: lead.update\n    match: {custom.Twin: \"{id}\"}\n",
	         "more than one custom field of leads"},
		/* What a body writes is no field to look by. */
		{"operation: lead.update\n    match: {custom.Account ID.add: \"{id}\"}\n",
	         "there is no custom field of leads called \"Account ID.add\""},
		{"operation: lead.create\n    identity: custom.Acount ID\n",
	         "did you mean \"Account ID\"?"},
		{"operation: custom_field.shared.associate\n    link: {scf_id: {custom_field.shared: "
	         "{name: Regoin}}}\n    body: {object_type: lead}\n",
	         "did you mean \"Region\"?"},
		{"operation: custom_field.shared.associate\n    link: {scf_id: {custom_field.shared: "
	         "{name: Region}}}\n    body: {object_type: lead}\n",
	         ""},
	};
	struct names names = known_names();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pipeline *p = load_with(&names, cases[i].route);
		char *notes = case_notes(p);

		if (*cases[i].note ? !strstr(notes, cases[i].note) : *notes)
			check_text(notes, cases[i].note);
		pipeline_free(p);
		free(notes);
	}
	names_deinit(&names);
}

static void kinds_whose_names_are_written_are_noted(void **state)
{
	struct pipeline *p = load("operation: contact.upsert\n    match: {custom.Member No: "
	                          "\"{id}\"}\n    link: {lead_id: {lead: {custom.Account ID: "
	                          "\"{id}\"}}}\n");

	(void)state;
	check(is_in(p->named_kinds, "contact") && is_in(p->named_kinds, "lead"));
	check(is_in(p->name_kinds, "contact") && is_in(p->name_kinds, "lead"));
	pipeline_free(p);
	p = load("operation: lead.create\n    link: {status_id: {status.lead: {label: New}}}\n");
	check(is_in(p->named_kinds, "status/lead"));
	pipeline_free(p);
	p = load(
		"operation: lead.create\n    link: {status_id: {status.lead: {label: \"{n}\"}}}\n");
	check(!is_in(p->named_kinds, "status/lead"));
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(an_upsert_is_a_create_with_an_update_beside_it),
		sentence(keys_that_only_a_create_takes_are_known),
		sentence(match_is_a_rule_of_keys_tried_in_order),
		sentence(an_update_without_an_id_has_a_hole_for_it),
		sentence(links_fill_keys_of_the_body_and_holes_of_the_path),
		sentence(things_with_names_are_called_as_answers_call_them),
		sentence(the_update_of_an_upsert_has_links_of_its_own),
		sentence(lists_and_unchanged_are_about_the_update),
		sentence(an_identity_without_a_template_is_ours),
		sentence(merge_and_nest_know_what_belongs_together),
		sentence(a_contact_linked_to_a_lead_is_no_orphan),
		sentence(parked_objects_are_asked_for),
		sentence(names_are_those_of_the_kind_that_is_looked_up),
		sentence(kinds_whose_names_are_written_are_noted),
	};

	return run_sentences(tests);
}
