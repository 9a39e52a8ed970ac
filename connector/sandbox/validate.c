#include "connector/sandbox/validate.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
	const struct box_field *field;
	struct json_object *value; /* never null */
	const struct box_check *check;
	struct json_object *clean, *error;
};

enum { longest_email = 254, shortest_phone = 4, longest_phone = 15 };

static bool fail(struct job *job, const char *text)
{
	job->error = json_object_new_string(text);
	return false;
}

static bool keep(struct job *job)
{
	job->clean = json_object_get(job->value);
	return true;
}

static bool keep_text(struct job *job, const char *text)
{
	job->clean = json_object_new_string(text);
	return true;
}

static bool keep_buf(struct job *job, struct buf *text)
{
	job->clean = json_object_new_string_len(buf_text(text), (int)text->len);
	buf_deinit(text);
	return true;
}

static bool fail_printed(struct job *job, char *text)
{
	(void)fail(job, text);
	free(text);
	return false;
}

static bool is_text(struct job *job)
{
	if (json_object_is_type(job->value, json_type_string))
		return true;
	return fail(job, "Value must be of str type.");
}

static size_t n_characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool check_text(struct job *job)
{
	if (!is_text(job))
		return false;
	if (job->field->max &&
	    n_characters(json_object_get_string(job->value)) > (size_t)job->field->max)
		return fail_printed(job,
		                    mem_printf("The value must be no longer than %lld characters.",
		                               (long long)job->field->max));
	return keep(job);
}

static bool check_integer(struct job *job)
{
	int64_t n;

	if (!json_object_is_type(job->value, json_type_int))
		return fail(job, "Value must be of int type.");
	n = json_object_get_int64(job->value);
	if (job->field->max && n > job->field->max)
		return fail_printed(job, mem_printf("The value must not be larger than %lld.",
		                                    (long long)job->field->max));
	if (job->field->max && n < job->field->min)
		return fail_printed(job, mem_printf("The value must be at least %lld.",
		                                    (long long)job->field->min));
	return keep(job);
}

static bool check_boolean(struct job *job)
{
	if (!json_object_is_type(job->value, json_type_boolean))
		return fail(job, "Value must be of bool type.");
	return keep(job);
}

static bool check_moment(struct job *job)
{
	char text[moment_bytes];
	int64_t us;

	if (!is_text(job))
		return false;
	if (!moment_parse(json_object_get_string(job->value), &us, NULL))
		return fail(job, "Invalid ISO 8601 datetime.");
	return keep_text(job, moment_text(us, text));
}

static bool check_day(struct job *job)
{
	char text[moment_bytes];
	bool is_date;
	int64_t us;

	if (!is_text(job))
		return false;
	if (!moment_parse(json_object_get_string(job->value), &us, &is_date))
		return fail(job, "Invalid ISO 8601 datetime.");
	return is_date ? keep(job) : keep_text(job, moment_text(us, text));
}

static bool is_email(const char *text, size_t len)
{
	const char *at = memchr(text, '@', len), *end = text + len, *dot = NULL;

	if (!at || at == text || len > longest_email)
		return false;
	for (const char *c = text; c < end; c++) {
		if (isspace((unsigned char)*c) || (*c == '@' && c != at) || strchr("<>,;\"", *c))
			return false;
		if (*c == '.' && c > at)
			dot = c;
	}
	return dot && dot > at + 1 && end - dot > 2 && !strstr(at, "..");
}

static bool check_email(struct job *job)
{
	struct buf trimmed = BUF_INIT;
	const char *text;
	size_t len;

	if (!is_text(job))
		return false;
	text = json_object_get_string(job->value);
	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	buf_add(&trimmed, text, len);
	for (size_t i = 0; job->check->lowers_email && i < len; i++)
		trimmed.data[i] = (char)tolower((unsigned char)trimmed.data[i]);
	if (is_email(buf_text(&trimmed), len))
		return keep_buf(job, &trimmed);
	buf_deinit(&trimmed);
	return fail(job, "Invalid email address.");
}

/* A number without "+" is taken for an American one, as in an account there. */
static bool check_phone(struct job *job)
{
	struct buf number = BUF_INIT;
	const char *text;
	bool is_good = true;

	if (!is_text(job))
		return false;
	text = json_object_get_string(job->value);
	text += strspn(text, " ");
	buf_adds(&number, *text == '+' ? "+" : "+1");
	for (text += *text == '+'; *text && is_good; text++) {
		if (isdigit((unsigned char)*text))
			buf_addc(&number, *text);
		else
			is_good = strchr(" -().", *text) != NULL;
	}
	if (is_good && number.len > shortest_phone && number.len <= longest_phone + 1)
		return keep_buf(job, &number);
	buf_deinit(&number);
	return fail(job, "Phone number is not valid. Please use the international format like "
	                 "+16505551234");
}

static bool check_url(struct job *job)
{
	struct buf url = BUF_INIT;
	const char *text, *host;
	size_t len;

	if (!is_text(job))
		return false;
	text = json_object_get_string(job->value);
	if (!strstr(text, "://"))
		buf_adds(&url, "http://");
	buf_adds(&url, text);
	host = strstr(buf_text(&url), "://") + 3;
	len = strcspn(host, "/?#:");
	if (!strpbrk(text, " \t\r\n<>\"") && len && memchr(host, '.', len) && host[0] != '.' &&
	    host[len - 1] != '.')
		return keep_buf(job, &url);
	buf_deinit(&url);
	return fail(job, "Invalid URL.");
}

static bool check_choice(struct job *job)
{
	if (!is_text(job))
		return false;
	for (const char *const *c = job->field->choices; *c; c++)
		if (strcmp(*c, json_object_get_string(job->value)) == 0)
			return keep(job);
	return fail(job, "Not a valid choice.");
}

static bool check_reference(struct job *job)
{
	if (!is_text(job))
		return false;
	if (!job->check->exists(job->check->arg, job->field->ref,
	                        json_object_get_string(job->value)))
		return fail(job, "Object does not exist.");
	return keep(job);
}

static bool check_map(struct job *job)
{
	if (json_object_is_type(job->value, json_type_object))
		return keep(job);
	return fail(job, "Value must be of dict type.");
}

static bool is_list(struct job *job)
{
	if (!json_object_is_type(job->value, json_type_array))
		return fail(job, "Value must be of list type.");
	if (job->field->max && json_object_array_length(job->value) > (size_t)job->field->max)
		return fail(job, "List is too long.");
	return true;
}

static void complain(struct json_object **by_index, size_t i, struct json_object *complaint)
{
	char index[24];

	if (!*by_index)
		*by_index = json_object_new_object();
	(void)snprintf(index, sizeof(index), "%zu", i);
	json_object_object_add(*by_index, index, complaint);
}

static bool list_result(struct job *job, struct json_object *clean, struct json_object *by_index)
{
	if (!by_index) {
		job->clean = clean;
		return true;
	}
	json_object_put(clean);
	job->error = json_object_new_object();
	json_object_object_add(job->error, "errors", by_index);
	return false;
}

/* Each item as if it were the value of a field of @type. */
static bool check_each(struct job *job, enum box_type type)
{
	struct json_object *by_index = NULL;
	struct box_field one = *job->field;

	if (!is_list(job))
		return false;
	one.type = type;
	one.flags = BOX_REQUIRED;
	one.max = 0;
	for (size_t i = 0; i < json_object_array_length(job->value); i++) {
		struct json_object *clean = NULL, *error = NULL;

		if (!box_validate(&one, json_object_array_get_idx(job->value, i), job->check,
		                  &clean, &error))
			complain(&by_index, i, error);
		json_object_put(clean);
	}
	return list_result(job, json_object_get(job->value), by_index);
}

static bool check_texts(struct job *job)
{
	return check_each(job, job->field->choices ? BOX_CHOICE : BOX_TEXT);
}

static bool check_references(struct job *job)
{
	return check_each(job, BOX_REFERENCE);
}

/* One object of a list: its complaint, or NULL and the clean object. */
static struct json_object *check_item(const struct job *job, struct json_object *item,
                                      struct json_object **ret_clean)
{
	struct json_object *bad = NULL, *clean, *error, *value;

	if (!json_object_is_type(item, json_type_object))
		return json_object_new_string("Value must be of dict type.");
	*ret_clean = json_object_new_object();
	for (const struct box_field *f = job->field->items; f->name; f++) {
		bool has = true;

		clean = error = NULL;
		if (json_object_object_get_ex(item, f->name, &value))
			has = box_validate(f, value, job->check, &clean, &error);
		else if (f->flags & BOX_REQUIRED)
			error = json_object_new_string("This field is required.");
		else
			clean = box_default(f, &has);
		if (error) {
			bad = bad ? bad : json_object_new_object();
			json_object_object_add(bad, f->name, error);
		} else if (has) {
			json_object_object_add(*ret_clean, f->name, clean);
		}
	}
	return bad ? box_complaint(NULL, bad) : NULL;
}

static bool check_list(struct job *job)
{
	struct json_object *by_index = NULL, *all;

	if (!is_list(job))
		return false;
	all = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(job->value); i++) {
		struct json_object *clean = NULL, *bad;

		bad = check_item(job, json_object_array_get_idx(job->value, i), &clean);
		json_object_array_add(all, clean);
		if (bad)
			complain(&by_index, i, bad);
	}
	return list_result(job, all, by_index);
}

static bool (*const checks[])(struct job *job) = {
	[BOX_TEXT] = check_text,
	[BOX_INTEGER] = check_integer,
	[BOX_BOOLEAN] = check_boolean,
	[BOX_MOMENT] = check_moment,
	[BOX_DAY] = check_day,
	[BOX_EMAIL_TEXT] = check_email,
	[BOX_PHONE] = check_phone,
	[BOX_URL] = check_url,
	[BOX_CHOICE] = check_choice,
	[BOX_REFERENCE] = check_reference,
	[BOX_TEXTS] = check_texts,
	[BOX_LIST] = check_list,
	[BOX_ANYTHING] = keep,
	[BOX_MAP] = check_map,
	[BOX_REFERENCES] = check_references,
};

/* What null leaves behind in a field. */
static struct json_object *emptied(const struct box_field *field)
{
	if (field->type == BOX_LIST || field->type == BOX_TEXTS || field->type == BOX_REFERENCES)
		return json_object_new_array();
	return field->flags & BOX_EMPTY ? json_object_new_string("") : NULL;
}

bool box_validate(const struct box_field *field, struct json_object *value,
                  const struct box_check *check, struct json_object **ret_clean,
                  struct json_object **ret_error)
{
	struct job job = {.field = field, .value = value, .check = check};

	if (!value && (field->flags & BOX_REQUIRED)) {
		*ret_error = json_object_new_string("This field is required.");
		return false;
	}
	if (!value) {
		*ret_clean = emptied(field);
		return true;
	}
	if (checks[field->type](&job)) {
		*ret_clean = job.clean;
		return true;
	}
	*ret_error = job.error;
	return false;
}

struct json_object *box_complaint(struct json_object *errors, struct json_object *field_errors)
{
	struct json_object *complaint = json_object_new_object();

	json_object_object_add(complaint, "errors", errors ? errors : json_object_new_array());
	json_object_object_add(complaint, "field-errors",
	                       field_errors ? field_errors : json_object_new_object());
	return complaint;
}

char *box_blamed_name(const struct box_field *field)
{
	const size_t len = strlen(field->name);

	if (field->type == BOX_REFERENCE && len > 3 && strcmp(field->name + len - 3, "_id") == 0)
		return mem_dup(field->name, len - 3);
	return mem_strdup(field->name);
}

struct json_object *box_default(const struct box_field *field, bool *ret_has)
{
	struct json_object *value = NULL;
	int r;

	*ret_has = field->otherwise != NULL;
	if (!field->otherwise)
		return NULL;
	r = json_parse(field->otherwise, strlen(field->otherwise), 0, &value, NULL, NULL);
	assert(r == 0);
	return value;
}
