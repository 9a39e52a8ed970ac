#include "lib/kafka_places.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

struct kafka_place *kafka_places_add(struct kafka_places *places, const char *topic,
                                     int32_t partition, int64_t offset)
{
	struct kafka_place *place;

	places->items = mem_grow(places->items, places->n, &places->cap, sizeof(*places->items));
	place = &places->items[places->n++];
	*place = (struct kafka_place){
		.topic = mem_strdup(topic), .partition = partition, .offset = offset};
	return place;
}

struct kafka_place *kafka_places_find(const struct kafka_places *places, const char *topic,
                                      int32_t partition)
{
	for (size_t i = 0; i < places->n; i++)
		if (places->items[i].partition == partition &&
		    strcmp(places->items[i].topic, topic) == 0)
			return &places->items[i];
	return NULL;
}

void kafka_places_deinit(struct kafka_places *places)
{
	for (size_t i = 0; i < places->n; i++) {
		free(places->items[i].topic);
		free(places->items[i].metadata);
	}
	free(places->items);
	*places = (struct kafka_places){0};
}
