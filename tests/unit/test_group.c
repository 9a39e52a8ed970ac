#include "connector/close/group.h"
#include "tests/unit/check.h"

#include <string.h>

static void every_call_belongs_to_one_group(void **state)
{
	static const struct {
		const char *method, *path, *group;
	} cases[] = {
		{"POST", "/data/search/", "search"},
		{"POST", "/data/search", "search"},
		{"POST", "/data/searches/", "write"},
		{"DELETE", "/lead/lead_A1/", "delete-lead"},
		{"DELETE", "/leads/x/", "delete-other"},
		{"DELETE", "/contact/cont_A1/", "delete-other"},
		{"DELETE", "/status/lead/stat_1/", "delete-other"},
		{"POST", "/lead/", "write"},
		{"POST", "/lead", "write"},
		{"PUT", "/lead/lead_A1/", "write"},
		{"POST", "/lead/merge/", "write"},
		{"PUT", "/task/?id__in=task_A", "write"},
		{"GET", "/me/", "read:me"},
		{"GET", "/me", "read:me"},
		{"GET", "/lead/?query=name%3Ax", "read:lead"},
		{"GET", "/lead?_limit=1", "read:lead"},
		{"GET", "/event/", "read:event"},
		{"GET", "/activity/note/?lead_id=lead_1", "read:activity"},
		{"GET", "", "read:"},
		{"POST", "/", "write"},
	};
	char name[crm_group_name_size];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_text(crm_group_name(cases[i].method, cases[i].path, name), cases[i].group);
}

static void a_long_segment_is_cut(void **state)
{
	char path[300] = "/", name[crm_group_name_size];

	(void)state;
	memset(path + 1, 'x', sizeof(path) - 2);
	check_eq(strlen(crm_group_name("GET", path, name)), crm_group_name_size - 1);
}

static void a_group_begins_with_known_figures(void **state)
{
	static const struct {
		const char *name;
		uint32_t limit;
	} cases[] = {
		{"search", 16},     {"delete-lead", 80}, {"delete-other", 160}, {"write", 160},
		{"read:lead", 160}, {"read:", 160},      {"something", 160},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct crm_group *group = crm_group_find(cases[i].name);

		check_eq(group->limit, cases[i].limit);
		check_eq(group->window_ms, 8000);
	}
	check_text(crm_group_find("read:lead")->name, "read");
	check_text(crm_group_find("something")->name, "write");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_call_belongs_to_one_group),
		sentence(a_long_segment_is_cut),
		sentence(a_group_begins_with_known_figures),
	};

	return run_sentences(tests);
}
