#include "tests/unit/world_batch.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static const char body_begins[] = "{\"all\":[";

static void add_lanes(struct request *r, const char *url_lane)
{
	if (url_lane)
		request_add_lane(r, url_lane, true);
	for (size_t i = 0; i < r->n_parts; i++) {
		char *lane = mem_printf("record %s", r->parts[i].draft);

		request_add_lane(r, lane, true);
		free(lane);
	}
}

/* Everything of a batch but its parts, which are there with their drafts. */
static void finish(struct request *r, enum delivery_class class, const char *url_lane)
{
	struct buf body = BUF_INIT;

	r->method = METHOD_PUT;
	r->class = class;
	r->route = mem_strdup("bulk");
	r->operation = mem_strdup("");
	r->object = mem_strdup("");
	r->group = mem_strdup("write");
	r->url = mem_printf("/bulk/?n=%zu", r->n_parts);
	for (size_t i = 0; i < r->n_parts; i++)
		buf_addf(&body, "%s%s", i ? "," : body_begins, r->parts[i].draft);
	buf_adds(&body, "]}");
	r->body_len = body.len;
	r->body = buf_take(&body);
	add_lanes(r, url_lane);
}

struct request *world_batch_in(struct world *w, enum delivery_class class, uint64_t first,
                               uint64_t last, const char *url_lane)
{
	struct request *r = request_new();

	r->n_parts = last - first + 1;
	r->parts = mem_array(r->n_parts, sizeof(struct part));
	for (size_t i = 0; i < r->n_parts; i++) {
		r->parts[i].record = world_record(w, first + i);
		r->parts[i].draft = mem_printf("%ju", (uintmax_t)(first + i));
		w->live[first + i] = r;
	}
	finish(r, class, url_lane);
	return r;
}

struct request *world_batch(struct world *w, enum delivery_class class, uint64_t first,
                            uint64_t last)
{
	return world_batch_in(w, class, first, last, "bulk");
}

static struct request *half_of(struct world *w, const struct request *whole, size_t from, size_t n)
{
	struct request *r = request_new();

	r->n_parts = n;
	r->parts = mem_array(n, sizeof(struct part));
	for (size_t i = 0; i < n; i++) {
		const struct part *p = &whole->parts[from + i];

		r->parts[i] = (struct part){.id = p->id,
		                            .is_stored = p->is_stored,
		                            .record = record_ref(p->record),
		                            .ordinal = p->ordinal,
		                            .draft = mem_strdup(p->draft),
		                            .generation = p->generation};
		w->live[p->record->pos] = r;
	}
	finish(r, whole->class, strcmp(whole->lanes[0].key, "bulk") ? NULL : "bulk");
	return r;
}

bool world_halve(void *arg, const struct request *whole, struct request **ret_first,
                 struct request **ret_second)
{
	const size_t n = whole->n_parts / 2;

	if (!whole->parts[0].draft)
		return false;
	*ret_first = half_of(arg, whole, 0, n);
	*ret_second = half_of(arg, whole, n, whole->n_parts - n);
	return true;
}

size_t world_numbers(const struct http_transfer *t, uint64_t *ret_numbers, size_t max)
{
	const char *at = fake_body(t);
	char *end;
	size_t n = 0;

	if (strncmp(at, body_begins, sizeof(body_begins) - 1) != 0)
		return 0;
	for (at += sizeof(body_begins) - 1; n < max; at = end + 1) {
		ret_numbers[n++] = strtoull(at, &end, 10);
		if (*end != ',')
			break;
	}
	return n;
}
