/* The tables as a manual page. */

#include "connector/pipeline/keys.h"
#include "lib/roff.h"

#include <stdlib.h>
#include <string.h>

static void add_key(struct buf *page, const struct key *key)
{
	char *takes = key_takes(key);

	roff_macro(page, "TP", NULL);
	roff_macro(page, "B", key->name);
	if (key->section)
		roff_textf(page, "%s: see %s below.", takes, key->section->name);
	else
		roff_textf(page, "%s%s%s%s.", takes, key->is_required ? "; required" : "",
		           key->fallback ? "; default " : "", key->fallback ? key->fallback : "");
	roff_macro(page, "br", NULL);
	roff_textf(page, "%s%s.", key->is_later ? "(Not yet.) " : "", key->help);
	for (size_t i = 0; key->choices && key->choices[i]; i++) {
		roff_macro(page, "br", NULL);
		roff_textf(page, "%s: %s.", key->choices[i], key->choice_help[i]);
	}
	if (key->example) {
		roff_macro(page, "br", NULL);
		roff_textf(page, "Example: %s", key->example);
	}
	free(takes);
}

static void add_section(struct buf *page, const struct section *section)
{
	roff_macro(page, "SS", *section->name ? section->name : "The file itself");
	roff_text(page, section->help);
	for (const struct key_pair *pair = section->excluding; pair && pair->a; pair++)
		roff_textf(page, "%s and %s exclude each other.", pair->a, pair->b);
	for (const struct key *key = section->keys; key->name; key++)
		add_key(page, key);
	for (const struct key *key = section->keys; key->name; key++)
		if (key->section &&
		    strncmp(key->section->name, section->name, strlen(section->name)) == 0)
			add_section(page, key->section);
}

char *pipeline_manual(void)
{
	struct buf page = BUF_INIT;

	roff_title(&page, "closefeed-pipeline", 5, "closefeed " CLOSEFEED_VERSION,
	           "the file that describes a pipeline of closefeed");
	roff_macro(&page, "SH", "DESCRIPTION");
	roff_text(
		&page,
		"One YAML file describes one pipeline; read from top to bottom it is the way of a "
		"record: source, transform and exclude, routes, close, responses. It is read "
		"strictly: an unknown or repeated key, a value of the wrong kind, an anchor, an "
		"alias, a tag or a second document is an error, and all errors are told at once "
		"with line and column. Text with braces is put in quotes.");
	roff_macro(&page, "PP", NULL);
	roff_text(&page,
	          "A single setting may come from outside: {env: NAME}, {env: NAME, default: x}, "
	          "{file: path} or {credential: name}. Secrets must. Durations are written 500ms, "
	          "30s, 5m, 1h, 30d; sizes 64KiB, 1MiB; rates 60/min, 20/s; shares 90%.");
	roff_macro(&page, "SH", "KEYS");
	add_section(&page, &file_section);
	roff_macro(&page, "SH", "SEE ALSO");
	buf_adds(&page, "\\fBclosefeed\\fR(1), \\fBjq\\fR(1)\n");
	return buf_take(&page);
}
