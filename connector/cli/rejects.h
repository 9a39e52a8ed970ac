#pragma once

/* What the files of `closefeed rejects` share. */

#include "connector/cli/cli.h"
#include "connector/pipeline/pipeline.h"

#include <json-c/json_object.h>

/* What is asked of the state: which rejects, and by what they are to be shaped. A new object. */
struct json_object *rejects_request(const struct cli *cli, const struct pipeline *pipeline);

/* Lets reject @id be edited and puts the result into @request; else the code to end with. */
enum exit_code rejects_edit(const struct pipeline *pipeline, const char *id,
                            struct json_object *request);

/* Writes the kept records, as they came. */
enum exit_code rejects_export(const struct cli *cli, const struct pipeline *pipeline,
                              struct json_object *request);
