/* Routes compiled against the catalogue. */

#include "tests/unit/pipeline_case.h"

#include "lib/mem.h"

#define ROUTE(text) V S C "routes:\n  - " text "\n"

/* The consumed fields, separated by spaces. */
static char *consumed(const struct route *route)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < route->n_consumed; i++)
		buf_addf(&b, "%s%s", i ? " " : "", route->consumed[i]);
	return buf_take(&b);
}

static void a_path_comes_from_operation_params_or_url(void **state)
{
	static const struct {
		const char *text, *name, *url, *consumed;
	} cases[] = {
		{ROUTE("{operation: lead.create}"), "lead.create", "/lead/", ""},
		{ROUTE("{operation: lead.create, name: new}"), "new", "/lead/", ""},
		{ROUTE("{operation: lead.update}"), "lead.update", "/lead/{id}/", "id"},
		{ROUTE("{operation: lead.update, params: {id: \"{lead_id}\"}}"), "lead.update",
	         "/lead/{lead_id}/", "lead_id"},
		{ROUTE("{operation: lead.update, params: {id: \"{a.b}\"}}"), "lead.update",
	         "/lead/{a.b}/", ""},
		{ROUTE("{operation: lead.update, params: {id: lead_A1}}"), "lead.update",
	         "/lead/lead_A1/", ""},
		{ROUTE("{operation: lead.update, params: {id: \"x/y {n} é\"}}"), "lead.update",
	         "/lead/x%2Fy%20{n}%20%C3%A9/", "n"},
		{ROUTE("{operation: lead.update, params: {id: '{lead_id|trim|default:\"}/{\"}'}}"),
	         "lead.update", "/lead/{lead_id|trim|default:\"}/{\"}/", "lead_id"},
		{ROUTE("{operation: contact.update}"), "contact.update", "/contact/{id}/",
	         "id lead_id"},
		{ROUTE("{operation: group.member.add}"), "group.member.add",
	         "/group/{group_id}/member/", "group_id"},
		{ROUTE("{operation: custom_field_schema.update, params: {object_type: \"{kind}\"}}"),
	         "custom_field_schema.update", "/custom_field_schema/{kind}/", "kind"},
		{ROUTE("{operation: custom_field_schema.update, params: {object_type: activity/a}}"),
	         "custom_field_schema.update", "/custom_field_schema/activity/a/", ""},
		{ROUTE("{method: POST, url: /lead}"), "lead.create", "/lead/", ""},
		{ROUTE("{method: POST, url: \"https://api.close.com/api/v1/lead/\"}"),
	         "lead.create", "/lead/", ""},
		{ROUTE("{method: PUT, url: \"/lead/{record.lead_id}/\"}"), "lead.update",
	         "/lead/{record.lead_id}/", "lead_id"},
		{ROUTE("{method: PUT, url: '/lead/{lead_id|or:|default:\"}/x ?\"}'}"),
	         "lead.update", "/lead/{lead_id|or:|default:\"}/x ?\"}/", "lead_id"},
		{ROUTE("{method: PUT, url: \"/lead/{id}\", params: {id: \"{lead_id}\"}}"),
	         "lead.update", "/lead/{lead_id}/", "lead_id"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pipeline *p = case_good(cases[i].text);
		const struct route *route = &p->routes.items[0];
		char *fields = consumed(route);

		check_eq(p->routes.n, 1);
		check_text(route->name, cases[i].name);
		check_text(template_text(route->url), cases[i].url);
		check_text(fields, cases[i].consumed);
		check(route->op != NULL);
		check(route->has_body);
		check_null(route->body);
		free(fields);
		pipeline_free(p);
	}
}

static void the_rest_of_a_route_arrives(void **state)
{
	struct pipeline *p = case_good(
		V S C
		"exclude: [_*]\n"
		"routes:\n  - operation: lead.create\n    exclude: [id]\n    nulls: omit\n"
		"    unknown_keys: drop\n"
		"    query: {_fields: \"id,{x}\", n: 5}\n"
		"    headers: \"X-A:1, X-B: a,b,X-C:{id|default:x,y:z}\"\n"
		"    blanks: omit\n    content_format: json\n"
		"    identity: {custom.cf_key: \"{id}\"}\n"
		"    body: {name: \"{company}\", custom.cf_key: 1.50, contacts: [{name: \"{n}\"}], "
		"status: ~}\n");
	const struct route *route = &p->routes.items[0];

	(void)state;
	check_eq(route->index, 0);
	check_eq(route->line, 7);
	check_eq(route->column, 5);
	check_eq(route->method, METHOD_POST);
	check(!route->is_patch);
	check_eq(route->n_exclude, 2);
	check_text(exclude_text(route->exclude[0]), "_*");
	check_text(exclude_text(route->exclude[1]), "id");
	check_eq(route->nulls, NULLS_OMIT);
	check_eq(route->blanks, NULLS_OMIT);
	check_eq(route->format, CONTENT_JSON);
	check_eq(route->unknown_keys, UNKNOWN_DROP);
	check_eq(route->n_query, 2);
	check_text(route->query[0].name, "_fields");
	check_text(template_text(route->query[1].value), "5");
	check_eq(route->n_headers, 3);
	check_text(route->headers[1].name, "X-B");
	check_text(template_text(route->headers[1].value), "a,b");
	check_text(template_text(route->headers[2].value), "{id|default:x,y:z}");
	check_text(route->identity_field, "custom.cf_key");
	check_text(template_text(route->identity_value), "{id}");
	check(route->body != NULL);
	check_eq(route->n_consumed, 0);
	check(p->routes.operations == crm_catalogue());
	pipeline_free(p);
}

static void a_path_outside_the_catalogue_is_sent_with_a_warning(void **state)
{
	struct pipeline *p = case_load(
		ROUTE("{method: DELETE, url: \"/thing/{id}\", allow: [costs, destroys]}"));
	const struct route *route = &p->routes.items[0];

	(void)state;
	check_eq(p->n_errors, 0);
	check_eq(p->n_notes, 1);
	check_null(route->op);
	check_text(route->name, "DELETE /thing/{id}");
	check_eq(route->allow, EFFECT_COSTS | EFFECT_DESTROYS);
	check_text(template_text(route->url), "/thing/{id}");
	check(!route->has_body);
	pipeline_free(p);
}

static void a_form_goes_to_other_hosts_and_never_to_close(void **state)
{
	struct pipeline *p = case_load(ROUTE("{method: POST, url: /thing, content_format: form}"));

	(void)state;
	check_eq(p->n_errors, 0);
	check_eq(p->routes.items[0].format, CONTENT_FORM);
	check_eq(p->routes.items[0].blanks, NULLS_SEND);
	pipeline_free(p);
	case_check_notes(ROUTE("{operation: lead.create, content_format: xml}"),
	                 "6:46: error: routes[0].content_format: lead.create is an operation of "
	                 "Close, which takes JSON: leave this out\n");
	case_check_notes(ROUTE("{method: POST, url: /lead/, content_format: form}"),
	                 "6:49: error: routes[0].content_format: lead.create is an operation of "
	                 "Close, which takes JSON\n");
}

static void patch_becomes_put_and_a_url_of_base_url_is_a_path(void **state)
{
	struct pipeline *p = case_load(
		V S "close: {api_key: {env: KEY}, base_url: \"http://localhost:1/x\"}\n"
		    "routes: [{method: PATCH, url: \"http://localhost:1/x/lead/{id}\"}]\n");
	const struct route *route = &p->routes.items[0];

	(void)state;
	check_eq(p->n_errors, 0);
	check(route->is_patch);
	check_eq(route->method, METHOD_PUT);
	check_text(route->op->name, "lead.update");
	check_text(template_text(route->url), "/lead/{id}/");
	pipeline_free(p);
}

static void the_placeholder_of_an_object_type_keeps_its_slashes(void **state)
{
	struct pipeline *p = case_good(ROUTE(
		"{operation: custom_field_schema.update, params: {object_type: \"{kind}\"}}"));

	(void)state;
	check_text(p->routes.items[0].keep_slash, "kind");
	pipeline_free(p);
	p = case_good(ROUTE("{operation: custom_field_schema.update}"));
	check_text(p->routes.items[0].keep_slash, "object_type");
	pipeline_free(p);
	p = case_good(ROUTE("{operation: lead.update}"));
	check_null(p->routes.items[0].keep_slash);
	pipeline_free(p);
}

static const struct {
	const char *text, *notes;
} route_mistakes[] = {
	{ROUTE("{url: /lead/}"), "6:11: error: routes[0]: method is missing: POST, PUT\n"},
	{ROUTE("{method: GET, url: /lead/}"),
         "6:14: error: routes[0].method: must be POST, PUT, PATCH or DELETE, not the text \"GET\"\n"},
	{ROUTE("{method: post, url: /lead/}"),
         "6:14: error: routes[0].method: must be POST, PUT, PATCH or DELETE, not \"post\": did you mean \"POST\"?\n"},
	{ROUTE("{method: POST}"), "6:5: error: routes[0]: operation or url is missing\n"},
	{ROUTE("{operation: lead.create, method: POST}"),
         "6:30: error: routes[0]: operation (line 6) and method (line 6) exclude each other\n"},
	{ROUTE("{method: POST, url: lead/}"),
         "6:25: error: routes[0].url: must begin with / (a path under base_url) or with https://api.close.com/api/v1/\n"},
	{ROUTE("{method: POST, url: \"https://example.com/api/v1/lead/\"}"),
         "6:25: error: routes[0].url: is on another host\n"},
	{ROUTE("{method: POST, url: \"https://api.close.com.evil.example/api/v1/lead/\"}"),
         "6:25: error: routes[0].url: is on another host\n"},
	{ROUTE("{method: POST, url: \"http://api.close.com/api/v1/lead/\"}"),
         "6:25: error: routes[0].url: is on another host\n"},
	{ROUTE("{method: POST, url: \"https://{host}/lead/\"}"),
         "6:25: error: routes[0].url: is on another host\n"},
	{ROUTE("{method: POST, url: \"/lead/?a=b\"}"),
         "6:25: error: routes[0].url: write what stands behind ? under query\n"},
	{ROUTE("{method: POST, url: \"/lead/#a\"}"),
         "6:25: error: routes[0].url: must not have a fragment\n"},
	{ROUTE("{method: POST, url: \"/lead/../me/\"}"),
         "6:25: error: routes[0].url: has an empty, . or .. segment\n"},
	{ROUTE("{method: POST, url: //evil.example/}"),
         "6:25: error: routes[0].url: has an empty, . or .. segment\n"},
	{ROUTE("{method: POST, url: \"/lead /\"}"),
         "6:25: error: routes[0].url: has a character that cannot stand in a path\n"},
	{ROUTE("{method: PUT, url: \"/lead/{id/\"}"), "6:24: error: routes[0].url: \n"},
	{ROUTE("{method: PUT, url: {lead_id}}"),
         "6:24: error: routes[0].url: {lead_id} without quotes is a YAML map\n"},
	{ROUTE("{method: PUT, url: \"/lead/{'{x}'}/\"}"), "6:24: error: routes[0].url: \n"},
	{ROUTE("{method: PATCH, url: /me/}"),
         "6:14: error: routes[0].method: Close publishes no PATCH, and the catalogue has no PUT /me/\n"},
	{ROUTE("{method: PATCH, url: \"/lead/{id}/\"}"),
         "6:14: warning: routes[0].method: Close publishes no PATCH: it is sent as PUT\n"},
	{ROUTE("{method: PUT, url: /lead/}"),
         "6:24: warning: routes[0].url: the catalogue has no PUT /lead/, but POST /lead/ (lead.create)\n"},
	{ROUTE("{method: POST, url: /api/v1/lead/}"),
         "6:25: warning: routes[0].url: the catalogue has no POST /api/v1/lead/: base_url has /api/v1 already\n"},
	{ROUTE("{method: POST, url: /lead%2Fmerge/}"),
         "6:25: warning: routes[0].url: the catalogue has no POST /lead%2Fmerge/: did you mean /lead/merge/?\n"
         "6:25: error: routes[0].url: makes the path /lead%2Fmerge/, which Close may read as /lead/merge/ (lead.merge): write it so\n"},
	{ROUTE("{method: POST, allow: [mass, destroys], url: /bulk%5Faction/delete/}"),
         "6:50: warning: routes[0].url: the catalogue has no POST /bulk%5Faction/delete/\n"
         "6:50: error: routes[0].url: makes the path /bulk%5Faction/delete/, which Close may read as /bulk_action/delete/ (bulk_action.delete.create)\n"},
	{ROUTE("{method: DELETE, allow: [destroys], url: \"/lead%2F{id}/\"}"),
         "6:46: warning: routes[0].url: the catalogue has no DELETE /lead%2F{id}/\n"
         "6:46: error: routes[0].url: makes the path /lead%2F{id}/, which Close may read as /lead/{id}/ (lead.delete)\n"},
	{ROUTE("{method: POST, url: \"/{type}/\"}"),
         "6:25: warning: routes[0].url: the catalogue has no POST /{type}/: which operation it is, and whether the route may call it, is seen record by record\n"},
	{ROUTE("{method: POST, url: \"/{type}/\", params: {type: contact}}"),
         "6:25: warning: routes[0].url: the catalogue has no POST /{type}/\n"
         "6:45: error: routes[0].params: makes the path /contact/, which Close may read as /contact/ (contact.create): write it so\n"},
	{ROUTE("{operation: group.delete, allow: [destroys], params: {id: group_1/member/user_1}}"),
         "6:58: error: routes[0].params: makes the path /group/group_1%2Fmember%2Fuser_1/, which Close may read as /group/group_1/member/user_1/ (group.member.remove)\n"},
	{ROUTE("{operation: lead.update, params: {id: ../contact/y}}"),
         "6:38: error: routes[0].params: makes the path /lead/..%2Fcontact%2Fy/, which Close may read as /contact/y/ (contact.update)\n"},
	{ROUTE("{operation: lead.update, params: {ix: \"{a}\"}}"),
         "6:39: error: routes[0].params: unknown parameter \"ix\": the path is /lead/{id}/\n"},
	{ROUTE("{operation: lead.update, params: {id: {a}}}"),
         "6:43: error: routes[0].params.id: {a} without quotes is a YAML map\n"},
	{ROUTE("{operation: lead.update, params: {id: {env: KEY}}}"),
         "6:43: error: routes[0].params: values from outside do not stand here: name it under vars\n"},
	{ROUTE("{operation: lead.update, params: {id: \"\"}}"),
         "6:43: error: routes[0].params: cannot fill id in the path\n"},
	{ROUTE("{operation: lead.update, params: {id: ..}}"),
         "6:43: error: routes[0].params: cannot fill id in the path\n"},
	{ROUTE("{operation: lead.create, body: {nmae: a}}"),
         "6:37: warning: routes[0].body: lead.create takes no key \"nmae\", and Close would drop it without a word: did you mean \"name\"?\n"},
	{ROUTE("{operation: lead.create, unknown_keys: reject, body: {nmae: a}}"),
         "6:59: error: routes[0].body: lead.create takes no key \"nmae\"\n"},
	{ROUTE("{operation: task.create, body: {text: a}}"),
         "6:36: error: routes[0].body: task.create needs the field lead_id\n"},
	{ROUTE("{operation: playbook.archive, body: {a: 1}}"),
         "6:41: error: routes[0].body: playbook.archive takes no body\n"},
	{ROUTE("{operation: lead.create, body: [{name: a}]}"),
         "6:36: error: routes[0].body: must be a map: Close takes one object a call\n"},
	{ROUTE("{operation: lead.create, body: name}"),
         "6:36: error: routes[0].body: must be a map with placeholders\n"},
	{ROUTE("{operation: lead.create, body: {name: \"{a\"}}"),
         "6:43: error: routes[0].body.name: \n"},
	{ROUTE("{operation: lead.create, body: {contacts: [{name: \"{a\"}]}}"),
         "6:55: error: routes[0].body.contacts[0].name: \n"},
	{ROUTE("{operation: lead.create, body: {name: {company}}}"),
         "6:43: error: routes[0].body.name: {company} without quotes is a YAML map with a key and no value: put it in quotes, \"{company}\"\n"},
	{ROUTE("{operation: lead.create, body: {name: \"{@topic}\"}}"),
         "6:43: error: routes[0].body.name: {@topic}: only source.kafka has it\n"},
	{ROUTE("{operation: lead.create, body: {name: \"{@headers.x}\"}}"),
         "6:43: error: routes[0].body.name: {@headers.x}: only source.kafka has it\n"},
	{ROUTE("{operation: lead.create, body: {name: \"{@lin}\"}}"),
         "6:43: error: routes[0].body.name: {@lin} is not known; did you mean {@line}?\n"},
	{V "vars: {region: a}\n" S C
           "routes: [{operation: lead.create, body: {name: \"{@var.regoin}\"}}]\n",
         "6:48: error: routes[0].body.name: {@var.regoin} is not known; did you mean {@var.region}?\n"},
	{ROUTE("{operation: lead.create, body: {name: \"{@var.x}\"}}"),
         "6:43: error: routes[0].body.name: {@var.x} is not known here\n"},
	{ROUTE("{operation: lead.create, headers: {Authorization: a}}"),
         "6:40: error: routes[0].headers.Authorization: the header Authorization must not be set here\n"},
	{ROUTE("{operation: lead.create, headers: {content-type: a}}"),
         "6:40: error: routes[0].headers.content-type: the header content-type must not be set here\n"},
	{ROUTE("{operation: lead.create, headers: {X-HTTP-Method-Override: PUT}}"),
         "6:40: error: routes[0].headers.X-HTTP-Method-Override: the header X-HTTP-Method-Override must not\n"},
	{ROUTE("{operation: lead.create, headers: {\"a b\": c}}"),
         "6:40: error: routes[0].headers.a b: \"a b\" is not the name of a header\n"},
	{ROUTE("{operation: lead.create, headers: {a: \"x\\r\\ny\"}}"),
         "6:43: error: routes[0].headers.a: the value of a has a character that cannot stand in a header\n"},
	{ROUTE("{operation: lead.create, headers: {a: 1, A: 2}}"),
         "6:46: error: routes[0].headers.A: the header A stands twice\n"},
	{ROUTE("{operation: lead.create, headers: \"a\"}"),
         "6:39: error: routes[0].headers: must be a map, or pairs such as \"a:1,b:2\"\n"},
	{ROUTE("{operation: lead.create, exclude: [custom.cf_a], identity: {custom.cf_a: \"{id}\"}}"),
         "6:64: error: routes[0].identity: puts custom.cf_a into the body, and exclude (\"custom.cf_a\") takes it out of every body: keep one of them\n"},
	{ROUTE("{operation: contact.create, exclude: [lead_id], link: {lead_id: {lead: {name: \"{c}\"}}}}"),
         "6:59: error: routes[0].link: puts lead_id into the body, and exclude (\"lead_id\") takes it out\n"},
	{ROUTE("{operation: lead.upsert, exclude: [custom.Key], match: {custom.Key: \"{id}\"}}"),
         "6:60: error: routes[0].match: puts custom.Key into the body, and exclude (\"custom.Key\") takes it out\n"},
	{ROUTE("{operation: lead.create, identity: {custom.cf_a: fixed}}"),
         "6:54: error: routes[0].identity: must differ for every record\n"},
	{ROUTE("{operation: lead.create, identity: {name: \"{id}\"}}"),
         "6:41: error: routes[0].identity: must be a custom field\n"},
	{ROUTE("{operation: lead.create, identity: {custom.cf_a: \"{id}\", custom.cf_b: \"{id}\"}}"),
         "6:40: error: routes[0].identity: must have one field\n"},
	{ROUTE("{operation: lead.update, identity: {custom.cf_a: \"{id}\"}}"),
         "6:40: error: routes[0].identity: lead.update creates nothing that has custom fields\n"},
	{ROUTE("{operation: task.create, identity: {custom.cf_a: \"{id}\"}}"),
         "6:40: error: routes[0].identity: task.create creates nothing that has custom fields\n"},
	{V S C "routes:\n  - operation: lead.create\n  - operation: contact.create\n",
         "7:5: warning: routes[1]: never reached: the route in line 6 takes every record\n"},
};

static void mistakes_in_routes_are_told_in_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(route_mistakes) / sizeof(*route_mistakes); i++)
		case_check_notes(route_mistakes[i].text, route_mistakes[i].notes);
}

/* These send only by a status of the record, which is looked at then. */
static size_t n_errors_of(const char *close, const char *operation, const char *allow)
{
	struct buf b = BUF_INIT;
	struct pipeline *p;
	size_t n;

	buf_addf(&b, V S "%sroutes: [{operation: %s%s}]\n", close, operation, allow);
	p = case_load(buf_text(&b));
	n = p->n_errors;
	pipeline_free(p);
	buf_deinit(&b);
	return n;
}

static void every_operation_compiles_where_what_it_always_does_is_allowed(void **state)
{
	static const char all[] = ", allow: [sends, costs, mass, destroys, orphans]";
	static const char oauth[] = "close: {oauth: {client_id: app, client_secret: {env: KEY}, "
				    "refresh_token: {env: KEY}}}\n";
	const struct operation_set *set = crm_catalogue();
	size_t n_compiled = 0;

	(void)state;
	for (size_t i = 0; i < set->n; i++) {
		const struct operation *op = &set->items[i];
		const bool needs_filter = !strcmp(op->name, "send_as.delete_by_user");

		check_eq(n_errors_of(C, op->name, "") > 0,
		         (op->effects & ~op->depends) || op->is_oauth_only);
		check_eq(n_errors_of(C, op->name, all) > 0, op->is_oauth_only || needs_filter);
		check_eq(n_errors_of(oauth, op->name, all) > 0, needs_filter);
		n_compiled += n_errors_of(C, op->name, "") == 0;
	}
	check(n_compiled > 90);
}

static void another_host_has_paths_of_its_own(void **state)
{
	static const struct {
		const char *base_url;
		bool is_told;
	} rows[] = {
		{"https://api.close.com/api/v1", true},
		{"https://api.close.com", true},
		{"http://127.0.0.1:8765/api/v1", true},
		{"https://close.proxy.example/api/v1/", true},
		{"https://api.example.com/v2", false},
		{"https://api.example.com", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = mem_printf(V S "close: {base_url: \"%s\", api_key: {env: KEY}}\n"
		                            "routes: [{method: POST, url: /orders}]\n",
		                        rows[i].base_url);

		case_check_notes(text, rows[i].is_told
		                               ? "5:30: warning: routes[0].url: the catalogue "
		                                 "has no POST /orders: it is sent as written\n"
		                               : "");
		free(text);
	}
	case_check_notes(V S "close: {base_url: \"https://api.example.com\", api_key: {env: KEY}}\n"
	                     "routes: [{method: POST, url: /Lead/}]\n",
	                 "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_path_comes_from_operation_params_or_url),
		sentence(the_rest_of_a_route_arrives),
		sentence(a_path_outside_the_catalogue_is_sent_with_a_warning),
		sentence(a_form_goes_to_other_hosts_and_never_to_close),
		sentence(patch_becomes_put_and_a_url_of_base_url_is_a_path),
		sentence(another_host_has_paths_of_its_own),
		sentence(the_placeholder_of_an_object_type_keeps_its_slashes),
		sentence(mistakes_in_routes_are_told_in_their_place),
		sentence(every_operation_compiles_where_what_it_always_does_is_allowed),
	};

	return run_sentences(tests);
}
