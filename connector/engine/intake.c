#include "connector/engine/lag.h"
#include "connector/engine/partitions.h"

#include "connector/close/class.h"
#include "connector/close/group.h"
#include "connector/close/lanes.h"
#include "connector/gather/gather.h"
#include "connector/shape/shape.h"
#include "connector/source/ndjson.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/statvfs.h>

/*
 * Records in, requests out. How far it reads ahead is bounded: what is read and has no INTENT yet
 * is volatile and only there to keep connections and lanes busy.
 */

enum {
	max_unsettled = 16384,
	max_unsettled_bytes = 64 << 20,
	ahead_requests = 1024, /* waiting for a lane, quota or a connection */
	ahead_bytes = 4 << 20,
	records_a_turn = 512,
	low_water_bytes = 64 << 20, /* free space below which nothing new begins, or … */
	low_water_percent = 5,      /* … this share of the disk, whichever is less */
	space_every_ms = 500,
};

static void say_new(struct engine *e, const struct stream *stream)
{
	const struct pipeline *p = e->pipeline;
	struct buf what = BUF_INIT;

	if (partitions_are_read(e)) {
		if (e->n_streams == 1)
			engine_greet(e, "no state for \"%s\": reads %s", p->name, p->kafka.written);
		return;
	}
	/* One more file of a folder, or the next of one that is rotated. */
	if (e->n_streams > 1 && (p->ndjson_follow || strcmp(stream->name, p->ndjson_written) != 0))
		return;
	ndjson_describe(p->ndjson_path, p->ndjson_written, &what);
	if (e->n_streams == 1)
		engine_greet(e, "no state for \"%s\": reads %s", p->name, buf_text(&what));
	else
		engine_greet(e, "\"%s\" has not read this before: reads %s", p->name,
		             buf_text(&what));
	buf_deinit(&what);
}

static void begin_stream(void *arg, struct stream *stream, bool is_new)
{
	struct engine *e = arg;

	/* Files come one after another; partitions are read side by side. */
	if (e->stream && e->stream != stream && e->stream->kind != STREAM_PARTITION)
		restore_up_to(e, e->stream->id, UINT64_MAX);
	e->stream = stream;
	if (stream->kind == STREAM_PARTITION && !is_new)
		partitions_begin(e, stream);
	if (!is_new)
		return;
	intake_add_stream(e, stream);
	hook_point("stream_begins");
	say_new(e, stream);
}

void intake_add_stream(struct engine *e, struct stream *stream)
{
	stream->id = journal_next_stream(e->journal);
	e->streams = mem_resize(e->streams, e->n_streams + 1, sizeof(struct stream *));
	e->streams[e->n_streams++] = stream;
	journal_put_stream(e->journal, stream);
}

static void store_stream(void *arg, struct stream *stream)
{
	struct engine *e = arg;

	if (stream->kind == STREAM_PARTITION && stream->handed_to)
		restore_up_to(e, stream->id, stream->handed_to - 1);
	journal_put_stream(e->journal, stream);
}

static void take_stream(void *arg, struct stream *takes_stream)
{
	struct engine *e = arg;

	e->streams = mem_resize(e->streams, e->n_streams + 1, sizeof(struct stream *));
	e->streams[e->n_streams++] = takes_stream;
}

static int open_files(struct engine *e, bool is_key_known, enum exit_code *ret_code,
                      struct err *err)
{
	const struct pipeline *p = e->pipeline;
	const struct ndjson_options options = {
		.path = p->ndjson_path,
		.name = p->ndjson_written,
		.max_record = p->max_record,
		.starts_anew_on_change =
			p->start_anew_on_change && (is_key_known || !p->is_anew_for_key),
		.is_follow = p->ndjson_follow,
		.known = e->known,
		.n_known = e->n_streams,
		.host = &e->host,
		.tell = engine_tell,
		.tell_arg = e,
	};
	const int r = ndjson_open(&options, &e->source, err);

	if (r < 0)
		*ret_code = partitions_code(e, r);
	return r;
}

int intake_open(struct engine *e, enum exit_code *ret_code, struct err *err)
{
	const struct pipeline *p = e->pipeline;
	bool is_known = true;
	int r = journal_each_stream(e->journal, take_stream, e, err);

	if (r >= 0 && e->options.reads_source && p->routes.key)
		r = key_change_note(e, &is_known, err);
	if (r < 0) {
		*ret_code = EXIT_LOCAL;
		return r;
	}
	e->host = (struct source_host){.begin = begin_stream,
	                               .store = store_stream,
	                               .sent_to = partitions_sent_to,
	                               .is_durable = partitions_are_durable,
	                               .untold = partitions_untold,
	                               .arg = e};
	e->input_ended = !e->options.reads_source;
	if (e->input_ended && !e->options.owns_source)
		return 0;
	/* A list of its own: the other grows when a new stream begins. */
	e->known = mem_array(e->n_streams, sizeof(struct stream *));
	if (e->n_streams)
		memcpy(e->known, e->streams, e->n_streams * sizeof(struct stream *));
	return partitions_are_read(e) ? partitions_open(e, ret_code, err)
	                              : open_files(e, is_known, ret_code, err);
}

/* Records that were left open */

int place_compare(const struct place *a, const struct place *b)
{
	if (a->stream != b->stream)
		return a->stream < b->stream ? -1 : 1;
	return a->pos < b->pos ? -1 : a->pos > b->pos;
}

static int compare_places(const void *a, const void *b)
{
	return place_compare(a, b);
}

void intake_skip(struct engine *e, const struct record *record)
{
	e->open_places = mem_grow(e->open_places, e->n_open_places, &e->cap_open_places,
	                          sizeof(*e->open_places));
	e->open_places[e->n_open_places++] =
		(struct place){.stream = record->stream, .pos = record->pos};
	e->open_is_sorted = false;
}

void intake_unskip(struct engine *e, const struct record *record)
{
	const struct place place = {.stream = record->stream, .pos = record->pos};
	size_t n = 0;

	for (size_t i = 0; i < e->n_open_places; i++)
		if (place_compare(&e->open_places[i], &place) != 0)
			e->open_places[n++] = e->open_places[i];
	e->n_open_places = n;
}

/*
 * A record one of whose requests got its INTENT is finished from the journal: shaped again it would
 * be sent a second time, or by other rules.
 */
bool intake_has_open(struct engine *e, const struct record *record)
{
	const struct place place = {.stream = record->stream, .pos = record->pos};

	if (hook_without("parts"))
		return false;
	if (!e->open_is_sorted && e->n_open_places)
		qsort(e->open_places, e->n_open_places, sizeof(place), compare_places);
	e->open_is_sorted = true;
	return e->n_open_places && bsearch(&place, e->open_places, e->n_open_places, sizeof(place),
	                                   compare_places) != NULL;
}

/* One draft */

/* The field of its identity as the pipeline calls it; to free(). */
static char *written_identity(const struct request *r)
{
	cleanup_(json_freep) struct json_object *written = NULL;

	if (r->written)
		(void)json_parse(r->written, strlen(r->written), 0, &written, NULL, NULL);
	return name_written(written, r->identity_field);
}

bool intake_claim(struct engine *e, const struct request *r, struct rejection *ret_rejection)
{
	cleanup_(freep) char *known =
		journal_find_object(e->journal, r->object, r->identity_field, r->identity_value);
	cleanup_(freep) char *field = NULL;

	if (!known && identities_take(e->identities, r))
		return true;
	field = written_identity(r);
	rejection_set(
		ret_rejection, REJECT_DUPLICATE_IDENTITY, field,
		"%s = %s is already the identity of %s%s; each record that creates needs one of "
		"its own",
		field, r->identity_value,
		!known   ? "a create that is not finished"
		: *known ? "object "
			 : "an object",
		known ? known : "");
	return false;
}

static struct request *single(struct draft *draft, struct rejection *ret_rejection)
{
	struct request *r = gather_single(draft, ret_rejection);
	char group[crm_group_name_size];

	if (!r)
		return NULL;
	r->group = mem_strdup(crm_group_name(http_method_name(r->method), r->url, group));
	r->class = crm_delivery_class(draft->op, r->method, draft->body);
	crm_lanes(draft, r);
	return r;
}

struct request *intake_request(struct engine *e, const struct route_set *routes,
                               struct draft *takes_draft, struct rejection *ret_rejection)
{
	const uint64_t config = batches_config(e, takes_draft->route);
	struct request *r;

	resolve_begin_lists(e, takes_draft);
	r = gather_is_shared(takes_draft)
	            ? batches_request(e, routes, &takes_draft, 1, ret_rejection)
	            : single(takes_draft, ret_rejection);

	draft_free(takes_draft);
	if (!r)
		return NULL;
	r->config = config;
	if (!r->identity_field || intake_claim(e, r, ret_rejection))
		return r;
	request_free(r);
	return NULL;
}

void intake_send(struct engine *e, struct record *record, const struct rejected_output *was,
                 size_t n_was)
{
	struct shape_result shaped;

	shape_record(&e->routes, record, &shaped);
	if (shaped.needs) {
		naming_ask(e, shaped.needs);
		shape_result_deinit(&shaped);
		aside_set(e, record, was, n_was);
		return;
	}
	/* What the record says is in its drafts now; its bytes stay, its tree need not. */
	json_object_put(record->value);
	record->value = NULL;
	if (n_was)
		shape_narrow(&e->pipeline->routes, &shaped, was, n_was);
	for (size_t i = 0; i < shaped.n; i++)
		e->n_unknown_keys += shaped.items[i].unknown_keys;
	outputs_take(e, record, &shaped);
	shape_result_deinit(&shaped);
}

void intake_hold_bytes(struct engine *e, struct record *record)
{
	record->holds_bytes = true;
	e->held_bytes += record->len;
}

void intake_free_bytes(struct engine *e, struct record *record)
{
	if (record->holds_bytes)
		e->held_bytes -= record->len;
	record->holds_bytes = false;
}

static void take_record(struct engine *e, struct record *record)
{
	record->read_wall_ms = loop_wall_ms(e->loop);
	hook_point("record_read");
	e->n_taken++;
	e->n_unsettled++;
	intake_hold_bytes(e, record);
	lag_read(e, record);
	if (hook_without("settle")) { /* the mutant whose position runs ahead of the outcomes */
		struct stream *stream = settle_stream(e, record->stream);

		stream_settle(stream, record->pos, record->next_pos, 1);
		journal_put_stream(e->journal, stream);
	}
	if (record->is_ignored)
		outputs_filter(e, record);
	else if (e->pipeline->routes.key && record->fault == RECORD_OK)
		seen_take(e, record);
	else
		intake_send(e, record, NULL, 0);
}

/* May more be read? */

static bool disk_has_space(struct engine *e)
{
	const uint64_t now = loop_now_ms(e->loop);
	struct statvfs st;
	uint64_t free_bytes, low;

	if (now < e->space_checked_ms + space_every_ms)
		return e->has_space;
	e->space_checked_ms = now;
	e->has_space = true;
	if (statvfs(e->folder, &st) == 0) {
		free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
		low = (uint64_t)st.f_blocks * st.f_frsize / 100 * low_water_percent;
		if (low > low_water_bytes)
			low = low_water_bytes;
		e->has_space = free_bytes > low;
	}
	return e->has_space;
}

/* As much is read and not settled as may be. What waits for its place needs more to be read. */
static bool is_over_budget(const struct engine *e)
{
	return (e->n_unsettled >= max_unsettled && !restore_n(e)) ||
	       e->held_bytes >= max_unsettled_bytes;
}

bool intake_has_room(const struct engine *e)
{
	struct delivery_load load;

	delivery_look_load(e->delivery, &load);
	return load.n_waiting < ahead_requests &&
	       load.n_ready < 2 * e->pipeline->concurrency + 16 &&
	       load.volatile_bytes < ahead_bytes;
}

bool intake_may_take(struct engine *e)
{
	if (!e->is_bound || e->is_stopping || aside_is_there(e))
		return false;
	if (gather_bytes(e->gather) > gather_budget || resolve_is_full(e) || !intake_has_room(e))
		return false;
	if (outbox_is_hopeless(e))
		delivery_stop(
			e->delivery, EXIT_AGAIN,
			"the receiver of the responses answered 410 Gone, and as many events as "
			"may wait do; put another receiver into responses.webhook or say `closefeed "
			"responses resume`, then run again");
	return !outbox_is_full(e) && disk_has_space(e);
}

static bool may_read(struct engine *e)
{
	return !e->input_ended && !is_over_budget(e) && intake_may_take(e);
}

static void input_is_there(void *arg, int fd, uint32_t events)
{
	struct engine *e = arg;

	(void)fd;
	(void)events;
	loop_unwatch(e->loop, e->input_watch);
	e->input_watch = NULL;
}

static void input_later(struct engine *e)
{
	const int fd = source_fd(e->source);

	/* Without a descriptor it only let us have a turn: more is there at once. */
	e->input_goes_on = fd < 0;
	if (fd >= 0)
		e->input_watch = loop_watch(e->loop, fd, EPOLLIN, input_is_there, e);
}

/* What came before is still delivered to its end: that is how far the next run has come. */
static void input_failed(struct engine *e, int r, const struct err *err)
{
	e->input_ended = true;
	e->input_code = partitions_code(e, r);
	e->input_err = *err;
}

void intake_check_disk(struct engine *e)
{
	delivery_pause(e->delivery, !disk_has_space(e));
}

static void take_next(struct engine *e, struct record *takes_record)
{
	struct record *record = takes_record;

	settle_stream(e, record->stream)->handed_to = record->next_pos;
	restore_up_to(e, record->stream, record->pos);
	if (intake_has_open(e, record))
		resolve_come_to(e, record);
	else
		take_record(e, record);
	record_unref(record);
}

/* Asks for the next record; false: there is none to be had in this turn. */
static bool read_one(struct engine *e)
{
	struct record *record;
	struct err err;
	int r;

	if (e->options.limit && e->n_taken >= e->options.limit) {
		e->input_ended = true;
		return false;
	}
	r = source_next(e->source, &record, &err);
	if (r < 0 && partitions_are_read(e))
		return false; /* its own turn says so, and ends all: nothing more may be sent */
	if (r < 0) {
		input_failed(e, r, &err);
		return false;
	}
	switch ((enum source_next)r) {
	case SOURCE_END:
		e->input_ended = e->input_was_read = true;
		return false;
	case SOURCE_LATER:
		input_later(e);
		return false;
	case SOURCE_RECORD:
		take_next(e, record);
		break;
	}
	return true;
}

static void read_on(struct engine *e)
{
	for (unsigned i = 0; i < records_a_turn; i++)
		if (!may_read(e) || !read_one(e))
			return;
	e->input_goes_on = may_read(e);
}

/* To its end: with a limit or after a failure it was not, and what is left may come yet. */
static bool was_read(const struct engine *e)
{
	return e->input_was_read || (e->input_ended && hook_without("whole_input"));
}

/* All that was read waits for a key, and who has it waits for more to be read. */
static bool is_stuck(const struct engine *e)
{
	return is_over_budget(e) && restore_n(e) && !e->is_stopping && !e->input_ended &&
	       !batches_due_ms(e) && delivery_is_idle(e->delivery);
}

void intake_turn(struct engine *e)
{
	struct place held;

	e->input_goes_on = false;
	naming_turn(e);
	aside_turn(e);
	seen_turn(e);
	if (!e->input_watch)
		read_on(e);
	/* What is not where the source reads comes no more, or not soon. */
	if (e->is_bound && !e->is_stopping && (was_read(e) || e->input_watch))
		restore_rest(e, was_read(e));
	else if (is_stuck(e) && seen_first_held(e, &held))
		restore_to(e, &held);
	resolve_turn(e);
	batches_turn(e, is_over_budget(e) || resolve_is_full(e));
}
