/*
 * The first line is a template, the rest the text of the record's field x. Whatever comes: a
 * template is refused with a sentence, or rendered; what is rendered is JSON and can be read again;
 * a URL has nothing of the record in it that is not encoded.
 */

#include "lib/json.h"
#include "lib/template.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool any_origin(void *arg, const char *name, const char **ret_near)
{
	(void)arg;
	(void)name;
	(void)ret_near;
	return true;
}

/* x as JSON where it is JSON, else as text. */
static struct json_object *make_record(const char *text, size_t len)
{
	struct json_object *record = json_object_new_object(), *x = NULL;
	struct buf quoted = BUF_INIT;

	if (json_parse(text, len, 0, &x, NULL, NULL) < 0) {
		json_print_string(text, len, &quoted);
		(void)json_parse(quoted.data, quoted.len, 0, &x, NULL, NULL);
		buf_deinit(&quoted);
	}
	(void)json_object_object_add(record, "x", x);
	return record;
}

static void check_value(const struct template *t, const struct template_scope *scope)
{
	struct json_object *value = NULL, *again = NULL;
	struct err err = {""};
	char *text, *second;
	int r;

	if (template_render(t, scope, &value, &err) != TEMPLATE_VALUE) {
		assert(err.text[0] && !value);
		return;
	}
	text = json_text(value);
	r = json_parse(text, strlen(text), json_depth_limit, &again, NULL, NULL);
	assert(r == 0);
	second = json_text(again);
	assert(strcmp(text, second) == 0);
	free(text);
	free(second);
	json_object_put(value);
	json_object_put(again);
}

/* In "/{…}" all behind the slash is the record's. */
static void check_url(const char *placeholder, const struct template_scope *scope)
{
	struct template *t = NULL;
	struct buf path = BUF_INIT, url = BUF_INIT;

	buf_addf(&path, "/%s", placeholder);
	if (template_compile(path.data, any_origin, NULL, &t, NULL) == 0 &&
	    template_place_end(placeholder) == placeholder + strlen(placeholder) - 1 &&
	    !template_is_literal(t) &&
	    template_render_url(t, scope, NULL, &url, NULL) == TEMPLATE_VALUE)
		assert(url.len > 1 &&
		       strspn(url.data + 1, "%-._~0123456789"
		                            "abcdefghijklmnopqrstuvwxyz"
		                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == url.len - 1);
	template_free(t);
	buf_deinit(&path);
	buf_deinit(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	const size_t n = newline ? (size_t)(newline - data) : size;
	struct template_scope scope = {0};
	struct template *t = NULL;
	struct err err = {""};
	char *text = calloc(n + 1, 1);

	assert(text);
	if (n)
		memcpy(text, data, n);
	scope.record = newline ? make_record((const char *)newline + 1, size - n - 1)
	                       : json_object_new_object();
	if (template_compile(text, any_origin, NULL, &t, &err) == 0) {
		check_value(t, &scope);
		if (text[0] == '{' && text[1] != '{')
			check_url(text, &scope);
	} else {
		assert(err.text[0] && !t);
	}
	template_free(t);
	json_object_put(scope.record);
	free(text);
	return 0;
}
