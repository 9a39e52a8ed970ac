/*
 * A first pipeline file out of a sample: looks at the records, guesses what should become of them,
 * and says in comments why. Every line can stay as it is or be changed.
 */

#include "connector/cli/cli.h"
#include "connector/cli/sample.h"
#include "connector/close/catalogue.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"
#include "lib/plural.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a record can become, the surest sign first. */
static const struct guess {
	const char *operation;
	enum sample_role needs[3]; /* all of them; ends with ROLE_NONE */
	const char *why;
} guesses[] = {
	{"activity.call.create", {ROLE_LEAD_ID, ROLE_DURATION}, "a lead's id and a duration"},
	{"opportunity.create", {ROLE_LEAD_ID, ROLE_VALUE}, "a lead's id and a sum"},
	{"task.create", {ROLE_LEAD_ID, ROLE_DUE}, "a lead's id and a day something is due"},
	{"contact.create", {ROLE_LEAD_ID, ROLE_EMAIL}, "a lead's id and an e-mail address"},
	{"contact.create", {ROLE_LEAD_ID, ROLE_PHONE}, "a lead's id and a phone number"},
	{"activity.note.create", {ROLE_LEAD_ID, ROLE_NOTE}, "a lead's id and a text"},
	{"lead.update", {ROLE_LEAD_ID}, "a lead's id and fields of a lead"},
	{"lead.create", {ROLE_COMPANY}, "a company"},
	{"lead.create", {ROLE_EMAIL}, "an e-mail address, and no id of a lead"},
	{"lead.create", {ROLE_NONE}, "nothing that says more, so each becomes a lead"},
};

/* What a body takes from which field; a row's key may be inside contacts. */
static const struct part {
	const char *operation, *key;
	enum sample_role role;
	bool in_contact, in_list;
	const char *filter; /* "|cents" or "" */
	const char *says;
} parts[] = {
	{"lead.create", "name", ROLE_COMPANY, false, false, "", "the name of the lead"},
	{"lead.create", "url", ROLE_URL, false, false, "", "its web site"},
	{"lead.create", "description", ROLE_DESCRIPTION, false, false, "", "free text"},
	{"lead.create", "name", ROLE_PERSON, true, false, "", "the person's name"},
	{"lead.create", "title", ROLE_TITLE, true, false, "", "what they do there"},
	{"lead.create", "email", ROLE_EMAIL, true, true, "|trim", "without spaces around it"},
	{"lead.create", "phone", ROLE_PHONE, true, true, "", "their number"},
	{"lead.update", "name", ROLE_COMPANY, false, false, "", "renames the lead"},
	{"lead.update", "url", ROLE_URL, false, false, "", "its web site"},
	{"lead.update", "description", ROLE_DESCRIPTION, false, false, "", "free text"},
	{"contact.create", "lead_id", ROLE_LEAD_ID, false, false, "", "whose contact it is"},
	{"contact.create", "name", ROLE_PERSON, false, false, "", "the person's name"},
	{"contact.create", "title", ROLE_TITLE, false, false, "", "what they do there"},
	{"contact.create", "email", ROLE_EMAIL, false, true, "|trim", "without spaces around it"},
	{"contact.create", "phone", ROLE_PHONE, false, true, "", "their number"},
	{"opportunity.create", "lead_id", ROLE_LEAD_ID, false, false, "", "whose it is"},
	{"opportunity.create", "value", ROLE_VALUE, false, false, "|cents",
         "Close counts cents: 19.99 becomes 1999"},
	{"opportunity.create", "note", ROLE_NOTE, false, false, "", "free text"},
	{"task.create", "lead_id", ROLE_LEAD_ID, false, false, "", "whose it is"},
	{"task.create", "text", ROLE_NOTE, false, false, "", "what is to be done"},
	{"task.create", "date", ROLE_DUE, false, false, "|date", "the day it is due"},
	{"activity.note.create", "lead_id", ROLE_LEAD_ID, false, false, "", "where it is filed"},
	{"activity.note.create", "note", ROLE_NOTE, false, false, "", "the text"},
	{"activity.call.create", "lead_id", ROLE_LEAD_ID, false, false, "", "whom it was with"},
	{"activity.call.create", "direction", ROLE_DIRECTION, false, false, "",
         "inbound or outbound"},
	{"activity.call.create", "duration", ROLE_DURATION, false, false, "|number", "in seconds"},
	{"activity.call.create", "phone", ROLE_PHONE, false, false, "", "the number"},
	{"activity.call.create", "note", ROLE_NOTE, false, false, "", "what was said"},
};

struct draft_file {
	struct sample sample;
	const struct operation *op;
	const char *why;
	bool passes;   /* the records look like bodies of the operation: sent as they are */
	bool *is_used; /* one for each field */
	struct buf text;
};

/* A line with its comment behind it, in one column where there is room. */
__attribute__((format(printf, 3, 4))) static void line(struct draft_file *f, const char *comment,
                                                       const char *format, ...)
{
	enum { comment_column = 44 };
	const size_t from = f->text.len;
	va_list args;

	va_start(args, format);
	buf_vaddf(&f->text, format, args);
	va_end(args);
	if (comment)
		buf_addf(&f->text, "%*s# %s",
		         f->text.len - from < comment_column
		                 ? (int)(comment_column - (f->text.len - from))
		                 : 1,
		         "", comment);
	buf_addc(&f->text, '\n');
}

static bool is_plain_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "0123456789_.") == strlen(name);
}

/* A YAML text in single quotes, where only the quote itself is doubled. */
static void add_quoted(struct buf *out, const char *text)
{
	buf_addc(out, '\'');
	for (; *text; text++)
		buf_adds(out, *text == '\'' ? "''" : (char[]){*text, '\0'});
	buf_addc(out, '\'');
}

/* The template of a field, as YAML: "{name|filter}", or '{"a b"}' for names that need it. */
static char *template_of(const struct sample_field *field, const char *filter)
{
	struct buf inner = BUF_INIT, yaml = BUF_INIT;

	if (is_plain_name(field->name)) {
		buf_addf(&yaml, "\"{%s%s}\"", field->name, filter);
		return buf_take(&yaml);
	}
	buf_adds(&inner, "{\"");
	for (const char *c = field->name; *c; c++)
		buf_addf(&inner, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	buf_addf(&inner, "\"%s}", filter);
	add_quoted(&yaml, buf_text(&inner));
	buf_deinit(&inner);
	return buf_take(&yaml);
}

static const struct sample_field *field_of(struct draft_file *f, const struct part *part)
{
	const struct sample_field *field = f->sample.of_role[part->role];

	if (field)
		f->is_used[field - f->sample.fields] = true;
	return field;
}

static void add_part(struct draft_file *f, const struct part *part, const char *indent)
{
	const struct sample_field *field = field_of(f, part);
	char *text = field ? template_of(field, part->filter) : NULL;

	if (text && part->in_list) {
		line(f, NULL, "%s%ss:", indent, part->key);
		line(f, part->says, "%s  - %s: %s", indent, part->key, text);
	} else if (text) {
		line(f, part->says, "%s%s: %s", indent, part->key, text);
	}
	free(text);
}

static void add_parts(struct draft_file *f, bool in_contact, const char *indent)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(parts[i].operation, f->op->name) == 0 &&
		    parts[i].in_contact == in_contact)
			add_part(f, &parts[i], indent);
}

static bool has_role(const struct draft_file *f, enum sample_role role)
{
	return f->sample.of_role[role] != NULL;
}

/* A lead without a company bears the name of its person or the address. */
static void add_lead_name(struct draft_file *f)
{
	static const enum sample_role others[] = {ROLE_PERSON, ROLE_EMAIL};

	for (size_t i = 0; !has_role(f, ROLE_COMPANY) && i < 2; i++) {
		const struct sample_field *field = f->sample.of_role[others[i]];
		char *text = field ? template_of(field, "") : NULL;

		if (!text)
			continue;
		line(f, "the name of the lead: no field names a company", "      name: %s", text);
		free(text);
		return;
	}
}

static void add_full_name(struct draft_file *f)
{
	const struct sample_field *first = f->sample.of_role[ROLE_FIRST_NAME];
	const struct sample_field *last = f->sample.of_role[ROLE_LAST_NAME];

	if (has_role(f, ROLE_PERSON) || !first || !last || !is_plain_name(first->name) ||
	    !is_plain_name(last->name))
		return;
	f->is_used[first - f->sample.fields] = f->is_used[last - f->sample.fields] = true;
	line(f, "one text of two fields", "          name: \"{%s} {%s}\"", first->name, last->name);
}

static void add_contact(struct draft_file *f)
{
	if (!has_role(f, ROLE_EMAIL) && !has_role(f, ROLE_PHONE) && !has_role(f, ROLE_PERSON) &&
	    !has_role(f, ROLE_LAST_NAME))
		return;
	line(f, "the lead's people; what a record does not have is left out", "      contacts:");
	line(f, NULL, "        -");
	add_full_name(f);
	add_parts(f, true, "          ");
}

/* A body cannot be empty: the first field stands for the first key until somebody knows better. */
static void add_any(struct draft_file *f)
{
	const struct part *part = parts;
	char *text;

	while (strcmp(part->operation, f->op->name) != 0)
		part++;
	text = template_of(&f->sample.fields[0], "");
	f->is_used[0] = true;
	line(f, "no field says what it is for: choose one", "      %s: %s", part->key, text);
	free(text);
}

static void add_body(struct draft_file *f)
{
	const bool is_lead = strcmp(f->op->name, "lead.create") == 0;
	size_t begin;

	line(f, "what is sent; \"{x}\" is the field x of the record", "    body:");
	begin = f->text.len;
	if (is_lead)
		add_lead_name(f);
	add_parts(f, false, "      ");
	if (is_lead)
		add_contact(f);
	if (f->text.len == begin)
		add_any(f);
}

static bool is_top(const struct sample_field *field)
{
	return !strchr(field->name, '.');
}

/* What the operation does not take is left out, or Close would drop it without a word. */
static void add_exclude(struct draft_file *f)
{
	bool has_begun = false;

	for (size_t i = 0; i < f->sample.n_fields; i++) {
		const struct sample_field *field = &f->sample.fields[i];
		struct buf path = BUF_INIT;

		f->is_used[i] = true;
		if (!is_top(field) || operation_field(f->op, field->name))
			continue;
		if (!has_begun)
			line(f, "not sent: Close has no such fields", "    exclude:");
		has_begun = true;
		if (is_plain_name(field->name))
			buf_adds(&path, field->name);
		else
			buf_addf(&path, "\"%s\"", field->name);
		buf_adds(&f->text, "      - ");
		add_quoted(&f->text, buf_text(&path));
		buf_addc(&f->text, '\n');
		buf_deinit(&path);
	}
}

static void add_fields(struct draft_file *f)
{
	const struct sample *s = &f->sample;
	char kinds[160];

	buf_addf(&f->text, "  # The %u record%s looked at:\n", s->n_records,
	         plural(s->n_records, "", "s"));
	for (size_t i = 0; i < s->n_fields; i++) {
		sample_kinds_text(s->fields[i].kinds, kinds, sizeof(kinds));
		buf_addf(&f->text, "  #   %-24s in %u, %s\n", s->fields[i].name, s->fields[i].n,
		         kinds);
	}
	if (s->n_faulty)
		buf_addf(&f->text, "  #   %u more line%s no JSON object and will be rejected\n",
		         s->n_faulty, plural(s->n_faulty, " is", "s are"));
}

static void add_left_over(struct draft_file *f)
{
	const char *before = "    # Not sent so far: ";

	for (size_t i = 0; i < f->sample.n_fields; i++) {
		if (f->is_used[i] || f->sample.fields[i].kinds & SAMPLE_OBJECT)
			continue;
		buf_addf(&f->text, "%s%s", before, f->sample.fields[i].name);
		before = ", ";
	}
	if (*before != ' ')
		buf_adds(&f->text, ".\n    # A custom field takes one: custom.cf_…: \"{…}\"\n");
}

static void add_identity(struct draft_file *f)
{
	const struct sample_field *key = f->sample.of_role[ROLE_KEY];

	if (!key || f->op->class != CLASS_A)
		return;
	buf_adds(&f->text,
	         "    # With the record's own key in a text field of yours, a create whose "
	         "answer was\n    # lost can be found again: put the id of the field "
	         "here.\n");
	buf_addf(&f->text, "    # identity: {custom.cf_…: \"{%s}\"}\n", key->name);
}

static void add_route(struct draft_file *f)
{
	const struct sample_field *lead = f->sample.of_role[ROLE_LEAD_ID];
	char *text;

	line(f, "what becomes of each record", "routes:");
	buf_addf(&f->text, "  # Guessed: the records have %s.\n", f->why);
	add_fields(f);
	line(f, f->op->summary, "  - operation: %s", f->op->name);
	if (strcmp(f->op->name, "lead.update") == 0) {
		text = template_of(lead, "");
		f->is_used[lead - f->sample.fields] = true;
		line(f, "which lead", "    params: {id: %s}", text);
		free(text);
	}
	if (f->passes)
		add_exclude(f);
	else
		add_body(f);
	add_left_over(f);
	add_identity(f);
}

/* Lists as Close nests them say that somebody has shaped the records for it already. */
static bool looks_like_bodies(const struct draft_file *f)
{
	static const char *const nested[] = {"contacts", "emails", "phones", "addresses"};
	const struct sample *s = &f->sample;

	for (size_t i = 0; i < s->n_fields; i++)
		for (size_t k = 0; k < sizeof(nested) / sizeof(*nested); k++)
			if (strcmp(s->fields[i].name, nested[k]) == 0 &&
			    s->fields[i].kinds & SAMPLE_LIST && operation_field(f->op, nested[k]))
				return true;
	return false;
}

static bool fits(const struct sample *s, const struct guess *g)
{
	for (size_t i = 0; i < 3 && g->needs[i] != ROLE_NONE; i++)
		if (!s->of_role[g->needs[i]])
			return false;
	return true;
}

/* False: there is no such operation, or init has no table for it. */
static bool choose(struct draft_file *f, const char *operation)
{
	const struct guess *g = guesses;

	while (operation ? strcmp(g->operation, operation) != 0 : !fits(&f->sample, g))
		if (++g == guesses + sizeof(guesses) / sizeof(*guesses))
			return false;
	f->op = operation_find(crm_catalogue(), g->operation);
	f->why = operation ? "been said to become this" : g->why;
	f->passes = looks_like_bodies(f);
	return true;
}

/* "exports/Sign-ups 2026.ndjson.gz" becomes "sign-ups-2026". */
static void name_of(const char *path, char *name, size_t size)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t n = 0;

	for (; *base && *base != '.' && n + 1 < size; base++) {
		const char c = (char)tolower((unsigned char)*base);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			name[n++] = c;
		else if (n && name[n - 1] != '-')
			name[n++] = '-';
	}
	while (n && name[n - 1] == '-')
		n--;
	name[n] = '\0';
	if (!n)
		(void)snprintf(name, size, "pipeline");
}

static void write_file(struct draft_file *f, const char *path, const char *name)
{
	struct buf quoted = BUF_INIT;

	buf_addf(&f->text,
	         "# A first pipeline, made by `closefeed init`. Change what does not fit, then:\n"
	         "#   closefeed check %s.yaml      # is it right?\n"
	         "#   closefeed preview %s.yaml    # what would be sent?\n"
	         "#   closefeed run %s.yaml        # send it\n",
	         name, name, name);
	line(f, "of this format", "version: 1");
	line(f, "also the name of its state", "name: %s", name);
	line(f, "where records come from", "source:");
	add_quoted(&quoted, path);
	line(f, "relative to this file", "  ndjson: {path: %s}", buf_text(&quoted));
	buf_deinit(&quoted);
	line(f, "how to reach Close", "close:");
	line(f, "from the environment: a key never stands in a file",
	     "  api_key: {env: CLOSE_API_KEY}");
	add_route(f);
	line(f, "where every answer is told; or a webhook: {url, secret}", "responses:");
	line(f, "one event a line", "  file: %s.responses.ndjson", name);
}

/* A file that is there already is somebody's work: it is never written over. */
static enum exit_code save(const struct draft_file *f, const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	struct err err;
	ssize_t n;

	if (fd < 0) {
		(void)err_set(&err, -errno, "%s: %s", path,
		              errno == EEXIST ? "is there already, and is not written over"
		                              : strerror(errno));
		return cli_fail(EXIT_LOCAL, &err);
	}
	n = write(fd, f->text.data, f->text.len);
	if (close(fd) < 0 || n != (ssize_t)f->text.len) {
		(void)err_set(&err, -EIO, "%s could not be written: %s", path, strerror(errno));
		return cli_fail(EXIT_LOCAL, &err);
	}
	return EXIT_DONE;
}

static enum exit_code run_init(const struct cli *cli)
{
	struct draft_file f = {0};
	const char *path = cli_arg(cli, 0), *output = cli_text(cli, "output", NULL);
	enum exit_code code = EXIT_DONE;
	struct err err;
	char name[64];

	if (sample_look(path, &f.sample, &err) < 0)
		return cli_fail(EXIT_INPUT, &err);
	f.is_used = mem_array(f.sample.n_fields + 1, sizeof(bool));
	name_of(path, name, sizeof(name));
	if (!choose(&f, cli_text(cli, "operation", NULL))) {
		code = cli_misuse(cli, "init knows lead.create, lead.update, contact.create, "
		                       "opportunity.create, task.create, activity.note.create and "
		                       "activity.call.create; for others begin with one of these");
	} else {
		/* Paths in the file are relative to its folder, which may be another one. */
		cleanup_(freep) char *whole =
			output && strchr(output, '/') ? realpath(path, NULL) : NULL;

		write_file(&f, whole ? whole : path, name);
		if (output)
			code = save(&f, output);
		else
			(void)fputs(buf_text(&f.text), stdout);
	}
	buf_deinit(&f.text);
	free(f.is_used);
	sample_deinit(&f.sample);
	return code;
}

const struct verb verb_init = {
	.name = "init",
	.summary = "a first pipeline file out of a sample of records, with comments",
	.usage = "init SAMPLE [--operation NAME] [--output FILE]",
	.examples =
		(const struct cli_example[]){
			{"closefeed init signups.ndjson", "look at it"},
			{"closefeed init signups.ndjson --output signups.yaml", "keep it"},
			{"closefeed init calls.ndjson --operation activity.call.create",
                         "say yourself what the records become"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "operation",
                         .type = FLAG_TEXT,
                         .value = "NAME",
                         .help = "what the records become, instead of a guess"},
			{.name = "output",
                         .type = FLAG_TEXT,
                         .value = "FILE",
                         .help = "write there; a file that exists is never written over"},
			{NULL},
		},
	.min_args = 1,
	.max_args = 1,
	.run = run_init,
};
