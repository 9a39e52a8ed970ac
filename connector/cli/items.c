#include "connector/cli/items.h"
#include "connector/model/outcome.h"
#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

enum exit_code items_check_ids(const struct cli *cli, size_t from)
{
	for (; from < cli->n_args; from++) {
		const char *text = cli_arg(cli, from);
		const size_t len = strlen(text);

		if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
			return cli_misuse(cli,
			                  "\"%s\" is no id: ids are numbers, `closefeed %s list` "
			                  "shows them",
			                  text, cli->verb->name);
	}
	return EXIT_DONE;
}

struct json_object *items_id(const char *text)
{
	return json_object_new_int64(strtoll(text, NULL, 10));
}

struct json_object *items_ids(const struct cli *cli, size_t from)
{
	struct json_object *ids = json_object_new_array();

	for (; from < cli->n_args; from++)
		(void)json_object_array_add(ids, items_id(cli_arg(cli, from)));
	return ids;
}

enum exit_code items_exit_code(struct json_object *results)
{
	enum exit_code code = EXIT_DONE;

	for (size_t i = 0; results && i < json_object_array_length(results); i++) {
		struct json_object *result = json_object_array_get_idx(results, i);
		const char *outcome = json_get_string(result, "outcome");

		switch (outcome_find(outcome ? outcome : "")) {
		case OUTCOME_OPEN:
			return EXIT_AGAIN;
		case OUTCOME_REJECTED:
		case OUTCOME_HELD:
			code = EXIT_UNSETTLED;
			break;
		case OUTCOME_DELIVERED:
		case OUTCOME_FILTERED:
		case OUTCOME_SKIPPED:
			break;
		}
	}
	return code;
}
