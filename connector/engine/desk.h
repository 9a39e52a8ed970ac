#pragma once

/*
 * The desk answers people about the state: what waits, what was rejected, what is held, and takes
 * their decisions. The owner of the state has one behind control.sock; when nobody runs, a verb
 * opens the state for itself and asks the same desk.
 */

#include "connector/delivery/journal.h"
#include "connector/model/exit_code.h"
#include "connector/pipeline/pipeline.h"
#include "lib/err.h"

#include <json-c/json_object.h>
#include <stdbool.h>

struct shape_output;
struct jq_set;
struct buf;

/*
 * Adds what output @output would send by itself, as text: who was shown it can hold it against what
 * is sent in the end. @jq is the set its route's programs are in.
 */
void desk_print_output(const struct shape_output *output, struct jq_set *jq, struct buf *out);

/* Whether @verb sends or tells something ("rejects.retry", "held.resolve"): it needs the secrets.
 */
bool desk_verb_acts(const char *verb);

/*
 * Answers @verb with nobody running: takes the state folder for the time of the answer. @pipeline
 * is loaded with secrets where desk_verb_acts(). The answer is an object of the caller's; a refusal
 * has "error" and "exit". EXIT_DONE, or the code to end with and a sentence.
 */
enum exit_code desk_ask_alone(const struct pipeline *pipeline, const char *verb,
                              struct json_object *request, struct json_object **ret_answer,
                              struct err *err);
