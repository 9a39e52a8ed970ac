#include "connector/engine/private.h"

#include "connector/close/catalogue.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * What Close refuses because a name was looked up long ago: the field was deleted and made anew,
 * and has another id now. The book is asked for again, and requests that were made by the old one
 * get the new ids with their next INTENT. What is in its lane stays in its lane.
 */

static char *kind_of_body(const struct request *r, struct json_object *body)
{
	const struct operation *op = operation_find(crm_catalogue(), r->operation);
	const char *kind = name_kind_of_object(op);
	const char *type_key = kind ? name_type_key(kind) : NULL;
	const char *type = type_key ? json_get_string(body, type_key) : NULL;

	if (!type_key)
		return mem_strdup(kind);
	return type ? mem_printf("%s/%s", kind, type) : NULL;
}

static bool ends_in(const char *text, const char *end)
{
	const size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The path of a custom field that Close does not know though it had this name; NULL: none is. */
static const char *unknown_field(struct json_object *written, struct json_object *fields)
{
	if (!fields)
		return NULL;
	json_object_object_foreach(fields, path, text)
	{
		if (!strstr(json_object_get_string(text), "does not exist"))
			continue;
		json_object_object_foreach(written, key, name)
		{
			if (strncmp(key, "custom.", 7) == 0 &&
			    ends_in(path, json_object_get_string(name)))
				return path;
		}
	}
	return NULL;
}

static struct json_object *parsed(const char *text, size_t len)
{
	struct json_object *value = NULL;

	if (text)
		(void)json_parse(text, len, 0, &value, NULL, NULL);
	return value;
}

/* What @key of an object of @kind is now; NULL: the same as before, or nothing. To free(). */
static char *key_now(const struct engine *e, const char *kind, const char *key,
                     struct json_object *written)
{
	const char *name = json_get_string(written, key), *suffix;
	const struct name_book *book = kind ? names_book(naming_names(e), kind) : NULL;
	const struct name_entry *field;
	char *now;
	size_t n;

	if (!book || !name || strncmp(name, "custom.", 7) != 0)
		return NULL;
	field = name_find_field(book, name + 7, &suffix, &n);
	now = field ? mem_printf("custom.%s%s", field->id, suffix) : NULL;
	if (now && strcmp(now, key) != 0)
		return now;
	free(now);
	return NULL;
}

/* A rewriting of one body. */
struct mending {
	struct engine *engine;
	struct request *request;
	struct json_object *written;
	struct json_object *written_now;
	bool changes;
};

static struct json_object *mend_object(struct mending *m, const char *kind,
                                       struct json_object *object);

/* The contacts a lead comes with. */
static struct json_object *mend_list(struct mending *m, struct json_object *list)
{
	struct json_object *now = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		(void)json_object_array_add(now, json_object_is_type(item, json_type_object)
		                                         ? mend_object(m, "contact", item)
		                                         : json_object_get(item));
	}
	return now;
}

static struct json_object *mend_object(struct mending *m, const char *kind,
                                       struct json_object *object)
{
	struct json_object *now = json_object_new_object();

	json_object_object_foreach(object, key, value)
	{
		char *other = key_now(m->engine, kind, key, m->written);
		const bool has_contacts = kind && strcmp(kind, "lead") == 0 &&
		                          strcmp(key, "contacts") == 0 &&
		                          json_object_is_type(value, json_type_array);

		if (other) {
			m->changes = true;
			(void)json_object_object_add(m->written_now, other,
			                             json_object_get(json_get(m->written, key)));
		}
		(void)json_object_object_add(now, other ? other : key,
		                             has_contacts ? mend_list(m, value)
		                                          : json_object_get(value));
		free(other);
	}
	return now;
}

static void set_text(char **text, struct json_object *value)
{
	free(*text);
	*text = json_text(value);
}

/* The identity stands in the body under the same key. */
static void mend_identity(struct mending *m, const char *kind)
{
	struct request *r = m->request;
	char *now =
		r->identity_field ? key_now(m->engine, kind, r->identity_field, m->written) : NULL;

	if (!now)
		return;
	identities_release(m->engine->identities, r);
	free(r->identity_field);
	r->identity_field = now;
	(void)identities_take(m->engine->identities, r);
}

/* Whether the names of @r stand for other ids now; with @writes they are put in. */
static bool mend(struct engine *e, struct request *r, bool writes)
{
	cleanup_(json_freep) struct json_object *body = parsed(r->body, r->body_len);
	cleanup_(json_freep) struct json_object *written = parsed(r->written, strlen(r->written));
	cleanup_(json_freep) struct json_object *written_now = json_object_new_object();
	cleanup_(json_freep) struct json_object *now = NULL;
	cleanup_(freep) char *kind = NULL;
	struct mending m = {
		.engine = e, .request = r, .written = written, .written_now = written_now};

	if (!json_object_is_type(body, json_type_object) || !written)
		return false;
	kind = kind_of_body(r, body);
	now = mend_object(&m, kind, body);
	if (!m.changes || !writes)
		return m.changes;
	mend_identity(&m, kind);
	json_object_object_foreach(written, key, name)
	{
		if (!json_object_object_get_ex(written_now, key, NULL))
			(void)json_object_object_add(written_now, key, json_object_get(name));
	}
	set_text(&r->body, now);
	r->body_len = strlen(r->body);
	set_text(&r->written, written_now);
	r->is_stored = false; /* or its old body would stay in the journal */
	return true;
}

void mending_begins(struct engine *e, struct request *request)
{
	if (request->written && request->body && naming_was_renewed(e))
		(void)mend(e, request, true);
}

bool mending_may_help(struct engine *e, struct request *request, struct json_object *fields)
{
	cleanup_(json_freep) struct json_object *written =
		request->written ? parsed(request->written, strlen(request->written)) : NULL;
	const char *path = written ? unknown_field(written, fields) : NULL;
	cleanup_(json_freep) struct json_object *body = NULL;
	cleanup_(freep) char *kind = NULL;
	char contact[] = "contact";
	char *kinds[2] = {NULL};
	const struct name_book *book;

	if (!path)
		return false;
	body = parsed(request->body, request->body_len);
	kind = kind_of_body(request, body);
	kinds[0] = strncmp(path, "contacts[", 9) == 0 ? contact : kind;
	if (!kinds[0])
		return false;
	book = names_book(naming_names(e), kinds[0]);
	if (book && book->is_fresh)
		return mend(e, request, false);
	naming_ask(e, kinds);
	return true;
}
