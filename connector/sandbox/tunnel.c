#include "connector/sandbox/tunnel.h"

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool box_tunnel_is(struct box_call *call)
{
	char *wanted = box_call_header(call, "x-http-method-override");
	const bool is_get = wanted && strcasecmp(wanted, "GET") == 0;

	free(wanted);
	if (!is_get || strcmp(call->method, "POST") != 0)
		return call->is_tunnelled;
	free(call->method);
	call->method = mem_strdup("GET");
	call->is_tunnelled = true;
	return true;
}

/* A list is what a URL would hold: its items with commas between. */
static char *text_of(struct json_object *value)
{
	struct buf text = BUF_INIT;

	if (!json_object_is_type(value, json_type_array))
		return mem_strdup(json_object_get_string(value));
	for (size_t i = 0; i < json_object_array_length(value); i++)
		buf_addf(&text, "%s%s", i ? "," : "",
		         json_object_get_string(json_object_array_get_idx(value, i)));
	return buf_take(&text);
}

bool box_tunnel_open(struct box_visit *v)
{
	struct json_object *params;

	if (!box_visit_read(v))
		return false;
	params = json_get(v->body, "_params");
	if (!params)
		return true;
	if (!json_object_is_type(params, json_type_object)) {
		box_answer_error(v->answer, 400, "_params must be a dict.");
		return false;
	}
	json_object_object_foreach(params, name, value)
	{
		char *text = value ? text_of(value) : NULL;

		if (text)
			json_object_object_add(v->call->params, name, json_object_new_string(text));
		free(text);
	}
	return true;
}
