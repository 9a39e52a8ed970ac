#include "connector/engine/lag.h"
#include "connector/engine/login.h"
#include "connector/engine/partitions.h"
#include "connector/engine/trace.h"

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/test_hooks.h"
#include "lib/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The loop. Each turn: what came in, what may be read, what may go out, one commit, then what was
 * committed is told.
 */

enum { idle_turn_ms = 1000 };

void settle_stop(void *arg, enum exit_code code, const char *sentence)
{
	struct engine *e = arg;

	e->hands_over = false; /* what came of it meanwhile is a reason to end */
	if (!e->is_stopping)
		e->drain_until_ms = loop_now_ms(e->loop) + e->pipeline->drain_ms;
	e->is_stopping = true;
	e->stop_code = code;
	(void)snprintf(e->stop_reason, sizeof(e->stop_reason), "%s", sentence);
}

void engine_interrupt(struct engine *engine, bool at_once)
{
	delivery_stop(engine->delivery, EXIT_AGAIN, "stopped by a signal; run again to go on");
	if (at_once) {
		engine->at_once = true;
		engine->stop_code = EXIT_INTERRUPTED;
	}
}

uint64_t engine_now_ms(const struct engine *engine)
{
	return loop_now_ms(engine->loop);
}

int64_t engine_wall_ms(const struct engine *engine)
{
	return loop_wall_ms(engine->loop);
}

static bool has_more_to_do(const struct engine *e)
{
	return journal_has_changes(e->journal) || e->file_from != 0 ||
	       (e->file_is_behind && !e->file_is_broken);
}

/* When something that waits for others is to go; 0: nothing is. */
static uint64_t next_due_ms(const struct engine *e)
{
	const uint64_t batch = batches_due_ms(e), question = resolve_due_ms(e);

	return !batch || (question && question < batch) ? question : batch;
}

static int turn_wait(struct engine *e)
{
	const uint64_t now = loop_now_ms(e->loop);
	const uint64_t due = next_due_ms(e);
	int wait = e->file_from ? outbox_file_wait_ms : idle_turn_ms;

	if (journal_has_changes(e->journal) || e->input_goes_on || outbox_is_busy(e) ||
	    desk_is_busy(e->desk) || e->is_trying_now || resolve_is_busy(e) || (due && due <= now))
		return 0;
	return due && due - now < (uint64_t)wait ? (int)(due - now) : wait;
}

static bool is_drained(struct engine *e)
{
	if (loop_now_ms(e->loop) >= e->drain_until_ms)
		return true;
	return delivery_is_quiet(e->delivery) && !has_more_to_do(e);
}

/* All has ended; what is left is the receiver, who gets delivery.drain from now. */
static bool is_told(struct engine *e)
{
	const uint64_t now = loop_now_ms(e->loop);

	if (outbox_is_empty(e))
		return true;
	if (!e->drain_until_ms)
		e->drain_until_ms = now + e->pipeline->drain_ms;
	return now >= e->drain_until_ms;
}

static bool has_nothing_to_do(struct engine *e)
{
	if (e->is_stopping)
		return is_drained(e);
	if (!e->options.reads_source)
		return !desk_is_waiting(e->desk) && delivery_is_quiet(e->delivery) &&
		       !has_more_to_do(e) && is_told(e);
	if (!e->is_bound || !e->input_ended || (e->n_unsettled && !restore_is_all(e)) ||
	    !delivery_is_idle(e->delivery) || desk_is_waiting(e->desk) || has_more_to_do(e)) {
		e->drain_until_ms = 0;
		return false;
	}
	return is_told(e);
}

/* A refresh that is on its way ends first. */
static bool is_logged_out(struct engine *e)
{
	const char *delay;

	if (!login_is_busy(e->login) || hook_without("token_wait"))
		return true;
	delay = login_delays(e->login);
	if (delay)
		engine_greet(e, "%s", delay);
	return false;
}

static bool is_finished(struct engine *e)
{
	if (e->at_once)
		return true;
	if (e->is_stopping)
		login_wind_down(e->login);
	return has_nothing_to_do(e) && is_logged_out(e);
}

static void commit(struct engine *e)
{
	struct err err;

	if (journal_commit(e->journal, &err) >= 0)
		return;
	/* What could not be made durable did not happen; nothing after it may happen either. */
	e->at_once = true;
	e->hands_over = false;
	e->is_stopping = true;
	e->stop_code = EXIT_LOCAL;
	(void)snprintf(e->stop_reason, sizeof(e->stop_reason), "%s", err.text);
}

static void turn(struct engine *e)
{
	loop_turn(e->loop, turn_wait(e));
	hook_point("turn_begins");
	partitions_turn(e);
	delivery_grant(e->delivery);
	intake_turn(e);
	desk_begin(e->desk);
	proof_turn(e->proof);
	trace_turn(e);
	intake_check_disk(e);
	delivery_turn(e->delivery);
	if (e->source && journal_has_changes(e->journal))
		source_mark(e->source);
	commit(e);
	if (partitions_are_read(e) && !e->at_once)
		commit(e); /* what the first one set going: else Kafka might never be told */
	if (!e->at_once) {
		partitions_tell(e);
		outbox_turn(e);
	}
	desk_turn(e->desk);
}

static enum exit_code exit_code_of(const struct engine *e)
{
	const struct run_counts *n = &e->run.counts;

	if (e->is_stopping)
		return e->stop_code;
	if (e->input_code != EXIT_DONE)
		return e->input_code;
	if (outbox_n_owed(e))
		return EXIT_AGAIN;
	return n->rejected || n->held || n->open ? EXIT_UNSETTLED : EXIT_DONE;
}

static void count_open(struct engine *e)
{
	struct journal_totals totals;

	if (journal_totals(e->journal, &totals, NULL) < 0)
		return;
	e->run.counts.open = totals.open;
	e->run.counts.read += totals.open;
}

static void end_run(struct engine *e)
{
	delivery_leave(e->delivery);
	if (e->hands_over)
		commit(e);
	if (e->hands_over) /* it goes on with other partitions */
		return;
	e->run.ended_wall_ms = loop_wall_ms(e->loop);
	count_open(e);
	(void)snprintf(e->run.reason, sizeof(e->run.reason), "%s",
	               e->is_stopping               ? e->stop_reason
	               : e->input_code != EXIT_DONE ? e->input_err.text
	               : resolve_n(e)               ? resolve_reason(e)
	               : e->options.reads_source    ? "end of input"
	                                            : "done by hand");
	/* What a person had done while nothing ran is a run only if it settled what one left open.
	 */
	if (e->options.reads_source || e->run.counts.read)
		journal_put_run(e->journal, &e->run);
	if (!e->at_once || e->stop_code != EXIT_LOCAL)
		commit(e);
}

/* Why it ended early, NULL where it did not. */
static const char *reason_of(struct engine *e)
{
	const char *trouble = outbox_trouble(e);

	if (e->is_stopping)
		return e->stop_reason;
	if (e->input_code != EXIT_DONE)
		return e->input_err.text;
	if (resolve_n(e) && !outbox_n_owed(e))
		return resolve_reason(e);
	if (e->options.reads_source && restore_n(e) && !outbox_n_owed(e))
		return "what an earlier run left open waits for records before it that were not "
		       "read again; it is sent when a run has come to its place";
	if (!outbox_n_owed(e))
		return NULL;
	if (outbox_is_gone(e))
		return "the receiver of the responses answered 410 Gone; events that it has not "
		       "taken are kept until `closefeed responses resume`";
	(void)snprintf(e->stop_reason, sizeof(e->stop_reason),
	               "%s did not take all events within delivery.drain%s%s%s; they are kept and "
	               "sent by the next run",
	               outbox_waits_for(e), *trouble ? " (" : "", trouble, *trouble ? ")" : "");
	return e->stop_reason;
}

enum exit_code engine_run(struct engine *engine, engine_turn_fn each_turn, void *arg,
                          const char **ret_reason)
{
	struct engine *e = engine;

	if (!e->options.is_offline) {
		login_start(e->login);
		bind_start(e);
		delivery_turn(e->delivery); /* the loop would wait for something to happen first */
	}
	while (!is_finished(e)) {
		turn(e);
		each_turn(arg, e);
	}
	end_run(e);
	hook_point("run_ends");

	*ret_reason = reason_of(e);
	return exit_code_of(e);
}

/* What the progress shows */

/* The key of a lane has words of records in it: no line of a log may end there. */
static void plain_key(const char *key, char text[static 80])
{
	size_t left = strlen(key), n = 0;

	while (left) {
		const size_t len = utf8_sequence(key, left), taken = len ? len : 1;
		const bool is_plain = len > 1 || (len == 1 && isprint((unsigned char)*key));

		if (n + taken >= 80)
			break;
		memcpy(text + n, is_plain ? key : "?", taken);
		n += taken;
		key += taken;
		left -= taken;
	}
	text[n] = '\0';
}

static void wait_for_late_copies(const struct delivery_state *s, const struct engine *e, char *text,
                                 size_t size)
{
	const int64_t clock_offset = loop_wall_ms(e->loop) - (int64_t)loop_now_ms(e->loop);
	char key[80], first[16], last[16], more[32] = "", span[48] = "";

	plain_key(s->closed, key);
	clock_local_hms(clock_offset + (int64_t)s->first_opens_at_ms, first);
	clock_local_hms(clock_offset + (int64_t)s->last_opens_at_ms, last);
	if (s->n_closed > 1)
		(void)snprintf(more, sizeof(more), " (and %u more)", s->n_closed - 1);
	if (strcmp(first, last) != 0)
		(void)snprintf(span, sizeof(span), " (the last until %s)", last);
	(void)snprintf(text, size,
	               "calls about %s%s wait until %s%s, when a lost earlier copy can no longer "
	               "arrive",
	               key, more, first, span);
}

static void wait_for(const struct delivery_state *s, struct engine *e, char *text, size_t size)
{
	const int64_t wall = loop_wall_ms(e->loop);
	const int64_t proof = proof_until_wall_ms(e->proof);
	const char *trouble = outbox_trouble(e);
	char at[16];

	if (s->is_unreachable || s->is_full) {
		(void)snprintf(text, size, "%s", s->trouble);
	} else if (login_waits(e->login, text, size) || partitions_wait(e, text, size) ||
	           lag_waits(e, text, size)) {
		return;
	} else if ((s->waiting_quota || !e->is_bound) && s->quota_at_ms > loop_now_ms(e->loop)) {
		(void)snprintf(
			text, size, "waiting for quota until %s",
			clock_local_hms(wall + (int64_t)(s->quota_at_ms - loop_now_ms(e->loop)),
		                        at));
	} else if (s->unknown && proof) {
		(void)snprintf(text, size, "%u outcome%s unknown, proof needs until %s", s->unknown,
		               plural(s->unknown, "", "s"), clock_local_hms(proof, at));
	} else if (trace_is_looking(e)) {
		(void)snprintf(text, size, "asking Close for the id of what it has made");
	} else if (s->unknown) {
		(void)snprintf(text, size, "%u outcome%s unknown, to be sent again soon",
		               s->unknown, plural(s->unknown, "", "s"));
	} else if (!e->is_bound) {
		(void)snprintf(text, size, "asking Close which organization this is");
	} else if (resolve_doubt_until_ms(e)) {
		(void)snprintf(text, size,
		               "what another process may have made is looked up again at %s",
		               clock_local_hms(wall + (int64_t)(resolve_doubt_until_ms(e) -
		                                                loop_now_ms(e->loop)),
		                               at));
	} else if (aside_is_there(e)) {
		(void)snprintf(text, size,
		               "asking Close what it calls by the names in the records");
	} else if (!e->has_space) {
		(void)snprintf(text, size,
		               "the disk of %s is nearly full; reading goes on when there "
		               "is space",
		               e->folder);
	} else if (outbox_is_full(e) || (e->drain_until_ms && !outbox_is_empty(e))) {
		(void)snprintf(text, size, "waiting for %s%s%s%s", outbox_waits_for(e),
		               *trouble ? " (" : "", trouble, *trouble ? ")" : "");
	} else if (s->n_closed) {
		wait_for_late_copies(s, e, text, size);
	} else if (batches_n(e)) {
		(void)snprintf(text, size, "%zu record%s for others to share %s call", batches_n(e),
		               plural(batches_n(e), " waits", "s wait"),
		               plural(batches_n(e), "its", "their"));
	} else {
		*text = '\0';
	}
}

void engine_look(struct engine *engine, struct engine_view *ret_view)
{
	struct engine *e = engine;
	struct engine_view v = {.counts = e->run.counts, .run = e->run.id};
	struct delivery_state state;
	struct lag_view lag;
	struct source_position at = {0};

	if (e->source)
		at = source_position(e->source);
	if (!e->run.ended_wall_ms) {
		v.counts.open = e->n_unsettled;
		v.counts.read += v.counts.open;
	}
	v.source = e->pipeline->kafka.topics ? e->pipeline->kafka.written
	                                     : e->pipeline->ndjson_written;
	lag_look(e, &lag);
	v.is_behind = lag.is_known && !lag.is_bytes;
	v.records_left = v.is_behind ? lag.left : 0;
	v.bytes_read = at.bytes;
	v.bytes_total = at.size;
	v.events_owed = outbox_n_owed(e);
	v.unknown_keys = e->n_unknown_keys;
	delivery_look(e->delivery, &state);
	wait_for(&state, e, v.waiting, sizeof(v.waiting));
	*ret_view = v;
}
