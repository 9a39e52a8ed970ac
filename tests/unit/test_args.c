#include "connector/cli/cli.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Splits @text in place as a shell does, with single quotes only; at most 16 words. */
static int split(char *text, char *argv[static 17])
{
	bool is_quoted = false, is_in_word = false;
	char *to = text;
	int n = 0;

	for (const char *from = text; *from && n < 16; from++) {
		if (*from == '\'') {
			is_quoted = !is_quoted;
		} else if (*from == ' ' && !is_quoted) {
			*to++ = '\0';
			is_in_word = false;
		} else {
			if (!is_in_word)
				argv[n++] = to;
			is_in_word = true;
			*to++ = *from;
		}
	}
	*to = '\0';
	argv[n] = NULL;
	return n;
}

static int parse(const char *line, struct cli *ret_cli, struct err *err)
{
	static char storage[256];
	static char *argv[17];

	(void)snprintf(storage, sizeof(storage), "closefeed %s", line);
	return cli_parse(split(storage, argv), argv, ret_cli, err);
}

static void flags_stand_anywhere_and_in_every_form(void **state)
{
	static const char *const lines[] = {
		"rejects list p.yaml --class json --json",
		"rejects --class=json list --json p.yaml",
		"--json rejects list", /* the verb comes first */
	};
	struct cli cli;
	struct err err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		check_eq(parse(lines[i], &cli, &err), 0);
		check_text(cli_arg(&cli, 0), "list");
		check_text(cli_arg(&cli, 1), "p.yaml");
		check_null(cli_arg(&cli, 2));
		check_text(cli_text(&cli, "class", "none"), "json");
		check(cli.json);
		cli_deinit(&cli);
	}
	check_eq(parse(lines[2], &cli, &err), -EINVAL);
	check(strstr(err.text, "the verb comes first"));
	cli_deinit(&cli);
}

static void a_double_dash_ends_the_flags(void **state)
{
	struct cli cli;
	struct err err;

	(void)state;
	check_eq(parse("check -- --json", &cli, &err), 0);
	check_text(cli_arg(&cli, 0), "--json");
	check(!cli.json);
	cli_deinit(&cli);
}

static void wrong_usage_is_told_with_the_near_name(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"", "what shall be done?"},
		{"chekc p.yaml", "did you mean \"check\"?"},
		{"transmogrify", "`closefeed help` lists them"},
		{"check p.yaml --onlin", "did you mean --online?"},
		{"check p.yaml -q", "check has no flag -q"},
		{"check p.yaml --online=yes", "--online takes no value"},
		{"check p.yaml --online --online", "--online stands twice"},
		{"rejects list p.yaml --class", "--class needs a value"},
		{"check", "something is missing: closefeed check"},
		{"check a b", "\"b\" is too much"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cli cli;
		struct err err = {0};

		check_eq(parse(rows[i].line, &cli, &err), -EINVAL);
		if (!strstr(err.text, rows[i].says))
			check_text(err.text, rows[i].says);
		cli_deinit(&cli);
	}
}

static void help_needs_no_arguments(void **state)
{
	struct cli cli;
	struct err err;

	(void)state;
	check_eq(parse("check --help", &cli, &err), 0);
	check(cli.help);
	cli_deinit(&cli);
	check_eq(parse("--help", &cli, &err), 0);
	check_text(cli.verb->name, "help");
	cli_deinit(&cli);
}

static void every_verb_has_examples_that_parse(void **state)
{
	(void)state;
	for (size_t i = 0; verbs[i]; i++) {
		size_t n = 0;

		for (const struct cli_example *e = verbs[i]->examples; e->command; e++, n++) {
			struct cli cli;
			struct err err = {0};
			char line[128];

			(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(e->command, "|"),
			               e->command);
			check_eq(strncmp(e->command, "closefeed ", 10), 0);
			if (parse(line + strlen("closefeed "), &cli, &err) < 0)
				check_text(err.text, e->command);
			cli_deinit(&cli);
		}
		check(n > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(flags_stand_anywhere_and_in_every_form),
		sentence(a_double_dash_ends_the_flags),
		sentence(wrong_usage_is_told_with_the_near_name),
		sentence(help_needs_no_arguments),
		sentence(every_verb_has_examples_that_parse),
	};

	return run_sentences(tests);
}
