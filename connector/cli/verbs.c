#include "connector/cli/cli.h"

#include <string.h>

/* In the order of a first day with closefeed; help lists them so. */
/* clang-format off */
const struct verb *const verbs[] = {
	&verb_init,
	&verb_check,
	&verb_preview,
	&verb_send,
	&verb_run,
	&verb_status,
	&verb_tap,
	&verb_runs,
	&verb_rejects,
	&verb_held,
	&verb_responses,
	&verb_operations,
	&verb_fields,
	&verb_explain,
	&verb_sandbox,
	&verb_schema,
	&verb_doctor,
	&verb_completion,
	&verb_help,
	&verb_version,
	NULL,
};
/* clang-format on */

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}
