#pragma once

/*
 * Signatures of Standard Webhooks 1.0 (github.com/standard-webhooks): HMAC-SHA256 over
 * "id.timestamp.body", as "v1," and base64; several, separated by a space, while a secret rotates.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	webhook_key_min = 24,       /* bytes of a secret, both forms */
	webhook_key_max = 64,       /* bytes behind "whsec_" */
	webhook_signature_max = 96, /* bytes of a header value of two signatures, with NUL */
};

struct webhook_key {
	uint8_t *bytes;
	size_t len;
};

/*
 * Reads a secret: "whsec_" and base64 of 24 to 64 bytes, or at least 24 bytes of text. -EINVAL with
 * a sentence that does not repeat it. To webhook_key_deinit().
 */
int webhook_key_parse(const char *secret, struct webhook_key *ret_key, struct err *err);
void webhook_key_deinit(struct webhook_key *key); /* wipes; safe on a zeroed struct */

/* The value of the webhook-signature header, with one signature for each of one or two keys. */
void webhook_sign(const struct webhook_key *keys, size_t n_keys, const char *id,
                  int64_t timestamp_s, const void *body, size_t len,
                  char ret_value[static webhook_signature_max]);

/* True if one of the signatures in @value (as a header carries it) was made with @key. */
bool webhook_verify(const struct webhook_key *key, const char *id, int64_t timestamp_s,
                    const void *body, size_t len, const char *value);
