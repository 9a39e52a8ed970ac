#include "connector/source/known.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static uint64_t hash(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static const uint64_t fnv_start = 0xcbf29ce484222325u;

uint64_t known_name_key(const char *name)
{
	return hash(fnv_start, name, strlen(name));
}

uint64_t known_inode_key(uint64_t dev, uint64_t ino)
{
	return hash(hash(fnv_start, &dev, sizeof(dev)), &ino, sizeof(ino));
}

uint64_t known_head_key(const char *head_hash)
{
	return known_name_key(head_hash);
}

static struct known_stream **slot_of(const struct known *known, enum known_by by, uint64_t key)
{
	return &known->slots[by][(key ^ key >> 32) % known->n_slots];
}

static void link_in(struct known *known, struct known_stream *item)
{
	for (int by = 0; by < known_ways; by++) {
		struct known_stream **slot = slot_of(known, (enum known_by)by, item->keys[by]);

		item->next[by] = *slot;
		*slot = item;
	}
}

static void link_out(struct known *known, struct known_stream *item)
{
	for (int by = 0; by < known_ways; by++) {
		struct known_stream **p = slot_of(known, (enum known_by)by, item->keys[by]);

		while (*p != item)
			p = &(*p)->next[by];
		*p = item->next[by];
	}
}

static void set_keys(struct known_stream *item)
{
	const struct stream *s = item->stream;

	item->keys[KNOWN_BY_NAME] = known_name_key(s->name);
	item->keys[KNOWN_BY_INODE] = known_inode_key(s->dev, s->ino);
	item->keys[KNOWN_BY_HEAD] = known_head_key(s->head_hash);
}

static void make_slots(struct known *known, size_t n)
{
	known->n_slots = n;
	for (int by = 0; by < known_ways; by++) {
		free(known->slots[by]);
		known->slots[by] = mem_array(n, sizeof(struct known_stream *));
	}
	for (size_t i = 0; i < known->n; i++)
		link_in(known, known->items[i]);
}

void known_init(struct known *known, struct stream *const *streams, size_t n)
{
	*known = (struct known){0};
	make_slots(known, n < 8 ? 16 : 2 * n);
	for (size_t i = 0; i < n; i++)
		(void)known_add(known, streams[i]);
}

void known_deinit(struct known *known)
{
	for (size_t i = 0; i < known->n; i++) {
		free(known->items[i]->earlier);
		free(known->items[i]);
	}
	free(known->items);
	for (int by = 0; by < known_ways; by++)
		free(known->slots[by]);
}

struct known_stream *known_add(struct known *known, struct stream *stream)
{
	struct known_stream *item = mem_alloc(sizeof(*item));

	item->stream = stream;
	set_keys(item);
	known->items = mem_grow(known->items, known->n, &known->cap, sizeof(struct known_stream *));
	known->items[known->n++] = item;
	if (known->n > known->n_slots)
		make_slots(known, 2 * known->n_slots);
	else
		link_in(known, item);
	return item;
}

void known_update(struct known *known, struct known_stream *item)
{
	link_out(known, item);
	set_keys(item);
	link_in(known, item);
}

void known_rename(struct known *known, struct known_stream *item, const char *name)
{
	free(item->stream->name);
	item->stream->name = mem_strdup(name);
	known_update(known, item);
}

struct known_stream *known_find(const struct known *known, enum known_by by, uint64_t key,
                                const struct known_stream *after)
{
	struct known_stream *item = after ? after->next[by] : *slot_of(known, by, key);

	while (item && item->keys[by] != key)
		item = item->next[by];
	return item;
}
