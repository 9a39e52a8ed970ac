#pragma once

/*
 * Asking for state: of the process that runs the pipeline where there is one, else of the state
 * itself. The answer is the same either way, and so is what is printed.
 */

#include "connector/cli/cli.h"
#include "connector/pipeline/pipeline.h"

#include <json-c/json_object.h>

/*
 * Loads the pipeline, prints its mistakes on standard error, and returns EXIT_DONE with it (the
 * caller's, to pipeline_free()), or the exit code to end with.
 */
enum exit_code ask_load(const char *path, bool with_secrets, struct pipeline **ret_pipeline);

/* The same, with the secrets of its source alone. */
enum exit_code ask_load_source(const char *path, struct pipeline **ret_pipeline);

/* Prints the notes as `file:line:column: error: …`. */
void ask_print_notes(const struct pipeline *pipeline);

/* EXIT_DONE, or prints why @answer is a refusal and returns the exit code to end with. */
enum exit_code ask_refusal(struct json_object *answer);

/*
 * Asks @verb with @request (borrowed). Returns EXIT_DONE and the answer, the caller's; or prints
 * why there is none and returns the exit code to end with.
 */
enum exit_code ask_state(const struct pipeline *pipeline, const char *verb,
                         struct json_object *request, struct json_object **ret_answer);
