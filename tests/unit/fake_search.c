#include "tests/unit/fake_search.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *fake_make(struct world *w, struct fake_close *c, const char *object, const char *value,
                      uint64_t lag_ms)
{
	struct fake_object *o = &c->objects[c->n++];

	check(c->n <= sizeof(c->objects) / sizeof(*c->objects));
	(void)snprintf(o->object, sizeof(o->object), "%s", object);
	(void)snprintf(o->value, sizeof(o->value), "%s", value);
	(void)snprintf(o->id, sizeof(o->id), "lead_%zu", c->n);
	o->made_wall_ms = loop_wall_ms(w->engine.loop) + c->skew_ms;
	o->seen_from_ms = loop_now_ms(w->engine.loop) + lag_ms;
	return o->id;
}

struct fake_object *fake_last(struct fake_close *c)
{
	return &c->objects[c->n - 1];
}

size_t fake_count(const struct fake_close *c, const char *value)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += !strcmp(c->objects[i].value, value);
	return n;
}

bool fake_is_search(const struct http_transfer *t)
{
	return !strcmp(fake_url(t), "http://close/api/v1/data/search/");
}

static bool is_log(const struct http_transfer *t)
{
	return strstr(fake_url(t), "/event/?") != NULL;
}

static bool is_list(const struct http_transfer *t)
{
	return strstr(fake_url(t), "/?lead_id=") != NULL;
}

bool fake_is_lookup(const struct http_transfer *t)
{
	return fake_is_search(t) || is_log(t) || is_list(t);
}

unsigned fake_n_sent(const struct world *w, const struct fake_close *c)
{
	return fake_n_started(w->engine.http) - c->n_pages - c->n_canaries - c->n_lists - c->n_logs;
}

/* What the query looks for, as it stands in its text. */
static bool asks_for(const char *query, const char *key, const char *value)
{
	char text[96];

	(void)snprintf(text, sizeof(text), "\"%s\":\"%s\"", key, value);
	return strstr(query, text) != NULL;
}

static void print_time(int64_t wall_ms, char text[static 48])
{
	const time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t len;

	(void)gmtime_r(&seconds, &tm);
	len = strftime(text, 48, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + len, 48 - len, ".%03d000+00:00", (int)(wall_ms % 1000));
}

static void print_object(const struct fake_object *o, struct buf *out)
{
	char text[48];

	print_time(o->made_wall_ms, text);
	buf_addf(out, "%s{\"id\":\"%s\",\"date_created\":\"%s\",\"custom.cf_1\":\"%s\"}",
	         out->len > 9 ? "," : "", o->id, text, o->value);
}

static void print_event(const struct fake_close *c, const struct fake_object *o, struct buf *out)
{
	char text[48];

	print_time(o->made_wall_ms, text);
	buf_addf(
		out,
		"%s{\"object_id\":\"%s\",\"date_created\":\"%s\",\"date_updated\":\"%s\",\"data\":",
		out->len > 9 ? "," : "", o->id, text, text);
	if (o->is_unclear)
		buf_adds(out, "{}}");
	else if (c->log_has_field)
		buf_addf(out, "{\"name\":\"A\",\"custom.cf_1\":\"%s\"}}", o->value);
	else
		buf_adds(out, "{\"name\":\"A\"}}");
}

static bool matches(const struct fake_object *o, const char *query, uint64_t now)
{
	return o->seen_from_ms <= now && !o->is_deleted &&
	       asks_for(query, "object_type", o->object) && asks_for(query, "value", o->value);
}

/* Cursors are the index to go on with. */
static void find_page(const struct fake_close *c, const char *query, uint64_t now, struct buf *out)
{
	const char *cursor = strstr(query, "\"cursor\":\"");
	const size_t page = c->page_size ? c->page_size : 200;
	size_t i = cursor ? strtoul(cursor + 10, NULL, 10) : 0, n = 0;

	buf_adds(out, "{\"data\":[");
	for (; i < c->n && n < page; i++) {
		if (!matches(&c->objects[i], query, now))
			continue;
		print_object(&c->objects[i], out);
		n++;
	}
	if (n == page)
		buf_addf(out, "],\"cursor\":\"%zu\"}", i);
	else
		buf_adds(out, "],\"cursor\":null}");
}

static void find_newest(const struct fake_close *c, const char *query, uint64_t now,
                        struct buf *out)
{
	buf_adds(out, "{\"data\":[");
	for (size_t i = c->n; i > 0; i--) {
		const struct fake_object *o = &c->objects[i - 1];

		if (o->seen_from_ms > now || !asks_for(query, "object_type", o->object))
			continue;
		print_object(o, out);
		break;
	}
	buf_adds(out, "],\"cursor\":null}");
}

/* Fifty at most, newest first; cursors are the number of objects that are left. */
static void find_events(const struct fake_close *c, const char *url, struct buf *out)
{
	const char *cursor = strstr(url, "_cursor=");
	const size_t all = c->log_is_at ? c->log_is_at : c->n;
	const size_t limit = strstr(url, "_limit=1") ? 1 : 50;
	size_t i = cursor ? strtoul(cursor + 8, NULL, 10) : all, n = 0;
	char type[48];

	buf_adds(out, "{\"data\":[");
	for (; i > 0 && n < limit; i--) {
		const struct fake_object *o = &c->objects[i - 1];

		(void)snprintf(type, sizeof(type), "object_type=%s&", o->object);
		if (strstr(url, "object_type=") && !strstr(url, type))
			continue;
		print_event(c, o, out);
		n++;
	}
	if (i)
		buf_addf(out, "],\"cursor_next\":\"%zu\"}", i);
	else
		buf_adds(out, "],\"cursor_next\":null}");
}

static void find_below(const struct fake_close *c, const char *url, struct buf *out)
{
	char lead[48], path[48];

	buf_adds(out, "{\"data\":[");
	for (size_t i = 0; i < c->n; i++) {
		const struct fake_object *o = &c->objects[i];

		(void)snprintf(lead, sizeof(lead), "lead_id=%s&", o->lead);
		(void)snprintf(path, sizeof(path), "/%s/?", o->object);
		if (!o->is_deleted && strstr(url, lead) && strstr(url, path))
			print_object(o, out);
	}
	buf_adds(out, "],\"has_more\":false}");
}

static void find(struct fake_close *c, struct http_transfer *t, uint64_t now, struct buf *out)
{
	if (is_log(t)) {
		c->n_logs++;
		find_events(c, fake_url(t), out);
	} else if (is_list(t)) {
		c->n_lists++;
		find_below(c, fake_url(t), out);
	} else if (strstr(fake_body(t), "\"direction\":\"desc\"")) {
		c->n_canaries++;
		find_newest(c, fake_body(t), now, out);
	} else {
		c->n_searches += !strstr(fake_body(t), "\"cursor\"");
		c->n_pages++;
		find_page(c, fake_body(t), now, out);
	}
}

void fake_lookup(struct world *w, struct fake_close *c, struct http_transfer *t)
{
	const uint64_t now = loop_now_ms(w->engine.loop);
	const time_t seconds = (time_t)((loop_wall_ms(w->engine.loop) + c->skew_ms) / 1000);
	long status = is_log(t) && !c->has_log ? 403 : 200;
	struct buf out = BUF_INIT;
	struct tm tm;
	char date[64];

	if (fake_is_search(t) && c->search_status)
		status = c->search_status;
	(void)gmtime_r(&seconds, &tm);
	(void)strftime(date, sizeof(date), "date: %a, %d %b %Y %H:%M:%S GMT", &tm);
	find(c, t, now, &out);
	fake_end(t,
	         &(struct fake_reply){
			 .n_sends = 1, .status = status, .headers = date, .body = buf_text(&out)});
	buf_deinit(&out);
}
