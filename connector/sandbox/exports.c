#include "connector/sandbox/after.h"
#include "connector/sandbox/jobs.h"
#include "connector/sandbox/rules.h"
#include "connector/sandbox/selection.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* Exports: created, then in progress, then done, with an address where Close would have the file.
 */

void box_finish_export(struct box_write *write)
{
	box_write_set(write, "status", "created");
	box_write_set(write, "download_url", NULL);
	box_set(write->data, "n_docs", json_object_new_int(0));
	if (write->kind == &box_kinds[BOX_OPPORTUNITY_EXPORT])
		box_write_set(write, "type", "opportunities");
	else
		box_check_selection(write);
}

static size_t count(struct box_org *org, const struct box_actor *actor,
                    const struct box_object *export)
{
	struct box_list leads = {0};
	struct err err;
	size_t n;

	if (export->kind == &box_kinds[BOX_OPPORTUNITY_EXPORT])
		return box_store_count(org->store, &box_kinds[BOX_OPPORTUNITY]);
	(void)box_select_leads(org, actor, export->data, &leads, &err);
	n = leads.n;
	free(leads.items);
	return n;
}

static void finish(struct box_org *org, const struct box_actor *actor, struct box_object *export)
{
	struct json_object *data = box_shallow(export->data);
	char *url = mem_printf("https://exports.sandbox.example/%s.%s.gz", export->id,
	                       json_get_string(data, "format"));

	box_set(data, "status", json_object_new_string("done"));
	box_set(data, "download_url", json_object_new_string(url));
	box_set(data, "n_docs", json_object_new_int64((int64_t)count(org, actor, export)));
	box_change(org, actor, export, data);
	free(url);
}

static void begin(struct box_org *org, const struct box_actor *actor, struct box_object *export)
{
	struct json_object *data = box_shallow(export->data);

	box_set(data, "status", json_object_new_string("in_progress"));
	box_change(org, actor, export, data);
	box_jobs_add(org, actor, export, 1, 0, finish);
}

void box_after_export(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                      struct json_object *before)
{
	if (!before)
		box_jobs_add(org, actor, object, 1, 0, begin);
}
