#include "lib/oauth.h"

#include "lib/mem.h"
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

static void renewed(void *arg, const char *access_token, const char *refresh_token)
{
	struct process *p = arg;

	p->n_renewed++;
	(void)snprintf(p->access, sizeof(p->access), "%s", access_token);
	(void)snprintf(p->refresh, sizeof(p->refresh), "%s", refresh_token);
}

static void ended(void *arg, enum oauth_end end, const char *what)
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

static void begin(struct process *p)
{
	const struct oauth_hooks hooks = {.arg = p, .renewed = renewed, .ended = ended};

	*p = (struct process){.loop = loop_new(), .http = fake_http_new()};
	loop_turn(p->loop, 0);
	p->oauth = oauth_new(p->loop, p->http, &config, &hooks);
	oauth_start(p->oauth);
}

/* As if killed: what it holds is gone, what is on the disk stays. */
static void kill_it(struct process *p)
{
	if (!p->loop)
		return;
	oauth_free(p->oauth);
	http_free(p->http);
	loop_free(p->loop);
	*p = (struct process){0};
}

static int clean(void **state)
{
	(void)state;
	virtual_clock_reset();
	(void)snprintf(folder, sizeof(folder), "/tmp/oauth-XXXXXX");
	check(mkdtemp(folder));
	return 0;
}

static int tidy(void **state)
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

static void pass(struct process *p, uint64_t ms)
{
	while (ms) {
		const uint64_t step = ms < 50000 ? ms : 50000;

		virtual_clock_pass(step);
		loop_turn(p->loop, 0);
		loop_turn(p->loop, 0); /* what the first one set to now */
		ms -= step;
	}
}

static void reply(struct process *p, unsigned n_sends, long status, const char *body)
{
	const struct fake_reply r = {.n_sends = n_sends, .status = status, .body = body};

	check(fake_in_flight(p->http, 0) != NULL);
	fake_end(fake_in_flight(p->http, 0), &r);
}

static void give(struct process *p, unsigned n)
{
	char body[200];

	(void)snprintf(
		body, sizeof(body),
		"{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"access.%u\","
		"\"refresh_token\":\"refresh.%u\"}",
		n, n);
	reply(p, 1, 200, body);
}

static struct tokens on_disk(void)
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

static void check_on_disk(const char *refresh, bool is_asked)
{
	struct tokens t = on_disk();

	check_text(t.refresh_token, refresh);
	check_eq(t.asked_wall_ms != 0, is_asked);
	tokens_deinit(&t);
}

static void the_first_token_is_asked_for_with_the_one_of_the_pipeline(void **state)
{
	(void)state;
	begin(&a);
	check_eq(oauth_token(a.oauth), 0);
	check_text(fake_url(fake_in_flight(a.http, 0)), "https://close/oauth2/token/");
	check_text(fake_body(fake_in_flight(a.http, 0)),
	           "grant_type=refresh_token&client_id=app&client_secret=a%26secret&refresh_token="
	           "refresh.0");
	check_on_disk("refresh.0", true);
	check(oauth_is_busy(a.oauth));
	give(&a, 1);
	check_eq(oauth_token(a.oauth), 1);
	check_text(a.access, "access.1");
	check_on_disk("refresh.1", false);
	check(!oauth_is_busy(a.oauth));
}

static void it_is_renewed_five_minutes_before_its_end_and_used_until_then(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	pass(&a, 3299000);
	check_eq(fake_n_started(a.http), 1);
	pass(&a, 1000);
	check_eq(fake_n_started(a.http), 2);
	check_eq(oauth_token(a.oauth), 1);
	check(strstr(fake_body(fake_in_flight(a.http, 0)), "refresh_token=refresh.1"));
	give(&a, 2);
	check_eq(oauth_token(a.oauth), 2);
}

static void a_next_process_uses_what_is_there(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	kill_it(&a);
	virtual_clock_pass(1800000);
	begin(&b);
	check_eq(fake_n_started(b.http), 0);
	check_text(b.access, "access.1");
	pass(&b, 1500000);
	check_eq(fake_n_started(b.http), 1); /* half an hour of it was over */
}

static void a_clock_that_was_set_back_never_makes_a_token_live_longer(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	kill_it(&a);
	virtual_clock_set_back(86400000);
	begin(&b);
	check_eq(oauth_token(b.oauth), 1);
	pass(&b, 3300000);
	check_eq(fake_n_started(b.http), 1);
}

static void a_clock_that_was_set_forward_costs_a_refresh_and_no_wait(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	virtual_clock_set_forward(86400000);
	pass(&a, 60000);
	check_eq(fake_n_started(a.http), 2);
	check_eq(oauth_token(a.oauth), 1);
	give(&a, 2);
	pass(&a, 3000000);
	check_eq(fake_n_started(a.http), 2);
}

static void two_processes_ask_once(void **state)
{
	(void)state;
	begin(&a);
	begin(&b);
	check_eq(fake_n_started(a.http), 1);
	check_eq(fake_n_started(b.http), 0);
	check(strstr(oauth_trouble(b.oauth), "Another process"));
	pass(&b, 5000);
	check_eq(fake_n_started(b.http), 0);
	give(&a, 1);
	pass(&b, 1000);
	check_eq(fake_n_started(b.http), 0);
	check_text(b.access, "access.1");
	check_text(oauth_trouble(b.oauth), "");
}

static void a_killed_process_leaves_the_lock_to_the_other(void **state)
{
	(void)state;
	begin(&a);
	begin(&b);
	kill_it(&a);
	pass(&b, 1000);
	check_eq(fake_n_started(b.http), 1);
	give(&b, 1);
	check_eq(oauth_token(b.oauth), 1);
}

static void who_was_refused_takes_what_another_has_renewed(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	begin(&b);
	check_text(b.access, "access.1");
	check(oauth_refused(a.oauth, 1, false));
	check_eq(oauth_token(a.oauth), 0);
	give(&a, 2);
	check(oauth_refused(b.oauth, 1, false));
	check_eq(fake_n_started(b.http), 0);
	check_text(b.access, "access.2");
	check_eq(oauth_token(b.oauth), 2);
}

static void a_refusal_renews_once_for_all_calls_in_flight(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	check(oauth_refused(a.oauth, 1, false));
	check_eq(fake_n_started(a.http), 2);
	give(&a, 2);
	check(oauth_refused(a.oauth, 1, false)); /* it was sent before */
	check_eq(fake_n_started(a.http), 2);
	check_eq(oauth_token(a.oauth), 2);
}

static void a_call_refused_with_a_second_token_is_not_sent_a_third_time(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	give(&a, 2);
	check(!oauth_refused(a.oauth, 2, true));
	check_eq(fake_n_started(a.http), 2);
}

static void refusals_of_one_call_after_another_do_not_wear_out_the_server(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	give(&a, 2);
	check(oauth_refused(a.oauth, 2, false));
	check_eq(fake_n_started(a.http), 2);
	pass(&a, 29000);
	check_eq(fake_n_started(a.http), 2);
	pass(&a, 1000);
	check_eq(fake_n_started(a.http), 3);
}

static void a_token_that_others_ended_twice_is_replaced_by_theirs(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	begin(&b);
	check(oauth_refused(b.oauth, 1, false));
	give(&b, 2);
	check(oauth_refused(a.oauth, 1, false));
	check_text(a.access, "access.2");
	check(oauth_refused(a.oauth, 2, false)); /* what b has is not stored yet */
	check_eq(fake_n_started(a.http), 2);
	give(&a, 3);

	check(oauth_refused(b.oauth, 2, false));
	check_text(b.access, "access.3");
	pass(&b, 31000);
	check(oauth_refused(b.oauth, 3, false));
	check(oauth_refused(a.oauth, 3, false)); /* less than 30 s after its own, and b is asking */
	check_eq(oauth_token(a.oauth), 0);
	give(&b, 4);
	pass(&a, 1000);
	check_text(a.access, "access.4");
	check_eq(fake_n_started(a.http), 2);
}

static void who_may_not_ask_yet_takes_what_another_gets_meanwhile(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	give(&a, 2);
	begin(&b);
	check(oauth_refused(a.oauth, 2, false));
	check_eq(fake_n_started(a.http), 2);
	check(oauth_refused(b.oauth, 1, false)); /* its first one is access.2 */
	give(&b, 3);
	pass(&a, 1000);
	check_text(a.access, "access.3");
	check_eq(fake_n_started(a.http), 2);
}

static void a_server_that_is_away_is_asked_again_while_the_token_lives(void **state)
{
	unsigned n_asked;

	(void)state;
	begin(&a);
	give(&a, 1);
	pass(&a, 3300000);
	for (n_asked = 0; oauth_token(a.oauth); n_asked++) {
		reply(&a, 0, 0, "");
		for (int s = 0; s < 70 && !fake_in_flight(a.http, 0); s++)
			pass(&a, 1000);
	}
	check(n_asked >= 5);
	check(strstr(oauth_trouble(a.oauth), "https://close/oauth2/token/"));
	check_on_disk("refresh.1", true); /* it is being asked */
	check_eq(a.n_ended, 0);
	give(&a, 2);
	check_eq(oauth_token(a.oauth), 2);
	check_text(oauth_trouble(a.oauth), "");
}

static void after_retry_for_it_is_over_and_nothing_is_lost(void **state)
{
	(void)state;
	begin(&a);
	while (!a.n_ended) {
		reply(&a, 0, 0, "");
		check_on_disk("refresh.0", false);
		for (int s = 0; s < 70 && !a.n_ended && !fake_in_flight(a.http, 0); s++)
			pass(&a, 1000);
	}
	check_eq(a.end, OAUTH_END_UNREACHABLE);
	kill_it(&a);
	begin(&b);
	give(&b, 1);
	check_eq(oauth_token(b.oauth), 1);
}

static void a_server_may_say_how_long_to_wait(void **state)
{
	const struct fake_reply busy = {.n_sends = 1, .status = 429, .headers = "Retry-After: 120"};

	(void)state;
	begin(&a);
	fake_end(fake_in_flight(a.http, 0), &busy);
	check_on_disk("refresh.0", false);
	pass(&a, 119000);
	check_eq(fake_n_started(a.http), 1);
	pass(&a, 3000);
	check_eq(fake_n_started(a.http), 2);
}

static void a_lost_answer_is_asked_for_again_with_the_old_token(void **state)
{
	(void)state;
	begin(&a);
	reply(&a, 1, 0, "");
	check_on_disk("refresh.0", true);
	pass(&a, 2000);
	check(strstr(fake_body(fake_in_flight(a.http, 0)), "refresh_token=refresh.0"));
	give(&a, 1); /* it had not come there */
	check_eq(oauth_token(a.oauth), 1);
}

static void a_lost_answer_whose_token_is_void_is_told_as_that(void **state)
{
	(void)state;
	begin(&a);
	reply(&a, 1, 502, "<html>");
	pass(&a, 2000);
	reply(&a, 1, 400, "{\"error\":\"invalid_grant\"}");
	check_eq(a.n_ended, 1);
	check_eq(a.end, OAUTH_END_LOST);
	check_text(a.what, "status 400, invalid_grant");
	check_eq(oauth_token(a.oauth), 0);
	check(!oauth_refused(a.oauth, 1, false));
}

static void a_kill_before_the_answer_was_stored_is_known_in_the_next_process(void **state)
{
	(void)state;
	begin(&a);
	kill_it(&a);
	begin(&b);
	reply(&b, 1, 400, "{\"error\":\"invalid_grant\"}");
	check_eq(b.end, OAUTH_END_LOST);
	kill_it(&b);
	begin(&a); /* and in those after it */
	reply(&a, 1, 400, "{\"error\":\"invalid_grant\"}");
	check_eq(a.end, OAUTH_END_LOST);
}

static void a_revoked_grant_is_told_each_time_as_that(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check(oauth_refused(a.oauth, 1, false));
	reply(&a, 1, 400, "{\"error\":\"invalid_grant\"}");
	check_eq(a.end, OAUTH_END_REFUSED);
	check_eq(a.n_ended, 1);
	check_on_disk("refresh.1", false);
	kill_it(&a);
	virtual_clock_pass(3600000);
	begin(&b);
	reply(&b, 1, 400, "{\"error\":\"invalid_grant\"}");
	check_eq(b.end, OAUTH_END_REFUSED);
}

static void each_end_has_its_reason(void **state)
{
	static const struct {
		long status;
		const char *body;
		enum oauth_end end;
	} rows[] = {
		{401, "{\"error\":\"invalid_client\"}", OAUTH_END_APP},
		{400, "{\"error\":\"invalid_client\"}", OAUTH_END_APP},
		{401, "", OAUTH_END_APP},
		{403, "<html>", OAUTH_END_APP},
		{400, "{\"error\":\"invalid_request\"}", OAUTH_END_ASK},
		{400, "{\"error\":\"invalid_scope\"}", OAUTH_END_ASK},
		{400, "{\"error\":\"unsupported_grant_type\"}", OAUTH_END_ASK},
		{400, "what?", OAUTH_END_NO_SERVER},
		{404, "{\"error\":\"The URL was not found.\"}", OAUTH_END_NO_SERVER},
		{308, "", OAUTH_END_NO_SERVER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin(&a);
		reply(&a, 1, rows[i].status, rows[i].body);
		check_eq(a.n_ended, 1);
		check_eq(a.end, rows[i].end);
		(void)tidy(state);
		(void)clean(state);
	}
}

/* Of something on the way, or of a server that is exchanged. */
static const struct {
	long status;
	const char *body;
	enum oauth_end end;
} strays[] = {
	{401, "", OAUTH_END_APP},
	{403, "<html>", OAUTH_END_APP},
	{404, "{\"error\":\"The URL was not found.\"}", OAUTH_END_NO_SERVER},
	{308, "", OAUTH_END_NO_SERVER},
};

static void a_refusal_without_a_code_is_asked_again_while_the_token_lives(void **state)
{
	for (size_t i = 0; i < sizeof(strays) / sizeof(*strays); i++) {
		begin(&a);
		give(&a, 1);
		pass(&a, 3300000);
		reply(&a, 1, strays[i].status, strays[i].body);
		check_eq(a.n_ended, 0);
		check_eq(oauth_token(a.oauth), 1);
		check_on_disk("refresh.1", false);
		pass(&a, 2000);
		give(&a, 2);
		check_eq(oauth_token(a.oauth), 2);
		(void)tidy(state);
		(void)clean(state);
	}
}

static void a_refusal_without_a_code_that_stays_is_told_after_retry_for(void **state)
{
	for (size_t i = 0; i < sizeof(strays) / sizeof(*strays); i++) {
		uint64_t passed_s = 0;

		begin(&a);
		give(&a, 1);
		pass(&a, 3300000);
		while (!a.n_ended) {
			reply(&a, 1, strays[i].status, strays[i].body);
			for (; !a.n_ended && !fake_in_flight(a.http, 0); passed_s++)
				pass(&a, 1000);
		}
		check_eq(passed_s, 3600);
		check_eq(a.end, strays[i].end);
		check(strncmp(a.what, "status ", 7) == 0);
		(void)tidy(state);
		(void)clean(state);
	}
}

static void a_refusal_in_the_words_of_oauth_is_believed_at_once(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	pass(&a, 3300000);
	reply(&a, 1, 400, "{\"error\":\"invalid_scope\"}");
	check_eq(a.end, OAUTH_END_ASK);
	check_text(a.what, "status 400, invalid_scope");
}

static void what_was_asked_with_is_never_told_as_a_code(void **state)
{
	const char *was = config.client_secret;

	(void)state;
	config.client_secret = "secret_of_the_app";
	begin(&a);
	reply(&a, 1, 400, "{\"error\":\"secret_of_the_app\"}");
	config.client_secret = was;
	check_text(a.what, "status 400");
}

static void what_is_no_token_is_no_answer(void **state)
{
	static const char *const bodies[] = {
		"",
		"<html>welcome to the hotel</html>",
		"[]",
		"{}",
		"{\"access_token\":\"\"}",
		"{\"access_token\":\"two words\"}",
		"{\"access_token\":\"x\",\"token_type\":\"mac\"}",
		"{\"access_token\":\"x\",\"refresh_token\":\"a\\nb\"}",
		"{\"access_token\":5}",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		begin(&a);
		reply(&a, 1, 200, bodies[i]);
		check_eq(a.n_ended, 0);
		check_eq(oauth_token(a.oauth), 0);
		check_on_disk("refresh.0", true);
		(void)tidy(state);
		(void)clean(state);
	}
}

static void a_server_that_rotates_nothing_keeps_the_refresh_token(void **state)
{
	(void)state;
	begin(&a);
	reply(&a, 1, 200, "{\"access_token\":\"x\"}");
	check_text(a.refresh, "refresh.0");
	check_on_disk("refresh.0", false);
	pass(&a, 3300000); /* and says no life: an hour */
	check_eq(fake_n_started(a.http), 2);
}

static void a_folder_that_cannot_be_written_is_known_before_anybody_is_asked(void **state)
{
	(void)state;
	check_eq(chmod(folder, 0750), 0);
	begin(&a);
	check_eq(fake_n_started(a.http), 0);
	check_eq(a.end, OAUTH_END_FILE);
	check(strstr(a.what, "chmod 700"));
}

static void a_token_is_used_to_its_end_where_the_next_could_not_be_stored(void **state)
{
	(void)state;
	begin(&a);
	give(&a, 1);
	check_eq(chmod(folder, 0750), 0);
	pass(&a, 3500000);
	check_eq(oauth_token(a.oauth), 1);
	check_eq(fake_n_started(a.http), 1);
	check_eq(chmod(folder, 0700), 0);
	pass(&a, 40000);
	check_eq(fake_n_started(a.http), 2);
	give(&a, 2);
	check_eq(oauth_token(a.oauth), 2);
}

static void put_file(const char *ending, const char *text)
{
	char path[128], id[33];
	FILE *f;

	oauth_grant_id(&config, id);
	(void)snprintf(path, sizeof(path), "%s/%s.%s", folder, id, ending);
	f = fopen(path, "w");
	check(f && fputs(text, f) >= 0 && fclose(f) == 0);
	check_eq(chmod(path, 0600), 0);
}

static void a_damaged_file_is_never_taken_for_none(void **state)
{
	static const char *const texts[] = {"", "{", "{\"refresh_token\":\"\"}", "null"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put_file("json", texts[i]);
		begin(&a);
		check_eq(fake_n_started(a.http), 0);
		check_eq(a.end, OAUTH_END_DAMAGED);
		kill_it(&a);
	}
}

static void tokens_that_were_written_and_not_yet_named_are_taken(void **state)
{
	(void)state;
	put_file("json", "{\"refresh_token\":\"refresh.1\",\"asked_ms\":5}");
	put_file("new", "{\"refresh_token\":\"refresh.2\",\"access_token\":\"access.2\","
	                "\"got_ms\":1795255200000,\"life_ms\":3600000}");
	begin(&a);
	check_text(a.access, "access.2");
	check_eq(fake_n_started(a.http), 0);
	check_on_disk("refresh.2", false);
}

static void tokens_with_the_rest_of_their_room_behind_them_are_taken(void **state)
{
	char path[128], id[33];

	(void)state;
	put_file("json", "{\"refresh_token\":\"refresh.1\",\"asked_ms\":5}");
	put_file("new", "{\"refresh_token\":\"refresh.2\",\"access_token\":\"access.2\","
	                "\"got_ms\":1795255200000,\"life_ms\":3600000}\n");
	oauth_grant_id(&config, id);
	(void)snprintf(path, sizeof(path), "%s/%s.new", folder, id);
	check_eq(truncate(path, 16384), 0);
	begin(&a);
	check_text(a.access, "access.2");
	kill_it(&a);
	begin(&b); /* and by those after it */
	check_text(b.access, "access.2");
}

static void tokens_that_were_not_wholly_written_are_not(void **state)
{
	(void)state;
	put_file("json", "{\"refresh_token\":\"refresh.1\"}");
	put_file("new", "{\"refresh_token\":\"refre");
	begin(&a);
	check(strstr(fake_body(fake_in_flight(a.http, 0)), "refresh_token=refresh.1"));
}

static void a_new_token_of_the_pipeline_begins_anew(void **state)
{
	struct oauth_config other = config;
	char one[33], two[33];

	(void)state;
	oauth_grant_id(&config, one);
	other.refresh_token = "refresh.new";
	oauth_grant_id(&other, two);
	check(strcmp(one, two) != 0);
}

static void who_winds_down_ends_what_is_on_its_way_and_begins_nothing(void **state)
{
	(void)state;
	begin(&a);
	oauth_wind_down(a.oauth);
	check(oauth_is_busy(a.oauth));
	give(&a, 1);
	check(!oauth_is_busy(a.oauth));
	check_on_disk("refresh.1", false);
	pass(&a, 3400000);
	check_eq(fake_n_started(a.http), 1);
}

int main(void)
{
#define each(fn) cmocka_unit_test_setup_teardown(fn, clean, tidy)
	const struct CMUnitTest sentences[] = {
		each(the_first_token_is_asked_for_with_the_one_of_the_pipeline),
		each(it_is_renewed_five_minutes_before_its_end_and_used_until_then),
		each(a_next_process_uses_what_is_there),
		each(a_clock_that_was_set_back_never_makes_a_token_live_longer),
		each(a_clock_that_was_set_forward_costs_a_refresh_and_no_wait),
		each(two_processes_ask_once),
		each(a_killed_process_leaves_the_lock_to_the_other),
		each(who_was_refused_takes_what_another_has_renewed),
		each(a_refusal_renews_once_for_all_calls_in_flight),
		each(a_call_refused_with_a_second_token_is_not_sent_a_third_time),
		each(refusals_of_one_call_after_another_do_not_wear_out_the_server),
		each(a_token_that_others_ended_twice_is_replaced_by_theirs),
		each(who_may_not_ask_yet_takes_what_another_gets_meanwhile),
		each(a_server_that_is_away_is_asked_again_while_the_token_lives),
		each(after_retry_for_it_is_over_and_nothing_is_lost),
		each(a_server_may_say_how_long_to_wait),
		each(a_lost_answer_is_asked_for_again_with_the_old_token),
		each(a_lost_answer_whose_token_is_void_is_told_as_that),
		each(a_kill_before_the_answer_was_stored_is_known_in_the_next_process),
		each(a_revoked_grant_is_told_each_time_as_that),
		each(each_end_has_its_reason),
		each(a_refusal_without_a_code_is_asked_again_while_the_token_lives),
		each(a_refusal_without_a_code_that_stays_is_told_after_retry_for),
		each(a_refusal_in_the_words_of_oauth_is_believed_at_once),
		each(what_was_asked_with_is_never_told_as_a_code),
		each(what_is_no_token_is_no_answer),
		each(a_server_that_rotates_nothing_keeps_the_refresh_token),
		each(a_folder_that_cannot_be_written_is_known_before_anybody_is_asked),
		each(a_token_is_used_to_its_end_where_the_next_could_not_be_stored),
		each(a_damaged_file_is_never_taken_for_none),
		each(tokens_that_were_written_and_not_yet_named_are_taken),
		each(tokens_with_the_rest_of_their_room_behind_them_are_taken),
		each(tokens_that_were_not_wholly_written_are_not),
		each(a_new_token_of_the_pipeline_begins_anew),
		each(who_winds_down_ends_what_is_on_its_way_and_begins_nothing),
	};

	return run_sentences(sentences);
}
