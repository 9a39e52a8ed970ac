#include "connector/close/reconcile_private.h"

#include "connector/close/group.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/moment.h"
#include "lib/percent.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* A page as large as every list allows; the choice of fields is left to Close, custom ones come. */
enum { page_limit = 100 };

static void add_parameter(struct buf *path, const char *name, const char *value)
{
	buf_addf(path, "%c%s=", strchr(buf_text(path), '?') ? '&' : '?', name);
	percent_encode(path, value, strlen(value), "");
}

char *crm_list_path(const char *object, const char *of, int64_t from_ms, size_t skip)
{
	struct crm_place place;
	struct buf path = BUF_INIT;
	char from[moment_bytes];

	if (!crm_place_of(object, &place))
		return NULL;
	buf_adds(&path, place.path);
	if (place.by)
		add_parameter(&path, place.by, of);
	buf_adds(&path, place.more);
	if (place.has_dates && from_ms > 0) {
		(void)moment_seconds_text(from_ms * 1000, from);
		add_parameter(&path, "date_created__gte", from);
	}
	if (place.has_pages)
		buf_addf(&path, "%c_limit=%d&_skip=%zu", place.by ? '&' : '?', page_limit, skip);
	return buf_take(&path);
}

const char *crm_list_group(const char *object, char name[crm_group_name_size])
{
	struct crm_place place;
	const bool has_list = crm_place_of(object, &place);

	assert(has_list);
	return crm_group_name("GET", place.path, name);
}

char *crm_external_path(const char *object, const char *id)
{
	struct crm_place place;
	struct buf path = BUF_INIT;

	if (!crm_place_of(object, &place))
		return NULL;
	buf_adds(&path, place.path);
	add_parameter(&path, crm_external_key, id);
	return buf_take(&path);
}

/* When it was made or, where Close says so, changed last: the list shows what came before that. */
static int64_t newest_of(struct json_object *data)
{
	int64_t newest = 0, at;

	for (size_t i = 0; i < json_object_array_length(data); i++) {
		struct json_object *object = json_object_array_get_idx(data, i);
		const char *updated = json_get_string(object, "date_updated");
		const char *when = updated ? updated : json_get_string(object, "date_created");

		if (when && crm_time_parse(when, &at) && at > newest)
			newest = at;
	}
	return newest;
}

int crm_list_read(struct json_object *answer, const struct crm_sought *sought,
                  struct crm_matches *matches, struct crm_list_page *ret_page, struct err *err)
{
	static const char of[] = "the lead's list";
	struct json_object *data = crm_read_data(answer, of, err);
	int r;

	if (!data)
		return -EBADMSG;
	r = crm_read_objects(data, of, sought, matches, err);
	if (r < 0)
		return r;
	*ret_page = (struct crm_list_page){
		.n = json_object_array_length(data),
		.has_more = json_object_get_boolean(json_get(answer, "has_more")),
		.newest_ms = newest_of(data),
	};
	return 0;
}
