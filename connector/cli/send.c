/*
 * One real request, after showing it and asking. The record is found and shaped here, offline, as
 * preview does; then it goes through the state, whoever owns that.
 */

#include "connector/cli/ask.h"
#include "connector/cli/books.h"
#include "connector/cli/editor.h"
#include "connector/cli/items.h"
#include "connector/cli/preview_open.h"
#include "connector/cli/preview_page.h"
#include "connector/cli/question.h"
#include "connector/cli/send_find.h"
#include "connector/cli/term.h"
#include "connector/engine/desk.h"
#include "connector/shape/shape.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct send {
	const struct cli *cli;
	struct pipeline *pipeline;
	struct names names; /* what its record names */
	struct record *record;
	char raw_hash[sha256_hex]; /* of the record as it was read */
	bool is_edited, is_again;
	struct shape_result shaped;
	struct buf shown;           /* what would go over the wire */
	struct json_object *unsent; /* with --json: why outputs cannot be sent, as results */
	size_t n_sendable;
};

static enum exit_code find(struct send *send)
{
	const enum exit_code code = send_find(send->cli, send->pipeline,
	                                      cli_count(send->cli, "record", 1), &send->record);

	if (code == EXIT_DONE && send->record->raw)
		crypto_sha256_hex(send->record->raw, (size_t)send->record->len, send->raw_hash);
	return code;
}

/* What the state is asked */

static bool is_message(const struct record *r)
{
	return r->kind == STREAM_PARTITION;
}

static struct json_object *place_of(const struct send *send)
{
	struct json_object *o = json_object_new_object();
	const struct record *r = send->record;

	assert(r);
	if (is_message(r)) {
		cleanup_(freep) char *message = record_message_text(r);

		(void)json_object_object_add(o, "topic", json_string(r->source_name));
		(void)json_object_object_add(o, "partition", json_object_new_int(r->partition));
		(void)json_object_object_add(o, "message", json_string(message));
	} else {
		(void)json_object_object_add(o, "file", json_string(r->source_name));
	}
	(void)json_object_object_add(o, "pos", json_object_new_uint64(r->pos));
	(void)json_object_object_add(o, "next_pos", json_object_new_uint64(r->next_pos));
	(void)json_object_object_add(o, "len", json_object_new_uint64(r->len));
	(void)json_object_object_add(o, "line", json_object_new_uint64(r->line));
	(void)json_object_object_add(o, "again", json_object_new_boolean(send->is_again));
	(void)json_object_object_add(
		o, "pipeline_text",
		json_object_new_string_len(send->pipeline->text, (int)send->pipeline->text_len));
	return o;
}

/* Whether it may be sent at all, before anybody takes the trouble to edit it. */
static enum exit_code look(const struct send *send)
{
	cleanup_(json_freep) struct json_object *request = place_of(send);
	cleanup_(json_freep) struct json_object *answer = NULL;

	return ask_state(send->pipeline, "send.look", request, &answer);
}

static enum exit_code ask_to_send(const struct send *send, struct json_object **ret_answer)
{
	cleanup_(json_freep) struct json_object *request = place_of(send);
	const struct record *r = send->record;
	char shown_hash[sha256_hex];

	crypto_sha256_hex(buf_text(&send->shown), send->shown.len, shown_hash);
	(void)json_object_object_add(request, "shown_sha256", json_string(shown_hash));
	(void)json_object_object_add(request, "raw_sha256", json_string(send->raw_hash));
	(void)json_object_object_add(request, "now_wall_ms",
	                             json_object_new_int64(r->read_wall_ms));
	(void)json_object_object_add(request, "edited", json_object_new_boolean(send->is_edited));
	if (send->is_edited || send->is_again || is_message(r))
		(void)json_object_object_add(
			request, "content",
			json_object_new_string_len(r->raw, (int)record_raw_len(r)));
	return ask_state(send->pipeline, "send", request, ret_answer);
}

/* Edit */

static enum exit_code edit(struct send *send)
{
	struct record *r = send->record;
	struct edited edited = {0};
	enum exit_code code;
	struct err err;

	if (!r->raw) {
		(void)err_set(&err, -EFBIG, "%s", r->fault_text);
		return cli_fail(EXIT_UNSETTLED, &err);
	}
	code = editor_record(r->raw, (size_t)r->len, send->pipeline->max_record, &edited, &err);
	if (code != EXIT_DONE)
		return cli_fail(code, &err);
	if (edited.is_changed) {
		send->is_edited = true;
		record_edit(r, edited.text);
		r->is_ignored = false;
		(void)json_parse(r->raw, (size_t)record_raw_len(r), 0, &r->value, NULL, NULL);
	}
	free(edited.text);
	return EXIT_DONE;
}

/* Show */

static void show_rejection(struct send *send, struct page *page, const struct rejection *rejection)
{
	const struct record *const records[] = {send->record};
	struct json_object *result;

	if (page) {
		page_rejection(page, records, 1, rejection);
		return;
	}
	result = json_object_new_object();
	(void)json_object_object_add(result, "outcome", json_string("rejected"));
	(void)json_object_object_add(result, "class",
	                             json_string(reject_class_name(rejection->class)));
	(void)json_object_object_add(result, "message", json_string(rejection->message));
	(void)json_object_array_add(send->unsent, result);
}

static void show_form(struct send *send, struct page *page, struct draft *form)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct request *request = preview_request(form, send->pipeline->routes.jq, &rejection);

	send->n_sendable += request != NULL;
	if (page && request)
		page_request(page, request, &form, 1);
	else if (!request)
		show_rejection(send, page, &rejection);
	request_free(request);
}

static void show_output(struct send *send, struct page *page, struct shape_output *output)
{
	struct draft *forms[preview_max_forms];
	size_t n = 0;

	desk_print_output(output, send->pipeline->routes.jq, &send->shown);
	if (output->draft)
		n = preview_forms(steal(&output->draft), NULL, forms, &output->rejection);
	for (size_t i = 0; i < n; i++) {
		show_form(send, page, forms[i]);
		draft_free(forms[i]);
	}
	if (!n)
		show_rejection(send, page, &output->rejection);
}

/* What it names is asked of Close first, so that what is shown is what is sent. */
static enum exit_code learn(struct send *send, char *const *kinds)
{
	cleanup_(pipeline_freep) struct pipeline *with_key = NULL;
	enum exit_code code = ask_load(send->pipeline->path, true, &with_key);
	struct err err;

	for (; code == EXIT_DONE && *kinds; kinds++) {
		struct name_book *book = NULL;

		code = books_ask(with_key, *kinds, &book, &err);
		if (code != EXIT_DONE)
			return cli_fail(code, &err);
		names_put(&send->names, book);
	}
	return code;
}

static enum exit_code shape(struct send *send)
{
	enum exit_code code = EXIT_DONE;

	send->pipeline->routes.names = &send->names;
	send->record->read_wall_ms = clock_wall_ms();
	if (send->record->is_ignored)
		return EXIT_DONE;
	shape_record(&send->pipeline->routes, send->record, &send->shaped);
	while (code == EXIT_DONE && send->shaped.needs) {
		code = learn(send, send->shaped.needs);
		shape_result_deinit(&send->shaped);
		if (code == EXIT_DONE)
			shape_record(&send->pipeline->routes, send->record, &send->shaped);
	}
	return code;
}

static void show_nothing(const struct send *send, struct page *page)
{
	if (send->record->is_ignored)
		page_nothing(page, send->record, "filtered",
		             "it has no value, and `tombstones` says ignore");
	else if (send->shaped.n_skipped)
		page_nothing(page, send->record, "skipped",
		             "no route takes it, and `unrouted` says skip");
	else
		page_nothing(page, send->record, "filtered", "a transform gives nothing for it");
}

static void show(struct send *send)
{
	struct page page = {.base_url = send->pipeline->base_url, .on_terminal = term_is(stdout)};
	struct page *const out = send->cli->json ? NULL : &page;

	for (size_t i = 0; i < send->shaped.n; i++)
		show_output(send, out, &send->shaped.items[i]);
	if (!send->shaped.n && out)
		show_nothing(send, out);
	if (out) {
		page_flush(out);
		buf_deinit(&out->out);
	}
}

static enum exit_code nothing(struct send *send)
{
	struct err err;

	if (send->cli->json) {
		cleanup_(json_freep) struct json_object *answer = json_object_new_object();

		(void)json_object_object_add(answer, "results", steal(&send->unsent));
		term_print_json(answer);
	}
	if (!send->shaped.n) {
		(void)fprintf(stderr, "there is nothing to send of it\n");
		return EXIT_DONE;
	}
	(void)err_set(
		&err, -EINVAL,
		"nothing was sent, and nothing is kept of it: mend the pipeline, or the record "
		"with --edit");
	return cli_fail(EXIT_UNSETTLED, &err);
}

/* Answers */

static void print_body(struct json_object *body)
{
	const char *text =
		json_object_is_type(body, json_type_string)
			? json_object_get_string(body)
			: json_object_to_json_string_ext(
				  body, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						JSON_C_TO_STRING_NOSLASHESCAPE);

	while (*text) {
		cleanup_(freep) char *line = mem_dup(text, strcspn(text, "\n"));

		printf("  ");
		term_print(stdout, line);
		printf("\n");
		text += strlen(line);
		text += *text == '\n';
	}
}

static void print_result(struct json_object *result)
{
	const char *outcome = json_get_string(result, "outcome");
	const char *object = json_get_string(result, "object_id");
	const char *message = json_get_string(result, "message");
	const char *route = json_get_string(result, "route");
	struct json_object *response = json_get(result, "response");
	char took[32];

	printf("%s%s%s%s%s", route ? route : "", route ? ": " : "", outcome, object ? " " : "",
	       object ? object : "");
	if (json_get(result, "status"))
		printf("  (%" PRId64 ", %s)", json_get_int(result, "status", 0),
		       term_duration((uint64_t)json_get_int(result, "duration_ms", 0), took));
	if (message) {
		printf("\n  ");
		term_print(stdout, message);
	}
	printf("\n");
	if (response)
		print_body(response);
}

static enum exit_code print_answer(const struct send *send, struct json_object *answer)
{
	struct json_object *results = json_get(answer, "results");

	if (send->cli->json)
		term_print_json(answer);
	else
		for (size_t i = 0; i < json_object_array_length(results); i++)
			print_result(json_object_array_get_idx(results, i));
	return items_exit_code(results);
}

static enum exit_code send_it(struct send *send)
{
	cleanup_(json_freep) struct json_object *answer = NULL;
	enum exit_code code;

	if (!cli_has(send->cli, "yes") &&
	    !question_ask(plural(send->n_sendable, "Send this?", "Send these?"), false)) {
		(void)fprintf(stderr, "nothing was sent\n");
		return EXIT_UNSETTLED;
	}
	code = ask_to_send(send, &answer);
	return code == EXIT_DONE ? print_answer(send, answer) : code;
}

static enum exit_code work(struct send *send)
{
	enum exit_code code = find(send);

	if (code == EXIT_DONE)
		code = look(send);
	if (code == EXIT_DONE && cli_has(send->cli, "edit"))
		code = edit(send);
	if (code == EXIT_DONE)
		code = shape(send);
	if (code != EXIT_DONE)
		return code;
	show(send);
	return send->n_sendable ? send_it(send) : nothing(send);
}

static enum exit_code run_send(const struct cli *cli)
{
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	struct send send = {.cli = cli, .is_again = cli_has(cli, "again")};
	enum exit_code code;

	if (!cli_has(cli, "yes") && (cli->json || !question_can_ask()))
		return cli_misuse(cli, "%s: say --yes to send without being asked",
		                  cli->json ? "--json is for programs"
		                            : "there is no terminal to ask at");
	code = ask_load_source(cli_arg(cli, 0), &pipeline);
	if (code != EXIT_DONE)
		return code;
	ask_print_notes(pipeline);
	if (send.is_again && pipeline->kafka.topics)
		return cli_misuse(cli, "--again is for files: of topics, only records that were "
		                       "not read yet are counted");
	send.pipeline = pipeline;
	send.unsent = json_object_new_array();
	code = work(&send);
	json_object_put(send.unsent);
	shape_result_deinit(&send.shaped);
	names_deinit(&send.names);
	buf_deinit(&send.shown);
	record_unref(send.record);
	return code;
}

const struct verb verb_send = {
	.name = "send",
	.summary = "send one record for real, after showing its request and asking",
	.usage = "send PIPELINE [--record N] [--edit] [--again] [--yes] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed send leads.yaml",
                         "the first record; `run` will not send it once more"},
			{"closefeed send leads.yaml --record 12 --edit",
                         "another one, changed in $EDITOR first"},
			{"closefeed send leads.yaml --yes --json",
                         "without being asked, for a program"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "record",
                         .type = FLAG_COUNT,
                         .value = "N",
                         .min = 1,
                         .help = "which record of the input, counted from its start, or of topics "
                                 "from where the group is, as `preview` shows them (1)"},
			{.name = "edit", .help = "change the record in $VISUAL or $EDITOR first"},
			{.name = "again", .help = "also a record of a file that was sent already"},
			{.name = "yes", .help = "do not ask"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_send,
};
