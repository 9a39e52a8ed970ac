#include "connector/close/reconcile_private.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/percent.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* A page as large as every list allows; the choice of fields is left to Close, custom ones come. */
enum { page_limit = 100 };

char *crm_list_path(const char *object, const char *lead_id, size_t skip)
{
	const struct crm_kind *kind = crm_kind_find(object);
	struct buf path = BUF_INIT;

	if (!kind || !kind->list)
		return NULL;
	buf_addf(&path, "%s?lead_id=", kind->list);
	percent_encode(&path, lead_id, strlen(lead_id), "");
	buf_addf(&path, "&_limit=%d&_skip=%zu", page_limit, skip);
	return buf_take(&path);
}

const char *crm_list_group(const char *object)
{
	const struct crm_kind *kind = crm_kind_find(object);

	assert(kind && kind->list);
	return kind->list_group;
}

static int64_t newest_of(struct json_object *data)
{
	int64_t newest = 0, at;

	for (size_t i = 0; i < json_object_array_length(data); i++) {
		const char *created =
			json_get_string(json_object_array_get_idx(data, i), "date_created");

		if (created && crm_time_parse(created, &at) && at > newest)
			newest = at;
	}
	return newest;
}

int crm_list_read(struct json_object *answer, const char *field, const char *const *values,
                  size_t n_values, struct crm_matches *matches, struct crm_list_page *ret_page,
                  struct err *err)
{
	static const char of[] = "the lead's list";
	struct json_object *data = crm_read_data(answer, of, err);
	int r;

	if (!data)
		return -EBADMSG;
	r = crm_read_objects(data, of, field, values, n_values, matches, err);
	if (r < 0)
		return r;
	*ret_page = (struct crm_list_page){
		.n = json_object_array_length(data),
		.has_more = json_object_get_boolean(json_get(answer, "has_more")),
		.newest_ms = newest_of(data),
	};
	return 0;
}
