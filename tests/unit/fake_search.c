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

/* What the query looks for, as it stands in its text. */
static bool asks_for(const char *query, const char *key, const char *value)
{
	char text[96];

	(void)snprintf(text, sizeof(text), "\"%s\":\"%s\"", key, value);
	return strstr(query, text) != NULL;
}

static void print_object(const struct fake_object *o, struct buf *out)
{
	const time_t seconds = (time_t)(o->made_wall_ms / 1000);
	struct tm tm;
	char text[40];

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_addf(out,
	         "%s{\"id\":\"%s\",\"date_created\":\"%s.%03d000+00:00\",\"custom.cf_1\":\"%s\"}",
	         out->len > 9 ? "," : "", o->id, text, (int)(o->made_wall_ms % 1000), o->value);
}

static bool matches(const struct fake_object *o, const char *query, uint64_t now)
{
	return o->seen_from_ms <= now && asks_for(query, "object_type", o->object) &&
	       asks_for(query, "value", o->value);
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

void fake_search(struct world *w, struct fake_close *c, struct http_transfer *t)
{
	const uint64_t now = loop_now_ms(w->engine.loop);
	const time_t seconds = (time_t)((loop_wall_ms(w->engine.loop) + c->skew_ms) / 1000);
	struct buf out = BUF_INIT;
	struct tm tm;
	char date[64];

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(date, sizeof(date), "date: %a, %d %b %Y %H:%M:%S GMT", &tm);
	if (strstr(fake_body(t), "\"direction\":\"desc\"")) {
		c->n_canaries++;
		find_newest(c, fake_body(t), now, &out);
	} else {
		c->n_searches += !strstr(fake_body(t), "\"cursor\"");
		c->n_pages++;
		find_page(c, fake_body(t), now, &out);
	}
	fake_end(t, &(struct fake_reply){.n_sends = 1,
	                                 .status = c->search_status ? c->search_status : 200,
	                                 .headers = date,
	                                 .body = buf_text(&out)});
	buf_deinit(&out);
}
