#include "connector/close/lookup_private.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"
#include "lib/strlist.h"

#include <stdlib.h>
#include <string.h>

/* How search is asked for the values of one field: a condition for each, in all its spellings. */

static const char custom_prefix[] = "custom.";

bool crm_is_custom(const char *field)
{
	return strncmp(field, custom_prefix, sizeof(custom_prefix) - 1) == 0;
}

/* Spellings: what is the same by our rule may be written differently there. */

void crm_add_once(char ***list, char *takes_text)
{
	for (char **known = *list; known && *known; known++)
		if (strcmp(*known, takes_text) == 0) {
			free(takes_text);
			return;
		}
	strlist_add(list, takes_text);
}

/* Close adds a scheme where there is none; "www." and the last slash stay as they were written. */
static void add_url_spellings(const struct lookup_field *field, char ***list)
{
	static const char *const schemes[] = {"https://", "http://"};
	static const char *const hosts[] = {"", "www."};
	static const char *const ends[] = {"", "/"};

	for (size_t s = 0; s < 2; s++)
		for (size_t h = 0; h < 2; h++)
			for (size_t e = 0; e < 2; e++)
				crm_add_once(list, mem_printf("%s%s%s%s", schemes[s], hosts[h],
				                              field->folded, ends[e]));
	crm_add_once(list, mem_strdup(field->folded));
}

static char **spellings(const struct lookup_field *field)
{
	char **list = NULL;

	crm_add_once(&list, mem_strdup(field->value));
	if (field->shown)
		crm_add_once(&list, mem_strdup(field->shown));
	switch (field->like) {
	case LIKE_EMAIL:
	case LIKE_PHONE:
		crm_add_once(&list, mem_strdup(field->folded));
		break;
	case LIKE_URL:
		add_url_spellings(field, &list);
		break;
	case LIKE_TEXT:
	case LIKE_NUMBER:
	case LIKE_CHOICE:
	case LIKE_DAY:
	case LIKE_MOMENT:
	case LIKE_ID:
		break;
	}
	return list;
}

void crm_add_string(struct buf *out, const char *text)
{
	json_print_string(text, strlen(text), out);
}

static void add_comma(struct buf *out, bool *is_first)
{
	if (!*is_first)
		buf_addc(out, ',');
	*is_first = false;
}

/* @type: what has the field: the object itself, or "contact_email" and the like. */
static void begin_condition(struct buf *out, const char *type, const char *field)
{
	if (crm_is_custom(field)) {
		buf_adds(out, "{\"type\":\"field_condition\",\"field\":{\"type\":\"custom_field\","
		              "\"custom_field_id\":");
		crm_add_string(out, field + sizeof(custom_prefix) - 1);
	} else {
		buf_adds(out, "{\"type\":\"field_condition\",\"field\":{\"type\":\"regular_field\","
		              "\"object_type\":");
		crm_add_string(out, type);
		buf_adds(out, ",\"field_name\":");
		crm_add_string(out, field);
	}
	buf_adds(out, "},\"condition\":");
}

/* The number is exact: both bounds are its digits. What is none is nobody's value. */
static void add_number(struct buf *out, const char *folded)
{
	if (strspn(folded, "-0123456789.") == strlen(folded) && *folded)
		buf_addf(out, "{\"type\":\"number_range\",\"gte\":%s,\"lte\":%s}", folded, folded);
	else
		buf_adds(out, "{\"type\":\"number_range\",\"gt\":0,\"lt\":0}");
}

static void add_bound(struct buf *out, bool is_day, const char *value, const char *which)
{
	buf_adds(out, is_day ? "{\"type\":\"fixed_local_date\",\"value\":"
	                     : "{\"type\":\"fixed_utc\",\"value\":");
	crm_add_string(out, value);
	if (is_day)
		buf_addf(out, ",\"which\":\"%s\"", which);
	buf_addc(out, '}');
}

/* The whole day, or the second; what is no date is nobody's value. */
static void add_time(struct buf *out, const struct lookup_field *field)
{
	const bool is_day = field->like == LIKE_DAY;
	const char *from = field->folded, *to = from;
	char behind[moment_bytes];
	int64_t us;

	if (!moment_parse(from, &us, NULL))
		from = to = is_day ? "1970-01-01" : "1970-01-01T00:00:00Z";
	else if (!is_day)
		to = moment_text(us + 1000000, behind);
	buf_adds(out, "{\"type\":\"moment_range\",\"on_or_after\":");
	add_bound(out, is_day, from, "start");
	buf_adds(out, ",\"before\":");
	add_bound(out, is_day, to, from == field->folded ? "end" : "start");
	buf_addc(out, '}');
}

static void add_text(struct buf *out, const char *value)
{
	buf_adds(out, "{\"type\":\"text\",\"mode\":\"exact_value\",\"value\":");
	crm_add_string(out, value);
	buf_addc(out, '}');
}

static void add_texts(struct buf *out, const char *type, const struct lookup_field *field,
                      bool *is_first)
{
	char **list = spellings(field);

	for (char **text = list; text && *text; text++) {
		add_comma(out, is_first);
		begin_condition(out, type, field->name);
		add_text(out, *text);
		buf_addc(out, '}');
	}
	strlist_free(list);
}

/* All choices are one condition. */
static void add_choices(struct buf *out, const char *type, const struct lookup_field *const *fields,
                        size_t n)
{
	bool is_first = true;

	begin_condition(out, type, fields[0]->name);
	buf_adds(out, "{\"type\":\"term\",\"values\":[");
	for (size_t i = 0; i < n; i++) {
		add_comma(out, &is_first);
		crm_add_string(out, fields[i]->value);
		if (fields[i]->shown) {
			add_comma(out, &is_first);
			crm_add_string(out, fields[i]->shown);
		}
	}
	buf_adds(out, "]}}");
}

/* The alternatives for the values of @fields, all of one name, without the "or" around them. */
void crm_add_values(struct buf *out, const char *type, const struct lookup_field *const *fields,
                    size_t n, bool *is_first)
{
	for (size_t i = 0; i < n; i++) {
		switch (fields[i]->like) {
		case LIKE_CHOICE:
			add_comma(out, is_first);
			add_choices(out, type, fields, n);
			return;
		case LIKE_NUMBER:
			add_comma(out, is_first);
			begin_condition(out, type, fields[i]->name);
			add_number(out, fields[i]->folded);
			buf_addc(out, '}');
			break;
		case LIKE_DAY:
		case LIKE_MOMENT:
			add_comma(out, is_first);
			begin_condition(out, type, fields[i]->name);
			add_time(out, fields[i]);
			buf_addc(out, '}');
			break;
		case LIKE_ID:
			add_comma(out, is_first);
			buf_adds(out, "{\"type\":\"id\",\"value\":");
			crm_add_string(out, fields[i]->value);
			buf_addc(out, '}');
			break;
		case LIKE_TEXT:
		case LIKE_EMAIL:
		case LIKE_PHONE:
		case LIKE_URL:
			add_texts(out, type, fields[i], is_first);
			break;
		}
	}
}
