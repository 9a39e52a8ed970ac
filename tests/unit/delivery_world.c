#include "tests/unit/delivery_world.h"

#include "connector/engine/partitions.h"
#include "lib/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/virtual_clock.h"
#include "tests/unit/world_batch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct outgoing {
	struct outgoing *next;
	struct world *world;
	struct request *request;
	bool *keeps;
};

/* Nothing was looked up here, so the parts of the engine that do it need not be there. */

bool partitions_are_read(const struct engine *e)
{
	return e->pipeline->kafka.topics != NULL;
}

uint64_t partitions_doubt(void *arg, const struct request *request)
{
	(void)arg;
	(void)request;
	return 0; /* nobody had them before */
}

bool resolve_was_found_by_name(struct engine *e, const struct request *request)
{
	(void)e;
	(void)request;
	return false;
}

bool resolve_links_are_gone(struct engine *e, const struct request *request,
                            struct json_object *answer)
{
	(void)e;
	(void)request;
	(void)answer;
	return false;
}

bool resolve_goes_singly(struct engine *e, const struct request *request)
{
	(void)e;
	(void)request;
	return false;
}

bool mending_may_help(struct engine *e, struct request *request, struct json_object *fields)
{
	(void)e;
	(void)request;
	(void)fields;
	return false;
}

static struct ending *ending_of(struct world *w, const struct part *p)
{
	return &w->endings[p->record->pos];
}

static void free_outgoing(struct outgoing *o)
{
	request_free(o->request);
	free(o->keeps);
	free(o);
}

static void end_is_durable(void *arg, int r)
{
	struct outgoing *o = arg, **at = &o->world->outgoing;
	struct engine *e = &o->world->engine;

	check_eq(r, 0);
	for (size_t i = 0; i < e->n_ending; i++)
		if (e->ending[i] == o->request)
			e->ending[i] = e->ending[--e->n_ending];
	for (size_t i = 0; i < o->request->n_parts; i++)
		ending_of(o->world, &o->request->parts[i])->is_durable = true;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	free_outgoing(o);
}

static void forget_ending(struct ending *e)
{
	free(e->known);
	free(e->message);
	free(e->object_id);
	free(e->note);
	*e = (struct ending){0};
}

static void note_ending(struct world *w, const struct request *r, const struct part *p)
{
	struct ending *e = ending_of(w, p);
	const unsigned n_times = e->n_times;

	forget_ending(e);
	*e = (struct ending){
		.n_times = n_times + 1,
		.state = r->state,
		.outcome = p->outcome,
		.class = p->class,
		.known = mem_strdup(r->known),
		.message = mem_strdup(p->message),
		.object_id = mem_strdup(r->object_id),
		.note = mem_strdup(r->notes ? r->notes[0] : NULL),
		.found_by_lookup = r->found_by_lookup,
	};
	w->live[p->record->pos] = NULL;
}

static void ended(void *arg, struct request *takes_request)
{
	struct world *w = arg;
	struct request *r = takes_request;
	struct outgoing *o = mem_alloc(sizeof(*o));

	*o = (struct outgoing){.next = w->outgoing, .world = w, .request = r};
	w->outgoing = o;
	o->keeps = mem_array(r->n_parts, sizeof(bool));
	for (size_t i = 0; i < r->n_parts; i++) {
		note_ending(w, r, &r->parts[i]);
		o->keeps[i] = r->parts[i].outcome >= OUTCOME_REJECTED;
	}
	w->engine.ending = mem_grow(w->engine.ending, w->engine.n_ending, &w->engine.cap_ending,
	                            sizeof(struct request *));
	w->engine.ending[w->engine.n_ending++] = r;
	if (r->method == METHOD_POST && r->object_id)
		journal_put_object(w->engine.journal, r, r->intent_wall_ms);
	journal_end_request(w->engine.journal, r, o->keeps, NULL, end_is_durable, o);
}

static void begins(void *arg, struct request *request)
{
	struct world *w = arg;

	if (w->begins)
		w->begins(w, request);
}

static bool retake(void *arg, struct request *request)
{
	struct world *w = arg;

	return w->retake && w->retake(w, request);
}

static void stopped(void *arg, enum exit_code code, const char *sentence)
{
	struct world *w = arg;

	w->n_stops++;
	w->code = code;
	w->engine.is_stopping = true;
	(void)snprintf(w->sentence, sizeof(w->sentence), "%s", sentence);
}

static void judge(void *arg, struct request *request, const struct http_answer *answer,
                  bool was_unknown, struct judgement *ret_judgement)
{
	struct world *w = arg;

	judge_request(&w->engine, request, answer, was_unknown, ret_judgement);
}

static void judge_other(void *arg, const struct http_answer *answer,
                        struct judgement *ret_judgement)
{
	struct world *w = arg;

	judge_call(&w->engine, answer, ret_judgement);
}

static unsigned credential(void *arg)
{
	return ((struct world *)arg)->credential;
}

static bool unauthorized(void *arg, unsigned refused, bool again, char ret_text[static 512])
{
	struct world *w = arg;

	if (w->unauthorized && w->unauthorized(w, refused, again))
		return true;
	(void)snprintf(ret_text, 512, "%s", again ? "twice" : "");
	return false;
}

static void group_start(const char *group, unsigned *ret_calls, unsigned *ret_window_ms)
{
	(void)group;
	*ret_calls = 1000; /* pacing has its own tests */
	*ret_window_ms = 8000;
}

static bool may_send(void *arg, const struct request *request)
{
	struct world *w = arg;

	return !w->may_send || w->may_send(w, request);
}

static uint64_t doubt_until_ms(void *arg, const struct request *request)
{
	struct world *w = arg;

	return w->doubt_until_ms ? w->doubt_until_ms(w, request) : 0;
}

static void open_all(struct world *w)
{
	struct engine *e = &w->engine;
	const struct delivery_hooks hooks = {
		.arg = w,
		.judge = judge,
		.judge_call = judge_other,
		.credential = credential,
		.unauthorized = unauthorized,
		.begins = begins,
		.halve = world_halve,
		.retake = retake,
		.may_send = may_send,
		.doubt_until_ms = doubt_until_ms,
		.can_prove = proof_can,
		.ended = ended,
		.stopped = stopped,
	};
	struct err err = {{0}};

	e->loop = loop_new();
	if (journal_open(w->folder, &e->journal, &err) < 0)
		fail_msg("%s", err.text);
	e->http = fake_http_new();
	e->pace = pace_new(100, 0, 0);
	w->pipeline.quarantine_ms = w->config.quarantine_ms;
	e->delivery = delivery_new(e->loop, e->journal, e->http, e->pace, &w->config, &hooks);
	e->proof = proof_new(e);
	e->is_stopping = false;
}

static void close_all(struct world *w)
{
	struct engine *e = &w->engine;

	delivery_free(e->delivery);
	proof_free(e->proof);
	pace_free(e->pace);
	http_free(e->http);
	journal_close(e->journal);
	loop_free(e->loop);
	e->n_ending = 0;
	while (w->outgoing) {
		struct outgoing *o = w->outgoing;

		w->outgoing = o->next;
		for (size_t i = 0; i < o->request->n_parts; i++) /* it was not durable */
			forget_ending(ending_of(w, &o->request->parts[i]));
		free_outgoing(o);
	}
}

void world_init(struct world *w)
{
	static const char *const places[] = {"/dev/shm", "/tmp"};

	*w = (struct world){.credential = 1,
	                    .config = {.base_url = "http://close/api/v1",
	                               .concurrency = 8,
	                               .timeout_ms = 60000,
	                               .retry_for_ms = 3600000,
	                               .quarantine_ms = 330000,
	                               .max_rejects = REJECTS_DEFAULT,
	                               .group_start = group_start}};
	virtual_clock_reset();
	(void)snprintf(w->folder, sizeof(w->folder), "%s/world-XXXXXX",
	               places[access(places[0], W_OK) == 0 ? 0 : 1]);
	check(mkdtemp(w->folder));
	w->engine.pipeline = &w->pipeline;
	w->engine.redact = redact_new();
	open_all(w);
	w->stream = stream_new(STREAM_FILE, "in.ndjson");
	w->stream->id = journal_next_stream(w->engine.journal);
	journal_put_stream(w->engine.journal, w->stream);
	world_commit(w);
}

static void remove_folder(const char *folder)
{
	static const char *const files[] = {"journal.db", "journal.db-wal", NULL};
	char path[128];

	for (const char *const *f = files; *f; f++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, *f);
		(void)unlink(path);
	}
	check_eq(rmdir(folder), 0);
}

void world_deinit(struct world *w)
{
	close_all(w);
	stream_free(w->stream);
	redact_free(w->engine.redact);
	free(w->engine.ending);
	for (size_t i = 0; i < world_max; i++)
		forget_ending(&w->endings[i]);
	remove_folder(w->folder);
}

/* Requests */

struct record *world_record(struct world *w, uint64_t number)
{
	struct record *r = record_new();

	r->stream = w->stream->id;
	r->source_name = mem_strdup("in.ndjson");
	r->pos = number;
	r->next_pos = number + 1;
	r->len = 1;
	r->line = number;
	r->raw = mem_strdup("1");
	return r;
}

static char *padding(size_t bytes)
{
	char *text = mem_alloc(bytes + 1);

	memset(text, 'x', bytes);
	return text;
}

static char *body_of(const struct sketch *s, uint64_t number)
{
	char *pad = s->body ? NULL : padding(s->body_bytes);
	char *text = s->body ? mem_strdup(s->body)
	                     : mem_printf("{\"n\":%llu,\"custom.cf_1\":\"%s\",\"pad\":\"%s\"}",
	                                  (unsigned long long)number,
	                                  s->identity ? s->identity : "", pad);

	free(pad);
	return text;
}

static const char *operation_of(const struct sketch *s)
{
	if (s->operation)
		return s->operation;
	return s->method == METHOD_POST ? "lead.create" : "lead.update";
}

struct request *world_request_again(struct world *w, const struct sketch *sketch, uint64_t number)
{
	const struct sketch *s = sketch;
	struct request *r = request_new();
	char *lane;

	r->method = s->method;
	r->class = s->class;
	r->route = mem_strdup(s->method == METHOD_POST ? "creates" : "updates");
	r->operation = mem_strdup(operation_of(s));
	r->object = mem_strdup(s->object ? s->object : "lead");
	r->group = mem_strdup(s->group ? s->group : "write");
	r->url = s->url ? mem_strdup(s->url) : mem_printf("/lead/%s", s->owns ? s->owns : "");
	r->body = body_of(s, number);
	r->body_len = strlen(r->body);
	if (s->owns)
		request_add_lane(r, s->owns, true);
	if (s->shares)
		request_add_lane(r, s->shares, false);
	if (s->identity) {
		r->identity_field = mem_strdup("custom.cf_1");
		r->identity_value = mem_strdup(s->identity);
		lane = mem_printf("identity custom.cf_1=%s", s->identity);
		request_add_lane(r, lane, true);
		free(lane);
	}
	r->parts = mem_alloc(sizeof(struct part));
	r->n_parts = 1;
	r->parts[0].record = world_record(w, number);
	w->live[number] = r;
	return r;
}

struct request *world_request(struct world *w, const struct sketch *sketch)
{
	check(w->n_made + 1 < world_max);
	return world_request_again(w, sketch, ++w->n_made);
}

uint64_t world_submit(struct world *w, const struct sketch *sketch)
{
	delivery_submit(w->engine.delivery, world_request(w, sketch));
	return w->n_made;
}

uint64_t world_put(struct world *w, const char *lead)
{
	const struct sketch s = {.method = METHOD_PUT, .class = CLASS_U, .owns = lead};

	return world_submit(w, &s);
}

uint64_t world_create(struct world *w, const char *identity)
{
	const struct sketch s = {.class = CLASS_A, .identity = identity};

	return world_submit(w, &s);
}

/* Turns */

void world_commit(struct world *w)
{
	struct err err = {{0}};

	if (journal_commit(w->engine.journal, &err) < 0)
		fail_msg("%s", err.text);
}

void world_turn(struct world *w)
{
	struct engine *e = &w->engine;
	struct http_transfer *t;

	loop_turn(e->loop, 0);
	if (w->proves)
		proof_turn(e->proof);
	delivery_turn(e->delivery);
	world_commit(w);
	for (unsigned at = 0; w->serve && (t = fake_in_flight(e->http, at));) {
		w->serve(w, t);
		at += fake_in_flight(e->http, at) == t;
	}
}

void world_pass(struct world *w, uint64_t ms)
{
	while (ms) {
		const uint64_t step = ms < 100 ? ms : 100;

		virtual_clock_pass(step);
		world_turn(w);
		ms -= step;
	}
	world_turn(w);
}

/* Restart */

static void take_lane(void *arg, const char *key, int64_t until_wall_ms)
{
	struct world *w = arg;

	delivery_close_lane(w->engine.delivery, key, until_wall_ms);
}

static void take_open(void *arg, struct request *takes_request)
{
	struct world *w = arg;

	for (size_t i = 0; i < takes_request->n_parts; i++)
		w->live[takes_request->parts[i].record->pos] = takes_request;
	delivery_resume(w->engine.delivery, takes_request);
}

void world_restart(struct world *w)
{
	close_all(w);
	memset(w->live, 0, sizeof(w->live));
	open_all(w);
	check_eq(journal_each_closed_lane(w->engine.journal, take_lane, w, NULL), 0);
	check_eq(journal_each_open(w->engine.journal, take_open, NULL, w, NULL), 0);
}

struct search {
	uint64_t number;
	int state;
};

static void look_at(void *arg, struct request *takes_request)
{
	struct search *s = arg;

	for (size_t i = 0; i < takes_request->n_parts; i++)
		if (takes_request->parts[i].record->pos == s->number)
			s->state = (int)takes_request->state;
	request_free(takes_request);
}

int world_row_state(struct world *w, uint64_t number)
{
	struct search s = {number, -1};

	check_eq(journal_each_open(w->engine.journal, look_at, NULL, &s, NULL), 0);
	return s.state;
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rbe"), *out = fopen(to, "wbe");
	static char bytes[1 << 16];
	size_t n;

	check(in && out);
	while ((n = fread(bytes, 1, sizeof(bytes), in)))
		check_eq(fwrite(bytes, 1, n, out), n);
	check_eq(fclose(in), 0);
	check_eq(fclose(out), 0);
}

int world_state_after_power_loss(struct world *w, uint64_t number)
{
	struct search s = {number, -1};
	char folder[80], from[128], to[128];
	struct journal *copy;

	(void)snprintf(folder, sizeof(folder), "%s-copy", w->folder);
	check_eq(mkdir(folder, 0700), 0);
	(void)snprintf(from, sizeof(from), "%s/journal.db", w->folder);
	(void)snprintf(to, sizeof(to), "%s/journal.db", folder);
	copy_file(from, to);
	(void)snprintf(from, sizeof(from), "%s/journal.db-wal", w->folder);
	(void)snprintf(to, sizeof(to), "%s/journal.db-wal", folder);
	copy_file(from, to);
	check_eq(journal_open(folder, &copy, NULL), 0);
	check_eq(journal_each_open(copy, look_at, NULL, &s, NULL), 0);
	journal_close(copy);
	remove_folder(folder);
	return s.state;
}

/* The other side */

size_t world_n_open(const struct world *w)
{
	struct delivery_state look;
	struct delivery_load load;

	delivery_look(w->engine.delivery, &look);
	delivery_look_load(w->engine.delivery, &load);
	return look.in_flight + load.n_waiting;
}

struct http_transfer *world_flying(struct world *w, unsigned at)
{
	struct http_transfer *t = fake_in_flight(w->engine.http, at);

	if (!t)
		fail_msg("there is no transfer %u in flight", at);
	return t;
}

void world_reply(struct world *w, const struct fake_reply *reply)
{
	fake_end(world_flying(w, 0), reply);
}

void world_answer(struct world *w, long status, const char *body)
{
	const struct fake_reply reply = {.n_sends = 1, .status = status, .body = body};

	world_reply(w, &reply);
}

uint64_t world_number(const struct http_transfer *t)
{
	static const char start[] = "{\"n\":";
	const char *body = fake_body(t);

	if (strncmp(body, start, sizeof(start) - 1) != 0)
		return 0;
	return strtoull(body + sizeof(start) - 1, NULL, 10);
}

void world_says_yes(struct world *w, struct http_transfer *t)
{
	const struct fake_reply yes = {.n_sends = 1, .status = 200, .body = "{\"id\":\"lead_1\"}"};

	(void)w;
	fake_end(t, &yes);
}
