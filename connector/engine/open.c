#include "connector/engine/lag.h"
#include "connector/engine/login.h"
#include "connector/engine/partitions.h"
#include "connector/engine/rate_file.h"
#include "connector/engine/repeats.h"
#include "connector/engine/tap.h"
#include "connector/engine/trace.h"

#include "connector/close/catalogue.h"
#include "connector/close/group.h"
#include "connector/model/effects.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/folder.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "lib/test_hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The state folder, its lock, and everything that lives as long as the engine. */

void engine_greet(struct engine *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strlist_add(&e->greetings, mem_vprintf(format, args));
	va_end(args);
}

void engine_tell(void *arg, const char *sentence)
{
	engine_greet(arg, "%s", sentence);
}

char *const *engine_greetings(const struct engine *engine)
{
	static char *const none[] = {NULL};

	return engine->greetings ? engine->greetings : none;
}

static int check_folder(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "state folder %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s is no folder, so it cannot hold the state", path);
	if (st.st_uid != geteuid())
		return err_set(err, -EPERM,
		               "state folder %s belongs to another user; name another with `state`",
		               path);
	if (st.st_mode & 022)
		return err_set(err, -EPERM,
		               "state folder %s can be written by others; `chmod go-w %s`", path,
		               path);
	return 0;
}

/* One process a folder; the lock file says which. */
static int lock_folder(struct engine *e, struct err *err)
{
	cleanup_(freep) char *path = mem_printf("%s/lock", e->folder);
	char text[32] = {0};
	int len;

	if (e->lock_fd >= 0)
		return 0; /* the engine before had it */
	e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->lock_fd < 0)
		return err_set(err, -errno, "cannot write in the state folder %s: %s", e->folder,
		               strerror(errno));
	if (flock(e->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		(void)!pread(e->lock_fd, text, sizeof(text) - 1, 0);
		text[strcspn(text, "\n")] = '\0';
		return err_set(err, -EBUSY,
		               "process %s runs pipeline \"%s\" already (state in %s); ask it with "
		               "`closefeed status`, or stop it first",
		               *text ? text : "?", e->pipeline->name, e->folder);
	}
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(e->lock_fd, 0) < 0 || pwrite(e->lock_fd, text, (size_t)len, 0) < 0)
		return err_set(err, -errno, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int is_old_journal(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return !strncmp(entry->d_name, "old-", 4) && end && !strcmp(end, ".db");
}

/* A kill came between the two renames below: the write-ahead log follows its database. */
static int finish_setting_aside(const char *folder, const char *journal, const char *wal,
                                struct err *err)
{
	struct dirent **old = NULL;
	int n, r = 0;

	if (access(journal, F_OK) == 0 || access(wal, F_OK) < 0)
		return 0;
	n = scandir(folder, &old, is_old_journal, alphasort);
	if (n > 0) { /* the newest is the last: their names are times */
		cleanup_(freep) char *to = mem_printf("%s/%s-wal", folder, old[n - 1]->d_name);

		if (access(to, F_OK) < 0)
			r = rename(wal, to);
	}
	if (r < 0)
		r = err_set(err, -errno, "cannot set %s aside: %s", wal, strerror(errno));
	while (n > 0)
		free(old[--n]);
	free(old);
	return r;
}

/*
 * An old state is never deleted, only set aside under a name with the time. The database goes
 * first: without its write-ahead log it would be an older state, and a kill would leave that
 * behind to be gone on with.
 */
static int set_aside(struct engine *e, struct err *err)
{
	const int64_t wall_ms = loop_wall_ms(e->loop);
	const time_t now = (time_t)(wall_ms / 1000);
	cleanup_(freep) char *journal = mem_printf("%s/journal.db", e->folder);
	cleanup_(freep) char *wal = mem_printf("%s-wal", journal);
	cleanup_(freep) char *old = NULL;
	char stamp[32];
	struct tm tm;
	int r = finish_setting_aside(e->folder, journal, wal, err);

	if (r < 0 || !e->options.new_state || access(journal, F_OK) < 0)
		return r;
	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
	old = mem_printf("%s/old-%s.%03dZ.db", e->folder, stamp, (int)(wall_ms % 1000));
	if (rename(journal, old) < 0)
		return err_set(err, -errno, "cannot set %s aside: %s", journal, strerror(errno));
	hook_point("state_aside");
	engine_greet(e, "the old state is kept as %s", old);
	return finish_setting_aside(e->folder, journal, wal, err);
}

static void group_start(const char *group, unsigned *ret_calls, unsigned *ret_window_ms)
{
	const struct crm_group *g = crm_group_find(group);

	*ret_calls = g->limit;
	*ret_window_ms = g->window_ms;
}

static void login_ended(void *arg, enum exit_code code, const char *sentence)
{
	const struct engine *e = arg;

	delivery_stop(e->delivery, code, sentence);
}

static int connect_out(struct engine *e, struct err *err)
{
	const struct pipeline *p = e->pipeline;
	const struct http_config config = {
		.user = p->api_key,
		.ca_file = p->ca_file,
		.proxy = p->proxy,
		.allow_http = !strncmp(p->base_url, "http://", 7),
		.max_connections = p->concurrency + 1,
		.user_agent = "closefeed/" CLOSEFEED_VERSION,
	};

	const struct login_config login = {
		.pipeline = p,
		.redact = e->redact,
		.retry_for_ms = p->retry_for_ms,
		.ended = login_ended,
		.arg = e,
	};
	int r = http_new(e->loop, &config, &e->http, err);

	return r < 0 ? r : login_open(e->loop, e->http, &login, &e->login, err);
}

static unsigned credential(void *arg)
{
	const struct engine *e = arg;

	return login_credential(e->login);
}

static bool unauthorized(void *arg, unsigned credential_was, bool again, char ret_text[static 512])
{
	const struct engine *e = arg;

	return login_unauthorized(e->login, credential_was, again, ret_text);
}

static bool destroys(void *arg, const struct request *request)
{
	(void)arg;
	return effects_destroy(operation_find(crm_catalogue(), request->operation),
	                       request->method);
}

static void start_delivery(struct engine *e)
{
	const struct pipeline *p = e->pipeline;
	struct delivery_config config = {
		.base_url = p->base_url,
		.concurrency = p->concurrency,
		.timeout_ms = (unsigned)p->timeout_ms,
		.retry_for_ms = p->retry_for_ms,
		.quarantine_ms = p->quarantine_ms,
		.hold_unknown = p->hold_unknown,
		.max_rejects_n = p->max_rejects_n,
		.max_destroys = p->max_destroys,
		.counted = &e->counted,
		.group_start = group_start,
	};
	const struct delivery_hooks hooks = {
		.arg = e,
		.judge = judge_request,
		.judge_call = judge_call,
		.credential = credential,
		.unauthorized = unauthorized,
		.heard = tap_call,
		.begins = outputs_begin,
		.halve = batches_halve,
		.retake = resolve_retake,
		.may_send = partitions_may_send,
		.destroys = destroys,
		.doubt_until_ms = partitions_doubt,
		.can_prove = proof_can,
		.can_find = trace_can,
		.ended = settle_request,
		.stopped = settle_stop,
	};

	switch (p->max_rejects) {
	case MAX_REJECTS_DEFAULT:
		config.max_rejects = REJECTS_DEFAULT;
		break;
	case MAX_REJECTS_NONE:
		config.max_rejects = REJECTS_NONE;
		break;
	case MAX_REJECTS_COUNT:
		config.max_rejects = REJECTS_COUNT;
		break;
	case MAX_REJECTS_SHARE:
		config.max_rejects = REJECTS_SHARE;
		break;
	}
	crypto_random(&config.seed, sizeof(config.seed));
	e->pace = pace_new(p->share_pct, p->rate_n, p->rate_per_ms);
	if (e->rate_file)
		rate_file_attach(e->rate_file, e->pace, p->rate_n);
	pace_set_lookup(e->pace, pace_group(e->pace, "search", crm_group_find("search")->limit,
	                                    crm_group_find("search")->window_ms));
	e->delivery = delivery_new(e->loop, e->journal, e->http, e->pace, &config, &hooks);
	e->proof = proof_new(e);
	e->trace = trace_new(e);
	e->tap = tap_new(e);
}

static enum exit_code code_of(int r)
{
	return r == -EBUSY ? EXIT_AGAIN : EXIT_LOCAL;
}

static int open_state(struct engine *e, struct err *err)
{
	char folder[PATH_MAX];
	int r = folder_make(e->pipeline->state_folder, "state folder",
	                    "; name another with `state`", err);

	if (r >= 0)
		r = check_folder(e->pipeline->state_folder, err);
	if (r < 0)
		return r;
	/* Symbolic links on the way are fine, inside the folder they are not. */
	e->folder = mem_strdup(
		realpath(e->pipeline->state_folder, folder) ? folder : e->pipeline->state_folder);
	r = lock_folder(e, err);
	if (r >= 0)
		r = set_aside(e, err);
	if (r >= 0 && e->pipeline->rate_n)
		r = rate_file_open(e->folder, e->loop, &e->rate_file, err);
	if (r >= 0)
		r = journal_open(e->folder, &e->journal, err);
	if (r >= 0)
		r = journal_config(e->journal, e->pipeline->sha256, e->pipeline->text,
		                   &e->config_id, err);
	if (r >= 0)
		r = journal_prune(e->journal, loop_wall_ms(e->loop) - (int64_t)e->pipeline->keep_ms,
		                  err);
	return r;
}

static void take_held(void *arg, const struct part_row *row)
{
	struct engine *e = arg;
	struct request *r;

	if (!row->request || journal_load_request(e->journal, row->request, &r, NULL) < 0)
		return;
	if (r->identity_field)
		(void)identities_take(e->identities, r);
	offers_take_request(e, r);
	request_free(r);
}

static void begin_run(struct engine *e)
{
	uint8_t bytes[16];
	char *uid;

	if (e->run.id)
		return; /* it goes on */
	crypto_random(bytes, sizeof(bytes));
	uid = crypto_base32(bytes, sizeof(bytes));
	(void)memccpy(e->run.uid, uid, '\0', sizeof(e->run.uid));
	free(uid);
	e->run.began_wall_ms = loop_wall_ms(e->loop);
	e->run.config = e->config_id;
	if (e->options.reads_source)
		journal_put_run(e->journal, &e->run);
	else
		e->run.id = journal_next_run(e->journal);
}

/* A header of the receiver whose name says that its value is a credential. */
static void know_header(struct redact *redact, const char *header)
{
	static const char *const words[] = {"auth", "token", "key", "secret", "password", "cookie"};
	cleanup_(freep) char *name = mem_dup(header, strcspn(header, ":"));
	const char *value = header + strlen(name);

	if (!*value)
		return;
	value += 1 + strspn(value + 1, " ");
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(name, words[i])) {
			redact_add(redact, value);
			return;
		}
}

static void know_properties(struct redact *redact, const struct kafka_conf *conf)
{
	for (size_t i = 0; i < conf->n_properties; i++)
		if (kafka_property_is_secret(conf->properties[i].name))
			redact_add(redact, conf->properties[i].value);
}

/* "http://user:password@host" */
static void know_proxy(struct redact *redact, const char *proxy)
{
	const char *host = strstr(proxy, "://");
	const char *at = host ? strchr(host, '@') : NULL;

	if (at) {
		cleanup_(freep) char *user = mem_dup(host + 3, (size_t)(at - host - 3));
		const char *colon = strchr(user, ':');

		redact_add(redact, user);
		redact_add(redact, colon ? colon + 1 : NULL);
	}
}

static void know_secrets(struct engine *e)
{
	const struct pipeline *p = e->pipeline;

	e->redact = redact_new();
	redact_add(e->redact, p->api_key);
	redact_add(e->redact, p->oauth.client_secret);
	redact_add(e->redact, p->oauth.refresh_token);
	for (size_t i = 0; i < 2; i++) {
		const char *secret = p->webhook_secrets[i];

		redact_add(e->redact, secret);
		/* What follows the prefix signs just as well. */
		if (secret && !strncmp(secret, "whsec_", 6))
			redact_add(e->redact, secret + 6);
	}
	for (char **header = p->webhook_headers; header && *header; header++)
		know_header(e->redact, *header);
	if (p->proxy)
		know_proxy(e->redact, p->proxy);
	know_properties(e->redact, &p->kafka.conf);
	know_properties(e->redact, &p->responses_kafka.conf);
	know_properties(e->redact, &p->rejects_kafka.conf);
}

static struct engine *engine_new(const struct engine_options *options)
{
	struct engine *e = mem_alloc(sizeof(*e));

	e->options = *options;
	e->pipeline = options->pipeline;
	e->lock_fd = -1;
	e->has_space = true;
	e->loop = loop_new();
	e->clock_offset_ms = loop_wall_ms(e->loop) - (int64_t)loop_now_ms(e->loop);
	e->identities = identities_new();
	e->seen = seen_new();
	e->naming = naming_new();
	e->aside = aside_new();
	e->resolve = resolve_new();
	e->parents = parents_new();
	e->parking = parking_new();
	e->lag = lag_new(e);
	e->partitions = partitions_new();
	e->repeats = repeats_new();
	e->routes = e->pipeline->routes;
	e->routes.names = naming_names(e);
	e->restore = restore_new();
	batches_open(e);
	know_secrets(e);
	return e;
}

static int open_all(struct engine *e, enum exit_code *ret_code, struct err *err)
{
	int r = open_state(e, err);

	*ret_code = code_of(r);
	if (r >= 0) {
		*ret_code = EXIT_LOCAL;
		e->routes.identity_seed = journal_id(e->journal);
		e->cluster = journal_meta(e->journal, "kafka_cluster");
		e->routes.partition_seed = e->cluster;
		folding_load(e);
		r = naming_load(e, err);
	}
	if (r >= 0) {
		naming_watch(e);
		r = remember_open(e, err);
	}
	if (r >= 0)
		r = parking_load(e, err);
	if (r >= 0)
		r = journal_each_part(e->journal, OUTCOME_HELD, NULL, REJECT_NONE, take_held, e,
		                      err);
	if (r >= 0)
		r = outbox_open(e, ret_code, err);
	if (r >= 0) {
		*ret_code = EXIT_PIPELINE;
		r = connect_out(e, err);
	}
	if (r >= 0)
		r = intake_open(e, ret_code, err);
	if (r >= 0) {
		*ret_code = EXIT_LOCAL;
		start_delivery(e);
		e->desk = desk_new(e);
		r = control_listen(e->loop, e->folder, desk_question, e->desk, &e->control, err);
	}
	if (r >= 0)
		begin_run(e);
	return r;
}

int engine_open(const struct engine_options *options, struct engine **ret_engine,
                enum exit_code *ret_code, struct err *err)
{
	struct engine *e = engine_new(options);
	const int r = open_all(e, ret_code, err);

	if (r < 0)
		engine_free(e);
	else
		*ret_engine = e;
	return r;
}

bool engine_hands_over(const struct engine *engine)
{
	return engine->hands_over;
}

int engine_reopen(struct engine **engine, enum exit_code *ret_code, struct err *err)
{
	struct engine *before = *engine, *e = engine_new(&before->options);
	int r;

	partitions_give_back(before);
	e->options.new_state = false;
	e->lock_fd = before->lock_fd;
	e->source = before->source;
	e->run = before->run;
	e->n_taken = before->n_taken;
	lag_go_on(e, before);
	e->n_unknown_keys = before->n_unknown_keys;
	limits_go_on(&e->counted, delivery_limits(before->delivery));
	loop_unwatch(before->loop, before->input_watch);
	before->input_watch = NULL;
	before->lock_fd = -1;
	before->source = NULL;
	engine_free(before);
	*engine = NULL;
	r = open_all(e, ret_code, err);
	if (r < 0)
		engine_free(e);
	else
		*engine = e;
	return r;
}

void engine_free(struct engine *engine)
{
	struct engine *e = engine;

	if (!e)
		return;
	desk_free(e->desk); /* answers those who wait */
	control_free(e->control);
	batches_close(e);
	restore_free(e->restore);
	delivery_free(e->delivery);
	limits_deinit(&e->counted);
	proof_free(e->proof);
	trace_free(e->trace);
	resolve_free(e->resolve);
	parents_free(e->parents);
	free(e->ending);
	parking_free(e->parking);
	lag_free(e->lag);
	partitions_free(e->partitions);
	watched_fields_free(e->watched, e->n_watched);
	outbox_close(e);
	tap_free(e->tap);
	login_free(e->login);
	http_free(e->http);
	pace_free(e->pace);
	rate_file_free(e->rate_file);
	loop_unwatch(e->loop, e->input_watch);
	source_free(e->source);
	repeats_free(e->repeats); /* the source's last commit has asked it */
	for (size_t i = 0; i < e->n_streams; i++)
		stream_free(e->streams[i]);
	free(e->streams);
	free(e->known);
	free(e->open_places);
	free(e->cluster);
	journal_close(e->journal);
	identities_free(e->identities);
	seen_free(e->seen);
	aside_free(e->aside);
	naming_free(e->naming);
	redact_free(e->redact);
	if (e->lock_fd >= 0)
		(void)close(e->lock_fd);
	strlist_free(e->greetings);
	free(e->folder);
	loop_free(e->loop);
	free(e);
}

void engine_freep(struct engine **engine)
{
	engine_free(*engine);
}
