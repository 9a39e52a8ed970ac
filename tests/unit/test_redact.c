#include "lib/redact.h"

#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static const char key[] = "api_6Kd0rGjXQ/uPzP+w3";

static struct redact *with_key(void)
{
	struct redact *r = redact_new();

	redact_add(r, key);
	return r;
}

static void check_masked(const char *text, const char *expected)
{
	cleanup_(redact_freep) struct redact *r = with_key();
	cleanup_(freep) char *copy = redact_copy(r, text);

	check_text(copy, expected);
}

static void a_secret_is_masked_wherever_it_stands(void **state)
{
	static const char *const rows[][2] = {
		{"api_6Kd0rGjXQ/uPzP+w3", "***"},
		{"key=api_6Kd0rGjXQ/uPzP+w3.", "key=***."},
		{"api_6Kd0rGjXQ/uPzP+w3api_6Kd0rGjXQ/uPzP+w3", "******"},
		{"api_6Kd0rGjXQ%2FuPzP%2Bw3&b", "***&b"},
		{"api_6Kd0rGjXQ%2fuPzP%2bw3&b", "***&b"},
		{"{\"k\":\"api_6Kd0rGjXQ\\/uPzP+w3\"}", "{\"k\":\"***\"}"},
		{"api_6Kd0rGjXQ/uPzP+w", "api_6Kd0rGjXQ/uPzP+w"},
		{"API_6KD0RGJXQ/UPZP+W3", "API_6KD0RGJXQ/UPZP+W3"},
		{"", ""},
		{"short", "short"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_masked(rows[i][0], rows[i][1]);
}

static void its_base64_is_masked_at_every_alignment(void **state)
{
	cleanup_(redact_freep) struct redact *r = with_key();

	(void)state;
	for (size_t before = 0; before < 7; before++) {
		cleanup_(freep) char *plain =
			mem_printf("%.*s%s, and more", (int)before, "abcdefg", key);
		cleanup_(freep) char *text = crypto_base64(plain, strlen(plain));
		cleanup_(freep) char *masked = redact_copy(r, text);

		check(strstr(masked, "***"));
		/* At most one character on either side is not decided by the secret alone. */
		check(strlen(text) - strlen(masked) >= strlen(key) * 4 / 3 - 2 - 3);
	}
}

static void basic_authentication_is_masked_with_its_padding(void **state)
{
	cleanup_(freep) char *pair = mem_printf("%s:", key);
	cleanup_(freep) char *text = crypto_base64(pair, strlen(pair));
	cleanup_(freep) char *line = mem_printf("<%s>", text);

	(void)state;
	check_masked(line, "<***>");
}

static void base64_for_urls_is_masked_too(void **state)
{
	cleanup_(redact_freep) struct redact *r = redact_new();
	cleanup_(freep) char *masked = NULL;

	(void)state;
	redact_add(r, "\xfb\xef\xbe\xff\xff\xff\xfb\xef\xbe");
	masked = redact_copy(r, "x=----____----&y");
	check_text(masked, "x=***&y");
}

static void authorization_values_are_masked_though_unknown(void **state)
{
	static const char *const rows[][2] = {
		{"Authorization: Basic YWJj\r\nHost: x", "Authorization: ***\r\nHost: x"},
		{"AUTHORIZATION:Bearer abc.def", "AUTHORIZATION:***"},
		{"authorization: token rest of text", "authorization: *** of text"},
		{"{\"Authorization\": \"Basic Y\\/J=\",\"a\":1}",
	         "{\"Authorization\": \"***\",\"a\":1}"},
		{"{\"h\":\"{\\\"authorization\\\":\\\"Basic Y\\\\\\/J\\\"}\",\"a\":\"b\"}",
	         "{\"h\":\"{\\\"authorization\\\":\\\"***\\\"}\",\"a\":\"b\"}"},
		{"{\"trace\":\"> Authorization: Basic QQ==\\r\\n> Host: h\"}",
	         "{\"trace\":\"> Authorization: ***\\r\\n> Host: h\"}"},
		{"{\"authorization\":{\"a\":\"b c\"}}", "{\"authorization\":{\"a\":\"b c\"}}"},
		{"{\"authorization\":null}", "{\"authorization\":null}"},
		{"the authorization of users", "the authorization of users"},
		{"authorization", "authorization"},
		{"authorization:", "authorization:"},
		{"\"authorization\":", "\"authorization\":"},
		{"authorization: \\", "authorization: \\"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_masked(rows[i][0], rows[i][1]);
}

static void webhook_secrets_are_masked_though_unknown(void **state)
{
	(void)state;
	check_masked("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, see", "secret ***, see");
	check_masked("\"whsec_a\\/b+c==\"", "\"***\"");
	check_masked("begins with whsec_", "begins with whsec_");
	check_masked("a whsec_ alone", "a whsec_ alone");
}

static void secrets_shorter_than_a_word_are_left_alone(void **state)
{
	cleanup_(redact_freep) struct redact *r = redact_new();
	cleanup_(freep) char *text = NULL;

	(void)state;
	redact_add(r, "short");
	redact_add(r, NULL);
	text = redact_copy(r, "a short text");
	check_text(text, "a short text");
}

static void a_secret_with_quotes_is_found_in_json_text(void **state)
{
	static const char secret[] = "say \"friend\" \\ and \x01 enter";
	cleanup_(redact_freep) struct redact *r = redact_new();
	struct buf text = BUF_INIT;

	(void)state;
	redact_add(r, secret);
	json_print_string(secret, strlen(secret), &text);
	check(redact_text(r, &text));
	check_text(text.data, "\"***\"");
	check_eq(text.len, 5);
	check(!redact_text(r, &text));
	buf_deinit(&text);
}

static void json_text_with_a_mask_is_json_text(void **state)
{
	static const char *const rows[][3] = {
		{"/nine9/", "[\"a\\/nine9\\/b\"]", "[\"a***b\"]"},
		{"nine nines", "[\"\\nine nines\"]", "[\"***\"]"},
		{"nine nines", "[\"\\\\\\nine nines\"]", "[\"***\"]"},
		{"9abcdef", "[\"\\u00e9abcdef\"]", "[\"***\"]"},
		{"00e9abcdef", "[\"\\u00e9abcdef\"]", "[\"***\"]"},
		{"ends with \\", "[\"ends with \\\"\"]", "[\"***\"]"},
		{"ends with \\", "[\"ends with \\\\\"]", "[\"***\"]"},
		{"abcdef", "[\"\\u00e9abcdef\"]", "[\"\\u00e9***\"]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_(redact_freep) struct redact *r = redact_new();
		cleanup_(freep) char *text = NULL;

		redact_add(r, rows[i][0]);
		text = redact_copy(r, rows[i][1]);
		check_text(text, rows[i][2]);
	}
}

static void check_json(const char *text, const char *expected)
{
	cleanup_(redact_freep) struct redact *r = with_key();
	cleanup_(json_freep) struct json_object *value = NULL, *masked = NULL;
	cleanup_(freep) char *before = NULL, *after = NULL, *again = NULL;

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, NULL), 0);
	before = json_text(value);
	masked = redact_json(r, value);
	if (!expected) {
		check_null(masked);
		return;
	}
	after = json_text(masked);
	check_text(after, expected);
	again = json_text(value);
	check_text(again, before);
}

static void escapes_hide_nothing_from_the_mask_of_values(void **state)
{
	(void)state;
	check_json("{\"n\":1.10,\"a\":[1,\"api\\u005f6Kd0rGjXQ\\/uPzP+w3\",{}],\"z\":null}",
	           "{\"n\":1.10,\"a\":[1,\"***\",{}],\"z\":null}");
	check_json("{\"x\":1,\"api_6Kd0rGjXQ\\/uPzP\\u002bw3\":2,\"y\":3}",
	           "{\"x\":1,\"***\":2,\"y\":3}");
	check_json("{\"Authorization\":\"x\",\"b\":[]}", "{\"Authorization\":\"***\",\"b\":[]}");
	check_json("{\"Authorization\":7,\"b\":[\"plain\",true,2]}", NULL);
	check_json("\"api_6Kd0rGjXQ\\/uPzP+w3\"", "\"***\"");
	check_json("null", NULL);
}

static void a_forgotten_secret_is_shown_and_the_others_are_not(void **state)
{
	static const char text[] = "token.two api_6Kd0rGjXQ/uPzP+w3 token.one whsec_ab";
	cleanup_(redact_freep) struct redact *r = with_key();
	cleanup_(freep) char *copy = NULL;

	(void)state;
	for (int i = 0; i < 100; i++) {
		redact_add(r, "token.one");
		redact_add(r, "token.two");
		redact_forget(r, "token.two");
	}
	redact_forget(r, "never.known");
	copy = redact_copy(r, text);
	check_text(copy, "token.two *** *** ***");
}

static void every_place_in_a_long_text_is_looked_at(void **state)
{
	cleanup_(redact_freep) struct redact *r = with_key();
	enum { around = 300 };
	char text[around + sizeof(key)];

	(void)state;
	for (size_t at = 0; at < around; at++) {
		size_t len = sizeof(text) - 1;

		memset(text, "aQ3/"[at % 4], sizeof(text));
		memcpy(text + at, key, sizeof(key) - 1);
		len = redact_bytes(r, text, len);
		check_eq(len, sizeof(text) - 1 - (sizeof(key) - 1) + 3);
		check(memcmp(text + at, "***", 3) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_secret_is_masked_wherever_it_stands),
		sentence(its_base64_is_masked_at_every_alignment),
		sentence(basic_authentication_is_masked_with_its_padding),
		sentence(base64_for_urls_is_masked_too),
		sentence(authorization_values_are_masked_though_unknown),
		sentence(webhook_secrets_are_masked_though_unknown),
		sentence(secrets_shorter_than_a_word_are_left_alone),
		sentence(a_secret_with_quotes_is_found_in_json_text),
		sentence(json_text_with_a_mask_is_json_text),
		sentence(escapes_hide_nothing_from_the_mask_of_values),
		sentence(a_forgotten_secret_is_shown_and_the_others_are_not),
		sentence(every_place_in_a_long_text_is_looked_at),
	};

	return run_sentences(tests);
}
