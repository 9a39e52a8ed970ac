#pragma once

/* Processes with a login, in virtual time, and the server that gives them tokens. */

#include "lib/mem.h"
#include "lib/oauth.h"
#include "lib/token_file.h"
#include "tests/unit/check.h"
#include "tests/unit/fake_http.h"
#include "tests/unit/virtual_clock.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A process with a login; two of them share the folder. */
struct process {
	struct loop *loop;
	struct http *http;
	struct oauth *oauth;
	char access[64], refresh[64]; /* that it was given last */
	unsigned n_renewed, n_ended;
	enum oauth_end end;
	char what[600];
};

static char folder[64];
static struct process a, b;

static inline void renewed(void *arg, const char *access_token, const char *refresh_token)
{
	struct process *p = arg;

	p->n_renewed++;
	(void)snprintf(p->access, sizeof(p->access), "%s", access_token);
	(void)snprintf(p->refresh, sizeof(p->refresh), "%s", refresh_token);
}

static inline void ended(void *arg, enum oauth_end end, const char *what)
{
	struct process *p = arg;

	p->n_ended++;
	p->end = end;
	(void)snprintf(p->what, sizeof(p->what), "%s", what);
}

static struct oauth_config config = {
	.token_url = "https://close/oauth2/token/",
	.client_id = "app",
	.client_secret = "a&secret",
	.refresh_token = "refresh.0",
	.folder = folder,
	.retry_for_ms = 3600000,
};

static inline void begin(struct process *p)
{
	const struct oauth_hooks hooks = {.arg = p, .renewed = renewed, .ended = ended};

	*p = (struct process){.loop = loop_new(), .http = fake_http_new()};
	loop_turn(p->loop, 0);
	p->oauth = oauth_new(p->loop, p->http, &config, &hooks);
	oauth_start(p->oauth);
}

/* As if killed: what it holds is gone, what is on the disk stays. */
static inline void kill_it(struct process *p)
{
	if (!p->loop)
		return;
	oauth_free(p->oauth);
	http_free(p->http);
	loop_free(p->loop);
	*p = (struct process){0};
}

static inline int clean(void **state)
{
	(void)state;
	virtual_clock_reset();
	(void)snprintf(folder, sizeof(folder), "/tmp/oauth-XXXXXX");
	check(mkdtemp(folder));
	return 0;
}

static inline int tidy(void **state)
{
	DIR *dir;
	const struct dirent *entry;

	(void)state;
	kill_it(&a);
	kill_it(&b);
	(void)chmod(folder, 0700);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	return rmdir(folder);
}

static inline void pass(struct process *p, uint64_t ms)
{
	while (ms) {
		const uint64_t step = ms < 50000 ? ms : 50000;

		virtual_clock_pass(step);
		loop_turn(p->loop, 0);
		loop_turn(p->loop, 0); /* what the first one set to now */
		ms -= step;
	}
}

static inline void reply(struct process *p, unsigned n_sends, long status, const char *body)
{
	const struct fake_reply r = {.n_sends = n_sends, .status = status, .body = body};

	check(fake_in_flight(p->http, 0) != NULL);
	fake_end(fake_in_flight(p->http, 0), &r);
}

static inline void give(struct process *p, unsigned n)
{
	char body[200];

	(void)snprintf(
		body, sizeof(body),
		"{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"access.%u\","
		"\"refresh_token\":\"refresh.%u\"}",
		n, n);
	reply(p, 1, 200, body);
}

static inline struct tokens on_disk(void)
{
	struct token_file *file;
	struct tokens tokens = {0};
	char id[33];

	oauth_grant_id(&config, id);
	file = token_file_new(folder, id);
	(void)token_file_read(file, &tokens, NULL);
	token_file_free(file);
	return tokens;
}

static inline void check_on_disk(const char *refresh, bool is_asked)
{
	struct tokens t = on_disk();

	check_text(t.refresh_token, refresh);
	check_eq(t.asked_wall_ms != 0, is_asked);
	tokens_deinit(&t);
}

#define each(fn) cmocka_unit_test_setup_teardown(fn, clean, tidy)
