#include "connector/cli/cli.h"
#include "connector/close/catalogue.h"
#include "connector/pipeline/pipeline.h"

#include <stdio.h>
#include <stdlib.h>

static enum exit_code run_schema(const struct cli *cli)
{
	char *text;

	if (cli_has(cli, "reference"))
		text = pipeline_reference();
	else if (cli_has(cli, "man"))
		text = pipeline_manual();
	else
		text = pipeline_schema(crm_catalogue());
	(void)fputs(text, stdout);
	free(text);
	return EXIT_DONE;
}

const struct verb verb_schema = {
	.name = "schema",
	.summary = "the JSON Schema of pipeline files, for editors",
	.usage = "schema [--reference | --man]",
	.examples =
		(const struct cli_example[]){
			{"closefeed schema", "what an editor needs to complete and check keys"},
			{"closefeed schema --reference", "the same keys as a page to read"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "reference",
                         .help = "the reference page of all keys, as Markdown"},
			{.name = "man", .help = "the manual page closefeed-pipeline(5)"},
			{NULL},
		},
	.run = run_schema,
};
