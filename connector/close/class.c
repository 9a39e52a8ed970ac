#include "connector/close/class.h"

#include "connector/model/effects.h"

enum delivery_class crm_delivery_class(const struct operation *op, enum http_method method,
                                       struct json_object *body)
{
	if (!op)
		return method == METHOD_POST ? CLASS_D : CLASS_U;
	/* Logging a message that was sent elsewhere sends nothing, and can be looked for. */
	if (op->class == CLASS_C && (effects_shown(op, body) & EFFECT_SENDS))
		return CLASS_D;
	return op->class;
}
