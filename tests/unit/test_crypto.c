#include "lib/crypto.h"
#include "tests/unit/check.h"

#include <string.h>

static void sha256_of_abc_is_the_published_one(void **state)
{
	char hex[sha256_hex];

	(void)state;
	crypto_sha256_hex("abc", 3, hex);
	check_text(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void base64_goes_there_and_back_and_refuses_bad_text(void **state)
{
	static const char *const bad[] = {"a", "ab=c", "a*==", "YWJj=", "YR=="};
	size_t len;
	char *text = crypto_base64("any carnal pleas", 16);
	char *back = crypto_unbase64(text, &len);

	(void)state;
	check_text(text, "YW55IGNhcm5hbCBwbGVhcw==");
	check_eq(len, 16);
	check(memcmp(back, "any carnal pleas", 16) == 0);
	free(text);
	free(back);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_null(crypto_unbase64(bad[i], &len));
}

static void base32_follows_rfc_4648_in_lower_case(void **state)
{
	char *text = crypto_base32("foobar", 6);

	(void)state;
	check_text(text, "mzxw6ytboi");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(sha256_of_abc_is_the_published_one),
		sentence(base64_goes_there_and_back_and_refuses_bad_text),
		sentence(base32_follows_rfc_4648_in_lower_case),
	};

	return run_sentences(tests);
}
