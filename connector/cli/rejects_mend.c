/* Rejects in and out of a person's hands: edited one by one, or exported as the input they were. */

#include "connector/cli/ask.h"
#include "connector/cli/editor.h"
#include "connector/cli/items.h"
#include "connector/cli/rejects.h"
#include "connector/cli/term.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Edit */

/* The record of the one item; NULL with a sentence. */
static struct json_object *record_of(struct json_object *answer, struct err *err)
{
	struct json_object *list = json_get(answer, "rejects"), *item, *record;

	if (!json_object_is_type(list, json_type_array) || !json_object_array_length(list)) {
		(void)err_set(err, -ENOENT, "there is no reject with this id");
		return NULL;
	}
	item = json_object_array_get_idx(list, 0);
	record = json_get(item, "record");
	if (!record)
		(void)err_set(err, -ENODATA,
		              "its record is not kept (too long, or `keep` is over): mend it where "
		              "it comes from");
	return record;
}

enum exit_code rejects_edit(const struct pipeline *pipeline, const char *id,
                            struct json_object *request)
{
	cleanup_(json_freep) struct json_object *question = json_object_new_object();
	cleanup_(json_freep) struct json_object *answer = NULL;
	struct json_object *record;
	struct edited edited = {0};
	enum exit_code code;
	struct err err;

	(void)json_object_object_add(question, "id", items_id(id));
	code = ask_state(pipeline, "rejects.show", question, &answer);
	if (code != EXIT_DONE)
		return code;
	record = record_of(answer, &err);
	if (!record)
		return cli_fail(EXIT_USAGE, &err);
	code = editor_record(json_object_get_string(record),
	                     (size_t)json_object_get_string_len(record), pipeline->max_record,
	                     &edited, &err);
	if (code != EXIT_DONE)
		return cli_fail(code, &err);
	if (!edited.is_changed) {
		(void)err_set(&err, -ECANCELED,
		              "nothing was changed, so nothing was sent: `rejects retry` sends it "
		              "as it is");
		code = cli_fail(EXIT_UNSETTLED, &err);
	} else {
		(void)json_object_object_add(request, "edited", json_string(edited.text));
	}
	free(edited.text);
	return code;
}

/* Export */

struct export
{
	FILE *out;
	uint64_t *seen; /* places of records that were given by the ids of several parts */
	size_t n_seen, cap_seen;
	uint64_t n_written, n_left_out;
	uint64_t stream; /* of the last record, where the next page begins */
	int64_t pos;
};

static void write_hex(FILE *out, const char *hex)
{
	for (; hex[0] && hex[1]; hex += 2) {
		const char pair[] = {hex[0], hex[1], '\0'};

		(void)fputc((int)strtoul(pair, NULL, 16), out);
	}
}

static void leave_out(struct export *x, struct json_object *item)
{
	struct json_object *place = json_object_array_get_idx(json_get(item, "records"), 0);
	struct json_object *bytes = json_get(place, "bytes");
	const int64_t from = json_object_get_int64(json_object_array_get_idx(bytes, 0));
	const int64_t len = json_object_get_int64(json_object_array_get_idx(bytes, 1));

	x->n_left_out++;
	(void)fprintf(stderr, "%" PRId64 " is not kept (%s): it stands in ",
	              json_get_int(item, "id", 0), json_get_string(item, "class"));
	if (json_get(place, "topic")) {
		term_print(stderr, json_get_string(place, "topic"));
		(void)fprintf(stderr, ", partition %" PRId64 ", offset %" PRId64 "\n",
		              json_get_int(place, "partition", 0),
		              json_get_int(place, "offset", 0));
		return;
	}
	term_print(stderr, json_get_string(place, "file"));
	(void)fprintf(stderr, ", line %" PRId64 ", bytes %" PRId64 " to %" PRId64 "\n",
	              json_get_int(place, "line", 0), from, from + len);
}

static bool was_seen(struct export *x, uint64_t stream, uint64_t pos)
{
	for (size_t i = 0; i + 1 < x->n_seen; i += 2)
		if (x->seen[i] == stream && x->seen[i + 1] == pos)
			return true;
	x->seen = mem_grow(x->seen, x->n_seen + 1, &x->cap_seen, sizeof(*x->seen));
	x->seen[x->n_seen++] = stream;
	x->seen[x->n_seen++] = pos;
	return false;
}

static void write_item(struct export *x, struct json_object *item)
{
	struct json_object *raw = json_get(item, "raw");
	const char *hex = json_get_string(item, "hex");

	x->stream = (uint64_t)json_get_int(item, "stream", 0);
	x->pos = json_get_int(item, "pos", 0);
	if (!raw && !hex) {
		leave_out(x, item);
		return;
	}
	if (raw)
		(void)fwrite(json_object_get_string(raw), 1,
		             (size_t)json_object_get_string_len(raw), x->out);
	else
		write_hex(x->out, hex);
	(void)fputc('\n', x->out);
	x->n_written++;
}

/* One answer's worth; *ret_n is how many there were. */
static enum exit_code write_page(struct export *x, const struct pipeline *pipeline,
                                 struct json_object *request, bool by_id, size_t *ret_n)
{
	cleanup_(json_freep) struct json_object *answer = NULL;
	const enum exit_code code = ask_state(pipeline, "rejects.export", request, &answer);
	struct json_object *list = json_get(answer, "records");

	if (code != EXIT_DONE)
		return code;
	*ret_n = json_object_array_length(list);
	for (size_t i = 0; i < *ret_n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (!by_id || !was_seen(x, (uint64_t)json_get_int(item, "stream", 0),
		                        (uint64_t)json_get_int(item, "pos", 0)))
			write_item(x, item);
	}
	return EXIT_DONE;
}

static enum exit_code write_all(struct export *x, const struct pipeline *pipeline,
                                struct json_object *request)
{
	enum exit_code code;
	size_t n;

	for (;;) {
		code = write_page(x, pipeline, request, false, &n);
		if (code != EXIT_DONE || !n)
			return code;
		(void)json_object_object_add(request, "stream", json_object_new_uint64(x->stream));
		(void)json_object_object_add(request, "pos", json_object_new_int64(x->pos));
	}
}

/* One by one: a record may be as long as an answer. */
static enum exit_code write_ids(struct export *x, const struct cli *cli,
                                const struct pipeline *pipeline)
{
	enum exit_code code = EXIT_DONE;
	size_t n;

	for (size_t i = 2; i < cli->n_args && code == EXIT_DONE; i++) {
		cleanup_(json_freep) struct json_object *request = json_object_new_object();

		(void)json_object_object_add(request, "id", items_id(cli_arg(cli, i)));
		code = write_page(x, pipeline, request, true, &n);
		if (code == EXIT_DONE && !n) {
			(void)fprintf(stderr, "there is no reject %s\n", cli_arg(cli, i));
			x->n_left_out++;
		}
	}
	return code;
}

/* A new file: a slip must not cost the one the records came from. */
static FILE *open_output(const char *path, struct err *err)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fdopen(fd, "w");
	(void)err_set(err, -errno, "cannot write %s: %s", path,
	              errno == EEXIST ? "it exists already; name a new file" : strerror(errno));
	return NULL;
}

static bool end_output(FILE *out)
{
	const bool is_file = out != stdout;
	bool is_well = fflush(out) == 0 && !ferror(out);

	if (is_file) {
		is_well = fsync(fileno(out)) == 0 && is_well;
		is_well = fclose(out) == 0 && is_well;
	}
	return is_well;
}

enum exit_code rejects_export(const struct cli *cli, const struct pipeline *pipeline,
                              struct json_object *request)
{
	const char *path = cli_text(cli, "output", NULL);
	struct export x = {.out = stdout};
	enum exit_code code;
	struct err err;

	if (path) {
		x.out = open_output(path, &err);
		if (!x.out)
			return cli_fail(EXIT_LOCAL, &err);
	}
	code = cli->n_args > 2 ? write_ids(&x, cli, pipeline) : write_all(&x, pipeline, request);
	free(x.seen);
	if (!end_output(x.out) && code == EXIT_DONE) {
		(void)err_set(&err, -EIO, "cannot write %s: %s", path ? path : "standard output",
		              strerror(errno));
		return cli_fail(EXIT_LOCAL, &err);
	}
	if (path && code == EXIT_DONE)
		(void)fprintf(stderr, "%" PRIu64 " record%s in %s\n", x.n_written,
		              plural(x.n_written, "", "s"), path);
	/* Who drops them next must know that not all of them are there. */
	return code == EXIT_DONE && x.n_left_out ? EXIT_UNSETTLED : code;
}
