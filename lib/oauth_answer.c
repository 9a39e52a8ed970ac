#include "lib/oauth_answer.h"

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	usual_life_s = 3600, /* where the server does not say (RFC 6749, 5.1 only recommends it) */
	longest_life_s = 366 * 86400,
	longest_wait_s = 3600,
	max_code_bytes = 40,
};

/* The server's word for what is wrong, where it reads like one: nothing else is ever repeated. */
static const char *error_code(struct json_object *body)
{
	const char *code = json_get_string(body, "error");
	const size_t len = code ? strlen(code) : 0;

	if (len == 0 || len > max_code_bytes)
		return "";
	for (const char *c = code; *c; c++)
		if (!islower((unsigned char)*c) && *c != '_')
			return "";
	return code;
}

static void say(struct oauth_reply *reply, const struct http_answer *answer, const char *code)
{
	if (answer->status)
		(void)snprintf(reply->what, sizeof(reply->what), "status %ld%s%s", answer->status,
		               *code ? ", " : "", code);
	else
		(void)snprintf(reply->what, sizeof(reply->what), "%.150s", answer->error);
}

static bool is_bearer(struct json_object *body)
{
	const char *type = json_get_string(body, "token_type");

	return !type || strcasecmp(type, "bearer") == 0;
}

static enum oauth_answer read_tokens(struct json_object *body, struct oauth_reply *reply)
{
	const char *access = json_get_string(body, "access_token");
	const char *refresh = json_get_string(body, "refresh_token");
	int64_t life_s = json_get_int(body, "expires_in", usual_life_s);

	if (!token_is_sane(access) || !is_bearer(body) || (refresh && !token_is_sane(refresh)))
		return OAUTH_LOST;
	if (life_s <= 0 || life_s > longest_life_s)
		life_s = usual_life_s;
	reply->tokens = (struct tokens){
		.access_token = mem_strdup(access),
		.refresh_token = mem_strdup(refresh),
		.life_ms = (uint64_t)life_s * 1000,
	};
	return OAUTH_RENEWED;
}

static uint64_t asked_wait_ms(const struct http_answer *answer)
{
	const char *text = http_answer_header(answer, "retry-after");
	uint64_t s = 0;

	for (; text && isdigit((unsigned char)*text) && s < longest_wait_s; text++)
		s = s * 10 + (uint64_t)(*text - '0');
	return (s < longest_wait_s ? s : longest_wait_s) * 1000;
}

/* 4xx: nothing was renewed. What is not said in OAuth's words is about the URL. */
static enum oauth_answer read_refusal(long status, const char *code)
{
	if (strcmp(code, "invalid_grant") == 0)
		return OAUTH_REFUSED;
	if (strcmp(code, "temporarily_unavailable") == 0 || strcmp(code, "server_error") == 0)
		return OAUTH_BUSY;
	if (strcmp(code, "invalid_client") == 0 || strcmp(code, "unauthorized_client") == 0 ||
	    status == 401 || status == 403)
		return OAUTH_APP_REFUSED;
	return *code ? OAUTH_ASK_REFUSED : OAUTH_NO_SERVER;
}

enum oauth_answer oauth_answer_read(const struct http_answer *answer, struct oauth_reply *ret_reply)
{
	cleanup_(json_freep) struct json_object *body = NULL;
	const long status = answer->status;
	const char *code;

	*ret_reply = (struct oauth_reply){.wait_ms = asked_wait_ms(answer)};
	if (answer->body_len)
		(void)json_parse(answer->body, answer->body_len, 0, &body, NULL, NULL);
	code = error_code(body);
	say(ret_reply, answer, code);
	ret_reply->has_code = *code;
	if (answer->n_sends == 0)
		return OAUTH_NOT_SENT;
	if (status == 429)
		return OAUTH_BUSY;
	if (status / 100 == 2)
		return answer->is_complete ? read_tokens(body, ret_reply) : OAUTH_LOST;
	if (status / 100 == 3)
		return OAUTH_NO_SERVER;
	if (status / 100 == 4 && status != 408 && status != 425)
		return read_refusal(status, code);
	return OAUTH_LOST;
}
