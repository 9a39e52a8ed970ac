#pragma once

/* Who the key of a pipeline belongs to: one GET /me/, which writes nothing. */

#include "connector/model/exit_code.h"
#include "connector/pipeline/pipeline.h"

struct me {
	char *user;         /* "Ana Bell <ana@example.com>" */
	char *organization; /* "Sandbox (orga_…)", or "" */
};

/*
 * Asks Close. Returns EXIT_DONE with the answer, the caller's to me_deinit(); 69 where Close cannot
 * be reached, 77 where it refuses the key, with a sentence. @pipeline was loaded with its secrets.
 */
enum exit_code me_ask(const struct pipeline *pipeline, struct me *ret_me, struct err *err);
void me_deinit(struct me *me);
