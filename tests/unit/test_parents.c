#include "connector/engine/resolve_private.h"
#include "lib/mem.h"
#include "lib/strlist.h"
#include "tests/unit/check.h"

#include <stdlib.h>

/* Offers and marks: who may yet make what is looked for, in which order; and who has lost it. */

static const struct output_place first = {.stream = 1, .pos = 0, .ordinal = 0};
static const struct output_place second = {.stream = 1, .pos = 40, .ordinal = 0};
static char email[] = "lead email=a@b.example", name[] = "lead name=Ana", other[] = "lead name=Bo";

static struct offer *offer(struct parents *parents, const struct output_place *place,
                           uint64_t number, char *one, char *two)
{
	char *texts[] = {one, two};

	return parents_offer(parents, place, number, texts, two ? 2 : 1);
}

static struct offer *find(struct parents *parents, char *one, char *two, uint64_t before)
{
	char *texts[] = {one, two};

	return parents_find(parents, texts, two ? 2 : 1, before);
}

static void end(struct parents *parents, struct offer *offered)
{
	void **waiters;

	check_eq(parents_end(parents, offered, &waiters), 0);
	free(waiters);
}

static void only_who_came_before_is_a_parent(void **state)
{
	struct parents *parents = parents_new();
	struct offer *one = offer(parents, &first, 3, email, NULL);

	(void)state;
	check(find(parents, email, NULL, 4) == one);
	check_null(find(parents, email, NULL, 3));
	check_null(find(parents, email, NULL, 2));
	check_null(find(parents, name, NULL, 4));
	parents_free(parents);
}

static void all_fields_must_be_of_one_offer(void **state)
{
	struct parents *parents = parents_new();
	struct offer *two;

	(void)state;
	(void)offer(parents, &first, 1, email, other);
	two = offer(parents, &second, 2, email, name);
	check(find(parents, email, name, 9) == two);
	check(find(parents, name, email, 9) == two);
	check_null(find(parents, other, name, 9));
	parents_free(parents);
}

static void the_first_of_several_is_waited_for_and_then_the_next(void **state)
{
	struct parents *parents = parents_new();
	/* A request of an earlier run is told later than what was read meanwhile. */
	struct offer *late = offer(parents, &second, 7, email, NULL);
	struct offer *early = offer(parents, &first, 2, email, NULL);

	(void)state;
	check(find(parents, email, NULL, 9) == early);
	end(parents, early);
	check(find(parents, email, NULL, 9) == late);
	end(parents, late);
	check_null(find(parents, email, NULL, 9));
	parents_free(parents);
}

static void a_place_keeps_its_first_offer_and_number(void **state)
{
	struct parents *parents = parents_new();
	struct offer *one = offer(parents, &first, 2, email, NULL);

	(void)state;
	check(offer(parents, &first, 8, name, NULL) == one);
	check_null(find(parents, email, NULL, 2));
	check(find(parents, email, NULL, 3) == one);
	check(parents_at(parents, &first) == one);
	check_null(parents_at(parents, &second));
	check_null(find(parents, name, NULL, 9));
	end(parents, one);
	check_null(parents_at(parents, &first));
	parents_free(parents);
}

static void who_waits_is_told_once_when_it_is_held_and_when_it_ends(void **state)
{
	struct parents *parents = parents_new();
	struct offer *one = offer(parents, &first, 1, email, NULL);
	int a = 0, b = 0;
	void **waiters;

	(void)state;
	offer_wait(one, &a);
	offer_wait(one, &b);
	check_eq(offer_hold(one, "held lead.create of x line 4", &waiters), 2);
	check(waiters[0] == &a);
	check(waiters[1] == &b);
	free(waiters);
	check_text(offer_held(one), "held lead.create of x line 4");
	offer_wait(one, &b);
	check_eq(parents_end(parents, one, &waiters), 1);
	check(waiters[0] == &b);
	free(waiters);
	parents_free(parents);
}

static void a_field_that_was_made_anew_keeps_its_offers(void **state)
{
	struct parents *parents = parents_new();
	const struct output_place place = {.stream = 1, .pos = 7};
	char old[] = "lead custom.cf_A=x", longer[] = "lead custom.cf_AB=x",
	     now[] = "lead custom.cf_C=x";
	char *const texts[] = {old, longer}, *const wanted[] = {now, longer};
	struct offer *offer = parents_offer(parents, &place, 1, texts, 2);

	(void)state;
	parents_rename(parents, "custom.cf_A", "custom.cf_C");
	check(parents_find(parents, wanted, 2, 2) == offer);
	check(!parents_find(parents, texts, 1, 2));
	parents_free(parents);
}

static void marks_stand_in_the_order_of_their_numbers(void **state)
{
	struct marks *marks = marks_new();
	int who = 0;
	struct mark *five = marks_add(marks, "lead_A1", &who, 5, true);
	struct mark *nine = marks_add(marks, "lead_A1", &who, 9, false);
	struct mark *seven = marks_add(marks, "lead_A1", &who, 7, true);
	struct mark *one = marks_add(marks, "lead_A1", &who, 1, false);

	(void)state;
	check(marks_first(marks, "lead_A1") == one);
	check(one->behind == five);
	check(five->behind == seven);
	check(seven->behind == nine);
	check(nine->before == seven);
	marks_remove(marks, seven);
	check(five->behind == nine);
	check(nine->before == five);
	marks_remove(marks, one);
	check(marks_first(marks, "lead_A1") == five);
	marks_remove(marks, nine);
	marks_remove(marks, five);
	check_null(marks_first(marks, "lead_A1"));
	marks_free(marks);
}

static void who_is_next_before_one_is_in_its_way(void **state)
{
	struct marks *marks = marks_new();
	int who = 0;
	struct mark *sharer = marks_add(marks, name, &who, 2, false);
	struct mark *owner;

	(void)state;
	check(marks_ahead(marks, name, 9, true) == sharer);
	check_null(marks_ahead(marks, name, 9, false));
	check_null(marks_ahead(marks, name, 2, true));
	check_null(marks_ahead(marks, other, 9, true));
	owner = marks_add(marks, name, &who, 5, true);
	(void)marks_add(marks, name, &who, 7, false);
	check(marks_ahead(marks, name, 9, false) == owner);
	check_eq(marks_ahead(marks, name, 9, true)->number, 7);
	check(marks_ahead(marks, name, 5, true) == sharer);
	marks_remove(marks, owner);
	check_null(marks_ahead(marks, name, 9, false));
	marks_free(marks);
}

static void many_texts_are_found_again(void **state)
{
	struct marks *marks = marks_new();
	int who = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char *text = mem_printf("lead email=%u@b.example", i);

		(void)marks_add(marks, text, &who, i, true);
		free(text);
	}
	check_eq(marks_first(marks, "lead email=19999@b.example")->number, 19999);
	check_eq(marks_first(marks, "lead email=0@b.example")->number, 0);
	marks_free(marks);
}

/* What updates took away */

static char field_name[] = "custom.cf_A", value[] = "A-1";
static const struct lookup_field account[] = {
	{.name = field_name, .value = value, .folded = value, .like = LIKE_TEXT}};
static const char cleared[] = "{\"custom.cf_A\":null}", kept[] = "{\"custom.cf_A\":\"A-1\"}";
enum { long_after_ms = 100000 };

static void an_answer_asked_for_before_an_update_shows_what_that_took(void **state)
{
	struct taken *taken = taken_new();
	const struct asked_at before = taken_now(taken, long_after_ms);
	struct asked_at after;

	(void)state;
	taken_add(taken, "lead_1", NULL, cleared, 1);
	taken_add(taken, "lead_2", NULL, kept, 1);
	after = taken_now(taken, long_after_ms);
	check(taken_from(taken, "lead_1", account, &before));
	check(!taken_from(taken, "lead_1", account, &after));
	check(!taken_from(taken, "lead_2", account, &before));
	check(!taken_from(taken, "lead_3", account, &before));
	taken_free(taken);
}

static void a_search_asked_for_soon_after_may_show_it_too(void **state)
{
	struct taken *taken = taken_new();
	struct asked_at soon;

	(void)state;
	taken_add(taken, "cont_1", "lead_1", cleared, long_after_ms);
	soon = taken_now(taken, long_after_ms + 59999);
	check(taken_from(taken, "cont_1", account, &soon));
	check(taken_from(taken, "lead_1", account, &soon));
	soon.ms++;
	check(!taken_from(taken, "lead_1", account, &soon));
	taken_free(taken);
}

static void an_answer_older_than_what_is_kept_is_not_believed(void **state)
{
	struct taken *taken = taken_new();
	const struct asked_at before = taken_now(taken, long_after_ms);

	(void)state;
	for (unsigned i = 0; i < 4096; i++)
		taken_add(taken, "lead_1", "lead_2", kept, 1);
	check(taken_knows(taken, &before));
	taken_add(taken, "lead_1", "lead_2", kept, 1);
	check(!taken_knows(taken, &before));
	check(!taken_from(taken, "lead_1", account, &before));
	taken_free(taken);
}

static void it_is_told_once_what_an_offer_is_about(void **state)
{
	struct parents *parents = parents_new();
	struct offer *one = offer(parents, &first, 1, email, NULL);
	char **lead = NULL, **same = NULL, **both = NULL;

	(void)state;
	check_null(offer_about(one));
	check(!offer_set_about(one, NULL));
	strlist_add(&lead, mem_strdup("lead_1"));
	check(offer_set_about(one, lead));
	strlist_add(&same, mem_strdup("lead_1"));
	check(!offer_set_about(one, same));
	strlist_add(&both, mem_strdup("lead_1"));
	strlist_add(&both, mem_strdup("cont_1"));
	check(offer_set_about(one, both));
	check_text(offer_about(one)[1], "cont_1");
	end(parents, one);
	parents_free(parents);
}

static void who_waits_may_be_about_what_its_kind_says(void **state)
{
	struct parents *parents = parents_new();
	struct offer *one = offer(parents, &first, 1, email, NULL);
	char kind[] = "lead";
	struct lookup lookup = {.kind = kind};
	struct finding f = {.lookup = &lookup};
	char **about = NULL;

	(void)state;
	strlist_add(&about, mem_strdup("cont_1"));
	strlist_add(&about, mem_strdup("lead_1"));
	(void)offer_set_about(one, about);
	resolve_come_near(&f, one);
	check_eq(strlist_len(f.near), 1);
	check_text(f.near[0], "lead_1");
	strlist_free(f.near);
	end(parents, one);
	parents_free(parents);
}

static void what_may_be_gone_is_asked_for_where_it_is_changed(void **state)
{
	char **doubted = NULL;

	(void)state;
	resolve_doubt_object(&doubted, "contact", "cont_1");
	resolve_doubt_object(&doubted, "lead", "lead_1");
	resolve_doubt_object(&doubted, "contact", "cont_1");
	resolve_doubt_object(&doubted, "custom_object", "coi_1");
	resolve_doubt_object(&doubted, "custom_field.lead", "cf_1");
	resolve_doubt_object(&doubted, "nothing", "no_1"); /* nobody knows where */
	check_eq(strlist_len(doubted), 4);
	check_text(doubted[0], "/contact/cont_1/");
	check_text(doubted[1], "/lead/lead_1/");
	check_text(doubted[2], "/custom_object/coi_1/");
	check_text(doubted[3], "/custom_field/lead/cf_1/");
	strlist_free(doubted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(only_who_came_before_is_a_parent),
		sentence(all_fields_must_be_of_one_offer),
		sentence(the_first_of_several_is_waited_for_and_then_the_next),
		sentence(a_place_keeps_its_first_offer_and_number),
		sentence(who_waits_is_told_once_when_it_is_held_and_when_it_ends),
		sentence(a_field_that_was_made_anew_keeps_its_offers),
		sentence(marks_stand_in_the_order_of_their_numbers),
		sentence(who_is_next_before_one_is_in_its_way),
		sentence(many_texts_are_found_again),
		sentence(an_answer_asked_for_before_an_update_shows_what_that_took),
		sentence(a_search_asked_for_soon_after_may_show_it_too),
		sentence(an_answer_older_than_what_is_kept_is_not_believed),
		sentence(it_is_told_once_what_an_offer_is_about),
		sentence(who_waits_may_be_about_what_its_kind_says),
		sentence(what_may_be_gone_is_asked_for_where_it_is_changed),
	};

	return run_sentences(tests);
}
