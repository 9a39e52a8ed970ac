#include "tests/unit/check.h"

#include "connector/gather/encode.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <string.h>

/* The body as text, or "!field: sentence" ("-" for no field) where it cannot be carried. */
static char *encoded(enum content_format format, struct json_object *body)
{
	struct rejection rejection = {0};
	struct buf out = BUF_INIT;
	char *text;

	if (encode_body(format, body, &out, &rejection)) {
		check_eq(rejection.class, REJECT_NONE);
		return buf_take(&out);
	}
	check_eq(rejection.class, REJECT_TEMPLATE);
	text = mem_printf("!%s: %s", rejection.field ? rejection.field : "-", rejection.message);
	rejection_deinit(&rejection);
	buf_deinit(&out);
	return text;
}

/* A row whose expectation begins with "!" gives the beginning of the rejection. */
static void check_encoded(enum content_format format, const char *json, const char *expected)
{
	struct json_object *body = NULL;
	char *text;

	check_eq(json_parse(json, strlen(json), 0, &body, NULL, NULL), 0);
	text = encoded(format, body);
	if (expected[0] == '!')
		text[strnlen(text, strlen(expected))] = '\0';
	check_text(text, expected);
	free(text);
	json_object_put(body);
}

static void json_is_written_with_the_digits_it_came_with(void **state)
{
	(void)state;
	check_encoded(CONTENT_JSON, "{\"a\": 19.90, \"b\": [1, null]}",
	              "{\"a\":19.90,\"b\":[1,null]}");
	check_encoded(CONTENT_JSON, "[{\"a\":{}}]", "[{\"a\":{}}]");
	check_encoded(CONTENT_JSON, "null", "null");
}

static void a_form_holds_keys_with_single_values(void **state)
{
	static const char *const rows[][2] = {
		{"{}", ""},
		{"{\"name\":\"Ana & Co\",\"n\":19.90}", "name=Ana+%26+Co&n=19.90"},
		{"{\"a b\":\"c=d\",\"e\":\"100%+1\"}", "a+b=c%3Dd&e=100%25%2B1"},
		{"{\"u\":\"K\303\266ln\",\"l\":\"one\\r\\ntwo\"}", "u=K%C3%B6ln&l=one%0D%0Atwo"},
		{"{\"keep\":\"a-b.c_d~e*\"}", "keep=a-b.c_d~e%2A"},
		{"{\"yes\":true,\"no\":false,\"big\":12345678901234567890}",
	         "yes=true&no=false&big=12345678901234567890"},
		{"{\"null\":null,\"blank\":\"\",\"x\":1}", "null=&blank=&x=1"},
		{"{\"tags\":[\"a\",\"b b\",3,null],\"none\":[],\"x\":1}",
	         "tags=a&tags=b+b&tags=3&tags=&x=1"},
		{"{\"n\":\"a\\u0000b\"}", "n=a%00b"},
		{"{\"\":\"empty name\"}", "=empty+name"},
		{"{\"a\":{\"b\":1}}", "!a: the field \"a\" holds an object or a list"},
		{"{\"x\":1,\"l\":[1,[2]]}", "!l: the field \"l\" holds an object or a list"},
		{"{\"l\":[{}]}", "!l: the field \"l\" holds an object or a list"},
		{"[{\"a\":1}]", "!-: the body is no object, and content_format: form"},
		{"\"text\"", "!-: the body is no object"},
		{"null", "!-: the body is no object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_encoded(CONTENT_FORM, rows[i][0], rows[i][1]);
}

static void xml_has_an_element_for_each_member_and_item(void **state)
{
	static const char *const rows[][2] = {
		{"{}", "<record/>"},
		{"{\"name\":\"Ana\",\"n\":19.90,\"yes\":true}",
	         "<record><name>Ana</name><n>19.90</n><yes>true</yes></record>"},
		{"{\"null\":null,\"blank\":\"\",\"none\":[],\"o\":{}}",
	         "<record><null/><blank/><o/></record>"},
		{"{\"tags\":[\"a\",2,null]}",
	         "<record><tags>a</tags><tags>2</tags><tags/></record>"},
		{"{\"contacts\":[{\"name\":\"Ana\"},{\"name\":\"Ben\"}]}",
	         "<record><contacts><name>Ana</name></contacts>"
	         "<contacts><name>Ben</name></contacts></record>"},
		{"{\"a\":\"<b> & \\\"c\\\" ]]>\"}",
	         "<record><a>&lt;b&gt; &amp; \"c\" ]]&gt;</a></record>"},
		{"{\"a\":\"one\\ttwo\\r\\nthree\"}",
	         "<record><a>one\ttwo&#13;\nthree</a></record>"},
		{"{\"gr\303\266\303\237e\":\"\360\237\230\200\"}",
	         "<record><gr\303\266\303\237e>\360\237\230\200</gr\303\266\303\237e></record>"},
		{"{\"_a-b.c1\":1}", "<record><_a-b.c1>1</_a-b.c1></record>"},
		{"[{\"a\":1},{\"a\":2}]",
	         "<records><record><a>1</a></record><record><a>2</a></record></records>"},
		{"[]", "<records/>"},
		{"\"text\"", "<record>text</record>"},
		{"null", "<record/>"},
		{"{\"1st\":1}", "!1st: the field \"1st\" cannot be an element of XML"},
		{"{\"a b\":1}", "!a b: the field \"a b\" cannot be"},
		{"{\"-a\":1}", "!-a: the field"},
		{"{\"a:b\":1}", "!a:b: the field"},
		{"{\"a>\":1}", "!a>: the field"},
		{"{\"\":1}", "!: the field"},
		{"{\"o\":{\"in ner\":1}}", "!in ner: the field"},
		{"{\"none \":[]}", "!none : the field"},
		{"{\"a\":\"x\\u0001\"}", "!a: the field \"a\" holds a control character"},
		{"{\"a\":\"x\\u0000\"}", "!a: the field \"a\" holds a control character"},
		{"{\"a\":[\"\\uffff\"]}", "!a: the field \"a\" holds a control character"},
		{"\"\\u0008\"", "!-: the body holds a control character"},
		{"{\"a\":[1,[2]]}", "!a: the field \"a\" holds a list inside a list"},
		{"[[1]]", "!-: the body holds a list inside a list"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_encoded(CONTENT_XML, rows[i][0], rows[i][1]);
}

static void xml_is_as_deep_as_json_may_be_and_no_deeper(void **state)
{
	struct json_object *body = json_object_new_object();
	char *text;

	(void)state;
	for (int depth = 1; depth < json_depth_limit; depth++) {
		struct json_object *outer = json_object_new_object();

		json_object_object_add(outer, "a", body);
		body = outer;
	}
	text = encoded(CONTENT_XML, body);
	check_eq(strncmp(text, "<record><a><a>", 14), 0);
	free(text);

	struct json_object *outer = json_object_new_object();

	json_object_object_add(outer, "a", body);
	text = encoded(CONTENT_XML, outer);
	check_eq(strncmp(text, "!a: the field \"a\" is nested deeper", 33), 0);
	free(text);
	json_object_put(outer);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(json_is_written_with_the_digits_it_came_with),
		sentence(a_form_holds_keys_with_single_values),
		sentence(xml_has_an_element_for_each_member_and_item),
		sentence(xml_is_as_deep_as_json_may_be_and_no_deeper),
	};

	return run_sentences(sentences);
}
