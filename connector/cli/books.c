#include "connector/cli/books.h"
#include "connector/cli/ask.h"
#include "connector/cli/cli.h"
#include "connector/cli/close_get.h"
#include "connector/close/catalogue.h"
#include "connector/close/names.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { lock_version = 1, max_lock = 16 << 20 };

/* Asking */

enum exit_code books_ask(const struct pipeline *pipeline, const char *kind,
                         struct name_book **ret_book, struct err *err)
{
	struct name_book *book = name_book_new(kind);
	enum exit_code code = EXIT_DONE;
	bool has_more = true;

	while (code == EXIT_DONE && has_more) {
		cleanup_(freep) char *path = crm_names_url(kind, book->n);
		cleanup_(json_freep) struct json_object *answer = NULL;
		struct err why;
		long status;

		code = close_get(pipeline, path, &answer, &status, err);
		if (status == 404)
			(void)err_set(err, -ENOENT, "Close has no %s (%s was answered with 404)",
			              name_kind_all(kind), path);
		if (code != EXIT_DONE)
			break;
		if (crm_names_read(answer, book, &has_more, &why) < 0) {
			(void)err_set(err, -EBADMSG, "the answer to GET %s: %s", path, why.text);
			code = EXIT_UNREACHABLE;
		}
	}
	book->is_fresh = true;
	if (code == EXIT_DONE)
		*ret_book = book;
	else
		name_book_free(book);
	return code;
}

/* The lock file */

char *books_lock_path(const struct pipeline *pipeline)
{
	assert(pipeline);
	return mem_printf("%s%s.fields.lock", pipeline->folder, pipeline->name);
}

static int read_file(const char *path, struct buf *out, struct err *err)
{
	cleanup_(fclosep) FILE *file = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!file)
		return errno == ENOENT
		               ? 0
		               : err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	while ((n = fread(part, 1, sizeof(part), file)) > 0 && out->len < max_lock)
		buf_add(out, part, n);
	if (ferror(file))
		return err_set(err, -EIO, "cannot read %s", path);
	return 1;
}

static int parse_lock(const char *path, const struct buf *text, struct names *names,
                      struct err *err)
{
	cleanup_(json_freep) struct json_object *lock = NULL;
	struct json_object *books;
	struct err why;

	if (json_parse(buf_text(text), text->len, 0, &lock, NULL, &why) < 0)
		return err_set(err, -EBADMSG,
		               "%s: %s; write it anew with `closefeed fields --lock`", path,
		               why.text);
	books = json_get(lock, "names");
	if (json_get_int(lock, "version", 0) != lock_version ||
	    !json_object_is_type(books, json_type_object))
		return err_set(err, -EBADMSG,
		               "%s is no lock file of this version; write it anew with "
		               "`closefeed fields --lock`",
		               path);
	json_object_object_foreach(books, kind, list)
	{
		struct name_book *book = NULL;

		if (crm_names_parse(kind, list, &book, &why) < 0)
			return err_set(err, -EBADMSG,
			               "%s: %s; write it anew with `closefeed fields --lock`", path,
			               why.text);
		book->is_fresh = true;
		names_put(names, book);
	}
	return 1;
}

int books_read_lock(const struct pipeline *pipeline, struct names *names, struct err *err)
{
	cleanup_(freep) char *path = books_lock_path(pipeline);
	struct buf text = BUF_INIT;
	int r = read_file(path, &text, err);

	if (r > 0)
		r = parse_lock(path, &text, names, err);
	buf_deinit(&text);
	return r;
}

static int by_kind(const void *a, const void *b)
{
	struct name_book *const *x = a, *const *y = b;

	return strcmp((*x)->kind, (*y)->kind);
}

static int by_name(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;
	const int order = strcmp(json_get_string(*x, "name"), json_get_string(*y, "name"));

	return order ? order : strcmp(json_get_string(*x, "id"), json_get_string(*y, "id"));
}

/* An entry a line, so that a difference of two locks reads well. */
static void print_book(const struct name_book *book, bool is_last, struct buf *out)
{
	cleanup_(json_freep) struct json_object *list = crm_names_json(book);

	json_object_array_sort(list, by_name);
	buf_adds(out, "    ");
	json_print_string(book->kind, strlen(book->kind), out);
	buf_adds(out, ": [");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		buf_adds(out, i ? ",\n      " : "\n      ");
		json_print(json_object_array_get_idx(list, i), out);
	}
	buf_adds(out, book->n ? "\n    ]" : "]");
	buf_adds(out, is_last ? "\n" : ",\n");
}

static void print_lock(const struct names *names, struct buf *out)
{
	struct name_book **books = mem_array(names->n, sizeof(struct name_book *));

	if (names->n)
		memcpy(books, names->books, names->n * sizeof(struct name_book *));
	qsort(books, names->n, sizeof(struct name_book *), by_kind);
	buf_addf(out, "{\n  \"version\": %d,\n  \"names\": {\n", lock_version);
	for (size_t i = 0; i < names->n; i++)
		print_book(books[i], i + 1 == names->n, out);
	buf_adds(out, "  }\n}\n");
	free(books);
}

static int write_file(const char *path, const struct buf *text, struct err *err)
{
	cleanup_(freep) char *part = mem_printf("%s.part", path);
	FILE *file = fopen(part, "we");
	bool is_good = file != NULL;

	if (is_good) {
		is_good = fwrite(buf_text(text), 1, text->len, file) == text->len;
		is_good &= fclose(file) == 0;
	}
	if (is_good && rename(part, path) == 0)
		return 0;
	(void)err_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
	if (file)
		(void)unlink(part);
	return -EIO;
}

int books_write_lock(const struct pipeline *pipeline, const struct names *names, struct err *err)
{
	cleanup_(freep) char *path = books_lock_path(pipeline);
	struct buf text = BUF_INIT;
	int r;

	print_lock(names, &text);
	r = write_file(path, &text, err);
	buf_deinit(&text);
	return r;
}

static enum exit_code load_by(const char *path, const struct names *names,
                              struct pipeline **ret_pipeline)
{
	const struct pipeline_options options = {
		.operations = crm_catalogue(),
		.with_source_secrets = true,
		.getenv = cli_getenv,
		.names = names,
	};
	struct pipeline *pipeline = NULL;
	struct err err;

	if (pipeline_load(path, &options, &pipeline, &err) < 0)
		return cli_fail(EXIT_PIPELINE, &err);
	if (!pipeline->n_errors) {
		*ret_pipeline = pipeline;
		return EXIT_DONE;
	}
	ask_print_notes(pipeline);
	pipeline_free(pipeline);
	return EXIT_PIPELINE;
}

enum exit_code books_load(const char *path, struct names *names, struct pipeline **ret_pipeline)
{
	struct pipeline *pipeline = NULL;
	enum exit_code code = load_by(path, NULL, &pipeline);
	struct err err;
	int r;

	if (code != EXIT_DONE)
		return code;
	r = books_read_lock(pipeline, names, &err);
	if (r == 0) {
		*ret_pipeline = pipeline;
		return EXIT_DONE;
	}
	pipeline_free(pipeline);
	return r < 0 ? cli_fail(EXIT_PIPELINE, &err) : load_by(path, names, ret_pipeline);
}

/* Differences */

__attribute__((format(printf, 3, 4))) static void tell_one(void (*tell)(void *arg,
                                                                        const char *sentence),
                                                           void *arg, const char *format, ...)
{
	cleanup_(freep) char *sentence = NULL;
	va_list args;

	va_start(args, format);
	sentence = mem_vprintf(format, args);
	va_end(args);
	tell(arg, sentence);
}

static bool has_same_choices(const struct name_entry *a, const struct name_entry *b)
{
	size_t i = 0;

	if (!a->choices || !b->choices)
		return a->choices == b->choices;
	while (a->choices[i] && b->choices[i] && strcmp(a->choices[i], b->choices[i]) == 0)
		i++;
	return !a->choices[i] && !b->choices[i];
}

static bool is_same_type(const struct name_entry *a, const struct name_entry *b)
{
	const char *x = a->type_name ? a->type_name : "", *y = b->type_name ? b->type_name : "";

	return strcmp(x, y) == 0 && a->is_multi == b->is_multi;
}

size_t books_compare(const struct name_book *locked, const struct name_book *now,
                     void (*tell)(void *arg, const char *sentence), void *arg)
{
	const char *what = name_kind_text(now->kind);
	size_t n = 0;

	for (size_t i = 0; i < locked->n; i++) {
		const struct name_entry *was = &locked->items[i], *is = name_find_id(now, was->id);

		n++;
		if (!is)
			tell_one(tell, arg, "\"%s\" (%s, %s) is gone", was->name, was->id, what);
		else if (strcmp(was->name, is->name) != 0)
			tell_one(tell, arg, "\"%s\" (%s, %s) is called \"%s\" now", was->name,
			         was->id, what, is->name);
		else if (!is_same_type(was, is))
			tell_one(tell, arg, "\"%s\" (%s, %s) has another type now: %s%s", was->name,
			         was->id, what, is->type_name, is->is_multi ? ", several" : "");
		else if (!has_same_choices(was, is))
			tell_one(tell, arg, "\"%s\" (%s, %s) has other choices now", was->name,
			         was->id, what);
		else
			n--;
	}
	for (size_t i = 0; i < now->n; i++)
		if (!name_find_id(locked, now->items[i].id) && ++n)
			tell_one(tell, arg, "\"%s\" (%s, %s) is new", now->items[i].name,
			         now->items[i].id, what);
	return n;
}
