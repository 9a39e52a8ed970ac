#include "tests/unit/box.h"

#include "lib/mem.h"

static size_t count(const struct box *b, enum box_kind_id kind)
{
	return box_store_count(b->org->store, &box_kinds[kind]);
}

static struct json_object *render(const struct box *b, const struct box_object *o)
{
	return box_org_render(b->org, o->kind, o->data);
}

static void a_lead_is_made_with_its_contacts_in_order(void **state)
{
	struct box b;
	const struct box_object *lead;
	struct json_object *shown, *contacts;

	(void)state;
	box_open(&b, 0);
	lead = box_put(&b, BOX_LEAD, NULL,
	               "{\"name\":\"Northwind\",\"contacts\":[{\"name\":\"Ana\"},{\"emails\":"
	               "[{\"email\":\"b@x.example\"}]}]}");
	shown = render(&b, lead);
	contacts = json_get(shown, "contacts");
	check_eq(json_object_array_length(contacts), 2);
	check_text(json_get_string(json_object_array_get_idx(contacts, 0), "name"), "Ana");
	check_text(json_get_string(json_object_array_get_idx(contacts, 1), "display_name"),
	           "b@x.example");
	check_text(json_get_string(shown, "status_label"), "Potential");
	check_text(json_get_string(shown, "created_by_name"), "Ana Ruiz");
	json_object_put(shown);
	box_close(&b);
}

static void a_bad_nested_contact_makes_nothing(void **state)
{
	struct box b;

	(void)state;
	box_open(&b, 0);
	box_refuse(
		&b, BOX_LEAD, NULL, "{\"contacts\":[{},{\"emails\":[{\"email\":\"x\"}]}]}",
		"{\"errors\":[],\"field-errors\":{\"contacts\":{\"errors\":{\"1\":{\"errors\":[],"
		"\"field-errors\":{\"emails\":{\"errors\":{\"0\":{\"errors\":[],\"field-errors\":"
		"{\"email\":\"Invalid email address.\"}}}}}}}}}}");
	check_eq(count(&b, BOX_LEAD), 0);
	check_eq(count(&b, BOX_CONTACT), 0);
	box_close(&b);
}

static void put_changes_only_what_it_names_and_replaces_lists(void **state)
{
	struct box b;
	const struct box_object *lead, *contact;
	char *body;

	(void)state;
	box_open(&b, 0);
	lead = box_put(&b, BOX_LEAD, NULL, "{\"name\":\"A\",\"description\":\"d\"}");
	(void)box_put(&b, BOX_LEAD, lead,
	              "{\"description\":null,\"contacts\":[{}],\"nmae\":\"B\"}");
	check_text(box_text(lead, "name"), "A");
	check_text(box_text(lead, "description"), "");
	check_eq(count(&b, BOX_CONTACT), 0);
	body = mem_printf("{\"lead_id\":\"%s\",\"emails\":[{\"email\":\"a@x.example\"},"
	                  "{\"email\":\"b@x.example\"}]}",
	                  lead->id);
	contact = box_put(&b, BOX_CONTACT, NULL, body);
	free(body);
	(void)box_put(&b, BOX_CONTACT, contact, "{\"emails\":[{\"email\":\"c@x.example\"}]}");
	check_eq(json_object_array_length(json_get(contact->data, "emails")), 1);
	box_close(&b);
}

static void a_contact_without_a_lead_gets_one_named_after_it(void **state)
{
	struct box b;
	const struct box_object *contact, *lead;

	(void)state;
	box_open(&b, 0);
	contact = box_put(&b, BOX_CONTACT, NULL, "{\"name\":\"Ana\"}");
	lead = box_store_find(b.org->store, &box_kinds[BOX_LEAD], box_text(contact, "lead_id"));
	check_text(box_text(lead, "name"), "Ana");
	box_refuse(&b, BOX_CONTACT, NULL, "{\"lead_id\":\"lead_none\"}",
	           "{\"errors\":[],\"field-errors\":{\"lead\":\"Object does not exist.\"}}");
	check_eq(count(&b, BOX_LEAD), 1);
	box_close(&b);
}

static void custom_fields_are_checked_by_their_type(void **state)
{
	static const struct {
		const char *type, *value, *clean; /* clean NULL: refused */
	} rows[] = {
		{"text", "\"x\"", "\"x\""},
		{"text", "1", NULL},
		{"text", "{}", NULL},
		{"text", "[\"x\"]", NULL},
		{"hidden", "12", "\"12\""},
		{"number", "1.50", "1.50"},
		{"number", "\"1\"", NULL},
		{"date", "\"2026-03-09T23:00:00Z\"", "\"2026-03-09\""},
		{"date", "\"soon\"", NULL},
		{"datetime", "\"2026-03-09T14:00:00+01:00\"", "\"2026-03-09T13:00:00+00:00\""},
		{"user", "\"user_none\"", NULL},
		{"contact", "\"cont_none\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *made = mem_printf("{\"name\":\"F\",\"type\":\"%s\"}", rows[i].type), *body,
		     *key;
		struct json_object *value, *complaint = NULL;
		const struct box_object *field, *lead;
		struct box b;

		box_open(&b, 0);
		field = box_put(&b, BOX_LEAD_FIELD, NULL, made);
		body = mem_printf("{\"custom.%s\":%s}", field->id, rows[i].value);
		key = mem_printf("custom.%s", field->id);
		value = from_json(body);
		lead = box_write(b.org, &b.actor, &box_kinds[BOX_LEAD], NULL, value, &complaint);
		check_eq(lead != NULL, rows[i].clean != NULL);
		if (lead) {
			char *text = json_text(json_get(lead->data, key));

			check_text(text, rows[i].clean);
			free(text);
		} else {
			check(json_get_string(json_get(complaint, "field-errors"), key) != NULL);
		}
		json_object_put(value);
		json_object_put(complaint);
		free(made);
		free(body);
		free(key);
		box_close(&b);
	}
}

/* The custom value of @lead as JSON after the body was put. */
static void check_custom(struct box *b, const struct box_object *lead,
                         const struct box_object *field, const char *suffix, const char *value,
                         const char *expected)
{
	char *body = mem_printf("{\"custom.%s%s\":%s}", field->id, suffix, value);
	char *key = mem_printf("custom.%s", field->id), *text;

	(void)box_put(b, BOX_LEAD, lead, body);
	text = json_text(json_get(lead->data, key));
	check_text(text, expected);
	free(text);
	free(key);
	free(body);
}

static void several_values_are_added_and_removed_as_a_set(void **state)
{
	struct box b;
	const struct box_object *field, *lead;

	(void)state;
	box_open(&b, 0);
	field = box_put(&b, BOX_LEAD_FIELD, NULL,
	                "{\"name\":\"F\",\"type\":\"choices\",\"choices\":[\"a\",\"b\",\"c\"],"
	                "\"accepts_multiple_values\":true}");
	lead = box_put(&b, BOX_LEAD, NULL, "{}");
	check_custom(&b, lead, field, "", "\"a\"", "[\"a\"]");
	check_custom(&b, lead, field, ".add", "\"b\"", "[\"a\",\"b\"]");
	check_custom(&b, lead, field, ".add", "\"b\"", "[\"a\",\"b\"]");
	check_custom(&b, lead, field, ".remove", "\"a\"", "[\"b\"]");
	check_custom(&b, lead, field, "", "[\"c\"]", "[\"c\"]");
	check_custom(&b, lead, field, "", "null", "null");
	box_close(&b);
}

static void an_unknown_custom_field_is_blamed_with_the_key_as_sent(void **state)
{
	struct box b;

	(void)state;
	box_open(&b, 0);
	box_refuse(&b, BOX_LEAD, NULL, "{\"custom.cf_none\":1,\"custom.cf_no.add\":1}",
	           "{\"errors\":[],\"field-errors\":{\"custom.cf_none\":\"The Custom Field "
	           "\\\"cf_none\\\" does not exist.\",\"custom.cf_no.add\":\"The Custom Field "
	           "\\\"cf_no\\\" does not exist.\"}}");
	box_close(&b);
}

static void deleting_a_lead_takes_all_below_it_along(void **state)
{
	struct box b;
	const struct box_object *lead, *other;
	char *below;

	(void)state;
	box_open(&b, 0);
	lead = box_put(&b, BOX_LEAD, NULL, "{\"contacts\":[{},{}]}");
	other = box_put(&b, BOX_LEAD, NULL, "{\"contacts\":[{}]}");
	below = mem_printf("{\"lead_id\":\"%s\"}", lead->id);
	(void)box_put(&b, BOX_TASK, NULL, below);
	(void)box_put(&b, BOX_NOTE, NULL, below);
	(void)box_put(&b, BOX_OPPORTUNITY, NULL, below);
	free(below);
	check_null(box_delete(b.org, &b.actor, box_store_find(b.org->store, NULL, lead->id)));
	check_null(box_store_find(b.org->store, NULL, lead->id));
	check(box_store_find(b.org->store, NULL, other->id) == other);
	check_eq(count(&b, BOX_CONTACT), 1);
	check_eq(count(&b, BOX_TASK) + count(&b, BOX_NOTE) + count(&b, BOX_OPPORTUNITY), 0);
	box_close(&b);
}

static void a_status_in_use_stays_and_a_field_takes_its_values(void **state)
{
	struct box b;
	const struct box_object *field, *lead;
	char *body, *key;

	(void)state;
	box_open(&b, 0);
	field = box_put(&b, BOX_LEAD_FIELD, NULL, "{\"name\":\"F\",\"type\":\"text\"}");
	body = mem_printf("{\"custom.%s\":\"x\"}", field->id);
	key = mem_printf("custom.%s", field->id);
	lead = box_put(&b, BOX_LEAD, NULL, body);
	check(box_delete(b.org, &b.actor,
	                 box_store_find(b.org->store, NULL, box_text(lead, "status_id"))) != NULL);
	check_text(box_text(lead, key), "x");
	check_null(box_delete(b.org, &b.actor, box_store_find(b.org->store, NULL, field->id)));
	check_null(box_text(lead, key));
	free(body);
	free(key);
	box_close(&b);
}

static void an_opportunity_won_has_its_date_and_stays_with_its_lead(void **state)
{
	const struct box_object *lead, *other, *won = NULL, *opportunity;
	const struct box_list *statuses;
	struct json_object *shown;
	struct box b;
	char *body;

	(void)state;
	box_open(&b, 0);
	statuses = box_store_all(b.org->store, &box_kinds[BOX_OPPORTUNITY_STATUS]);
	for (size_t i = 0; i < statuses->n; i++)
		if (strcmp(box_text(statuses->items[i], "type"), "won") == 0)
			won = statuses->items[i];
	lead = box_put(&b, BOX_LEAD, NULL, "{}");
	other = box_put(&b, BOX_LEAD, NULL, "{}");
	body = mem_printf("{\"lead_id\":\"%s\",\"value\":50000,\"value_period\":\"monthly\"}",
	                  lead->id);
	opportunity = box_put(&b, BOX_OPPORTUNITY, NULL, body);
	free(body);
	check_null(box_text(opportunity, "date_won"));
	body = mem_printf("{\"status_id\":\"%s\"}", won->id);
	(void)box_put(&b, BOX_OPPORTUNITY, opportunity, body);
	free(body);
	check_text(box_text(opportunity, "date_won"), "2026-03-08");
	shown = render(&b, opportunity);
	check_text(json_get_string(shown, "value_formatted"), "$500 monthly");
	check_eq(json_get_int(shown, "annualized_value", 0), 600000);
	json_object_put(shown);
	body = mem_printf("{\"lead_id\":\"%s\"}", other->id);
	box_refuse(&b, BOX_OPPORTUNITY, opportunity, body,
	           "{\"errors\":[],\"field-errors\":{\"lead\":\"Value cannot be changed.\"}}");
	free(body);
	box_close(&b);
}

static void an_email_needs_a_sender_and_only_drafts_change(void **state)
{
	const struct box_object *lead, *email;
	struct box b;
	char *body;

	(void)state;
	box_open(&b, 0);
	lead = box_put(&b, BOX_LEAD, NULL, "{}");
	box_refuse(&b, BOX_EMAIL, NULL, "{}",
	           "{\"errors\":[],\"field-errors\":{\"lead\":\"This field is required.\","
	           "\"status\":\"This field is required.\"}}");
	body = mem_printf("{\"lead_id\":\"%s\",\"status\":\"inbox\"}", lead->id);
	box_refuse(&b, BOX_EMAIL, NULL, body,
	           "{\"errors\":[],\"field-errors\":{\"sender\":\"This field is required.\"}}");
	free(body);
	body = mem_printf("{\"lead_id\":\"%s\",\"status\":\"sent\"}", lead->id);
	email = box_put(&b, BOX_EMAIL, NULL, body);
	free(body);
	box_refuse(&b, BOX_EMAIL, email, "{\"subject\":\"x\"}",
	           "{\"errors\":[\"Only drafts can be changed.\"],\"field-errors\":{}}");
	box_close(&b);
}

static void the_same_seed_gives_the_same_ids(void **state)
{
	struct box a, b;

	(void)state;
	box_open(&a, 0);
	box_open(&b, 0);
	check_text(box_put(&a, BOX_LEAD, NULL, "{}")->id, box_put(&b, BOX_LEAD, NULL, "{}")->id);
	check_eq(strlen(box_put(&a, BOX_LEAD, NULL, "{}")->id), strlen("lead_") + 43);
	box_close(&a);
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_lead_is_made_with_its_contacts_in_order),
		sentence(a_bad_nested_contact_makes_nothing),
		sentence(put_changes_only_what_it_names_and_replaces_lists),
		sentence(a_contact_without_a_lead_gets_one_named_after_it),
		sentence(custom_fields_are_checked_by_their_type),
		sentence(several_values_are_added_and_removed_as_a_set),
		sentence(an_unknown_custom_field_is_blamed_with_the_key_as_sent),
		sentence(deleting_a_lead_takes_all_below_it_along),
		sentence(a_status_in_use_stays_and_a_field_takes_its_values),
		sentence(an_opportunity_won_has_its_date_and_stays_with_its_lead),
		sentence(an_email_needs_a_sender_and_only_drafts_change),
		sentence(the_same_seed_gives_the_same_ids),
	};

	return run_sentences(tests);
}
