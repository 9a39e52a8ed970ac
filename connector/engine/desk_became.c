#include "connector/engine/desk_private.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What became of a record that somebody wants to send, in words that help. */

struct became {
	const char *path;            /* of the pipeline, for the commands that help */
	const char *what;            /* "line 3 of in.ndjson" */
	struct json_object *refusal; /* NULL: nothing is kept of it */
};

/* Held is said before rejected, and that before open: it asks most of a person. */
static void say_part(void *arg, const struct part_row *row)
{
	struct became *b = arg;
	const struct part *p = &row->part;
	const unsigned long long id = p->id;

	if (b->refusal && p->outcome != OUTCOME_HELD)
		return;
	json_object_put(b->refusal);
	if (p->outcome == OUTCOME_HELD)
		b->refusal = desk_refusal(
			EXIT_USAGE,
			"%s is held, only a person can decide about it: `closefeed held show %s "
			"%llu`",
			b->what, b->path, id);
	else if (p->outcome == OUTCOME_REJECTED)
		b->refusal = desk_refusal(
			EXIT_USAGE,
			"%s was rejected (%s: %s); `closefeed rejects retry %s %llu` sends it "
			"again, `rejects edit` lets you mend it",
			b->what, reject_class_name(p->class), p->message ? p->message : "", b->path,
			id);
	else
		b->refusal = desk_refusal(
			EXIT_AGAIN,
			"%s was sent, and its outcome is not known yet: `closefeed run` finds out",
			b->what);
}

/* The event whose place begins with @place and goes on with @end. */
static char *find_event(struct journal *journal, const struct buf *place, const char *end)
{
	cleanup_(freep) char *text = mem_printf("%s%s", buf_text(place), end);

	return journal_find_event(journal, text);
}

static char *event_of(struct journal *journal, const struct desk_where *where)
{
	const bool is_file = where->kind != STREAM_PARTITION;
	struct buf place = BUF_INIT;
	char *event;

	buf_adds(&place, is_file ? "{\"file\":" : "{\"topic\":");
	json_print_string(where->name, strlen(where->name), &place);
	if (is_file)
		buf_addf(&place, ",\"line\":%" PRIu64 ",\"bytes\":[%" PRIu64, where->line,
		         where->pos);
	else
		buf_addf(&place, ",\"partition\":%" PRId32 ",\"offset\":%" PRIu64, where->partition,
		         where->pos);
	event = find_event(journal, &place, ","); /* its length or its key comes next */
	if (!event && !is_file)
		event = find_event(journal, &place, "}");
	buf_deinit(&place);
	return event;
}

/* The event that told of it says more, as long as it is kept. */
static struct json_object *refuse_settled(struct journal *journal, const struct desk_where *where,
                                          const char *what)
{
	cleanup_(freep) char *text = event_of(journal, where);
	cleanup_(json_freep) struct json_object *event = NULL;
	/* Of a topic only what was not read is counted, so nobody could ask for it again. */
	const char *again = where->kind == STREAM_PARTITION ? "" : "; --again sends it once more";
	const char *outcome, *object;

	if (text)
		(void)json_parse(text, strlen(text), json_depth_limit, &event, NULL, NULL);
	outcome = json_get_string(json_get(event, "data"), "outcome");
	object = json_get_string(json_get(event, "data"), "object_id");
	if (!outcome)
		return desk_refusal(EXIT_USAGE,
		                    "%s is settled already: delivered, filtered or skipped by an "
		                    "earlier run%s",
		                    what, again);
	return desk_refusal(EXIT_USAGE, "%s is settled already: it was %s%s%s at %s%s", what,
	                    outcome, object ? " as " : "", object ? object : "",
	                    json_get_string(event, "time"), again);
}

char *desk_what(const struct desk_where *where)
{
	if (where->kind == STREAM_PARTITION)
		return mem_printf("offset %" PRIu64 " of partition %" PRId32 " of topic \"%s\"",
		                  where->pos, where->partition, where->name);
	return mem_printf("line %" PRIu64 " of %s", where->line, where->name);
}

struct json_object *desk_became(struct journal *journal, const char *path,
                                const struct desk_where *where, bool is_settled)
{
	cleanup_(freep) char *what = desk_what(where);
	struct became b = {.path = path, .what = what};
	struct err err;

	if (journal_each_part_at(journal, where->stream, where->pos, say_part, &b, &err) < 0)
		return desk_refusal(EXIT_LOCAL, "%s", err.text);
	if (!b.refusal && is_settled)
		b.refusal = refuse_settled(journal, where, what);
	return b.refusal;
}
