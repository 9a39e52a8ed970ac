#pragma once

/*
 * The streams that are known, and how far this run has read each: found by name, by inode or by
 * their first bytes without looking at all of them, since a folder of ten thousand files has ten
 * thousand streams.
 */

#include "connector/model/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum known_by { KNOWN_BY_NAME, KNOWN_BY_INODE, KNOWN_BY_HEAD };

enum { known_ways = 3 };

struct known_stream {
	struct stream *stream;
	bool is_taken; /* by a file of this run that is there */
	/* How far this run handed it out; it goes on there when the file is opened again. */
	bool is_begun;
	uint64_t at, line;
	/* What earlier runs had settled behind that. */
	struct stream_range *earlier;
	size_t n_earlier;
	/* Of the index. */
	uint64_t keys[known_ways];
	struct known_stream *next[known_ways];
};

struct known {
	struct known_stream **items;
	size_t n, cap;
	struct known_stream **slots[known_ways];
	size_t n_slots;
};

/* The streams stay the caller's and must stay until known_deinit(). */
void known_init(struct known *known, struct stream *const *streams, size_t n);
void known_deinit(struct known *known);

struct known_stream *known_add(struct known *known, struct stream *stream);

/* Its name, inode or first bytes may have changed. */
void known_update(struct known *known, struct known_stream *item);

/* Its file has another name now. */
void known_rename(struct known *known, struct known_stream *item, const char *name);

uint64_t known_name_key(const char *name);
uint64_t known_inode_key(uint64_t dev, uint64_t ino);
uint64_t known_head_key(const char *head_hash);

/*
 * The next stream behind @after (NULL: the first) that has @key, the newest first; NULL: none. Keys
 * are hashes: the caller compares what it asked for.
 */
struct known_stream *known_find(const struct known *known, enum known_by by, uint64_t key,
                                const struct known_stream *after);
