#pragma once

/* A response event that is owed to somebody: its body is built, its id never changes. */

#include <stddef.h>
#include <stdint.h>

enum event_sink { SINK_WEBHOOK = 1, SINK_FILE = 2 };

struct event {
	uint64_t seq; /* row, and order within its lane */
	char *id;     /* "clo_…" */
	char *lane;   /* order is kept among events of one lane */
	char *body;
	size_t body_len;
	unsigned owes;      /* enum event_sink, or'ed: who is to accept it */
	uint64_t run;       /* the run it is told by; 0: none */
	int64_t at_wall_ms; /* when it was made */
	unsigned attempts;  /* at the webhook */
	int64_t next_try_wall_ms;
};

void event_free(struct event *event); /* NULL is ignored */
