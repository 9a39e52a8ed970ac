#pragma once

/*
 * Talking to the process that owns a folder of state: HTTP/1.1 over a socket `control.sock` (0600)
 * in that folder, one POST /VERB with a JSON object each way. What is asked and answered is the
 * callers' affair. A folder whose path is longer than a socket address may be (107 bytes) is
 * reached through /proc/self/fd.
 */

#include "lib/err.h"
#include "lib/loop.h"

#include <json-c/json_object.h>

struct control;
struct control_question;

/*
 * Called for each question; must lead to one control_reply(), at once or later. @verb and @request
 * (an object) are borrowed until then.
 */
typedef void (*control_fn)(void *arg, const char *verb, struct json_object *request,
                           struct control_question *question);

/*
 * Listens in @folder. Only who holds the lock of the folder may call it: a socket a dead owner left
 * behind is removed.
 */
int control_listen(struct loop *loop, const char *folder, control_fn fn, void *arg,
                   struct control **ret_control, struct err *err);

/*
 * Stops listening, removes the socket and drops questions that were not answered; what was answered
 * just now still goes out as far as the socket takes it.
 */
void control_free(struct control *control);

/* Answers with @answer, an object (borrowed). The question is gone afterwards. */
void control_reply(struct control_question *question, struct json_object *answer);

/*
 * Asks the owner of @folder and waits. Returns 0 and its answer; -ENOENT or -ECONNREFUSED when
 * nobody listens (then the caller may open the state itself); -ETIMEDOUT when no answer came in
 * @timeout_ms; -ECONNRESET when the owner ended before it answered; -EPROTO for an answer that is
 * none of ours. With a sentence each.
 */
int control_call(const char *folder, const char *verb, struct json_object *request,
                 unsigned timeout_ms, struct json_object **ret_answer, struct err *err);
