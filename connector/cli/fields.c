/*
 * Custom fields, statuses, pipelines and users of the organization, as YAML that can be put into a
 * body; and the lock file by which names are judged offline.
 */

#include "connector/cli/ask.h"
#include "connector/cli/books.h"
#include "connector/cli/cli.h"
#include "connector/cli/term.h"
#include "connector/close/names.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A field of the record that may have the value: "Lead Score" → lead_score. */
static void add_placeholder(const char *name, struct buf *out)
{
	bool has_gap = false;
	size_t before = out->len;

	for (; *name; name++) {
		if (!isalnum((unsigned char)*name)) {
			has_gap = out->len > before;
			continue;
		}
		if (has_gap)
			buf_addc(out, '_');
		has_gap = false;
		buf_addc(out, (char)tolower((unsigned char)*name));
	}
	if (out->len == before)
		buf_adds(out, "value");
}

/* Whether YAML reads @text as itself without quotes. */
static bool is_plain(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(" _.-/()", *c))
			return false;
	return *text && text[strlen(text) - 1] != ' ';
}

static void add_key(const char *key, struct buf *out)
{
	if (is_plain(key))
		buf_adds(out, key);
	else
		json_print_string(key, strlen(key), out);
}

static void add_choices(char *const *choices, struct buf *out)
{
	for (size_t i = 0; choices && choices[i]; i++)
		buf_addf(out, "%s%s", i ? ", " : ": ", choices[i]);
}

/* custom.Industry: "{industry}"  # choices: Arts, Law */
static void print_field(const struct name_book *book, const struct name_entry *field)
{
	cleanup_(freep) char *key = NULL;
	struct buf line = BUF_INIT;
	const char *suffix;
	size_t n;
	/* A name that another field has too, or that reads like an id, names nothing. */
	const bool has_name = name_find_field(book, field->name, &suffix, &n) == field &&
	                      !name_is_field_id(field->name);

	key = mem_printf("custom.%s", has_name ? field->name : field->id);
	add_key(key, &line);
	buf_adds(&line, ": \"{");
	add_placeholder(field->name, &line);
	buf_addf(&line, "}\"  # %s", field->type_name ? field->type_name : "of no type");
	add_choices(field->choices, &line);
	if (field->is_multi)
		buf_adds(&line, "; several, as a list");
	if (!has_name)
		buf_addf(&line, "; called %s, as others are", field->name);
	term_print(stdout, buf_text(&line));
	(void)putchar('\n');
	buf_deinit(&line);
}

/* status_id: "{status}"  # Potential, Bad Fit */
static void print_names(const struct name_book *book)
{
	static const struct {
		const char *kind, *line;
	} rows[] = {
		{"status/lead", "status_id: \"{status}\""},
		{"status/opportunity", "status_id: \"{status}\""},
		{"pipeline", "pipeline_id: \"{pipeline}\""},
		{"user", "user_id: \"{owner}\""},
	};
	struct buf line = BUF_INIT;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].kind, book->kind) == 0)
			buf_addf(&line, "%s  #", rows[i].line);
	for (size_t i = 0; i < book->n; i++)
		buf_addf(&line, "%s %s", i ? "," : "",
		         book->items[i].email ? book->items[i].email : book->items[i].name);
	term_print(stdout, buf_text(&line));
	(void)putchar('\n');
	buf_deinit(&line);
}

static void print_book(const struct name_book *book, bool is_first)
{
	printf("%s# %s (%s)\n", is_first ? "" : "\n", name_kind_all(book->kind), book->kind);
	if (!name_kind_is_fields(book->kind))
		print_names(book);
	else if (!book->n)
		printf("# there are none\n");
	for (size_t i = 0; i < book->n && name_kind_is_fields(book->kind); i++)
		print_field(book, &book->items[i]);
}

static void print_books(const struct cli *cli, const struct names *names)
{
	cleanup_(json_freep) struct json_object *all = json_object_new_object();

	for (size_t i = 0; i < names->n; i++) {
		if (cli->json)
			(void)json_object_object_add(all, names->books[i]->kind,
			                             crm_names_json(names->books[i]));
		else
			print_book(names->books[i], i == 0);
	}
	if (cli->json)
		term_print_json(all);
}

static enum exit_code ask_kinds(const struct pipeline *pipeline, char *const *kinds,
                                bool without_people, struct names *names)
{
	for (; kinds && *kinds; kinds++) {
		struct name_book *book = NULL;
		enum exit_code code;
		struct err err;

		if (without_people && strcmp(*kinds, "user") == 0)
			continue;
		code = books_ask(pipeline, *kinds, &book, &err);
		if (code != EXIT_DONE)
			return cli_fail(code, &err);
		names_put(names, book);
	}
	return EXIT_DONE;
}

static enum exit_code lock(const struct pipeline *pipeline, const struct names *names)
{
	cleanup_(freep) char *path = books_lock_path(pipeline);
	struct err err;

	if (books_write_lock(pipeline, names, &err) < 0)
		return cli_fail(EXIT_LOCAL, &err);
	(void)fprintf(stderr, "wrote %s: check and preview judge names by it\n", path);
	return EXIT_DONE;
}

static enum exit_code run_fields(const struct cli *cli)
{
	const char *kind = cli_arg(cli, 1);
	cleanup_(freep) char *copy = mem_strdup(kind);
	char *one[] = {copy, NULL};
	cleanup_(pipeline_freep) struct pipeline *pipeline = NULL;
	const bool locks = cli_has(cli, "lock");
	struct names names = {0};
	enum exit_code code;

	if (kind && locks)
		return cli_misuse(cli,
		                  "a lock file holds all that the pipeline can name: leave "
		                  "\"%s\" out",
		                  kind);
	if (kind && (!crm_names_is_kind(kind) || name_kind_is_linked(kind)))
		return cli_misuse(cli,
		                  "\"%s\" is none of lead, contact, opportunity, "
		                  "activity/TYPE_ID, custom_object/TYPE_ID, status/lead, "
		                  "status/opportunity, pipeline, user",
		                  kind);
	code = ask_load(cli_arg(cli, 0), true, &pipeline);
	if (code == EXIT_DONE)
		code = ask_kinds(pipeline, kind ? one : pipeline->name_kinds, locks, &names);
	if (code == EXIT_DONE && locks)
		code = lock(pipeline, &names);
	else if (code == EXIT_DONE)
		print_books(cli, &names);
	names_deinit(&names);
	return code;
}

const struct verb verb_fields = {
	.name = "fields",
	.summary = "custom fields and other names of your organization, as ready YAML",
	.usage = "fields PIPELINE [KIND | --lock] [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed fields leads.yaml", "what its routes can name"},
			{"closefeed fields leads.yaml contact", "the custom fields of contacts"},
			{"closefeed fields leads.yaml --lock",
                         "keep them beside it, for check and preview without Close"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "lock", .help = "write NAME.fields.lock beside the pipeline"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 2,
	.run = run_fields,
};
