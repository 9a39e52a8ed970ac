#include "connector/engine/resolve_private.h"

#include "connector/close/names.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Names of custom fields, statuses, pipelines and users. A book is asked for when a record is
 * written by names of it, once, and kept in the journal for later runs. What an old book refuses is
 * asked again before anybody is refused for it.
 */

enum { fresh_ms = 600000 }; /* long runs look again after this time */

struct naming {
	struct names names;
	size_t n_asking;
	bool was_renewed; /* a book that was in use has been read again in this run */
	bool has_makers;  /* a route makes what is called by names */
	bool is_outdated; /* something was made since the books were asked for that come now */
	char **awaited;   /* kinds to be asked for when what is being made is there */
};

struct question {
	struct engine *engine;
	struct name_book *book; /* so far */
};

struct naming *naming_new(void)
{
	return mem_alloc(sizeof(struct naming));
}

void naming_free(struct naming *naming)
{
	if (!naming)
		return;
	names_deinit(&naming->names);
	strlist_free(naming->awaited);
	free(naming);
}

const struct names *naming_names(const struct engine *e)
{
	return &e->naming->names;
}

/* What was kept; a text that cannot be read any more is asked for again. */
static void take_kept(void *arg, const char *kind, const char *text)
{
	struct naming *naming = arg;
	cleanup_(json_freep) struct json_object *list = NULL;
	struct name_book *book;

	if (json_parse(text, strlen(text), 0, &list, NULL, NULL) == 0 &&
	    crm_names_parse(kind, list, &book, NULL) == 0)
		names_put(&naming->names, book);
}

int naming_load(struct engine *e, struct err *err)
{
	return journal_each_names(e->journal, take_kept, e->naming, err);
}

void naming_watch(struct engine *e)
{
	watched_fields_free(e->watched, e->n_watched);
	e->watched = route_set_watched(&e->routes, &e->n_watched);
	e->naming->has_makers = false;
	for (size_t i = 0; i < e->routes.n; i++)
		e->naming->has_makers |= naming_is_made_by(e->routes.items[i].op);
}

/* What this run makes itself */

bool naming_is_made_by(const struct operation *op)
{
	static const char *const made[] = {"custom_field.",      "custom_activity_type",
	                                   "custom_object_type", "status.lead",
	                                   "status.opportunity", "pipeline"};

	for (size_t i = 0; op && i < sizeof(made) / sizeof(made[0]); i++)
		if (!strncmp(op->object, made[i], strlen(made[i])))
			return op->method == METHOD_POST || op->method == METHOD_PUT;
	return false;
}

bool naming_has_makers(const struct engine *e)
{
	return e->naming->has_makers;
}

void naming_is_made(struct engine *e)
{
	struct names *names = &e->naming->names;

	for (size_t i = 0; i < names->n; i++)
		names->books[i]->may_grow = true;
}

void naming_was_made(struct engine *e)
{
	e->naming->is_outdated = true;
	e->input_goes_on = true;
}

/* Where nothing moves any more, what is being made waits for a person. */
static bool is_being_made(const struct engine *e)
{
	return parents_is_on_its_way(e->parents, offers_of_names) &&
	       !(delivery_is_idle(e->delivery) && !batches_n(e) && resolve_is_stuck(e));
}

/* Asking */

static void keep(struct engine *e, const struct name_book *book)
{
	cleanup_(json_freep) struct json_object *list = crm_names_json(book);
	cleanup_(freep) char *text = json_text(list);

	journal_put_names(e->journal, book->kind, text, loop_wall_ms(e->loop));
	hook_point("names_asked");
}

static void put_book(struct engine *e, struct name_book *takes_book)
{
	struct naming *naming = e->naming;

	const struct name_book *old = names_book(&naming->names, takes_book->kind);

	naming->was_renewed |= old != NULL;
	takes_book->is_fresh = true;
	takes_book->may_grow = naming->is_outdated || is_being_made(e);
	takes_book->read_ms = loop_now_ms(e->loop);
	resolve_take_book(e, old, takes_book);
	names_put(&naming->names, takes_book);
	naming_watch(e);
}

/* A type that is not there is a mistake of its records; all else is one of the whole run. */
static void no_answer(struct engine *e, struct name_book *takes_book, long status, const char *why)
{
	struct name_book *book = takes_book;
	const char *type = strchr(book->kind, '/');
	char sentence[400];

	if (type && name_type_key(book->kind) && (status == 400 || status == 404)) {
		book->trouble = mem_printf("Close knows no type \"%.80s\" (it answered %ld)",
		                           type + 1, status);
		put_book(e, book);
		return;
	}
	(void)snprintf(sentence, sizeof(sentence),
	               "the names of %s cannot be looked up: Close %s; what is written by name "
	               "needs them, ids do not",
	               name_kind_all(book->kind), why);
	delivery_stop(e->delivery, status == 403 ? EXIT_REFUSED : EXIT_PIPELINE, sentence);
	name_book_free(book);
}

static void ask_page(struct engine *e, struct name_book *takes_book);

static void names_answered(void *arg, const struct http_answer *answer)
{
	struct question *q = arg;
	struct engine *e = q->engine;
	struct name_book *book = q->book;
	cleanup_(json_freep) struct json_object *json = NULL;
	bool has_more = false;
	struct err err;
	char why[300];

	free(q);
	e->naming->n_asking--;
	hook_point("names_answered");
	if (!answer) { /* stopped, and said why */
		name_book_free(book);
		return;
	}
	(void)snprintf(why, sizeof(why), "answered %ld", answer->status);
	if (answer->status / 100 != 2) {
		no_answer(e, book, answer->status, why);
		return;
	}
	if (json_parse(answer->body, answer->body_len, 0, &json, NULL, &err) < 0 ||
	    crm_names_read(json, book, &has_more, &err) < 0) {
		(void)snprintf(why, sizeof(why), "gave an answer that cannot be read (%.200s)",
		               err.text);
		no_answer(e, book, answer->status, why);
	} else if (has_more) {
		ask_page(e, book);
	} else {
		keep(e, book);
		put_book(e, book);
	}
}

static void ask_page(struct engine *e, struct name_book *takes_book)
{
	struct question *q = mem_alloc(sizeof(*q));
	const struct delivery_call call = {.method = CALL_GET,
	                                   .group = crm_names_group(takes_book->kind),
	                                   .url = crm_names_url(takes_book->kind, takes_book->n),
	                                   .done = names_answered,
	                                   .arg = q};

	*q = (struct question){.engine = e, .book = takes_book};
	e->naming->n_asking++;
	delivery_ask(e->delivery, &call);
}

static void ask(struct engine *e, const char *kind)
{
	const struct name_book *known = names_book(&e->naming->names, kind);
	struct name_book *book;

	if (known && known->is_fresh && !known->may_grow)
		return;
	if (known && known->is_fresh && is_being_made(e)) {
		strlist_add(&e->naming->awaited, mem_strdup(kind));
		return;
	}
	book = name_book_new(kind);
	if (crm_names_is_kind(kind)) {
		ask_page(e, book);
		return;
	}
	book->trouble = mem_printf("\"%.80s\" is no id of a type", strchr(kind, '/') + 1);
	put_book(e, book);
}

void naming_ask(struct engine *e, char *const *kinds)
{
	/* What is asked for already may be what is needed; then it is asked once. */
	if (e->naming->n_asking)
		return;
	e->naming->is_outdated = false;
	for (; *kinds; kinds++)
		ask(e, *kinds);
}

bool naming_is_asking(const struct engine *e)
{
	return e->naming->n_asking > 0;
}

bool naming_is_awaited(const struct engine *e)
{
	return naming_is_asking(e) || e->naming->awaited;
}

bool naming_was_renewed(const struct engine *e)
{
	return e->naming->was_renewed;
}

void naming_turn(struct engine *e)
{
	struct names *names = &e->naming->names;

	for (size_t i = 0; i < names->n; i++)
		if (loop_now_ms(e->loop) > names->books[i]->read_ms + fresh_ms)
			names->books[i]->is_fresh = false;
	if (e->naming->awaited && !naming_is_asking(e) && !is_being_made(e)) {
		char **kinds = steal(&e->naming->awaited);

		naming_ask(e, kinds);
		strlist_free(kinds);
	}
}
