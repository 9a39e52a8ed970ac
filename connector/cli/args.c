#include "connector/cli/cli.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct cli_flag cli_common_flags[] = {
	{.name = "json", .type = FLAG_SWITCH, .help = "answer as JSON, for programs"},
	{.name = "help", .letter = 'h', .type = FLAG_SWITCH, .help = "this text"},
	{NULL},
};

static const struct cli_flag no_flags[] = {{NULL}};

/* The tables a verb's flags are looked up in: its own first. */
static const struct cli_flag *const *flag_tables(const struct verb *verb)
{
	static const struct cli_flag *tables[3];

	tables[0] = verb->flags ? verb->flags : no_flags;
	tables[1] = cli_common_flags;
	tables[2] = NULL;
	return tables;
}

static const struct cli_flag *flag_find(const struct verb *verb, const char *name, size_t len)
{
	for (const struct cli_flag *const *t = flag_tables(verb); *t; t++)
		for (const struct cli_flag *f = *t; f->name; f++)
			if (strlen(f->name) == len && strncmp(f->name, name, len) == 0)
				return f;
	return NULL;
}

static const struct cli_flag *letter_find(const struct verb *verb, char letter)
{
	for (const struct cli_flag *const *t = flag_tables(verb); *t; t++)
		for (const struct cli_flag *f = *t; f->name; f++)
			if (f->letter == letter)
				return f;
	return NULL;
}

static int read_count(const struct cli_flag *flag, const char *text, uint64_t *ret_count,
                      struct err *err)
{
	const uint64_t max = flag->max ? flag->max : INT64_MAX;
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return err_set(err, -EINVAL, "--%s %s: must be a whole number", flag->name, text);
	if (n < flag->min || n > max)
		return err_set(err, -EINVAL, "--%s %s: must be from %llu to %llu", flag->name, text,
		               (unsigned long long)flag->min, (unsigned long long)max);
	*ret_count = n;
	return 0;
}

static int add_value(struct cli *cli, const struct cli_flag *flag, const char *text,
                     struct err *err)
{
	struct cli_value value = {.flag = flag, .text = text};
	int r;

	for (size_t i = 0; i < cli->n_values && !flag->is_repeatable; i++)
		if (cli->values[i].flag == flag)
			return err_set(err, -EINVAL, "--%s stands twice: give it once", flag->name);
	if (flag->type == FLAG_COUNT) {
		r = read_count(flag, text, &value.count, err);
		if (r < 0)
			return r;
	}
	cli->values[cli->n_values++] = value;
	return 0;
}

static int unknown_flag(const struct verb *verb, const char *name, size_t len, struct err *err)
{
	cleanup_(freep) char *word = mem_dup(name, len);
	const char *names[64] = {NULL}, *near;
	size_t n = 0;

	for (const struct cli_flag *const *t = flag_tables(verb); *t; t++)
		for (const struct cli_flag *f = *t; f->name && n < 63; f++)
			names[n++] = f->name;
	near = near_name(word, names);
	if (near)
		return err_set(err, -EINVAL, "%s has no flag --%s: did you mean --%s?", verb->name,
		               word, near);
	return err_set(err, -EINVAL, "%s has no flag --%s: `closefeed help %s` lists them",
	               verb->name, word, verb->name);
}

/* "--name", "--name=value" or "--name value"; returns how many of argv it used. */
static int read_long(struct cli *cli, char **argv, struct err *err)
{
	const char *name = argv[0] + 2, *equals = strchr(name, '=');
	const size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct cli_flag *flag = flag_find(cli->verb, name, len);
	int r;

	if (!flag)
		return unknown_flag(cli->verb, name, len, err);
	if (flag->type == FLAG_SWITCH) {
		if (equals)
			return err_set(err, -EINVAL, "--%s takes no value", flag->name);
		r = add_value(cli, flag, NULL, err);
		return r < 0 ? r : 1;
	}
	if (!equals && !argv[1])
		return err_set(err, -EINVAL, "--%s needs a value: --%s %s", flag->name, flag->name,
		               flag->value);
	r = add_value(cli, flag, equals ? equals + 1 : argv[1], err);
	return r < 0 ? r : equals ? 1 : 2;
}

/* "-n5", "-n 5", "-h", "-ab" for two switches; returns how many of argv it used. */
static int read_letters(struct cli *cli, char **argv, struct err *err)
{
	int r;

	for (const char *at = argv[0] + 1; *at; at++) {
		const struct cli_flag *flag = letter_find(cli->verb, *at);

		if (!flag)
			return err_set(err, -EINVAL,
			               "%s has no flag -%c: `closefeed help %s` lists them",
			               cli->verb->name, *at, cli->verb->name);
		if (flag->type != FLAG_SWITCH) {
			if (!at[1] && !argv[1])
				return err_set(err, -EINVAL, "-%c needs a value: -%c %s", *at, *at,
				               flag->value);
			r = add_value(cli, flag, at[1] ? at + 1 : argv[1], err);
			return r < 0 ? r : at[1] ? 1 : 2;
		}
		r = add_value(cli, flag, NULL, err);
		if (r < 0)
			return r;
	}
	return 1;
}

static int read_words(struct cli *cli, char **argv, struct err *err)
{
	bool only_args = false;
	int used = 1;

	for (; *argv; argv += used) {
		used = 1;
		if (only_args || argv[0][0] != '-' || !argv[0][1])
			cli->args[cli->n_args++] = *argv;
		else if (strcmp(*argv, "--") == 0)
			only_args = true;
		else if (argv[0][1] == '-')
			used = read_long(cli, argv, err);
		else
			used = read_letters(cli, argv, err);
		if (used < 0)
			return used;
	}
	return 0;
}

static int find_verb(const char *word, const struct verb **ret_verb, struct err *err)
{
	const char *names[64] = {NULL}, *near;
	size_t n = 0;

	/* What everybody types first, whatever the program. */
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		word = "help";
	else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		word = "version";

	*ret_verb = verb_find(word);
	if (*ret_verb)
		return 0;
	if (word[0] == '-')
		return err_set(err, -EINVAL, "the verb comes first: closefeed VERB [PIPELINE] %s",
		               word);
	while (verbs[n] && n < 63) {
		names[n] = verbs[n]->name;
		n++;
	}
	near = near_name(word, names);
	if (near)
		return err_set(err, -EINVAL, "there is no verb \"%s\": did you mean \"%s\"?", word,
		               near);
	return err_set(err, -EINVAL, "there is no verb \"%s\": `closefeed help` lists them", word);
}

static int check_args(const struct cli *cli, struct err *err)
{
	const struct verb *verb = cli->verb;

	if (cli->n_args < verb->min_args)
		return err_set(err, -EINVAL, "something is missing: closefeed %s", verb->usage);
	if (cli->n_args > verb->max_args)
		return err_set(err, -EINVAL, "\"%s\" is too much: closefeed %s",
		               cli->args[verb->max_args], verb->usage);
	return 0;
}

int cli_parse(int argc, char **argv, struct cli *ret_cli, struct err *err)
{
	size_t n_bytes = 0;
	int r;

	*ret_cli = (struct cli){0};
	if (argc < 2)
		return err_set(err, -EINVAL,
		               "what shall be done? `closefeed help` lists the verbs");
	r = find_verb(argv[1], &ret_cli->verb, err);
	if (r < 0)
		return r;
	/* "-abc" is one word and three flags, but each letter takes a byte of it. */
	for (int i = 2; i < argc; i++)
		n_bytes += strlen(argv[i]) + 1;
	ret_cli->args = mem_array((size_t)argc, sizeof(*ret_cli->args));
	ret_cli->values = mem_array(n_bytes + 1, sizeof(*ret_cli->values));
	r = read_words(ret_cli, argv + 2, err);
	if (r < 0)
		return r;
	ret_cli->json = cli_has(ret_cli, "json");
	ret_cli->help = cli_has(ret_cli, "help");
	return ret_cli->help ? 0 : check_args(ret_cli, err);
}

void cli_deinit(struct cli *cli)
{
	free(cli->args);
	free(cli->values);
	*cli = (struct cli){0};
}

const char *cli_arg(const struct cli *cli, size_t at)
{
	return at < cli->n_args ? cli->args[at] : NULL;
}

/* The last value given for the flag, or NULL. */
static const struct cli_value *value_of(const struct cli *cli, const char *name)
{
	const struct cli_flag *flag = flag_find(cli->verb, name, strlen(name));
	const struct cli_value *found = NULL;

	assert(flag);
	for (size_t i = 0; i < cli->n_values; i++)
		if (cli->values[i].flag == flag)
			found = &cli->values[i];
	return found;
}

bool cli_has(const struct cli *cli, const char *name)
{
	return value_of(cli, name) != NULL;
}

const char *cli_text(const struct cli *cli, const char *name, const char *otherwise)
{
	const struct cli_value *value = value_of(cli, name);

	return value ? value->text : otherwise;
}

uint64_t cli_count(const struct cli *cli, const char *name, uint64_t otherwise)
{
	const struct cli_value *value = value_of(cli, name);

	return value ? value->count : otherwise;
}

const char *cli_text_at(const struct cli *cli, const char *name, size_t at)
{
	const struct cli_flag *flag = flag_find(cli->verb, name, strlen(name));

	assert(flag);
	for (size_t i = 0; i < cli->n_values; i++)
		if (cli->values[i].flag == flag && at-- == 0)
			return cli->values[i].text;
	return NULL;
}
