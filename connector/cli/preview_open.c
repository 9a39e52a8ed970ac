#include "connector/cli/preview_open.h"

#include "connector/close/lanes.h"
#include "connector/gather/gather.h"
#include "connector/model/names.h"
#include "connector/shape/shape.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

bool preview_has_key(const struct route_set *routes, struct record *record,
                     struct rejection *ret_rejection)
{
	cleanup_(buf_deinit) struct buf key = BUF_INIT;

	return !routes->key || !record->value || shape_key(routes, record, &key, ret_rejection);
}

/* Sentences */

/* "lead", "custom object", "lead status" */
static char *kind_text(const char *kind)
{
	const char *book = name_kind_of_lookup(kind);
	char *text = mem_strdup(book ? name_kind_text(book) : kind);

	for (char *c = text; *c; c++)
		if (*c == '_')
			*c = ' ';
	return text;
}

static const char *article(const char *noun)
{
	return strchr("aeio", *noun) ? "an" : "a"; /* "a user" */
}

/* "email = ana@x.example and name = Ana, or phone = +1" */
static void add_keys(struct buf *out, const struct lookup *lookup, struct json_object *written)
{
	for (size_t i = 0; i < lookup->n_keys; i++) {
		const struct lookup_key *key = &lookup->keys[i];

		if (i)
			buf_adds(out, ", or ");
		for (size_t k = 0; k < key->n; k++) {
			char *name = name_written(written, key->fields[k].name);

			buf_addf(out, "%s%s = %s", k ? " and " : "", name, key->fields[k].value);
			free(name);
		}
	}
}

/* The id itself where the record has it; NULL: it is looked up. */
static const char *known_id(const struct lookup *lookup)
{
	const struct lookup_field *field = lookup->keys[0].fields;

	return field->like == LIKE_ID ? field->value : NULL;
}

/* "<lead where email = ana@x.example>": what stands where its id will stand; to free(). */
static char *id_text(const struct lookup *lookup, const char *fallback, bool takes_lead,
                     struct json_object *written)
{
	struct buf out = BUF_INIT;
	char *kind;

	if (known_id(lookup) && !takes_lead)
		return mem_strdup(known_id(lookup));
	kind = kind_text(lookup->kind);
	buf_addf(&out, takes_lead ? "<lead of the %s where " : "<%s where ", kind);
	add_keys(&out, lookup, written);
	if (fallback)
		buf_addf(&out, ", else %s", fallback);
	buf_addc(&out, '>');
	free(kind);
	return buf_take(&out);
}

/* Filling in */

/* Objects of the record are shared: the body becomes the draft's own at its first level. */
static void own_body(struct draft *draft)
{
	struct json_object *own = json_object_new_object();

	json_object_object_foreach(draft->body, key, value)(void)
		json_object_object_add(own, key, json_object_get(value));
	json_object_put(draft->body);
	draft->body = own;
}

static void fill_url(struct draft *draft, const char *name, const char *text)
{
	cleanup_(freep) char *hole = mem_printf("{%s}", name);
	const char *at = strstr(draft->url, hole);
	char *url;

	if (!at)
		return;
	url = mem_printf("%.*s%s%s", (int)(at - draft->url), draft->url, text, at + strlen(hole));
	free(draft->url);
	draft->url = url;
}

static void note_skip(struct draft *draft, const struct draft_link *link)
{
	cleanup_(freep) char *kind = kind_text(link->lookup.kind);
	struct buf keys = BUF_INIT;

	if (link->on_none != NONE_SKIP || link->fallback)
		return;
	add_keys(&keys, &link->lookup, draft->written);
	draft_note(draft, "skipped when no %s has %s", kind, keys.data);
	buf_deinit(&keys);
}

static void fill_links(struct draft *draft)
{
	bool is_own = false;

	for (size_t i = 0; i < draft->n_links; i++) {
		const struct draft_link *link = &draft->links[i];
		cleanup_(freep) char *text =
			id_text(&link->lookup, link->fallback, link->takes_lead, draft->written);

		note_skip(draft, link);
		if (link->is_in_url) {
			fill_url(draft, link->field, text);
			continue;
		}
		if (!is_own)
			own_body(draft);
		is_own = true;
		(void)json_object_object_add(draft->body, link->field, json_string(text));
	}
}

/* What an update does besides: it adds to lists, or looks first. */
static void note_changes(struct draft *draft)
{
	struct buf lists = BUF_INIT;

	for (char **field = draft->route->append; field && *field; field++)
		if (json_get(draft->body, *field))
			buf_addf(&lists, "%s%s", lists.len ? ", " : "", *field);
	if (lists.len)
		draft_note(draft, "added to what is there, and sent only if something is new: %s",
		           lists.data);
	if (draft->route->skip_unchanged)
		draft_note(draft, "skipped when it would change nothing");
	buf_deinit(&lists);
}

/* Forms */

/* What becomes of the record where the form is not sent; "" where the other form is. */
static const char *else_text(enum on_none on_none)
{
	switch (on_none) {
	case NONE_CREATE:
		break;
	case NONE_REJECT:
		return "; rejected when none has";
	case NONE_SKIP:
		return "; skipped when none has";
	}
	return "";
}

struct match_text {
	char *kind;
	struct buf keys;
	char *id; /* what stands in the URL */
};

static struct match_text text_of(const struct lookup *match, struct json_object *written)
{
	struct match_text text = {.kind = kind_text(match->kind),
	                          .keys = BUF_INIT,
	                          .id = id_text(match, NULL, false, written)};

	add_keys(&text.keys, match, written);
	return text;
}

static void text_deinit(struct match_text *text)
{
	free(text->kind);
	free(text->id);
	buf_deinit(&text->keys);
}

static void note_update(struct draft *update, const struct route *route,
                        const struct match_text *text)
{
	draft_note(update, "when %s %s has %s%s%s", article(text->kind), text->kind,
	           text->keys.data, route->on_many == MANY_OLDEST ? " (the oldest that has)" : "",
	           else_text(route->on_none));
}

static void note_refused(struct draft *update, const struct rejection *refused)
{
	draft_note(update, "when none has, the record is rejected (%s): %s",
	           reject_class_name(refused->class), refused->message);
}

static void note_create(struct draft *create, const struct match_text *text)
{
	draft_note(create, "when no %s has %s%s", text->kind, text->keys.data,
	           create->route->on_match == MATCH_SKIP ? "; skipped when one has" : "");
}

/* The rows that nest folded are those of both its forms. */
static void share_rows(struct draft *create, struct draft *update)
{
	update->rows = mem_array(create->n_rows, sizeof(struct draft *));
	for (size_t i = 0; i < create->n_rows; i++) {
		const struct draft *row = create->rows[i];

		update->rows[i] = draft_new(row->record, update->route, row->ordinal);
	}
	update->n_rows = create->n_rows;
}

static void note_children(struct draft *update, const char *list)
{
	draft_note(
		update,
		"what the rows have for %s goes to that lead by calls of its own: contact.create, "
		"or contact.update where one of its e-mails is there",
		list);
}

/* Of rows that say nothing of a lead that is there the update is not sent. */
static bool has_children_alone(const struct draft *create, const struct draft *update)
{
	return create->n_rows && create->route->on_match == MATCH_UPDATE && !update->n_links &&
	       !json_object_object_length(update->body);
}

/* A record before it makes the object, so that there is one in any case. */
static bool is_made(struct made *made, const struct draft *create, struct draft *update)
{
	const char *place = NULL;

	if (made)
		place = made_before(made, create);
	if (place)
		draft_note(update, "or %s makes it", place);
	return place != NULL;
}

static size_t divide(struct draft *create, struct made *made,
                     struct draft *ret_forms[static preview_max_forms],
                     struct rejection *ret_rejection)
{
	struct draft *update = steal(&create->update);
	struct match_text text = text_of(create->match, create->written);
	const struct route *route = create->route;
	bool may_create = route->on_none == NONE_CREATE && !create->refused;
	size_t n = 0;

	if (update && create->n_rows)
		share_rows(create, update);
	if (route->on_match == MATCH_UPDATE) {
		fill_url(update, "id", text.id);
		note_update(update, route, &text);
		may_create = may_create && !is_made(made, create, update);
	}
	if (may_create) {
		note_create(create, &text);
		ret_forms[n++] = create;
	}
	if (may_create && has_children_alone(create, update)) {
		note_children(create, route->batch->into);
		draft_free(update);
	} else if (route->on_match == MATCH_UPDATE) {
		if (create->n_rows)
			note_children(update, route->batch->into);
		if (create->refused)
			note_refused(update, create->refused);
		ret_forms[n++] = update;
	} else {
		draft_free(update);
	}
	if (!n) {
		*ret_rejection = *create->refused;
		*create->refused = (struct rejection){0};
	}
	if (!may_create)
		draft_free(create);
	text_deinit(&text);
	return n;
}

static void fill_match(struct draft *draft, struct made *made)
{
	struct match_text text = text_of(draft->match, draft->written);

	fill_url(draft, "id", text.id);
	if (!known_id(draft->match))
		note_update(draft, draft->route, &text);
	if (made && draft->route->method == METHOD_DELETE)
		made_forget(made, draft->match);
	text_deinit(&text);
}

size_t preview_forms(struct draft *takes_draft, struct made *made,
                     struct draft *ret_forms[static preview_max_forms],
                     struct rejection *ret_rejection)
{
	size_t n = 1;

	ret_forms[0] = takes_draft;
	if (!draft_is_open(takes_draft))
		return 1;
	if (takes_draft->update)
		n = divide(takes_draft, made, ret_forms, ret_rejection);
	else if (takes_draft->match)
		fill_match(takes_draft, made);
	for (size_t i = 0; i < n; i++) {
		fill_links(ret_forms[i]);
		note_changes(ret_forms[i]);
	}
	return n;
}

bool preview_begins_call(const struct draft *form)
{
	for (char **field = form->route->append; field && *field; field++)
		if (json_object_object_get_ex(form->body, *field, NULL))
			return true;
	return false;
}

struct request *preview_lanes(const struct draft *form)
{
	struct request *call = request_new();

	crm_lanes(form, call);
	for (size_t i = 0; i < form->n_links; i++) {
		const struct draft_link *link = &form->links[i];
		cleanup_(freep) char *text =
			id_text(&link->lookup, NULL, link->takes_lead, form->written);

		if (!link->is_in_url)
			crm_lane(call, link->lookup.kind, text, false);
	}
	return call;
}

struct request *preview_request(struct draft *form, struct jq_set *jq,
                                struct rejection *ret_rejection)
{
	return gather_is_shared(form) ? gather_batch(&form, 1, jq, ret_rejection)
	                              : gather_single(form, ret_rejection);
}
