#include "connector/model/event.h"

#include <stdlib.h>

void event_free(struct event *event)
{
	if (!event)
		return;
	free(event->id);
	free(event->lane);
	free(event->body);
	free(event);
}
