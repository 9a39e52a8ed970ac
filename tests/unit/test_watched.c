#include "connector/model/route.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

static void add_field(struct lookup_rule *rule, const char *kind, const char *name)
{
	struct lookup_key_rule *key;

	if (!rule->kind)
		rule->kind = mem_strdup(kind);
	rule->keys = mem_resize(rule->keys, rule->n_keys + 1, sizeof(*rule->keys));
	key = &rule->keys[rule->n_keys++];
	key->n = 1;
	key->fields = mem_alloc(sizeof(*key->fields));
	key->fields[0].name = mem_strdup(name);
}

static struct lookup_rule *add_link(struct route *route)
{
	route->links = mem_resize(route->links, route->n_links + 1, sizeof(*route->links));
	route->links[route->n_links] = (struct link_rule){0};
	return &route->links[route->n_links++].rule;
}

static void add_entry(struct names *names, const char *kind, const char *id, const char *name,
                      enum field_type type)
{
	struct name_book *book = name_book_new(kind);

	name_book_add(book, id, name)->type = type;
	names_put(names, book);
}

static char *watched_text(const struct route_set *set)
{
	static const char *const likes[] = {
		[LIKE_TEXT] = "text", [LIKE_EMAIL] = "email",   [LIKE_PHONE] = "phone",
		[LIKE_URL] = "url",   [LIKE_NUMBER] = "number", [LIKE_CHOICE] = "choice",
		[LIKE_DAY] = "day",   [LIKE_MOMENT] = "moment", [LIKE_ID] = "id",
	};
	struct watched_field *fields;
	struct buf text = BUF_INIT;
	size_t n;

	fields = route_set_watched(set, &n);
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s%s %s (%s)", i ? ", " : "", fields[i].kind, fields[i].name,
		         likes[fields[i].like]);
	watched_fields_free(fields, n);
	return buf_take(&text);
}

/* An upsert of leads, and a note linked to what it makes. */
static void make_routes(struct route_set *set)
{
	struct route *upsert, *note;

	set->items = mem_array(2, sizeof(*set->items));
	set->n = 2;
	upsert = &set->items[0];
	note = &set->items[1];
	add_field(&upsert->match, "lead", "custom.Account ID");
	add_field(&upsert->match, "lead", "email");
	add_field(&upsert->match, "lead", "id");
	upsert->update = mem_alloc(sizeof(*upsert->update));
	add_field(add_link(upsert->update), "user", "name");
	add_field(add_link(note), "lead", "email");
	add_field(add_link(note), "contact", "custom.cf_7");
	add_field(add_link(note), "custom_object", "custom.Serial");
}

static void what_routes_match_and_link_by_is_watched_once(void **state)
{
	struct route_set set = {0};
	cleanup_(freep) char *text = NULL;

	(void)state;
	make_routes(&set);
	text = watched_text(&set);
	check_text(text, "lead custom.Account ID (text), lead email (email), user name (text), "
	                 "contact custom.cf_7 (text), custom_object custom.Serial (text)");
	route_set_deinit(&set);
}

static void names_that_are_known_are_watched_by_id_and_type(void **state)
{
	struct route_set set = {0};
	struct names names = {0};
	cleanup_(freep) char *text = NULL;

	(void)state;
	make_routes(&set);
	add_entry(&names, "lead", "cf_1", "Account ID", FIELD_NUMBER);
	add_entry(&names, "contact", "cf_7", "Tier", FIELD_CHOICES);
	/* A link does not say of which type the custom object is. */
	add_entry(&names, "custom_object/cotype_1", "cf_8", "Serial", FIELD_TEXT);
	add_entry(&names, "custom_object/cotype_2", "cf_9", "Serial", FIELD_NUMBER);
	add_entry(&names, "custom_object/cotype_3", "cf_10", "Colour", FIELD_TEXT);
	add_entry(&names, "custom_object_type", "cotype_1", "Serial", FIELD_ANY);
	set.names = &names;
	text = watched_text(&set);
	check_text(text, "lead custom.cf_1 (number), lead email (email), user name (text), "
	                 "contact custom.cf_7 (choice), custom_object custom.cf_8 (text), "
	                 "custom_object custom.cf_9 (number)");
	names_deinit(&names);
	route_set_deinit(&set);
}

static void a_name_of_several_fields_stays_as_it_is_written(void **state)
{
	struct route_set set = {0};
	struct names names = {0};
	struct name_book *book = name_book_new("lead");
	cleanup_(freep) char *text = NULL;

	(void)state;
	(void)name_book_add(book, "cf_1", "Tier");
	(void)name_book_add(book, "cf_2", "Tier");
	names_put(&names, book);
	set.items = mem_alloc(sizeof(*set.items));
	set.n = 1;
	set.names = &names;
	add_field(&set.items[0].match, "lead", "custom.Tier");
	text = watched_text(&set);
	check_text(text, "lead custom.Tier (text)");
	names_deinit(&names);
	route_set_deinit(&set);
}

static void plain_routes_watch_nothing(void **state)
{
	struct route_set set = {.items = mem_alloc(sizeof(*set.items)), .n = 1};
	size_t n = 1;

	(void)state;
	check_null(route_set_watched(&set, &n));
	check_eq(n, 0);
	route_set_deinit(&set);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(what_routes_match_and_link_by_is_watched_once),
		sentence(names_that_are_known_are_watched_by_id_and_type),
		sentence(a_name_of_several_fields_stays_as_it_is_written),
		sentence(plain_routes_watch_nothing),
	};

	return run_sentences(sentences);
}
