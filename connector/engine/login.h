#pragma once

/*
 * How a process shows Close who it is: with the API key, or with OAuth tokens that are kept new.
 * For the engine, and for verbs that ask Close without one. Everything takes NULL, which stands for
 * a pipeline with an API key.
 */

#include "connector/engine/examine.h"
#include "connector/model/exit_code.h"
#include "connector/pipeline/pipeline.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "lib/redact.h"

struct login;

struct login_config {
	const struct pipeline *pipeline; /* borrowed, with secrets */
	struct redact *redact;           /* learns each token; NULL: nothing is told anywhere */
	uint64_t retry_for_ms;           /* how long it waits for a token server */
	/* There will be no token any more. May be called from inside login_start(). */
	void (*ended)(void *arg, enum exit_code code, const char *sentence);
	void *arg;
};

/*
 * @calls goes to Close: it is borrowed, and gets each new token. NULL in *ret_login where there is
 * an API key. -EINVAL for settings that cannot be used.
 */
int login_open(struct loop *loop, struct http *calls, const struct login_config *config,
               struct login **ret_login, struct err *err);
void login_free(struct login *login);
void login_start(struct login *login);

/* For the hooks of delivery, see there. */
unsigned login_credential(const struct login *login);
bool login_unauthorized(struct login *login, unsigned credential, bool again,
                        char ret_text[static 512]);

/* Nothing new is begun. */
void login_wind_down(struct login *login);
/* The process must not end now, or a token could be lost. */
bool login_is_busy(const struct login *login);
/* While it is busy, once: a sentence about what the end waits for. NULL: it was told, or is not. */
const char *login_delays(struct login *login);
/* Whether calls wait for a token, and for what. */
bool login_waits(const struct login *login, char *ret_text, size_t size);

/* What the token file says, for doctor: sends nothing, changes nothing. */
void login_examine(const struct pipeline *pipeline,
                   void (*take)(void *arg, const struct finding *finding), void *arg);
