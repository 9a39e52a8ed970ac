#include "connector/close/lookup.h"

#include "connector/close/lookup_private.h"
#include "connector/close/values.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * The question is: of this kind, and one of the keys. Keys of one field are asked for in one
 * condition after another about that field; keys of several are an "and" each.
 */

enum { page_limit = 200 };

static const char *const searched[] = {"lead", "contact", "opportunity", "custom_object"};

bool crm_lookup_is_search(const char *kind)
{
	for (size_t i = 0; i < sizeof(searched) / sizeof(searched[0]); i++)
		if (strcmp(searched[i], kind) == 0)
			return true;
	return false;
}

char *crm_lookup_book(const char *kind)
{
	return mem_strdup(name_kind_of_lookup(kind));
}

static const struct lookup_field *field_of(const struct lookup_key *key, const char *name)
{
	for (size_t i = 0; i < key->n; i++)
		if (strcmp(key->fields[i].name, name) == 0)
			return &key->fields[i];
	return NULL;
}

bool crm_lookup_goes_with(const char *kind_a, const struct lookup_key *a, const char *kind_b,
                          const struct lookup_key *b)
{
	if (strcmp(kind_a, kind_b) != 0 || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct lookup_field *other = field_of(b, a->fields[i].name);

		if (!other || other->like != a->fields[i].like)
			return false;
	}
	return true;
}

/* The query */

static void add_or(struct buf *out, const char *type, const struct lookup_field *const *fields,
                   size_t n)
{
	bool is_first = true;

	buf_adds(out, "{\"type\":\"or\",\"queries\":[");
	crm_add_values(out, type, fields, n, &is_first);
	buf_adds(out, "]}");
}

static void begin_related(struct buf *out, const char *type, const char *related)
{
	buf_adds(out, "{\"type\":\"has_related\",\"this_object_type\":");
	crm_add_string(out, type);
	buf_adds(out, ",\"related_object_type\":");
	crm_add_string(out, related);
	buf_adds(out, ",\"related_query\":");
}

/* E-mails, phones and urls are objects beside the contact, and the contact is one beside the lead.
 */
static void add_contact_values(struct buf *out, const char *kind,
                               const struct lookup_field *const *fields, size_t n)
{
	const bool is_lead = strcmp(kind, "lead") == 0;
	char *related = mem_printf("contact_%s", fields[0]->name);

	if (is_lead)
		begin_related(out, kind, "contact");
	begin_related(out, "contact", related);
	add_or(out, related, fields, n);
	buf_adds(out, is_lead ? "}}" : "}");
	free(related);
}

/* That it belongs to one of these leads. */
static void add_lead_ids(struct buf *out, const char *kind,
                         const struct lookup_field *const *fields, size_t n)
{
	begin_related(out, kind, "lead");
	buf_adds(out, "{\"type\":\"or\",\"queries\":[");
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, i ? ",{\"type\":\"id\",\"value\":" : "{\"type\":\"id\",\"value\":");
		crm_add_string(out, fields[i]->value);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}}");
}

/* One query for all values of @fields, all of one name. */
static void add_fields(struct buf *out, const char *kind, const struct lookup_field *const *fields,
                       size_t n)
{
	const char *name = fields[0]->name;
	const bool is_lead = strcmp(kind, "lead") == 0;
	bool is_first = true;

	if (strcmp(name, "lead_id") == 0) {
		add_lead_ids(out, kind, fields, n);
		return;
	}
	if (!crm_contact_list(name) || (!is_lead && strcmp(kind, "contact") != 0)) {
		add_or(out, kind, fields, n);
		return;
	}
	/* A lead has a url of its own, too. */
	if (is_lead && strcmp(name, "url") == 0) {
		buf_adds(out, "{\"type\":\"or\",\"queries\":[");
		crm_add_values(out, kind, fields, n, &is_first);
		buf_addc(out, ',');
		add_contact_values(out, kind, fields, n);
		buf_adds(out, "]}");
		return;
	}
	add_contact_values(out, kind, fields, n);
}

static void add_conjunction(struct buf *out, const char *kind, const struct lookup_key *key)
{
	buf_adds(out, "{\"type\":\"and\",\"queries\":[");
	for (size_t i = 0; i < key->n; i++) {
		const struct lookup_field *field = &key->fields[i];

		if (i)
			buf_addc(out, ',');
		add_fields(out, kind, &field, 1);
	}
	buf_adds(out, "]}");
}

static void add_keys(struct buf *out, const char *kind, const struct lookup_key *const *keys,
                     size_t n_keys)
{
	const struct lookup_field **fields;

	if (keys[0]->n == 1) {
		fields = mem_array(n_keys, sizeof(struct lookup_field *));
		for (size_t i = 0; i < n_keys; i++)
			fields[i] = &keys[i]->fields[0];
		add_fields(out, kind, fields, n_keys);
		free(fields);
		return;
	}
	buf_adds(out, "{\"type\":\"or\",\"queries\":[");
	for (size_t i = 0; i < n_keys; i++) {
		if (i)
			buf_addc(out, ',');
		add_conjunction(out, kind, keys[i]);
	}
	buf_adds(out, "]}");
}

size_t crm_lookup_weight(const char *kind, const struct lookup_key *key)
{
	struct buf out = BUF_INIT;
	size_t bytes;

	add_keys(&out, kind, &key, 1);
	bytes = out.len + 1;
	buf_deinit(&out);
	return bytes;
}

/* What is to be shown of each object */

/* What of an object of @kind holds the values of @field. */
static void want_field(char ***wanted, const char *kind, const char *field)
{
	const bool is_lead = strcmp(kind, "lead") == 0;
	const char *list = crm_contact_list(field);

	if (crm_is_custom(field) && !name_is_field_id(field + strlen("custom.")))
		return; /* a name nobody knows: answers do not have it */
	if (list && strcmp(kind, "contact") == 0)
		crm_add_once(wanted, mem_strdup(list));
	else if (!list || strcmp(field, "url") == 0)
		crm_add_once(wanted, mem_strdup(field));
	if (list && is_lead)
		crm_add_once(wanted, mem_strdup("contacts"));
}

static void want_watched(char ***wanted, const char *kind, const struct watched_field *watched)
{
	const bool is_of_its_lead = strcmp(kind, "contact") == 0 &&
	                            strcmp(watched->kind, "lead") == 0 &&
	                            crm_contact_list(watched->name);

	if (strcmp(watched->kind, kind) == 0 || is_of_its_lead)
		want_field(wanted, kind, watched->name);
	else if (strcmp(kind, "lead") == 0 && strcmp(watched->kind, "contact") == 0)
		crm_add_once(wanted, mem_strdup("contacts"));
}

static void add_wanted(struct buf *out, const char *kind, const struct lookup_key *key,
                       const struct watched_field *watched, size_t n_watched)
{
	char **wanted = NULL;

	if (strcmp(kind, "lead") != 0)
		crm_add_once(&wanted, mem_strdup("lead_id"));
	for (size_t i = 0; i < key->n; i++)
		want_field(&wanted, kind, key->fields[i].name);
	for (size_t i = 0; i < n_watched; i++)
		want_watched(&wanted, kind, &watched[i]);
	buf_adds(out, ",\"_fields\":{");
	crm_add_string(out, kind);
	buf_adds(out, ":[\"id\"");
	for (char **field = wanted; field && *field; field++) {
		buf_addc(out, ',');
		crm_add_string(out, *field);
	}
	buf_adds(out, "]}");
	strlist_free(wanted);
}

char *crm_lookup_body(const char *kind, const struct lookup_key *const *keys, size_t n_keys,
                      const struct watched_field *watched, size_t n_watched, const char *cursor)
{
	struct buf out = BUF_INIT;

	assert(crm_lookup_is_search(kind) && n_keys > 0 && n_keys <= crm_lookup_keys);
	buf_adds(&out, "{\"query\":{\"type\":\"and\",\"queries\":[{\"type\":\"object_type\","
	               "\"object_type\":");
	crm_add_string(&out, kind);
	buf_adds(&out, "},");
	add_keys(&out, kind, keys, n_keys);
	buf_adds(&out, "]}");
	add_wanted(&out, kind, keys[0], watched, n_watched);
	buf_adds(&out, ",\"sort\":[{\"direction\":\"asc\",\"field\":{\"type\":\"regular_field\","
	               "\"object_type\":");
	crm_add_string(&out, kind);
	buf_addf(&out, ",\"field_name\":\"date_created\"}}],\"_limit\":%d", page_limit);
	if (cursor) {
		buf_adds(&out, ",\"cursor\":");
		crm_add_string(&out, cursor);
	}
	buf_addc(&out, '}');
	return buf_take(&out);
}
