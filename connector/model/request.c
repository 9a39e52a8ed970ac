#include "connector/model/request.h"

#include "lib/crypto.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <stdlib.h>
#include <string.h>

struct request *request_new(void)
{
	struct request *r = mem_alloc(sizeof(*r));
	uint8_t bytes[16];
	char *text;

	crypto_random(bytes, sizeof(bytes));
	text = crypto_base32(bytes, sizeof(bytes));
	memcpy(r->id, text, sizeof(r->id) - 1);
	free(text);
	return r;
}

void part_deinit(struct part *part)
{
	record_unref(part->record);
	free(part->draft);
	free(part->message);
	free(part->field);
	free(part->fields);
	*part = (struct part){0};
}

void answer_deinit(struct answer *answer)
{
	free(answer->headers);
	free(answer->body);
	*answer = (struct answer){0};
}

void request_free(struct request *request)
{
	if (!request)
		return;
	free(request->route);
	free(request->operation);
	free(request->object);
	free(request->group);
	free(request->url);
	strlist_free(request->headers);
	free(request->body);
	free(request->identity_field);
	free(request->identity_value);
	for (size_t i = 0; i < request->n_lanes; i++)
		free(request->lanes[i].key);
	free(request->lanes);
	for (size_t i = 0; i < request->n_parts; i++)
		part_deinit(&request->parts[i]);
	free(request->parts);
	strlist_free(request->notes);
	free(request->written);
	answer_deinit(&request->answer);
	free(request->object_id);
	free(request->known);
	free(request->hint);
	free(request);
}

void request_add_lane(struct request *request, const char *key, bool is_owner)
{
	for (size_t i = 0; i < request->n_lanes; i++)
		if (!strcmp(request->lanes[i].key, key)) {
			request->lanes[i].is_owner |= is_owner;
			return;
		}
	request->lanes = mem_resize(request->lanes, request->n_lanes + 1, sizeof(struct lane_key));
	request->lanes[request->n_lanes++] =
		(struct lane_key){.key = mem_strdup(key), .is_owner = is_owner};
}

void request_note(struct request *request, const char *note)
{
	strlist_add(&request->notes, mem_strdup(note));
}

void request_print(const struct request *request, struct buf *out)
{
	buf_addf(out, "%s %s\n", http_method_name(request->method), request->url);
	for (char **header = request->headers; header && *header; header++)
		buf_addf(out, "%s\n", *header);
	buf_add(out, request->body, request->body_len);
	buf_addc(out, '\n');
}
