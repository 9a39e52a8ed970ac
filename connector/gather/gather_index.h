#pragma once

/* Finds what waits by its key (any bytes); only gather.c includes this. */

#include <stddef.h>
#include <stdint.h>

/* The first member of what is found; the index owns neither it nor the key. */
struct index_node {
	struct index_node *next; /* in its bucket */
	uint64_t hash;
	char *key;
	size_t len;
};

struct index {
	struct index_node **buckets;
	size_t n_buckets, n;
};

void index_deinit(struct index *index);
struct index_node *index_find(const struct index *index, const char *key, size_t len);
/* Adds a node whose key is set and not in the index. */
void index_add(struct index *index, struct index_node *node);
void index_remove(struct index *index, struct index_node *node);
