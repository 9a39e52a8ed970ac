#include "connector/model/event.h"

#include <stdlib.h>

void event_free(struct event *event)
{
	if (!event)
		return;
	free(event->id);
	free(event->lane);
	free(event->key);
	free(event->body);
	event_free(event->also);
	free(event);
}
