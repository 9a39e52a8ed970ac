#include "connector/sandbox/query.h"
#include "connector/sandbox/query_fold.h"
#include "lib/mem.h"
#include "tests/unit/box.h"

#define FIELD(kind, name)                                                                          \
	"{\"type\":\"regular_field\",\"object_type\":\"" kind "\",\"field_name\":\"" name "\"}"

/* Four letters, so that random queries hit and miss about as often. */
static const char *const words[] = {"a", "B", "b", "c"};

static uint32_t seed;

static unsigned die(unsigned sides)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 16) % sides;
}

static char *random_query(unsigned depth, bool is_contact);

static char *random_condition(bool is_contact)
{
	static const char *const modes[] = {"exact_value", "exact_value", "phrase", "full_words"};
	const char *field = is_contact ? FIELD("contact", "name")
	                    : die(2)   ? FIELD("lead", "name")
	                               : FIELD("lead", "description");

	if (die(5) == 0)
		return mem_printf("{\"type\":\"field_condition\",\"negate\":%s,\"field\":%s,"
		                  "\"condition\":{\"type\":\"term\",\"values\":[\"%s\"]}}",
		                  die(4) ? "false" : "true", field, words[die(4)]);
	return mem_printf("{\"type\":\"field_condition\",\"negate\":%s,\"field\":%s,\"condition\":"
	                  "{\"type\":\"text\",\"mode\":\"%s\",\"value\":\"%s\"}}",
	                  die(4) ? "false" : "true", field, modes[die(4)], words[die(4)]);
}

static char *random_group(unsigned depth, bool is_contact)
{
	char *parts[6], *all = mem_strdup(""), *query;
	const unsigned n = 1 + die(6);

	for (unsigned i = 0; i < n; i++) {
		char *longer;

		parts[i] = random_query(depth - 1, is_contact);
		longer = mem_printf("%s%s%s", all, i ? "," : "", parts[i]);
		free(parts[i]);
		free(all);
		all = longer;
	}
	query = mem_printf("{\"type\":\"%s\",\"negate\":%s,\"queries\":[%s]}",
	                   die(3) ? "or" : "and", die(5) ? "false" : "true", all);
	free(all);
	return query;
}

static char *random_query(unsigned depth, bool is_contact)
{
	char *inner, *query;

	if (depth && die(2))
		return random_group(depth, is_contact);
	if (!depth || is_contact || die(2))
		return random_condition(is_contact);
	inner = random_query(depth - 1, true);
	query = mem_printf("{\"type\":\"has_related\",\"negate\":%s,\"this_object_type\":\"lead\","
	                   "\"related_object_type\":\"contact\",\"related_query\":%s}",
	                   die(4) ? "false" : "true", inner);
	free(inner);
	return query;
}

static void open_with_leads(struct box *b)
{
	box_open(b, 0);
	for (unsigned i = 0; i < 16; i++) {
		char *body = mem_printf("{\"name\":\"%s\",\"description\":\"%s\",\"contacts\":["
		                        "{\"name\":\"%s\"},{\"name\":\"%s\"}]}",
		                        words[i % 4], words[i / 4], words[die(4)], words[die(4)]);

		(void)box_put(b, BOX_LEAD, NULL, body);
		free(body);
	}
}

static size_t n_matching(const struct box *b, struct json_object *query, bool minds_case,
                         uint32_t *ret_which)
{
	const struct box_query asked = {
		b->org->search, b->org->store, {b->org->user->id, minds_case}};
	const struct box_list *all = box_store_all(b->org->store, &box_kinds[BOX_LEAD]);
	size_t n = 0;

	*ret_which = 0;
	for (size_t i = 0; i < all->n; i++)
		if (box_query_matches(&asked, query, all->items[i])) {
			*ret_which |= 1U << i;
			n++;
		}
	return n;
}

static void a_folded_query_finds_the_same(void **state)
{
	size_t n_some = 0;
	struct box b;

	(void)state;
	seed = 5;
	open_with_leads(&b);
	for (unsigned round = 0; round < 2000; round++) {
		char *text = random_query(3, false);
		struct json_object *plain = from_json(text), *folded;
		const bool minds_case = round % 2;
		uint32_t expected, found;
		size_t n;

		folded = box_query_fold(plain, minds_case);
		n = n_matching(&b, plain, minds_case, &expected);
		(void)n_matching(&b, folded, minds_case, &found);
		if (expected != found)
			check_text(json_object_to_json_string(folded), text);
		n_some += n > 0 && n < 16;
		json_object_put(folded);
		json_object_put(plain);
		free(text);
	}
	check(n_some > 500); /* else the comparison would have said little */
	box_close(&b);
}

static void alternatives_of_one_field_become_one_question(void **state)
{
#define IS(field, value)                                                                           \
	"{\"type\":\"field_condition\",\"field\":" field                                           \
	",\"condition\":{\"type\":\"text\",\"mode\":\"exact_value\",\"value\":\"" value "\"}}"
#define OF_CONTACT(query)                                                                          \
	"{\"type\":\"has_related\",\"this_object_type\":\"lead\",\"related_object_type\":"         \
	"\"contact\",\"related_query\":" query "}"
	struct json_object *query = from_json("{\"type\":\"or\",\"queries\":[" OF_CONTACT(
		IS(FIELD("contact", "name"),
	           "A")) "," IS(FIELD("lead", "name"),
	                        "x") "," OF_CONTACT(IS(FIELD("contact", "name"), "b")) "]}");
	struct json_object *folded = box_query_fold(query, false);
	char *text = json_text(folded);

	(void)state;
	check_text(
		text,
		"{\"type\":\"or\",\"queries\":[" OF_CONTACT(
			"{\"type\":\"or\",\"queries\":[{\"type\":\"field_condition\",\"field\":" FIELD(
				"contact",
				"name") ",\"condition\":{\"type\":\"any_of\",\"values\":[\"a\",\"b\"],"
					"\"set\":{\"a\":null,\"b\":null}}}]}") "," IS(FIELD("lead",
	                                                                                    "name"),
	                                                                              "x") "]}");
	free(text);
	json_object_put(folded);
	json_object_put(query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_folded_query_finds_the_same),
		sentence(alternatives_of_one_field_become_one_question),
	};

	return run_sentences(tests);
}
