#pragma once

/* check --online: do the names of the pipeline and of its lock file mean at Close what they should?
 */

#include "connector/model/exit_code.h"
#include "connector/model/names.h"
#include "connector/pipeline/pipeline.h"
#include "lib/buf.h"

#include <json-c/json_object.h>

struct names_report {
	struct names names;        /* what Close said; must outlive the pipeline */
	struct buf what;           /* a line for people; empty: there was nothing to ask */
	struct json_object *drift; /* sentences; a list */
};

/*
 * Asks for what the pipeline names itself and what its lock file (@locked) holds, and loads the
 * pipeline again by that, in place of *@pipeline: its notes then say which names are wrong (78).
 * Drift of the lock file is told and no mistake.
 */
enum exit_code check_names(const struct pipeline_options *options, const struct names *locked,
                           struct pipeline **pipeline, struct names_report *ret_report);
void names_report_deinit(struct names_report *report);
