/* The tables as a page for people. */

#include "connector/pipeline/keys.h"
#include "lib/buf.h"
#include "lib/filter.h"

#include <stdlib.h>
#include <string.h>

static const char introduction[] =
	"# The pipeline file, key by key\n"
	"\n"
	"<!-- Made by `closefeed schema --reference` from the parser's own tables: do not edit. -->\n"
	"\n"
	"One YAML file describes one pipeline. It is read strictly: an unknown or repeated key, a value "
	"of the wrong\n"
	"kind, an anchor, an alias, a tag or a second document is an error, and all errors are told at "
	"once with line and\n"
	"column. Without quotes, values are what the core schema of YAML 1.2 says: `true`, `True`, "
	"`null`, `~`, `+5`,\n"
	"`.5`, `0x1F` and `0o17` are no text (in JSON they are true, null, 5, 0.5, 31 and 15), while "
	"`no`, `010` and\n"
	"`1:30` stay text; `.inf` and `.nan`, which JSON does not have, are errors. What is text, such as "
	"a phone number,\n"
	"is put in quotes (`\"+4930123456\"`), and so is text with braces: `\"{lead_id}\"`.\n"
	"\n"
	"**Values from outside.** Wherever a single text, number, duration or the like is asked for, "
	"there may stand\n"
	"`{env: NAME}`, `{env: NAME, default: x}`, `{file: path}` (relative to this file, at most 4 KiB, "
	"one last newline\n"
	"is cut) or `{credential: name}` (systemd). Secrets *must* be one of these and have no default. A "
	"file with a\n"
	"secret has to belong to you or root and must not be writable by others. Templates take no such "
	"values: name them\n"
	"under `vars` and write `\"{@var.name}\"`.\n"
	"\n"
	"Durations are `500ms`, `30s`, `5m`, `1h`, `30d`; sizes `64KiB`, `1MiB`; rates `60/min`, `20/s`; "
	"shares `90%`.\n"
	"Paths are relative to the folder of the file. Keys marked *not yet* are understood and refused "
	"with that word.\n";

/* In a table cell, | would begin the next one. */
static void add_cell(struct buf *b, const char *text)
{
	for (; *text; text++)
		buf_addf(b, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_meaning(struct buf *b, const struct key *key)
{
	if (key->is_later)
		buf_adds(b, "*Not yet.* ");
	for (size_t i = 0; key->belongs_to && key->belongs_to[i]; i++)
		buf_addf(b, "%s`%s`", i ? ", " : "", key->belongs_to[i]);
	buf_adds(b, key->belongs_to ? ": " : "");
	add_cell(b, key->help);
	for (size_t i = 0; key->choices && key->choices[i]; i++) {
		buf_addf(b, "%s<br>`%s`: ", i ? "" : ".", key->choices[i]);
		add_cell(b, key->choice_help[i]);
	}
	if (key->example) {
		buf_adds(b, key->choices ? "<br>e.g. `" : "; e.g. `");
		add_cell(b, key->example);
		buf_addc(b, '`');
	}
}

static void add_row(struct buf *b, const struct key *key)
{
	char *takes = key_takes(key);

	buf_addf(b, "| `%s`%s | ", key->name, key->is_required ? " (required)" : "");
	if (key->section)
		buf_addf(b, "%s: see `%s`", takes, key->section->name);
	else
		add_cell(b, takes);
	buf_adds(b, " | ");
	if (key->fallback)
		buf_addf(b, "`%s`", key->fallback);
	buf_adds(b, " | ");
	add_meaning(b, key);
	buf_adds(b, " |\n");
	free(takes);
}

static void add_section(struct buf *b, const struct section *section)
{
	if (*section->name)
		buf_addf(b, "\n## `%s`\n\n%s\n", section->name, section->help);
	else
		buf_addf(b, "\n## The file itself\n\n%s\n", section->help);
	for (const struct key_pair *pair = section->excluding; pair && pair->a; pair++)
		buf_addf(b, "`%s` and `%s` exclude each other.\n", pair->a, pair->b);
	buf_adds(b, "\n| key | takes | default | meaning |\n|---|---|---|---|\n");
	for (const struct key *key = section->keys; key->name; key++)
		add_row(b, key);
	/* A section that two others share is shown where its name puts it. */
	for (const struct key *key = section->keys; key->name; key++)
		if (key->section &&
		    strncmp(key->section->name, section->name, strlen(section->name)) == 0)
			add_section(b, key->section);
}

static void add_filters(struct buf *b)
{
	size_t n;
	const struct filter *table = filter_table(&n);

	buf_adds(b,
	         "\n## Filters\n\nWhat may stand behind | in a placeholder, several from left to "
	         "right: `{email|trim|lower}`. The page\n[filters](filters.md) shows what each "
	         "makes of what.\n\n| filter | meaning |\n|---|---|\n");
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "| `%s` | %s |\n", table[i].example, table[i].help);
}

char *pipeline_reference(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, introduction);
	add_section(&b, &file_section);
	add_filters(&b);
	return buf_take(&b);
}
