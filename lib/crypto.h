#pragma once

/* The door to OpenSSL: hashes, HMAC, base64, base32, random bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { sha256_bytes = 32, sha256_hex = 65 };

void crypto_sha256(const void *bytes, size_t len, uint8_t ret_hash[static sha256_bytes]);
/* Lower-case hex with NUL. */
void crypto_sha256_hex(const void *bytes, size_t len, char ret_hex[static sha256_hex]);

void crypto_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                        uint8_t ret_mac[static sha256_bytes]);

/* RFC 4648 base64 with padding; to free(). */
char *crypto_base64(const void *bytes, size_t len);
/* Strict decoding (also without padding). Returns NULL for bad text; else bytes to free(). */
void *crypto_unbase64(const char *text, size_t *ret_len);
/* RFC 4648 base32, lower case, no padding; to free(). */
char *crypto_base32(const void *bytes, size_t len);
/* Lower-case hex; @ret_hex holds 2 * len + 1. */
void crypto_hex(const void *bytes, size_t len, char *ret_hex);

/* From the system's generator; ends the process where there is none. */
void crypto_random(void *bytes, size_t len);

bool crypto_equal(const void *a, const void *b, size_t len); /* constant time */
