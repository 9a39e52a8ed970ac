#include "connector/cli/check_names.h"
#include "connector/cli/books.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/strlist.h"

#include <string.h>

static void add_once(char ***list, const char *kind)
{
	for (char **known = *list; known && *known; known++)
		if (strcmp(*known, kind) == 0)
			return;
	strlist_add(list, mem_strdup(kind));
}

static char **kinds_of(const struct pipeline *pipeline, const struct names *locked)
{
	char **kinds = NULL;

	for (char **kind = pipeline->named_kinds; kind && *kind; kind++)
		add_once(&kinds, *kind);
	for (size_t i = 0; i < locked->n; i++)
		add_once(&kinds, locked->books[i]->kind);
	return kinds;
}

static void add_drift(void *arg, const char *sentence)
{
	(void)json_object_array_add(arg, json_string(sentence));
}

static enum exit_code ask_all(const struct pipeline *pipeline, char *const *kinds,
                              const struct names *locked, struct names_report *report)
{
	for (; kinds && *kinds; kinds++) {
		const struct name_book *was = names_book(locked, *kinds);
		struct name_book *book = NULL;
		enum exit_code code;
		struct err err;

		if (names_book(&report->names, *kinds))
			continue;
		code = books_ask(pipeline, *kinds, &book, &err);
		if (code != EXIT_DONE) {
			buf_adds(&report->what, err.text);
			return code;
		}
		names_put(&report->names, book);
		if (was)
			(void)books_compare(was, book, add_drift, report->drift);
	}
	return EXIT_DONE;
}

static void tell(struct names_report *report, size_t n_errors, bool has_open_names)
{
	const size_t n = json_object_array_length(report->drift);

	if (n_errors)
		buf_addf(&report->what, "%zu mistake%s", n_errors, plural(n_errors, "", "s"));
	else
		buf_addf(&report->what, "every name of the file is known%s",
		         has_open_names ? ", but for custom fields of types that each record says"
		                        : "");
	if (n)
		buf_addf(
			&report->what,
			"; %zu difference%s from the lock file (`closefeed fields --lock` writes it "
			"anew)",
			n, plural(n, "", "s"));
}

/* Asks for what the file names, and reads it again by that. */
static enum exit_code learn(struct pipeline_options *by_names, const struct names *locked,
                            struct pipeline **pipeline, struct names_report *report)
{
	char **kinds = kinds_of(*pipeline, locked);
	struct pipeline *again = NULL;
	const enum exit_code code = ask_all(*pipeline, kinds, locked, report);
	struct err err;

	strlist_free(kinds);
	if (code != EXIT_DONE || !report->names.n)
		return code;
	by_names->names = &report->names;
	if (pipeline_load((*pipeline)->path, by_names, &again, &err) < 0) {
		buf_adds(&report->what, err.text);
		return EXIT_PIPELINE;
	}
	pipeline_free(*pipeline);
	*pipeline = again;
	return EXIT_DONE;
}

enum exit_code check_names(const struct pipeline_options *options, const struct names *locked,
                           struct pipeline **pipeline, struct names_report *ret_report)
{
	struct pipeline_options by_names = *options;
	enum exit_code code;
	size_t n;

	*ret_report = (struct names_report){.drift = json_object_new_array()};
	/* Which types' fields are meant is known when the types are. */
	do {
		n = ret_report->names.n;
		code = learn(&by_names, locked, pipeline, ret_report);
	} while (code == EXIT_DONE && ret_report->names.n > n);
	if (code != EXIT_DONE || (!n && !(*pipeline)->has_open_names))
		return code;
	tell(ret_report, (*pipeline)->n_errors, (*pipeline)->has_open_names);
	return (*pipeline)->n_errors ? EXIT_PIPELINE : EXIT_DONE;
}

void names_report_deinit(struct names_report *report)
{
	names_deinit(&report->names);
	buf_deinit(&report->what);
	json_object_put(report->drift);
}
