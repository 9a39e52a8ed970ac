#include "connector/cli/cli.h"
#include "connector/cli/manual.h"
#include "connector/cli/term.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_flags(const struct cli_flag *flags)
{
	for (const struct cli_flag *f = flags; f && f->name; f++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", f->letter ? '-' : ' ',
		               f->letter ? f->letter : ' ', f->letter ? ", " : "  ", f->name,
		               f->value ? " " : "", f->value ? f->value : "");
		printf("  %-24s %s%s\n", left, f->help,
		       f->is_repeatable ? " (may stand several times)" : "");
	}
}

void cli_print_verb_help(const struct verb *verb)
{
	struct buf more = BUF_INIT;
	size_t widest = 0;

	for (const struct cli_example *e = verb->examples; e->command; e++)
		if (strlen(e->command) > widest)
			widest = strlen(e->command);
	for (const struct cli_example *e = verb->examples; e->command; e++)
		printf("  $ %-*s   # %s\n", (int)widest, e->command, e->what);
	printf("\nclosefeed %s\n%s.\n\n", verb->usage, verb->summary);
	print_flags(verb->flags);
	print_flags(cli_common_flags);
	if (!verb->explain)
		return;
	verb->explain(&more);
	printf("\n%s", buf_text(&more));
	buf_deinit(&more);
}

void cli_print_help(void)
{
	printf("  $ closefeed check leads.yaml      # is the pipeline right?\n"
	       "  $ closefeed preview leads.yaml    # what would be sent?\n"
	       "  $ closefeed run leads.yaml        # send it\n"
	       "\n"
	       "closefeed VERB [PIPELINE] [FLAGS]\n"
	       "Reads records, writes them to Close once each, and tells a webhook what happened.\n"
	       "\n");
	for (size_t i = 0; verbs[i]; i++)
		printf("  %-12s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\n`closefeed help VERB` or `closefeed VERB --help` says more.\n");
}

enum exit_code cli_fail(enum exit_code code, const struct err *err)
{
	(void)fputs("closefeed: ", stderr);
	term_print(stderr, err->text);
	(void)fputc('\n', stderr);
	return code;
}

enum exit_code cli_misuse(const struct cli *cli, const char *format, ...)
{
	struct err err = {0};
	va_list args;

	va_start(args, format);
	(void)err_vset(&err, -EINVAL, format, args);
	va_end(args);
	(void)cli_fail(EXIT_USAGE, &err);
	(void)fprintf(stderr, "usage: closefeed %s\n", cli->verb->usage);
	return EXIT_USAGE;
}

static enum exit_code run_help(const struct cli *cli)
{
	const char *name = cli_arg(cli, 0);
	const struct verb *verb = name ? verb_find(name) : NULL;
	char *page;

	if (cli_has(cli, "man")) {
		page = cli_manual();
		(void)fputs(page, stdout);
		free(page);
		return EXIT_DONE;
	}
	if (name && !verb)
		return cli_misuse(cli, "there is no verb \"%s\": `closefeed help` lists them",
		                  name);
	if (verb)
		cli_print_verb_help(verb);
	else
		cli_print_help();
	return EXIT_DONE;
}

const struct verb verb_help = {
	.name = "help",
	.summary = "all verbs, or how one of them is used",
	.usage = "help [VERB | --man]",
	.examples =
		(const struct cli_example[]){
			{"closefeed help", "all verbs"},
			{"closefeed help rejects", "one of them, with examples"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "man", .help = "the manual page closefeed(1)"},
			{NULL},
		},
	.max_args = 1,
	.run = run_help,
};
