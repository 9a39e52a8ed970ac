#include "tests/unit/check.h"

#include "connector/gather/gather.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <string.h>

static const char *const none[] = {NULL};

static const struct operation create = {
	.name = "lead.create",
	.method = METHOD_POST,
	.path = "/lead/",
	.required = none,
	.class = CLASS_A,
	.object = "lead",
};

static struct draft *make_draft(struct route *route)
{
	struct record *record = record_new();
	struct draft *draft = draft_new(record, route, 2);

	record_unref(record);
	draft->url = mem_strdup("/lead/?_fields=id");
	draft->headers = mem_array(2, sizeof(char *));
	draft->headers[0] = mem_strdup("X-Who: us");
	draft->identity_field = mem_strdup("custom.cf_K");
	draft->identity_value = mem_strdup("77");
	draft_note(draft, "a note");
	check_eq(json_parse("{\"a\":19.90}", 11, 0, &draft->body, NULL, NULL), 0);
	return draft;
}

static void a_draft_becomes_one_request_that_stands_alone(void **state)
{
	struct route route = {
		.name = mem_strdup("signups"),
		.op = &create,
		.method = METHOD_POST,
		.has_body = true,
	};
	struct draft *draft = make_draft(&route);
	struct request *request = gather_single(draft, NULL);

	(void)state;
	check(request->parts[0].record == draft->record);
	draft_free(draft);
	route_deinit(&route);
	check_eq(request->method, METHOD_POST);
	check_eq(request->class, CLASS_A);
	check_text(request->route, "signups");
	check_text(request->operation, "lead.create");
	check_text(request->object, "lead");
	check_text(request->url, "/lead/?_fields=id");
	check_text(request->headers[0], "X-Who: us");
	check_null(request->headers[1]);
	check_text(request->body, "{\"a\":19.90}");
	check_eq(request->body_len, 11);
	check_text(request->identity_field, "custom.cf_K");
	check_text(request->identity_value, "77");
	check_text(request->notes[0], "a note");
	check_null(request->notes[1]);
	check_eq(request->n_parts, 1);
	check_eq(request->parts[0].ordinal, 2);
	check_eq(request->parts[0].outcome, OUTCOME_OPEN);
	check_eq(request->state, REQUEST_PLANNED);
	check_eq(strlen(request->id), 26);
	request_free(request);
}

static void outside_the_catalogue_a_post_is_never_repeated(void **state)
{
	struct route route = {.name = mem_strdup("free"), .method = METHOD_POST};
	struct draft *draft = make_draft(&route);
	struct request *post = gather_single(draft, NULL), *put;

	(void)state;
	route.method = METHOD_PUT;
	put = gather_single(draft, NULL);
	check_eq(post->class, CLASS_D);
	check_eq(put->class, CLASS_U);
	check_text(post->operation, "");
	check_text(post->object, "");
	request_free(post);
	request_free(put);
	draft_free(draft);
	route_deinit(&route);
}

static void null_is_a_body_and_none_is_none(void **state)
{
	struct route route = {.name = mem_strdup("free"), .method = METHOD_POST};
	struct draft *draft = make_draft(&route);
	struct request *request;

	(void)state;
	json_object_put(draft->body);
	draft->body = NULL;
	request = gather_single(draft, NULL);
	check_null(request->body);
	check_eq(request->body_len, 0);
	request_free(request);

	route.has_body = true;
	request = gather_single(draft, NULL);
	check_text(request->body, "null");
	request_free(request);
	draft_free(draft);
	route_deinit(&route);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(a_draft_becomes_one_request_that_stands_alone),
		sentence(outside_the_catalogue_a_post_is_never_repeated),
		sentence(null_is_a_body_and_none_is_none),
	};

	return run_sentences(sentences);
}
