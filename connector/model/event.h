#pragma once

/* A response event that is owed to somebody: its body is built, its id never changes. */

#include <stddef.h>
#include <stdint.h>

enum event_sink {
	SINK_WEBHOOK = 1,
	SINK_FILE = 2,
	SINK_KAFKA = 4,   /* responses.kafka */
	SINK_REJECTS = 8, /* rejects.kafka */
};

struct event {
	uint64_t seq; /* row, and order within its lane */
	char *id;     /* "clo_…" */
	char *lane;   /* order is kept among events of one lane */
	char *key;    /* what it is about, where order across lanes is asked for; NULL: nothing */
	char *body;
	size_t body_len;
	unsigned owes;      /* enum event_sink, or'ed: who is to accept it */
	uint64_t run;       /* the run it is told by; 0: none */
	int64_t at_wall_ms; /* when it was made */
	unsigned attempts;  /* at the webhook */
	int64_t next_try_wall_ms;
	/* Told with it and in the same transaction: a copy for others, with a row of its own. */
	struct event *also;
};

void event_free(struct event *event); /* with what is also told; NULL is ignored */
