#include "connector/engine/desk_private.h"

#include "connector/engine/find.h"
#include "connector/shape/shape.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * One record of the input is sent because a person says so. First it is found, beside whoever reads
 * the input: which stream its file is, and what became of it. Then it goes the way every record
 * goes, and whoever reads comes to a place that is taken. Nothing is kept of it before its first
 * INTENT, so a kill before that leaves it unread.
 */

struct sending {
	bool is_look, is_again, is_edited;
	char *name; /* of the file, or topic, and where the record stands in it */
	struct desk_where where;
	uint64_t next_pos, len;
	/* To be sent: edited, again, or of a message; NULL: what stands there. */
	char *content;
	char *message; /* what a message has beside it; NULL: it is a line of a file */
	struct desk_patience patience;
	char *raw_hash;   /* of what the person was shown */
	char *shown_hash; /* of what would go over the wire */
	int64_t now_wall_ms;
	struct finding *finding;
	size_t n_streams; /* that there were when the finding began */
	enum finding_step found;
	struct record *record;      /* taken */
	char *waits_for;            /* in words: only a person goes on with it; NULL: it goes on */
	struct json_object *answer; /* it ended without being sent */
};

void sending_free(struct sending *sending)
{
	if (!sending)
		return;
	free(sending->name);
	free(sending->content);
	free(sending->message);
	free(sending->raw_hash);
	free(sending->shown_hash);
	free(sending->waits_for);
	finding_free(sending->finding);
	record_unref(sending->record);
	json_object_put(sending->answer);
	free(sending);
}

bool sending_is_busy(const struct sending *sending)
{
	return !sending->record && !sending->answer && !sending->patience.is_waiting;
}

bool sending_has_ended(const struct sending *sending)
{
	return sending->answer || sending->waits_for ||
	       (sending->record && !sending->record->n_open);
}

static struct json_object *refuse_find(int r, const struct err *err)
{
	return desk_refusal(r == -ESTALE || r == -ENOENT ? EXIT_AGAIN : EXIT_INPUT, "%s",
	                    err->text);
}

static bool is_message(const struct sending *s)
{
	return s->where.kind == STREAM_PARTITION;
}

/* Why the record at its place of @stream is not to be sent; NULL: it is. */
static struct json_object *why_not(struct journal *journal, const char *path, struct sending *s,
                                   uint64_t stream, bool is_settled)
{
	s->where.stream = stream;
	return desk_became(journal, path, &s->where, is_settled && !s->is_again);
}

/* Finding it */

static struct sending *read_request(struct json_object *request, bool is_look)
{
	const char *topic = json_get_string(request, "topic");
	struct sending *s = mem_alloc(sizeof(*s));

	s->is_look = is_look;
	s->is_again = json_get_bool(request, "again", false);
	s->is_edited = json_get_bool(request, "edited", false);
	s->name = mem_strdup(topic ? topic : json_get_string(request, "file"));
	s->where = (struct desk_where){
		.kind = topic ? STREAM_PARTITION : STREAM_FILE,
		.name = s->name,
		.partition = (int32_t)json_get_int(request, "partition", 0),
		.line = (uint64_t)json_get_int(request, "line", 0),
		.pos = (uint64_t)json_get_int(request, "pos", 0),
	};
	s->next_pos = (uint64_t)json_get_int(request, "next_pos", 0);
	s->len = (uint64_t)json_get_int(request, "len", 0);
	s->message = mem_strdup(json_get_string(request, "message"));
	s->now_wall_ms = json_get_int(request, "now_wall_ms", 0);
	s->content = mem_strdup(json_get_string(request, "content"));
	s->raw_hash = mem_strdup(json_get_string(request, "raw_sha256"));
	s->shown_hash = mem_strdup(json_get_string(request, "shown_sha256"));
	return s;
}

static int begin_finding(struct sending *s, const struct pipeline *pipeline,
                         struct stream *const *streams, size_t n, struct err *err)
{
	const struct finding_wish wish = {
		.name = s->name, .pos = s->where.pos, .only_stream = s->is_look};

	finding_free(s->finding);
	s->finding = NULL;
	s->found = FINDING_MORE;
	s->n_streams = n;
	return finding_new(pipeline, streams, n, &wish, &s->finding, err);
}

/* Goes on; true: it is found. */
static bool find(struct sending *s, const struct pipeline *pipeline, struct stream *const *streams,
                 size_t n)
{
	struct err err;
	int r = 0;

	/* What began meanwhile may be its stream. */
	if (!s->finding || s->n_streams != n)
		r = begin_finding(s, pipeline, streams, n, &err);
	if (r >= 0 && s->found == FINDING_MORE)
		r = finding_step(s->finding, &err);
	if (r < 0)
		s->answer = refuse_find(r, &err);
	else if (s->found == FINDING_MORE)
		s->found = (enum finding_step)r;
	return r >= 0 && s->found != FINDING_MORE;
}

static struct json_object *unread(void)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "state", json_object_new_string("unread"));
	return o;
}

/* Taking it */

/* The record there, as far as its place tells. */
static struct record *new_record(const struct sending *s)
{
	struct record *record = record_new();

	record->kind = s->where.kind;
	record->source_name = mem_strdup(s->name);
	record->pos = s->where.pos;
	record->next_pos = s->next_pos;
	record->len = s->len;
	record->line = s->where.line;
	return record;
}

static struct record *message_record(const struct sending *s, struct json_object **ret_refusal)
{
	struct record *record = new_record(s);
	struct err err;

	free(record->source_name); /* until it is read, the name of its stream */
	record->source_name = mem_printf("%s/%" PRId32, s->name, s->where.partition);
	if (record_message_parse(record, s->message, &err) < 0)
		*ret_refusal = desk_refusal(EXIT_USAGE, "%s", err.text);
	return record;
}

static struct record *line_record(const struct sending *s, struct json_object **ret_refusal)
{
	struct record *record = finding_record(s->finding);
	char hash[sha256_hex];

	record = record ? record_ref(record) : new_record(s);
	if (record->raw && s->raw_hash) {
		crypto_sha256_hex(record->raw, (size_t)record->len, hash);
		if (strcmp(hash, s->raw_hash) != 0)
			*ret_refusal = desk_refusal(
				EXIT_AGAIN, "%s has changed since you were shown it", s->name);
	}
	return record;
}

/* The record as it is to be shaped; NULL with a refusal. */
static struct record *make_record(struct sending *s, struct json_object **ret_refusal)
{
	struct record *record =
		is_message(s) ? message_record(s, ret_refusal) : line_record(s, ret_refusal);
	struct err err;

	if (s->content)
		record_edit(record, s->content);
	if (is_message(s) && !s->is_edited) { /* it is as it was read */
		record->len = record->edited_len;
		record->edited_len = 0;
	}
	if (s->content &&
	    json_parse(record->raw, record_raw_len(record), 0, &record->value, NULL, &err) < 0)
		*ret_refusal = desk_refusal(EXIT_USAGE, "the record is no JSON: %s", err.text);
	if (!*ret_refusal && !json_object_is_type(record->value, json_type_object))
		*ret_refusal = desk_refusal(EXIT_USAGE, "what stands there is no record");
	if (!*ret_refusal)
		return record;
	record_unref(record);
	return NULL;
}

/* Of what is sent again nothing may be left over: its record is settled. */
static struct json_object *why_not_again(const struct shape_result *shaped)
{
	for (size_t i = 0; i < shaped->n; i++) {
		const struct draft *draft = shaped->items[i].draft;

		if (!draft)
			return desk_refusal(EXIT_USAGE, "it cannot be sent again: %s",
			                    shaped->items[i].rejection.message);
		/* What is matched by its identity is found, and updated. */
		if (draft->identity_field && !(draft->match && draft->update))
			return desk_refusal(
				EXIT_USAGE,
				"it cannot be sent again: its identity, %s = %s, comes from the "
				"record and must stay the only one",
				draft->identity_field, draft->identity_value);
	}
	return NULL;
}

/* All up to the record was seen to be what it is: the position it settles needs that. */
static void vouch(struct stream *own, const struct stream *copy)
{
	if (copy->hashed_to <= own->hashed_to)
		return;
	memcpy(own->head_hash, copy->head_hash, sizeof(own->head_hash));
	memcpy(own->tail_hash, copy->tail_hash, sizeof(own->tail_hash));
	memcpy(own->whole_hash, copy->whole_hash, sizeof(own->whole_hash));
	own->head_len = copy->head_len;
	own->tail_len = copy->tail_len;
	own->hashed_to = copy->hashed_to;
}

/* The engine's stream the record is of; a new one is made known to who reads. NULL: not now. */
static struct stream *own_stream(struct engine *e, struct sending *s)
{
	struct stream *copy, *own;

	if (is_message(s))
		return settle_stream(e, s->where.stream);
	copy = finding_stream(s->finding);
	if (copy->id) {
		own = settle_stream(e, copy->id);
		if (s->found == FINDING_RECORD)
			vouch(own, copy);
		return own;
	}
	if (e->source && !source_know(e->source, copy))
		return NULL;
	own = finding_take_stream(s->finding);
	intake_add_stream(e, own);
	return own;
}

static struct json_object *why_not_sent(const struct sending *s, const struct shape_result *shaped,
                                        struct jq_set *jq)
{
	cleanup_(freep) char *hash = desk_fingerprint(shaped, jq);

	if (!shaped->n)
		return desk_refusal(EXIT_USAGE, "there is nothing to send of it");
	if (s->shown_hash && strcmp(hash, s->shown_hash) != 0)
		return desk_refusal(EXIT_AGAIN,
		                    "the process that runs the pipeline would send something else "
		                    "than you were shown: is a value from its environment "
		                    "another? Nothing was sent");
	return s->is_again ? why_not_again(shaped) : NULL;
}

/* From here on it is a record like every other. */
static void begin(struct engine *e, struct errand *errand, struct stream *own,
                  struct record *record, struct shape_result *shaped)
{
	struct sending *s = errand->sending;

	record->stream = own->id;
	json_object_put(record->value);
	record->value = NULL;
	intake_skip(e, record);
	record->is_settled = s->is_again && stream_is_settled(own, record->pos);
	record->is_ahead = !record->is_settled && own->settled_to < record->pos &&
	                   own->handed_to < record->pos;
	if (!record->is_settled) {
		e->n_unsettled++;
		intake_hold_bytes(e, record);
	}
	seen_hold(e, record);
	s->record = record_ref(record);
	hook_point("send_begins");
	outputs_take_rest(e, &errand->pipeline->routes, record, shaped, 0, 0, NULL, NULL);
}

static void take(struct engine *e, struct errand *errand)
{
	struct sending *s = errand->sending;
	cleanup_(record_unrefp) struct record *record = make_record(s, &s->answer);
	struct shape_result shaped;
	struct stream *own;
	struct err why;

	if (!record)
		return;
	if (!seen_admits_new(e, &errand->pipeline->routes, record, s->is_again, &why)) {
		s->answer = desk_refusal(EXIT_USAGE, "%s", why.text);
		return;
	}
	record->read_wall_ms = s->now_wall_ms;
	errand->pipeline->routes.names = naming_names(e);
	errand->pipeline->routes.identity_seed = journal_id(e->journal);
	errand->pipeline->routes.partition_seed = e->routes.partition_seed;
	shape_record(&errand->pipeline->routes, record, &shaped);
	if (shaped.needs) { /* taken again when the names are there */
		naming_ask(e, shaped.needs);
		shape_result_deinit(&shaped);
		return;
	}
	s->answer = why_not_sent(s, &shaped, errand->pipeline->routes.jq);
	own = s->answer ? NULL : own_stream(e, s);
	if (own)
		begin(e, errand, own, record, &shaped);
	shape_result_deinit(&shaped);
}

/* All that there is of it waits to be looked up. */
static bool is_unsent(const struct record *record)
{
	for (unsigned i = 0; i < record->n_outputs; i++) {
		const struct draft *draft = record->outputs[i].draft;

		if (!draft || draft->part || draft->lanes)
			return false;
	}
	return !record->is_asked && record->n_open == record->n_outputs;
}

bool sending_give_back(struct errand *errand, struct record *record, const char *why)
{
	struct engine *e = errand->desk->engine;
	struct sending *s = errand->sending;

	if (s->record != record || !is_unsent(record))
		return false;
	/* At once: their places are those of what is read there. */
	for (unsigned i = 0; i < record->n_outputs; i++)
		offers_withdraw(e, record->outputs[i].draft);
	outputs_forget(record);
	record->is_given_back = true;
	intake_unskip(e, record);
	seen_let_go(e, record);
	e->n_unsettled--;
	intake_free_bytes(e, record);
	record_unref(s->record);
	s->record = NULL;
	s->answer = desk_refusal(EXIT_AGAIN,
	                         "%s; it may be made by a record that was not read yet: run the "
	                         "pipeline, or send that one first. Nothing was sent",
	                         why);
	return true;
}

void sending_wait_for(struct sending *sending, const struct record *record, const char *words)
{
	if (sending->record == record && !sending->waits_for)
		sending->waits_for = mem_strdup(words);
}

/* Who reads has handed it out, and its outcome is to come. */
static bool is_in_hand(struct engine *e, const struct sending *s, const struct stream *own)
{
	const struct record place = {.stream = own->id, .pos = s->where.pos};

	return !stream_is_settled(own, s->where.pos) &&
	       (s->where.pos < own->handed_to || intake_has_open(e, &place));
}

/* What is known of it, in the stream it is of. */
static void judge(struct engine *e, struct sending *s, const struct stream *own)
{
	cleanup_(freep) char *what = desk_what(&s->where);

	if (is_in_hand(e, s, own))
		s->answer = desk_refusal(EXIT_AGAIN,
		                         "%s is being sent by the process that runs the pipeline: "
		                         "`closefeed status` says more",
		                         what);
	else
		s->answer = why_not(e->journal, e->pipeline->path, s, own->id,
		                    stream_is_settled(own, s->where.pos));
}

static const struct stream *stream_of(struct engine *e, const struct sending *s)
{
	uint64_t id;

	if (is_message(s))
		return desk_message_stream(e->streams, e->n_streams, &s->where);
	id = finding_stream(s->finding)->id;
	return id ? settle_stream(e, id) : NULL;
}

void sending_go_on(struct desk *desk, struct errand *errand)
{
	struct engine *e = desk->engine;
	struct sending *s = errand->sending;
	const struct stream *own;

	if (s->record || s->answer || naming_is_awaited(e) ||
	    (!is_message(s) && !find(s, errand->pipeline, e->streams, e->n_streams)))
		return;
	own = stream_of(e, s);
	if (own)
		judge(e, s, own);
	if (!s->answer && s->is_look)
		s->answer = unread();
	if (!s->answer &&
	    (!is_message(s) || desk_message_may_go(e, &s->where, &s->patience, &s->answer)))
		take(e, errand);
}

/* Questions and answers */

static struct json_object *ask(struct desk *desk, struct json_object *request, bool is_look,
                               struct errand **ret_errand)
{
	struct pipeline *pipeline;
	struct json_object *refusal = desk_load_pipeline(desk, request, &pipeline);
	struct errand *errand;

	if (refusal)
		return refusal;
	if (!json_get_string(request, "file") && !json_get_string(request, "topic"))
		return desk_refusal(EXIT_USAGE, "the place of the record is missing");
	refusal = desk_other_source(desk->engine, pipeline,
	                            json_get_string(request, "topic") != NULL);
	if (refusal)
		return refusal;
	errand = errand_new(desk);
	errand->pipeline = pipeline;
	errand->sending = read_request(request, is_look);
	*ret_errand = errand;
	return NULL;
}

struct json_object *desk_send(struct desk *desk, struct json_object *request,
                              struct errand **ret_errand)
{
	return ask(desk, request, false, ret_errand);
}

struct json_object *desk_look(struct desk *desk, struct json_object *request,
                              struct errand **ret_errand)
{
	return ask(desk, request, true, ret_errand);
}

struct streams {
	struct stream **items;
	size_t n;
};

static void add_stream(void *arg, struct stream *takes_stream)
{
	struct streams *l = arg;

	l->items = mem_resize(l->items, l->n + 1, sizeof(struct stream *));
	l->items[l->n++] = takes_stream;
}

static struct json_object *look_for_line(struct journal *journal, const struct pipeline *pipeline,
                                         struct sending *s, const struct streams *l)
{
	uint64_t id;

	while (!s->answer && !find(s, pipeline, l->items, l->n))
		;
	id = s->answer ? 0 : finding_stream(s->finding)->id;
	return id ? why_not(journal, pipeline->path, s, id, s->found == FINDING_SETTLED)
	          : steal(&s->answer);
}

static struct json_object *look_for_message(struct journal *journal,
                                            const struct pipeline *pipeline, struct sending *s,
                                            const struct streams *l)
{
	const struct stream *own = desk_message_stream(l->items, l->n, &s->where);

	return own ? why_not(journal, pipeline->path, s, own->id,
	                     stream_is_settled(own, s->where.pos))
	           : NULL;
}

struct json_object *desk_look_alone(struct journal *journal, const struct pipeline *pipeline,
                                    struct json_object *request)
{
	struct sending *s = read_request(request, true);
	struct json_object *answer;
	struct streams l = {0};

	(void)journal_each_stream(journal, add_stream, &l, NULL);
	if (is_message(s))
		answer = look_for_message(journal, pipeline, s, &l);
	else
		answer = look_for_line(journal, pipeline, s, &l);
	for (size_t i = 0; i < l.n; i++)
		stream_free(l.items[i]);
	free(l.items);
	sending_free(s);
	return answer ? answer : unread();
}

void sending_part_ended(struct errand *errand, const struct part *part,
                        const struct request *request)
{
	const struct sending *s = errand->sending;
	struct json_object *o;

	if (part->record != s->record)
		return;
	errand_result(errand, part->id, outcome_name(part->outcome),
	              request ? request->object_id : NULL,
	              part->outcome == OUTCOME_HELD && request && request->known ? request->known
	                                                                         : part->message);
	o = json_object_array_get_idx(errand->results,
	                              json_object_array_length(errand->results) - 1);
	if (part->class != REJECT_NONE)
		(void)json_object_object_add(
			o, "class", json_object_new_string(reject_class_name(part->class)));
	if (!request)
		return;
	(void)json_object_object_add(o, "route", json_object_new_string(request->route));
	(void)json_object_object_add(o, "duration_ms",
	                             json_object_new_uint64(request->duration_ms));
	if (!request->answer.status)
		return;
	(void)json_object_object_add(o, "status", json_object_new_uint64(request->answer.status));
	(void)json_object_object_add(o, "response",
	                             desk_parsed(request->answer.body, request->answer.body_len));
}

struct json_object *sending_answer(struct errand *errand)
{
	struct sending *s = errand->sending;
	cleanup_(freep) char *why = NULL;
	struct json_object *o;

	if (s->answer)
		return steal(&s->answer);
	if (!s->record)
		return desk_refusal(EXIT_AGAIN, "stopped before it was sent; nothing was sent%s%s",
		                    *errand->desk->engine->stop_reason ? ": " : "",
		                    errand->desk->engine->stop_reason);
	if (s->waits_for)
		why = mem_printf("it waits for the %s; it is sent when that is settled",
		                 s->waits_for);
	for (unsigned i = 0; i < s->record->n_open; i++)
		errand_result(errand, 0, "open", NULL,
		              why ? why : "its outcome is not known yet; the next run finds out");
	o = json_object_new_object();
	(void)json_object_object_add(o, "results", steal(&errand->results));
	return o;
}
