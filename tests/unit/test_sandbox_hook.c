#include "connector/sandbox/hook.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <string.h>

/*
 * The vector of the Standard Webhooks reference libraries: secret, id, timestamp, body, signature.
 */
static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char good[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
static const char body[] = "{\"test\": 2432232314}";
static const int64_t sent_ms = INT64_C(1614265330000);

static unsigned deliver(struct box_hook *hook, const char *signatures, int64_t at_ms,
                        bool is_accepted)
{
	struct box_answer answer = {0};
	struct box_call call = {
		.body = mem_strdup(body), .body_len = strlen(body), .wall_ms = at_ms};
	unsigned status;

	buf_addf(&call.headers,
	         "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: 1614265330\n"
	         "webhook-signature: %s\n",
	         signatures);
	box_hook_receive(hook, &call, is_accepted, &answer);
	status = answer.status;
	box_answer_deinit(&answer);
	buf_deinit(&call.headers);
	free(call.body);
	return status;
}

static int64_t told(struct box_hook *hook, const char *what)
{
	struct json_object *list = box_hook_list(hook);
	const int64_t n = json_get_int(list, what, -1);

	json_object_put(list);
	return n;
}

static void a_good_signature_among_several_is_accepted(void **state)
{
	struct box_hook *hook = box_hook_new(secret);
	char *several = mem_printf("v1,AAAA v2,x %s", good);

	(void)state;
	check_eq(deliver(hook, good, sent_ms, true), 200);
	check_eq(deliver(hook, several, sent_ms + 299000, true), 200);
	check_eq(told(hook, "count"), 1);
	check_eq(told(hook, "attempts"), 2);
	free(several);
	box_hook_free(hook);
}

static void bad_or_old_signatures_are_refused(void **state)
{
	struct box_hook *hook = box_hook_new(secret);

	(void)state;
	check_eq(deliver(hook, "v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", sent_ms, true),
	         401);
	check_eq(deliver(hook, good + 3, sent_ms, true), 401);
	check_eq(deliver(hook, "", sent_ms, true), 401);
	check_eq(deliver(hook, good, sent_ms + 301000, true), 401);
	check_eq(deliver(hook, good, sent_ms - 301000, true), 401);
	check_eq(told(hook, "count"), 0);
	check_eq(told(hook, "refused"), 5);
	box_hook_free(hook);
}

static void a_refused_delivery_counts_as_an_attempt_only(void **state)
{
	struct box_hook *hook = box_hook_new(NULL);
	struct json_object *list, *event;

	(void)state;
	(void)deliver(hook, "anything", sent_ms, false);
	check_eq(deliver(hook, "anything", sent_ms, true), 200);
	list = box_hook_list(hook);
	event = json_object_array_get_idx(json_get(list, "events"), 0);
	check_eq(json_get_int(event, "attempts", 0), 2);
	check_eq(json_get_int(event, "accepted", 0), 1);
	check_eq(json_object_array_length(json_get(list, "data")), 1);
	event = json_get(json_object_array_get_idx(json_get(list, "data"), 0), "event");
	check_eq(json_get_int(event, "test", 0), 2432232314);
	json_object_put(list);
	box_hook_clear(hook);
	check_eq(told(hook, "attempts"), 0);
	box_hook_free(hook);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_good_signature_among_several_is_accepted),
		sentence(bad_or_old_signatures_are_refused),
		sentence(a_refused_delivery_counts_as_an_attempt_only),
	};

	return run_sentences(tests);
}
