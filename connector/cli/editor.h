#pragma once

/*
 * A person edits a record in $VISUAL or $EDITOR (else vi), as readable JSON in a file of their own:
 * mode 0600 in a new folder of mode 0700, both gone afterwards, with whatever the editor left
 * there.
 */

#include "connector/model/exit_code.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edited {
	char *text; /* the record on one line, to free() */
	bool is_changed;
};

/*
 * Lets @raw be edited; what is no JSON object, or longer than @max_bytes, is shown as it is and
 * offered again. Returns EXIT_DONE with the result; EXIT_UNSETTLED where the person gave up,
 * EXIT_INPUT where what came back is no record and nobody can be asked, EXIT_LOCAL where no editor
 * or file could be had, with a sentence each.
 */
enum exit_code editor_record(const char *raw, size_t len, uint64_t max_bytes,
                             struct edited *ret_edited, struct err *err);
