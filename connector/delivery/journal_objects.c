#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"
#include "lib/strlist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Which object has which value, and what was last said of its fields. Identities are rows without a
 * source: what an object's answers say later leaves them alone, as nobody may make a second object
 * with the same; only when the object is gone they go, too.
 */

void journal_prepare_objects(struct journal *j)
{
	struct store *s = j->store;

	j->q.put_object = store_query(
		s,
		"INSERT OR REPLACE INTO object VALUES(?1, ?2, ?3, ?4, '', NULL, ?5, ?5, 0, 0, 0)");
	j->q.find_object = store_query(s, "SELECT object_id FROM object WHERE kind=?1 AND field=?2"
	                                  " AND value=?3 ORDER BY source <> '', at DESC LIMIT 1");
	j->q.knows_object =
		store_query(s, "SELECT 1 FROM object WHERE object_id=?1 AND source='' LIMIT 1");
	j->q.object_time = store_query(s, "SELECT at FROM object WHERE object_id=?1 AND source=''"
	                                  " ORDER BY at LIMIT 1");

	j->q.holds_same =
		store_query(s, "SELECT 1 FROM request JOIN payload ON payload.request = seq"
	                       " WHERE state=?1 AND object=?2 AND body=?3 LIMIT 1");

	j->q.said_by = store_query(s, "SELECT kind, field, value, object_id FROM object"
	                              " WHERE source=?1 AND source <> ''");
	j->q.remember = store_query(
		s, "INSERT INTO object VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10)"
		   " ON CONFLICT DO UPDATE"
		   " SET lead_id=coalesce(excluded.lead_id, lead_id), at=excluded.at,"
		   " (stream, pos, ordinal)=(SELECT excluded.stream, excluded.pos, excluded.ordinal"
		   " WHERE excluded.stream <> 0 AND (stream <> excluded.stream"
		   " OR (pos, ordinal) < (excluded.pos, excluded.ordinal))"
		   " UNION ALL SELECT stream, pos, ordinal LIMIT 1)");
	/* What it said at the same time was shown by the same answer. */
	j->q.remember_found = store_query(
		s, "INSERT INTO object SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 0, 0, 0"
		   " WHERE NOT EXISTS"
		   " (SELECT 1 FROM object WHERE source=?5 AND source <> '' AND kind=?1 AND"
		   " field=?2 AND object_id=?4 AND value <> ?3 AND at < ?7 AND at > ?7 - 60000)"
		   " ON CONFLICT DO UPDATE SET lead_id=coalesce(excluded.lead_id, lead_id),"
		   " at=max(at, excluded.at)");
	j->q.says_other = store_query(
		s, "SELECT min(value <> ?3) FROM object WHERE source=?5 AND source <> '' AND"
		   " kind=?1 AND field=?2 AND object_id=?4 AND at < ?6 AND at > ?6 - 60000");
	j->q.unsay = store_query(s, "DELETE FROM object WHERE kind=?1 AND field=?2 AND value=?3"
	                            " AND object_id=?4 AND source=?5");
	j->q.unmatch =
		store_query(s, "DELETE FROM object WHERE object_id=?4 AND kind=?1 AND field=?2"
	                       " AND value <> ?3 AND source GLOB 'match *'");
	j->q.outdate = store_query(
		s, "DELETE FROM object WHERE object_id=?1 AND source <> '' AND at < ?2");
	j->q.unwatch = store_query(s, "DELETE FROM object WHERE source <> '' AND kind <> 'spelling'"
	                              " AND instr(?1, char(10) || kind || ' ' || field ||"
	                              " char(10)) = 0");
	j->q.unknow = store_query(s, "DELETE FROM known");
	j->q.find_remembered =
		store_query(s, "SELECT object_id, max(lead_id) FROM object WHERE kind=?1"
	                       " AND field=?2 AND value=?3 AND source <> ''"
	                       " GROUP BY object_id ORDER BY min(since), object_id");
	j->q.made_between = store_query(
		s, "SELECT 1 FROM object WHERE kind=?1 AND field=?2 AND value=?3 AND object_id=?4"
		   " AND source <> '' AND iif(stream=?5, (pos, ordinal) > (?6, ?7)"
		   " AND (pos, ordinal) < (?8, ?9), stream <> 0 AND since > ?10) LIMIT 1");
	j->q.find_sources =
		store_query(s, "SELECT source FROM object WHERE kind=?1 AND field=?2 AND value=?3"
	                       " AND object_id=?4 AND source <> ''");
	j->q.forget_object =
		store_query(s, "DELETE FROM object WHERE object_id=?1 AND source <> ''");
	/* Its identity is free; that the object was ours stays known. */
	j->q.retire_object = store_query(s, "UPDATE OR REPLACE object SET field='', value=''"
	                                    " WHERE object_id=?1 AND source=''");
	j->q.forget_source = store_query(s, "DELETE FROM object WHERE source=?1 AND source <> ''");
	j->q.forget_of_lead =
		store_query(s, "DELETE FROM object WHERE lead_id=?1 AND lead_id IS NOT NULL");
	j->q.forget_known = store_query(s, "DELETE FROM known WHERE object_id=?1");

	j->q.know = store_query(s, "INSERT OR REPLACE INTO known VALUES(?1, ?2, ?3, ?4, ?5)");
	j->q.know_still = store_query(s, "UPDATE known SET sent=iif(answered=?3, sent, 0),"
	                                 " answered=?3, at=?4 WHERE object_id=?1 AND field=?2");
	j->q.knows = store_query(s, "SELECT 1 FROM known WHERE object_id=?1 AND field=?2"
	                            " AND (sent=iif(?3, ?3, NULL) OR answered=?3)");
	j->q.known_fields = store_query(s, "SELECT field FROM known WHERE object_id=?1");
}

/* Identities */

static void put_object(struct journal *journal, const struct remembered *takes_item,
                       int64_t wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_OBJECT);

	c->items = mem_alloc(sizeof(*c->items));
	c->n_items = 1;
	c->items[0] = *takes_item;
	c->wall_ms = wall_ms;
}

void journal_put_object(struct journal *journal, const struct request *request, int64_t wall_ms)
{
	const struct remembered item = {
		.kind = mem_strdup(request->object),
		.field = mem_strdup(request->identity_field ? request->identity_field : ""),
		.value = mem_strdup(request->identity_field ? request->identity_value : ""),
		.object_id = mem_strdup(request->object_id ? request->object_id : "")};

	put_object(journal, &item, wall_ms);
}

void journal_put_made(struct journal *journal, const char *kind, const char *object_id,
                      int64_t wall_ms)
{
	const struct remembered item = {.kind = mem_strdup(kind),
	                                .field = mem_strdup(""),
	                                .value = mem_strdup(""),
	                                .object_id = mem_strdup(object_id)};

	put_object(journal, &item, wall_ms);
}

static void bind_item(struct store_query *q, const struct remembered *item)
{
	store_bind_text(q, 1, item->kind);
	store_bind_text(q, 2, item->field);
	store_bind_text(q, 3, item->value);
	store_bind_text(q, 4, item->object_id);
}

int journal_apply_object(struct journal *j, const struct change *c, struct err *err)
{
	bind_item(j->q.put_object, c->items);
	store_bind_int(j->q.put_object, 5, c->wall_ms);
	return store_run(j->q.put_object, err);
}

char *journal_find_object(struct journal *journal, const char *kind, const char *field,
                          const char *value)
{
	struct store_query *q = journal->q.find_object;
	char *id = NULL;

	store_bind_text(q, 1, kind);
	store_bind_text(q, 2, field);
	store_bind_text(q, 3, value);
	if (store_step(q, NULL) > 0)
		id = mem_strdup(store_text(q, 0));
	store_reset(q);
	return id;
}

int64_t journal_object_time(struct journal *journal, const char *object_id)
{
	struct store_query *q = journal->q.object_time;
	int64_t at = 0;

	store_bind_text(q, 1, object_id);
	if (store_step(q, NULL) > 0)
		at = store_int(q, 0);
	store_reset(q);
	return at;
}

bool journal_knows_object_id(struct journal *journal, const char *object_id)
{
	struct store_query *q = journal->q.knows_object;
	bool knows;

	store_bind_text(q, 1, object_id);
	knows = store_step(q, NULL) > 0;
	store_reset(q);
	return knows;
}

bool journal_holds_same(struct journal *journal, const struct request *request)
{
	struct store_query *q = journal->q.holds_same;
	bool holds;

	store_bind_int(q, 1, REQUEST_HELD);
	store_bind_text(q, 2, request->object);
	store_bind_blob(q, 3, request->body, request->body_len);
	holds = store_step(q, NULL) > 0;
	store_reset(q);
	return holds;
}

/* What finds objects */

static struct change *add_said(struct journal *j, enum change_kind kind, const char *source_id,
                               const struct remembered *items, size_t n, int64_t wall_ms)
{
	struct change *c = journal_add_change(j, kind);

	assert(*source_id);
	c->text[0] = mem_strdup(source_id);
	c->items = mem_array(n, sizeof(*c->items));
	c->n_items = n;
	c->wall_ms = wall_ms;
	for (size_t i = 0; i < n; i++)
		c->items[i] = (struct remembered){.kind = mem_strdup(items[i].kind),
		                                  .field = mem_strdup(items[i].field),
		                                  .value = mem_strdup(items[i].value),
		                                  .object_id = mem_strdup(items[i].object_id),
		                                  .lead_id = mem_strdup(items[i].lead_id),
		                                  .made = items[i].made};
	return c;
}

void journal_remember(struct journal *journal, const char *source_id,
                      const struct remembered *items, size_t n, int64_t wall_ms)
{
	add_said(journal, CHANGE_REMEMBER, source_id, items, n, wall_ms);
}

void journal_remember_found(struct journal *journal, const char *source_id,
                            const struct remembered *items, size_t n, int64_t wall_ms)
{
	add_said(journal, CHANGE_REMEMBER_FOUND, source_id, items, n, wall_ms)->needs_room = true;
}

bool journal_says_other(struct journal *journal, const char *source_id,
                        const struct remembered *item, int64_t wall_ms)
{
	struct store_query *q = journal->q.says_other;
	bool is_other;

	bind_item(q, item);
	store_bind_text(q, 5, source_id);
	store_bind_int(q, 6, wall_ms);
	/* NULL, which reads as 0, where it said nothing. */
	is_other = store_step(q, NULL) > 0 && store_int(q, 0) == 1;
	store_reset(q);
	return is_other;
}

static void bind_place(struct store_query *q, int at, const struct output_place *place)
{
	store_bind_int(q, at, (int64_t)place->stream);
	store_bind_int(q, at + 1, (int64_t)place->pos);
	store_bind_int(q, at + 2, place->ordinal);
}

static bool is_among(struct store_query *row, const struct remembered *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(items[i].value, store_text(row, 2)) &&
		    !strcmp(items[i].field, store_text(row, 1)) &&
		    !strcmp(items[i].kind, store_text(row, 0)) &&
		    !strcmp(items[i].object_id, store_text(row, 3)))
			return true;
	return false;
}

/*
 * What @c->text[0] said before and does not say any more. What it was found by besides, since Close
 * shows it otherwise ("match …", engine/remember.c), may have been that value.
 */
static int unsay(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *q = j->q.said_by;
	struct remembered *old = NULL;
	size_t n = 0, cap = 0;
	int r;

	store_bind_text(q, 1, c->text[0]);
	while ((r = store_step(q, err)) > 0) {
		if (is_among(q, c->items, c->n_items))
			continue;
		old = mem_grow(old, n, &cap, sizeof(*old));
		old[n++] = (struct remembered){.kind = mem_strdup(store_text(q, 0)),
		                               .field = mem_strdup(store_text(q, 1)),
		                               .value = mem_strdup(store_text(q, 2)),
		                               .object_id = mem_strdup(store_text(q, 3))};
	}
	for (size_t i = 0; i < n; i++) {
		if (r >= 0) {
			bind_item(j->q.unsay, &old[i]);
			store_bind_text(j->q.unsay, 5, c->text[0]);
			r = store_run(j->q.unsay, err);
		}
		if (r >= 0 && !strcmp(old[i].object_id, c->text[0])) {
			bind_item(j->q.unmatch, &old[i]);
			r = store_run(j->q.unmatch, err);
		}
		remembered_deinit(&old[i]);
	}
	free(old);
	return r;
}

int journal_apply_remember(struct journal *j, const struct change *c, struct err *err)
{
	const bool is_found = c->kind == CHANGE_REMEMBER_FOUND;
	struct store_query *q = is_found ? j->q.remember_found : j->q.remember;
	int r = is_found ? 0 : unsay(j, c, err);

	for (size_t i = 0; r >= 0 && i < c->n_items; i++) {
		bind_item(q, &c->items[i]);
		store_bind_text(q, 5, c->text[0]);
		store_bind_text(q, 6, c->items[i].lead_id);
		store_bind_int(q, 7, c->wall_ms);
		if (!is_found)
			bind_place(q, 8, &c->items[i].made);
		r = store_run(q, err);
	}
	return r;
}

size_t journal_find_remembered(struct journal *journal, const char *kind, const char *field,
                               const char *value, struct remembered *ret_items, size_t max)
{
	struct store_query *q = journal->q.find_remembered;
	size_t n = 0;

	store_bind_text(q, 1, kind);
	store_bind_text(q, 2, field);
	store_bind_text(q, 3, value);
	for (; store_step(q, NULL) > 0; n++)
		if (n < max)
			ret_items[n] =
				(struct remembered){.kind = mem_strdup(kind),
			                            .field = mem_strdup(field),
			                            .value = mem_strdup(value),
			                            .object_id = mem_strdup(store_text(q, 0)),
			                            .lead_id = mem_strdup(store_text(q, 1))};
	return n;
}

bool journal_is_made_between(struct journal *journal, const struct remembered *item,
                             const struct closing_part *after, const struct output_place *before)
{
	struct store_query *q = journal->q.made_between;
	bool is;

	bind_item(q, item);
	bind_place(q, 5, &after->place);
	store_bind_int(q, 8, (int64_t)before->pos);
	store_bind_int(q, 9, before->ordinal);
	store_bind_int(q, 10, after->at_wall_ms);
	is = store_step(q, NULL) > 0;
	store_reset(q);
	return is;
}

char **journal_find_sources(struct journal *journal, const char *kind, const char *field,
                            const char *value, const char *object_id)
{
	struct store_query *q = journal->q.find_sources;
	char **sources = NULL;

	store_bind_text(q, 1, kind);
	store_bind_text(q, 2, field);
	store_bind_text(q, 3, value);
	store_bind_text(q, 4, object_id);
	while (store_step(q, NULL) > 0)
		strlist_add(&sources, mem_strdup(store_text(q, 0)));
	return sources;
}

void journal_outdate(struct journal *journal, const char *object_id, int64_t wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_OUTDATE);

	c->text[0] = mem_strdup(object_id);
	c->wall_ms = wall_ms;
}

int journal_apply_outdate(struct journal *j, const struct change *c, struct err *err)
{
	store_bind_text(j->q.outdate, 1, c->text[0]);
	store_bind_int(j->q.outdate, 2, c->wall_ms);
	return store_run(j->q.outdate, err);
}

/* The whole table is read, so only where something else is watched than before. */
int journal_watch(struct journal *journal, const char *fields, bool knows, struct err *err)
{
	char *before = journal_meta(journal, "watched"), *lines = mem_printf("\n%s", fields);
	int r = 0;

	if (strcmp(before ? before : "", fields) != 0) {
		store_bind_text(journal->q.unwatch, 1, lines);
		r = store_run(journal->q.unwatch, err);
		if (r >= 0)
			r = journal_set_meta(journal, "watched", fields, err);
	}
	free(before);
	free(lines);
	return r >= 0 && !knows ? store_run(journal->q.unknow, err) : r;
}

void journal_forget_object(struct journal *journal, const char *object_id)
{
	journal_add_change(journal, CHANGE_FORGET_OBJECT)->text[0] = mem_strdup(object_id);
}

int journal_apply_forget_object(struct journal *j, const struct change *c, struct err *err)
{
	struct store_query *const queries[] = {j->q.forget_object, j->q.retire_object,
	                                       j->q.forget_source, j->q.forget_of_lead,
	                                       j->q.forget_known,  NULL};
	int r = 0;

	for (size_t i = 0; r >= 0 && queries[i]; i++) {
		store_bind_text(queries[i], 1, c->text[0]);
		r = store_run(queries[i], err);
	}
	return r;
}

/* What is known of fields */

void journal_know(struct journal *journal, const char *object_id, const struct known_field *fields,
                  size_t n, int64_t wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_KNOW);

	c->text[0] = mem_strdup(object_id);
	c->known = mem_array(n, sizeof(*c->known));
	c->n_items = n;
	c->wall_ms = wall_ms;
	for (size_t i = 0; i < n; i++)
		c->known[i] = (struct known_copy){.field = mem_strdup(fields[i].field),
		                                  .sent = fields[i].sent,
		                                  .answered = fields[i].answered};
}

static int know(struct journal *j, const struct change *c, const struct known_copy *f,
                struct err *err)
{
	struct store_query *q = f->sent ? j->q.know : j->q.know_still;

	store_bind_text(q, 1, c->text[0]);
	store_bind_text(q, 2, f->field);
	if (f->sent) {
		store_bind_int(q, 3, (int64_t)f->sent);
		store_bind_int(q, 4, (int64_t)f->answered);
		store_bind_int(q, 5, c->wall_ms);
	} else {
		store_bind_int(q, 3, (int64_t)f->answered);
		store_bind_int(q, 4, c->wall_ms);
	}
	return store_run(q, err);
}

int journal_apply_know(struct journal *j, const struct change *c, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->n_items; i++)
		r = know(j, c, &c->known[i], err);
	return r;
}

bool journal_knows(struct journal *journal, const char *object_id, const char *field, uint64_t hash)
{
	struct store_query *q = journal->q.knows;
	bool knows;

	store_bind_text(q, 1, object_id);
	store_bind_text(q, 2, field);
	store_bind_int(q, 3, (int64_t)hash);
	knows = store_step(q, NULL) > 0;
	store_reset(q);
	return knows;
}

char **journal_known_fields(struct journal *journal, const char *object_id)
{
	struct store_query *q = journal->q.known_fields;
	char **list = NULL;

	store_bind_text(q, 1, object_id);
	while (store_step(q, NULL) > 0)
		strlist_add(&list, mem_strdup(store_text(q, 0)));
	return list;
}
