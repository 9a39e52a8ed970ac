/*
 * The broken pipelines of tests/mistakes (and a few that are right): each file ends with what is to
 * be said about it, word for word up to a last "…", so that reading one shows what its author would
 * read. The tables of keys say what kinds of mistakes there are; a kind that no file shows is a
 * failure, too.
 */

#include "connector/close/catalogue.h"
#include "connector/pipeline/keys.h"
#include "connector/pipeline/units.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "tests/unit/check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FOLDER SOURCE_ROOT "/tests/mistakes"

/* Everything that was said, a note a line, for the kinds to be looked up in. */
static struct buf told;
/* The kinds of ranges that were seen left: "duration below". */
static char **ranges_left;

static const char *outside(void *arg, const char *name)
{
	static const struct {
		const char *name, *value;
	} variables[] = {
		{"CLOSE_API_KEY", "api_abc.DEF-1_2"},
		{"HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		{"REGION", "north"},
		{"BROKEN_KEY", "api abc"},
		{"HOME", "/home/ana"},
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		if (strcmp(name, variables[i].name) == 0)
			return variables[i].value;
	return NULL;
}

static const struct pipeline_options options = {.with_secrets = true, .getenv = outside};

static struct pipeline *load_text(const char *path, const char *text, size_t len)
{
	struct pipeline_options with_catalogue = options;
	struct pipeline *p = NULL;
	struct err err = {0};

	with_catalogue.operations = crm_catalogue();
	check_eq(pipeline_load_text(path, text, len, &with_catalogue, &p, &err), 0);
	return p;
}

/* "#! 7:16 error routes[0].operation: there is …\n" for each note; to free(). */
static char *said_of(const struct pipeline *p)
{
	struct buf said = BUF_INIT;

	for (size_t i = 0; i < p->n_notes; i++)
		buf_addf(&said, "#! %u:%u %s %s\n", p->notes[i].line, p->notes[i].column,
		         p->notes[i].is_warning ? "warning" : "error", p->notes[i].text);
	return buf_take(&said);
}

static void read_file(const char *path, struct buf *ret_bytes)
{
	FILE *f = fopen(path, "re");
	char block[4096];
	size_t n;

	check(f != NULL);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(ret_bytes, block, n);
	(void)fclose(f);
}

/* What the file expects: its lines that begin with "#! " and a place. */
static char *expected_of(const struct buf *bytes)
{
	struct buf expected = BUF_INIT;
	const char *c = bytes->data, *end = bytes->data + bytes->len;

	while (c < end) {
		const char *next = memchr(c, '\n', (size_t)(end - c));
		const size_t len = (size_t)((next ? next + 1 : end) - c);

		if (len > 3 && memcmp(c, "#! ", 3) == 0 && c[3] >= '0' && c[3] <= '9')
			buf_add(&expected, c, len);
		c += len;
	}
	return buf_take(&expected);
}

/* Line by line; one that is expected to end with "…" may go on. */
static bool is_as_expected(const char *said, const char *expected)
{
	static const char more[] = "…";
	const size_t more_len = strlen(more);

	while (*said && *expected) {
		const size_t have = strcspn(said, "\n"), want = strcspn(expected, "\n");
		const bool is_open =
			want > more_len && !memcmp(expected + want - more_len, more, more_len);
		const size_t len = is_open ? want - more_len : want;

		if (strncmp(said, expected, len) != 0 || (!is_open && have != want))
			return false;
		said += have + 1;
		expected += want + 1;
	}
	return !*said && !*expected;
}

/* Whether it says what it expects, be it "#! nothing". */
static bool is_marked(const struct buf *bytes)
{
	static const char mark[] = "\n#! ";

	return memmem(bytes->data, bytes->len, mark, strlen(mark));
}

static bool is_pipeline(const char *name)
{
	const char *end = strrchr(name, '.');

	return end && strcmp(end, ".yaml") == 0;
}

/* A value that is none of its key because of its size, as the kinds "… below" and "… above". */
static void note_range(const struct key *key, const char *value)
{
	static const char *const names[] = {[VALUE_COUNT] = "count",
	                                    [VALUE_DURATION] = "duration",
	                                    [VALUE_SIZE] = "size",
	                                    [VALUE_SHARE] = "share"};
	uint64_t n;
	int r;

	if (key->type == VALUE_COUNT)
		r = units_count(value, &n);
	else if (key->type == VALUE_DURATION)
		r = units_duration(value, &n);
	else if (key->type == VALUE_SIZE)
		r = units_size(value, &n);
	else
		return;
	if (r == 0 && (n < key->min || n > key->max))
		strlist_add(&ranges_left, mem_printf("%s %s", names[key->type],
		                                     n < key->min ? "below" : "above"));
}

/* @note is "must be …, not the number 0" or "must be …, not the text "1h"". */
static void note_value(const struct key *key, const char *note)
{
	static const char *const words[] = {", not the number ", ", not the text \""};
	char *line = mem_dup(note, strcspn(note, "\n"));

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		char *value = strstr(line, words[i]);

		if (!value)
			continue;
		value += strlen(words[i]);
		value[strcspn(value, "\":")] = '\0';
		note_range(key, value);
		break;
	}
	free(line);
}

/* Files that nobody could read or keep as text are made here. */
static void check_bytes(const char *bytes, size_t len, const char *expected)
{
	const clock_t began = clock();
	struct pipeline *p = load_text("made.yaml", bytes, len);
	char *said = said_of(p);

	check_text(said, expected);
	buf_adds(&told, said);
	check(clock() - began < 30 * CLOCKS_PER_SEC); /* of processor time */
	free(said);
	pipeline_free(p);
}

static void files_that_are_no_text_are_refused(void **state)
{
	static const char nul[] = "version: 1\nname: sign\0ups\n";
	static const char latin[] = "version: 1\nname: m\xfcsli\n";
	static const char utf_16[] = "\xff\xfev\0e\0r\0s\0";

	(void)state;
	check_bytes(
		nul, sizeof(nul) - 1,
		"#! 2:11 error control characters are not allowed: the file must be plain UTF-8 "
		"text\n");
	check_bytes(
		latin, sizeof(latin) - 1,
		"#! 2:8 error invalid leading UTF-8 octet: the file must be plain UTF-8 text\n");
	check_bytes(utf_16, sizeof(utf_16) - 1,
	            "#! 1:1 error the file is UTF-16: save it as UTF-8\n");
}

static void every_file_is_told_what_is_wrong_with_it(void **state)
{
	DIR *folder = opendir(FOLDER);
	size_t n_files = 0, n_wrong = 0;

	(void)state;
	check(folder != NULL);
	for (const struct dirent *entry; (entry = readdir(folder));) {
		struct buf bytes = BUF_INIT;
		struct pipeline *p;
		char *path, *said, *expected;

		if (!is_pipeline(entry->d_name))
			continue;
		path = mem_printf(FOLDER "/%s", entry->d_name);
		read_file(path, &bytes);
		p = load_text(entry->d_name, bytes.data, bytes.len);
		said = said_of(p);
		expected = expected_of(&bytes);
		if (!is_marked(&bytes) || !is_as_expected(said, expected)) {
			n_wrong++;
			print_error("%s is told:\n%sand expects:\n%s", path, said, expected);
		}
		buf_adds(&told, said);
		n_files++;
		pipeline_free(p);
		free(said);
		free(expected);
		free(path);
		buf_deinit(&bytes);
	}
	(void)closedir(folder);
	check_eq(n_wrong, 0);
	check(n_files >= 60);
}

static void a_mebibyte_of_brackets_is_refused_at_once(void **state)
{
	const size_t len = 1 << 20;
	char *bytes = mem_alloc(len + 1);

	(void)state;
	memset(bytes, '[', len + 1);
	check_bytes(bytes, len, "#! 1:33 error more than 32 levels deep\n");
	check_bytes(bytes, len + 1, "#! 1:1 error the file is larger than 1024 KiB\n");
	memset(bytes, '{', len);
	check_bytes(bytes, len,
	            "#! 1:2 error a key must be text, not a map: put quotes around a value with "
	            "braces, as in \"{name}\"\n");
	free(bytes);
}

static void a_program_of_brackets_is_refused_at_once(void **state)
{
	static const char head[] = "version: 1\nname: a\nsource: {ndjson: {path: a}}\nclose: "
				   "{api_key: {env: CLOSE_API_KEY}}\nroutes: [{operation: "
				   "lead.create}]\ntransform: ";
	struct buf text = BUF_INIT;

	(void)state;
	buf_adds(&text, head);
	for (size_t i = 0; i < 200000; i++)
		buf_addc(&text, '(');
	buf_addc(&text, '\n');
	check_bytes(
		text.data, text.len,
		"#! 6:212 error transform: line 1, column 201 of the program: brackets are nested "
		"deeper than 200 levels\n");
	buf_deinit(&text);
}

/* "routes[]" for "routes[3]": the name of the section that a path lies in. */
static char *without_numbers(const char *text)
{
	struct buf out = BUF_INIT;

	for (; *text; text++) {
		buf_addc(&out, *text);
		if (*text == '[' && text[1] >= '0' && text[1] <= '9')
			text += strspn(text + 1, "0123456789");
	}
	return buf_take(&out);
}

static size_t n_missing;

static void __attribute__((format(printf, 2, 3)))
check_shown(const char *kind, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	if (!strstr(buf_text(&told), text)) {
		n_missing++;
		print_error("no file shows %s: \"%s\"\n", kind, text);
	}
	free(text);
}

/* Types that have been shown; one file for each is enough. */
static bool types_seen[VALUE_OTHER + 1];

static void look_for_wrong_kinds(const struct key *key)
{
	char *takes = key_takes(key), *text = mem_printf("must be %s", takes);

	if (key->type == VALUE_SECRET)
		types_seen[key->type] |=
			strstr(told.data, "a secret must not stand in this file") != NULL;
	else if (key->type == VALUE_SECTIONS)
		types_seen[key->type] |= strstr(told.data, "must be a list of routes") != NULL;
	for (const char *at = told.data; (at = strstr(at, text)); at++) {
		types_seen[key->type] = true;
		note_value(key, at);
	}
	free(text);
	free(takes);
}

static void look_through(const struct section *section)
{
	const char *dot = *section->name ? ": " : "";

	check_shown("an unknown key", " error %s%sunknown key", section->name, dot);
	for (const struct key_pair *pair = section->excluding; pair && pair->a; pair++) {
		char *said = mem_printf(" and %s (line ", pair->b);

		check_shown("a pair", "%s (line ", pair->a);
		check_shown("a pair", "%s", said);
		free(said);
	}
	if (section->one_of)
		check_shown("one of", "%s%s%s or %s is missing", section->name, dot,
		            section->one_of[0], section->one_of[1]);
	for (const struct key *key = section->keys; key->name; key++) {
		if (key->is_required)
			check_shown("a required key", "%s%s%s is missing", section->name, dot,
			            key->name);
		if (key->belongs_to)
			check_shown("a foreign key", "%s: %s belongs to %s", section->name,
			            key->name, key->belongs_to[0]);
		if (key->needed_by)
			check_shown("a needed key", "%s: %s needs %s", section->name,
			            key->needed_by[0], key->name);
		if (key->is_later)
			check_shown("what is to come", "%s%s%s: not available yet", section->name,
			            *section->name ? "." : "", key->name);
		look_for_wrong_kinds(key);
		if (key->section)
			look_through(key->section);
	}
}

/* What is no row of a table: the strictness of YAML, and the insides of texts. */
static const char *const kinds[] = {
	"the file is empty",
	"the file must be a map",
	"the anchor &",
	"the alias *",
	"the tag !!",
	"leave %TAG out",
	"the merge key <<",
	"a second document",
	"stands twice (first in line",
	"indent with spaces, not tabs",
	"while parsing a flow sequence that begins in line",
	"while scanning a quoted scalar",
	"text that has a colon followed by a space",
	"check the indentation",
	"begins with @, ` or %",
	"without quotes is a YAML map with a key and no value",
	"a key must be text, not a map",
	"a key must be text, not a list",
	"a key must not be empty",
	"invalid leading UTF-8 octet",
	"a NUL character is not allowed",
	"control characters are not allowed",
	"UTF-16",
	"more than 32 levels deep",
	"did you mean",
	"it belongs under",
	"it belongs at the top of the file",
	"here it is called",
	"the keys here are",
	"must not be empty",
	"add a unit",
	"write it without quotes",
	"put it in quotes",
	"without quotes\n",
	"the units are",
	"write [",
	"is not set",
	"does not exist",
	"is no regular file",
	"a secret has no default",
	"default stands beside env only",
	"has one of env, file and credential",
	"a value from outside is",
	"is not the name of an environment variable",
	"is not the name of a credential",
	"CREDENTIALS_DIRECTORY",
	"the value from outside must be",
	"must be a name",
	"values from outside do not stand here",
	"a file or credential may hold a secret",
	"a character that no key of Close has",
	"must begin with whsec_",
	"a password must not stand in this file",
	"must be a URL that begins with https://",
	"must begin with https://",
	"in a private network",
	"link-local",
	"must not have a user name or password",
	"must not have a query",
	"must not have a fragment",
	"has no proper host and port",
	"has a character that cannot stand in a URL",
	"must begin with / (a path under base_url)",
	"is on another host",
	"write what stands behind ? under query",
	"has an empty, . or .. segment",
	"has a character that cannot stand in a path",
	"the catalogue has no",
	"Close publishes no PATCH: it is sent as PUT",
	"Close publishes no PATCH, and the catalogue",
	"there is no operation",
	"needs allow: [",
	"the worst is assumed",
	"no call of",
	"knows no filter",
	"is never sent, whatever is allowed",
	"really sends the",
	"have an upsert",
	"needs match, which says",
	"match belongs to *.upsert",
	"match goes with operation",
	"write link: {id: {",
	"changes something else",
	"match finds the id",
	"is found by",
	"what finds one is",
	"must have at least one field",
	"must differ from record to record",
	"says by itself which one is meant",
	"is what a body writes",
	"is missing behind custom.",
	"have names within its type only",
	"creates nothing: write reject or skip",
	"would never send anything",
	"nothing would ever be sent",
	"belongs to match",
	"belongs to upserts",
	"only a create takes",
	"on_update writes what is to be left out",
	"unknown kind",
	": there are status.lead",
	"closefeed looks up",
	"an id is of one kind",
	"says nothing to look for",
	"the link fills it",
	"must be an id (",
	"there always is the default",
	"a link creates nothing",
	"holds no id of a",
	"nothing finds its id",
	"takes a word here",
	"a parameter of an operation's path, not of a url",
	"looks for objects of Close",
	"takes no body, and its path has no",
	"is what match finds",
	"they are the same",
	"only says which pipeline",
	"lists are added to by updates and upserts",
	"can be unchanged",
	"has no list",
	"no list that can be added to",
	"merge folds updates of one object",
	"merge folds updates of Close",
	"takes no rows",
	"no other list of a lead takes rows",
	"each row of nest is a contact",
	"must differ from object to object",
	"the contact goes to the lead of its row",
	"only merge folds calls",
	"names no lead",
	"unknown parameter",
	"cannot fill",
	"takes no key",
	"take no key",
	"needs the field",
	"takes no body",
	"Close takes one object a call",
	"a name in place of an id",
	"have no names",
	"must have one field",
	"must be a custom field",
	"creates nothing that has custom fields",
	"must differ for every record",
	"is not the name of a header",
	"must not be set here",
	"closefeed sets this header itself",
	"stands twice\n",
	"cannot stand in a header",
	"or pairs such as",
	"never reached",
	"nothing comes after this route",
	"is the name of the route in line",
	"is not closed; write {{",
	"stands alone",
	"names no field",
	"is how Nexla writes",
	"is not known",
	"only source.kafka has it",
	"there is no filter",
	"needs an argument",
	"takes no argument",
	"behind | stands a filter",
	"of the program: there is no function",
	"of the program: the program ends here",
	"of the program: the program is empty",
	"is not defined",
	"is not allowed: the environment",
	"is not allowed: a program is whole",
	"has no closing quote",
	"closes nothing that was opened",
	"texts stand in double quotes",
	"brackets hold an index",
	"a quoted name is not closed",
	"a name is empty",
	"takes no list: Close answers",
	"takes one record a call",
	"batch and identity do not go together",
	"a form has no lists",
	"which takes JSON",
	"has the key of the list itself",
	"there is nothing records could share",
	"standard input is read until its writer ends it",
	"has a character that no topic has",
	"cannot be a pattern",
	"is too large a pattern",
	"is called \"end\" here",
	"the source reads it, too",
	"reads __consumer_offsets, too",
	"must be 15000 or more",
	"must not be longer than max.poll.interval.ms",
	"must be a third of session.timeout.ms",
};

static void every_kind_of_mistake_is_shown_by_a_file(void **state)
{
	static const char *const ranges[] = {"count below",    "count above", "duration below",
	                                     "duration above", "size below",  "size above"};
	char *plain = without_numbers(buf_text(&told));

	(void)state;
	n_missing = 0;
	buf_clear(&told);
	buf_adds(&told, plain);
	free(plain);
	look_through(&file_section);
	for (size_t type = 0; type <= VALUE_OTHER; type++)
		if (!types_seen[type]) {
			n_missing++;
			print_error("no file shows a wrong value of type %zu\n", type);
		}
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		bool is_there = false;

		for (char **left = ranges_left; left && *left; left++)
			is_there |= strcmp(*left, ranges[i]) == 0;
		n_missing += !is_there;
		if (!is_there)
			print_error("no file shows a %s its range\n", ranges[i]);
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		check_shown("this", "%s", kinds[i]);
	check_eq(n_missing, 0);
	strlist_free(ranges_left);
	buf_deinit(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(every_file_is_told_what_is_wrong_with_it),
		sentence(files_that_are_no_text_are_refused),
		sentence(a_mebibyte_of_brackets_is_refused_at_once),
		sentence(a_program_of_brackets_is_refused_at_once),
		sentence(every_kind_of_mistake_is_shown_by_a_file),
	};

	return run_sentences(tests);
}
