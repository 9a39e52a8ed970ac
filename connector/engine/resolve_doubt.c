#include "connector/engine/partitions.h"
#include "connector/engine/resolve_private.h"
#include "lib/test_hooks.h"

/*
 * The owner a partition had before may have made what a record is about, so lately that no search
 * shows it yet; and what that owner remembered is not in this state. So what finds nothing is
 * looked up again when search must show it, and only then counts as nothing. Meanwhile the record
 * stands aside, and all about the same object behind it.
 */

bool resolve_doubts(struct engine *e, struct resolving *r, const struct finding *f)
{
	const uint64_t until = partitions_doubt_until_ms(e, r->draft->record);

	if (f->asked.ms >= until || !crm_lookup_is_search(f->lookup->kind) || hook_without("doubt"))
		return false;
	r->wait = WAIT_DOUBT;
	e->resolve->doubt_until_ms = until;
	return true;
}

void resolve_doubt_turn(struct engine *e)
{
	struct resolve *resolve = e->resolve;

	if (!resolve->doubt_until_ms || loop_now_ms(e->loop) < resolve->doubt_until_ms)
		return;
	resolve->doubt_until_ms = 0;
	for (struct resolving *r = resolve->aside_first; r; r = r->behind) {
		if (r->wait != WAIT_DOUBT)
			continue;
		for (size_t i = 0; i < r->n_findings; i++) {
			r->findings[i].at = 0;
			finding_reset(&r->findings[i]);
		}
		resolve_wake(e, r);
	}
}

uint64_t resolve_doubt_until_ms(const struct engine *e)
{
	return e->resolve->doubt_until_ms;
}
