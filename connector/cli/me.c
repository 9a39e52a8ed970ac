#include "connector/cli/me.h"
#include "connector/cli/close_get.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void read_me(struct json_object *answer, struct me *ret_me)
{
	struct json_object *all = json_get(answer, "organizations"), *first = NULL;

	if (json_object_is_type(all, json_type_array))
		first = json_object_array_get_idx(all, 0);
	ret_me->user = mem_printf("%s %s <%s>", or_empty(json_get_string(answer, "first_name")),
	                          or_empty(json_get_string(answer, "last_name")),
	                          or_empty(json_get_string(answer, "email")));
	ret_me->organization =
		first ? mem_printf("%s (%s)", or_empty(json_get_string(first, "name")),
	                           or_empty(json_get_string(first, "id")))
		      : mem_strdup("");
}

enum exit_code me_ask(const struct pipeline *pipeline, struct me *ret_me, struct err *err)
{
	cleanup_(json_freep) struct json_object *answer = NULL;
	const enum exit_code code = close_get(pipeline, "/me/", &answer, NULL, err);

	if (code != EXIT_DONE)
		return code;
	if (!json_get_string(answer, "id")) {
		(void)err_set(err, -EPROTO,
		              "GET /me/ was answered, but not as Close does: is base_url right?");
		return EXIT_UNREACHABLE;
	}
	read_me(answer, ret_me);
	return EXIT_DONE;
}

void me_deinit(struct me *me)
{
	free(me->user);
	free(me->organization);
	*me = (struct me){0};
}
