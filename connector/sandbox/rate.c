#include "connector/sandbox/rate.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

enum { org_factor = 3, max_windows = 4096 };

static const struct {
	const char *name;
	uint32_t limit;
} groups[BOX_RATE_N_GROUPS] = {
	[BOX_RATE_SEARCH] = {"search", 16},
	[BOX_RATE_WRITE] = {"write", 160},
	[BOX_RATE_DELETE_LEAD] = {"delete_lead", 80},
	[BOX_RATE_DELETE] = {"delete", 160},
	[BOX_RATE_READ] = {"read", 160},
};

struct window {
	char *name; /* "key group resource"; the organization's key is "" */
	uint64_t ends_ms;
	uint32_t used;
};

struct box_rate {
	uint64_t window_ms;
	uint32_t limits[BOX_RATE_N_GROUPS];
	struct window *windows;
	size_t n, cap;
};

struct box_rate *box_rate_new(uint64_t window_ms)
{
	struct box_rate *rate = mem_alloc(sizeof(*rate));

	rate->window_ms = window_ms ? window_ms : 1;
	for (size_t i = 0; i < BOX_RATE_N_GROUPS; i++)
		rate->limits[i] = groups[i].limit;
	return rate;
}

void box_rate_free(struct box_rate *rate)
{
	if (!rate)
		return;
	for (size_t i = 0; i < rate->n; i++)
		free(rate->windows[i].name);
	free(rate->windows);
	free(rate);
}

void box_rate_set(struct box_rate *rate, enum box_rate_group group, uint32_t limit)
{
	if (limit)
		rate->limits[group] = limit;
}

uint32_t box_rate_limit(const struct box_rate *rate, enum box_rate_group group)
{
	return rate->limits[group];
}

const char *box_rate_name(enum box_rate_group group)
{
	return groups[group].name;
}

enum box_rate_group box_rate_group(const char *method, const char *path, const char **ret_resource,
                                   size_t *ret_len)
{
	path += *path == '/';
	*ret_resource = path;
	*ret_len = strcspn(path, "/");
	if (strcmp(path, "data/search/") == 0)
		return BOX_RATE_SEARCH;
	if (strcmp(method, "DELETE") == 0)
		return strncmp(path, "lead/", strlen("lead/")) == 0 ? BOX_RATE_DELETE_LEAD
		                                                    : BOX_RATE_DELETE;
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ? BOX_RATE_WRITE
	                                                                 : BOX_RATE_READ;
}

/* Takes @name. A name beyond the bound shares the last window: strangers' paths cannot grow it. */
static struct window *window_of(struct box_rate *rate, char *name)
{
	for (size_t i = 0; i < rate->n; i++) {
		if (strcmp(rate->windows[i].name, name) != 0)
			continue;
		free(name);
		return &rate->windows[i];
	}
	if (rate->n == max_windows) {
		free(name);
		return &rate->windows[rate->n - 1];
	}
	rate->windows = mem_grow(rate->windows, rate->n, &rate->cap, sizeof(*rate->windows));
	rate->windows[rate->n] = (struct window){.name = name};
	return &rate->windows[rate->n++];
}

static void renew(const struct box_rate *rate, struct window *w, uint64_t now_ms)
{
	if (now_ms < w->ends_ms)
		return;
	w->used = 0;
	w->ends_ms = w->ends_ms && now_ms < w->ends_ms + rate->window_ms
	                     ? w->ends_ms + rate->window_ms
	                     : now_ms + rate->window_ms;
}

static struct box_rate_verdict take(const struct box_rate *rate, struct window *w, uint32_t limit,
                                    uint64_t now_ms)
{
	struct box_rate_verdict verdict = {.limit = limit};

	renew(rate, w, now_ms);
	verdict.is_allowed = w->used < limit;
	w->used += verdict.is_allowed;
	verdict.remaining =
		w->used < limit ? limit - w->used : 0; /* the limit may have been lowered */
	verdict.reset_ms = w->ends_ms - now_ms;
	return verdict;
}

static char *name_of(const char *key, enum box_rate_group group, const char *resource, size_t len)
{
	return mem_printf("%s %s %.*s", key, groups[group].name,
	                  group == BOX_RATE_READ ? (int)len : 0, resource);
}

struct box_rate_verdict box_rate_take(struct box_rate *rate, const char *key, const char *method,
                                      const char *path, uint64_t now_ms)
{
	struct box_rate_verdict own, shared;
	const char *resource;
	size_t len;
	const enum box_rate_group group = box_rate_group(method, path, &resource, &len);
	const uint32_t limit = rate->limits[group];

	shared = take(rate, window_of(rate, name_of("", group, resource, len)), limit * org_factor,
	              now_ms);
	if (!shared.is_allowed)
		return shared;
	own = take(rate, window_of(rate, name_of(key, group, resource, len)), limit, now_ms);
	return own.is_allowed && shared.remaining < own.remaining ? shared : own;
}
