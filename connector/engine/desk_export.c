#include "connector/engine/desk_private.h"

#include "lib/json.h"
#include "lib/utf8.h"

#include <stdlib.h>
#include <string.h>

/*
 * Kept records as they came, for a file that a pipeline can read: {"records": [{"id", "records",
 * "raw" | "hex", "stream", "pos"}]}. What is no text goes as hexadecimal digits. An answer holds
 * some of them; the place of the last one is where the next question goes on.
 */

enum { page_bytes = 8 << 20, page_records = 1000 };

struct page {
	struct json_object *list;
	size_t n_bytes;
};

static bool is_text(const char *bytes, size_t len)
{
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = utf8_sequence(bytes + at, len - at);
		if (!n || !bytes[at])
			return false;
	}
	return true;
}

static void add_raw(struct json_object *o, const struct record *record)
{
	const size_t len = record_raw_len(record);
	static const char digits[] = "0123456789abcdef";
	struct buf hex = BUF_INIT;

	if (is_text(record->raw, len)) {
		(void)json_object_object_add(o, "raw",
		                             json_object_new_string_len(record->raw, (int)len));
		return;
	}
	for (size_t i = 0; i < len; i++) {
		buf_addc(&hex, digits[(uint8_t)record->raw[i] >> 4]);
		buf_addc(&hex, digits[(uint8_t)record->raw[i] & 15]);
	}
	(void)json_object_object_add(o, "hex", json_object_new_string_len(hex.data, (int)hex.len));
	buf_deinit(&hex);
}

static bool add_record(void *arg, const struct part_row *row)
{
	struct page *page = arg;
	const struct record *record = row->part.record;
	struct json_object *o = json_object_new_object(), *places = json_object_new_array();

	(void)json_object_object_add(o, "id", json_object_new_uint64(row->part.id));
	(void)json_object_array_add(places, desk_place(record));
	(void)json_object_object_add(o, "records", places);
	(void)json_object_object_add(o, "class",
	                             json_object_new_string(reject_class_name(row->part.class)));
	(void)json_object_object_add(o, "stream", json_object_new_uint64(record->stream));
	(void)json_object_object_add(o, "pos", json_object_new_uint64(record->pos));
	if (record->raw) {
		add_raw(o, record);
		page->n_bytes += record_raw_len(record);
	}
	(void)json_object_array_add(page->list, o);
	return page->n_bytes < page_bytes && json_object_array_length(page->list) < page_records;
}

static void add_row(void *arg, const struct part_row *row)
{
	(void)add_record(arg, row);
}

struct json_object *desk_export(struct journal *journal, struct json_object *request)
{
	const char *class_name = json_get_string(request, "class");
	const enum reject_class class = class_name ? reject_class_find(class_name) : REJECT_NONE;
	struct page page = {.list = json_object_new_array()};
	struct json_object *o = json_object_new_object();
	uint64_t *ids = desk_ids(request);
	struct err err;
	int r;

	(void)json_object_object_add(o, "records", page.list);
	if (ids)
		r = journal_each_part(journal, OUTCOME_REJECTED, ids, class, add_row, &page, &err);
	else
		r = journal_each_rejected_record(
			journal, class, (uint64_t)json_get_int(request, "stream", 0),
			json_get_int(request, "pos", -1), add_record, &page, &err);
	free(ids);
	if (r >= 0)
		return o;
	json_object_put(o);
	return desk_refusal(EXIT_LOCAL, "%s", err.text);
}
