#pragma once

/*
 * The one mask for secrets: whatever is stored, logged, sent to a receiver or shown goes through
 * it. A secret is found literally, as JSON text escapes it, percent-encoded, and in base64 at each
 * of the three places a byte can have there (so also inside "key:" of Basic authentication).
 * Besides, the value behind the word Authorization and all that begins with "whsec_" is masked,
 * known or not. Masking only ever shortens, and JSON text stays JSON text. When nothing matches, a
 * text costs one pass that looks at every fifth byte or so.
 */

#include "lib/buf.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

/* What stands in the place of a secret. */
#define REDACT_MASK "***"

/* Shorter secrets are not searched for: they would mask ordinary words. */
enum { redact_min_bytes = 6 };

struct redact;

struct redact *redact_new(void);
void redact_free(struct redact *redact); /* wipes its copies; NULL is ignored */
void redact_freep(struct redact **redact);

/* From now on @secret is masked in all its forms. NULL is ignored. */
void redact_add(struct redact *redact, const char *secret);

/* @secret is void and need not be masked any more; nothing else may have the same forms. */
void redact_forget(struct redact *redact, const char *secret);

/* True if something in @text has to be masked. */
bool redact_finds(const struct redact *redact, const char *text, size_t len);

/* Masks in place; returns the new length. */
size_t redact_bytes(const struct redact *redact, char *bytes, size_t len);

/* Masks in place; true if something was masked. */
bool redact_text(const struct redact *redact, struct buf *text);

/* A masked copy of @text, to free(). */
char *redact_copy(const struct redact *redact, const char *text);

/*
 * Masks the decoded strings and keys of a JSON value, where \u escapes hide nothing. Returns NULL
 * if there was nothing to mask, else a new value that shares what did not change. Depth as
 * json_parse() lets it through.
 */
struct json_object *redact_json(const struct redact *redact, struct json_object *value);
