#include "connector/close/catalogue.h"
#include "connector/engine/find.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Finding a record beside whoever reads the input: in which stream it is, and what it says. */

static char folder[64], path[96];
static struct pipeline *pipeline;
static struct stream *known[2];
static size_t n_known;
static struct err err;

static void write_file(const char *text)
{
	FILE *out = fopen(path, "w");

	check(out);
	check(fputs(text, out) >= 0);
	check_eq(fclose(out), 0);
}

static int begin(void **state)
{
	static const char text[] = "version: 1\nname: x\nsource: {ndjson: {path: in.ndjson}}\n"
				   "close: {api_key: {env: K}}\n"
				   "routes: [{operation: lead.create}]\nstate: /nowhere\n";
	const struct pipeline_options options = {.operations = crm_catalogue()};
	char file[96];

	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/find-XXXXXX");
	check(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/in.ndjson", folder);
	(void)snprintf(file, sizeof(file), "%s/x.yaml", folder);
	check_eq(pipeline_load_text(file, text, strlen(text), &options, &pipeline, NULL), 0);
	check_eq(pipeline->n_errors, 0);
	n_known = 0;
	write_file("{\"n\":1}\n\n{\"n\":2}\n{\"n\":3}\n");
	return 0;
}

static int end(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	while (n_known)
		stream_free(known[--n_known]);
	(void)unlink(path);
	return rmdir(folder);
}

/* Runs it to its end: an enum finding_step or a negative errno. */
static int find(uint64_t pos, bool only_stream, struct finding **ret)
{
	const struct finding_wish wish = {
		.name = "in.ndjson", .pos = pos, .only_stream = only_stream};
	int r = finding_new(pipeline, known, n_known, &wish, ret, &err);

	if (r < 0)
		return r;
	do
		r = finding_step(*ret, &err);
	while (r == FINDING_MORE);
	return r;
}

/* Takes the stream of record @pos over, as who sends it does. */
static struct stream *send_at(uint64_t pos, uint64_t next_pos)
{
	struct finding *f = NULL;
	struct stream *own;

	check_eq(find(pos, false, &f), FINDING_RECORD);
	check_eq(finding_stream(f)->id, 0);
	own = finding_take_stream(f);
	finding_free(f);
	own->id = 7;
	stream_settle(own, pos, next_pos, 1);
	known[n_known++] = own;
	return own;
}

static void a_record_of_a_new_file_comes_with_the_hash_that_vouches_for_it(void **state)
{
	struct finding *f = NULL;

	(void)state;
	check_eq(find(9, false, &f), FINDING_RECORD);
	check_text(finding_record(f)->raw, "{\"n\":2}");
	check_eq(finding_record(f)->line, 3);
	check_eq(finding_stream(f)->id, 0);
	check_eq(finding_stream(f)->hashed_to, 17);
	finding_free(f);
}

static void what_is_settled_is_known_without_reading_on(void **state)
{
	struct finding *f = NULL;

	(void)state;
	(void)send_at(9, 17);
	check_eq(find(9, true, &f), FINDING_SETTLED);
	check_eq(finding_stream(f)->id, 7);
	finding_free(f);
	check_eq(find(17, true, &f), FINDING_STREAM);
	check_eq(finding_stream(f)->id, 7);
	finding_free(f);
	check_eq(find(17, false, &f), FINDING_RECORD);
	check_text(finding_record(f)->raw, "{\"n\":3}");
	finding_free(f);
}

static void it_works_on_copies(void **state)
{
	struct finding *f = NULL;
	struct stream *own = send_at(9, 17);
	const uint64_t hashed_to = own->hashed_to, settled_to = own->settled_to;

	(void)state;
	check_eq(find(17, false, &f), FINDING_RECORD);
	check(finding_stream(f) != own);
	check(finding_stream(f)->hashed_to > hashed_to);
	finding_free(f);
	check_eq(own->hashed_to, hashed_to);
	check_eq(own->settled_to, settled_to);
	check_eq(own->n_ranges, 1);
}

static void a_file_that_changed_is_not_the_one_it_was(void **state)
{
	struct finding *f = NULL;

	(void)state;
	(void)send_at(9, 17);
	write_file("{\"n\":4}\n\n{\"n\":5}\n{\"n\":6}\n");
	check_eq(find(9, true, &f), -ESTALE);
	check(strstr(err.text, "not what was read before"));
	pipeline->start_anew_on_change = true;
	check_eq(find(9, false, &f), FINDING_RECORD);
	check_eq(finding_stream(f)->id, 0);
	check_eq(finding_stream(f)->generation, 1);
	finding_free(f);
}

static void a_record_that_is_not_there_is_missed(void **state)
{
	struct finding *f = NULL;

	(void)state;
	check_eq(find(11, false, &f), -ENOENT); /* inside another */
	finding_free(f);
	check_eq(find(1000, false, &f), -ENOENT);
	finding_free(f);
	check_eq(unlink(path), 0);
	check_eq(find(9, false, &f), -ENOENT);
	write_file("");
}

int main(void)
{
#define with_file(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_file(a_record_of_a_new_file_comes_with_the_hash_that_vouches_for_it),
		with_file(what_is_settled_is_known_without_reading_on),
		with_file(it_works_on_copies),
		with_file(a_file_that_changed_is_not_the_one_it_was),
		with_file(a_record_that_is_not_there_is_missed),
	};

	return run_sentences(tests);
}
