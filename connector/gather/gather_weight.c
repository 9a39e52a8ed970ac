#include "connector/gather/gather.h"
#include "lib/json.h"

#include <string.h>

/* What a draft holds in memory, about: as much as the budgets of what waits need to know. */

static size_t text_weight(const char *text)
{
	return text ? strlen(text) + 2 * sizeof(char *) : 0;
}

static size_t list_weight(char *const *list)
{
	size_t weight = 0;

	for (; list && *list; list++)
		weight += text_weight(*list) + sizeof(char *);
	return weight;
}

static size_t lookup_weight(const struct lookup *lookup)
{
	size_t weight = sizeof(*lookup) + text_weight(lookup->kind) + text_weight(lookup->lead_id);

	for (size_t i = 0; i < lookup->n_keys; i++) {
		const struct lookup_key *key = &lookup->keys[i];

		weight += sizeof(*key) + key->n * sizeof(struct lookup_field);
		for (size_t k = 0; k < key->n; k++)
			weight += text_weight(key->fields[k].name) +
			          text_weight(key->fields[k].value) +
			          text_weight(key->fields[k].folded);
	}
	return weight;
}

static size_t links_weight(const struct draft *draft)
{
	size_t weight = 0;

	for (size_t i = 0; i < draft->n_links; i++) {
		const struct draft_link *link = &draft->links[i];

		weight += sizeof(*link) + text_weight(link->field) + text_weight(link->fallback) +
		          lookup_weight(&link->lookup);
	}
	return weight;
}

/* Without what it is of others. NOLINTNEXTLINE(misc-no-recursion): an update has none */
static size_t own_weight(const struct draft *draft)
{
	return sizeof(*draft) + text_weight(draft->url) + list_weight(draft->headers) +
	       list_weight(draft->notes) + list_weight(draft->excluded) + json_weight(draft->body) +
	       json_weight(draft->with) + json_weight(draft->written) + json_weight(draft->child) +
	       text_weight(draft->packed) + text_weight(draft->identity_field) +
	       text_weight(draft->identity_value) + text_weight(draft->by) +
	       text_weight(draft->unresolved) + links_weight(draft) +
	       (draft->match ? lookup_weight(draft->match) : 0) +
	       (draft->update ? own_weight(draft->update) : 0);
}

static size_t with_record(const struct draft *draft)
{
	return sizeof(struct record) + draft->record->len + own_weight(draft);
}

size_t gather_weight(const struct draft *draft)
{
	size_t weight = with_record(draft);

	for (size_t i = 0; i < draft->n_rows; i++)
		weight += with_record(draft->rows[i]);
	return weight;
}
