#include "connector/sandbox/requests.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

enum { max_requests = 200000, max_bytes = 256 * 1024 * 1024 };

struct box_requests {
	struct box_call **calls; /* call n (from 1) stands at (n - 1) % max_requests */
	size_t n_allocated;
	uint64_t n_ever, n_forgotten;
	size_t bytes;
};

struct box_requests *box_requests_new(void)
{
	return mem_alloc(sizeof(struct box_requests));
}

static size_t size_of(const struct box_call *call)
{
	return sizeof(*call) + call->body_len + call->headers.len + strlen(call->path);
}

static void forget_oldest(struct box_requests *requests)
{
	struct box_call **slot = &requests->calls[requests->n_forgotten++ % max_requests];

	requests->bytes -= size_of(*slot);
	box_call_unref(*slot);
	*slot = NULL;
}

void box_requests_free(struct box_requests *requests)
{
	if (!requests)
		return;
	while (requests->n_forgotten < requests->n_ever)
		forget_oldest(requests);
	free(requests->calls);
	free(requests);
}

void box_requests_add(struct box_requests *requests, struct box_call *call)
{
	if (requests->n_ever - requests->n_forgotten == max_requests)
		forget_oldest(requests);
	while (requests->bytes > max_bytes)
		forget_oldest(requests);
	if (requests->n_ever < max_requests)
		requests->calls = mem_grow(requests->calls, (size_t)requests->n_ever,
		                           &requests->n_allocated, sizeof(struct box_call *));
	requests->calls[requests->n_ever++ % max_requests] = box_call_ref(call);
	requests->bytes += size_of(call);
	call->seq = requests->n_ever;
}

static struct json_object *headers_of(const struct box_call *call)
{
	struct json_object *headers = json_object_new_object();

	for (const char *line = buf_text(&call->headers); *line;) {
		const size_t len = strcspn(line, "\n"), name_len = strcspn(line, ":");
		char *name = mem_dup(line, name_len);

		json_object_object_add(
			headers, name,
			json_object_new_string_len(line + name_len + 2, (int)(len - name_len - 2)));
		free(name);
		line += len + 1;
	}
	return headers;
}

static struct json_object *row(const struct box_call *call)
{
	struct json_object *o = json_object_new_object();
	char at[32];

	json_object_object_add(o, "seq", json_object_new_int64((int64_t)call->seq));
	json_object_object_add(o, "at", json_object_new_string(clock_rfc3339(call->wall_ms, at)));
	json_object_object_add(o, "method",
	                       json_object_new_string(call->is_tunnelled ? "POST" : call->method));
	json_object_object_add(o, "path", json_object_new_string(call->path));
	json_object_object_add(o, "query", json_object_get(call->params));
	json_object_object_add(o, "headers", headers_of(call));
	json_object_object_add(o, "body",
	                       json_object_new_string_len(call->body, (int)call->body_len));
	json_object_object_add(o, "status", json_object_new_int((int)call->status));
	json_object_object_add(o, "applied", json_object_new_boolean(call->is_applied));
	json_object_object_add(o, "object_id",
	                       *call->object_id ? json_object_new_string(call->object_id) : NULL);
	json_object_object_add(o, "token", json_object_new_int64(call->token));
	json_object_object_add(o, "fault", json_string(call->fault));
	return o;
}

struct json_object *box_requests_list(const struct box_requests *requests, uint64_t after,
                                      size_t limit)
{
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();
	uint64_t i = after > requests->n_forgotten ? after : requests->n_forgotten;

	for (; i < requests->n_ever && limit; i++, limit--)
		json_object_array_add(list, row(requests->calls[i % max_requests]));
	json_object_object_add(out, "data", list);
	json_object_object_add(out, "last", json_object_new_int64((int64_t)requests->n_ever));
	json_object_object_add(out, "forgotten",
	                       json_object_new_int64((int64_t)requests->n_forgotten));
	return out;
}
