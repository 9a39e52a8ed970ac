#include "lib/webhook_signature.h"

#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

/* The vector of the specification's reference libraries. */
static const char id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
static const char body[] = "{\"test\": 2432232314}";
static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char expected[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
enum { timestamp = 1614265330 };

static struct webhook_key key_of(const char *text)
{
	struct webhook_key key;

	check_eq(webhook_key_parse(text, &key, NULL), 0);
	return key;
}

static void the_signature_is_that_of_the_specification(void **state)
{
	struct webhook_key key = key_of(secret);
	char value[webhook_signature_max];

	(void)state;
	webhook_sign(&key, 1, id, timestamp, body, strlen(body), value);
	check_text(value, expected);
	webhook_key_deinit(&key);
}

static void while_a_secret_rotates_each_receiver_finds_its_signature(void **state)
{
	struct webhook_key keys[] = {key_of("at least 24 bytes of text"), key_of(secret)};
	struct webhook_key other = key_of("some other 24 bytes of text");
	char value[webhook_signature_max];

	(void)state;
	webhook_sign(keys, 2, id, timestamp, body, strlen(body), value);
	check_eq(strlen(value), 2 * strlen(expected) + 1);
	check_text(value + strlen(expected) + 1, expected);
	check(webhook_verify(&keys[0], id, timestamp, body, strlen(body), value));
	check(webhook_verify(&keys[1], id, timestamp, body, strlen(body), value));
	check(!webhook_verify(&other, id, timestamp, body, strlen(body), value));
	webhook_key_deinit(&keys[0]);
	webhook_key_deinit(&keys[1]);
	webhook_key_deinit(&other);
}

static void what_was_changed_on_the_way_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"v1",
		"v1,",
		"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
	};
	struct webhook_key key = key_of(secret);
	char copy[sizeof(body)];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check(!webhook_verify(&key, id, timestamp, body, strlen(body), bad[i]));
	check(!webhook_verify(&key, id, timestamp + 1, body, strlen(body), expected));
	check(!webhook_verify(&key, "msg_other", timestamp, body, strlen(body), expected));
	check(!webhook_verify(&key, id, timestamp, body, strlen(body) - 1, expected));
	for (size_t bit = 0; bit < 8 * (sizeof(body) - 1); bit++) {
		memcpy(copy, body, sizeof(body));
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
		check(!webhook_verify(&key, id, timestamp, copy, strlen(body), expected));
	}
	check(webhook_verify(&key, id, timestamp, body, strlen(body), expected));
	webhook_key_deinit(&key);
}

static void secrets_have_24_to_64_bytes_or_are_24_bytes_of_text(void **state)
{
	static const struct {
		size_t bytes;
		int r;
	} rows[] = {{23, -EINVAL}, {24, 0}, {64, 0}, {65, -EINVAL}};
	const char all[65] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cleanup_(freep) char *base64 = crypto_base64(all, rows[i].bytes);
		cleanup_(freep) char *text = mem_printf("whsec_%s", base64);
		struct webhook_key key = {0};

		check_eq(webhook_key_parse(text, &key, NULL), rows[i].r);
		check_eq(key.len, rows[i].r ? 0 : rows[i].bytes);
		webhook_key_deinit(&key);
	}
}

static void a_refused_secret_is_not_repeated(void **state)
{
	static const char *const bad[] = {"", "tooshort-tooshort-toosh", "whsec_", "whsec_to*o",
	                                  "whsec_dG9vc2hvcnQ="};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct webhook_key key = {0};
		struct err err = {0};

		check_eq(webhook_key_parse(bad[i], &key, &err), -EINVAL);
		check_null(key.bytes);
		check(strlen(err.text) > 20);
		check_null(strstr(err.text, "toosh"));
		check_null(strstr(err.text, "to*o"));
		check_null(strstr(err.text, "dG9v"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_signature_is_that_of_the_specification),
		sentence(while_a_secret_rotates_each_receiver_finds_its_signature),
		sentence(what_was_changed_on_the_way_is_refused),
		sentence(secrets_have_24_to_64_bytes_or_are_24_bytes_of_text),
		sentence(a_refused_secret_is_not_repeated),
	};

	return run_sentences(tests);
}
