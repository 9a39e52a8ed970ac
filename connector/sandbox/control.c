#include "connector/sandbox/control.h"

#include "connector/sandbox/jobs.h"
#include "connector/sandbox/sent.h"
#include "connector/sandbox/write.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { default_requests = 1000000 };

static const char *const form_names[] = {
	[SANDBOX_RATE_WHOLE] = "whole",         [SANDBOX_RATE_DECIMAL] = "decimal",
	[SANDBOX_RATE_SEMICOLON] = "semicolon", [SANDBOX_RATE_OLD] = "old",
	[SANDBOX_RATE_NONE] = "none",
};

void box_control_init(struct box_control *control, struct loop *loop,
                      const struct sandbox_config *config)
{
	*control = (struct box_control){
		.api =
			{
				.org = box_org_new(config->seed, config->lag_ms,
	                                           loop_wall_ms(loop)),
				.auth = box_auth_new(config->keys, config->n_keys),
				.rate = box_rate_new(config->window_ms),
				.operations = config->operations,
				.rate_form = config->rate_form,
				.has_rate_limit = config->has_rate_limit,
			},
		.faults = box_faults_new(),
		.hook = box_hook_new(config->hook_secret),
		.requests = box_requests_new(),
		.webhooks = box_webhooks_new(loop),
		.latency_ms = config->latency_ms,
		.lag_ms = config->lag_ms,
		.cursor_ms = box_cursor_life_ms,
		.job_ms = box_job_usual_ms,
		.window_ms = config->window_ms,
		.seed = config->seed,
	};
	control->api.org->doubts = config->doubts;
	box_webhooks_serve(control->webhooks, control->api.org);
}

void box_control_deinit(struct box_control *control)
{
	box_webhooks_free(control->webhooks);
	box_requests_free(control->requests);
	box_hook_free(control->hook);
	box_faults_free(control->faults);
	box_rate_free(control->api.rate);
	box_auth_free(control->api.auth);
	box_org_free(control->api.org);
	box_data_free(control->data);
}

int box_control_load(struct box_control *control, const char *path, int64_t wall_ms,
                     struct err *err)
{
	int r = box_data_read(path, &control->data, err);

	if (r == 0)
		r = box_data_place(control->data, control->api.org, wall_ms, err);
	/* It has a log of its own now. */
	box_webhooks_serve(control->webhooks, control->api.org);
	return r;
}

static void ok(struct box_answer *answer)
{
	box_answer_json(answer, 200, json_object_new_object());
}

/* The body as JSON, or the 400. */
static struct json_object *read_body(const struct box_call *call, struct box_answer *answer)
{
	struct json_object *body = NULL;
	struct err err;

	if (json_parse(call->body, call->body_len, 0, &body, NULL, &err) < 0)
		box_answer_error(answer, 400, "%s", err.text);
	else if (!body)
		box_answer_error(answer, 400, "a body is needed");
	return body;
}

static uint64_t number_param(const struct box_call *call, const char *name, uint64_t otherwise)
{
	const char *text = json_get_string(call->params, name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void get_requests(struct box_control *control, const struct box_call *call,
                         struct box_answer *answer)
{
	box_answer_json(answer, 200,
	                box_requests_list(control->requests, number_param(call, "after", 0),
	                                  (size_t)number_param(call, "limit", default_requests)));
}

static void get_objects(struct box_control *control, const struct box_call *call,
                        struct box_answer *answer)
{
	const char *name = json_get_string(call->params, "kind");
	const struct box_kind *kind = name ? box_kind_find(name) : NULL;
	struct json_object *out, *list;
	const struct box_list *all;

	if (!kind) {
		box_answer_error(answer, 400, "kind= must be lead, contact, activity.note, …");
		return;
	}
	all = box_store_all(control->api.org->store, kind);
	out = json_object_new_object();
	list = json_object_new_array();
	for (size_t i = 0; i < all->n; i++)
		if (!all->items[i]->is_deleted)
			json_object_array_add(list, json_object_get(all->items[i]->data));
	json_object_object_add(
		out, "count",
		json_object_new_int64((int64_t)box_store_count(control->api.org->store, kind)));
	json_object_object_add(out, "ever", json_object_new_int64((int64_t)all->n));
	json_object_object_add(out, "data", list);
	box_answer_json(answer, 200, out);
}

/* {"email": …, "first_name": …, "last_name": …}: Close's own API invites people instead. */
static void post_users(struct box_control *control, const struct box_call *call,
                       struct box_answer *answer)
{
	struct json_object *body = read_body(call, answer);
	const char *email = json_get_string(body, "email");
	const char *first = json_get_string(body, "first_name");
	const char *last = json_get_string(body, "last_name");
	const struct box_object *user;

	if (!body)
		return;
	if (email && first && last) {
		user = box_org_add_user(control->api.org, email, first, last, call->wall_ms);
		box_answer_json(answer, 200, json_object_get(user->data));
	} else {
		box_answer_error(answer, 400, "a user needs email, first_name and last_name");
	}
	json_object_put(body);
}

/* Those of the settings that the organization's parts keep. */
static void apply_times(const struct box_control *control)
{
	const struct box_org *org = control->api.org;

	box_search_set_lag(org->search, control->lag_ms);
	box_search_set_cursor_life(org->search, control->cursor_ms);
	box_jobs_set_time(org->jobs, control->job_ms);
	box_events_set_consolidation(org->events, control->consolidate_ms);
}

/* The windows begin anew; how much they allow is a setting. */
static void forget_calls(struct box_control *control)
{
	struct box_rate *rate = box_rate_new(control->window_ms);

	for (size_t i = 0; i < BOX_RATE_N_GROUPS; i++)
		box_rate_set(rate, (enum box_rate_group)i,
		             box_rate_limit(control->api.rate, (enum box_rate_group)i));
	box_rate_free(control->api.rate);
	control->api.rate = rate;
}

static void post_reset(struct box_control *control, const struct box_call *call,
                       struct box_answer *answer)
{
	const struct box_doubts doubts = control->api.org->doubts;

	box_org_free(control->api.org);
	control->api.org = box_org_new(control->seed, control->lag_ms, call->wall_ms);
	control->api.org->doubts = doubts;
	apply_times(control);
	if (control->data)
		(void)box_data_place(control->data, control->api.org, call->wall_ms, NULL);
	box_webhooks_serve(control->webhooks, control->api.org);
	box_requests_free(control->requests);
	control->requests = box_requests_new();
	forget_calls(control);
	box_oauth_reset(box_auth_oauth(control->api.auth));
	box_faults_clear(control->faults);
	box_hook_clear(control->hook);
	control->n_resets++;
	ok(answer);
}

static void get_faults(struct box_control *control, const struct box_call *call,
                       struct box_answer *answer)
{
	(void)call;
	box_answer_json(answer, 200, box_faults_list(control->faults));
}

/* One rule, or a list of them: those before a wrong one stay. */
static void post_faults(struct box_control *control, const struct box_call *call,
                        struct box_answer *answer)
{
	struct json_object *body = read_body(call, answer);
	const bool is_list = json_object_is_type(body, json_type_array);
	const size_t n = is_list ? json_object_array_length(body) : 1;
	struct err err;
	int r = 0;

	if (!body)
		return;
	for (size_t i = 0; i < n && r == 0; i++)
		r = box_faults_add(control->faults,
		                   is_list ? json_object_array_get_idx(body, i) : body, &err);
	if (r < 0)
		box_answer_error(answer, 400, "%s", err.text);
	else
		ok(answer);
	json_object_put(body);
}

static void delete_faults(struct box_control *control, const struct box_call *call,
                          struct box_answer *answer)
{
	(void)call;
	box_faults_clear(control->faults);
	ok(answer);
}

static void set_rate(struct box_control *control, struct json_object *limits)
{
	for (size_t i = 0; i < BOX_RATE_N_GROUPS; i++)
		box_rate_set(
			control->api.rate, (enum box_rate_group)i,
			(uint32_t)json_get_int(limits, box_rate_name((enum box_rate_group)i), 0));
}

static void set_rate_form(struct box_control *control, const char *name)
{
	for (size_t i = 0; name && i < sizeof(form_names) / sizeof(form_names[0]); i++)
		if (strcmp(form_names[i], name) == 0)
			control->api.rate_form = (enum sandbox_rate_form)i;
}

enum { n_times = 5 };

struct time_setting {
	const char *name;
	uint64_t *ms;
};

static void times_of(struct box_control *control, struct time_setting ret_times[static n_times])
{
	const struct time_setting times[] = {
		{"lag_ms", &control->lag_ms},
		{"latency_ms", &control->latency_ms},
		{"cursor_ms", &control->cursor_ms},
		{"job_ms", &control->job_ms},
		{"consolidate_ms", &control->consolidate_ms},
	};

	static_assert(sizeof(times) / sizeof(times[0]) == n_times, "all of them");
	memcpy(ret_times, times, sizeof(times));
}

static void set_webhooks(struct box_control *control, struct json_object *body)
{
	struct box_webhook_times times = box_webhooks_times(control->webhooks);

	times.first_wait_ms =
		(uint64_t)json_get_int(body, "webhook_retry_ms", (int64_t)times.first_wait_ms);
	times.give_up_ms =
		(uint64_t)json_get_int(body, "webhook_give_up_ms", (int64_t)times.give_up_ms);
	times.max_queue = (uint64_t)json_get_int(body, "webhook_queue", (int64_t)times.max_queue);
	box_webhooks_set_times(control->webhooks, &times);
}

static void add_webhooks(const struct box_control *control, struct json_object *out)
{
	const struct box_webhook_times times = box_webhooks_times(control->webhooks);

	box_set(out, "webhook_retry_ms", json_object_new_int64((int64_t)times.first_wait_ms));
	box_set(out, "webhook_give_up_ms", json_object_new_int64((int64_t)times.give_up_ms));
	box_set(out, "webhook_queue", json_object_new_int64((int64_t)times.max_queue));
}

static void get_settings(struct box_control *control, const struct box_call *call,
                         struct box_answer *answer)
{
	struct json_object *out = json_object_new_object(), *limits = json_object_new_object();
	struct time_setting times[n_times];

	(void)call;
	for (size_t i = 0; i < BOX_RATE_N_GROUPS; i++) {
		const enum box_rate_group group = (enum box_rate_group)i;

		json_object_object_add(
			limits, box_rate_name(group),
			json_object_new_int64(box_rate_limit(control->api.rate, group)));
	}
	times_of(control, times);
	for (size_t i = 0; i < n_times; i++)
		json_object_object_add(out, times[i].name,
		                       json_object_new_int64((int64_t)*times[i].ms));
	add_webhooks(control, out);
	json_object_object_add(out, "rate_limit",
	                       json_object_new_boolean(control->api.has_rate_limit));
	json_object_object_add(out, "rate_form",
	                       json_object_new_string(form_names[control->api.rate_form]));
	json_object_object_add(out, "rate", limits);
	for (size_t d = 0; d < BOX_N_DOUBTS; d++)
		json_object_object_add(out, box_doubt_rows[d].name,
		                       json_object_new_string(box_doubt_value(
					       &control->api.org->doubts, (enum box_doubt)d)));
	box_answer_json(answer, 200, out);
}

/* The doubts among the settings; false: it has answered that there is no such setting. */
static bool set_doubts(struct box_control *control, struct json_object *body,
                       struct box_answer *answer)
{
	static const char *const others[] = {
		"rate_limit",       "rate_form",          "rate",
		"webhook_retry_ms", "webhook_give_up_ms", "webhook_queue"};
	struct box_doubts doubts = control->api.org->doubts;
	struct time_setting times[n_times];
	struct err err;

	times_of(control, times);
	json_object_object_foreach(body, name, value)
	{
		const char *text = json_object_get_string(value);
		bool is_other = false;

		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			is_other |= strcmp(others[i], name) == 0;
		for (size_t i = 0; i < n_times; i++)
			is_other |= strcmp(times[i].name, name) == 0;
		if (is_other || box_doubts_set(&doubts, name, text ? text : "", &err) == 0)
			continue;
		box_answer_error(answer, 400, "%s", err.text);
		return false;
	}
	control->api.org->doubts = doubts;
	return true;
}

static void post_settings(struct box_control *control, const struct box_call *call,
                          struct box_answer *answer)
{
	struct json_object *body = read_body(call, answer);
	struct time_setting times[n_times];

	if (!body)
		return;
	if (!set_doubts(control, body, answer)) {
		json_object_put(body);
		return;
	}
	times_of(control, times);
	for (size_t i = 0; i < n_times; i++)
		*times[i].ms = (uint64_t)json_get_int(body, times[i].name, (int64_t)*times[i].ms);
	apply_times(control);
	control->api.has_rate_limit =
		json_get_bool(body, "rate_limit", control->api.has_rate_limit);
	set_webhooks(control, body);
	set_rate_form(control, json_get_string(body, "rate_form"));
	set_rate(control, json_get(body, "rate"));
	json_object_put(body);
	get_settings(control, call, answer);
}

static void get_sent(struct box_control *control, const struct box_call *call,
                     struct box_answer *answer)
{
	(void)call;
	box_answer_json(answer, 200, box_sent_list(control->api.org->sent));
}

/* What Close's own interface cannot make: meetings, forms that were filled in. */
static void post_objects(struct box_control *control, const struct box_call *call,
                         struct box_answer *answer)
{
	const struct box_actor actor = {.request_id = "",
	                                .key_id = "",
	                                .method = call->method,
	                                .path = call->path,
	                                .wall_ms = call->wall_ms,
	                                .now_ms = call->now_ms};
	const char *name = json_get_string(call->params, "kind");
	const struct box_kind *kind = name ? box_kind_find(name) : NULL;
	struct json_object *body = read_body(call, answer), *complaint = NULL;
	const struct box_object *made;

	if (!body)
		return;
	if (!kind || !json_object_is_type(body, json_type_object)) {
		box_answer_error(answer, 400, "kind= and an object are needed");
		json_object_put(body);
		return;
	}
	made = box_write(control->api.org, &actor, kind, NULL, body, &complaint);
	if (made)
		box_answer_json(answer, 200, json_object_get(made->data));
	else
		box_answer_json(answer, 400, complaint);
	json_object_put(body);
}

static void get_hook(struct box_control *control, const struct box_call *call,
                     struct box_answer *answer)
{
	(void)call;
	box_answer_json(answer, 200, box_hook_list(control->hook));
}

static void delete_hook(struct box_control *control, const struct box_call *call,
                        struct box_answer *answer)
{
	(void)call;
	box_hook_clear(control->hook);
	ok(answer);
}

static void get_webhooks(struct box_control *control, const struct box_call *call,
                         struct box_answer *answer)
{
	(void)call;
	box_answer_json(answer, 200, box_webhooks_list(control->webhooks));
}

static void get_oauth(struct box_control *control, const struct box_call *call,
                      struct box_answer *answer)
{
	(void)call;
	box_answer_json(answer, 200, box_oauth_look(box_auth_oauth(control->api.auth)));
}

static void post_oauth(struct box_control *control, const struct box_call *call,
                       struct box_answer *answer)
{
	struct json_object *body = read_body(call, answer);

	if (!body)
		return;
	box_oauth_set(box_auth_oauth(control->api.auth), body, call->now_ms);
	json_object_put(body);
	get_oauth(control, call, answer);
}

static const struct {
	const char *method, *path;
	void (*answer)(struct box_control *control, const struct box_call *call,
	               struct box_answer *answer);
} pages[] = {
	{"GET", "/requests", get_requests}, {"GET", "/objects", get_objects},
	{"POST", "/reset", post_reset},     {"GET", "/faults", get_faults},
	{"POST", "/faults", post_faults},   {"DELETE", "/faults", delete_faults},
	{"GET", "/settings", get_settings}, {"POST", "/settings", post_settings},
	{"GET", "/hook", get_hook},         {"DELETE", "/hook", delete_hook},
	{"POST", "/users", post_users},     {"POST", "/objects", post_objects},
	{"GET", "/sent", get_sent},         {"GET", "/webhooks", get_webhooks},
	{"GET", "/oauth", get_oauth},       {"POST", "/oauth", post_oauth},
};

void box_control_answer(struct box_control *control, const struct box_call *call,
                        struct box_answer *answer)
{
	size_t len = strlen(call->path);

	while (len > 1 && call->path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(pages[i].method, call->method) != 0 || strlen(pages[i].path) != len ||
		    strncmp(pages[i].path, call->path, len) != 0)
			continue;
		pages[i].answer(control, call, answer);
		return;
	}
	box_answer_error(
		answer, 404,
		"The sandbox has /_sandbox/requests, objects, sent, faults, settings, users, hook, "
		"webhooks, oauth and reset.");
}
