#include "connector/respond/event.h"

#include "connector/model/origin.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void event_id(const struct event_origin *origin, char ret_id[static event_id_bytes])
{
	struct buf text = BUF_INIT;
	uint8_t hash[sha256_bytes];
	char *name;

	/* Neither id holds a line feed, so no two origins read the same. */
	if (origin->request_id)
		buf_addf(&text, "%s\nrequest %s\n%u", origin->journal_id, origin->request_id,
		         origin->generation);
	else
		buf_addf(&text, "%s\nrecord %" PRIu64 " %" PRIu64 " %u\n%u", origin->journal_id,
		         origin->stream, origin->pos, origin->ordinal, origin->generation);
	crypto_sha256(text.data, text.len, hash);
	name = crypto_base32(hash, sizeof(hash));
	assert(strlen(name) == event_id_bytes - 5);
	(void)snprintf(ret_id, event_id_bytes, "clo_%s", name);
	free(name);
	buf_deinit(&text);
}

static void add_string(struct buf *out, const char *text)
{
	json_print_string(text, strlen(text), out);
}

/* Adds ,"key": */
static void add_key(struct buf *out, const char *key)
{
	buf_add(out, ",\"", 2);
	buf_adds(out, key);
	buf_add(out, "\":", 2);
}

static void add_member(struct buf *out, const char *key, const char *text)
{
	add_key(out, key);
	add_string(out, text);
}

/* Adds JSON text as it is, but on one line: between its tokens a line feed means nothing. */
static void add_json(struct buf *out, const char *text, size_t len)
{
	const size_t begin = out->len;

	buf_add(out, text, len);
	if (!memchr(text, '\n', len) && !memchr(text, '\r', len))
		return;
	for (size_t i = begin; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
}

/* A long body is masked before it is cut, or the cut could leave the beginning of a secret. */
static void add_cut_text(struct buf *out, const struct redact *redact, const char *text, size_t len)
{
	char *copy = mem_dup(text, len);

	len = redact_bytes(redact, copy, len);
	json_print_string(copy, utf8_cut(copy, len, event_body_max), out);
	free(copy);
}

static void add_body(struct buf *out, const struct redact *redact, const char *text, size_t len,
                     bool is_json)
{
	add_key(out, "body");
	if (len > event_body_max)
		add_cut_text(out, redact, text, len);
	else if (is_json)
		add_json(out, text, len);
	else
		json_print_string(text, len, out);
}

/* Into the object that was just added. */
static void add_raw(struct buf *out, const char *raw, size_t len)
{
	char *text;

	out->len--; /* its closing brace */
	if (utf8_is_valid(raw, len)) {
		add_key(out, "text");
		json_print_string(raw, len, out);
	} else {
		text = crypto_base64(raw, len);
		add_member(out, "base64", text);
		free(text);
	}
	buf_addc(out, '}');
}

/* Returns how many records were left out that are kept. */
static size_t add_records(struct buf *out, const struct part *parts, size_t n, bool with_raw)
{
	size_t room = event_record_max, n_left_out = 0;

	add_key(out, "records");
	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		const struct record *record = parts[i].record;
		const size_t len = record_raw_len(record);

		if (i)
			buf_addc(out, ',');
		origin_print(record, out);
		if (!with_raw || !record->raw)
			continue;
		if (len <= room) {
			add_raw(out, record->raw, len);
			room -= len;
		} else {
			n_left_out++;
			room = 0;
		}
	}
	buf_addc(out, ']');
	return n_left_out;
}

static bool carries_request_body(const struct event_input *in)
{
	return in->include_request && in->request && in->request->body;
}

static bool carries_answer_body(const struct event_input *in)
{
	return in->include_response && in->request && in->request->answer.body;
}

static void add_request(struct buf *out, const struct event_input *in, const struct redact *redact)
{
	const struct request *request = in->request;
	char *url = mem_printf("%s%s", in->base_url, request->url);

	buf_adds(out, ",\"request\":{\"method\":\"");
	buf_adds(out, http_method_name(request->method));
	buf_addc(out, '"');
	add_member(out, "url", url);
	free(url);
	if (carries_request_body(in))
		add_body(out, redact, request->body, request->body_len,
		         request->format == CONTENT_JSON);
	buf_addc(out, '}');
}

static void add_response(struct buf *out, const struct event_input *in, const struct redact *redact)
{
	const struct answer *answer = &in->request->answer;

	if (!answer->status)
		return; /* none came */
	buf_adds(out, ",\"response\":{\"status\":");
	buf_addu(out, answer->status);
	add_key(out, "headers");
	if (answer->headers)
		add_json(out, answer->headers, strlen(answer->headers));
	else
		buf_add(out, "{}", 2);
	if (carries_answer_body(in))
		add_body(out, redact, answer->body, answer->body_len, in->answer_is_json);
	buf_addc(out, '}');
}

static void add_note(struct buf *out, const char *note)
{
	if (out->data[out->len - 1] != '[')
		buf_addc(out, ',');
	add_string(out, note);
}

static void note_cut(struct buf *out, const char *what, size_t len, bool was_cut_before)
{
	char text[96];

	if (len > event_body_max)
		(void)snprintf(text, sizeof(text),
		               "the %s body is cut: it has %zu bytes, %d are shown", what, len,
		               event_body_max);
	else if (was_cut_before)
		(void)snprintf(text, sizeof(text), "the %s body is cut: more came than is kept",
		               what);
	else
		return;
	add_note(out, text);
}

static void note_left_out(struct buf *out, size_t n)
{
	char text[128];

	if (!n)
		return;
	(void)snprintf(text, sizeof(text),
	               "%zu record%s too large to stand here; `closefeed rejects` has all of %s", n,
	               n == 1 ? " is" : "s are", n == 1 ? "it" : "them");
	add_note(out, text);
}

static void add_notes(struct buf *out, const struct event_input *in, size_t n_left_out)
{
	add_key(out, "notes");
	buf_addc(out, '[');
	for (char **note = in->request ? in->request->notes : NULL; note && *note; note++)
		add_note(out, *note);
	if (in->note)
		add_note(out, in->note);
	if (carries_request_body(in))
		note_cut(out, "request", in->request->body_len, false);
	if (carries_answer_body(in))
		note_cut(out, "response", in->request->answer.body_len, in->request->answer.is_cut);
	note_left_out(out, n_left_out);
	buf_addc(out, ']');
}

static void add_error(struct buf *out, const struct event_input *in)
{
	if (in->class == REJECT_NONE)
		return;
	buf_adds(out, ",\"error\":{\"class\":\"");
	buf_adds(out, reject_class_name(in->class));
	buf_addc(out, '"');
	add_member(out, "message", in->message);
	add_key(out, "fields");
	if (in->fields) {
		add_json(out, in->fields, strlen(in->fields));
	} else {
		buf_addc(out, '{');
		if (in->field) {
			add_string(out, in->field);
			buf_addc(out, ':');
			add_string(out, in->message);
		}
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}

/* The attributes of the envelope, up to data's opening brace. */
static void add_envelope(struct buf *out, const struct event_input *in)
{
	const char *object_id = in->request ? in->request->object_id : NULL;
	char *source = mem_printf("closefeed/%s", in->pipeline);
	char time[32];

	buf_adds(out, "{\"specversion\":\"1.0\"");
	add_member(out, "id", in->id);
	add_member(out, "source", source);
	free(source);
	buf_adds(out, ",\"type\":\"closefeed.");
	buf_adds(out, outcome_name(in->outcome));
	buf_addc(out, '"');
	add_member(out, "time", clock_rfc3339(in->wall_ms, time));
	if (object_id)
		add_member(out, "subject", object_id);
	add_key(out, "data");
	buf_addc(out, '{');
}

static void add_data(struct buf *out, const struct event_input *in, const struct redact *redact)
{
	const struct request *request = in->request;
	size_t n_left_out;

	buf_adds(out, "\"run\":");
	add_string(out, in->run);
	add_member(out, "route", request ? request->route : in->route);
	add_member(out, "operation", request ? request->operation : in->operation);
	add_member(out, "outcome", outcome_name(in->outcome));
	n_left_out = add_records(out, request ? request->parts : in->part,
	                         request ? request->n_parts : 1, in->include_records);
	if (request) {
		add_request(out, in, redact);
		add_response(out, in, redact);
		if (request->object_id)
			add_member(out, "object_id", request->object_id);
	}
	add_key(out, "attempts");
	buf_addu(out, request ? request->attempts : 0);
	add_key(out, "duration_ms");
	buf_addu(out, request ? request->duration_ms : 0);
	add_key(out, "found_by_lookup");
	buf_adds(out, request && request->found_by_lookup ? "true" : "false");
	add_notes(out, in, n_left_out);
	add_error(out, in);
}

void event_print(const struct event_input *in, const struct redact *redact, struct buf *out)
{
	const size_t begin = out->len;

	assert(in->class == REJECT_NONE || in->message);
	add_envelope(out, in);
	add_data(out, in, redact);
	buf_add(out, "}}", 2);

	out->len = begin + redact_bytes(redact, out->data + begin, out->len - begin);
	out->data[out->len] = '\0';
}

char *event_key(const struct event_input *in, const struct redact *redact)
{
	const struct part *part = in->request ? in->request->parts : in->part;
	struct json_object *key;
	char *text, *redacted;

	if (in->request && in->request->object_id)
		return mem_strdup(in->request->object_id);
	key = part ? part->record->message_key : NULL;
	if (!key)
		return NULL;
	text = json_object_is_type(key, json_type_string) ? mem_strdup(json_object_get_string(key))
	                                                  : json_text(key);
	redacted = redact_copy(redact, text);
	free(text);
	return redacted;
}
