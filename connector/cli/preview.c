/*
 * What would be sent: the requests of the first records, without asking Close. It reads a file from
 * its start, and topics from where the group is, without joining it; it touches no state. Secrets
 * are not even read, but those that brokers want.
 */

#include "connector/cli/ask.h"
#include "connector/cli/books.h"
#include "connector/cli/preview_open.h"
#include "connector/cli/preview_page.h"
#include "connector/cli/source_topics.h"
#include "connector/cli/term.h"
#include "connector/engine/waiting.h"
#include "connector/gather/gather.h"
#include "connector/shape/shape.h"
#include "connector/source/ndjson.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { default_records = 5 };

struct preview {
	const struct pipeline *pipeline;
	struct page page;
	struct gather *gather;
	struct waiting *waiting;
	struct made *made;
	uint64_t n_records, n_rejected, n_filtered, n_skipped, n_unknown_keys;
};

/* Records are counted, whatever number of their outputs is rejected. */
static void reject(struct preview *p, struct record *const *records, size_t n,
                   const struct rejection *rejection)
{
	for (size_t i = 0; i < n; i++) {
		p->n_rejected += records[i]->worst != OUTCOME_REJECTED;
		records[i]->worst = OUTCOME_REJECTED;
	}
	page_rejection(&p->page, (const struct record *const *)records, n, rejection);
}

static bool is_nest(const struct draft *draft)
{
	return draft->route->batch && draft->route->batch->algorithm == BATCH_NEST;
}

static void show(struct preview *p, struct request *takes_request, struct draft *const *drafts,
                 size_t n, const struct rejection *rejection)
{
	struct record **records;

	if (takes_request) {
		page_request(&p->page, takes_request, drafts, n);
		request_free(takes_request);
		return;
	}
	records = mem_array(n, sizeof(struct record *));
	for (size_t i = 0; i < n; i++)
		records[i] = drafts[i]->record;
	reject(p, records, n, rejection);
	free(records);
}

static void show_single(struct preview *p, struct draft *draft)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct request *request = gather_single(draft, &rejection);

	if (draft->n_rows)
		show(p, request, draft->rows, draft->n_rows, &rejection);
	else
		show(p, request, &draft, 1, &rejection);
}

static bool preview_next_group(struct preview *p, bool all, const struct draft *upto);

/* Calls about one object keep their order: what waits for others and is before @call goes now. */
static void clear_way(struct preview *p, const struct request *call, const struct draft *joining)
{
	const struct draft *obstacle;

	while ((obstacle = waiting_before(p->waiting, call, joining)))
		while (!preview_next_group(p, true, obstacle))
			;
}

static void preview_form(struct preview *p, struct draft *takes_form)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct request *call = preview_lanes(takes_form);

	if (gather_is_shared(takes_form) && gather_can_write(takes_form, &rejection)) {
		clear_way(p, call, preview_begins_call(takes_form) ? NULL : takes_form);
		waiting_add(p->waiting, takes_form, call);
		gather_add(p->gather, steal(&takes_form), 1);
	} else if (rejection.class == REJECT_NONE) {
		clear_way(p, call, NULL);
		show_single(p, takes_form);
	} else {
		reject(p, &takes_form->record, 1, &rejection);
	}
	draft_free(takes_form);
	request_free(call);
}

/* What is known of the draft offline; rows of nest are asked about when they are folded. */
static void preview_draft(struct preview *p, struct draft *takes_draft)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct record *record = record_ref(takes_draft->record);
	struct draft *forms[preview_max_forms];
	const size_t n = preview_forms(takes_draft, p->made, forms, &rejection);

	for (size_t i = 0; i < n; i++)
		preview_form(p, forms[i]);
	if (!n)
		reject(p, &record, 1, &rejection);
	record_unref(record);
}

/* Takes the array and its drafts. */
static void preview_group(struct preview *p, struct draft **takes_drafts, size_t n)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct draft **drafts = takes_drafts;

	if (is_nest(drafts[0])) {
		preview_draft(p, gather_nest(drafts, n));
		return;
	}
	show(p, gather_batch(drafts, n, p->pipeline->routes.jq, &rejection), drafts, n, &rejection);
	for (size_t i = 0; i < n; i++)
		draft_free(drafts[i]);
	free(drafts);
}

/* The next group that is to go; whether it was that of @upto, or with NULL whether it was the last.
 */
static bool preview_next_group(struct preview *p, bool all, const struct draft *upto)
{
	struct draft **drafts;
	const size_t n = gather_take(p->gather, 0, all, &drafts);
	bool is_there = !n;

	for (size_t i = 0; i < n; i++) {
		is_there |= upto && drafts[i] == upto;
		waiting_remove(p->waiting, drafts[i]);
	}
	if (n)
		preview_group(p, drafts, n);
	return is_there;
}

/*
 * Groups that are full go at once, as they would; no clock moves here, so none goes for having
 * waited, and the end takes the rest.
 */
static void preview_groups(struct preview *p, bool all)
{
	while (!preview_next_group(p, all, NULL))
		;
}

static void preview_output(struct preview *p, struct record *record, struct shape_output *output)
{
	p->n_unknown_keys += output->unknown_keys;
	if (!output->draft)
		reject(p, &record, 1, &output->rejection);
	else if (is_nest(output->draft))
		preview_form(p, steal(&output->draft));
	else
		preview_draft(p, steal(&output->draft));
	preview_groups(p, false);
}

static void tell_nothing(struct preview *p, const struct record *record, bool is_skipped)
{
	if (record->is_ignored) {
		p->n_filtered++;
		page_nothing(&p->page, record, "filtered",
		             "it has no value, and `tombstones` says ignore");
	} else if (is_skipped) {
		p->n_skipped++;
		page_nothing(&p->page, record, "skipped",
		             "no route takes it, and `unrouted` says skip");
	} else {
		p->n_filtered++;
		page_nothing(&p->page, record, "filtered", "a transform gives nothing for it");
	}
}

/* Calls are shared within one file or partition: here only its name tells which. */
static uint64_t stream_of(const struct record *record)
{
	uint8_t hash[sha256_bytes];
	uint64_t stream;

	crypto_sha256(record->source_name, strlen(record->source_name), hash);
	memcpy(&stream, hash, sizeof(stream));
	return stream;
}

static void preview_record(struct preview *p, struct record *record)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct shape_result result;

	p->n_records++;
	record->stream = stream_of(record);
	record->read_wall_ms = clock_wall_ms();
	if (record->is_ignored) {
		tell_nothing(p, record, false);
		return;
	}
	if (!preview_has_key(&p->pipeline->routes, record, &rejection)) {
		reject(p, &record, 1, &rejection);
		return;
	}
	shape_record(&p->pipeline->routes, record, &result);
	/* What it says is in its drafts now, which may wait for others. */
	json_object_put(record->value);
	record->value = NULL;
	for (size_t i = 0; i < result.n; i++)
		preview_output(p, record, &result.items[i]);
	if (!result.n)
		tell_nothing(p, record, result.n_skipped > 0);
	shape_result_deinit(&result);
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
		if (r == SOURCE_LATER) {
			page_flush(&p->page);
			(void)fflush(stdout);
			source_topics_wait(source);
		} else {
			preview_record(p, record);
		}
		if (ferror(stdout))
			break; /* nobody reads any more */
	}
	return 0;
}

static void add_count(uint64_t n, const char *what)
{
	char text[32];

	(void)fprintf(stderr, ", %s %s", term_thousands(n, text), what);
}

static void print_summary(const struct preview *p)
{
	char text[32];

	(void)fflush(stdout); /* where both lead to one place, this comes last */
	(void)fprintf(stderr, "%s record%s", term_thousands(p->n_records, text),
	              plural(p->n_records, "", "s"));
	if (p->n_filtered)
		add_count(p->n_filtered, "filtered");
	if (p->n_skipped)
		add_count(p->n_skipped, "skipped");
	add_count(p->n_rejected, "rejected");
	(void)fputs("; nothing was sent\n", stderr);
	if (p->n_unknown_keys)
		(void)fprintf(stderr,
		              "%s key%s that Close does not know (see the notes): unknown_keys "
		              "says what becomes of them\n",
		              term_thousands(p->n_unknown_keys, text),
		              plural(p->n_unknown_keys, "", "s"));
}

static int open_source(const struct pipeline *pipeline, struct source **ret_source, struct err *err)
{
	const struct ndjson_options options = {
		.path = pipeline->ndjson_path,
		.name = pipeline->ndjson_written,
		.max_record = pipeline->max_record,
	};

	if (pipeline->kafka.topics)
		return source_topics_open(pipeline, ret_source, err);
	return ndjson_open(&options, ret_source, err);
}

static enum exit_code run_preview(const struct cli *cli)
{
	const uint64_t limit = cli_has(cli, "all") ? 0 : cli_count(cli, "records", default_records);
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	cleanup_(source_freep) struct source *source = NULL;
	struct preview p = {.page = {.json = cli->json, .on_terminal = term_is(stdout)}};
	struct names names = {0};
	enum exit_code code;
	struct err err;
	int r;

	code = books_load(cli_arg(cli, 0), &names, &pipeline);
	if (code != EXIT_DONE) {
		names_deinit(&names);
		return code;
	}
	ask_print_notes(pipeline);
	p.pipeline = pipeline;
	p.page.base_url = pipeline->base_url;
	p.gather = gather_new();
	p.waiting = waiting_new();
	p.made = made_new();
	r = open_source(pipeline, &source, &err);
	if (r == 0)
		r = preview_source(&p, source, limit, &err);
	/* Also what was read before the input failed: `run` would send it. */
	preview_groups(&p, true);
	gather_free(p.gather);
	waiting_free(p.waiting);
	made_free(p.made);
	page_flush(&p.page);
	buf_deinit(&p.page.out);
	names_deinit(&names);
	if (r < 0)
		return cli_fail(pipeline->kafka.topics ? source_topics_exit_code(r) : EXIT_INPUT,
		                &err);
	if (!cli->json)
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
			{"closefeed preview leads.yaml",
                         "the requests of the first 5 records; of topics, those a run would begin "
                         "with"},
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
