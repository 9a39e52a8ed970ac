#pragma once

/*
 * Everything the sandbox is made of but its sockets, and `/_sandbox/…`, where a test looks at it
 * and changes it: requests, objects, what was sent, users, faults, settings, reset, hook, oauth.
 */

#include "connector/sandbox/api.h"
#include "connector/sandbox/data.h"
#include "connector/sandbox/faults.h"
#include "connector/sandbox/hook.h"
#include "connector/sandbox/requests.h"
#include "connector/sandbox/webhooks.h"

struct box_control {
	struct box_api api;
	struct box_data *data; /* what the organization begins with; NULL: the usual */
	struct box_faults *faults;
	struct box_hook *hook;
	struct box_requests *requests;
	struct box_webhooks *webhooks;
	uint64_t latency_ms, lag_ms, cursor_ms, job_ms, consolidate_ms, window_ms, seed;
	uint64_t n_resets; /* a late write of before the last one comes no more */
};

void box_control_init(struct box_control *control, struct loop *loop,
                      const struct sandbox_config *config);
/* Fills the organization from the file at @path, now and after every reset. */
int box_control_load(struct box_control *control, const char *path, int64_t wall_ms,
                     struct err *err);
void box_control_deinit(struct box_control *control);

/* Answers a call whose path has lost its "/_sandbox". */
void box_control_answer(struct box_control *control, const struct box_call *call,
                        struct box_answer *answer);
