#include "connector/source/kafka_survey.h"

#include "connector/source/kafka_ask.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct surveying {
	struct kafka_asking asking;
	unsigned patience_ms;
	struct kafka_survey survey;
	struct kafka_places *places; /* of each entry */
};

/* Each question has its own time. */
static void be_patient(struct surveying *s)
{
	s->asking.until_ms = clock_monotonic_ms() + s->patience_ms;
}

/* An entry is no reason to stop; brokers that do not answer are. */
static int look_for_topics(struct surveying *s, struct err *err)
{
	for (size_t i = 0; i < s->survey.n; i++) {
		struct kafka_topic_survey *t = &s->survey.topics[i];
		struct kafka_places *places = &s->places[i];

		be_patient(s);
		t->n_topics = kafka_ask_topics(&s->asking, t->written, places, &t->why);
		if (s->asking.is_refused || (t->n_topics < 0 && t->n_topics != -EACCES &&
		                             t->n_topics != -ENOENT && t->n_topics != -EINVAL))
			return err_set(err, t->n_topics, "%s", t->why.text);
		t->n_partitions = places->n;
		for (size_t k = 0; !t->widest && k < places->n; k++)
			if (places->items[k].partition > 0)
				t->widest = mem_strdup(places->items[k].topic);
	}
	return 0;
}

/* Two entries may fit one topic. */
static void add_new(const struct kafka_places *from, struct kafka_places *to)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct kafka_place *place = &from->items[i];

		if (!kafka_places_find(to, place->topic, place->partition))
			(void)kafka_places_add(to, place->topic, place->partition, kafka_no_offset);
	}
}

static void ask_group(struct surveying *s)
{
	struct kafka_survey *survey = &s->survey;
	struct kafka_places all = {0};

	for (size_t i = 0; i < survey->n; i++)
		add_new(&s->places[i], &all);
	survey->n_partitions = all.n;
	be_patient(s);
	if (all.n) /* else there is nothing to ask about */
		survey->group = kafka_ask_committed(&s->asking, &all, &survey->group_why);
	for (size_t i = 0; survey->group >= 0 && i < all.n; i++)
		survey->n_committed += all.items[i].offset >= 0;
	kafka_places_deinit(&all);
}

/* Rights: that a topic is told of does not mean that it may be read. */

static void refuse(struct kafka_topic_survey *t, int code, const char *why)
{
	t->n_topics = code;
	(void)err_set(&t->why, code, "%s", why);
}

/* False: nothing is known yet. */
static bool is_told(struct surveying *s, struct kafka_topic_survey *t)
{
	struct kafka_event event;

	for (kafka_consumer_poll(s->asking.consumer, &event); event.kind != KAFKA_NOTHING;
	     kafka_consumer_poll(s->asking.consumer, &event)) {
		if (event.kind == KAFKA_MESSAGE || event.kind == KAFKA_END)
			return true;
		if (event.kind == KAFKA_TROUBLE && event.places.n &&
		    event.trouble == KAFKA_REFUSED) {
			refuse(t, -EACCES, event.sentence);
			return true;
		}
	}
	return false;
}

/* Begins to read at the end of a partition: the answer tells. */
static void try_to_read(struct surveying *s, struct kafka_topic_survey *t,
                        const struct kafka_place *place)
{
	struct kafka_places end = {0};
	struct err why;
	int r;

	(void)kafka_places_add(&end, place->topic, place->partition, KAFKA_AT_END);
	be_patient(s);
	r = kafka_ask_offsets(&s->asking, &end, &why);
	if (r >= 0)
		r = kafka_consumer_assign(s->asking.consumer, &end, &why);
	kafka_places_deinit(&end);
	if (r < 0) {
		refuse(t, r, why.text);
		return;
	}
	be_patient(s);
	while (!is_told(s, t)) {
		if (clock_monotonic_ms() > s->asking.until_ms) {
			refuse(t, -ETIMEDOUT, "no broker lets it be read");
			break;
		}
		kafka_asking_wait(&s->asking);
	}
	(void)kafka_consumer_unassign(s->asking.consumer, NULL);
}

static void try_topics(struct surveying *s)
{
	for (size_t i = 0; i < s->survey.n; i++) {
		struct kafka_topic_survey *t = &s->survey.topics[i];
		const char *last = "";

		for (size_t k = 0; t->n_topics > 0 && k < s->places[i].n; k++) {
			const struct kafka_place *place = &s->places[i].items[k];

			if (strcmp(place->topic, last) != 0)
				try_to_read(s, t, place);
			last = place->topic;
		}
	}
}

int kafka_survey(const struct kafka_conf *conf, char *const *topics, const char *group,
                 unsigned patience_ms, struct kafka_survey *ret_survey, struct err *err)
{
	const size_t n = strlist_len(topics);
	struct surveying s = {.patience_ms = patience_ms,
	                      .survey = {.n = n, .topics = mem_array(n, sizeof(*s.survey.topics))},
	                      .places = mem_array(n, sizeof(*s.places))};
	int r = kafka_asking_init(&s.asking, conf, group, patience_ms, err);

	for (size_t i = 0; i < n; i++)
		s.survey.topics[i].written = mem_strdup(topics[i]);
	if (r >= 0)
		r = look_for_topics(&s, err);
	if (r >= 0) {
		ask_group(&s);
		try_topics(&s);
	}
	kafka_asking_deinit(&s.asking);
	for (size_t i = 0; i < n; i++)
		kafka_places_deinit(&s.places[i]);
	free(s.places);
	if (r < 0)
		kafka_survey_deinit(&s.survey);
	else
		*ret_survey = s.survey;
	return r;
}

void kafka_survey_deinit(struct kafka_survey *survey)
{
	for (size_t i = 0; i < survey->n; i++) {
		free(survey->topics[i].written);
		free(survey->topics[i].widest);
	}
	free(survey->topics);
	*survey = (struct kafka_survey){0};
}
