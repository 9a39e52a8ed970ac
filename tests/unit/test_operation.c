#include "connector/close/catalogue.h"
#include "connector/model/operation.h"
#include "tests/unit/check.h"

#include <stdlib.h>

static const struct operation *match(enum http_method method, const char *path)
{
	return operation_match(crm_catalogue(), method, path);
}

static void check_match(enum http_method method, const char *path, const char *name)
{
	const struct operation *op = match(method, path);

	if (!name) {
		check_null(op);
		return;
	}
	check(op != NULL);
	check_text(op->name, name);
}

static void an_operation_is_found_by_its_whole_name_only(void **state)
{
	const struct operation_set *set = crm_catalogue();

	(void)state;
	for (size_t i = 0; i < set->n; i++)
		check(operation_find(set, set->items[i].name) == &set->items[i]);
	check_null(operation_find(set, "lead.creat"));
	check_null(operation_find(set, "lead.createx"));
	check_null(operation_find(set, ""));
	check_null(operation_find(set, "~"));
	check_null(operation_find(&(struct operation_set){set->items, 0}, "lead.create"));
}

static void every_path_of_the_catalogue_matches_its_own_operation(void **state)
{
	const struct operation_set *set = crm_catalogue();

	(void)state;
	for (size_t i = 0; i < set->n; i++)
		check(match(set->items[i].method, set->items[i].path) == &set->items[i]);
}

static void a_parameter_takes_one_segment_that_is_not_empty(void **state)
{
	static const struct {
		enum http_method method;
		const char *path, *name;
	} cases[] = {
		{METHOD_PUT, "/lead/lead_A1/", "lead.update"},
		{METHOD_PUT, "/lead/{lead_id}/", "lead.update"},
		{METHOD_PUT, "/lead/x-{lead_id}-y/", "lead.update"},
		{METHOD_PUT, "/lead/a%2Fb/", "lead.update"},
		{METHOD_PUT, "/lead//", NULL},
		{METHOD_PUT, "/lead/", NULL},
		{METHOD_PUT, "/lead/a/b/", NULL},
		{METHOD_DELETE, "/group/group_1/member/user_2/", "group.member.remove"},
		{METHOD_DELETE, "/group/group_1/member/", NULL},
		{METHOD_POST, "/lead/", "lead.create"},
		{METHOD_POST, "/leads/", NULL},
		{METHOD_POST, "/lea/", NULL},
		{METHOD_POST, "/{kind}/", NULL},
		{METHOD_POST, "lead/", NULL},
		{METHOD_POST, "/", NULL},
		{METHOD_POST, "", NULL},
		{METHOD_POST, "//lead/", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_match(cases[i].method, cases[i].path, cases[i].name);
}

static void a_path_is_read_as_a_lenient_server_reads_it(void **state)
{
	static const struct {
		const char *path, *plain;
	} cases[] = {
		{"/lead/merge/", "/lead/merge/"},
		{"/lead%2Fmerge", "/lead/merge"},
		{"/lead%252fmerge/", "/lead/merge/"},
		{"/lead%25252525252Fmerge/", "/lead/merge/"},
		{"/bulk%5Faction/%64elete/", "/bulk_action/delete/"},
		{"//lead///merge//", "/lead/merge/"},
		{"/%2Flead%2F/merge/", "/lead/merge/"},
		{"/LEAD/Merge/", "/lead/merge/"},
		{"/api/v1/lead/merge/", "/lead/merge/"},
		{"/%61pi/V1//lead/", "/lead/"},
		{"/lead/?x=/a%2Fb/..", "/lead/"},
		{"/lead/a%3Fb%23c%7Bd%7D/", "/lead/axbxcxdx/"},
		{"/lead/a%zz%/", "/lead/a%zz%/"},
		{"/lead/{Day|default:A/B}%2Fmerge/", "/lead/{Day|default:A/B}/merge/"},
		{"/lead/..a/a../.a/...x/", "/lead/..a/a../.a/...x/"},
		{"/lead/../me/", "/me/"},
		{"/lead/%2e%2E/me/", "/me/"},
		{"/lead/.%252e", "/"},
		{"/lead/x/.", "/lead/x/"},
		{"/lead/x%2F..%2Fmerge/", "/lead/merge/"},
		{"/./lead/", "/lead/"},
		{"/../v1/lead/", NULL},
		{"/lead/../%2E%2E/lead/", NULL},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *plain = operation_plain_path(cases[i].path);

		if (cases[i].plain) {
			check(plain != NULL);
			check_text(plain, cases[i].plain);
		} else {
			check_null(plain);
		}
		free(plain);
	}
}

static void a_missing_last_slash_and_a_query_do_not_matter(void **state)
{
	(void)state;
	check_match(METHOD_POST, "/lead", "lead.create");
	check_match(METHOD_POST, "/lead?_fields=id", "lead.create");
	check_match(METHOD_PUT, "/task/?id__in=task_A,task_B", "task.bulk_update");
	check_match(METHOD_DELETE, "/task/task_A?x=/y/", "task.delete");
}

static void a_literal_segment_wins_over_a_parameter(void **state)
{
	(void)state;
	check_match(METHOD_PUT, "/blocked_phone_number/settings/",
	            "blocked_phone_number.settings.update");
	check_match(METHOD_PUT, "/blocked_phone_number/bpn_1/", "blocked_phone_number.update");
	check_match(METHOD_PUT, "/blocked_phone_number/{id}/", "blocked_phone_number.update");
	check_match(METHOD_POST, "/lead/merge/", "lead.merge");
}

static void an_object_type_may_hold_one_slash(void **state)
{
	(void)state;
	check_match(METHOD_PUT, "/custom_field_schema/lead/", "custom_field_schema.update");
	check_match(METHOD_PUT, "/custom_field_schema/activity/actitype_1/",
	            "custom_field_schema.update");
	check_match(METHOD_PUT, "/custom_field_schema/{object_type}", "custom_field_schema.update");
	check_match(METHOD_PUT, "/custom_field_schema/lead/lead_1/", NULL);
	check_match(METHOD_PUT, "/custom_field_schema/activity/a/b/", NULL);
	check_match(METHOD_DELETE,
	            "/custom_field/shared/cf_1/association/custom_object_type/cotype_2/",
	            "custom_field.shared.disassociate");
	check_match(METHOD_DELETE, "/custom_field/shared/cf_1/association/contact/",
	            "custom_field.shared.disassociate");
}

static void patch_matches_as_put_and_other_methods_only_as_themselves(void **state)
{
	(void)state;
	check_match(METHOD_PATCH, "/contact/cont_1/", "contact.update");
	check_match(METHOD_PATCH, "/contact/", NULL);
	check_match(METHOD_POST, "/contact/cont_1/", NULL);
	check_match(METHOD_DELETE, "/contact/", NULL);
}

static void every_custom_field_is_the_same_field_of_an_operation(void **state)
{
	const struct operation *op = operation_find(crm_catalogue(), "lead.create");

	(void)state;
	check_text(operation_field(op, "name")->type, "string|null");
	check_text(operation_field(op, "custom.cf_B2")->name, "custom.cf_*");
	check_text(operation_field(op, "custom.cf_B2.add")->name, "custom.cf_*");
	check_text(operation_field(op, "custom.Account ID")->name, "custom.cf_*");
	check_null(operation_field(op, "custom"));
	check_null(operation_field(op, "nam"));
	check_null(operation_field(op, ""));
	op = operation_find(crm_catalogue(), "group.create");
	check_null(operation_field(op, "custom.cf_B2"));
}

static void methods_and_classes_have_the_names_people_know(void **state)
{
	(void)state;
	check_text(http_method_name(METHOD_POST), "POST");
	check_text(http_method_name(METHOD_PUT), "PUT");
	check_text(http_method_name(METHOD_PATCH), "PATCH");
	check_text(http_method_name(METHOD_DELETE), "DELETE");
	check_text(delivery_class_name(CLASS_A), "A");
	check_text(delivery_class_name(CLASS_B), "B");
	check_text(delivery_class_name(CLASS_C), "C");
	check_text(delivery_class_name(CLASS_N), "N");
	check_text(delivery_class_name(CLASS_R), "R");
	check_text(content_type_name(CONTENT_JSON), "application/json");
	check_text(content_type_name(CONTENT_FORM), "application/x-www-form-urlencoded");
	check_text(content_type_name(CONTENT_XML), "application/xml");
	check_text(delivery_class_name(CLASS_D), "D");
	check_text(delivery_class_name(CLASS_U), "U");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(an_operation_is_found_by_its_whole_name_only),
		sentence(every_path_of_the_catalogue_matches_its_own_operation),
		sentence(a_parameter_takes_one_segment_that_is_not_empty),
		sentence(a_path_is_read_as_a_lenient_server_reads_it),
		sentence(a_missing_last_slash_and_a_query_do_not_matter),
		sentence(a_literal_segment_wins_over_a_parameter),
		sentence(an_object_type_may_hold_one_slash),
		sentence(patch_matches_as_put_and_other_methods_only_as_themselves),
		sentence(every_custom_field_is_the_same_field_of_an_operation),
		sentence(methods_and_classes_have_the_names_people_know),
	};

	return run_sentences(tests);
}
