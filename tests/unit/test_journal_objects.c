#include "tests/unit/journal_case.h"

#include "lib/strlist.h"

#include <time.h>

/* What is remembered of objects, and what is known of their fields. */

static struct remembered item(char *kind, char *field, char *value, char *id, char *lead)
{
	return (struct remembered){
		.kind = kind, .field = field, .value = value, .object_id = id, .lead_id = lead};
}

static char lead[] = "lead", contact[] = "contact", email[] = "email", feed[] = "custom.cf_1";
static char ana[] = "ana@x.example", bob[] = "bob@x.example", k1[] = "k1";
static char lead_1[] = "lead_1", lead_2[] = "lead_2", cont_1[] = "cont_1", cont_2[] = "cont_2";

static void say(const char *source, const struct remembered *items, size_t n, int64_t at)
{
	journal_remember(journal, source, items, n, at);
	commit();
}

static void identity_made(const char *object_id, int64_t at)
{
	struct request *r = create_at(0);

	free(r->identity_value);
	r->identity_value = mem_strdup(k1);
	r->object_id = mem_strdup(object_id);
	journal_put_object(journal, r, at);
	commit();
	request_free(r);
}

/* The objects with this value, as "id/lead id/…"; "" for none. */
static const char *who(const char *kind, const char *field, const char *value)
{
	static char text[200];
	struct remembered them[4];
	const size_t n = journal_find_remembered(journal, kind, field, value, them, 4);

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "%s%s%s%s", i ? " " : "",
		               them[i].object_id, them[i].lead_id ? "/" : "",
		               them[i].lead_id ? them[i].lead_id : "");
		check_text(them[i].kind, kind);
		check_text(them[i].field, field);
		check_text(them[i].value, value);
		remembered_deinit(&them[i]);
	}
	return text;
}

static void what_an_answer_says_finds_its_object_after_a_restart(void **state)
{
	const struct remembered said[] = {item(contact, email, ana, cont_1, lead_1),
	                                  item(lead, email, ana, lead_1, NULL)};

	(void)state;
	journal_remember(journal, cont_1, said, 2, 10);
	check_text(who(contact, email, ana), ""); /* not before it is durable */
	commit();
	reopen();
	check_text(who(contact, email, ana), "cont_1/lead_1");
	check_text(who(lead, email, ana), "lead_1");
	check_text(who(lead, email, bob), "");
	check_text(who(lead, feed, ana), "");
}

static void a_newer_answer_takes_the_place_of_the_older_one(void **state)
{
	const struct remembered old[] = {item(contact, email, ana, cont_1, lead_1),
	                                 item(lead, email, ana, lead_1, NULL),
	                                 item(contact, feed, k1, cont_1, lead_1)};
	const struct remembered new[] = {item(contact, email, bob, cont_1, lead_2),
	                                 item(contact, feed, k1, cont_1, lead_2)};

	(void)state;
	say(cont_1, old, 3, 10);
	say(cont_1, new, 2, 20);
	check_text(who(contact, email, ana), "");
	check_text(who(lead, email, ana), "");
	check_text(who(contact, email, bob), "cont_1/lead_2");
	check_text(who(contact, feed, k1), "cont_1/lead_2");
	say(cont_1, NULL, 0, 30);
	check_eq(number("SELECT count(*) FROM object"), 0);
}

static void a_search_adds_to_what_an_answer_has_said(void **state)
{
	const struct remembered answered[] = {item(lead, email, ana, lead_1, NULL)};
	const struct remembered shown[] = {item(lead, email, bob, lead_1, NULL)};

	(void)state;
	say(lead_1, answered, 1, 10);
	journal_remember_found(journal, lead_1, shown, 1, 700000);
	commit();
	check_text(who(lead, email, ana), "lead_1");
	check_text(who(lead, email, bob), "lead_1");
}

static void a_search_that_lags_behind_an_answer_brings_no_old_value_back(void **state)
{
	const struct remembered answered[] = {item(lead, email, ana, lead_1, NULL)};
	const struct remembered shown[] = {item(lead, email, bob, lead_1, NULL),
	                                   item(lead, email, k1, lead_1, NULL),
	                                   item(lead, feed, k1, lead_1, NULL)};

	(void)state;
	say(lead_1, answered, 1, 1000000);
	check(journal_says_other(journal, lead_1, &shown[0], 1030000));
	check(!journal_says_other(journal, lead_1, &answered[0], 1030000));
	check(!journal_says_other(journal, lead_1, &shown[2], 1030000));
	check(!journal_says_other(journal, lead_1, &shown[0], 1700000));
	journal_remember_found(journal, lead_1, shown, 3, 1030000);
	commit();
	check_text(who(lead, email, bob), "");
	check_text(who(lead, feed, k1), "lead_1"); /* of this the answer said nothing */
	journal_remember_found(journal, lead_1, shown, 3, 1700000);
	commit();
	check_text(who(lead, email, bob), "lead_1"); /* by now somebody has changed it */
	check_text(who(lead, email, k1), "lead_1");  /* both are shown at once */
}

static void several_objects_with_one_value_are_told_oldest_memory_first(void **state)
{
	const struct remembered first[] = {item(lead, email, ana, lead_2, NULL)};
	const struct remembered second[] = {item(lead, email, ana, lead_1, NULL)};
	struct remembered one[1];

	(void)state;
	say(cont_2, first, 1, 10);
	say(cont_1, second, 1, 20);
	check_text(who(lead, email, ana), "lead_2 lead_1");
	say(cont_2, first, 1, 30); /* said again: as old as before */
	check_text(who(lead, email, ana), "lead_2 lead_1");
	say(lead_2, first, 1, 40); /* another says so, too: still one object */
	check_text(who(lead, email, ana), "lead_2 lead_1");

	check_eq(journal_find_remembered(journal, lead, email, ana, one, 1), 2);
	check_text(one[0].object_id, "lead_2");
	remembered_deinit(one);
}

static void nothing_leads_to_an_object_that_is_gone(void **state)
{
	const struct remembered of_contact[] = {item(contact, email, ana, cont_1, lead_1),
	                                        item(lead, email, ana, lead_1, NULL)};
	const struct remembered of_lead[] = {item(lead, feed, k1, lead_1, NULL)};
	const struct remembered other[] = {item(lead, email, ana, lead_2, NULL)};
	const struct known_field name = {.field = "name", .sent = 5, .answered = 5};

	(void)state;
	say(cont_1, of_contact, 2, 10);
	say(lead_1, of_lead, 1, 10);
	say(lead_2, other, 1, 10);
	journal_forget_object(journal, cont_1); /* its e-mail finds the lead no more */
	commit();
	check_text(who(contact, email, ana), "");
	check_text(who(lead, email, ana), "lead_2");
	check_text(who(lead, feed, k1), "lead_1");

	say(cont_1, of_contact, 2, 20);
	journal_know(journal, lead_1, &name, 1, 20);
	identity_made(lead_1, 20);
	check(journal_knows(journal, lead_1, "name", 5));
	journal_forget_object(journal, lead_1); /* and its contacts are gone with it */
	commit();
	check_text(who(contact, email, ana), "");
	check_text(who(lead, email, ana), "lead_2");
	check_text(who(lead, feed, k1), "");
	check_null(journal_find_object(journal, lead, feed, k1));
	check(!journal_knows(journal, lead_1, "name", 5));
	check(journal_knows_object_id(journal, lead_1)); /* it was ours all the same */
}

static void an_identity_outlives_what_answers_say_and_is_no_memory_of_them(void **state)
{
	const struct remembered said[] = {item(lead, feed, bob, lead_1, NULL)};
	char *id;

	(void)state;
	identity_made(lead_1, 10);
	say(lead_1, said, 1, 20);
	check_text(who(lead, feed, k1), ""); /* it has another value by now */
	check_text(who(lead, feed, bob), "lead_1");
	id = journal_find_object(journal, lead, feed, k1);
	check_text(id, "lead_1");
	free(id);
	check_eq(journal_object_time(journal, lead_1), 10);
}

static void an_object_that_only_has_the_value_bears_no_identity(void **state)
{
	const struct remembered said[] = {item(lead, feed, k1, lead_1, NULL)};
	char *id;

	(void)state;
	say(lead_1, said, 1, 20);
	check(!journal_knows_object_id(journal, lead_1)); /* it may be what a lost create made */
	check_eq(journal_object_time(journal, lead_1), 0);
	id = journal_find_object(journal, lead, feed, k1); /* but nobody may make a second one */
	check_text(id, "lead_1");
	free(id);
}

static void an_identity_without_an_id_gets_it_later(void **state)
{
	char *id;

	(void)state;
	identity_made("", 10);
	id = journal_find_object(journal, lead, feed, k1);
	check_text(id, "");
	free(id);
	identity_made(lead_1, 20);
	id = journal_find_object(journal, lead, feed, k1);
	check_text(id, "lead_1");
	free(id);
}

static void know(const char *field, uint64_t sent, uint64_t answered)
{
	const struct known_field known = {.field = field, .sent = sent, .answered = answered};

	journal_know(journal, lead_1, &known, 1, 10);
	commit();
}

static void a_field_is_known_as_it_was_sent_and_as_it_was_answered(void **state)
{
	(void)state;
	know("name", 7, UINT64_MAX);
	reopen();
	check(journal_knows(journal, lead_1, "name", 7));
	check(journal_knows(journal, lead_1, "name", UINT64_MAX));
	check(!journal_knows(journal, lead_1, "name", 9));
	check(!journal_knows(journal, lead_1, "url", 7));
	check(!journal_knows(journal, lead_2, "name", 7));
}

static void what_was_sent_stands_until_the_answer_differs(void **state)
{
	(void)state;
	know("name", 7, 8);
	know("name", 0, 8); /* another field was written; this one looks as it did */
	check(journal_knows(journal, lead_1, "name", 7));
	know("name", 0, 9); /* somebody else changed it */
	check(!journal_knows(journal, lead_1, "name", 7));
	check(!journal_knows(journal, lead_1, "name", 8));
	check(journal_knows(journal, lead_1, "name", 9));
	check(!journal_knows(journal, lead_1, "name", 0));
	know("url", 0, 3); /* never sent */
	check(!journal_knows(journal, lead_1, "url", 3));
}

static void the_known_fields_of_an_object_are_listed(void **state)
{
	char **fields;

	(void)state;
	check_null(journal_known_fields(journal, lead_1));
	know("url", 1, 1);
	know("name", 1, 1);
	fields = journal_known_fields(journal, lead_1);
	check_eq(strlist_len(fields), 2);
	check_text(fields[0], "name");
	check_text(fields[1], "url");
	strlist_free(fields);
}

static void what_is_old_is_let_go(void **state)
{
	const struct remembered old[] = {item(lead, email, ana, lead_1, NULL)};
	const struct remembered fresh[] = {item(lead, email, bob, lead_2, NULL)};

	(void)state;
	say(lead_1, old, 1, 10);
	say(lead_2, fresh, 1, 10);
	say(lead_2, fresh, 1, 30); /* its age is that of the last answer */
	know("name", 7, 7);
	check_eq(journal_prune(journal, 20, NULL), 0);
	check_text(who(lead, email, ana), "");
	check_text(who(lead, email, bob), "lead_2");
	check(!journal_knows(journal, lead_1, "name", 7));
}

/* How Close writes a number is so for the whole account: nothing of an object's makes it go. */
static void what_a_value_is_written_as_stays_for_good(void **state)
{
	static char spelling[] = "spelling", phone[] = "phone", sent[] = "6505551234",
		    shown[] = "+16505551234", other[] = "+446505551234", source[] = "spelling x";
	const struct remembered first[] = {item(spelling, phone, sent, shown, NULL)};
	const struct remembered newer[] = {item(spelling, phone, sent, other, NULL)};

	(void)state;
	say(source, first, 1, 10);
	check_eq(journal_watch(journal, "lead email\n", true, NULL), 0);
	check_eq(journal_prune(journal, 1000, NULL), 0);
	check_text(who(spelling, phone, sent), "+16505551234");
	say(source, newer, 1, 20);
	check_text(who(spelling, phone, sent), "+446505551234");
}

static void what_an_object_was_matched_by_goes_with_what_it_showed_for_it(void **state)
{
	static char match[] = "match contact email=bob@x.example of cont_1";
	const struct remembered shown[] = {item(contact, email, ana, cont_1, NULL)};
	const struct remembered matched[] = {item(contact, email, bob, cont_1, NULL)};
	const struct remembered both[] = {item(contact, email, ana, cont_1, NULL),
	                                  item(contact, email, k1, cont_1, NULL)};
	const struct remembered changed[] = {item(contact, email, k1, cont_1, NULL)};

	(void)state;
	say(cont_1, shown, 1, 10);
	say(match, matched, 1, 10);
	say(cont_1, shown, 1, 20);
	say(cont_1, both, 2, 30);
	check_text(who(contact, email, bob), "cont_1");
	say(cont_1, changed, 1, 40);
	check_text(who(contact, email, bob), "");
}

static void what_was_sent_and_is_shown_otherwise_is_still_what_it_was_matched_by(void **state)
{
	static char match[] = "match contact email=bob@x.example of cont_1";
	const struct remembered sent[] = {item(contact, email, bob, cont_1, NULL)};
	const struct remembered shown[] = {item(contact, email, ana, cont_1, NULL)};

	(void)state;
	say(cont_1, sent, 1, 10); /* its answer was lost */
	say(match, sent, 1, 10);
	say(cont_1, shown, 1, 20);
	check_text(who(contact, email, bob), "cont_1");
}

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void as_many_values_are_found_in_about_the_time_they_took_to_remember(void **state)
{
	const double began = seconds();
	struct remembered them[2], said;
	char value[40], id[40];
	double remembered;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(value, sizeof(value), "v%d@x.example", i);
		(void)snprintf(id, sizeof(id), "lead_%d", i);
		said = item(lead, email, value, id, NULL);
		journal_remember(journal, id, &said, 1, i);
	}
	commit();
	remembered = seconds();
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(value, sizeof(value), "v%d@x.example", i);
		check_eq(journal_find_remembered(journal, lead, email, value, them, 2), 1);
		remembered_deinit(&them[0]);
	}
	/* A scan of the table for each would take dozens of times as long. */
	check(seconds() - remembered < 10 * (remembered - began));
}

static bool is_between(uint64_t from, uint64_t after, uint64_t before, int64_t rejected_at)
{
	const struct remembered said = item(lead, feed, k1, lead_1, NULL);
	const struct closing_part part = {.place = {.stream = from, .pos = after},
	                                  .at_wall_ms = rejected_at};
	const struct output_place place = {.stream = from, .pos = before};

	return journal_is_made_between(journal, &said, &part, &place);
}

static void the_last_output_that_made_it_is_known_by_its_place(void **state)
{
	struct remembered said = item(lead, feed, k1, lead_1, NULL);

	(void)state;
	say(lead_1, &said, 1, 10); /* nobody made it */
	check(!is_between(1, 0, 99, 0));
	said.made = (struct output_place){.stream = 1, .pos = 40};
	say(lead_1, &said, 1, 20);
	reopen();
	check(is_between(1, 0, 99, 0));
	check(!is_between(1, 40, 99, 0));
	check(!is_between(1, 0, 40, 0));
	/* Neither an answer to what made nothing nor an earlier place takes that back. */
	said.made = (struct output_place){.stream = 1, .pos = 8};
	say(lead_1, &said, 1, 30);
	said.made = (struct output_place){0};
	say(lead_1, &said, 1, 40);
	check(is_between(1, 39, 41, 0));
	/* Of another stream only the time is known. */
	check(is_between(2, 0, 99, 9));
	check(!is_between(2, 0, 99, 10));
}

/* A journal of version 1 */

static void make_version_1(void)
{
	const char *const migrations[] = {journal_migrations[0], NULL};
	const struct store_config config = {.application_id = journal_application_id,
	                                    .migrations = migrations};
	struct store *s;
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/journal.db", folder);
	check_eq(store_open(path, &config, &s, NULL), 0);
	check_eq(store_exec(s,
	                    "INSERT INTO meta VALUES('id', 'old');"
	                    "INSERT INTO object VALUES('lead', 'custom.cf_1', 'k1', 'lead_1', 10);"
	                    "INSERT INTO object VALUES('lead', 'custom.cf_1', 'k2', '', 20);"
	                    "INSERT INTO stream VALUES(1,1,'in.ndjson',0,0,'',0,'',0,0,'',0,0,0,0,"
	                    "'',0);"
	                    "INSERT INTO record VALUES(1,1,0,8,7,1,0,NULL,0,NULL,0);"
	                    "INSERT INTO part VALUES(1,1,0,1,0,0,0,0,0,NULL,NULL,NULL,'r','op',1,0,"
	                    "NULL);"
	                    "INSERT INTO request(seq, id, state, method, class, route, operation,"
	                    " object, grp, url, config, attempts, resends, crash_count, intent_at,"
	                    " ended_at, duration, status, found, first_part, last_part, format,"
	                    " root, root_at) VALUES(1,'x',1,0,0,'r','op','lead','g','/lead/',1,0,0,"
	                    "0,0,0,0,0,0,1,1,0,0,0);"
	                    "INSERT INTO payload VALUES(1, NULL, NULL, NULL)",
	                    NULL),
	         0);
	store_close(s);
}

static void a_journal_of_the_first_version_keeps_its_rows(void **state)
{
	char command[128], *id;

	(void)state;
	journal_close(journal);
	(void)snprintf(command, sizeof(command), "rm %s/*", folder);
	check_eq(system(command), 0);
	make_version_1();
	open_journal();
	check_text(journal_id(journal), "old");
	id = journal_find_object(journal, lead, feed, k1);
	check_text(id, "lead_1");
	free(id);
	id = journal_find_object(journal, lead, feed, "k2");
	check_text(id, "");
	free(id);
	check(journal_knows_object_id(journal, lead_1));
	check_eq(journal_object_time(journal, lead_1), 10);
	check_text(who(lead, feed, k1), "");
	load_open();
	check_eq(n_found, 1);
	check(!found[0]->is_remembered);
	free_found();

	reopen(); /* once is enough */
	check(journal_knows_object_id(journal, lead_1));
	check_eq(journal_check(journal, NULL), 0);
}

int main(void)
{
#define with_journal(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		with_journal(what_an_answer_says_finds_its_object_after_a_restart),
		with_journal(a_newer_answer_takes_the_place_of_the_older_one),
		with_journal(a_search_adds_to_what_an_answer_has_said),
		with_journal(a_search_that_lags_behind_an_answer_brings_no_old_value_back),
		with_journal(several_objects_with_one_value_are_told_oldest_memory_first),
		with_journal(nothing_leads_to_an_object_that_is_gone),
		with_journal(an_identity_outlives_what_answers_say_and_is_no_memory_of_them),
		with_journal(an_object_that_only_has_the_value_bears_no_identity),
		with_journal(an_identity_without_an_id_gets_it_later),
		with_journal(a_field_is_known_as_it_was_sent_and_as_it_was_answered),
		with_journal(what_was_sent_stands_until_the_answer_differs),
		with_journal(the_known_fields_of_an_object_are_listed),
		with_journal(what_is_old_is_let_go),
		with_journal(what_a_value_is_written_as_stays_for_good),
		with_journal(what_an_object_was_matched_by_goes_with_what_it_showed_for_it),
		with_journal(what_was_sent_and_is_shown_otherwise_is_still_what_it_was_matched_by),
		with_journal(as_many_values_are_found_in_about_the_time_they_took_to_remember),
		with_journal(the_last_output_that_made_it_is_known_by_its_place),
		with_journal(a_journal_of_the_first_version_keeps_its_rows),
	};

	return run_sentences(tests);
}
