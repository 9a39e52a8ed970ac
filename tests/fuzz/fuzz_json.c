/*
 * Any bytes: either they are refused with a place in them, or what is printed of them is read again
 * and printed as the same text. And any bytes printed as a text are a text that is read again.
 */

#include "lib/buf.h"
#include "lib/json.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct json_object *value)
{
	struct json_object *again = NULL;
	struct buf first = BUF_INIT, second = BUF_INIT;
	int r;

	json_print(value, &first);
	r = json_parse(first.data, first.len, 0, &again, NULL, NULL);
	assert(r == 0);
	json_print(again, &second);
	assert(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	json_object_put(again);
	buf_deinit(&first);
	buf_deinit(&second);
}

static void check_as_text(const char *bytes, size_t len)
{
	struct json_object *value = NULL;
	struct buf text = BUF_INIT;
	int r;

	json_print_string(bytes, len, &text);
	r = json_parse(text.data, text.len, 0, &value, NULL, NULL);
	assert(r == 0 && json_object_is_type(value, json_type_string));
	json_object_put(value);
	buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json_object *value = NULL;
	struct json_fault fault = {0};
	struct err err = {""};

	if (json_parse(text, size, 0, &value, &fault, &err) == 0) {
		check_round_trip(value);
		json_object_put(value);
	} else {
		assert(fault.offset <= size && fault.what && err.text[0]);
	}
	check_as_text(text, size);
	return 0;
}
