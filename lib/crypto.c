#include "lib/crypto.h"

#include "lib/mem.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

void crypto_sha256(const void *bytes, size_t len, uint8_t ret_hash[static sha256_bytes])
{
	int ok = EVP_Digest(bytes, len, ret_hash, NULL, EVP_sha256(), NULL);

	assert(ok == 1);
}

void crypto_hex(const void *bytes, size_t len, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++) {
		ret_hex[2 * i] = digits[b[i] >> 4];
		ret_hex[2 * i + 1] = digits[b[i] & 15];
	}
	ret_hex[2 * len] = '\0';
}

void crypto_sha256_hex(const void *bytes, size_t len, char ret_hex[static sha256_hex])
{
	uint8_t hash[sha256_bytes];

	crypto_sha256(bytes, len, hash);
	crypto_hex(hash, sizeof(hash), ret_hex);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                        uint8_t ret_mac[static sha256_bytes])
{
	unsigned mac_len = sha256_bytes;
	const uint8_t *mac = HMAC(EVP_sha256(), key, (int)key_len, bytes, len, ret_mac, &mac_len);

	assert(mac && mac_len == sha256_bytes);
}

char *crypto_base64(const void *bytes, size_t len)
{
	char *text = mem_alloc((len + 2) / 3 * 4 + 1);
	int n = EVP_EncodeBlock((uint8_t *)text, bytes, (int)len);

	assert(n >= 0);
	return text;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

void *crypto_unbase64(const char *text, size_t *ret_len)
{
	size_t n = strlen(text), out = 0;
	uint32_t bits = 0;
	unsigned n_bits = 0;
	uint8_t *bytes;

	if (n % 4 == 0)
		for (int pad = 0; pad < 2 && n && text[n - 1] == '='; pad++)
			n--;
	if (n % 4 == 1)
		return NULL;

	bytes = mem_alloc(n / 4 * 3 + 3);
	for (size_t i = 0; i < n; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0) {
			free(bytes);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			bytes[out++] = (uint8_t)(bits >> n_bits);
		}
	}
	if (bits & ((1u << n_bits) - 1)) {
		free(bytes);
		return NULL;
	}
	*ret_len = out;
	return bytes;
}

char *crypto_base32(const void *bytes, size_t len)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	const uint8_t *b = bytes;
	char *text = mem_alloc((len * 8 + 4) / 5 + 1);
	size_t out = 0;
	uint32_t bits = 0;
	unsigned n_bits = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | b[i];
		n_bits += 8;
		while (n_bits >= 5) {
			n_bits -= 5;
			text[out++] = digits[bits >> n_bits & 31];
		}
	}
	if (n_bits)
		text[out++] = digits[bits << (5 - n_bits) & 31];
	return text;
}

void crypto_random(void *bytes, size_t len)
{
	if (RAND_bytes(bytes, (int)len) != 1)
		mem_exhausted();
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
