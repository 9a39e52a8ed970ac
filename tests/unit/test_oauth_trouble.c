#include "tests/unit/oauth_world.h"

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
	const struct CMUnitTest sentences[] = {
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
