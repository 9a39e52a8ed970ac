#include "connector/sandbox/sandbox.h"

#include "connector/sandbox/answer_form.h"
#include "connector/sandbox/api.h"
#include "connector/sandbox/control.h"
#include "connector/sandbox/faults.h"
#include "connector/sandbox/hook.h"
#include "connector/sandbox/jobs.h"
#include "connector/sandbox/requests.h"
#include "connector/sandbox/tcp.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * A request is copied out of its exchange into a call, meets its fault if it has one, is answered
 * and logged. Answers that wait (latency) and writes that come late are `struct later`s with a
 * timer of their own.
 */

static const char api_prefix[] = "/api/v1";
static const char hook_path[] = "/_sandbox/hook";
static const char oauth_prefix[] = "/oauth2";
static const char control_prefix[] = "/_sandbox";

enum { max_body = 16 * 1024 * 1024, max_connections = 4096 };

struct later {
	struct sandbox *sandbox;
	struct loop_timer timer;
	struct http_exchange *exchange; /* NULL: a late write */
	struct box_answer answer;
	struct box_tcp_plan plan;
	struct box_call *call;
	uint64_t n_resets; /* before it came */
	struct later *prev, *next;
};

struct sandbox {
	struct loop *loop;
	struct http_server *server;
	struct box_tcp *tcp;
	struct box_control control;
	struct later *waiting;
	struct loop_timer jobs; /* for what the organization has still to do */
	uint64_t last_request_ms;
};

static void later_add(struct later *later, uint64_t in_ms, loop_fn fn)
{
	struct sandbox *s = later->sandbox;

	later->next = s->waiting;
	if (later->next)
		later->next->prev = later;
	s->waiting = later;
	loop_timer_set(s->loop, &later->timer, loop_now_ms(s->loop) + in_ms, fn, later);
}

static void later_free(struct later *later)
{
	loop_timer_unset(later->sandbox->loop, &later->timer);
	*(later->prev ? &later->prev->next : &later->sandbox->waiting) = later->next;
	if (later->next)
		later->next->prev = later->prev;
	box_answer_deinit(&later->answer);
	box_call_unref(later->call);
	free(later);
}

static void reply(struct sandbox *s, struct http_exchange *exchange,
                  const struct box_answer *answer, const struct box_tcp_plan *plan)
{
	box_tcp_plan(s->tcp, http_exchange_fd(exchange), plan);
	box_answer_send(answer, exchange);
}

static void reply_now(void *arg)
{
	struct later *later = arg;

	reply(later->sandbox, later->exchange, &later->answer, &later->plan);
	later_free(later);
}

/* Takes what is in @answer. */
static void reply_after_latency(struct sandbox *s, struct http_exchange *exchange,
                                struct box_answer *answer, const struct box_tcp_plan *plan)
{
	struct later *later;

	if (!s->control.latency_ms) {
		reply(s, exchange, answer, plan);
		box_answer_deinit(answer);
		return;
	}
	later = mem_alloc(sizeof(*later));
	*later = (struct later){
		.sandbox = s, .exchange = exchange, .answer = *answer, .plan = *plan};
	later_add(later, s->control.latency_ms, reply_now);
}

static void apply_now(void *arg)
{
	struct later *later = arg;
	struct sandbox *s = later->sandbox;

	later->call->now_ms = loop_now_ms(s->loop);
	later->call->wall_ms = loop_wall_ms(s->loop);
	/* A write that a reset overtook belongs to what was forgotten. */
	if (later->n_resets == s->control.n_resets)
		box_api_answer(&s->control.api, later->call, &later->answer);
	later_free(later);
}

static void apply_later(struct sandbox *s, struct box_call *call, uint64_t in_ms)
{
	struct later *later = mem_alloc(sizeof(*later));

	*later = (struct later){
		.sandbox = s, .call = box_call_ref(call), .n_resets = s->control.n_resets};
	later_add(later, in_ms, apply_now);
}

static void add_fault_headers(const struct box_fault *fault, struct box_answer *answer)
{
	if (!json_object_is_type(fault->headers, json_type_object))
		return;
	json_object_object_foreach(fault->headers, name, value)
	{
		box_answer_header(answer, "%s: %s", name, json_object_get_string(value));
	}
}

/* A 429 that was ordered looks like one that was earned. */
static void shape_429(const struct sandbox *s, const struct box_fault *fault,
                      struct box_answer *answer)
{
	const struct box_rate_verdict verdict = {
		.limit = box_rate_limit(s->control.api.rate, BOX_RATE_READ),
		.reset_ms = (fault->seconds ? fault->seconds : 1) * 1000,
	};

	if (strcmp(fault->kind->name, "429") == 0)
		box_answer_too_many(answer, &s->control.api.org->doubts, &verdict);
}

/* What happens to the answer of a request that met @fault; returns how it is to be sent. */
static struct box_tcp_plan meet(struct sandbox *s, struct box_call *call,
                                const struct box_fault *fault, struct box_answer *answer)
{
	const struct box_tcp_plan plan = box_fault_plan(fault);
	const bool is_told = plan.act == BOX_TCP_PASS || plan.act == BOX_TCP_CUT_BODY ||
	                     plan.act == BOX_TCP_SLOW;

	call->fault = fault->kind->name;
	if (fault->kind->apply == BOX_APPLY_LATE)
		apply_later(s, call, fault->ms);
	if (fault->kind->answer)
		fault->kind->answer(fault, answer, call->wall_ms);
	shape_429(s, fault, answer);
	add_fault_headers(fault, answer);
	if (!answer->status)
		box_answer_text(answer, 200, ""); /* never seen: the plan does without it */
	call->status = is_told ? answer->status : 0;
	return plan;
}

static void serve_api(struct sandbox *s, struct http_exchange *exchange)
{
	struct box_control *control = &s->control;
	struct box_call *call =
		box_call_new(exchange, api_prefix, loop_now_ms(s->loop), loop_wall_ms(s->loop));
	const struct box_fault *fault = box_faults_match(control->faults, call->method, call->path);
	struct box_answer answer = {0};
	struct box_tcp_plan plan = {.act = BOX_TCP_PASS};

	box_requests_add(control->requests, call);
	if (!fault || fault->kind->apply == BOX_APPLY_NOW)
		box_api_answer(&control->api, call, &answer);
	call->status = answer.status;
	if (fault)
		plan = meet(s, call, fault, &answer);
	reply_after_latency(s, exchange, &answer, &plan);
	box_call_unref(call);
}

static void answer_hook(struct box_control *control, struct box_call *call, bool is_applied,
                        struct box_answer *answer)
{
	box_hook_receive(control->hook, call, is_applied, answer);
}

static void answer_oauth(struct box_control *control, struct box_call *call, bool is_applied,
                         struct box_answer *answer)
{
	if (is_applied)
		box_oauth_answer(box_auth_oauth(control->api.auth), control->api.org, call, answer);
}

/* What stands beside the API meets faults, too, and is in no log of requests. */
static void serve_beside(struct sandbox *s, struct http_exchange *exchange,
                         void (*fn)(struct box_control *control, struct box_call *call,
                                    bool is_applied, struct box_answer *answer))
{
	struct box_control *control = &s->control;
	struct box_call *call =
		box_call_new(exchange, "", loop_now_ms(s->loop), loop_wall_ms(s->loop));
	const struct box_fault *fault = box_faults_match(control->faults, call->method, call->path);
	struct box_answer answer = {0};
	struct box_tcp_plan plan = {.act = BOX_TCP_PASS};

	fn(control, call, !fault || fault->kind->apply == BOX_APPLY_NOW, &answer);
	if (fault)
		plan = meet(s, call, fault, &answer);
	reply_after_latency(s, exchange, &answer, &plan);
	box_call_unref(call);
}

static void serve_control(struct sandbox *s, struct http_exchange *exchange)
{
	const struct box_tcp_plan plan = {.act = BOX_TCP_PASS};
	struct box_call *call =
		box_call_new(exchange, control_prefix, loop_now_ms(s->loop), loop_wall_ms(s->loop));
	struct box_answer answer = {0};

	box_control_answer(&s->control, call, &answer);
	reply(s, exchange, &answer, &plan);
	box_answer_deinit(&answer);
	box_call_unref(call);
}

static void serve_nothing(struct sandbox *s, struct http_exchange *exchange)
{
	const struct box_tcp_plan plan = {.act = BOX_TCP_PASS};
	struct box_answer answer = {0};

	box_answer_error(&answer, 404, "The sandbox answers below /api/v1, /oauth2 and /_sandbox.");
	reply(s, exchange, &answer, &plan);
	box_answer_deinit(&answer);
}

static bool is_below(const char *path, const char *prefix)
{
	const size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 && (path[len] == '/' || !path[len]);
}

static void work(void *arg)
{
	struct sandbox *s = arg;
	struct box_org *org = s->control.api.org;
	uint64_t at_ms;

	box_jobs_run(org, loop_now_ms(s->loop), loop_wall_ms(s->loop));
	if (box_jobs_next(org->jobs, &at_ms))
		loop_timer_set(s->loop, &s->jobs, at_ms, work, s);
	else
		loop_timer_unset(s->loop, &s->jobs);
}

static void serve(void *arg, struct http_exchange *exchange)
{
	const char *path = http_exchange_path(exchange);
	struct sandbox *s = arg;

	s->last_request_ms = loop_now_ms(s->loop);
	work(s);
	if (is_below(path, api_prefix))
		serve_api(s, exchange);
	else if (is_below(path, hook_path) && strcmp(http_exchange_method(exchange), "POST") == 0)
		serve_beside(s, exchange, answer_hook);
	else if (is_below(path, oauth_prefix))
		serve_beside(s, exchange, answer_oauth);
	else if (is_below(path, control_prefix))
		serve_control(s, exchange);
	else
		serve_nothing(s, exchange);
	work(s);
}

static int add_faults(struct sandbox *s, const struct sandbox_config *config, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < config->n_faults && r == 0; i++)
		r = box_faults_add_text(s->control.faults, config->faults[i], err);
	return r;
}

static int start(struct sandbox *s, const struct sandbox_config *config, struct err *err)
{
	const struct http_server_config server = {
		.listen_fd = -1,
		.max_body = max_body,
		.max_connections = max_connections,
		.handler = serve,
		.arg = s,
	};
	int r = add_faults(s, config, err);

	if (r == 0 && config->data)
		r = box_control_load(&s->control, config->data, loop_wall_ms(s->loop), err);
	if (r < 0)
		return r;
	r = box_tcp_new(s->loop, config->port, &s->tcp, err);
	if (r < 0)
		return r;
	r = http_server_new(s->loop, &server, &s->server, err);
	if (r < 0)
		return r;
	box_tcp_serve(s->tcp, s->server);
	return 0;
}

int sandbox_new(struct loop *loop, const struct sandbox_config *config,
                struct sandbox **ret_sandbox, struct err *err)
{
	struct sandbox *s = mem_alloc(sizeof(*s));
	int r;

	s->loop = loop;
	s->last_request_ms = loop_now_ms(loop);
	box_control_init(&s->control, loop, config);
	r = start(s, config, err);
	if (r < 0) {
		sandbox_free(s);
		return r;
	}
	*ret_sandbox = s;
	return 0;
}

void sandbox_free(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	while (sandbox->waiting)
		later_free(sandbox->waiting);
	loop_timer_unset(sandbox->loop, &sandbox->jobs);
	box_tcp_free(sandbox->tcp);
	http_server_free(sandbox->server);
	box_control_deinit(&sandbox->control);
	free(sandbox);
}

void sandbox_explain(struct buf *out)
{
	buf_addf(
		out,
		"OAuth at /oauth2/: client_id %s, client_secret %s,\nrefresh_token %s, or the code "
		"GET /oauth2/authorize/ gives.\n\n",
		box_oauth_client, box_oauth_secret, box_oauth_first);
	buf_adds(out, "What --fault orders:\n");
	for (size_t i = 0; box_fault_kind_at(i); i++)
		buf_addf(out, "  %-24s %s\n", box_fault_kind_at(i)->name,
		         box_fault_kind_at(i)->help);
	buf_adds(out, "\nWhat --set changes, the usual way first:\n");
	for (size_t d = 0; d < BOX_N_DOUBTS; d++) {
		const struct box_doubt_row *row = &box_doubt_rows[d];

		buf_addf(out, "  %-24s %s (", row->name, row->help);
		for (size_t i = 0; row->values[i]; i++)
			buf_addf(out, "%s%s", i ? ", " : "", row->values[i]);
		buf_adds(out, ")\n");
	}
}

uint16_t sandbox_port(const struct sandbox *sandbox)
{
	return box_tcp_port(sandbox->tcp);
}

const char *sandbox_key(const struct sandbox *sandbox)
{
	return box_auth_first(sandbox->control.api.auth);
}

uint64_t sandbox_last_request_ms(const struct sandbox *sandbox)
{
	return sandbox->last_request_ms;
}
