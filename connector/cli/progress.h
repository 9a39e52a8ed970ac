#pragma once

/*
 * What `run` tells while it works and at its end. On a terminal a block of lines is drawn again in
 * place; elsewhere a line comes every ten seconds; with --json an object a line. It holds no clock:
 * call progress_show() as often as you like, it draws when it is time.
 */

#include "connector/model/counts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress;

struct progress_view {
	const char *pipeline; /* its name */
	const char *source;   /* what is read, as the user named it */
	struct run_counts counts;
	uint64_t bytes_read;   /* position in the source */
	uint64_t bytes_total;  /* 0: unknown (standard input) */
	bool counts_left;      /* it is a source that counts records, not bytes … */
	uint64_t left;         /* … and so many are left in it now; others may come */
	uint64_t events_owed;  /* not accepted by the receiver yet */
	uint64_t unknown_keys; /* that Close ignores; only the summary tells them */
	const char *waiting;   /* "waiting for quota until 10:42:07"; NULL: nothing is waited for */
};

enum progress_form { PROGRESS_LIVE, PROGRESS_LINES, PROGRESS_JSON };

/* JSON goes to standard output and all else to standard error; the form fits what is behind them.
 */
enum progress_form progress_choose(bool json);

/* Draws to @out, which stays the caller's. @now_ms is monotonic. */
struct progress *progress_new(enum progress_form form, FILE *out, uint64_t now_ms);
void progress_free(struct progress *progress);

/* Draws @view if it is time. @wall_ms is for the time of day in lines. */
void progress_show(struct progress *progress, const struct progress_view *view, uint64_t now_ms,
                   int64_t wall_ms);

/* Takes the live block away, so that other lines can be printed; it comes back by itself. */
void progress_hide(struct progress *progress);

struct progress_end {
	uint64_t run;              /* number of the run */
	const char *reason;        /* why it ended, a sentence; NULL: the end of the input */
	const char *pipeline_path; /* for the commands the summary names */
	int exit_code;
};

/* The last word: how every record ended; the counts add up to those read. */
void progress_summary(struct progress *progress, const struct progress_view *view,
                      const struct progress_end *end, uint64_t now_ms);
