#include "connector/gather/gather.h"

#include "connector/gather/gather_body.h"
#include "connector/gather/gather_index.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Drafts that wait for others. Each group stands in a queue and in a lane. Queues hold groups that
 * wait equally long, so the head of each is the first that is due; full groups have a queue of
 * their own. A lane holds the groups of one stream and URL in the order of their first draft, and
 * only its first ever leaves: calls of one URL are made in the order of the source. Those of nest
 * create, all at one URL: there it is the groups of one company that keep their order.
 */

struct lane {
	struct index_node node;
	struct group *first, *last;
};

struct queue {
	uint64_t wait_ms;
	bool is_nest;               /* whose number is bounded */
	struct group *first, *last; /* by number */
};

struct group {
	struct index_node node; /* in the index while it is open */
	bool is_open;
	uint64_t number; /* of its first draft: its age */
	uint64_t due_ms;
	struct lane *lane;
	struct group *lane_behind;
	struct queue *queue;
	struct group *before, *behind;
	struct draft **drafts;
	size_t n, cap;
	size_t body_bytes; /* of the call */
	size_t weight;     /* of the drafts */
};

struct gather {
	struct index groups; /* open ones by all that drafts must share */
	struct index lanes;
	struct queue **queues;
	size_t n_queues;
	struct queue full;
	struct buf key; /* scratch */
	uint64_t number;
	size_t n, bytes;
	size_t n_nests; /* open ones */
};

struct gather *gather_new(void)
{
	return mem_alloc(sizeof(struct gather));
}

/* Queues */

static void unlink_group(struct group *group)
{
	struct queue *queue = group->queue;

	*(group->before ? &group->before->behind : &queue->first) = group->behind;
	*(group->behind ? &group->behind->before : &queue->last) = group->before;
}

/* Nearly always at the end: only a queue of full groups is joined out of order. */
static void join_queue(struct queue *queue, struct group *group)
{
	struct group *before = queue->last;

	while (before && before->number > group->number)
		before = before->before;
	group->queue = queue;
	group->before = before;
	group->behind = before ? before->behind : queue->first;
	*(before ? &before->behind : &queue->first) = group;
	*(group->behind ? &group->behind->before : &queue->last) = group;
}

static struct queue *queue_of(struct gather *g, const struct batch *batch)
{
	const bool is_nest = batch->algorithm == BATCH_NEST;
	struct queue *queue;

	for (size_t i = 0; i < g->n_queues; i++)
		if (g->queues[i]->wait_ms == batch->wait_ms && g->queues[i]->is_nest == is_nest)
			return g->queues[i];
	queue = mem_alloc(sizeof(*queue));
	queue->wait_ms = batch->wait_ms;
	queue->is_nest = is_nest;
	g->queues = mem_resize(g->queues, g->n_queues + 1, sizeof(struct queue *));
	g->queues[g->n_queues++] = queue;
	return queue;
}

/* What drafts of one group share; that of a lane is its beginning. */

static void add_key_text(struct buf *key, const char *text)
{
	buf_add(key, text, strlen(text) + 1);
}

static size_t make_key(struct buf *key, const struct draft *draft)
{
	const bool is_nest = draft->route->batch->algorithm == BATCH_NEST;
	size_t lane_len;

	buf_clear(key);
	buf_add(key, &draft->record->stream, sizeof(draft->record->stream));
	buf_add(key, &draft->record->partition, sizeof(draft->record->partition));
	if (!is_nest)
		add_key_text(key, draft->url);
	if (is_nest)
		buf_add(key, &draft->route, sizeof(struct route *));
	if (is_nest && draft->by)
		add_key_text(key, draft->by);
	lane_len = key->len;
	buf_add(key, &draft->route, sizeof(struct route *));
	if (!is_nest && draft->by)
		add_key_text(key, draft->by);
	for (char *const *header = draft->headers; header && *header; header++)
		add_key_text(key, *header);
	buf_addc(key, '\0');
	if (draft->with)
		json_print(draft->with, key);
	return lane_len;
}

bool gather_shares_call(const struct draft *a, const struct draft *b)
{
	struct buf key_a = BUF_INIT, key_b = BUF_INIT;
	bool is_same = a->route == b->route;

	if (is_same) {
		(void)make_key(&key_a, a);
		(void)make_key(&key_b, b);
		is_same = key_a.len == key_b.len && !memcmp(key_a.data, key_b.data, key_a.len);
	}
	buf_deinit(&key_a);
	buf_deinit(&key_b);
	return is_same;
}

static void set_key(struct index_node *node, const char *key, size_t len)
{
	node->key = mem_dup(key, len);
	node->len = len;
}

/* Lanes */

static void enter_lane(struct gather *g, struct group *group, size_t lane_len)
{
	struct lane *lane = (struct lane *)index_find(&g->lanes, g->key.data, lane_len);

	if (!lane) {
		lane = mem_alloc(sizeof(*lane));
		set_key(&lane->node, g->key.data, lane_len);
		index_add(&g->lanes, &lane->node);
	}
	group->lane = lane;
	*(lane->last ? &lane->last->lane_behind : &lane->first) = group;
	lane->last = group;
}

static void leave_lane(struct gather *g, struct group *group)
{
	struct lane *lane = group->lane;

	lane->first = group->lane_behind;
	if (lane->first)
		return;
	index_remove(&g->lanes, &lane->node);
	free(lane->node.key);
	free(lane);
}

/* Groups */

static void close_group(struct gather *g, struct group *group)
{
	assert(group);
	if (!group->is_open)
		return;
	index_remove(&g->groups, &group->node);
	group->is_open = false;
	g->n_nests -= group->queue->is_nest;
}

static void fill_group(struct gather *g, struct group *group)
{
	close_group(g, group);
	unlink_group(group);
	join_queue(&g->full, group);
}

/* One more is to be open. */
static void make_room_for_nest(struct gather *g)
{
	struct group *oldest = NULL;

	for (size_t i = 0; i < g->n_queues; i++) {
		struct group *first = g->queues[i]->first;

		if (g->queues[i]->is_nest && first && (!oldest || first->number < oldest->number))
			oldest = first;
	}
	if (g->n_nests >= gather_nests)
		fill_group(g, oldest);
}

static struct group *open_group(struct gather *g, const struct draft *draft, size_t lane_len,
                                uint64_t now_ms)
{
	const struct batch *batch = draft->route->batch;
	struct group *group = mem_alloc(sizeof(*group));

	group->is_open = true;
	group->number = ++g->number;
	group->due_ms = now_ms + batch->wait_ms;
	group->body_bytes = gather_frame_bytes(draft);
	if (batch->algorithm == BATCH_NEST) {
		make_room_for_nest(g);
		g->n_nests++;
	}
	set_key(&group->node, g->key.data, g->key.len);
	index_add(&g->groups, &group->node);
	enter_lane(g, group, lane_len);
	join_queue(queue_of(g, batch), group);
	return group;
}

/* These may wait for hours, in thousands of groups. */
static bool waits_packed(const struct draft *draft)
{
	switch (draft->route->batch->algorithm) {
	case BATCH_MERGE:
	case BATCH_NEST:
		return true;
	case BATCH_ARRAY:
	case BATCH_KEYED_ARRAY:
	case BATCH_EXPRESSION:
		break;
	}
	return false;
}

static void append(struct gather *g, struct group *group, struct draft *takes_draft,
                   size_t body_bytes)
{
	size_t weight;

	if (waits_packed(takes_draft))
		draft_pack(takes_draft);
	weight = gather_weight(takes_draft);
	group->body_bytes += body_bytes + (group->n ? strlen(",") : 0);
	group->drafts = mem_grow(group->drafts, group->n, &group->cap, sizeof(struct draft *));
	group->drafts[group->n++] = takes_draft;
	group->weight += weight;
	g->bytes += weight;
	g->n++;
}

void gather_add(struct gather *gather, struct draft *takes_draft, uint64_t now_ms)
{
	const struct batch *batch = takes_draft->route->batch;
	const size_t body_bytes = gather_body_bytes(takes_draft);
	const size_t lane_len = make_key(&gather->key, takes_draft);
	struct group *group =
		(struct group *)index_find(&gather->groups, gather->key.data, gather->key.len);

	if (group && group->body_bytes + strlen(",") + body_bytes > batch->bytes) {
		fill_group(gather, group);
		group = NULL;
	}
	if (!group)
		group = open_group(gather, takes_draft, lane_len, now_ms);
	append(gather, group, takes_draft, body_bytes);
	if (group->n >= batch->size || group->body_bytes >= batch->bytes)
		fill_group(gather, group);
}

static struct group *next_group(const struct gather *g, uint64_t now_ms, bool all)
{
	struct group *next = g->full.first;

	all |= g->bytes > gather_budget;
	for (size_t i = 0; i < g->n_queues; i++) {
		struct group *group = g->queues[i]->first;

		if (group && (all || group->due_ms <= now_ms) &&
		    (!next || group->number < next->number))
			next = group;
	}
	return next ? next->lane->first : NULL;
}

static void free_group(struct gather *g, struct group *group)
{
	close_group(g, group);
	unlink_group(group);
	leave_lane(g, group);
	free(group->node.key);
	free(group);
}

size_t gather_take(struct gather *gather, uint64_t now_ms, bool all, struct draft ***ret_drafts)
{
	struct group *group = next_group(gather, now_ms, all);
	size_t n;

	if (!group)
		return 0;
	n = group->n;
	for (size_t i = 0; i < n; i++)
		draft_unpack(group->drafts[i]);
	*ret_drafts = group->drafts;
	gather->n -= n;
	gather->bytes -= group->weight;
	free_group(gather, group);
	return n;
}

uint64_t gather_due_ms(const struct gather *gather)
{
	uint64_t due_ms = 0;

	if (gather->full.first || gather->bytes > gather_budget)
		return 1;
	for (size_t i = 0; i < gather->n_queues; i++) {
		const struct group *group = gather->queues[i]->first;

		if (group && (!due_ms || group->due_ms < due_ms))
			due_ms = group->due_ms ? group->due_ms : 1;
	}
	return due_ms;
}

size_t gather_n(const struct gather *gather)
{
	return gather->n;
}

size_t gather_bytes(const struct gather *gather)
{
	return gather->bytes;
}

void gather_free(struct gather *gather)
{
	struct draft **drafts;
	size_t n;

	if (!gather)
		return;
	while ((n = gather_take(gather, 0, true, &drafts)) > 0) {
		for (size_t i = 0; i < n; i++)
			draft_free(drafts[i]);
		free(drafts);
	}
	for (size_t i = 0; i < gather->n_queues; i++)
		free(gather->queues[i]);
	free(gather->queues);
	index_deinit(&gather->groups);
	index_deinit(&gather->lanes);
	buf_deinit(&gather->key);
	free(gather);
}
