#pragma once

#include "connector/model/operation.h"

#include <json-c/json_object.h>

/*
 * The delivery class of one request. @op may be NULL (a path outside the catalogue): a POST is then
 * D, anything else U. An e-mail or text message whose @body (may be NULL) asks for sending is D,
 * whatever its operation says, because a second one could not be called back.
 */
enum delivery_class crm_delivery_class(const struct operation *op, enum http_method method,
                                       struct json_object *body);
