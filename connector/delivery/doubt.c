#include "connector/delivery/flight.h"

#include <string.h>

/* What was sent and is not known to have made anything: for those who find it out. */

static struct unproven unproven(const struct flight *f)
{
	return (struct unproven){.request = f->request,
	                         .since_ms = f->unknown_at_ms,
	                         .since_wall_ms = f->unknown_wall_ms};
}

/* Close has said that it made the object, and that is found by what others look it up by. */
static bool is_nameless(const struct flight *f)
{
	const struct delivery_hooks *hooks = &f->delivery->hooks;
	const struct request *r = f->request;

	return r->state == REQUEST_PROBING && !r->identity_field && hooks->can_find &&
	       hooks->can_find(hooks->arg, r);
}

static bool is_probing(const struct flight *f)
{
	return f->request && f->step == FLIGHT_PROBING;
}

size_t delivery_unproven_list(const struct delivery *delivery, struct unproven *ret_list,
                              size_t max)
{
	size_t n = 0;

	for (const struct flight *f = delivery->all; f && n < max; f = f->behind)
		if (is_probing(f) && !is_nameless(f))
			ret_list[n++] = unproven(f);
	return n;
}

bool delivery_nameless(const struct delivery *delivery, struct unproven *ret)
{
	for (const struct flight *f = delivery->all; f; f = f->behind)
		if (is_probing(f) && is_nameless(f)) {
			*ret = unproven(f);
			return true;
		}
	return false;
}

/* Since it waits for the outcome of another, an earlier run may have sent it all the same. */
static bool was_sent(const struct flight *f)
{
	switch (f->step) {
	case FLIGHT_LANE:
	case FLIGHT_READY:
	case FLIGHT_BACKOFF:
		return f->request->state == REQUEST_UNKNOWN || f->request->state == REQUEST_PROBING;
	case FLIGHT_WRITING:
	case FLIGHT_WIRE:
	case FLIGHT_PROBING:
		return true;
	}
	return false;
}

size_t delivery_sent_creates(const struct delivery *delivery, const char *object,
                             struct sent_create *ret_list, size_t max)
{
	size_t n = 0;

	for (const struct flight *f = delivery->all; f; f = f->behind) {
		if (!f->request || f->request->method != METHOD_POST ||
		    strcmp(f->request->object, object) != 0 || !was_sent(f))
			continue;
		if (n++ < max)
			ret_list[n - 1] = (struct sent_create){
				.request = f->request,
				.is_flying = f->step == FLIGHT_WIRE || f->step == FLIGHT_WRITING,
				.is_sure = f->request->state == REQUEST_PROBING};
	}
	return n;
}
