/*
 * What lib/json makes of inputs from somewhere else: reads frames (length as four bytes, lowest
 * first, then the text) and answers each with one line, "good TEXT" as printed again or "bad WHAT".
 */

#include "lib/buf.h"
#include "lib/json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void judge(const char *text, size_t len)
{
	struct json_object *value = NULL;
	struct json_fault fault = {0};
	struct buf out = BUF_INIT;

	if (json_parse(text, len, 0, &value, &fault, NULL) == 0) {
		json_print(value, &out);
		printf("good %s\n", out.data);
	} else {
		printf("bad %s at %zu\n", fault.what, fault.offset);
	}
	json_object_put(value);
	buf_deinit(&out);
}

int main(void)
{
	uint8_t head[4];

	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		const size_t len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 |
		                   (size_t)head[3] << 24;
		char *text = malloc(len ? len : 1);

		if (!text || fread(text, 1, len, stdin) != len)
			return 1;
		judge(text, len);
		free(text);
	}
	return 0;
}
