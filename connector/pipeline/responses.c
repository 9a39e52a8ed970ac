/* responses, rejects, notify: who is told. */

#include "connector/pipeline/http_header.h"
#include "connector/pipeline/keys.h"
#include "connector/pipeline/url.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

/* Bytes; secret_max: of what stands behind whsec_. */
enum { secret_min = 24, secret_max = 64 };

static const char *const allows[] = {"private", NULL};
static const char *const includes[] = {"response", "request", NULL};
static const char *const occasions[] = {"held", "credentials", "paused", "rejects", NULL};

/* Standard Webhooks: whsec_ and base64 of 24 to 64 bytes; or any text nobody guesses. */
static bool check_secret(struct loader *l, const struct yaml_node *at, const char *text)
{
	if (strncmp(text, "whsec_", 6) == 0) {
		size_t len = 0;
		void *bytes = crypto_unbase64(text + 6, &len);
		const bool is_fine = bytes && len >= secret_min && len <= secret_max;

		if (bytes)
			explicit_bzero(bytes, len);
		free(bytes);
		if (!bytes || len == 0)
			fail(l, at, "whsec_ must be followed by base64");
		else if (!is_fine)
			fail(l, at, "the secret behind whsec_ has %zu bytes: it must have %d to %d",
			     len, secret_min, secret_max);
		return is_fine;
	}
	if (strlen(text) < secret_min) {
		fail(l, at, "the secret must begin with whsec_ or be at least %d bytes long",
		     secret_min);
		return false;
	}
	return true;
}

static void read_one_secret(struct loader *l, const struct yaml_node *value, char **ret_secret)
{
	const enum pipeline_layer outer = l->layer;
	char *text = NULL;

	if (resolve_secret(l, value, &text, NULL) <= 0)
		return;
	l->layer = LAYER_SECRETS;
	if (check_secret(l, value, text))
		*ret_secret = steal(&text);
	l->layer = outer;
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void read_secret(struct loader *l, const struct key *key, const struct yaml_node *value,
                        void *target)
{
	struct pipeline *p = target;

	(void)key;
	if (value->kind != YAML_LIST) {
		read_one_secret(l, value, &p->webhook_secrets[0]);
		return;
	}
	if (value->n < 1 || value->n > 2)
		fail(l, value, "must be one secret, or a list of two while it rotates");
	for (size_t i = 0; i < value->n && i < 2; i++) {
		const size_t mark = path_enter_item(l, i);

		read_one_secret(l, value->items[i], &p->webhook_secrets[i]);
		path_leave(l, mark);
	}
}

/* The value of one header, literal or from outside; NULL after telling what is wrong. */
static char *header_value(struct loader *l, const char *name, const struct yaml_node *value)
{
	char *text = NULL;

	if (header_is_secret(name)) {
		if (resolve_secret(l, value, &text, NULL) <= 0)
			return NULL;
	} else if (is_reference(value)) {
		if (resolve_setting(l, value, &text) <= 0)
			return NULL;
	} else if (value->kind == YAML_TEXT && !yaml_is_null(value)) {
		text = mem_strdup(value->text);
	} else {
		fail_kind(l, value, "text");
		return NULL;
	}
	if (header_is_value(text))
		return text;
	fail(l, value, "has a character that cannot stand in a header (control or not ASCII)");
	free(text);
	return NULL;
}

static void read_headers(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	struct pipeline *p = target;
	size_t n = 0;

	if (value->kind != YAML_MAP || fail_unquoted(l, value)) {
		if (value->kind != YAML_MAP)
			fail_kind(l, value, key->takes);
		return;
	}
	p->webhook_headers = mem_array(value->n + 1, sizeof(char *));
	for (size_t i = 0; i < value->n; i++) {
		const char *name = value->keys[i]->text;
		const size_t mark = path_enter(l, name);
		char *text = NULL;

		if (!header_is_name(name))
			fail(l, value->keys[i], "is not the name of a header");
		else if (header_is_ours(name) || strncasecmp(name, "webhook-", 8) == 0)
			fail(l, value->keys[i], "closefeed sets this header itself: take it out");
		else
			text = header_value(l, name, value->items[i]);
		if (text)
			p->webhook_headers[n++] = mem_printf("%s: %s", name, text);
		free(text);
		path_leave(l, mark);
	}
}

static const struct key webhook_keys[] = {
	{.name = "url",
         .type = VALUE_TEXT,
         IN(struct pipeline, webhook_url),
         .pattern = "^https?://[^@/?#]+([/?][^#]*)?$",
         .is_required = true,
         .example = "\"https://hooks.example.com/close\"",
         .help = "https, or http to this machine; private addresses need allow: [private]"},
	{.name = "secret",
         .type = VALUE_OTHER,
         .read = read_secret,
         .takes = "a reference to whsec_… or at least 24 bytes of text, or a list of two",
         .schema =
                 "{\"anyOf\":[{\"$ref\":\"#/$defs/secret\"},{\"type\":\"array\",\"items\":{\"$ref\":"
                 "\"#/$defs/secret\"},\"minItems\":1,\"maxItems\":2}]}",
         .example = "{\"env\": \"HOOK_SECRET\"}",
         .help = "signs every event by the rules of Standard Webhooks; two while it rotates"},
	{.name = "headers",
         .type = VALUE_OTHER,
         .read = read_headers,
         .takes = "a map of texts",
         .schema =
                 "{\"type\":\"object\",\"propertyNames\":{\"pattern\":"
                 "\"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$\"},\"additionalProperties\":{\"anyOf\":[{\"type\":"
                 "[\"string\",\"number\",\"boolean\"],\"pattern\":\"^[\\t -~]*$\"},"
                 "{\"$ref\":\"#/$defs/reference\"}]}}",
         .help = "more headers; those that carry a credential only by reference"},
	{.name = "timeout",
         .type = VALUE_DURATION,
         IN(struct pipeline, webhook_timeout_ms),
         .min = 100,
         .max = 300000,
         .fallback = "20s",
         .help = "how long the receiver may take"},
	{.name = "allow",
         .type = VALUE_CHOICES,
         IN(struct pipeline, webhook_allow_private),
         .choices = allows,
         .choice_help = (const char *const[]){"the receiver may have a private address"},
         .help = "where else it may be"},
	{0},
};

static void check_webhook(struct loader *l, const struct yaml_node *map, void *target)
{
	const struct pipeline *p = target;
	const struct yaml_node *at = yaml_get(map, "url");
	const size_t mark = path_enter(l, "url");

	if (at && p->webhook_url)
		(void)check_url(l, at, p->webhook_url, p->webhook_allow_private, true);
	path_leave(l, mark);
}

/* http leads to this machine only, unless allow says more; the rest of it is check_url()'s. */
static const char url_rules[] =
	"[{\"if\":{\"not\":{\"required\":[\"allow\"]}},\"then\":{\"properties\":{\"url\":{\"pattern\":"
	"\"^(https:|http://([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127\\\\.[0-9.]+|\\\\[::1\\\\])([:/?]|$))\"}}}}]";

static const struct section webhook_section = {
	.name = "responses.webhook",
	.help = "Every event as a signed POST. Redirects are never followed.",
	.keys = webhook_keys,
	.rules = url_rules,
	.check = check_webhook,
};

static void read_file(struct loader *l, const struct key *key, const struct yaml_node *value,
                      void *target)
{
	struct pipeline *p = target;
	char *path = load_path(l, p->responses_file);

	(void)key;
	(void)value;
	free(p->responses_file);
	p->responses_file = path;
}

static void read_include(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	struct pipeline *p = target;

	p->include_request = p->include_response = false;
	if (value->kind != YAML_LIST) {
		fail_kind(l, value, key->takes);
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		const struct yaml_node *item = value->items[i];

		if (item->kind == YAML_TEXT && strcmp(item->text, includes[0]) == 0)
			p->include_response = true;
		else if (item->kind == YAML_TEXT && strcmp(item->text, includes[1]) == 0)
			p->include_request = true;
		else
			fail_kind(l, item, "request or response");
	}
}

static const struct key responses_keys[] = {
	{.name = "webhook",
         .type = VALUE_SECTION,
         .elsewhere = (const char *const[]){"response_webhook", NULL},
         .section = &webhook_section,
         .help = "tell a web server"},
	{.name = "file",
         .type = VALUE_TEXT,
         IN(struct pipeline, responses_file),
         .read = read_file,
         .example = "\"events.ndjson\"",
         .help = "add every event to this file, one a line; relative to this one"},
	{.name = "kafka",
         .type = VALUE_SECTION,
         .section = &responses_kafka_section,
         .help = "write every event to a topic"},
	{.name = "include",
         .type = VALUE_OTHER,
         .read = read_include,
         .fallback = "[\"response\"]",
         .takes = "a list of request and response",
         .schema = "{\"type\":\"array\",\"items\":{\"enum\":[\"request\",\"response\"]}}",
         .help = "whose bodies an event carries; status, chosen headers, method and URL always"},
	{0},
};

const struct section responses_section = {
	.name = "responses",
	.help = "Who is told of every answer: any of webhook, file and kafka.",
	.keys = responses_keys,
};

static const struct key rejects_keys[] = {
	{.name = "kafka",
         .type = VALUE_SECTION,
         .section = &rejects_kafka_section,
         .help = "copy rejects and held items, with the record, to a topic"},
	{0},
};

const struct section rejects_section = {
	.name = "rejects",
	.help = "Rejects are always kept in the state; here they are copied elsewhere.",
	.keys = rejects_keys,
};

static void read_notify_url(struct loader *l, const struct key *key, const struct yaml_node *value,
                            void *target)
{
	(void)key;
	(void)target;
	if (value->kind == YAML_TEXT)
		(void)check_url(l, value, value->text, false, true);
}

static const struct key notify_keys[] = {
	{.name = "webhook",
         .type = VALUE_TEXT,
         .read = read_notify_url,
         .is_required = true,
         .help = "the URL to tell"},
	{.name = "on",
         .type = VALUE_CHOICES,
         .choices = occasions,
         .choice_help = (const char *const[]){"a create whose outcome could not be proven",
                                              "Close refuses the key", "the run paused itself",
                                              "rejects stopped the run"},
         .help = "when to tell"},
	{0},
};

const struct section notify_section = {
	.name = "notify",
	.help = "Tell people when they are needed.",
	.keys = notify_keys,
};
