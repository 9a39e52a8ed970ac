/*
 * What would be sent: the requests of the first records, offline. It reads the source from its
 * start, touches no state and asks nobody; secrets are not even read.
 */

#include "connector/cli/ask.h"
#include "connector/cli/term.h"
#include "connector/gather/gather.h"
#include "connector/shape/shape.h"
#include "connector/source/ndjson.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { default_records = 5, flush_bytes = 64 * 1024 };

struct preview {
	const struct pipeline *pipeline;
	bool json, on_terminal;
	struct buf out; /* what is not written yet */
	uint64_t n_records, n_rejected, n_unknown_keys;
};

static void flush(struct preview *p)
{
	(void)fwrite(buf_text(&p->out), 1, p->out.len, stdout);
	buf_clear(&p->out);
}

/* Ends what was added since @from: a line of JSON, escaped where a terminal shows it. */
static void end_line(struct preview *p, size_t from)
{
	struct buf escaped = BUF_INIT;

	if (p->on_terminal) {
		term_escape(p->out.data + from, p->out.len - from, &escaped);
		p->out.len = from;
		buf_add(&p->out, buf_text(&escaped), escaped.len);
		buf_deinit(&escaped);
	}
	buf_addc(&p->out, '\n');
	if (p->out.len >= flush_bytes)
		flush(p);
}

static void add_text(struct buf *out, const char *text)
{
	if (text)
		json_print_string(text, strlen(text), out);
	else
		buf_adds(out, "null");
}

/* By hand: three of them in every line are a good part of the time a preview takes. */
static void add_number(struct buf *out, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	buf_add(out, digits + at, sizeof(digits) - at);
}

static void add_record(struct buf *out, const struct record *record)
{
	buf_adds(out, "{\"file\":");
	add_text(out, record->source_name);
	buf_adds(out, ",\"line\":");
	add_number(out, record->line);
	buf_adds(out, ",\"bytes\":[");
	add_number(out, record->pos);
	buf_addc(out, ',');
	add_number(out, record->len);
	buf_adds(out, "]}");
}

/* Headers as they go out; the key is not known here, and would not be shown. */
static void each_header(const struct request *request,
                        void (*fn)(struct buf *out, const char *text), struct buf *out)
{
	fn(out, "Authorization: ***");
	fn(out, "Accept: application/json");
	if (request->body)
		fn(out, "Content-Type: application/json");
	for (char **header = request->headers; header && *header; header++)
		fn(out, *header);
}

static void add_json_header(struct buf *out, const char *text)
{
	const char *colon = strchr(text, ':');

	if (out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	json_print_string(text, (size_t)(colon - text), out);
	buf_addc(out, ':');
	add_text(out, colon + 1 + strspn(colon + 1, " "));
}

static void add_json_notes(struct buf *out, char *const *notes)
{
	for (size_t i = 0; notes && notes[i]; i++) {
		if (i)
			buf_addc(out, ',');
		add_text(out, notes[i]);
	}
}

static void print_json_request(struct preview *p, const struct request *request)
{
	struct buf *out = &p->out;
	const size_t from = out->len;

	buf_adds(out, "{\"route\":");
	add_text(out, request->route);
	buf_adds(out, ",\"operation\":");
	add_text(out, *request->operation ? request->operation : NULL);
	buf_adds(out, ",\"method\":\"");
	buf_adds(out, http_method_name(request->method));
	buf_adds(out, "\",\"url\":\"");
	buf_adds(out, p->pipeline->base_url);
	buf_adds(out, request->url); /* percent-encoded: nothing to escape */
	buf_adds(out, "\",\"headers\":{");
	each_header(request, add_json_header, out);
	buf_adds(out, "},\"body\":");
	if (request->body)
		buf_add(out, request->body, request->body_len);
	else
		buf_adds(out, "null");
	buf_adds(out, ",\"records\":[");
	for (size_t i = 0; i < request->n_parts; i++) {
		if (i)
			buf_addc(out, ',');
		add_record(out, request->parts[i].record);
	}
	buf_adds(out, "],\"notes\":[");
	add_json_notes(out, request->notes);
	buf_adds(out, "]}");
	end_line(p, from);
}

static void print_json_rejection(struct preview *p, const struct record *record,
                                 const struct rejection *rejection)
{
	struct buf *out = &p->out;
	const size_t from = out->len;

	buf_addf(out, "{\"rejected\":{\"class\":\"%s\",\"message\":",
	         reject_class_name(rejection->class));
	add_text(out, rejection->message);
	buf_adds(out, ",\"field\":");
	add_text(out, rejection->field);
	buf_adds(out, "},\"records\":[");
	add_record(out, record);
	buf_adds(out, "]}");
	end_line(p, from);
}

/* For people */

static void add_line(struct preview *p, const char *indent, const char *text, size_t len)
{
	buf_adds(&p->out, indent);
	if (p->on_terminal)
		term_escape(text, len, &p->out);
	else
		buf_add(&p->out, text, len);
	buf_addc(&p->out, '\n');
}

static void print_heading(struct preview *p, const struct record *record, const char *what,
                          enum term_style style)
{
	struct buf place = BUF_INIT;

	buf_addf(&place, "%s:%" PRIu64, record->source_name, record->line);
	buf_adds(&p->out, term_style(stdout, STYLE_BOLD));
	if (p->on_terminal)
		term_escape(place.data, place.len, &p->out);
	else
		buf_add(&p->out, place.data, place.len);
	buf_addf(&p->out, "%s  %s%s%s\n", term_style(stdout, STYLE_PLAIN),
	         term_style(stdout, style), what, term_style(stdout, STYLE_PLAIN));
	buf_deinit(&place);
}

static void add_plain_header(struct buf *out, const char *text)
{
	buf_addf(out, "  %s\n", text); /* printable ASCII by the rules of headers */
}

static void print_body(struct preview *p, struct json_object *body)
{
	const char *text = json_object_to_json_string_ext(
		body,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

	for (;;) {
		const size_t len = strcspn(text, "\n");

		add_line(p, "  ", text, len);
		if (!text[len])
			break;
		text += len + 1;
	}
}

static void print_list(struct preview *p, const char *heading, char *const *list)
{
	struct buf line = BUF_INIT;

	for (size_t i = 0; list && list[i]; i++)
		buf_addf(&line, "%s%s", i ? ", " : heading, list[i]);
	if (line.len)
		add_line(p, "  ", line.data, line.len);
	buf_deinit(&line);
}

static void print_request(struct preview *p, const struct request *request,
                          const struct draft *draft)
{
	print_heading(p, draft->record, request->route, STYLE_GOOD);
	buf_addf(&p->out, "  %s %s%s\n", http_method_name(request->method), p->pipeline->base_url,
	         request->url);
	each_header(request, add_plain_header, &p->out);
	if (request->body)
		print_body(p, draft->body);
	print_list(p, "excluded: ", draft->excluded);
	for (char **note = request->notes; note && *note; note++) {
		char *const one[] = {*note, NULL};

		print_list(p, "note: ", one);
	}
	buf_addc(&p->out, '\n');
	flush(p);
}

static void print_rejection(struct preview *p, const struct record *record,
                            const struct rejection *rejection)
{
	struct buf line = BUF_INIT;

	print_heading(p, record, "rejected", STYLE_BAD);
	buf_addf(&line, "%s: %s", reject_class_name(rejection->class), rejection->message);
	add_line(p, "  ", line.data, line.len);
	buf_deinit(&line);
	buf_addc(&p->out, '\n');
	flush(p);
}

static void preview_output(struct preview *p, const struct record *record,
                           struct shape_output *output)
{
	struct request *request =
		output->draft ? gather_single(output->draft, &output->rejection) : NULL;

	p->n_unknown_keys += output->unknown_keys;
	if (!request) {
		p->n_rejected++;
		if (p->json)
			print_json_rejection(p, record, &output->rejection);
		else
			print_rejection(p, record, &output->rejection);
		return;
	}
	if (p->json)
		print_json_request(p, request);
	else
		print_request(p, request, output->draft);
	request_free(request);
}

static void preview_record(struct preview *p, struct record *record)
{
	struct shape_result result;

	p->n_records++;
	record->read_wall_ms = clock_wall_ms();
	shape_record(&p->pipeline->routes, record, &result);
	for (size_t i = 0; i < result.n; i++)
		preview_output(p, record, &result.items[i]);
	shape_result_deinit(&result);
}

static void wait_for_input(struct preview *p, const struct source *source)
{
	struct pollfd in = {.fd = source_fd(source), .events = POLLIN};

	flush(p);
	(void)fflush(stdout);
	if (in.fd >= 0)
		(void)poll(&in, 1, -1);
}

static int preview_source(struct preview *p, struct source *source, uint64_t limit, struct err *err)
{
	while (!limit || p->n_records < limit) {
		cleanup_(record_unrefp) struct record *record = NULL;
		const int r = source_next(source, &record, err);

		if (r < 0)
			return r;
		if (r == SOURCE_END)
			break;
		if (r == SOURCE_LATER)
			wait_for_input(p, source);
		else
			preview_record(p, record);
		if (ferror(stdout))
			break; /* nobody reads any more */
	}
	return 0;
}

static void print_summary(const struct preview *p)
{
	char records[32], rejected[32];

	(void)fprintf(stderr, "%s record%s, %s rejected; nothing was sent\n",
	              term_thousands(p->n_records, records), p->n_records == 1 ? "" : "s",
	              term_thousands(p->n_rejected, rejected));
	if (p->n_unknown_keys)
		(void)fprintf(stderr,
		              "%s: Close knows no such field (see the notes; unknown_keys says "
		              "what is done about it)\n",
		              term_thousands(p->n_unknown_keys, records));
}

static enum exit_code run_preview(const struct cli *cli)
{
	const uint64_t limit = cli_has(cli, "all") ? 0 : cli_count(cli, "records", default_records);
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(source_freep) struct source *source = NULL;
	struct preview p = {.json = cli->json, .on_terminal = term_is(stdout)};
	struct ndjson_options options = {0};
	enum exit_code code;
	struct err err;
	int r;

	code = ask_load(cli_arg(cli, 0), false, &pipeline);
	if (code != EXIT_DONE)
		return code;
	ask_print_notes(pipeline);
	p.pipeline = pipeline;
	options.path = pipeline->ndjson_path;
	options.name = pipeline->ndjson_written;
	options.max_record = pipeline->max_record;
	r = ndjson_open(&options, &source, &err);
	if (r == 0)
		r = preview_source(&p, source, limit, &err);
	flush(&p);
	buf_deinit(&p.out);
	if (r < 0)
		return cli_fail(EXIT_INPUT, &err);
	if (!p.json)
		print_summary(&p);
	return p.n_rejected ? EXIT_UNSETTLED : EXIT_DONE;
}

const struct verb verb_preview = {
	.name = "preview",
	.summary =
		"the requests of the first records, exactly as they would be sent; sends nothing",
	.usage = "preview PIPELINE [-n N | --all] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed preview leads.yaml", "the requests of the first 5 records"},
			{"closefeed preview leads.yaml -n 1 --json", "one, as a line of JSON"},
			{"closefeed preview leads.yaml --all --json | grep rejected",
                         "what would be rejected"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "records",
                         .letter = 'n',
                         .type = FLAG_COUNT,
                         .value = "N",
                         .help = "how many records to show (5); 0: all"},
			{.name = "all", .help = "all records"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_preview,
};
