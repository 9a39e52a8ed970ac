#pragma once

/* What the tests of connector/pipeline share: a load from text, and its notes as one text. */

#include "connector/close/catalogue.h"
#include "connector/pipeline/pipeline.h"
#include "lib/buf.h"
#include "tests/unit/check.h"

#include <string.h>

/* The shortest good file, in lines: V is 1 and 2, S 3, C 4, R 5. */
#define V "version: 1\nname: signups\n"
#define S "source: {ndjson: {path: in.ndjson}}\n"
#define C "close: {api_key: {env: KEY}}\n"
#define R "routes: [{operation: lead.create}]\n"

static inline const char *case_getenv(void *arg, const char *name)
{
	static const struct {
		const char *name, *value;
	} variables[] = {
		{"KEY", "api_abc.DEF-1_2"},
		{"BAD_KEY", "api abc"},
		{"EMPTY", ""},
		{"REGION", "north"},
		{"EIGHT", "8"},
		{"HOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		{"SHORT", "short"},
		{"STATE_DIRECTORY", "/state"},
		{"CREDENTIALS_DIRECTORY", "/nowhere/credentials"},
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		if (strcmp(name, variables[i].name) == 0)
			return variables[i].value;
	return NULL;
}

static inline struct pipeline *case_load_as(const char *path, const char *text, bool with_secrets)
{
	const struct pipeline_options options = {
		.operations = crm_catalogue(),
		.with_secrets = with_secrets,
		.getenv = case_getenv,
	};
	struct pipeline *p = NULL;
	struct err err = {0};

	check_eq(pipeline_load_text(path, text, strlen(text), &options, &p, &err), 0);
	return p;
}

static inline struct pipeline *case_load(const char *text)
{
	return case_load_as("feeds/signups.yaml", text, true);
}

/* "4:10: error: close.timeout: must be …\n" for each note; to free(). */
static inline char *case_notes(const struct pipeline *p)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < p->n_notes; i++)
		buf_addf(&b, "%u:%u: %s: %s\n", p->notes[i].line, p->notes[i].column,
		         p->notes[i].is_warning ? "warning" : "error", p->notes[i].text);
	return buf_take(&b);
}

/* Loads a file that must be good: what was noted stands in the failure. */
static inline struct pipeline *case_good(const char *text)
{
	struct pipeline *p = case_load(text);
	char *notes = case_notes(p);

	check_text(notes, "");
	free(notes);
	return p;
}

/*
 * Every note must begin with its line of @expected, in order, and there must be no other; each line
 * of @expected ends with a newline.
 */
static inline void case_check_notes(const char *text, const char *expected)
{
	struct pipeline *p = case_load(text);
	char *notes = case_notes(p);
	const char *have = notes, *want = expected;

	while (*have && *want) {
		const size_t len = strcspn(want, "\n");

		if (strncmp(have, want, len) != 0)
			break;
		have = strchr(have, '\n') + 1;
		want += len + (want[len] == '\n');
	}
	if (*have || *want)
		check_text(notes, expected);
	free(notes);
	pipeline_free(p);
}
