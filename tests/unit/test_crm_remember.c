#include "connector/close/lookup.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "tests/unit/check.h"

#include <string.h>

static struct json_object *parse(const char *text)
{
	struct json_object *value = NULL;
	struct err err = {{0}};

	check_eq(json_parse(text, strlen(text), 0, &value, NULL, &err), 0);
	return value;
}

static char lead[] = "lead", contact[] = "contact", opportunity[] = "opportunity",
	    shared[] = "custom_field.shared", status[] = "status.lead";
static char email[] = "email", phone[] = "phone", url[] = "url", name[] = "name", label[] = "label",
	    score[] = "custom.cf_1", tags[] = "custom.cf_2", unknown[] = "custom.Score";

static const struct watched_field lead_email = {lead, email, LIKE_EMAIL};
static const struct watched_field lead_url = {lead, url, LIKE_URL};
static const struct watched_field lead_score = {lead, score, LIKE_NUMBER};
static const struct watched_field lead_tags = {lead, tags, LIKE_CHOICE};
static const struct watched_field lead_unknown = {lead, unknown, LIKE_TEXT};
static const struct watched_field contact_email = {contact, email, LIKE_EMAIL};
static const struct watched_field contact_phone = {contact, phone, LIKE_PHONE};
static const struct watched_field contact_name = {contact, name, LIKE_TEXT};
static const struct watched_field deal_score = {opportunity, score, LIKE_TEXT};
static const struct watched_field shared_name = {shared, name, LIKE_TEXT};
static const struct watched_field status_label = {status, label, LIKE_TEXT};
static const struct watched_field status_name = {status, name, LIKE_TEXT};

enum { max_watched = 4 };

/* "kind field=value id/lead", a line each. */
static char *remembered_text(const char *object, const char *kind,
                             const struct watched_field *const *wanted)
{
	struct watched_field watched[max_watched];
	struct json_object *json = parse(object);
	struct remembered *items;
	struct buf text = BUF_INIT;
	size_t n_watched = 0, n;

	for (; n_watched < max_watched && wanted[n_watched]; n_watched++)
		watched[n_watched] = *wanted[n_watched];
	items = crm_remember(json, kind, watched, n_watched, &n);
	for (size_t i = 0; i < n; i++) {
		buf_addf(&text, "%s %s=%s %s/%s\n", items[i].kind, items[i].field, items[i].value,
		         items[i].object_id, items[i].lead_id ? items[i].lead_id : "-");
		remembered_deinit(&items[i]);
	}
	free(items);
	json_object_put(json);
	return buf_take(&text);
}

static const struct row {
	const char *kind, *object;
	const struct watched_field *watched[max_watched + 1];
	const char *remembered;
} rows[] = {
	/* A lead tells its own values, and for itself those of its contacts. */
	{"lead",
         "{\"id\":\"lead_1\",\"url\":\"http://www.acme.example/\",\"contacts\":[{\"id\":\"cont_1\","
         "\"lead_id\":\"lead_1\",\"emails\":[{\"email\":\"Ana@x.example\"},{\"email\":"
         "\"ana@X.example\"}]},{\"id\":\"cont_2\",\"emails\":[],\"urls\":[{\"url\":"
         "\"https://bo.example/me\"}]}]}",
         {&lead_email, &lead_url},
         "lead email=ana@x.example lead_1/-\n"
         "lead url=acme.example lead_1/-\n"
         "lead url=bo.example/me lead_1/-\n"},
	/* And each contact in it its own. */
	{"lead",
         "{\"id\":\"lead_1\",\"contacts\":[{\"id\":\"cont_1\",\"name\":\" Ana \",\"emails\":"
         "[{\"email\":\"Ana@x.example\"}]},{\"id\":\"cont_2\",\"name\":\"\",\"emails\":"
         "[{\"email\":\"bo@x.example\"}]}]}",
         {&contact_email, &contact_name, &lead_email},
         "contact email=ana@x.example cont_1/lead_1\n"
         "contact email=bo@x.example cont_2/lead_1\n"
         "contact name=Ana cont_1/lead_1\n"
         "lead email=ana@x.example lead_1/-\n"
         "lead email=bo@x.example lead_1/-\n"},
	/* A contact tells its lead's, too, but not a name: that is not the lead's. */
	{"contact",
         "{\"id\":\"cont_1\",\"lead_id\":\"lead_1\",\"name\":\"Ana\",\"emails\":[{\"email\":"
         "\"Ana@x.example\"}],\"phones\":[{\"phone\":\"+1 800 444-5555\"}]}",
         {&contact_phone, &contact_name, &lead_email, &lead_score},
         "contact name=Ana cont_1/lead_1\n"
         "contact phone=+18004445555 cont_1/lead_1\n"
         "lead email=ana@x.example lead_1/-\n"},
	/* Values are folded by their type, items of lists one by one. */
	{"lead",
         "{\"id\":\"lead_1\",\"custom.cf_1\":77.50,\"custom.cf_2\":[\"b\",\"a\",\"b\"]}",
         {&lead_score, &lead_tags, &lead_unknown},
         "lead custom.cf_1=77.5 lead_1/-\n"
         "lead custom.cf_2=a lead_1/-\n"
         "lead custom.cf_2=b lead_1/-\n"},
	{"opportunity",
         "{\"id\":\"oppo_1\",\"lead_id\":\"lead_1\",\"custom.cf_1\":77}",
         {&deal_score, &lead_score},
         "opportunity custom.cf_1=77 oppo_1/lead_1\n"},
	{"custom_field.shared",
         "{\"id\":\"cf_9\",\"name\":\"Tier\",\"type\":\"text\"}",
         {&shared_name},
         "custom_field.shared name=Tier cf_9/-\n"},
	{"status.lead",
         "{\"id\":\"stat_9\",\"label\":\"Won\"}",
         {&status_label, &status_name},
         "status.lead label=Won stat_9/-\nstatus.lead name=Won stat_9/-\n"},
	/* The body of a create has no ids yet, whatever lead it is for. */
	{"lead",
         "{\"name\":\"Acme\",\"contacts\":[{\"emails\":[{\"email\":\"ana@x.example\"}]}]}",
         {&contact_email, &lead_email},
         "contact email=ana@x.example /-\nlead email=ana@x.example /-\n"},
	{"contact",
         "{\"lead_id\":\"lead_1\",\"emails\":[{\"email\":\"ana@x.example\"}]}",
         {&contact_email, &lead_email},
         "contact email=ana@x.example /lead_1\nlead email=ana@x.example /-\n"},
	/* What nobody watches, what has no value and what is another kind's is not remembered. */
	{"lead", "{\"id\":\"lead_1\",\"name\":\"Acme\"}", {&contact_name}, ""},
	{"contact", "{\"id\":\"cont_1\",\"emails\":[{\"email\":\" \"}]}", {&contact_email}, ""},
	{"contact",
         "{\"id\":\"cont_1\",\"emails\":[{\"email\":\"a@x.example\"}]}",
         {&lead_email},
         ""},
	{"task", "{\"id\":\"task_1\",\"lead_id\":\"lead_1\"}", {&lead_email, &contact_email}, ""},
	{"lead", "null", {&lead_email, &contact_email}, ""},
	{"lead", "{\"id\":\"lead_1\",\"contacts\":{}}", {&lead_email, &contact_email}, ""},
};

static void watched_values_are_remembered_with_their_object_and_its_lead(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_(freep) char *text =
			remembered_text(rows[i].object, rows[i].kind, rows[i].watched);

		check_text(text, rows[i].remembered);
	}
}

/* What an update takes away of what its object had. */
static const struct {
	const char *kind, *body;
	const struct watched_field *watched;
	const char *had;
	bool takes;
} updates[] = {
	{"contact", "{\"emails\":[{\"email\":\"B@x.example\"}]}", &contact_email, "a@x.example",
         true},
	{"contact", "{\"emails\":[{\"email\":\"A@x.example\"}]}", &contact_email, "a@x.example",
         false},
	{"contact", "{\"emails\":null}", &contact_email, "a@x.example", true},
	{"contact", "{\"emails\":[]}", &lead_email, "a@x.example", true},
	{"contact", "{\"name\":\"A\"}", &contact_email, "a@x.example", false},
	{"contact", "{\"name\":\"B\"}", &contact_name, "A", true},
	{"contact", "{\"name\":\" A \"}", &contact_name, "A", false},
	{"lead", "{\"url\":\"https://b.example\"}", &lead_url, "a.example", true},
	{"lead", "{\"url\":\"http://www.a.example/\"}", &lead_url, "a.example", false},
	{"lead", "{\"custom.cf_1\":7.0}", &lead_score, "7", false},
	{"lead", "{\"custom.cf_1\":null}", &lead_score, "7", true},
	{"lead", "{\"custom.cf_2\":[\"x\",\"y\"]}", &lead_tags, "y", false},
	{"lead", "{\"custom.cf_2\":[\"x\"]}", &lead_tags, "y", true},
	{"lead", "{\"custom.cf_2.remove\":[\"y\"]}", &lead_tags, "y", true},
	{"lead", "{\"custom.cf_2.remove\":[\"x\"]}", &lead_tags, "y", false},
	{"lead", "{\"custom.cf_2.add\":[\"x\"]}", &lead_tags, "y", false},
	{"status.lead", "{\"label\":\"New\"}", &status_name, "Old", true},
	{"lead", "[]", &lead_score, "7", false},
};

static void an_update_takes_away_what_it_writes_without(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(updates) / sizeof(updates[0]); i++) {
		const struct watched_field *watched = updates[i].watched;
		struct json_object *body = parse(updates[i].body);
		cleanup_(freep) char *written = crm_written(body, updates[i].kind, watched, 1);
		struct lookup lookup = {0};
		struct lookup_key *key = lookup_add_key(&lookup);

		lookup_add_field(key, watched->name, updates[i].had, watched->like);
		check_eq(written && crm_takes_away(written, &key->fields[0]), updates[i].takes);
		lookup_deinit(&lookup);
		json_object_put(body);
	}
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(watched_values_are_remembered_with_their_object_and_its_lead),
		sentence(an_update_takes_away_what_it_writes_without),
	};

	return run_sentences(sentences);
}
