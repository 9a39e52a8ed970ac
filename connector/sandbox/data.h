#pragma once

/*
 * `--data FILE`: what an organization holds from the start. One object a line (NDJSON), or a JSON
 * list of them: {"kind": "lead", "id": "lead_1", "name": …}. Besides "kind" an object has the keys
 * that a create takes; "id" is kept, so objects can name one another, and so are "date_created" and
 * "date_updated". The order of lines does not matter. Users, pipelines and statuses in the file
 * stand instead of the usual ones of their kind.
 */

#include "connector/sandbox/org.h"
#include "lib/err.h"

struct box_data;

/* Reads the file. -errno, -EBADMSG or -EINVAL with the line that is wrong. */
int box_data_read(const char *path, struct box_data **ret_data, struct err *err);
void box_data_free(struct box_data *data);

/* Puts everything into a new organization. -EINVAL with the line that is wrong. */
int box_data_place(const struct box_data *data, struct box_org *org, int64_t wall_ms,
                   struct err *err);
