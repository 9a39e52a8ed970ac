#include "connector/engine/resolve_private.h"

#include "connector/close/catalogue.h"
#include "connector/close/lanes.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <stdlib.h>
#include <string.h>

/*
 * Close says "Object does not exist." of an object that is gone, and of one that may not stand
 * beside the others: a contact of another lead. So before anything is forgotten Close is asked for
 * the object itself, and only its 404 makes that forgotten: search, lagging behind, would not find
 * an object that is there, and the next record would make a twin.
 */

/* Of one object of @kind, by what changes or deletes it; NULL: nothing does. To free(). */
static char *url_of(const char *kind, const char *id)
{
	const struct operation_set *all = crm_catalogue();

	for (size_t i = 0; i < all->n; i++) {
		const struct operation *op = &all->items[i];
		const size_t len = strlen(op->path), end = strlen("/{id}/");

		if ((op->method == METHOD_PUT || op->method == METHOD_DELETE) &&
		    !strcmp(op->object, kind) && len > end &&
		    strchr(op->path, '{') == op->path + len - end + 1 &&
		    !strcmp(op->path + len - end, "/{id}/"))
			return mem_printf("%.*s/%s/", (int)(len - end), op->path, id);
	}
	return NULL;
}

void resolve_doubt_object(char ***doubted, const char *kind, const char *id)
{
	cleanup_(freep) char *url = url_of(kind, id);

	if (url && !strlist_has(*doubted, url))
		strlist_add(doubted, steal(&url));
}

struct checking {
	struct engine *engine;
	struct resolving *of;
	char *id;
};

/* What is true of it, for whoever reads that Close refuses it. */
static void is_there(struct resolving *r, const char *id, struct json_object *object)
{
	const char *lead_id = json_get_string(object, "lead_id");
	char *words = mem_printf("%s%s%s is there%s%s", r->hint ? r->hint : "", r->hint ? "; " : "",
	                         id, lead_id ? ", and belongs to " : "", lead_id ? lead_id : "");

	free(r->hint);
	r->hint = words;
}

static void object_came(void *arg, const struct http_answer *answer)
{
	struct checking *checking = arg;
	struct resolving *r = checking->of;

	if (answer) { /* else it stopped, and said why */
		cleanup_(json_freep) struct json_object *object = NULL;

		hook_point("object_checked");
		(void)json_parse(answer->body, answer->body_len, 0, &object, NULL, NULL);
		if (answer->status == 404)
			resolve_forget(checking->engine, checking->id);
		else if (answer->status / 100 == 2)
			is_there(r, checking->id, object);
		r->is_forgetting = answer->status == 404;
		r->is_checking = false;
		resolve_wake(checking->engine, r);
	}
	free(checking->id);
	free(checking);
}

static void check_next(struct engine *e, struct resolving *r)
{
	struct checking *checking = mem_alloc(sizeof(*checking));
	char *url = r->doubted[r->n_checked++];
	const struct delivery_call call = {
		.method = CALL_GET,
		.group = "default",
		.url = mem_strdup(url),
		.done = object_came,
		.arg = checking,
	};

	*checking = (struct checking){.engine = e, .of = r, .id = crm_object_in_url(url)};
	r->is_checking = true;
	delivery_ask(e->delivery, &call);
}

bool resolve_checks(struct engine *e, struct resolving *r)
{
	if (r->is_forgetting) {
		r->is_forgetting = false; /* what is forgotten in this turn is known in the next */
		resolve_wake(e, r);
	} else if (!r->is_checking && r->n_checked < strlist_len(r->doubted)) {
		check_next(e, r);
	} else if (!r->is_checking) {
		return false;
	}
	r->wait = WAIT_ANSWER;
	return true;
}
