#include "connector/sandbox/api.h"

#include "connector/sandbox/answer_form.h"
#include "connector/sandbox/routes.h"
#include "connector/sandbox/tunnel.h"
#include "lib/json.h"
#include "lib/percent.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t second_ms = 1000;

static void tell_rate(const struct box_api *api, const struct box_rate_verdict *v,
                      struct box_answer *answer)
{
	const unsigned long long whole = (v->reset_ms + second_ms - 1) / second_ms;
	const unsigned long long s = v->reset_ms / second_ms, ms = v->reset_ms % second_ms;

	switch (api->rate_form) {
	case SANDBOX_RATE_WHOLE:
		box_answer_header(answer, "RateLimit: limit=%u, remaining=%u, reset=%llu", v->limit,
		                  v->remaining, whole);
		break;
	case SANDBOX_RATE_DECIMAL:
		box_answer_header(answer, "RateLimit: limit=%u, remaining=%u, reset=%llu.%03llu",
		                  v->limit, v->remaining, s, ms);
		break;
	case SANDBOX_RATE_SEMICOLON:
		box_answer_header(answer, "RateLimit: limit=%u; remaining=%u; reset=%llu", v->limit,
		                  v->remaining, whole);
		break;
	case SANDBOX_RATE_OLD:
		box_answer_header(answer, "x-rate-limit-limit: %u", v->limit);
		box_answer_header(answer, "x-rate-limit-remaining: %u", v->remaining);
		box_answer_header(answer, "x-rate-limit-reset: %llu.%03llu", s, ms);
		break;
	case SANDBOX_RATE_NONE:
		return;
	}
	if (!v->is_allowed)
		box_answer_header(answer, "retry-after: %llu", whole);
}

/* Failed authentication counts, too, but a stranger's key is not remembered. */
static bool pass_rate(struct box_visit *v, const char *key_id)
{
	struct box_rate_verdict verdict;

	if (!v->api->has_rate_limit)
		return true;
	verdict = box_rate_take(v->api->rate, key_id ? key_id : "?", v->call->method, v->call->path,
	                        v->call->now_ms);
	tell_rate(v->api, &verdict, v->answer);
	if (!verdict.is_allowed)
		box_answer_too_many(v->answer, &v->api->org->doubts, &verdict);
	return verdict.is_allowed;
}

static bool lacks_slash(const struct box_visit *v)
{
	const size_t len = strlen(v->call->path);

	return !len || v->call->path[len - 1] != '/';
}

static void add_param(struct buf *url, const char *name, const char *value)
{
	buf_addf(url, "%c%s=", strchr(buf_text(url), '?') ? '&' : '?', name);
	percent_encode(url, value, strlen(value), ",");
}

static bool redirect(struct box_visit *v)
{
	struct buf url = BUF_INIT;
	bool is_known;

	buf_addf(&url, "%s/", v->call->path);
	is_known = box_route_knows(buf_text(&url));
	json_object_object_foreach(v->call->params, name, value)
	{
		add_param(&url, name, json_object_get_string(value));
	}
	if (is_known) {
		box_answer_header(v->answer, "Location: /api/v1%s", buf_text(&url));
		box_answer_text(v->answer, box_visit_so(v, DOUBT_SLASH, "301") ? 301 : 308, "");
	}
	buf_deinit(&url);
	return is_known;
}

static void route(struct box_visit *v)
{
	if (lacks_slash(v) ? redirect(v) : box_route(v))
		return;
	box_answer_error(v->answer, 404,
	                 "The requested URL was not found on the server. If you entered the URL "
	                 "manually please check your spelling and try again.");
}

void box_api_answer(struct box_api *api, struct box_call *call, struct box_answer *answer)
{
	struct box_visit v = {.api = api, .call = call, .answer = answer};
	const char *key_id = box_auth_check(api->auth, call);
	const bool is_tunnelled = box_tunnel_is(call);
	char trace[33];

	box_store_make_trace(api->org->store, trace);
	box_store_make_id(api->org->store, "req", call->request_id);
	call->key_id = key_id ? key_id : "";
	box_answer_header(answer, "trace-id: %s", trace);
	if (!pass_rate(&v, key_id))
		return;
	if (!key_id)
		box_answer_error(answer, 401, "Unauthorized");
	else if (!is_tunnelled || box_tunnel_open(&v))
		route(&v);
	box_answer_reform(answer, &api->org->doubts);
	json_object_put(v.body);
}
