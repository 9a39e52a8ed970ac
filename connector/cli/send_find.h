#pragma once

/* The record that somebody wants to send, found as `preview` reads, beside whoever runs. */

#include "connector/cli/cli.h"
#include "connector/model/record.h"
#include "connector/pipeline/pipeline.h"

/*
 * Record @number of the input of @pipeline (with the secrets of its source), from 1; of topics,
 * counted from where their group is. Returns EXIT_DONE and the record, the caller's; or prints why
 * there is none and returns the exit code to end with.
 */
enum exit_code send_find(const struct cli *cli, const struct pipeline *pipeline, uint64_t number,
                         struct record **ret_record);
