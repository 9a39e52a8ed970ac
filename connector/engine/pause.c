#include "connector/engine/private.h"

#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* Meta "webhook_gone": when it was, and a hash of the URL, which may be a secret itself. */

static const char gone[] = "webhook_gone";

int pause_begin(struct journal *journal, const struct pipeline *pipeline, int64_t wall_ms,
                struct err *err)
{
	const char *url = pipeline->webhook_url;
	cleanup_(freep) char *text = NULL;
	char hash[sha256_hex];

	crypto_sha256_hex(url, strlen(url), hash);
	text = mem_printf("%lld %s", (long long)wall_ms, hash);
	return journal_set_meta(journal, gone, text, err);
}

int64_t pause_since(struct journal *journal, const struct pipeline *pipeline)
{
	cleanup_(freep) char *text = journal_meta(journal, gone);
	char hash[sha256_hex], *rest;
	int64_t wall_ms;

	if (!text || !pipeline->webhook_url)
		return 0;
	crypto_sha256_hex(pipeline->webhook_url, strlen(pipeline->webhook_url), hash);
	wall_ms = strtoll(text, &rest, 10);
	return *rest == ' ' && !strcmp(rest + 1, hash) ? wall_ms : 0;
}

bool pause_end(struct journal *journal, const struct pipeline *pipeline)
{
	const bool was_paused = pause_since(journal, pipeline) != 0;

	return journal_drop_meta(journal, gone, NULL) >= 0 && was_paused;
}
