#include "connector/close/reconcile_private.h"

#include "connector/model/lookup.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { page_limit = 200 };

const char crm_search_path[] = "/data/search/";

/* Kinds whose objects can be found by a custom field. */
static const char *const searched[] = {"lead", "contact", "opportunity", "activity.custom",
                                       "custom_object"};

bool crm_search_knows(const char *object)
{
	for (size_t i = 0; i < sizeof(searched) / sizeof(searched[0]); i++)
		if (strcmp(searched[i], object) == 0)
			return true;
	return false;
}

static void add_string(struct buf *out, const char *text)
{
	json_print_string(text, strlen(text), out);
}

/* A custom field is named by its id alone in a query, and by its key in answers. */
static const char *field_id(const char *field)
{
	static const char prefix[] = "custom.";

	assert(strncmp(field, prefix, sizeof(prefix) - 1) == 0);
	return field + sizeof(prefix) - 1;
}

static void add_condition(struct buf *out, const char *field, const char *value)
{
	buf_adds(out, "{\"type\":\"field_condition\",\"field\":{\"type\":\"custom_field\","
	              "\"custom_field_id\":");
	add_string(out, field_id(field));
	buf_adds(out, "},\"condition\":{\"type\":\"text\",\"mode\":\"exact_value\",\"value\":");
	add_string(out, value);
	buf_adds(out, "}}");
}

static void add_object_type(struct buf *out, const char *type)
{
	buf_adds(out, "{\"type\":\"object_type\",\"object_type\":");
	add_string(out, type);
	buf_addc(out, '}');
}

/* Everything behind the query; @field may be NULL. */
static void add_rest(struct buf *out, const char *type, const char *field, const char *direction,
                     int limit)
{
	buf_adds(out, ",\"_fields\":{");
	add_string(out, type);
	buf_adds(out, ":[\"id\",\"date_created\"");
	if (field) {
		buf_addc(out, ',');
		add_string(out, field);
	}
	buf_addf(out,
	         "]},\"sort\":[{\"direction\":\"%s\",\"field\":{\"type\":\"regular_field\","
	         "\"object_type\":",
	         direction);
	add_string(out, type);
	buf_addf(out, ",\"field_name\":\"date_created\"}}],\"_limit\":%d", limit);
}

char *crm_search_body(const char *object, const char *field, const char *const *values,
                      size_t n_values, const char *cursor)
{
	const char *type = crm_type_of(object);
	struct buf out = BUF_INIT;

	assert(crm_search_knows(object) && n_values > 0 && n_values <= crm_search_values);
	buf_adds(&out, "{\"query\":{\"type\":\"and\",\"queries\":[");
	add_object_type(&out, type);
	buf_adds(&out, ",{\"type\":\"or\",\"queries\":[");
	for (size_t i = 0; i < n_values; i++) {
		if (i > 0)
			buf_addc(&out, ',');
		add_condition(&out, field, values[i]);
	}
	buf_adds(&out, "]}]}");
	add_rest(&out, type, field, "asc", page_limit);
	if (cursor) {
		buf_adds(&out, ",\"cursor\":");
		add_string(&out, cursor);
	}
	buf_addc(&out, '}');
	return buf_take(&out);
}

static size_t trim(const char **text)
{
	size_t len;

	*text += strspn(*text, " \t\r\n");
	len = strlen(*text);
	while (len > 0 && strchr(" \t\r\n", (*text)[len - 1]))
		len--;
	return len;
}

bool crm_same_text(const char *a, const char *b)
{
	const size_t a_len = trim(&a), b_len = trim(&b);

	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool same_number(struct json_object *value, const char *wanted)
{
	cleanup_(freep) char *a = lookup_fold(LIKE_NUMBER, json_object_get_string(value));
	cleanup_(freep) char *b = lookup_fold(LIKE_NUMBER, wanted);

	return strcmp(a, b) == 0;
}

static bool holds_one(struct json_object *value, const char *wanted)
{
	if (json_object_is_type(value, json_type_string))
		return crm_same_text(json_object_get_string(value), wanted);
	return (json_object_is_type(value, json_type_int) ||
	        json_object_is_type(value, json_type_double)) &&
	       same_number(value, wanted);
}

static bool holds(struct json_object *value, const char *wanted)
{
	if (!json_object_is_type(value, json_type_array))
		return holds_one(value, wanted);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (holds_one(json_object_array_get_idx(value, i), wanted))
			return true;
	return false;
}

/* What was seen of an object, as a match that owns nothing. */
struct sight {
	size_t value;
	const char *id, *created;
	bool is_unclear;
};

/* Of identities the oldest few are enough; equal contents must all be counted. */
static void add_match(struct crm_matches *matches, const struct sight *sight, size_t max)
{
	size_t same = 0;

	for (size_t i = 0; i < matches->n; i++) {
		struct crm_match *other = &matches->items[i];

		if (other->value != sight->value)
			continue;
		if (strcmp(other->id, sight->id) == 0) {
			/* Pages of a changing list can overlap; the clearer of two sources counts.
			 */
			other->is_unclear &= sight->is_unclear;
			return;
		}
		same++;
	}
	if (same >= max)
		return;
	matches->items = mem_resize(matches->items, matches->n + 1, sizeof(matches->items[0]));
	matches->items[matches->n++] = (struct crm_match){
		.value = sight->value,
		.id = mem_strdup(sight->id),
		.date_created = mem_strdup(sight->created ? sight->created : ""),
		.is_unclear = sight->is_unclear,
	};
}

static void add_alike(struct crm_matches *matches, const struct crm_print *print,
                      struct json_object *shown, struct sight *sight)
{
	const enum crm_likeness likeness = crm_likeness(print, shown);
	int64_t own_ms;
	const char *made = json_get_string(
		shown, crm_print_own_time(print, &own_ms) ? "date_updated" : "date_created");

	if (likeness == CRM_DIFFERENT)
		return;
	sight->is_unclear = likeness == CRM_UNCLEAR;
	if (made)
		sight->created = made;
	add_match(matches, sight, SIZE_MAX);
}

void crm_matches_add(struct crm_matches *matches, const struct crm_sought *sought,
                     struct json_object *shown, const char *id, const char *created)
{
	struct json_object *value = sought->field ? json_get(shown, sought->field) : NULL;

	for (size_t v = 0; v < sought->n; v++) {
		struct sight sight = {.value = v, .id = id, .created = created};

		if (!sought->field)
			add_alike(matches, &sought->prints[v], shown, &sight);
		else if (holds(value, sought->values[v]))
			add_match(matches, &sight, crm_search_matches);
	}
}

struct json_object *crm_read_data(struct json_object *answer, const char *of, struct err *err)
{
	struct json_object *data = json_get(answer, "data");

	if (json_object_is_type(data, json_type_array))
		return data;
	(void)err_set(err, -EBADMSG, "the answer of %s has no list \"data\"", of);
	return NULL;
}

int crm_read_objects(struct json_object *data, const char *of, const struct crm_sought *sought,
                     struct crm_matches *matches, struct err *err)
{
	for (size_t i = 0; i < json_object_array_length(data); i++)
		if (!json_get_string(json_object_array_get_idx(data, i), "id"))
			return err_set(err, -EBADMSG,
			               "the answer of %s has an object without an id", of);

	for (size_t i = 0; i < json_object_array_length(data); i++) {
		struct json_object *object = json_object_array_get_idx(data, i);

		crm_matches_add(matches, sought, object, json_get_string(object, "id"),
		                json_get_string(object, "date_created"));
	}
	return 0;
}

int crm_search_read(struct json_object *answer, const struct crm_sought *sought,
                    struct crm_matches *matches, struct err *err)
{
	struct json_object *data = crm_read_data(answer, crm_search_path, err);
	int r;

	if (!data)
		return -EBADMSG;
	r = crm_read_objects(data, crm_search_path, sought, matches, err);
	if (r < 0)
		return r;
	free(matches->cursor);
	matches->cursor = mem_strdup(json_get_string(answer, "cursor"));
	return 0;
}

void crm_matches_deinit(struct crm_matches *matches)
{
	for (size_t i = 0; i < matches->n; i++) {
		free(matches->items[i].id);
		free(matches->items[i].date_created);
	}
	free(matches->items);
	free(matches->cursor);
	*matches = (struct crm_matches){0};
}

char *crm_canary_body(const char *object)
{
	const char *type = crm_type_of(object);
	struct buf out = BUF_INIT;

	assert(crm_search_knows(object));
	buf_adds(&out, "{\"query\":");
	add_object_type(&out, type);
	add_rest(&out, type, NULL, "desc", 1);
	buf_addc(&out, '}');
	return buf_take(&out);
}

int crm_canary_read(struct json_object *answer, int64_t *ret_created_ms, struct err *err)
{
	struct json_object *data = crm_read_data(answer, crm_search_path, err);
	const char *created;

	if (!data)
		return -EBADMSG;
	if (json_object_array_length(data) == 0)
		return 0;
	created = json_get_string(json_object_array_get_idx(data, 0), "date_created");
	if (!created || !crm_time_parse(created, ret_created_ms))
		return err_set(err, -EBADMSG,
		               "the answer of /data/search/ has an object without a readable "
		               "date_created");
	return 1;
}

char *crm_touch_path(const char *lead_id)
{
	return mem_printf("/lead/%s/", lead_id);
}

char *crm_touch_body(int64_t wall_ms)
{
	char at[32];

	return mem_printf("{\"description\":\"closefeed looked whether changes show: %s\"}",
	                  clock_rfc3339(wall_ms, at));
}

char *crm_touched_body(const char *lead_id)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, "{\"query\":{\"type\":\"and\",\"queries\":[");
	add_object_type(&out, "lead");
	buf_adds(&out, ",{\"type\":\"id\",\"value\":");
	add_string(&out, lead_id);
	buf_adds(&out, "}]},\"_fields\":{\"lead\":[\"id\",\"date_updated\"]},\"_limit\":1}");
	return buf_take(&out);
}

int crm_touched_read(struct json_object *answer, int64_t *ret_updated_ms, struct err *err)
{
	struct json_object *lead = answer;
	const char *updated;

	if (json_get(answer, "data")) {
		struct json_object *data = crm_read_data(answer, crm_search_path, err);

		if (!data)
			return -EBADMSG;
		if (json_object_array_length(data) == 0)
			return 0;
		lead = json_object_array_get_idx(data, 0);
	}
	updated = json_get_string(lead, "date_updated");
	if (!updated || !crm_time_parse(updated, ret_updated_ms))
		return err_set(err, -EBADMSG,
		               "the lead of delivery.canary has no readable date_updated");
	return 1;
}

/* "+01:00", "-0530", "Z" or nothing; the offset in seconds. */
static bool read_offset(const char *text, int *ret_seconds)
{
	const int sign = *text == '-' ? -1 : 1;
	int digits[4], n = 0;

	*ret_seconds = 0;
	if (*text == '\0' || strcmp(text, "Z") == 0)
		return true;
	if (*text != '+' && *text != '-')
		return false;
	for (text++; *text && n < 4; text++) {
		if (*text == ':' && n == 2)
			continue;
		if (*text < '0' || *text > '9')
			return false;
		digits[n++] = *text - '0';
	}
	if (*text || n != 4)
		return false;
	*ret_seconds = sign * ((digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]) * 60;
	return true;
}

bool crm_time_parse(const char *text, int64_t *ret_wall_ms)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int ms = 0, unit = 100, offset;

	if (!rest)
		return false;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ms += unit * (*rest - '0');
	if (!read_offset(rest, &offset))
		return false;
	*ret_wall_ms = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
	return true;
}
