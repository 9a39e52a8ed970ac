#include "connector/delivery/lanes.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static char ready[64]; /* the names of requests in the order they became ready */

static void note(void *arg, struct request *request)
{
	(void)arg;
	(void)strncat(ready, request->route, 1);
}

static struct request *request_of(const char *name, const char *owns, const char *shares)
{
	struct request *r = request_new();

	r->route = mem_strdup(name);
	if (owns)
		request_add_lane(r, owns, true);
	if (shares)
		request_add_lane(r, shares, false);
	return r;
}

static struct lanes *lanes;

static struct lane_place *enter(struct request *r)
{
	return lanes_enter(lanes, r, note, NULL);
}

static void begin(void)
{
	ready[0] = '\0';
	lanes = lanes_new();
}

static char emptied[64]; /* the last characters of lanes that nobody is in any more */

static void note_empty(void *arg, const char *key)
{
	(void)arg;
	(void)strncat(emptied, key + strlen(key) - 1, 1);
}

static void who_watches_is_told_of_lanes_with_nobody_in_them(void **state)
{
	struct request *a = request_of("a", "lead_1", "lead_2"),
		       *b = request_of("b", "lead_1", NULL);
	struct lane_place *pa, *pb;

	(void)state;
	begin();
	emptied[0] = '\0';
	lanes_watch(lanes, note_empty, NULL);
	pa = enter(a);
	pb = enter(b);
	lanes_leave(lanes, pa);
	check_text(emptied, "2");
	lanes_leave(lanes, pb);
	check_text(emptied, "21");
	lanes_watch(lanes, NULL, NULL);
	lanes_leave(lanes, lanes_close(lanes, "lead_3"));
	check_text(emptied, "21");
	request_free(a);
	request_free(b);
	lanes_free(lanes);
}

static void owners_of_one_key_go_one_after_another_in_order(void **state)
{
	struct request *a = request_of("a", "lead_1", NULL), *b = request_of("b", "lead_1", NULL);
	struct request *c = request_of("c", "lead_2", NULL);
	struct lane_place *pa, *pb, *pc;

	(void)state;
	begin();
	pa = enter(a);
	pb = enter(b);
	pc = enter(c);
	check_text(ready, "ac");
	check(!lanes_is_ready(pb));
	lanes_leave(lanes, pa);
	check_text(ready, "acb");
	lanes_leave(lanes, pb);
	lanes_leave(lanes, pc);
	request_free(a);
	request_free(b);
	request_free(c);
	lanes_free(lanes);
}

static void sharers_go_together_and_an_owner_waits_for_all_of_them(void **state)
{
	struct request *a = request_of("a", NULL, "lead_1"), *b = request_of("b", NULL, "lead_1");
	struct request *o = request_of("o", "lead_1", NULL), *c = request_of("c", NULL, "lead_1");
	struct lane_place *pa, *pb, *po, *pc;

	(void)state;
	begin();
	pa = enter(a);
	pb = enter(b);
	po = enter(o);
	pc = enter(c); /* behind the owner: it must not overtake */
	check_text(ready, "ab");
	lanes_leave(lanes, pa);
	check_text(ready, "ab");
	lanes_leave(lanes, pb);
	check_text(ready, "abo");
	lanes_leave(lanes, po);
	check_text(ready, "aboc");
	lanes_leave(lanes, pc);
	request_free(a);
	request_free(b);
	request_free(o);
	request_free(c);
	lanes_free(lanes);
}

static void a_request_waits_for_all_its_lanes_and_may_give_up_waiting(void **state)
{
	struct request *a = request_of("a", "x", NULL), *b = request_of("b", "y", NULL);
	struct request *both = request_of("w", "x", NULL), *last = request_of("l", "y", NULL);
	struct lane_place *pa, *pb, *pw, *pl;

	(void)state;
	request_add_lane(both, "y", true);
	begin();
	pa = enter(a);
	pb = enter(b);
	pw = enter(both);
	pl = enter(last);
	lanes_leave(lanes, pa);
	check_text(ready, "ab");
	lanes_leave(lanes, pw); /* gone before its turn: who stood behind moves up */
	lanes_leave(lanes, pb);
	check_text(ready, "abl");
	lanes_leave(lanes, pl);
	request_free(a);
	request_free(b);
	request_free(both);
	request_free(last);
	lanes_free(lanes);
}

static void a_closed_lane_holds_everybody_until_it_is_left(void **state)
{
	struct request *a = request_of("a", NULL, "lead_1");
	struct lane_place *closed, *pa;

	(void)state;
	begin();
	closed = lanes_close(lanes, "lead_1");
	check(!lanes_waited_for(closed));
	pa = enter(a);
	check_text(lanes_waited_for(closed), "lead_1");
	check(!lanes_waited_for(pa));
	check_text(ready, "");
	lanes_leave(lanes, closed);
	check_text(ready, "a");
	lanes_leave(lanes, pa);
	request_free(a);
	lanes_free(lanes);
}

/*
 * Model: any number of owners and sharers over a few keys, entering and leaving at random; at every
 * moment nobody is ready together with an owner of the same key, and at the end all were ready.
 */
enum { n_model = 400, n_keys = 5 };

static void random_traffic_never_lets_an_owner_share_and_starves_nobody(void **state)
{
	struct request *requests[n_model];
	struct lane_place *places[n_model] = {0};
	unsigned seed = 7, n_entered = 0, n_left = 0;

	(void)state;
	print_message("seed %u\n", seed);
	begin();
	while (n_left < n_model) {
		if (n_entered < n_model && rand_r(&seed) % 2) {
			struct request *r = request_of("m", NULL, NULL);

			for (int i = 0; i < 2; i++) {
				char key[2] = {(char)('a' + rand_r(&seed) % n_keys), 0};

				request_add_lane(r, key, rand_r(&seed) % 3 == 0);
			}
			requests[n_entered] = r;
			ready[0] = '\0';
			places[n_entered++] = enter(r);
		} else {
			for (unsigned i = 0; i < n_entered; i++)
				if (places[i] && lanes_is_ready(places[i])) {
					ready[0] = '\0';
					lanes_leave(lanes, places[i]);
					places[i] = NULL;
					n_left++;
					break;
				}
		}
		for (unsigned i = 0; i < n_entered; i++)
			for (unsigned k = 0; k < i; k++) {
				const struct request *x = requests[i], *y = requests[k];

				if (!places[i] || !places[k] || !lanes_is_ready(places[i]) ||
				    !lanes_is_ready(places[k]))
					continue;
				for (size_t a = 0; a < x->n_lanes; a++)
					for (size_t b = 0; b < y->n_lanes; b++)
						check(strcmp(x->lanes[a].key, y->lanes[b].key) !=
						              0 ||
						      (!x->lanes[a].is_owner &&
						       !y->lanes[b].is_owner));
			}
	}
	for (unsigned i = 0; i < n_model; i++)
		request_free(requests[i]);
	lanes_free(lanes);
}

static void a_lane_is_free_for_those_who_want_to_know_who_is_in_it(void **state)
{
	struct request *sharer = request_of("a", NULL, "x"), *owner = request_of("b", "x", NULL);
	struct lane_place *s, *o, *closed;

	(void)state;
	begin();
	check(lanes_is_free(lanes, "x", true));
	s = enter(sharer);
	check(lanes_is_free(lanes, "x", false)); /* it only names it */
	check(!lanes_is_free(lanes, "x", true));
	check(lanes_is_free(lanes, "y", true));
	o = enter(owner);
	check(!lanes_is_free(lanes, "x", false)); /* though it still waits for its turn */
	lanes_leave(lanes, s);
	lanes_leave(lanes, o);
	check(lanes_is_free(lanes, "x", true));
	closed = lanes_close(lanes, "x");
	check(!lanes_is_free(lanes, "x", false));
	lanes_leave(lanes, closed);
	request_free(sharer);
	request_free(owner);
	lanes_free(lanes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(owners_of_one_key_go_one_after_another_in_order),
		sentence(sharers_go_together_and_an_owner_waits_for_all_of_them),
		sentence(a_request_waits_for_all_its_lanes_and_may_give_up_waiting),
		sentence(who_watches_is_told_of_lanes_with_nobody_in_them),
		sentence(a_closed_lane_holds_everybody_until_it_is_left),
		sentence(a_lane_is_free_for_those_who_want_to_know_who_is_in_it),
		sentence(random_traffic_never_lets_an_owner_share_and_starves_nobody),
	};

	return run_sentences(tests);
}
