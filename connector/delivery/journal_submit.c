#include "connector/delivery/journal_schema.h"

#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>

/* Changes are taken down here, and written by the commit. */

struct change *journal_add_change(struct journal *j, enum change_kind kind)
{
	struct change *c;

	j->changes = mem_grow(j->changes, j->n_changes, &j->cap_changes, sizeof(*j->changes));
	c = &j->changes[j->n_changes++];
	*c = (struct change){.kind = kind};
	return c;
}

void journal_change_deinit(struct change *c)
{
	for (size_t t = 0; t < 3; t++)
		free(c->text[t]);
	for (size_t i = 0; c->items && i < c->n_items; i++)
		remembered_deinit(&c->items[i]);
	free(c->items);
	for (size_t i = 0; c->known && i < c->n_items; i++)
		free(c->known[i].field);
	free(c->known);
}

static void name_part(struct journal *j, struct part *part)
{
	if (!part->id)
		part->id = j->next_part++;
	if (!part->record->row)
		part->record->row = j->next_record++;
}

static void name_request(struct journal *j, struct request *r)
{
	if (!r->seq)
		r->seq = j->next_request++;
	for (size_t i = 0; i < r->n_parts; i++)
		name_part(j, &r->parts[i]);
}

void journal_put_request(struct journal *journal, struct request *request, journal_done_fn done,
                         void *arg)
{
	struct change *c;

	name_request(journal, request);
	c = journal_add_change(journal, CHANGE_PUT_REQUEST);
	c->needs_room = request->state == REQUEST_INTENT;
	c->request = request;
	c->done = done;
	c->arg = arg;
}

void journal_put_planned(struct journal *journal, struct request *request, bool goes_with_intent,
                         journal_done_fn done, void *arg)
{
	struct change *c;

	/* Its INTENT may follow in this turn, and must not be undone by this. */
	assert(request->state == REQUEST_PLANNED);
	name_request(journal, request);
	c = journal_add_change(journal, CHANGE_PUT_PLANNED);
	c->needs_room = goes_with_intent;
	c->request = request;
	c->done = done;
	c->arg = arg;
}

void journal_put_waiting(struct journal *journal, struct part *part, const char *route,
                         const char *operation, uint64_t config, bool goes_with_intent,
                         journal_done_fn done, void *arg)
{
	struct change *c;

	name_part(journal, part);
	c = journal_add_change(journal, CHANGE_PUT_WAITING);
	c->needs_room = goes_with_intent;
	c->part = part;
	c->text[0] = mem_strdup(route);
	c->text[1] = mem_strdup(operation);
	c->number[0] = config;
	c->done = done;
	c->arg = arg;
}

void journal_halve_request(struct journal *journal, struct request *whole, struct request *first,
                           struct request *second, journal_done_fn done, void *arg)
{
	struct change *c;

	assert(first->n_parts + second->n_parts == whole->n_parts);
	first->root = second->root = whole->root ? whole->root : whole->seq;
	first->root_at = whole->root_at;
	second->root_at = whole->root_at + first->n_parts;
	name_request(journal, first);
	name_request(journal, second);
	c = journal_add_change(journal, CHANGE_HALVE_REQUEST);
	c->request = whole;
	c->halves[0] = first;
	c->halves[1] = second;
	c->done = done;
	c->arg = arg;
}

void journal_note_request(struct journal *journal, struct request *request)
{
	journal_add_change(journal, CHANGE_NOTE_REQUEST)->request = request;
}

void journal_reopen_request(struct journal *journal, struct request *request)
{
	journal_add_change(journal, CHANGE_REOPEN_REQUEST)->request = request;
}

void journal_end_request(struct journal *journal, struct request *request, const bool *keeps_record,
                         struct event *event, journal_done_fn done, void *arg)
{
	struct change *c = journal_add_change(journal, CHANGE_END_REQUEST);

	c->request = request;
	c->keeps_record = keeps_record;
	c->event = event;
	c->done = done;
	c->arg = arg;
}

void journal_reject_part(struct journal *journal, struct part *part, const char *route,
                         const char *operation, struct event *event, int64_t wall_ms,
                         journal_done_fn done, void *arg)
{
	struct change *c;

	name_part(journal, part);
	c = journal_add_change(journal, CHANGE_REJECT_PART);
	c->part = part;
	c->event = event;
	c->text[0] = mem_strdup(route);
	c->text[1] = mem_strdup(operation);
	c->wall_ms = wall_ms;
	c->done = done;
	c->arg = arg;
}

void journal_retake_request(struct journal *journal, struct request *request,
                            struct part *const *parts, journal_done_fn done, void *arg)
{
	struct change *c = journal_add_change(journal, CHANGE_RETAKE);

	c->request = request;
	c->parts = parts;
	c->done = done;
	c->arg = arg;
}

void journal_drop_part(struct journal *journal, uint64_t id, int64_t wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_DROP_PART);

	c->number[0] = id;
	c->wall_ms = wall_ms;
}

void journal_drop_orphan_request(struct journal *journal, uint64_t seq)
{
	journal_add_change(journal, CHANGE_DROP_REQUEST)->number[0] = seq;
}

void journal_put_stream(struct journal *journal, struct stream *stream)
{
	for (size_t i = 0; i < journal->n_changes; i++)
		if (journal->changes[i].kind == CHANGE_STREAM &&
		    journal->changes[i].stream == stream)
			return;
	journal_add_change(journal, CHANGE_STREAM)->stream = stream;
}

void journal_put_run(struct journal *journal, struct journal_run *run)
{
	if (!run->id)
		run->id = journal->next_run++;
	journal_add_change(journal, CHANGE_RUN)->run = run;
}

void journal_accept_events(struct journal *journal, enum event_sink sink, uint64_t from,
                           uint64_t to, struct told_events told)
{
	struct change *c = journal_add_change(journal, CHANGE_ACCEPT);

	c->told = told;
	c->small = sink;
	c->number[0] = from;
	c->number[1] = to;
}

void journal_postpone_event(struct journal *journal, uint64_t seq, unsigned attempts,
                            int64_t next_try_wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_POSTPONE);

	c->number[0] = seq;
	c->small = attempts;
	c->wall_ms = next_try_wall_ms;
}

void journal_edit_record(struct journal *journal, const struct record *record)
{
	struct change *c = journal_add_change(journal, CHANGE_EDIT_RECORD);

	c->number[0] = record->row;
	c->text[0] = mem_strdup(record->raw);
}

void journal_resend_events(struct journal *journal, const struct event_choice *choice,
                           enum event_sink sink, uint64_t *ret_n, journal_done_fn done, void *arg)
{
	struct change *c = journal_add_change(journal, CHANGE_RESEND);

	c->choice = choice;
	c->small = sink;
	c->ret_n = ret_n;
	c->done = done;
	c->arg = arg;
}

void journal_put_decision(struct journal *journal, const char *what, uint64_t subject,
                          const char *choice, const char *object_id, int64_t wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_DECISION);

	c->text[0] = mem_strdup(what);
	c->text[1] = mem_strdup(choice);
	c->text[2] = mem_strdup(object_id);
	c->number[0] = subject;
	c->wall_ms = wall_ms;
}

void journal_put_names(struct journal *journal, const char *kind, const char *text, int64_t wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_NAMES);

	c->text[0] = mem_strdup(kind);
	c->text[1] = mem_strdup(text);
	c->wall_ms = wall_ms;
}

void journal_put_closed_lane(struct journal *journal, const char *key, int64_t until_wall_ms)
{
	struct change *c = journal_add_change(journal, CHANGE_CLOSED_LANE);

	c->text[0] = mem_strdup(key);
	c->wall_ms = until_wall_ms;
}

void journal_put_key(struct journal *journal, const struct record *record)
{
	struct change *c = journal_add_change(journal, CHANGE_KEY);

	assert(record->has_key);
	c->number[0] = record->row;
	c->text[0] = mem_dup(record->key, sizeof(record->key));
}

void journal_put_seen(struct journal *journal, struct record *record, enum outcome outcome,
                      int64_t wall_ms, journal_done_fn done, void *arg)
{
	struct change *c = journal_add_change(journal, CHANGE_SEEN);

	assert(record->has_key);
	c->record = record;
	c->small = outcome;
	c->wall_ms = wall_ms;
	c->done = done;
	c->arg = arg;
}
