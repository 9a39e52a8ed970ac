#include "connector/cli/send_find.h"

#include "connector/cli/source_topics.h"
#include "connector/source/ndjson.h"
#include "lib/cleanup.h"
#include "lib/plural.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int open_source(const struct pipeline *p, struct source **ret_source, struct err *err)
{
	const struct ndjson_options options = {
		.path = p->ndjson_path, .name = p->ndjson_written, .max_record = p->max_record};

	return p->kafka.topics ? source_topics_open(p, ret_source, err)
	                       : ndjson_open(&options, ret_source, err);
}

static int refuse_number(const struct pipeline *p, uint64_t n, uint64_t number, struct err *err)
{
	if (p->kafka.topics)
		return err_set(err, -ERANGE,
		               "%" PRIu64 " record%s of %s %s not read yet: there is no record "
		               "%" PRIu64,
		               n, plural(n, "", "s"), p->kafka.written, plural(n, "was", "were"),
		               number);
	return err_set(err, -ERANGE, "%s has %" PRIu64 " record%s: there is no record %" PRIu64,
	               p->ndjson_written, n, plural(n, "", "s"), number);
}

static int read_to(const struct pipeline *p, uint64_t number, struct record **ret_record,
                   struct err *err)
{
	cleanup_(source_freep) struct source *source = NULL;
	uint64_t n = 0;
	int r = open_source(p, &source, err);

	while (r >= 0) {
		struct record *record = NULL;

		r = source_next(source, &record, err);
		if (r == SOURCE_END)
			return refuse_number(p, n, number, err);
		if (r == SOURCE_LATER)
			source_topics_wait(source);
		if (r == SOURCE_RECORD && ++n == number) {
			*ret_record = record;
			return 0;
		}
		record_unref(record);
	}
	return r;
}

/* With follow, what stands behind the last line end may still grow. */
static bool is_whole(const struct pipeline *pipeline, const struct record *record)
{
	return !pipeline->ndjson_follow || record->next_pos > record->pos + record->len;
}

static enum exit_code code_of(const struct pipeline *pipeline, int r)
{
	if (r == -ERANGE)
		return EXIT_USAGE;
	return pipeline->kafka.topics ? source_topics_exit_code(r) : EXIT_INPUT;
}

enum exit_code send_find(const struct cli *cli, const struct pipeline *pipeline, uint64_t number,
                         struct record **ret_record)
{
	struct record *record = NULL;
	struct err err;
	int r;

	if (!pipeline->kafka.topics && !strcmp(pipeline->ndjson_path, "-"))
		return cli_misuse(cli, "send takes a record from a file: standard input can be "
		                       "read once only. Save it to a file");
	r = read_to(pipeline, number, &record, &err);
	if (r < 0)
		return cli_fail(code_of(pipeline, r), &err);
	assert(record);
	if (!is_whole(pipeline, record)) {
		(void)err_set(&err, -EAGAIN,
		              "the last line of %s has no line end yet: it may not be whole",
		              record->source_name);
		record_unref(record);
		return cli_fail(EXIT_AGAIN, &err);
	}
	*ret_record = record;
	return EXIT_DONE;
}
