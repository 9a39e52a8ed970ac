#include "connector/gather/gather_index.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_key(const char *key, size_t len)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)key[i]) * 1099511628211u;
	return h;
}

void index_deinit(struct index *index)
{
	free(index->buckets);
	*index = (struct index){0};
}

struct index_node *index_find(const struct index *index, const char *key, size_t len)
{
	const uint64_t hash = hash_key(key, len);
	struct index_node *node;

	if (!index->n)
		return NULL;
	node = index->buckets[hash % index->n_buckets];
	while (node && (node->hash != hash || node->len != len || memcmp(node->key, key, len) != 0))
		node = node->next;
	return node;
}

static void link_node(struct index *index, struct index_node *node)
{
	struct index_node **bucket = &index->buckets[node->hash % index->n_buckets];

	node->next = *bucket;
	*bucket = node;
}

static void grow(struct index *index)
{
	const struct index old = *index;

	index->n_buckets = old.n_buckets ? 2 * old.n_buckets : 64;
	index->buckets = mem_array(index->n_buckets, sizeof(struct index_node *));
	for (size_t i = 0; i < old.n_buckets; i++)
		for (struct index_node *node = old.buckets[i], *next; node; node = next) {
			next = node->next;
			link_node(index, node);
		}
	free(old.buckets);
}

void index_add(struct index *index, struct index_node *node)
{
	if (index->n >= index->n_buckets)
		grow(index);
	node->hash = hash_key(node->key, node->len);
	link_node(index, node);
	index->n++;
}

void index_remove(struct index *index, struct index_node *node)
{
	struct index_node **at = &index->buckets[node->hash % index->n_buckets];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	index->n--;
}
