#include "connector/engine/desk_private.h"

#include "connector/gather/gather.h"
#include "connector/shape/shape.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* What would go over the wire, as the person saw it who says that it shall. */

/* @text without @key: one of closefeed's own is not known to who only shows it. */
static void add_without(struct buf *out, const char *text, const char *key)
{
	const size_t len = strlen(key);
	const char *at;

	while (*key && (at = strstr(text, key))) {
		buf_add(out, text, (size_t)(at - text));
		text = at + len;
	}
	buf_adds(out, text);
}

static void print_draft(const struct draft *draft, const struct request *request, struct buf *out)
{
	const bool is_own = draft->identity_value && draft->route->identity_field &&
	                    !draft->route->identity_value;
	struct buf text = BUF_INIT;

	request_print(request, &text);
	if (draft_is_open(draft)) {
		cleanup_(freep) char *open = draft_text(draft);

		buf_adds(&text, open);
	}
	add_without(out, buf_text(&text), is_own ? draft->identity_value : "");
	buf_deinit(&text);
}

void desk_print_output(const struct shape_output *output, struct jq_set *jq, struct buf *out)
{
	cleanup_(rejection_deinit) struct rejection rejection = {0};
	struct draft *draft = output->draft;
	struct request *r = !draft                ? NULL
	                    : draft->route->batch ? gather_batch(&draft, 1, jq, &rejection)
	                                          : gather_single(draft, &rejection);

	if (r)
		print_draft(draft, r, out);
	else
		buf_addf(out, "rejected %s\n",
		         reject_class_name(draft ? rejection.class : output->rejection.class));
	request_free(r);
}

char *desk_fingerprint(const struct shape_result *shaped, struct jq_set *jq)
{
	struct buf text = BUF_INIT;
	char *hash = mem_alloc(sha256_hex);

	for (size_t i = 0; i < shaped->n; i++)
		desk_print_output(&shaped->items[i], jq, &text);
	crypto_sha256_hex(buf_text(&text), text.len, hash);
	buf_deinit(&text);
	return hash;
}
