#include "connector/cli/sample.h"

#include "connector/close/lanes.h"
#include "connector/source/ndjson.h"
#include "lib/mem.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/linkhash.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names in small letters without _ - and spaces, as people write them. First come, first served. */
static const struct {
	enum sample_role role;
	const char *names[10];
} roles[] = {
	{ROLE_LEAD_ID, {"leadid", "closeleadid"}},
	{ROLE_CONTACT_ID, {"contactid", "closecontactid"}},
	{ROLE_COMPANY,
         {"company", "companyname", "organization", "organisation", "account", "accountname",
          "business", "leadname", "customer"}},
	{ROLE_FIRST_NAME, {"firstname", "first", "givenname", "forename"}},
	{ROLE_LAST_NAME, {"lastname", "last", "surname", "familyname"}},
	{ROLE_PERSON, {"name", "fullname", "contact", "contactname", "person"}},
	{ROLE_TITLE, {"title", "jobtitle", "position"}},
	{ROLE_EMAIL, {"email", "emailaddress", "mail", "workemail"}},
	{ROLE_PHONE, {"phone", "phonenumber", "mobile", "tel", "telephone", "cell"}},
	{ROLE_URL, {"url", "website", "site", "homepage", "domain", "web"}},
	{ROLE_DESCRIPTION, {"description", "about", "summary"}},
	{ROLE_NOTE, {"note", "notes", "comment", "message", "text", "body"}},
	{ROLE_VALUE, {"value", "amount", "price", "dealvalue", "total", "sum"}},
	{ROLE_DUE, {"due", "duedate", "dueon", "deadline"}},
	{ROLE_DURATION, {"duration", "durationseconds", "seconds", "length"}},
	{ROLE_DIRECTION, {"direction"}},
	{ROLE_KEY, {"id", "key", "externalid", "uuid", "recordid", "sourceid", "ref"}},
};

static void squeeze(const char *name, char *ret_text, size_t size)
{
	size_t n = 0;

	for (; *name && n + 1 < size; name++)
		if (isalnum((unsigned char)*name))
			ret_text[n++] = (char)tolower((unsigned char)*name);
	ret_text[n] = '\0';
}

static enum sample_role role_by_name(const char *name)
{
	const char *last = strrchr(name, '.');
	char text[64];

	squeeze(last ? last + 1 : name, text, sizeof(text));
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		for (size_t k = 0; k < 10 && roles[i].names[k]; k++)
			if (strcmp(roles[i].names[k], text) == 0)
				return roles[i].role;
	return ROLE_NONE;
}

/* "2026-11-21", and behind it nothing, or a time of day. */
static unsigned date_kind(const char *text)
{
	static const char shape[] = "0000-00-00";
	size_t i;

	for (i = 0; shape[i]; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
			return 0;
	if (!text[i])
		return SAMPLE_DATE;
	return (text[i] == 'T' || text[i] == ' ') && isdigit((unsigned char)text[i + 1])
	               ? SAMPLE_TIME
	               : 0;
}

static bool is_email(const char *text)
{
	const char *at = strchr(text, '@');

	return at && at > text && strchr(at, '.') && !strchr(at + 1, '@') && !strchr(text, ' ');
}

static unsigned text_kind(const char *text)
{
	if (!*text)
		return SAMPLE_BLANK;
	if (crm_is_id(text))
		return SAMPLE_ID;
	if (is_email(text))
		return SAMPLE_EMAIL;
	if (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0)
		return SAMPLE_URL;
	return date_kind(text) ? date_kind(text) : SAMPLE_TEXT;
}

static unsigned kind_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return SAMPLE_NULL;
	case json_type_boolean:
		return SAMPLE_BOOL;
	case json_type_double:
	case json_type_int:
		return SAMPLE_NUMBER;
	case json_type_object:
		return SAMPLE_OBJECT;
	case json_type_array:
		return SAMPLE_LIST;
	case json_type_string:
		return text_kind(json_object_get_string(value));
	}
	return 0;
}

static void add_value(struct sample *s, const char *name, struct json_object *value)
{
	struct sample_field *f = s->fields;

	while (f < s->fields + s->n_fields && strcmp(f->name, name) != 0)
		f++;
	if (f == s->fields + s->n_fields) {
		if (s->n_fields == sample_max_fields)
			return;
		*f = (struct sample_field){.name = mem_strdup(name)};
		s->n_fields++;
	}
	f->n++;
	f->kinds |= kind_of(value);
}

static void add_record(struct sample *s, struct json_object *record)
{
	s->n_records++;
	json_object_object_foreach(record, name, value)
	{
		add_value(s, name, value);
		if (!json_object_is_type(value, json_type_object) || strchr(name, '.'))
			continue;
		json_object_object_foreach(value, inner, member)
		{
			char *path = mem_printf("%s.%s", name, inner);

			if (!strchr(inner, '.'))
				add_value(s, path, member);
			free(path);
		}
	}
}

/* A role goes to the first field that can have it; one level down only where nobody else has. */
static void give_roles(struct sample *s)
{
	for (int deep = 0; deep < 2; deep++)
		for (size_t i = 0; i < s->n_fields; i++) {
			struct sample_field *f = &s->fields[i];
			enum sample_role role = role_by_name(f->name);

			if ((strchr(f->name, '.') != NULL) != deep)
				continue;
			if (role == ROLE_NONE && f->kinds & SAMPLE_EMAIL)
				role = ROLE_EMAIL;
			if (role == ROLE_NONE || s->of_role[role] || f->kinds & SAMPLE_OBJECT)
				continue;
			f->role = role;
			s->of_role[role] = f;
		}
}

/* The records of the start; those that are none are counted. */
static int read_records(struct source *source, struct sample *s, struct err *err)
{
	struct record *record;
	int r;

	while (s->n_records + s->n_faulty < sample_max_records &&
	       (r = source_next(source, &record, err)) != SOURCE_END) {
		if (r < 0)
			return r;
		if (r == SOURCE_LATER) {
			struct pollfd in = {.fd = source_fd(source), .events = POLLIN};

			if (in.fd >= 0)
				(void)poll(&in, 1, -1);
			continue;
		}
		if (record->value)
			add_record(s, record->value);
		else
			s->n_faulty++;
		record_unref(record);
	}
	return 0;
}

int sample_look(const char *path, struct sample *ret_sample, struct err *err)
{
	const struct ndjson_options options = {.path = path, .name = path, .max_record = 1 << 20};
	struct sample s = {.fields = mem_array(sample_max_fields, sizeof(*s.fields))};
	struct source *source = NULL;
	int r = ndjson_open(&options, &source, err);

	if (r >= 0)
		r = read_records(source, &s, err);
	source_free(source);
	if (r >= 0 && !s.n_records)
		r = err_set(err, -ENODATA,
		            "%s: %s; a sample is newline-delimited JSON, one object a line", path,
		            s.n_faulty ? "none of its lines is a JSON object" : "it is empty");
	if (r < 0) {
		sample_deinit(&s);
		return r;
	}
	give_roles(&s);
	*ret_sample = s;
	return 0;
}

void sample_deinit(struct sample *sample)
{
	for (size_t i = 0; i < sample->n_fields; i++)
		free(sample->fields[i].name);
	free(sample->fields);
	*sample = (struct sample){0};
}

void sample_kinds_text(unsigned kinds, char *text, size_t size)
{
	static const struct {
		unsigned kind;
		const char *name;
	} names[] = {
		{SAMPLE_TEXT, "text"},     {SAMPLE_EMAIL, "e-mail"},
		{SAMPLE_URL, "url"},       {SAMPLE_DATE, "date"},
		{SAMPLE_TIME, "time"},     {SAMPLE_ID, "id of Close"},
		{SAMPLE_NUMBER, "number"}, {SAMPLE_BOOL, "true or false"},
		{SAMPLE_OBJECT, "object"}, {SAMPLE_LIST, "list"},
		{SAMPLE_NULL, "null"},     {SAMPLE_BLANK, "empty text"},
	};
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && n < size; i++)
		if (kinds & names[i].kind)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
			                      names[i].name);
}
