/* Preview as lines of JSON: one for each request, one for each record that cannot be sent. */

#include "connector/cli/preview_page.h"
#include "connector/model/origin.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void add_text(struct buf *out, const char *text)
{
	if (text)
		json_print_string(text, strlen(text), out);
	else
		buf_adds(out, "null");
}

static void add_header(struct buf *out, const char *name, size_t len, const char *value)
{
	if (out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	json_print_string(name, len, out);
	buf_addc(out, ':');
	add_text(out, value);
}

static void add_notes(struct buf *out, char *const *notes)
{
	for (size_t i = 0; notes && notes[i]; i++) {
		if (i)
			buf_addc(out, ',');
		add_text(out, notes[i]);
	}
}

/* JSON as a value, any other format as the text it is. */
static void add_body(struct buf *out, const struct request *request)
{
	if (!request->body)
		buf_adds(out, "null");
	else if (request->format == CONTENT_JSON)
		buf_add(out, request->body, request->body_len);
	else
		json_print_string(request->body, request->body_len, out);
}

/* Percent-encoded, but for what is looked up later, which stands there as text. */
static void add_url(struct buf *out, const char *base_url, const char *url)
{
	if (strchr(url, '<')) {
		char *whole = mem_printf("%s%s", base_url, url);

		add_text(out, whole);
		free(whole);
		return;
	}
	buf_addf(out, "\"%s%s\"", base_url, url);
}

void page_json_request(struct page *page, const struct request *request)
{
	struct buf *out = &page->out;
	const size_t from = out->len;

	buf_adds(out, "{\"route\":");
	add_text(out, request->route);
	buf_adds(out, ",\"operation\":");
	add_text(out, *request->operation ? request->operation : NULL);
	buf_adds(out, ",\"method\":\"");
	buf_adds(out, http_method_name(request->method));
	buf_adds(out, "\",\"url\":");
	add_url(out, page->base_url, request->url);
	buf_adds(out, ",\"headers\":{");
	page_each_header(request, add_header, out);
	buf_adds(out, "},\"body\":");
	add_body(out, request);
	buf_adds(out, ",\"records\":[");
	for (size_t i = 0; i < request->n_parts; i++) {
		if (i)
			buf_addc(out, ',');
		origin_print(request->parts[i].record, out);
	}
	buf_adds(out, "],\"notes\":[");
	add_notes(out, request->notes);
	buf_adds(out, "]}");
	page_end_line(page, from);
}

void page_json_rejection(struct page *page, const struct record *const *records, size_t n,
                         const struct rejection *rejection)
{
	struct buf *out = &page->out;
	const size_t from = out->len;

	buf_addf(out, "{\"rejected\":{\"class\":\"%s\",\"message\":",
	         reject_class_name(rejection->class));
	add_text(out, rejection->message);
	buf_adds(out, ",\"field\":");
	add_text(out, rejection->field);
	buf_adds(out, "},\"records\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ',');
		origin_print(records[i], out);
	}
	buf_adds(out, "]}");
	page_end_line(page, from);
}
