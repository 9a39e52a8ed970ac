#include "connector/sandbox/lead_list.h"

#include "connector/sandbox/list.h"
#include "connector/sandbox/old_query.h"
#include "lib/json.h"

#include <stdlib.h>

/* "x-tz-offset: -4", or "5.5"; what is no number is no offset. */
static int64_t offset_of(const struct box_call *call)
{
	char *text = box_call_header(call, "x-tz-offset");
	const double hours = text ? strtod(text, NULL) : 0;

	free(text);
	return hours >= -24 && hours <= 24 ? (int64_t)(hours * 3600000) : 0;
}

void box_lead_list_answer(struct box_org *org, const struct box_call *call,
                          struct box_answer *answer)
{
	const struct box_old_clock clock = {call->wall_ms, offset_of(call)};
	const struct box_kind *kind = &box_kinds[BOX_LEAD];
	struct box_list_page page;
	struct box_old_query query;
	struct box_list found = {0};
	struct err err;

	if (!box_list_read_page(org, kind, call->params, &page, answer))
		return;
	if (box_old_query_read(org, &clock, json_get_string(call->params, "query"), &query, &err) <
	    0) {
		box_answer_error(answer, 400, "%s", err.text);
		return;
	}
	box_search_list(org->search, org, kind, query.search, call->now_ms, &found);
	if (found.n > query.slice)
		found.n = query.slice;
	page.has_total = true;
	box_list_send_page(org, &found, &page, answer);
	free(found.items);
	json_object_put(query.search);
}
