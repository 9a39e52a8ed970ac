/* Preview for people, and what both forms share. */

#include "connector/cli/preview_page.h"

#include "connector/cli/term.h"
#include "connector/model/origin.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { flush_bytes = 64 * 1024, max_ranges = 8 };

void page_flush(struct page *page)
{
	(void)fwrite(buf_text(&page->out), 1, page->out.len, stdout);
	buf_clear(&page->out);
}

static void add_escaped(struct page *page, const char *text, size_t len)
{
	if (page->on_terminal)
		term_escape(text, len, &page->out);
	else
		buf_add(&page->out, text, len);
}

void page_end_line(struct page *page, size_t from)
{
	struct buf line = BUF_INIT;

	if (page->on_terminal) {
		buf_add(&line, page->out.data + from, page->out.len - from);
		page->out.len = from;
		term_escape(line.data, line.len, &page->out);
		buf_deinit(&line);
	}
	buf_addc(&page->out, '\n');
	if (page->out.len >= flush_bytes)
		page_flush(page);
}

static void name_header(header_fn *fn, struct buf *out, const char *name, const char *value)
{
	fn(out, name, strlen(name), value);
}

void page_each_header(const struct request *request, header_fn *fn, struct buf *out)
{
	name_header(fn, out, "Authorization", "***");
	name_header(fn, out, "Accept", "application/json");
	if (request->body)
		name_header(fn, out, "Content-Type", content_type_name(request->format));
	for (char **header = request->headers; header && *header; header++) {
		const char *colon = strchr(*header, ':');

		fn(out, *header, (size_t)(colon - *header), colon + 1 + strspn(colon + 1, " "));
	}
}

static void add_line(struct page *page, const char *text, size_t len)
{
	buf_adds(&page->out, "  ");
	add_escaped(page, text, len);
	buf_addc(&page->out, '\n');
}

/* What counts records where this one stands. */
static uint64_t number_of(const struct record *r)
{
	return r->kind == STREAM_PARTITION ? r->pos : r->line;
}

static bool is_of_same(const struct record *r, const struct record *before)
{
	return r->partition == before->partition && !strcmp(r->source_name, before->source_name);
}

static bool is_next(const struct record *r, const struct record *before)
{
	return is_of_same(r, before) && number_of(r) == number_of(before) + 1;
}

/*
 * "in.ndjson:3", of a call of several records "in.ndjson:3-5,9 (4 records)"; of messages
 * "topic/partition:offset".
 */
static void add_place(struct page *page, const struct record *const *records, size_t n)
{
	struct buf place = BUF_INIT;
	size_t n_ranges = 0;

	for (size_t i = 0, end; i < n && n_ranges++ < max_ranges; i = end) {
		for (end = i + 1; end < n && is_next(records[end], records[end - 1]);)
			end++;
		if (i && is_of_same(records[i], records[i - 1])) {
			buf_addf(&place, ",%" PRIu64, number_of(records[i]));
		} else {
			cleanup_(freep) char *first = origin_place(records[i]);

			buf_addf(&place, "%s%s", i ? ", " : "", first);
		}
		if (end > i + 1)
			buf_addf(&place, "-%" PRIu64, number_of(records[end - 1]));
	}
	if (n_ranges > max_ranges)
		buf_adds(&place, ",…");
	if (n > 1)
		buf_addf(&place, " (%zu records)", n);
	add_escaped(page, place.data, place.len);
	buf_deinit(&place);
}

static void add_heading(struct page *page, const struct record *const *records, size_t n,
                        const char *what, enum term_style style)
{
	buf_adds(&page->out, term_style(stdout, STYLE_BOLD));
	add_place(page, records, n);
	buf_addf(&page->out, "%s  %s%s%s\n", term_style(stdout, STYLE_PLAIN),
	         term_style(stdout, style), what, term_style(stdout, STYLE_PLAIN));
}

static void add_header(struct buf *out, const char *name, size_t len, const char *value)
{
	/* Printable ASCII by the rules of headers. */
	buf_addf(out, "  %.*s: %s\n", (int)len, name, value);
}

static void add_lines(struct page *page, const char *text)
{
	for (;;) {
		const size_t len = strcspn(text, "\n");

		add_line(page, text, len);
		if (!text[len])
			break;
		text += len + 1;
	}
}

static void add_body(struct page *page, const struct request *request)
{
	cleanup_(json_freep) struct json_object *body = NULL;

	if (request->format == CONTENT_JSON &&
	    json_parse(request->body, request->body_len, json_depth_limit, &body, NULL, NULL) == 0)
		add_lines(page, json_object_to_json_string_ext(
					body, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						      JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		add_lines(page, request->body);
}

static bool is_listed(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (!strcmp(*list, text))
			return true;
	return false;
}

/* What was excluded from any of the drafts, each path once: no more than the routes name. */
static void add_excluded(struct page *page, struct draft *const *drafts, size_t n)
{
	struct buf line = BUF_INIT;
	char **seen = NULL;

	for (size_t i = 0; i < n; i++)
		for (char **path = drafts[i]->excluded; path && *path; path++) {
			if (is_listed(seen, *path))
				continue;
			buf_addf(&line, "%s%s", seen ? ", " : "excluded: ", *path);
			strlist_add(&seen, mem_strdup(*path));
		}
	if (line.len)
		add_line(page, line.data, line.len);
	buf_deinit(&line);
	strlist_free(seen);
}

static void add_notes(struct page *page, char *const *notes)
{
	struct buf line = BUF_INIT;

	for (; notes && *notes; notes++) {
		buf_clear(&line);
		buf_addf(&line, "note: %s", *notes);
		add_line(page, line.data, line.len);
	}
	buf_deinit(&line);
}

static void end_paragraph(struct page *page)
{
	buf_addc(&page->out, '\n');
	page_flush(page);
}

static void text_request(struct page *page, const struct request *request,
                         struct draft *const *drafts, size_t n)
{
	const struct record **records = mem_array(n, sizeof(struct record *));

	for (size_t i = 0; i < n; i++)
		records[i] = drafts[i]->record;
	add_heading(page, records, n, request->route, STYLE_GOOD);
	free(records);
	buf_addf(&page->out, "  %s %s", http_method_name(request->method), page->base_url);
	add_escaped(page, request->url, strlen(request->url));
	buf_addc(&page->out, '\n');
	page_each_header(request, add_header, &page->out);
	if (request->body)
		add_body(page, request);
	add_excluded(page, drafts, n);
	add_notes(page, request->notes);
	end_paragraph(page);
}

static void text_rejection(struct page *page, const struct record *const *records, size_t n,
                           const struct rejection *rejection)
{
	struct buf line = BUF_INIT;

	add_heading(page, records, n, "rejected", STYLE_BAD);
	buf_addf(&line, "%s: %s", reject_class_name(rejection->class), rejection->message);
	add_line(page, line.data, line.len);
	buf_deinit(&line);
	end_paragraph(page);
}

void page_request(struct page *page, const struct request *request, struct draft *const *drafts,
                  size_t n)
{
	if (page->json)
		page_json_request(page, request);
	else
		text_request(page, request, drafts, n);
}

void page_rejection(struct page *page, const struct record *const *records, size_t n,
                    const struct rejection *rejection)
{
	if (page->json)
		page_json_rejection(page, records, n, rejection);
	else
		text_rejection(page, records, n, rejection);
}

void page_nothing(struct page *page, const struct record *record, const char *what, const char *why)
{
	if (page->json)
		return;
	add_heading(page, &record, 1, what, STYLE_DIM);
	add_line(page, why, strlen(why));
	end_paragraph(page);
}
