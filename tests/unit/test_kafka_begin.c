#include "connector/source/kafka_begin.h"

#include "lib/cleanup.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

/* A topic that has [0, 1000), a group that has committed nothing, a state that knows nothing. */
static struct kafka_place_facts untouched(void)
{
	return (struct kafka_place_facts){.topic = "t",
	                                  .partition = 3,
	                                  .journal = "mine",
	                                  .committed = -1,
	                                  .end = 1000,
	                                  .first = 0};
}

static struct kafka_beginning begin(const struct kafka_place_facts *facts)
{
	struct kafka_beginning b;
	struct err err = {""};

	check_eq(kafka_begin(facts, &b, &err), 0);
	return b;
}

static struct stream *settled_to(uint64_t pos)
{
	struct stream *s = stream_new(STREAM_PARTITION, "t/3");

	stream_settle(s, 0, pos, 0);
	return s;
}

/* A state that has come to where @stream is, and what the group has committed, with its note. */
static struct kafka_place_facts known(struct stream *stream, int64_t committed, const char *note)
{
	struct kafka_place_facts facts = untouched();

	facts.stream = stream;
	facts.committed = committed;
	facts.note = note;
	return facts;
}

static struct kafka_beginning begins_at(const struct kafka_place_facts *facts, uint64_t offset,
                                        uint64_t doubtful_to)
{
	const struct kafka_beginning b = begin(facts);

	check_eq(b.offset, offset);
	check_eq(b.doubtful_to, doubtful_to);
	return b;
}

static void a_new_group_begins_where_it_was_told_to(void **state)
{
	struct kafka_place_facts facts = untouched();
	struct kafka_beginning b;

	(void)state;
	facts.first = 1000;
	b = begins_at(&facts, 1000, 0);
	check(b.settles_before);
}

static void a_new_state_goes_on_from_what_the_group_has_committed(void **state)
{
	struct kafka_place_facts facts = untouched();
	struct kafka_beginning b;

	(void)state;
	facts.committed = 400;
	b = begins_at(&facts, 400, 0); /* by another tool: it sends nothing to Close */
	check(b.settles_before);

	facts.note = "closefeed1 theirs 0 450 2+3";
	b = begins_at(&facts, 400, 450);
	check(b.has_note);
}

static void the_state_s_own_position_counts(void **state)
{
	cleanup_(stream_freep) struct stream *s = settled_to(500);
	struct kafka_place_facts facts = known(s, -1, NULL);
	struct kafka_beginning b;

	(void)state;
	check_eq(begin(&facts).offset, 500); /* the group's offsets have expired */

	facts.committed = 480;
	facts.note = "closefeed1 mine 0 900";
	b = begins_at(&facts, 500, 0);
	check_text(b.sentence, "");

	/* Set by hand, to and fro. */
	facts.note = NULL;
	facts.committed = 0;
	b = begin(&facts);
	check_eq(b.offset, 500);
	check_text(b.sentence,
	           "partition 3 of topic \"t\": the group's offset was set to 0 by somebody else; "
	           "goes on from offset 500, where this state has come to (run --new-state goes "
	           "on from the group's)");
	facts.committed = 700;
	check_eq(begin(&facts).offset, 500);
}

static void what_another_owner_may_have_sent_is_in_doubt(void **state)
{
	cleanup_(stream_freep) struct stream *s = settled_to(500);
	struct kafka_place_facts facts = known(s, 600, "closefeed1 theirs 0 4000 1+1");
	struct kafka_beginning b;

	(void)state;
	check_eq(begin(&facts).doubtful_to, 1000); /* what is not there yet it cannot have sent */
	facts.note = "closefeed1 theirs 0 650 1+1";
	b = begins_at(&facts, 600, 650);
	check(b.settles_before);

	/* It began where we had committed, behind what we know to be settled. */
	facts.committed = 450;
	b = begins_at(&facts, 500, 650);
	check_eq(b.note.offset, 450); /* its ranges stand above that */
	check(!b.settles_before);

	/* It sent nothing that we have not settled. */
	facts.note = "closefeed1 theirs 0 480";
	check_eq(begin(&facts).doubtful_to, 0);
}

static void a_state_that_was_put_back_trusts_what_it_committed_later(void **state)
{
	cleanup_(stream_freep) struct stream *s = settled_to(500);
	struct kafka_place_facts facts = known(s, 600, "closefeed1 mine 0 650");
	struct kafka_beginning b;

	(void)state;
	(void)begins_at(&facts, 600, 650);

	/* That was of another topic by the same name. */
	s->generation = 1;
	b = begins_at(&facts, 500, 0);
	check(!b.has_note);
}

static void nothing_is_sent_of_a_topic_that_is_not_the_one_it_was(void **state)
{
	cleanup_(stream_freep) struct stream *s = settled_to(500);
	struct kafka_place_facts facts = known(s, -1, NULL);
	struct kafka_beginning b;
	struct err err;

	(void)state;
	facts.low = 620;
	check_eq(kafka_begin(&facts, &b, &err), -ESTALE);
	check_text(err.text,
	           "partition 3 of topic \"t\": records expired before they were read: to go on "
	           "from is offset 500, and the broker has 620 to 1000. Nothing was sent. If that "
	           "is meant, `run --accept-offsets` goes on from what there is");
	facts.low = 0;
	facts.end = 40;
	check_eq(kafka_begin(&facts, &b, &err), -ESTALE);
	check(strstr(err.text, "the topic was made anew, or its end is lost: to go on from is "
	                       "offset 500, and the broker has 0 to 40."));
}

static void a_person_may_accept_what_there_is(void **state)
{
	cleanup_(stream_freep) struct stream *s = settled_to(500);
	struct kafka_place_facts facts = known(s, -1, NULL);
	struct kafka_beginning b;

	(void)state;
	facts.accepts = true;
	facts.low = 620;
	b = begin(&facts);
	check_eq(b.offset, 620);
	check(b.settles_before);
	check(!b.is_new_stream);
	check(strstr(b.sentence, "120 offsets from 500 on expired before they were read"));

	facts.low = 0;
	facts.end = 40;
	b = begins_at(&facts, 0, 0);
	check(b.is_new_stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_new_group_begins_where_it_was_told_to),
		sentence(a_new_state_goes_on_from_what_the_group_has_committed),
		sentence(the_state_s_own_position_counts),
		sentence(what_another_owner_may_have_sent_is_in_doubt),
		sentence(a_state_that_was_put_back_trusts_what_it_committed_later),
		sentence(nothing_is_sent_of_a_topic_that_is_not_the_one_it_was),
		sentence(a_person_may_accept_what_there_is),
	};

	return run_sentences(tests);
}
