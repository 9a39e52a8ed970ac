#include "connector/cli/cli.h"
#include "lib/versions.h"

#include <stdio.h>

/* Names and versions are plain words: nothing in them needs escaping. */
static void print_row(const struct cli *cli, const char *before, const char *name,
                      const char *version)
{
	if (cli->json)
		printf("%s\"%s\":\"%s\"", before, name, version);
	else
		printf("%-14s %s\n", name, version);
}

static enum exit_code run_version(const struct cli *cli)
{
	print_row(cli, "{", "closefeed", CLOSEFEED_VERSION);
	for (const struct library_version *v = library_versions(); v->name; v++)
		print_row(cli, ",", v->name, v->version);
	if (cli->json)
		printf("}\n");
	return EXIT_DONE;
}

const struct verb verb_version = {
	.name = "version",
	.summary = "this version, and those of the libraries it runs with",
	.usage = "version [--json]",
	.examples =
		(const struct cli_example[]){
			{"closefeed version", "for a bug report"},
			{"closefeed version --json", "for a program"},
			{NULL},
		},
	.run = run_version,
};
