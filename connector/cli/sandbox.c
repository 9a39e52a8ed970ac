#include "connector/sandbox/sandbox.h"
#include "connector/cli/cli.h"
#include "connector/close/catalogue.h"
#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { window_ms = 8000, default_lag_ms = 2000, look_every_ms = 100 };

/* "2s", "500ms", "1m" or plain "0". */
static int read_lag(const char *text, uint64_t *ret_ms, struct err *err)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
	char *end;
	const uint64_t n = strtoull(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && n < 100000; i++) {
		if (*text < '0' || *text > '9' || (strcmp(end, units[i].unit) != 0 && (n || *end)))
			continue;
		*ret_ms = n * units[i].ms;
		return 0;
	}
	return err_set(err, -EINVAL, "--lag %s: must be a duration such as 2s, 500ms or 0", text);
}

static int read_doubts(const struct cli *cli, struct box_doubts *doubts, struct err *err)
{
	const char *text;
	int r = 0;

	for (size_t i = 0; r == 0 && (text = cli_text_at(cli, "set", i)); i++)
		r = box_doubts_set_text(doubts, text, err);
	return r < 0 ? err_prefix(err, r, "--set %s", text) : 0;
}

/* All values of a repeatable flag; to free(). */
static const char **texts(const struct cli *cli, const char *name, size_t *ret_n)
{
	const char **all = mem_array(cli->n_values + 1, sizeof(*all));

	*ret_n = 0;
	for (const char *text; (text = cli_text_at(cli, name, *ret_n));)
		all[(*ret_n)++] = text;
	return all;
}

struct ending {
	int fd;
	bool is_here;
};

static void on_signal(void *arg, int fd, uint32_t events)
{
	struct ending *ending = arg;
	struct signalfd_siginfo info;

	(void)events;
	ending->is_here = read(fd, &info, sizeof(info)) == sizeof(info);
}

/* From here on Ctrl-C and SIGTERM wait to be read instead of ending the process. */
static void await_signals(struct ending *ending)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	ending->fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	assert(ending->fd >= 0);
}

static void serve(struct loop *loop, const struct sandbox *sandbox, struct ending *ending,
                  uint64_t idle_ms)
{
	struct loop_watch *watch = loop_watch(loop, ending->fd, EPOLLIN, on_signal, ending);

	while (!ending->is_here &&
	       (!idle_ms || loop_now_ms(loop) < sandbox_last_request_ms(sandbox) + idle_ms))
		loop_turn(loop, idle_ms ? look_every_ms : -1);
	loop_unwatch(loop, watch);
	(void)close(ending->fd);
}

static enum exit_code start(const struct cli *cli, const struct sandbox_config *config)
{
	struct loop *loop = loop_new();
	struct ending ending = {0};
	struct sandbox *sandbox;
	struct err err;

	if (sandbox_new(loop, config, &sandbox, &err) < 0) {
		loop_free(loop);
		return cli_fail(EXIT_USAGE, &err);
	}
	await_signals(&ending);
	printf("ready base_url=http://127.0.0.1:%u/api/v1 key=%s\n", sandbox_port(sandbox),
	       sandbox_key(sandbox));
	(void)fflush(stdout);
	serve(loop, sandbox, &ending, cli_count(cli, "idle-exit", 0) * 1000);
	sandbox_free(sandbox);
	loop_free(loop);
	return EXIT_DONE;
}

static enum exit_code run_sandbox(const struct cli *cli)
{
	const uint64_t speed = cli_count(cli, "speed", 1);
	struct sandbox_config config = {
		.port = (uint16_t)cli_count(cli, "port", 0),
		.data = cli_text(cli, "data", NULL),
		.hook_secret = cli_text(cli, "hook-secret", NULL),
		.operations = crm_catalogue(),
		.seed = cli_count(cli, "seed", 1),
		.window_ms = window_ms / speed,
		.latency_ms = cli_count(cli, "latency", 0),
		/* Whole seconds would be a lie about a window that is shorter than one. */
		.rate_form = speed == 1 ? SANDBOX_RATE_WHOLE : SANDBOX_RATE_DECIMAL,
		.has_rate_limit = !cli_has(cli, "no-rate-limit"),
	};
	const char **keys, **faults;
	enum exit_code code;
	struct err err;

	config.lag_ms = default_lag_ms;
	if (cli_has(cli, "lag") && read_lag(cli_text(cli, "lag", NULL), &config.lag_ms, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (read_doubts(cli, &config.doubts, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	config.keys = keys = texts(cli, "key", &config.n_keys);
	config.faults = faults = texts(cli, "fault", &config.n_faults);
	code = start(cli, &config);
	free(keys);
	free(faults);
	return code;
}

const struct verb verb_sandbox = {
	.name = "sandbox",
	.summary = "a stand-in for Close on this machine, to try things with",
	.usage = "sandbox [--port N] [--key KEY] [--speed N] [--fault RULE] [--set NAME=VALUE] …",
	.examples =
		(const struct cli_example[]){
			{"closefeed sandbox --port 8765", "http://127.0.0.1:8765/api/v1"},
			{"closefeed sandbox --speed 8 --lag 0",
                         "rate limits eight times as generous"},
			{"closefeed sandbox --data acme.ndjson",
                         "with the leads, fields and statuses of a file"},
			{"closefeed sandbox --fault 'reset_after every=10 path=/lead/'",
                         "every tenth write to leads is made, but its answer lost"},
			{NULL},
		},
	.flags =
		(const struct cli_flag[]){
			{.name = "port",
                         .type = FLAG_COUNT,
                         .value = "N",
                         .max = UINT16_MAX,
                         .help = "where to listen on 127.0.0.1; 0 or nothing: a free port"},
			{.name = "key",
                         .type = FLAG_TEXT,
                         .value = "KEY",
                         .is_repeatable = true,
                         .help = "an API key to accept; nothing: api_sandbox.key"},
			{.name = "data",
                         .type = FLAG_TEXT,
                         .value = "FILE",
                         .help = "what is there from the start: one object a line, {\"kind\": "
                                 "\"lead\", …}, or a JSON list of them"},
			{.name = "speed",
                         .type = FLAG_COUNT,
                         .value = "N",
                         .min = 1,
                         .max = window_ms,
                         .help = "makes the windows of the rate limits N times shorter"},
			{.name = "no-rate-limit",
                         .type = FLAG_SWITCH,
                         .help = "no rate limits, and no headers about them"},
			{.name = "lag",
                         .type = FLAG_TEXT,
                         .value = "DURATION",
                         .help = "how far search is behind; nothing: 2s"},
			{.name = "latency",
                         .type = FLAG_COUNT,
                         .value = "MS",
                         .max = 600000,
                         .help = "milliseconds before every answer"},
			{.name = "fault",
                         .type = FLAG_TEXT,
                         .value = "RULE",
                         .is_repeatable = true,
                         .help = "what goes wrong, and when: NAME [path=… method=… n=… every=… "
                                 "times=…]; POST /_sandbox/faults takes the same"},
			{.name = "set",
                         .type = FLAG_TEXT,
                         .value = "NAME=VALUE",
                         .is_repeatable = true,
                         .help = "a switch, for what is not known for sure of Close; POST "
                                 "/_sandbox/settings takes the same"},
			{.name = "hook-secret",
                         .type = FLAG_TEXT,
                         .value = "SECRET",
                         .help = "what /_sandbox/hook checks signatures with; nothing: not at all"},
			{.name = "seed",
                         .type = FLAG_COUNT,
                         .value = "N",
                         .help = "the same number gives the same ids"},
			{.name = "idle-exit",
                         .type = FLAG_COUNT,
                         .value = "SECONDS",
                         .max = 86400,
                         .help = "ends by itself after so long without a request"},
			{NULL},
		},
	.explain = sandbox_explain,
	.run = run_sandbox,
};
