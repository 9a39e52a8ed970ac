#pragma once

/*
 * Bodies as text in the format of a route. JSON holds every body. A form
 * (application/x-www-form-urlencoded, as browsers and urlencode() of other languages write it)
 * holds an object of single values and lists of single values, which repeat the key. XML holds what
 * XML names and characters allow: a <record> with an element for each member, lists repeat the
 * element, text only, no attributes; a list of records is <records>. Null and empty text are empty
 * values.
 */

#include "connector/model/draft.h"
#include "connector/model/operation.h"
#include "lib/buf.h"

#include <json-c/json_object.h>
#include <stdbool.h>

/*
 * Adds @body (borrowed; NULL is null) to @out. False where the format cannot carry it:
 * @ret_rejection names the field and says why, and @out may hold a part of the text.
 */
bool encode_body(enum content_format format, struct json_object *body, struct buf *out,
                 struct rejection *ret_rejection);
