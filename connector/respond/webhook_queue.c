#include "connector/respond/webhook_queue.h"

#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { n_slots = 1024 };

enum lane_state { LANE_READY, LANE_OUT, LANE_WAITING };

struct webhook_lane {
	char *name;
	struct webhook_lane *next_in_slot;
	enum lane_state state;
	struct webhook_lane *previous, *next; /* in the list of its state; none while out */
	uint64_t due_ms;                      /* while waiting */
	bool is_own;
	struct webhook_item *first, *last;
};

void webhook_queue_init(struct webhook_queue *q)
{
	*q = (struct webhook_queue){.n_slots = n_slots, .wake_ms = UINT64_MAX};
	q->slots = mem_array(n_slots, sizeof(struct webhook_lane *));
}

static void free_item(struct webhook_queue *q, struct webhook_item *item)
{
	q->n_items--;
	q->n_bytes -= item->event->body_len;
	event_free(item->event);
	free(item);
}

void webhook_queue_deinit(struct webhook_queue *q)
{
	for (size_t i = 0; i < q->n_slots; i++)
		while (q->slots[i]) {
			struct webhook_lane *lane = q->slots[i];

			q->slots[i] = lane->next_in_slot;
			while (lane->first) {
				struct webhook_item *item = lane->first;

				lane->first = item->next;
				free_item(q, item);
			}
			free(lane->name);
			free(lane);
		}
	free(q->slots);
	*q = (struct webhook_queue){0};
}

/* FNV-1a */
static struct webhook_lane **slot_of(struct webhook_queue *q, const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return &q->slots[hash % q->n_slots];
}

static void list_remove(struct webhook_list *list, struct webhook_lane *lane)
{
	if (lane->previous)
		lane->previous->next = lane->next;
	else
		list->first = lane->next;
	if (lane->next)
		lane->next->previous = lane->previous;
	else
		list->last = lane->previous;
	lane->previous = lane->next = NULL;
}

static void list_add(struct webhook_list *list, struct webhook_lane *lane)
{
	lane->previous = list->last;
	if (list->last)
		list->last->next = lane;
	else
		list->first = lane;
	list->last = lane;
}

static struct webhook_list *list_of(struct webhook_queue *q, enum lane_state state)
{
	return state == LANE_READY ? &q->ready : &q->waiting;
}

/* The one way from state to state. */
static void enter(struct webhook_queue *q, struct webhook_lane *lane, enum lane_state state)
{
	if (lane->state != LANE_OUT)
		list_remove(list_of(q, lane->state), lane);
	if (!lane->is_own)
		q->n_hurried += (state == LANE_WAITING) - (lane->state == LANE_WAITING);
	lane->state = state;
	if (state != LANE_OUT)
		list_add(list_of(q, state), lane);
	if (state == LANE_WAITING && lane->due_ms < q->wake_ms)
		q->wake_ms = lane->due_ms;
}

static struct webhook_lane *lane_called(struct webhook_queue *q, const char *name)
{
	struct webhook_lane **slot = slot_of(q, name), *lane;

	for (lane = *slot; lane; lane = lane->next_in_slot)
		if (!strcmp(lane->name, name))
			return lane;
	lane = mem_alloc(sizeof(*lane));
	*lane = (struct webhook_lane){
		.name = mem_strdup(name), .next_in_slot = *slot, .state = LANE_OUT};
	*slot = lane;
	return lane;
}

static void free_lane(struct webhook_queue *q, struct webhook_lane *lane)
{
	struct webhook_lane **at = slot_of(q, lane->name);

	while (*at != lane)
		at = &(*at)->next_in_slot;
	*at = lane->next_in_slot;
	free(lane->name);
	free(lane);
}

void webhook_queue_add(struct webhook_queue *q, struct event *takes_event, uint64_t due_ms)
{
	struct webhook_lane *lane = lane_called(q, takes_event->lane);
	struct webhook_item *item = mem_alloc(sizeof(*item));

	*item = (struct webhook_item){.event = takes_event, .lane = lane};
	q->n_items++;
	q->n_bytes += takes_event->body_len;
	if (lane->first) {
		assert(lane->last->event->seq < takes_event->seq);
		lane->last->next = item;
		lane->last = item;
		return;
	}
	lane->first = lane->last = item;
	lane->due_ms = due_ms;
	lane->is_own = due_ms != 0;
	enter(q, lane, due_ms ? LANE_WAITING : LANE_READY);
}

bool webhook_queue_is_ready(const struct webhook_queue *q)
{
	return q->ready.first;
}

struct webhook_item *webhook_queue_next(struct webhook_queue *q)
{
	struct webhook_lane *lane = q->ready.first;

	if (!lane)
		return NULL;
	enter(q, lane, LANE_OUT);
	return lane->first;
}

void webhook_queue_accept(struct webhook_queue *q, struct webhook_item *takes_item)
{
	struct webhook_lane *lane = takes_item->lane;

	assert(lane->state == LANE_OUT && lane->first == takes_item);
	lane->first = takes_item->next;
	free_item(q, takes_item);
	if (lane->first)
		enter(q, lane, LANE_READY);
	else
		free_lane(q, lane);
}

void webhook_queue_postpone(struct webhook_queue *q, struct webhook_item *item, uint64_t due_ms,
                            bool is_own)
{
	struct webhook_lane *lane = item->lane;

	assert(lane->state == LANE_OUT && lane->first == item);
	lane->due_ms = due_ms;
	lane->is_own = is_own;
	enter(q, lane, LANE_WAITING);
}

/* Makes lanes ready that are due at @now_ms, or that do not wait for trouble of their own. */
static void release(struct webhook_queue *q, uint64_t now_ms, bool hurries)
{
	struct webhook_lane *next;

	q->wake_ms = UINT64_MAX;
	for (struct webhook_lane *lane = q->waiting.first; lane; lane = next) {
		next = lane->next;
		if (lane->due_ms <= now_ms || (hurries && !lane->is_own))
			enter(q, lane, LANE_READY);
		else if (lane->due_ms < q->wake_ms)
			q->wake_ms = lane->due_ms;
	}
}

void webhook_queue_wake(struct webhook_queue *q, uint64_t now_ms)
{
	if (now_ms >= q->wake_ms)
		release(q, now_ms, false);
}

void webhook_queue_hurry(struct webhook_queue *q)
{
	if (q->n_hurried)
		release(q, 0, true);
}

uint64_t webhook_queue_wake_ms(const struct webhook_queue *q)
{
	return q->wake_ms;
}
