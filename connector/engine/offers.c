#include "connector/engine/nest.h"

#include "connector/close/catalogue.h"
#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

/*
 * What is about to be made is known from its body: the same that will be remembered of the answer.
 * Where nothing is matched or linked by, nothing is offered.
 */

const char offers_of_names[] = "names";

static bool makes_objects(const char *operation)
{
	const size_t len = strlen(operation), end = strlen(".create");

	return len > end && !strcmp(operation + len - end, ".create");
}

static void add_text(char ***texts, const char *kind, const char *field, const char *value)
{
	char *text = lookup_field_text(kind, field, value);

	for (char **t = *texts; t && *t; t++)
		if (!strcmp(*t, text)) {
			free(text);
			return;
		}
	strlist_add(texts, text);
}

/* As it is written, and as Close writes it, if that is known: it may be looked for by either. */
static void add_texts(const struct engine *e, char ***texts, const char *kind, const char *field,
                      const char *value)
{
	cleanup_(freep) char *shown = spelling_of(e, field, value);

	add_text(texts, kind, field, value);
	if (shown)
		add_text(texts, kind, field, shown);
}

static char **texts_of_body(const struct engine *e, struct json_object *body, const char *kind)
{
	char **texts = NULL;
	struct remembered *items;
	size_t n;

	if (!json_object_is_type(body, json_type_object))
		return NULL;
	items = crm_remember(body, kind, e->watched, e->n_watched, &n);
	for (size_t i = 0; i < n; i++) {
		add_texts(e, &texts, items[i].kind, items[i].field, items[i].value);
		remembered_deinit(&items[i]);
	}
	free(items);
	return texts;
}

static void add_lookup(const struct engine *e, char ***texts, const struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->n_keys; i++)
		for (size_t k = 0; k < lookup->keys[i].n; k++)
			add_texts(e, texts, lookup->kind, lookup->keys[i].fields[k].name,
			          lookup->keys[i].fields[k].folded);
}

static struct output_place place_of(const struct record *record, unsigned ordinal)
{
	return (struct output_place){
		.stream = record->stream, .pos = record->pos, .ordinal = ordinal};
}

/* NOLINTBEGIN(misc-no-recursion): see resolve_come_nearer(). */
static void set_about(struct engine *e, struct offer *offer, const struct request *call)
{
	char **ids = NULL;
	void **waiters;
	size_t n;

	for (size_t i = 0; i < call->n_lanes; i++)
		if (crm_is_id(call->lanes[i].key))
			strlist_add(&ids, mem_strdup(call->lanes[i].key));
	if (!offer_set_about(offer, ids))
		return;
	n = offer_waiters(offer, &waiters);
	for (size_t i = 0; i < n; i++)
		resolve_come_nearer(e, waiters[i], offer);
}

void offers_about(struct engine *e, const struct draft *draft, const struct request *call)
{
	const struct output_place place = place_of(draft->record, draft->ordinal);
	struct offer *offer = parents_at(e->parents, &place);

	if (offer)
		set_about(e, offer, call);
}

/* NOLINTEND(misc-no-recursion) */

static void wake(struct engine *e, void **takes_waiters, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct resolving *r = takes_waiters[i];

		r->parent = NULL;
		resolve_wake(e, r);
	}
	free(takes_waiters);
}

static void end(struct engine *e, struct offer *offer)
{
	const bool is_of_names = offer_has(offer, offers_of_names);
	void **waiters;
	const size_t n = parents_end(e->parents, offer, &waiters);

	wake(e, waiters, n);
	if (is_of_names)
		naming_was_made(e);
}

/* What comes again has its number: it keeps its place among the others. */
static uint64_t number_of(struct engine *e, uint64_t *number)
{
	if (!*number || hook_without("place_again"))
		*number = e->resolve->next_number++;
	return *number;
}

static bool makes_any(const struct offer *offer)
{
	size_t n;

	(void)offer_made(offer, &n);
	return n != 0;
}

/* The first @n_made are of what it makes; the others are what it changes an object to. */
static void offer(struct engine *e, const struct output_place *place, uint64_t number,
                  char **takes_texts, size_t n_made)
{
	struct offer *before = parents_at(e->parents, place);

	/* The object it was to change is gone, so it may make one. */
	if (before && (offer_is_change(before) || (n_made && !makes_any(before)))) {
		end(e, before);
		before = NULL;
	}
	if (takes_texts && !before)
		offer_set_made(parents_offer(e->parents, place, number, takes_texts,
		                             strlist_len(takes_texts)),
		               n_made);
	strlist_free(takes_texts);
}

/* Nobody matches or links by anything, and no rows are folded: nobody will ask for an offer. */
static bool may_ask(const struct engine *e)
{
	return e->n_watched || nest_is_used(&e->pipeline->routes) || naming_has_makers(e);
}

/* Whether @object_id is known by it already, or a lead by its contact's. */
static bool is_known_by(struct engine *e, const struct remembered *item, const char *folded,
                        const char *kind, const char *object_id)
{
	struct remembered known[4];
	size_t n = journal_find_remembered(e->journal, item->kind, item->field, folded, known,
	                                   sizeof(known) / sizeof(known[0]));
	bool is_known = false;

	n = n < sizeof(known) / sizeof(known[0]) ? n : sizeof(known) / sizeof(known[0]);
	for (size_t i = 0; i < n; i++) {
		is_known |= strcmp(item->kind, kind) != 0 || !strcmp(known[i].object_id, object_id);
		remembered_deinit(&known[i]);
	}
	return is_known;
}

static bool is_known(struct engine *e, const struct remembered *item, const char *kind,
                     const char *object_id)
{
	cleanup_(freep) char *shown = spelling_of(e, item->field, item->value);

	return is_known_by(e, item, item->value, kind, object_id) ||
	       (shown && is_known_by(e, item, shown, kind, object_id));
}

static void add_texts_of_update(struct engine *e, struct json_object *body, const char *kind,
                                const char *object_id, char ***texts)
{
	size_t n;
	struct remembered *items = crm_remember(body, kind, e->watched, e->n_watched, &n);

	for (size_t i = 0; i < n; i++) {
		if (!is_known(e, &items[i], kind, object_id))
			add_texts(e, texts, items[i].kind, items[i].field, items[i].value);
		remembered_deinit(&items[i]);
	}
	free(items);
}

/* What is there is kept where @appended (may be NULL) says that a list is added to. */
static char *written_of(const struct engine *e, struct json_object *body, const char *kind,
                        char **appended)
{
	struct json_object *sent = json_object_new_object();
	char *written;

	json_object_object_foreach(body, key, value)
	{
		if (!strlist_has(appended, key))
			(void)json_object_object_add(sent, key, json_object_get(value));
	}
	written = crm_written(sent, kind, e->watched, e->n_watched);
	json_object_put(sent);
	return written;
}

/* Takes @takes_texts (may be NULL), which it offers beside what the update brings. */
static void change(struct engine *e, const struct output_place *place, struct json_object *body,
                   const char *kind, char **appended, const char *object_id, uint64_t number,
                   char **takes_texts)
{
	char **texts = takes_texts;
	struct offer *offered;

	if (!e->n_watched || !json_object_is_type(body, json_type_object)) {
		strlist_free(texts);
		return;
	}
	add_texts_of_update(e, body, kind, object_id, &texts);
	offered = parents_offer(e->parents, place, number, texts, strlist_len(texts));
	if (!offer_is_change(offered))
		parents_set_change(e->parents, offered, object_id,
		                   written_of(e, body, kind, appended));
	strlist_free(texts);
}

void offers_bring(struct engine *e, const struct draft *update, const char *object_id,
                  uint64_t number)
{
	const struct output_place place = place_of(update->record, update->ordinal);

	if (update->op)
		change(e, &place, update->body, update->op->object, update->route->append,
		       object_id, number, NULL);
}

static bool has_text(const struct engine *e, const struct lookup *lookup, const char *text)
{
	char **own = NULL;
	bool has;

	add_lookup(e, &own, lookup);
	has = strlist_has(own, text);
	strlist_free(own);
	return has;
}

/* What an update brings to an object that is not known yet, beside what it is found by. */
static void add_brought(struct engine *e, const struct draft *draft, char ***texts)
{
	const struct draft *update = draft->update ? draft->update : draft;
	const struct operation *op = update->op;
	char **brought;

	if (!e->n_watched || !draft->match || !op || op->method != METHOD_PUT ||
	    hook_without("offers_of_updates"))
		return;
	brought = texts_of_body(e, update->body, op->object);
	for (char **text = brought; text && *text; text++)
		if (!strlist_has(*texts, *text) && !has_text(e, draft->match, *text))
			strlist_add(texts, mem_strdup(*text));
	strlist_free(brought);
}

static void add_names(struct engine *e, const struct operation *op, char ***texts)
{
	if (!naming_has_makers(e) || !naming_is_made_by(op))
		return;
	strlist_add(texts, mem_strdup(offers_of_names));
	naming_is_made(e);
}

/*
 * The contact of a row, whether it is made with its lead, alone, or is there already: who is
 * matched or linked by what it has asks behind it.
 */
static void add_child(const struct engine *e, struct json_object *child, char ***texts)
{
	char **own;

	if (!e->n_watched || hook_without("offers_of_children"))
		return;
	own = texts_of_body(e, child, "contact");
	for (char **text = own; text && *text; text++)
		if (!strlist_has(*texts, *text))
			strlist_add(texts, mem_strdup(*text));
	strlist_free(own);
}

uint64_t offers_take(struct engine *e, struct draft *draft)
{
	const struct output_place place = place_of(draft->record, draft->ordinal);
	/* Of rows the first is at its place; the others have offers of their own. */
	const struct draft *row = draft->n_rows ? draft->rows[0] : draft;
	const struct operation *op = draft->op;
	char **texts = NULL, *nest = nest_text(draft);
	cleanup_(freep) char *target = NULL;
	size_t n_made;

	draft->number = number_of(e, draft->n_rows ? &draft->rows[0]->number : &draft->number);
	if (e->n_watched && op && makes_objects(op->name)) {
		texts = texts_of_body(e, row->body, op->object);
		if (draft->match)
			add_lookup(e, &texts, draft->match);
	}
	if (nest)
		strlist_add(&texts, nest);
	n_made = strlist_len(texts);
	add_brought(e, draft, &texts);
	add_child(e, row->child, &texts);
	add_names(e, op, &texts);
	offer(e, &place, draft->number, texts, n_made);
	if (e->n_watched && op && op->method == METHOD_PUT)
		target = crm_object_in_url(draft->url);
	if (target)
		offers_bring(e, draft, target, draft->number);
	if (parents_at(e->parents, &place)) {
		struct request *call = request_new();

		resolve_lanes_of(draft, call);
		offers_about(e, draft, call);
		request_free(call);
	}
	return draft->number;
}

void offers_withdraw(struct engine *e, const struct draft *draft)
{
	const struct output_place place = place_of(draft->record, draft->ordinal);
	struct offer *offer = parents_at(e->parents, &place);

	if (offer)
		end(e, offer);
}

char *offers_words(const char *what, const struct record *record)
{
	return mem_printf("%s of %s %s %llu", what, record->source_name ? record->source_name : "?",
	                  record->line ? "line" : "record",
	                  (unsigned long long)(record->line ? record->line : record->pos));
}

void offers_find_lead(struct engine *e, const struct draft *nest)
{
	for (size_t i = 0; i < nest->n_rows; i++) {
		const struct output_place place =
			place_of(nest->rows[i]->record, nest->rows[i]->ordinal);
		struct offer *offer = parents_at(e->parents, &place);
		void **waiters;
		size_t n;

		if (!offer || offer_is_change(offer))
			continue;
		n = offer_makes_none(e->parents, offer, &waiters);
		wake(e, waiters, n);
	}
}

static void hold(struct engine *e, struct offer *offer, const struct part *part,
                 const struct request *request)
{
	cleanup_(freep) char *what = mem_printf("held %s", request->operation);
	cleanup_(freep) char *words = offers_words(what, part->record);
	void **waiters;
	const size_t n = offer_hold(offer, words, &waiters);

	wake(e, waiters, n);
	if (offer_has(offer, offers_of_names))
		naming_was_made(e);
}

/* Requests that are there already */

static struct json_object *body_of_part(const struct request *r, size_t i)
{
	struct json_object *body = NULL, *draft = NULL;

	if (r->parts[i].draft && r->n_parts > 1) {
		(void)json_parse(r->parts[i].draft, strlen(r->parts[i].draft), 0, &draft, NULL,
		                 NULL);
		body = json_object_get(json_get(draft, "body"));
		json_object_put(draft);
	} else if (r->body) {
		(void)json_parse(r->body, r->body_len, 0, &body, NULL, NULL);
	}
	return body;
}

/* The contact of the row that part @i is stands in the row alone, or for others as well. */
static void add_child_of_part(const struct engine *e, const struct request *r, size_t i,
                              char ***texts)
{
	const char *text = r->parts[i].draft;
	cleanup_(json_freep) struct json_object *row = NULL;

	if (text && json_parse(text, strlen(text), json_depth_limit, &row, NULL, NULL) == 0)
		add_child(e, json_get(row, "child"), texts);
}

/* The object they change is the same for all of them. */
static void take_changes(struct engine *e, const struct request *r)
{
	cleanup_(freep) char *target = crm_object_in_url(r->url);

	for (size_t i = 0; target && i < r->n_parts; i++) {
		const struct output_place place = place_of(r->parts[i].record, r->parts[i].ordinal);
		cleanup_(json_freep) struct json_object *body = body_of_part(r, i);
		char **texts = NULL;

		add_child_of_part(e, r, i, &texts);
		offer(e, &place, r->parts[i].number, NULL, 0);
		change(e, &place, body, r->object, NULL, target, r->parts[i].number, texts);
		if (parents_at(e->parents, &place))
			set_about(e, parents_at(e->parents, &place), r);
	}
}

void offers_take_request(struct engine *e, const struct request *request)
{
	const struct operation *op = operation_find(crm_catalogue(), request->operation);

	for (size_t i = 0; i < request->n_parts; i++)
		(void)number_of(e, &request->parts[i].number);
	if (may_ask(e) && request->method == METHOD_PUT)
		take_changes(e, request);
	if (!may_ask(e) || (!makes_objects(request->operation) && !naming_is_made_by(op)))
		return;
	for (size_t i = 0; i < request->n_parts; i++) {
		const struct output_place place =
			place_of(request->parts[i].record, request->parts[i].ordinal);
		cleanup_(json_freep) struct json_object *body = body_of_part(request, i);
		char **texts = texts_of_body(e, body, request->object);
		char *nest = nest_text_of_part(request, i);
		struct offer *offered;
		size_t n_made;

		if (nest)
			strlist_add(&texts, nest);
		n_made = strlist_len(texts);
		add_child_of_part(e, request, i, &texts);
		add_names(e, op, &texts);
		offer(e, &place, request->parts[i].number, texts, n_made);
		offered = parents_at(e->parents, &place);
		if (offered)
			set_about(e, offered, request);
		if (offered && request->state == REQUEST_HELD)
			hold(e, offered, &request->parts[i], request);
	}
}

/* Outcomes */

void offers_end(struct engine *e, const struct part *part)
{
	const struct output_place place = place_of(part->record, part->ordinal);
	const struct offer *offer = may_ask(e) ? parents_at(e->parents, &place) : NULL;
	char *const *texts;
	size_t n;

	if (!offer || part->outcome != OUTCOME_REJECTED || offer_is_change(offer))
		return;
	texts = offer_made(offer, &n);
	for (size_t i = 0; i < n; i++)
		journal_close_key(e->journal, part->id, CLOSING_PARENT, texts[i]);
}

void offers_applied(struct engine *e, const struct request *request, const char *lead_id)
{
	cleanup_(freep) char *target = may_ask(e) ? crm_object_in_url(request->url) : NULL;

	for (size_t i = 0; target && i < request->n_parts; i++) {
		const struct output_place place =
			place_of(request->parts[i].record, request->parts[i].ordinal);
		const struct offer *offer = parents_at(e->parents, &place);
		const char *written = offer ? offer_written(offer) : NULL;

		if (written)
			taken_add(e->resolve->taken, target, lead_id, written,
			          loop_now_ms(e->loop));
	}
}

/* Who waited for it has no parent now, but for those between which and it there is another. */
static void refuse(struct engine *e, struct offer *offer, uint64_t part)
{
	void **waiters;
	const size_t n = offer_waiters(offer, &waiters);

	for (size_t i = 0; i < n; i++) {
		struct resolving *r = waiters[i];

		for (size_t k = 0; k < r->n_findings; k++)
			if (r->findings[k].awaits == offer && !offer_is_made(offer, r->number))
				r->findings[k].orphan_of = part;
	}
	end(e, offer);
}

void offers_ended(struct engine *e, const struct part *part, const struct request *request)
{
	const struct output_place place = place_of(part->record, part->ordinal);
	struct offer *offer = may_ask(e) ? parents_at(e->parents, &place) : NULL;

	parking_end(e, part);
	if (request && part == request->parts)
		resolve_lanes_opened(e, request);
	e->resolve->is_busy |= e->resolve->n_aside != 0;
	if (!offer)
		return;
	if (part->outcome == OUTCOME_DELIVERED)
		parents_made(e->parents, offer);
	assert(request || part->outcome != OUTCOME_HELD); /* only a call can be held */
	if (part->outcome == OUTCOME_HELD)
		hold(e, offer, part, request);
	else if (part->outcome == OUTCOME_REJECTED && !offer_is_change(offer))
		refuse(e, offer, part->id);
	else
		end(e, offer);
}
