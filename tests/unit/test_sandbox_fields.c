#include "connector/sandbox/fields.h"
#include "lib/mem.h"
#include "tests/unit/box.h"

/* Associates the shared field as the endpoint does. */
static void associate(struct box *b, const struct box_object *field, const char *association)
{
	struct box_object *changed = box_store_find(b->org->store, NULL, field->id);
	struct json_object *all = box_field_associations(field);

	json_object_array_add(all, from_json(association));
	box_field_associate(b->org, &b->actor, changed, all);
}

static const struct box_object *shared(struct box *b)
{
	return box_put(b, BOX_SHARED_FIELD, NULL, "{\"name\":\"Tier\",\"type\":\"text\"}");
}

static const struct box_target leads = {&box_kinds[BOX_LEAD], NULL};
static const struct box_target contacts = {&box_kinds[BOX_CONTACT], NULL};

static void a_target_has_two_names(void **state)
{
	const struct box_object *type;
	struct box_target target;
	struct box b;
	char *name;

	(void)state;
	box_open(&b, 0);
	type = box_put(&b, BOX_ACTIVITY_TYPE, NULL, "{\"name\":\"Visit\"}");
	for (int is_association = 0; is_association < 2; is_association++) {
		name = mem_printf("%s/%s/", is_association ? "custom_activity_type" : "activity",
		                  type->id);
		check(box_target_read(b.org, name, is_association, &target));
		check(target.kind == &box_kinds[BOX_CUSTOM_ACTIVITY]);
		check_text(target.type_id, type->id);
		check(!box_target_read(b.org, name, !is_association, &target));
		free(name);
		check(box_target_read(b.org, "lead/", is_association, &target));
		check_null(target.type_id);
		check(!box_target_read(b.org, "lead/x/", is_association, &target));
		check(!box_target_read(b.org, "task/", is_association, &target));
	}
	box_close(&b);
}

static void a_shared_field_is_found_where_it_is_associated(void **state)
{
	const struct box_object *field;
	struct box b;

	(void)state;
	box_open(&b, 0);
	field = shared(&b);
	check_null(box_fields_find(b.org, &leads, field->id));
	associate(&b, field, "{\"object_type\":\"lead\",\"required\":true}");
	check(box_fields_find(b.org, &leads, field->id) == field);
	check(box_fields_find(b.org, &leads, "Tier") == field);
	check_null(box_fields_find(b.org, &contacts, "Tier"));
	check(box_field_is_required(field, &leads));
	check(!box_field_is_required(field, &contacts));
	box_close(&b);
}

static void dissociation_erases_the_values_of_that_kind_only(void **state)
{
	const struct box_object *field, *lead, *contact;
	struct box b;
	char *body, *key;

	(void)state;
	box_open(&b, 0);
	field = shared(&b);
	associate(&b, field, "{\"object_type\":\"contact\"}");
	associate(&b, field, "{\"object_type\":\"lead\"}");
	key = mem_printf("custom.%s", field->id);
	body = mem_printf("{\"%s\":\"Gold\"}", key);
	lead = box_put(&b, BOX_LEAD, NULL, body);
	contact = box_put(&b, BOX_CONTACT, NULL, body);
	box_field_dissociate(b.org, &b.actor, box_store_find(b.org->store, NULL, field->id),
	                     &leads);
	check_null(box_text(lead, key));
	check_text(box_text(contact, key), "Gold");
	check_null(json_get(lead->indexed, key));
	free(body);
	free(key);
	box_close(&b);
}

static void an_order_is_kept_and_the_rest_follows(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	const struct box_object *fields[4];
	struct box_list list = {0};
	struct json_object *wanted;
	struct box b;
	char *text;

	(void)state;
	box_open(&b, 0);
	for (size_t i = 0; i < 4; i++) {
		text = mem_printf("{\"name\":\"%s\",\"type\":\"text\"}", names[i]);
		fields[i] = box_put(&b, BOX_LEAD_FIELD, NULL, text);
		free(text);
	}
	text = mem_printf("[{\"id\":\"%s\"},{\"id\":\"cf_gone\"},{},{\"id\":\"%s\"}]",
	                  fields[2]->id, fields[0]->id);
	wanted = from_json(text);
	box_fields_order(b.org, &leads, wanted);
	box_fields_list(b.org, &leads, &list);
	check_eq(list.n, 4);
	for (size_t i = 0; i < 4; i++)
		check_text(box_text(list.items[i], "name"), &"c\0a\0b\0d"[2 * i]);
	json_object_put(wanted);
	free(list.items);
	free(text);
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_target_has_two_names),
		sentence(a_shared_field_is_found_where_it_is_associated),
		sentence(dissociation_erases_the_values_of_that_kind_only),
		sentence(an_order_is_kept_and_the_rest_follows),
	};

	return run_sentences(tests);
}
