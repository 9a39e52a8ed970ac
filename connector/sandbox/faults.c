#include "connector/sandbox/faults.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { max_rules = 1000 };

static void answer_status(const struct box_fault *fault, struct box_answer *answer, int64_t wall_ms)
{
	const unsigned status = fault->status ? fault->status : 500;

	(void)wall_ms;
	if (!fault->body) {
		box_answer_error(answer, status, "The sandbox was told to answer %u.", status);
		return;
	}
	box_answer_text(answer, status, fault->body);
	if (*fault->body == '{' && !fault->headers)
		box_answer_header(answer, "Content-Type: application/json");
}

static void answer_html(const struct box_fault *fault, struct box_answer *answer, int64_t wall_ms)
{
	(void)wall_ms;
	box_answer_text(answer, fault->status ? fault->status : 200,
	                fault->body ? fault->body
	                            : "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>"
	                              "<body><h1>Please sign in</h1></body></html>\n");
	box_answer_header(answer, "Content-Type: text/html; charset=utf-8");
}

static void answer_redirect(const struct box_fault *fault, struct box_answer *answer,
                            int64_t wall_ms)
{
	(void)wall_ms;
	box_answer_text(answer, fault->status ? fault->status : 302, "");
	box_answer_header(answer, "Location: %s",
	                  fault->body ? fault->body : "https://elsewhere.example/");
}

/* The forms in which a 429 has said how long to wait, over the years. */
static void answer_429(const struct box_fault *fault, struct box_answer *answer, int64_t wall_ms)
{
	const char *form = fault->form ? fault->form : "ratelimit";
	const unsigned long long seconds = fault->seconds ? fault->seconds : 1;
	const time_t then = (time_t)(wall_ms / 1000) + (time_t)seconds;
	struct tm tm;
	char date[64];

	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
	box_answer_error(answer, 429, "Rate limit exceeded");
	if (strcmp(form, "ratelimit") == 0)
		box_answer_header(answer, "RateLimit: limit=160, remaining=0, reset=%llu", seconds);
	else if (strcmp(form, "semicolon") == 0)
		box_answer_header(answer, "RateLimit: limit=160; remaining=0; reset=%llu", seconds);
	else if (strcmp(form, "decimal") == 0)
		box_answer_header(answer, "RateLimit: limit=160, remaining=0, reset=%llu.000000",
		                  seconds);
	else if (strcmp(form, "old") == 0)
		box_answer_header(answer, "x-rate-limit-reset: %llu.000000", seconds);
	else if (strcmp(form, "retry-after") == 0)
		box_answer_header(answer, "retry-after: %llu", seconds);
	else if (strcmp(form, "date") == 0)
		box_answer_header(answer, "retry-after: %s", date);
	else if (strcmp(form, "malformed") == 0)
		box_answer_header(answer, "RateLimit: limit=; reset=soon");
}

static bool is_rate_header(const char *header)
{
	static const char *const names[] = {"RateLimit:", "retry-after:", "x-rate-limit-"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(header, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void answer_bare(const struct box_fault *fault, struct box_answer *answer, int64_t wall_ms)
{
	size_t n = 0;

	(void)fault;
	(void)wall_ms;
	for (size_t i = 0; i < answer->n_headers; i++) {
		if (is_rate_header(answer->headers[i]))
			free(answer->headers[i]);
		else
			answer->headers[n++] = answer->headers[i];
	}
	answer->n_headers = n;
}

static const char malformed[] = "HTTP/1.1 200 OK\r\n"
				"Content-Type application/json\r\n"
				": nameless\r\n"
				"Content-Length: minus five\r\n"
				"\r\n"
				"{}";
static const char endless[] = "HTTP/1.1 200 OK\r\n"
			      "Content-Type: application/json\r\n"
			      "Transfer-Encoding: chunked\r\n"
			      "\r\n";

enum { half_a_status_line = 11, half_a_head = 40 };

static const struct box_fault_kind kinds[] = {
	{.name = "status", .help = "answers status=, not applied", .answer = answer_status},
	{.name = "status_after_apply",
         .help = "answers status=, although applied",
         .apply = BOX_APPLY_NOW,
         .answer = answer_status},
	{.name = "html", .help = "answers HTML, not applied", .answer = answer_html},
	{.name = "html_after_apply",
         .help = "answers HTML, although applied",
         .apply = BOX_APPLY_NOW,
         .answer = answer_html},
	{.name = "redirect",
         .help = "answers 302 to body=, not applied",
         .answer = answer_redirect},
	{.name = "429",
         .help = "answers 429 for seconds=, told as form=ratelimit, semicolon, decimal, old, "
                 "retry-after, date, malformed or none",
         .answer = answer_429},
	{.name = "no_rate_headers",
         .help = "applied, without a word about rate limits",
         .apply = BOX_APPLY_NOW,
         .answer = answer_bare},
	{.name = "timeout_before", .help = "no answer, not applied", .act = BOX_TCP_SILENCE},
	{.name = "timeout_after",
         .help = "no answer, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_SILENCE},
	{.name = "reset_before", .help = "RST, not applied", .act = BOX_TCP_RESET},
	{.name = "reset_after",
         .help = "RST, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_RESET},
	{.name = "close_before",
         .help = "closed without answer, not applied",
         .act = BOX_TCP_CLOSE},
	{.name = "close_after",
         .help = "closed without answer, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_CLOSE},
	{.name = "half_status_line_before",
         .help = "half a status line, then closed, not applied",
         .act = BOX_TCP_CUT,
         .bytes = half_a_status_line},
	{.name = "half_status_line_after",
         .help = "half a status line, then closed, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_CUT,
         .bytes = half_a_status_line},
	{.name = "torn_before",
         .help = "bytes= of the answer, then RST, not applied",
         .act = BOX_TCP_CUT,
         .bytes = half_a_head,
         .is_reset = true,
         .answer = answer_status},
	{.name = "torn_after",
         .help = "bytes= of the answer, then RST, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_CUT,
         .bytes = half_a_head,
         .is_reset = true},
	{.name = "body_cut",
         .help = "the head and bytes= of the body, then closed, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_CUT_BODY,
         .bytes = 10},
	{.name = "slow_body",
         .help = "bytes= of the body every ms=, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_SLOW,
         .bytes = 16,
         .ms = 100},
	{.name = "endless_body",
         .help = "a body that does not end, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_ENDLESS,
         .raw = endless},
	{.name = "malformed_headers",
         .help = "a head that is no HTTP, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_RAW,
         .raw = malformed},
	{.name = "late_apply",
         .help = "RST, and applied only ms= later",
         .apply = BOX_APPLY_LATE,
         .act = BOX_TCP_RESET,
         .ms = 1000},
	{.name = "vanish_before",
         .help = "all connections reset and the port closed for ms=, not applied",
         .act = BOX_TCP_VANISH,
         .ms = 1000},
	{.name = "vanish_after",
         .help = "all connections reset and the port closed for ms=, applied",
         .apply = BOX_APPLY_NOW,
         .act = BOX_TCP_VANISH,
         .ms = 1000},
};

/* Shorter names for what is meant most often. */
static const struct {
	const char *name, *means;
} aliases[] = {
	{"timeout", "timeout_before"},
	{"half_status_line", "half_status_line_after"},
};

struct box_faults {
	struct box_fault **rules;
	size_t n, cap;
};

const struct box_fault_kind *box_fault_kind_at(size_t at)
{
	return at < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[at] : NULL;
}

struct box_faults *box_faults_new(void)
{
	return mem_alloc(sizeof(struct box_faults));
}

static void fault_free(struct box_fault *fault)
{
	free(fault->method);
	free(fault->path);
	free(fault->body);
	free(fault->form);
	json_object_put(fault->headers);
	free(fault);
}

void box_faults_clear(struct box_faults *faults)
{
	while (faults->n)
		fault_free(faults->rules[--faults->n]);
}

void box_faults_free(struct box_faults *faults)
{
	if (!faults)
		return;
	box_faults_clear(faults);
	free(faults->rules);
	free(faults);
}

static const struct box_fault_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(aliases[i].name, name) == 0)
			name = aliases[i].means;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static int unknown_kind(const char *name, struct err *err)
{
	struct buf all = BUF_INIT;
	int r;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		buf_addf(&all, "%s%s", i ? ", " : "", kinds[i].name);
	r = err_set(err, -EINVAL, "there is no fault \"%.60s\": %.400s", name, buf_text(&all));
	buf_deinit(&all);
	return r;
}

static int read_numbers(struct box_fault *fault, struct json_object *rule,
                        struct json_object *match, struct err *err)
{
	const struct {
		struct json_object *in;
		const char *name;
		uint64_t *to;
	} numbers[] = {
		{match, "n", &fault->n},
		{match, "every", &fault->every},
		{match, "times", &fault->times},
		{rule, "ms", &fault->ms},
		{rule, "seconds", &fault->seconds},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct json_object *value = json_get(numbers[i].in, numbers[i].name);

		if (value && (!json_object_is_type(value, json_type_int) ||
		              json_object_get_int64(value) < 0))
			return err_set(err, -EINVAL, "%s must be a whole number", numbers[i].name);
		if (value)
			*numbers[i].to = (uint64_t)json_object_get_int64(value);
	}
	fault->bytes = (size_t)json_get_int(rule, "bytes", (int64_t)fault->kind->bytes);
	fault->status = (unsigned)json_get_int(rule, "status", 0);
	if (fault->status && (fault->status < 200 || fault->status > 599))
		return err_set(err, -EINVAL, "status must be from 200 to 599");
	return 0;
}

static char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_get(object, key);

	if (!value)
		return NULL;
	return json_object_is_type(value, json_type_string)
	               ? mem_strdup(json_object_get_string(value))
	               : json_text(value);
}

int box_faults_add(struct box_faults *faults, struct json_object *rule, struct err *err)
{
	struct json_object *match = json_get(rule, "match");
	const char *name = json_get_string(rule, "fault");
	const struct box_fault_kind *kind = name ? kind_of(name) : NULL;
	struct box_fault *fault;
	int r;

	if (!name)
		return err_set(err, -EINVAL, "a fault rule needs \"fault\", the name of a fault");
	if (!kind)
		return unknown_kind(name, err);
	if (faults->n == max_rules)
		return err_set(err, -ENOSPC, "there are %d fault rules already", max_rules);
	fault = mem_alloc(sizeof(*fault));
	*fault = (struct box_fault){
		.kind = kind,
		.ms = kind->ms,
		.method = text_of(match, "method"),
		.path = text_of(match, "path"),
		.body = text_of(rule, "body"),
		.form = text_of(rule, "form"),
		.headers = json_object_get(json_get(rule, "headers")),
	};
	r = read_numbers(fault, rule, match, err);
	if (r < 0) {
		fault_free(fault);
		return r;
	}
	faults->rules =
		mem_grow(faults->rules, faults->n, &faults->cap, sizeof(struct box_fault *));
	faults->rules[faults->n++] = fault;
	return 0;
}

static bool is_match_key(const char *key)
{
	static const char *const keys[] = {"method", "path", "n", "every", "times"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static int take_word(struct json_object *rule, struct json_object *match, char *word,
                     struct err *err)
{
	char *equals = strchr(word, '='), *end;
	struct json_object *value;
	long long number;

	if (!equals)
		return err_set(err, -EINVAL, "\"%s\" in a fault must be KEY=VALUE", word);
	*equals = '\0';
	number = strtoll(equals + 1, &end, 10);
	value = equals[1] && !*end ? json_object_new_int64(number)
	                           : json_object_new_string(equals + 1);
	json_object_object_add(is_match_key(word) ? match : rule, word, value);
	return 0;
}

int box_faults_add_text(struct box_faults *faults, const char *rule, struct err *err)
{
	struct json_object *read = json_object_new_object(), *match = json_object_new_object();
	char *copy = mem_strdup(rule), *save = NULL, *word = strtok_r(copy, " ", &save);
	int r = 0;

	json_object_object_add(read, "match", match);
	json_object_object_add(read, "fault", json_object_new_string(word ? word : ""));
	while (r == 0 && (word = strtok_r(NULL, " ", &save)))
		r = take_word(read, match, word, err);
	if (r == 0)
		r = box_faults_add(faults, read, err);
	json_object_put(read);
	free(copy);
	return r;
}

static bool is_due(struct box_fault *fault, const char *method, const char *path)
{
	if (fault->method && strcmp(fault->method, method) != 0)
		return false;
	if (fault->path && strncmp(fault->path, path, strlen(fault->path)) != 0)
		return false;
	fault->n_matched++;
	if (fault->times && fault->n_fired >= fault->times)
		return false;
	if (fault->n && fault->n_matched != fault->n)
		return false;
	return !fault->every || fault->n_matched % fault->every == 0;
}

const struct box_fault *box_faults_match(struct box_faults *faults, const char *method,
                                         const char *path)
{
	struct box_fault *met = NULL;

	for (size_t i = 0; i < faults->n; i++)
		if (is_due(faults->rules[i], method, path) && !met)
			met = faults->rules[i];
	if (met)
		met->n_fired++;
	return met;
}

struct box_tcp_plan box_fault_plan(const struct box_fault *fault)
{
	return (struct box_tcp_plan){
		.act = fault->kind->act,
		.bytes = fault->bytes,
		.every_ms = fault->ms,
		.raw = fault->kind->raw,
		.is_reset = fault->kind->is_reset,
	};
}

struct json_object *box_faults_list(const struct box_faults *faults)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < faults->n; i++) {
		const struct box_fault *f = faults->rules[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "fault", json_object_new_string(f->kind->name));
		json_object_object_add(o, "method", json_string(f->method));
		json_object_object_add(o, "path", json_string(f->path));
		json_object_object_add(o, "matched", json_object_new_int64((int64_t)f->n_matched));
		json_object_object_add(o, "fired", json_object_new_int64((int64_t)f->n_fired));
		json_object_array_add(list, o);
	}
	return list;
}
