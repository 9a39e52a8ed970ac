#include "connector/cli/manual.h"

#include "connector/cli/cli.h"
#include "connector/close/explain.h"
#include "lib/roff.h"

#include <stdlib.h>
#include <string.h>

static void add_flags(struct buf *page, const struct cli_flag *flags)
{
	for (const struct cli_flag *f = flags; f && f->name; f++) {
		roff_macro(page, "TP", NULL);
		if (f->letter)
			buf_addf(page, "\\fB\\-%c\\fR, ", f->letter);
		buf_addf(page, "\\fB\\-\\-%s\\fR", f->name);
		if (f->value)
			buf_addf(page, " \\fI%s\\fR", f->value);
		buf_addc(page, '\n');
		roff_textf(page, "%s%s.", f->help,
		           f->is_repeatable ? " (may stand several times)" : "");
	}
}

/* Line by line, as help prints it. */
static void add_explanation(struct buf *page, const struct verb *verb)
{
	struct buf more = BUF_INIT;
	char *rest, *line;

	if (!verb->explain)
		return;
	verb->explain(&more);
	roff_macro(page, "PP", NULL);
	roff_macro(page, "EX", NULL);
	rest = buf_take(&more);
	for (char *at = rest; (line = strsep(&at, "\n")) && (*line || at);)
		roff_textf(page, "%s", line);
	roff_macro(page, "EE", NULL);
	free(rest);
}

static void add_verb(struct buf *page, const struct verb *verb)
{
	roff_macro(page, "SS", verb->name);
	roff_macro(page, "B", NULL);
	roff_textf(page, "closefeed %s", verb->usage);
	roff_macro(page, "PP", NULL);
	roff_textf(page, "%s.", verb->summary);
	add_flags(page, verb->flags);
	add_explanation(page, verb);
	roff_macro(page, "PP", NULL);
	roff_macro(page, "EX", NULL);
	for (const struct cli_example *e = verb->examples; e->command; e++)
		roff_textf(page, "  %s   # %s", e->command, e->what);
	roff_macro(page, "EE", NULL);
}

static void add_exit_codes(struct buf *page)
{
	struct crm_explanation e;

	roff_macro(page, "SH", "EXIT STATUS");
	for (size_t i = 0; crm_explain_nth(i, &e); i++) {
		if (strcmp(e.kind, "exit code") != 0)
			continue;
		roff_macro(page, "TP", NULL);
		roff_macro(page, "B", e.code);
		roff_textf(page, "%s %s", e.meaning, e.advice);
	}
}

static void add_places(struct buf *page)
{
	static const struct {
		const char *section, *name, *what;
	} places[] = {
		{"FILES",
	         "$STATE_DIRECTORY, $XDG_STATE_HOME/closefeed/NAME, "
	         "~/.local/state/closefeed/NAME",
	         "the state of a pipeline: what was read and sent, rejects, what is still to be "
	         "told. `state` in the pipeline names another folder"},
		{"ENVIRONMENT", "NO_COLOR", "no colour, also on a terminal"},
		{NULL, "VISUAL, EDITOR", "what edits a record: send --edit, rejects edit"},
		{NULL, "Variables the pipeline names",
	         "with {env: NAME}; everything else of the environment is not looked at, proxies "
	         "included"},
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (places[i].section)
			roff_macro(page, "SH", places[i].section);
		roff_macro(page, "TP", NULL);
		roff_macro(page, "B", places[i].name);
		roff_textf(page, "%s.", places[i].what);
	}
}

char *cli_manual(void)
{
	struct buf page = BUF_INIT;

	roff_title(&page, "closefeed", 1, "closefeed " CLOSEFEED_VERSION,
	           "write records to the Close CRM, once each");
	roff_macro(&page, "SH", "SYNOPSIS");
	buf_adds(&page, "\\fBclosefeed\\fR \\fIVERB\\fR [\\fIPIPELINE\\fR] [\\fIFLAGS\\fR]\n");
	roff_macro(&page, "SH", "DESCRIPTION");
	roff_text(&page, "Reads records as a pipeline file says (closefeed-pipeline(5)), shapes "
	                 "each one into calls of the Close API, sends the calls within Close's "
	                 "limits, writes nothing twice, loses nothing, and reports every answer. "
	                 "Data goes to standard output, everything else to standard error; with "
	                 "--json every verb answers as JSON.");
	roff_macro(&page, "SH", "VERBS");
	for (size_t i = 0; verbs[i]; i++)
		add_verb(&page, verbs[i]);
	roff_macro(&page, "SH", "FLAGS OF EVERY VERB");
	add_flags(&page, cli_common_flags);
	add_exit_codes(&page);
	add_places(&page);
	roff_macro(&page, "SH", "SEE ALSO");
	buf_adds(&page, "\\fBclosefeed\\-pipeline\\fR(5)\n");
	return buf_take(&page);
}
