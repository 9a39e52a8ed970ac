/*
 * Any JSON as a form and as XML: it is refused with a sentence, or the form is ASCII without a
 * control and the XML has no character XML cannot carry, and as many tags opened as closed.
 */

#include "connector/gather/encode.h"
#include "lib/json.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(const struct buf *out)
{
	for (size_t i = 0; i < out->len; i++)
		assert(out->data[i] > ' ' && out->data[i] < 0x7f && out->data[i] != '"');
}

static void check_xml(const struct buf *out)
{
	size_t n_open = 0, n_closed = 0;

	for (size_t i = 0; i < out->len; i++) {
		const unsigned char c = (unsigned char)out->data[i];

		assert(c >= ' ' || c == '\t' || c == '\n');
		n_open += c == '<' && out->data[i + 1] != '/';
		n_closed += (c == '<' && out->data[i + 1] == '/') ||
		            (c == '/' && out->data[i + 1] == '>');
	}
	assert(out->len && n_open >= 1 && n_closed == n_open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *body = NULL;

	if (json_parse((const char *)data, size, 0, &body, NULL, NULL) < 0)
		return 0;
	for (enum content_format format = CONTENT_FORM; format <= CONTENT_XML; format++) {
		struct rejection rejection = {0};
		struct buf out = BUF_INIT;

		if (!encode_body(format, body, &out, &rejection))
			assert(rejection.class == REJECT_TEMPLATE && rejection.message[0]);
		else if (format == CONTENT_FORM)
			check_form(&out);
		else
			check_xml(&out);
		rejection_deinit(&rejection);
		buf_deinit(&out);
	}
	json_object_put(body);
	return 0;
}
