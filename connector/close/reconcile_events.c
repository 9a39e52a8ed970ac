#include "connector/close/reconcile_private.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/percent.h"
#include "lib/strlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char crm_event_group[] = "read:event";
const char crm_newest_event_path[] = "/event/?_limit=1";

static const char of[] = "/event/";

char *crm_events_path(const char *object, const char *cursor)
{
	struct buf path = BUF_INIT;

	buf_addf(&path, "/event/?object_type=%s&action=created", crm_type_of(object));
	if (cursor) {
		buf_adds(&path, "&_cursor=");
		percent_encode(&path, cursor, strlen(cursor), "");
	}
	return buf_take(&path);
}

/* When it happened, and where it stands in the log; those may differ where events were joined. */
static bool read_times(struct json_object *event, int64_t *ret_created_ms, int64_t *ret_place_ms)
{
	const char *created = json_get_string(event, "date_created");
	const char *updated = json_get_string(event, "date_updated");

	if (!created || !crm_time_parse(created, ret_created_ms))
		return false;
	if (!updated || !crm_time_parse(updated, ret_place_ms))
		*ret_place_ms = *ret_created_ms;
	return true;
}

/* To those who are no administrators the data of an event are shown for an hour only. */
static bool tells_data(struct json_object *data)
{
	return json_object_is_type(data, json_type_object) && json_object_object_length(data) > 0;
}

static int read_event(struct json_object *event, const struct crm_sought *sought,
                      struct crm_events *events, struct crm_matches *matches, struct err *err)
{
	struct json_object *data = json_get(event, "data");
	const bool has_field = !sought->field || json_get(data, sought->field);
	const char *id = json_get_string(event, "object_id");
	int64_t created_ms, place_ms;

	if (!id || !read_times(event, &created_ms, &place_ms))
		return err_set(err, -EBADMSG,
		               "the answer of %s has an event without object_id or a readable "
		               "date_created",
		               of);
	events->is_complete |= place_ms < events->from_ms;
	events->shows_field |= has_field;
	if (place_ms < events->from_ms)
		return 0;
	if (!tells_data(data)) {
		strlist_add(&events->unclear, mem_strdup(id));
		return 0;
	}
	if (!has_field)
		strlist_add(&events->fieldless, mem_strdup(id));
	crm_matches_add(matches, sought, data, id, json_get_string(event, "date_created"));
	return 0;
}

int crm_events_read(struct json_object *answer, const struct crm_sought *sought,
                    struct crm_events *events, struct crm_matches *matches, struct err *err)
{
	struct json_object *data = crm_read_data(answer, of, err);
	const char *cursor = json_get_string(answer, "cursor_next");
	int r = data ? 0 : -EBADMSG;

	for (size_t i = 0; r == 0 && i < json_object_array_length(data); i++)
		r = read_event(json_object_array_get_idx(data, i), sought, events, matches, err);
	if (r < 0)
		return r;
	events->is_complete |= !cursor;
	free(events->cursor);
	events->cursor = mem_strdup(cursor);
	return 0;
}

void crm_events_deinit(struct crm_events *events)
{
	strlist_free(events->unclear);
	strlist_free(events->fieldless);
	free(events->cursor);
	*events = (struct crm_events){0};
}

int crm_newest_event_read(struct json_object *answer, int64_t *ret_place_ms,
                          const char **ret_object_id, struct err *err)
{
	struct json_object *data = crm_read_data(answer, of, err), *event;
	int64_t created_ms;

	if (!data)
		return -EBADMSG;
	if (json_object_array_length(data) == 0)
		return 0;
	event = json_object_array_get_idx(data, 0);
	if (!read_times(event, &created_ms, ret_place_ms))
		return err_set(err, -EBADMSG,
		               "the answer of %s has an event without a readable date_created", of);
	*ret_object_id = json_get_string(event, "object_id");
	return 1;
}
