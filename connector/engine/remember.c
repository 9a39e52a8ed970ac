#include "connector/engine/resolve_private.h"

#include "connector/close/lanes.h"
#include "connector/close/lookup.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * What Close says of objects is remembered object by object, each with what it said itself: so a
 * contact that lost an e-mail takes it from its lead, too, whoever's answer shows it. A search is
 * older than any answer, so it only adds.
 */

static bool watches(const struct engine *e, const char *kind)
{
	for (size_t i = 0; i < e->n_watched; i++)
		if (!strcmp(e->watched[i].kind, kind))
			return true;
	return false;
}

/* By an e-mail, phone or url of a contact its lead is found. */
static bool watches_contacts(const struct engine *e)
{
	for (size_t i = 0; i < e->n_watched; i++)
		if (!strcmp(e->watched[i].kind, "contact") ||
		    (!strcmp(e->watched[i].kind, "lead") &&
		     lookup_like_of(e->watched[i].name) != LIKE_TEXT))
			return true;
	return false;
}

/* Watching */

static char *watched_text(const struct engine *e)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < e->n_watched; i++)
		buf_addf(&b, "%s %s\n", e->watched[i].kind, e->watched[i].name);
	return buf_take(&b);
}

static bool any_skips_unchanged(const struct route_set *routes)
{
	for (size_t i = 0; i < routes->n; i++)
		if (routes->items[i].skip_unchanged ||
		    (routes->items[i].update && routes->items[i].update->skip_unchanged))
			return true;
	return false;
}

int remember_open(struct engine *e, struct err *err)
{
	cleanup_(freep) char *text = watched_text(e);

	e->skips_unchanged = any_skips_unchanged(&e->routes);
	e->adds_to_lists = spellings_of_lists(e);
	return journal_watch(e->journal, text, e->skips_unchanged, err);
}

int remember_no_more(struct engine *e, struct err *err)
{
	cleanup_(freep) char *text = watched_text(e);

	return e->skips_unchanged ? journal_watch(e->journal, text, false, err) : 0;
}

/* Saying */

struct saying {
	struct engine *engine;
	bool is_answer; /* of a write; else of a search */
	int64_t wall_ms;
	const struct asked_at *asked; /* of a search: when; NULL: all is believed */
	char ***lost, ***shown;       /* … values that are not true any more, and others */
	const struct offer *maker; /* of a write: what was to make something; NULL: nothing was */
	struct output_place made;  /* … where it stands */
	const struct crm_spelling *spellings; /* that the answer has shown */
	size_t n_spellings;
};

static void free_items(struct remembered *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		remembered_deinit(&items[i]);
	free(items);
}

char *found_text(const char *kind, const char *field, const char *folded, const char *object_id)
{
	cleanup_(freep) char *text = lookup_field_text(kind, field, folded);

	return mem_printf("%s of %s", text, object_id);
}

static enum lookup_like like_of(const struct engine *e, const struct remembered *item)
{
	for (size_t i = 0; i < e->n_watched; i++)
		if (!strcmp(e->watched[i].kind, item->kind) &&
		    !strcmp(e->watched[i].name, item->field))
			return e->watched[i].like;
	return lookup_like_of(item->field);
}

/* An update took it away from @source_id while the question was out, or just before. */
static bool was_taken(const struct saying *s, const char *source_id, const struct remembered *item)
{
	const struct lookup_field field = {
		.name = item->field, .like = like_of(s->engine, item), .folded = item->value};

	return taken_from(s->engine->resolve->taken, source_id, &field, s->asked) &&
	       !hook_without("late_answers");
}

static bool note_found(const struct saying *s, const char *source_id, const struct remembered *item)
{
	const bool is_taken = was_taken(s, source_id, item);
	const bool is_lost =
		is_taken || journal_says_other(s->engine->journal, source_id, item, s->wall_ms);

	strlist_add(is_lost ? s->lost : s->shown,
	            found_text(item->kind, item->field, item->value, item->object_id));
	return is_taken;
}

/* What was taken away is not remembered either. */
static size_t note_all_found(const struct saying *s, const char *source_id,
                             struct remembered *items, size_t n)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (note_found(s, source_id, &items[i]))
			remembered_deinit(&items[i]);
		else
			items[n_kept++] = items[i];
	}
	return n_kept;
}

/* As the answer shows it, or others have; to free(). NULL: as it is, or nobody knows. */
static char *shown_as(const struct saying *s, const char *field, const char *folded)
{
	for (size_t i = 0; i < s->n_spellings; i++)
		if (!strcmp(s->spellings[i].field, field) && !strcmp(s->spellings[i].sent, folded))
			return mem_strdup(s->spellings[i].shown);
	return spelling_of(s->engine, field, folded);
}

/* @text is of the same field, and Close writes its value as @item shows. */
static bool has_become(const struct saying *s, const char *text, const struct remembered *item)
{
	cleanup_(freep) char *kind = NULL, *field = NULL, *folded = NULL, *shown = NULL;

	if (!lookup_field_parse(text, &kind, &field, &folded) || strcmp(kind, item->kind) != 0 ||
	    strcmp(field, item->field) != 0)
		return false;
	shown = shown_as(s, field, folded);
	return shown && !strcmp(shown, item->value);
}

/* It was made, or matched, as what the write was to make: so for links it is the newest such. */
static void set_made(const struct saying *s, struct remembered *item)
{
	cleanup_(freep) char *text = NULL;
	char *const *made;
	size_t n;

	if (!s->maker)
		return;
	text = lookup_field_text(item->kind, item->field, item->value);
	made = offer_made(s->maker, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(made[i], text) || has_become(s, made[i], item))
			item->made = s->made;
}

static void say(const struct saying *s, struct json_object *object, const char *kind)
{
	const struct engine *e = s->engine;
	const char *id = json_get_string(object, "id");
	size_t n;
	struct remembered *items = crm_remember(object, kind, e->watched, e->n_watched, &n);

	for (size_t i = 0; i < n; i++)
		set_made(s, &items[i]);
	if (s->asked)
		n = note_all_found(s, id, items, n);
	if (s->is_answer)
		journal_remember(e->journal, id, items, n, s->wall_ms);
	else if (n)
		journal_remember_found(e->journal, id, items, n, s->wall_ms);
	free_items(items, n);
}

/* The same members, but for @key. */
static struct json_object *copy_without(struct json_object *object, const char *key)
{
	struct json_object *copy = json_object_new_object();

	json_object_object_foreach(object, name, value)
	{
		if (strcmp(name, key) != 0)
			json_object_object_add(copy, name, json_object_get(value));
	}
	return copy;
}

static void say_contact(const struct saying *s, struct json_object *contact, const char *lead_id)
{
	cleanup_(json_freep) struct json_object *copy = copy_without(contact, "lead_id");

	json_object_object_add(copy, "lead_id", json_string(lead_id));
	say(s, copy, "contact");
}

/*
 * Its contacts for themselves, but for those that have no id. They are all there are: what others
 * said of the lead is outdated.
 */
static void say_lead(const struct saying *s, struct json_object *lead, struct json_object *contacts)
{
	const size_t n = json_object_array_length(contacts);
	const char *id = json_get_string(lead, "id");
	cleanup_(json_freep) struct json_object *alone = copy_without(lead, "contacts");
	struct json_object *nameless = json_object_new_array();

	for (size_t i = 0; i < n; i++) {
		struct json_object *contact = json_object_array_get_idx(contacts, i);

		if (json_get_string(contact, "id"))
			say_contact(s, contact, id);
		else
			json_object_array_add(nameless, json_object_get(contact));
	}
	json_object_object_add(alone, "contacts", nameless);
	say(s, alone, "lead");
	if (s->is_answer)
		journal_outdate(s->engine->journal, id, s->wall_ms);
}

static void say_all(const struct saying *s, struct json_object *object, const char *kind)
{
	const bool is_lead = !strcmp(kind, "lead");
	const bool has_contacts =
		(is_lead || !strcmp(kind, "contact")) && watches_contacts(s->engine);
	struct json_object *contacts = is_lead ? json_get(object, "contacts") : NULL;

	if (!has_contacts && !watches(s->engine, kind))
		return;
	if (has_contacts && json_object_is_type(contacts, json_type_array))
		say_lead(s, object, contacts);
	else
		say(s, object, kind);
}

void remember_found(struct engine *e, struct json_object *object, const char *kind,
                    const struct asked_at *asked, char ***lost)
{
	char **gone = NULL, **shown = NULL;
	const struct saying s = {.engine = e,
	                         .wall_ms = loop_wall_ms(e->loop),
	                         .asked = asked,
	                         .lost = &gone,
	                         .shown = &shown};

	if (json_get_string(object, "id"))
		say_all(&s, object, kind);
	/* An e-mail that one contact has lost may be another's of the same lead. */
	for (char **text = gone; text && *text; text++)
		if (!strlist_has(shown, *text))
			strlist_add(lost, mem_strdup(*text));
	strlist_free(gone);
	strlist_free(shown);
}

/* Outcomes */

static struct json_object *parse(const char *text, size_t len)
{
	struct json_object *value = NULL;

	if (text)
		(void)json_parse(text, len, 0, &value, NULL, NULL);
	return value;
}

static struct json_object *sent_body(const struct request *r)
{
	return r->format == CONTENT_JSON ? parse(r->body, r->body_len) : NULL;
}

/* The object Close showed; NULL: it showed none, or its answer was lost or cut. */
static struct json_object *answered_object(const struct request *r)
{
	const struct answer *a = &r->answer;
	struct json_object *object;

	if (r->found_by_lookup || a->status / 100 != 2 || !a->is_json)
		return NULL;
	object = parse(a->body, a->body_len);
	if (json_get_string(object, "id"))
		return object;
	json_object_put(object);
	return NULL;
}

/* What was sent, where nothing was answered: it says nothing of what was not sent. */
static void say_sent(const struct saying *s, const struct request *r, struct json_object *sent,
                     const char *id)
{
	cleanup_(json_freep) struct json_object *object = NULL;

	if (!json_object_is_type(sent, json_type_object))
		return;
	object = copy_without(sent, "id");
	json_object_object_add(object, "id", json_string(id));
	if (watches(s->engine, r->object) || watches_contacts(s->engine))
		say(s, object, r->object);
}

static void merged(struct engine *e, struct json_object *sent)
{
	const char *source = json_get_string(sent, "source");
	const char *destination = json_get_string(sent, "destination");

	if (source)
		journal_forget_object(e->journal, source);
	if (destination)
		unchanged_unknow(e, destination);
}

/* Of a write by what it looked for: what it sent, and what it was answered. */
struct matching {
	const struct saying *s;
	bool is_made;
	struct remembered *sent, *shown;
	size_t n_sent, n_shown;
};

/* Whether one of @items is of @item's field; where @value is not NULL, with that value. */
static bool has_item(const struct remembered *items, size_t n, const struct remembered *item,
                     const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(items[i].kind, item->kind) && !strcmp(items[i].field, item->field) &&
		    (!value || !strcmp(items[i].value, value)))
			return true;
	return false;
}

enum told { TOLD_YES, TOLD_NO, TOLD_NOTHING };

/* Whether the object is found by what was looked for alone, since it does not show it. */
static enum told is_hidden(const struct matching *m, const struct remembered *item)
{
	cleanup_(freep) char *now = shown_as(m->s, item->field, item->value);

	if (has_item(m->shown, m->n_shown, item, item->value) ||
	    (now && has_item(m->shown, m->n_shown, item, now)))
		return TOLD_NO;
	if (m->is_made || has_item(m->sent, m->n_sent, item, item->value))
		return TOLD_YES;
	/* A value in its place may be what it was changed to; or it has stood there all the time.
	 */
	return m->s->is_answer && !has_item(m->shown, m->n_shown, item, NULL) ? TOLD_YES
	                                                                      : TOLD_NOTHING;
}

/* @lane is what an upsert looked for: whoever looks for it again means the same object. */
static void say_match(const struct matching *m, const char *lane, const char *id,
                      const char *lead_id)
{
	cleanup_(freep) char *source = mem_printf("match %s of %s", lane, id);
	struct remembered item = {.object_id = mem_strdup(id), .lead_id = mem_strdup(lead_id)};
	enum told told = TOLD_NOTHING;

	if (lookup_field_parse(lane, &item.kind, &item.field, &item.value))
		told = is_hidden(m, &item);
	if (told != TOLD_NOTHING) {
		set_made(m->s, &item);
		journal_remember(m->s->engine->journal, source, &item, told == TOLD_YES ? 1 : 0,
		                 m->s->wall_ms);
	}
	remembered_deinit(&item);
}

/*
 * A body need not write what its object is looked for by, and Close may write it otherwise. Where
 * the object does not show it, it is found by what it was made or changed for; without this the
 * next record would make a twin.
 */
static void say_matches(const struct saying *s, const struct request *r, struct json_object *sent,
                        struct json_object *shown, const char *id)
{
	static const char prefix[] = "match ";
	const struct engine *e = s->engine;
	struct matching m = {.s = s, .is_made = r->method == METHOD_POST};

	m.sent = crm_remember(sent, r->object, e->watched, e->n_watched, &m.n_sent);
	m.shown = crm_remember(shown, r->object, e->watched, e->n_watched, &m.n_shown);
	for (size_t i = 0; i < r->n_lanes; i++)
		if (!strncmp(r->lanes[i].key, prefix, sizeof(prefix) - 1))
			say_match(&m, r->lanes[i].key + sizeof(prefix) - 1, id,
			          json_get_string(shown, "lead_id"));
	free_items(m.sent, m.n_sent);
	free_items(m.shown, m.n_shown);
}

static void set_maker(const struct engine *e, struct saying *s, const struct request *r)
{
	size_t n = 0;

	for (size_t i = r->n_parts; !n && i-- > 0;) {
		s->made = (struct output_place){.stream = r->parts[i].record->stream,
		                                .pos = r->parts[i].record->pos,
		                                .ordinal = r->parts[i].ordinal};
		s->maker = parents_at(e->parents, &s->made);
		if (s->maker)
			(void)offer_made(s->maker, &n);
	}
}

static void applied(struct engine *e, const struct request *r)
{
	cleanup_(json_freep) struct json_object *sent = sent_body(r), *shown = answered_object(r);
	cleanup_(freep) char *target = r->method == METHOD_POST ? NULL : crm_object_in_url(r->url);
	const char *id = r->object_id ? r->object_id : target;
	struct saying s = {
		.engine = e, .is_answer = shown != NULL, .wall_ms = loop_wall_ms(e->loop)};
	struct crm_spelling *spellings;

	set_maker(e, &s, r);
	if (r->method == METHOD_DELETE) {
		if (target)
			journal_forget_object(e->journal, target);
		return;
	}
	if (!strcmp(r->operation, "lead.merge")) {
		merged(e, sent);
		return;
	}
	spellings = spellings_learn(e, r, sent, shown, &s.n_spellings);
	s.spellings = spellings;
	if (shown) {
		say_all(&s, shown, r->object);
		unchanged_know(e, sent, shown, s.wall_ms);
	} else if (id) {
		say_sent(&s, r, sent, id);
		unchanged_unknow(e, id);
	}
	if (id)
		say_matches(&s, r, sent, shown, id);
	crm_spellings_free(spellings, s.n_spellings);
	if (r->method == METHOD_PUT)
		offers_applied(e, r, json_get_string(shown, "lead_id"));
}

void remember_answer(struct engine *e, const struct request *request)
{
	const struct request *r = request;

	if (!e->n_watched && !e->skips_unchanged && !e->adds_to_lists)
		return;
	if (r->state == REQUEST_APPLIED) {
		applied(e, r);
	} else if (r->method != METHOD_POST) {
		/* An attempt whose answer was lost may have been applied all the same. */
		cleanup_(freep) char *target = crm_object_in_url(r->url);

		if (target && (r->state == REQUEST_HELD || r->attempts > 1))
			unchanged_unknow(e, target);
	}
}
