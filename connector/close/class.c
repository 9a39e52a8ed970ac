#include "connector/close/class.h"
#include "lib/json.h"

#include <string.h>

/* Logging a message that was sent elsewhere sends nothing; only these two make Close send. */
static bool asks_to_send(struct json_object *body)
{
	const char *status = json_get_string(body, "status");

	return status && (strcmp(status, "outbox") == 0 || strcmp(status, "scheduled") == 0);
}

enum delivery_class crm_delivery_class(const struct operation *op, enum http_method method,
                                       struct json_object *body)
{
	if (!op)
		return method == METHOD_POST ? CLASS_D : CLASS_U;
	if (op->class == CLASS_C && (op->effects & EFFECT_SENDS) && asks_to_send(body))
		return CLASS_D;
	return op->class;
}
