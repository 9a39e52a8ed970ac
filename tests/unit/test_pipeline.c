#include "connector/pipeline/pipeline.h"

#include "tests/unit/pipeline_case.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void the_shortest_file_has_all_defaults(void **state)
{
	struct pipeline *p = case_good(V S C R);

	(void)state;
	check_text(p->path, "feeds/signups.yaml");
	check_text(p->folder, "feeds/");
	check_text(p->text, V S C R);
	check_eq(strlen(p->sha256), 64);
	check_text(p->name, "signups");
	check_text(p->ndjson_path, "feeds/in.ndjson");
	check_text(p->ndjson_written, "in.ndjson");
	check(!p->start_anew_on_change);
	check_eq(p->max_record, 1 << 20);
	check(!p->routes.skip_unrouted);
	check_text(p->base_url, "https://api.close.com/api/v1");
	check(p->is_close);
	check_text(p->api_key, "api_abc.DEF-1_2");
	check_text(p->api_key_source, "env KEY");
	check_eq(p->concurrency, 8);
	check_eq(p->rate_n, 0);
	check_eq(p->share_pct, 90);
	check_eq(p->timeout_ms, 120000);
	check(!p->close_allow_private);
	check_null(p->ca_file);
	check_null(p->proxy);
	check_eq(p->retry_for_ms, 3600000);
	check(!p->hold_unknown);
	check_eq(p->quarantine_ms, 330000);
	check_null(p->canary);
	check_eq(p->drain_ms, 20000);
	check_eq(p->max_rejects, MAX_REJECTS_DEFAULT);
	check_null(p->webhook_url);
	check_null(p->webhook_secrets[0]);
	check_null(p->webhook_headers);
	check_null(p->responses_file);
	check(!p->include_request);
	check(p->include_response);
	check_eq(p->keep_ms, INT64_C(2592000000));
	check_text(p->state_folder, "/state");
	pipeline_free(p);
}

static void every_key_that_works_arrives(void **state)
{
	struct pipeline *p = case_good(
		V "source:\n  ndjson: {path: \"-\", on_change: new, follow: false}\n"
		  "  max_record: 64KiB\n"
		  "exclude: [meta.ip, _*]\n"
		  "vars: {region: {env: REGION}, n: 5, other: {env: NOPE, default: x}}\n"
		  "unrouted: skip\n" R
		  "close:\n  base_url: http://127.0.0.1:8080/api/v1/\n  api_key: {env: KEY}\n"
		  "  concurrency: {env: EIGHT}\n  rate: 60/min\n  share: 50%\n  timeout: 500ms\n"
		  "  ca_file: ca.pem\n  proxy: \"socks5h://proxy:1080\"\n  allow: [private]\n"
		  "delivery: {retry_for: 10m, on_unknown: hold, quarantine: 2s, canary: lead_A1,\n"
		  "  drain: 1s, max_rejects: 5%, max_destroys: 100, on_reject: continue}\n"
		  "responses:\n  webhook:\n    url: https://hooks.example.com/close?x=1\n"
		  "    secret: [{env: HOOK}, {env: HOOK}]\n    timeout: 5s\n    allow: [private]\n"
		  "    headers: {X-Feed: signups, X-Api-Key: {env: KEY}}\n"
		  "  file: events.ndjson\n  include: [request, response]\n"
		  "keep: 7d\nstate: state/here\n");

	(void)state;
	check_text(p->ndjson_path, "-");
	check(p->start_anew_on_change);
	check_eq(p->max_record, 65536);
	check(p->routes.skip_unrouted);
	check_text(json_object_get_string(json_object_object_get(p->routes.vars, "region")),
	           "north");
	check(json_object_is_type(json_object_object_get(p->routes.vars, "n"), json_type_int));
	check_text(json_object_get_string(json_object_object_get(p->routes.vars, "other")), "x");
	check_text(p->base_url, "http://127.0.0.1:8080/api/v1");
	check(!p->is_close);
	check_eq(p->concurrency, 8);
	check_eq(p->rate_n, 60);
	check_eq(p->rate_per_ms, 60000);
	check_eq(p->share_pct, 50);
	check_eq(p->timeout_ms, 500);
	check_text(p->ca_file, "feeds/ca.pem");
	check_text(p->proxy, "socks5h://proxy:1080");
	check(p->close_allow_private);
	check_eq(p->retry_for_ms, 600000);
	check(p->hold_unknown);
	check_eq(p->quarantine_ms, 2000);
	check_text(p->canary, "lead_A1");
	check_eq(p->drain_ms, 1000);
	check_eq(p->max_rejects, MAX_REJECTS_SHARE);
	check_eq(p->max_rejects_n, 5);
	check_text(p->webhook_url, "https://hooks.example.com/close?x=1");
	check_text(p->webhook_secrets[1], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	check_text(p->webhook_headers[0], "X-Feed: signups");
	check_text(p->webhook_headers[1], "X-Api-Key: api_abc.DEF-1_2");
	check_null(p->webhook_headers[2]);
	check_eq(p->webhook_timeout_ms, 5000);
	check(p->webhook_allow_private);
	check_text(p->responses_file, "feeds/events.ndjson");
	check(p->include_request && p->include_response);
	check_eq(p->keep_ms, 604800000);
	check_text(p->state_folder, "feeds/state/here");
	check_eq(p->routes.items[0].n_exclude, 2);
	pipeline_free(p);
}

static void max_rejects_is_a_count_a_share_or_none(void **state)
{
	struct pipeline *p = case_good(V S C R "delivery: {max_rejects: 12}\n");

	(void)state;
	check_eq(p->max_rejects, MAX_REJECTS_COUNT);
	check_eq(p->max_rejects_n, 12);
	pipeline_free(p);
	p = case_good(V S C R "delivery: {max_rejects: none}\n");
	check_eq(p->max_rejects, MAX_REJECTS_NONE);
	pipeline_free(p);
}

static const char *no_state_getenv(void *arg, const char *name)
{
	const char *const *pair = arg;

	return strcmp(name, pair[0]) == 0 ? pair[1] : NULL;
}

static void state_stands_where_the_system_says(void **state)
{
	static const struct {
		const char *variable[2], *folder;
	} cases[] = {
		{{"STATE_DIRECTORY", "/var/lib/a:/var/lib/b"}, "/var/lib/a"},
		{{"XDG_STATE_HOME", "/x"}, "/x/closefeed/signups"},
		{{"HOME", "/h"}, "/h/.local/state/closefeed/signups"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *variable[2] = {cases[i].variable[0], cases[i].variable[1]};
		const struct pipeline_options options = {
			.operations = crm_catalogue(),
			.getenv = no_state_getenv,
			.arg = variable,
		};
		struct pipeline *p = NULL;

		check_eq(pipeline_load_text("a.yaml", V S C R, strlen(V S C R), &options, &p, NULL),
		         0);
		check_text(p->state_folder, cases[i].folder);
		check_text(p->ndjson_path, "in.ndjson");
		pipeline_free(p);
	}
}

static void without_secrets_nothing_secret_is_read(void **state)
{
	struct pipeline *p =
		case_load_as("a.yaml",
	                     V S "close: {api_key: {env: NOT_SET}}\n" R
	                         "responses: {webhook: {url: \"https://h.example.com\","
	                         " secret: {file: nowhere}}}\n",
	                     false);

	(void)state;
	check_eq(p->n_notes, 0);
	check_null(p->api_key);
	check_null(p->webhook_secrets[0]);
	pipeline_free(p);
}

static void a_file_that_cannot_be_read_is_a_failure(void **state)
{
	const struct pipeline_options options = {.operations = crm_catalogue()};
	struct pipeline *p = NULL;
	struct err err = {0};

	(void)state;
	check_eq(pipeline_load("/nowhere/at/all.yaml", &options, &p, &err), -ENOENT);
	check(strstr(err.text, "/nowhere/at/all.yaml cannot be read: No such file") == err.text);
	check_eq(pipeline_load("/", &options, &p, &err), -EISDIR);
	check_null(p);
}

static void a_file_is_read_from_disk(void **state)
{
	char path[] = "/tmp/closefeed-pipeline-XXXXXX";
	const struct pipeline_options options = {.operations = crm_catalogue()};
	struct pipeline *p = NULL;
	const int fd = mkstemp(path);

	(void)state;
	check(fd >= 0);
	check_eq(write(fd, V S C R, strlen(V S C R)), (ssize_t)strlen(V S C R));
	(void)close(fd);
	check_eq(pipeline_load(path, &options, &p, NULL), 0);
	check_text(p->folder, "/tmp/");
	check_text(p->ndjson_path, "/tmp/in.ndjson");
	pipeline_free(p);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_shortest_file_has_all_defaults),
		sentence(every_key_that_works_arrives),
		sentence(max_rejects_is_a_count_a_share_or_none),
		sentence(state_stands_where_the_system_says),
		sentence(without_secrets_nothing_secret_is_read),
		sentence(a_file_that_cannot_be_read_is_a_failure),
		sentence(a_file_is_read_from_disk),
	};

	return run_sentences(tests);
}
