#include "lib/webhook_signature.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char whsec[] = "whsec_";

int webhook_key_parse(const char *secret, struct webhook_key *ret_key, struct err *err)
{
	struct webhook_key key = {0};

	if (strncmp(secret, whsec, strlen(whsec)) != 0) {
		key.len = strlen(secret);
		if (key.len < webhook_key_min)
			return err_set(
				err, -EINVAL,
				"the secret has %zu bytes of text: use at least %d, or whsec_ and base64",
				key.len, webhook_key_min);
		key.bytes = (uint8_t *)mem_dup(secret, key.len);
		*ret_key = key;
		return 0;
	}

	key.bytes = crypto_unbase64(secret + strlen(whsec), &key.len);
	if (!key.bytes)
		return err_set(err, -EINVAL,
		               "what stands behind whsec_ in the secret is no base64");
	if (key.len < webhook_key_min || key.len > webhook_key_max) {
		const size_t len = key.len;

		webhook_key_deinit(&key);
		return err_set(err, -EINVAL, "the secret behind whsec_ has %zu bytes: use %d to %d",
		               len, webhook_key_min, webhook_key_max);
	}
	*ret_key = key;
	return 0;
}

void webhook_key_deinit(struct webhook_key *key)
{
	if (key->bytes)
		explicit_bzero(key->bytes, key->len);
	free(key->bytes);
	*key = (struct webhook_key){0};
}

static char *signature(const struct webhook_key *key, const struct buf *signed_text)
{
	uint8_t mac[sha256_bytes];

	crypto_hmac_sha256(key->bytes, key->len, signed_text->data, signed_text->len, mac);
	return crypto_base64(mac, sizeof(mac));
}

static void add_signed_text(struct buf *out, const char *id, int64_t timestamp_s, const void *body,
                            size_t len)
{
	buf_addf(out, "%s.%" PRId64 ".", id, timestamp_s);
	buf_add(out, body, len);
}

void webhook_sign(const struct webhook_key *keys, size_t n_keys, const char *id,
                  int64_t timestamp_s, const void *body, size_t len,
                  char ret_value[static webhook_signature_max])
{
	struct buf text = BUF_INIT;
	size_t used = 0;

	assert(n_keys >= 1 && n_keys <= 2);
	add_signed_text(&text, id, timestamp_s, body, len);
	for (size_t i = 0; i < n_keys; i++) {
		cleanup_(freep) char *one = signature(&keys[i], &text);

		used += (size_t)snprintf(ret_value + used, webhook_signature_max - used, "%sv1,%s",
		                         i ? " " : "", one);
	}
	buf_deinit(&text);
}

bool webhook_verify(const struct webhook_key *key, const char *id, int64_t timestamp_s,
                    const void *body, size_t len, const char *value)
{
	struct buf text = BUF_INIT;
	cleanup_(freep) char *mine = NULL;
	bool is_ours = false;

	add_signed_text(&text, id, timestamp_s, body, len);
	mine = signature(key, &text);
	buf_deinit(&text);

	while (*value) {
		const size_t n = strcspn(value, " ");

		if (n == strlen(mine) + 3 && !strncmp(value, "v1,", 3) &&
		    crypto_equal(value + 3, mine, n - 3))
			is_ours = true;
		value += n;
		value += strspn(value, " ");
	}
	return is_ours;
}
