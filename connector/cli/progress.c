#include "connector/cli/progress.h"
#include "connector/cli/term.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	live_every_ms = 200,
	line_every_ms = 10000,
	json_every_ms = 1000,
	n_samples = 16, /* of the last seconds, for a rate that is neither nervous nor stale */
};

struct sample {
	uint64_t at_ms, read, bytes;
};

struct progress {
	enum progress_form form;
	FILE *out;
	uint64_t began_ms, shown_ms;
	unsigned n_lines; /* of the live block on the screen */
	struct sample samples[n_samples];
	size_t n_taken; /* ever */
};

enum progress_form progress_choose(bool json)
{
	return json ? PROGRESS_JSON : term_is(stderr) ? PROGRESS_LIVE : PROGRESS_LINES;
}

struct progress *progress_new(enum progress_form form, FILE *out, uint64_t now_ms)
{
	struct progress *p = mem_alloc(sizeof(*p));

	p->form = form;
	p->out = out;
	p->began_ms = p->shown_ms = now_ms;
	return p;
}

void progress_free(struct progress *p)
{
	free(p);
}

static void take_sample(struct progress *p, const struct progress_view *view, uint64_t now_ms)
{
	const struct sample *last = &p->samples[(p->n_taken + n_samples - 1) % n_samples];

	if (p->n_taken && now_ms < last->at_ms + 1000)
		return;
	p->samples[p->n_taken++ % n_samples] = (struct sample){
		.at_ms = now_ms, .read = view->counts.read, .bytes = view->bytes_read};
}

static const struct sample *oldest_sample(const struct progress *p)
{
	return &p->samples[p->n_taken > n_samples ? p->n_taken % n_samples : 0];
}

static double rate_of(const struct progress *p, uint64_t from, uint64_t to, uint64_t now_ms)
{
	const uint64_t passed_ms = now_ms - oldest_sample(p)->at_ms;

	return passed_ms && to > from ? (double)(to - from) * 1000 / (double)passed_ms : 0;
}

static void add_share(const struct progress_view *view, struct buf *b)
{
	char read[32], total[32];

	if (view->counts_left) {
		buf_addf(b, "%s, %s %s behind", view->source, term_thousands(view->left, read),
		         plural(view->left, "record", "records"));
		return;
	}
	if (!view->bytes_total) {
		buf_addf(b, "%s of %s", term_bytes(view->bytes_read, read), view->source);
		return;
	}
	buf_addf(b, "%.0f%% of %s (%s of %s)",
	         100.0 * (double)view->bytes_read / (double)view->bytes_total, view->source,
	         term_bytes(view->bytes_read, read), term_bytes(view->bytes_total, total));
}

static void add_rate(const struct progress *p, const struct progress_view *view, uint64_t now_ms,
                     struct buf *b)
{
	const double records = rate_of(p, oldest_sample(p)->read, view->counts.read, now_ms);
	const double bytes = rate_of(p, oldest_sample(p)->bytes, view->bytes_read, now_ms);
	const double left_ms =
		bytes > 0 && view->bytes_total > view->bytes_read
			? (double)(view->bytes_total - view->bytes_read) * 1000 / bytes
		: records > 0 ? (double)view->left * 1000 / records
			      : 0;
	char left[32];

	if (records > 0)
		buf_addf(b, records < 10 ? "%s%.1f records/s" : "%s%.0f records/s",
		         b->len ? "; " : "", records);
	if (left_ms >= 1)
		buf_addf(b, ", about %s left", term_duration((uint64_t)left_ms, left));
}

static void add_counts(const struct run_counts *c, struct buf *b)
{
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {
		{"delivered", c->delivered}, {"filtered", c->filtered}, {"skipped", c->skipped},
		{"rejected", c->rejected},   {"held", c->held},         {"open", c->open},
	};
	char n[32];

	buf_addf(b, "%s read", term_thousands(c->read, n));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].n || i == 0)
			buf_addf(b, "%s %s %s", i ? "," : ":", term_thousands(rows[i].n, n),
			         rows[i].name);
}

/* A line of the block, cut to the screen: a wrapped line could not be taken back. */
static void draw_line(struct progress *p, const struct buf *line, enum term_style style)
{
	struct buf shown = BUF_INIT;
	const unsigned width = term_width(p->out) - 1;
	unsigned n = 0;
	size_t at = 0;

	term_escape(buf_text(line), line->len, &shown);
	for (; at < shown.len && n < width; at++)
		n += at + 1 >= shown.len || (shown.data[at + 1] & 0xc0) != 0x80;
	(void)fprintf(p->out, "%s%.*s%s\n", term_style(p->out, style), (int)at, buf_text(&shown),
	              term_style(p->out, STYLE_PLAIN));
	p->n_lines++;
	buf_deinit(&shown);
}

static void draw_live(struct progress *p, const struct progress_view *view, uint64_t now_ms)
{
	struct buf line = BUF_INIT;
	char n[32];

	progress_hide(p);
	buf_addf(&line, "%s: ", view->pipeline);
	add_share(view, &line);
	draw_line(p, &line, STYLE_BOLD);
	buf_clear(&line);
	add_counts(&view->counts, &line);
	if (view->events_owed)
		buf_addf(&line, "; %s event%s on the way", term_thousands(view->events_owed, n),
		         plural(view->events_owed, "", "s"));
	draw_line(p, &line, STYLE_PLAIN);
	buf_clear(&line);
	add_rate(p, view, now_ms, &line);
	if (view->waiting)
		buf_addf(&line, "%s%s", line.len ? "; " : "", view->waiting);
	draw_line(p, &line, STYLE_DIM);
	buf_deinit(&line);
}

static void print_line(struct progress *p, const struct progress_view *view, uint64_t now_ms,
                       int64_t wall_ms)
{
	struct buf line = BUF_INIT;
	char time[16], n[32];

	buf_addf(&line, "%s %s: ", clock_local_hms(wall_ms, time), view->pipeline);
	add_counts(&view->counts, &line);
	buf_adds(&line, "; ");
	add_share(view, &line);
	add_rate(p, view, now_ms, &line);
	if (view->events_owed)
		buf_addf(&line, "; %s event%s on the way", term_thousands(view->events_owed, n),
		         plural(view->events_owed, "", "s"));
	if (view->waiting)
		buf_addf(&line, "; %s", view->waiting);
	(void)fprintf(p->out, "%s\n", buf_text(&line));
	buf_deinit(&line);
}

static void add_json_counts(struct json_object *line, const struct run_counts *c)
{
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {
		{"read", c->read},       {"delivered", c->delivered}, {"filtered", c->filtered},
		{"skipped", c->skipped}, {"rejected", c->rejected},   {"held", c->held},
		{"open", c->open},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		(void)json_object_object_add(line, rows[i].name, json_object_new_uint64(rows[i].n));
}

static void print_json(struct progress *p, struct json_object *line)
{
	char *text = json_text(line);

	(void)fprintf(p->out, "%s\n", text);
	(void)fflush(p->out);
	free(text);
	(void)json_object_put(line);
}

static void print_json_progress(struct progress *p, const struct progress_view *view,
                                uint64_t now_ms)
{
	struct json_object *line = json_object_new_object();

	(void)json_object_object_add(line, "type", json_string("progress"));
	(void)json_object_object_add(line, "pipeline", json_string(view->pipeline));
	(void)json_object_object_add(line, "elapsed_ms",
	                             json_object_new_uint64(now_ms - p->began_ms));
	add_json_counts(line, &view->counts);
	(void)json_object_object_add(line, "bytes_read", json_object_new_uint64(view->bytes_read));
	(void)json_object_object_add(line, "bytes_total",
	                             view->bytes_total ? json_object_new_uint64(view->bytes_total)
	                                               : NULL);
	(void)json_object_object_add(line, "lag",
	                             view->counts_left ? json_object_new_uint64(view->left) : NULL);
	(void)json_object_object_add(line, "events_owed",
	                             json_object_new_uint64(view->events_owed));
	(void)json_object_object_add(line, "waiting", json_string(view->waiting));
	print_json(p, line);
}

static uint64_t interval_ms(enum progress_form form)
{
	switch (form) {
	case PROGRESS_LIVE:
		return live_every_ms;
	case PROGRESS_LINES:
		return line_every_ms;
	case PROGRESS_JSON:
		return json_every_ms;
	}
	abort();
}

void progress_show(struct progress *p, const struct progress_view *view, uint64_t now_ms,
                   int64_t wall_ms)
{
	take_sample(p, view, now_ms);
	if (now_ms < p->shown_ms + interval_ms(p->form))
		return;
	p->shown_ms = now_ms;
	switch (p->form) {
	case PROGRESS_LIVE:
		draw_live(p, view, now_ms);
		return;
	case PROGRESS_LINES:
		print_line(p, view, now_ms, wall_ms);
		return;
	case PROGRESS_JSON:
		print_json_progress(p, view, now_ms);
		return;
	}
}

void progress_hide(struct progress *p)
{
	for (; p->n_lines; p->n_lines--)
		(void)fputs("\033[A\033[2K", p->out); /* a line up, and empty it */
	(void)fflush(p->out);
}

static void print_json_summary(struct progress *p, const struct progress_view *view,
                               const struct progress_end *end, uint64_t now_ms)
{
	struct json_object *line = json_object_new_object();

	(void)json_object_object_add(line, "type", json_string("summary"));
	(void)json_object_object_add(line, "pipeline", json_string(view->pipeline));
	(void)json_object_object_add(line, "run", json_object_new_uint64(end->run));
	add_json_counts(line, &view->counts);
	(void)json_object_object_add(line, "events_owed",
	                             json_object_new_uint64(view->events_owed));
	(void)json_object_object_add(line, "unknown_keys",
	                             json_object_new_uint64(view->unknown_keys));
	(void)json_object_object_add(line, "duration_ms",
	                             json_object_new_uint64(now_ms - p->began_ms));
	(void)json_object_object_add(line, "reason", json_string(end->reason));
	(void)json_object_object_add(line, "exit", json_object_new_int(end->exit_code));
	print_json(p, line);
}

/* One row of the summary, with what to do about it. */
static void print_count(FILE *out, uint64_t n, const char *what, const char *do_what,
                        const char *path)
{
	char text[32];

	(void)fprintf(out, "  %12s %s", term_thousands(n, text), what);
	if (n && do_what)
		(void)fprintf(out, "%*s%s %s", (int)(12 - strlen(what)), "", do_what, path);
	(void)fputc('\n', out);
}

static void print_summary(struct progress *p, const struct progress_view *view,
                          const struct progress_end *end, uint64_t now_ms)
{
	const struct run_counts *c = &view->counts;
	const char *path = end->pipeline_path;
	char text[32];

	(void)fprintf(p->out, "%s%s: run %" PRIu64 " ended after %s%s\n",
	              term_style(p->out, STYLE_BOLD), view->pipeline, end->run,
	              term_duration(now_ms - p->began_ms, text), term_style(p->out, STYLE_PLAIN));
	print_count(p->out, c->read, "read", NULL, path);
	print_count(p->out, c->delivered, "delivered", NULL, path);
	print_count(p->out, c->filtered, "filtered", NULL, path);
	print_count(p->out, c->skipped, "skipped", NULL, path);
	print_count(p->out, c->rejected, "rejected", "closefeed rejects list", path);
	print_count(p->out, c->held, "held", "closefeed held list", path);
	print_count(p->out, c->open, "open", "closefeed run", path);
	if (view->events_owed)
		(void)fprintf(p->out, "  %12s events wait for the receiver, on disk\n",
		              term_thousands(view->events_owed, text));
	if (view->unknown_keys)
		(void)fprintf(
			p->out,
			"  %12s key%s that Close does not know: `closefeed preview` names %s\n",
			term_thousands(view->unknown_keys, text),
			plural(view->unknown_keys, "", "s"),
			plural(view->unknown_keys, "it", "them"));
	if (end->reason) {
		term_print(p->out, end->reason);
		(void)fputc('\n', p->out);
	}
}

void progress_summary(struct progress *p, const struct progress_view *view,
                      const struct progress_end *end, uint64_t now_ms)
{
	progress_hide(p);
	if (p->form == PROGRESS_JSON)
		print_json_summary(p, view, end, now_ms);
	else
		print_summary(p, view, end, now_ms);
}
