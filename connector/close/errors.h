#pragma once

/*
 * What an error answer says, under the names the user wrote. Close names fields by its own words
 * ("lead" for a bad "lead_id") and nests list errors under string indexes; here they become
 * "lead_id" and "emails[0].email". All shapes seen are read, and none is needed: a proxy's page
 * gives its first 200 characters. Never used to decide anything, only to tell.
 */

#include <json-c/json_object.h>
#include <stddef.h>

struct crm_error {
	char *message;              /* for people; never empty, a few thousand characters at most */
	struct json_object *fields; /* the user's field → message, at most 50; NULL: none named */
	char *field;                /* the first of them; NULL: none */
};

/*
 * Reads the body of a refusal: @answer is what it parsed to, NULL if it is no JSON. @sent is the
 * request's body (NULL: none), whose keys decide between "X" and "X_id"; @written names its keys
 * for the user (name_written(); NULL: as they are). To crm_error_deinit().
 */
void crm_error_read(const char *body, size_t body_len, struct json_object *answer,
                    struct json_object *sent, struct json_object *written,
                    struct crm_error *ret_error);

void crm_error_deinit(struct crm_error *error);
