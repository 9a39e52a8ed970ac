/* close: how to reach Close, and how fast. */

#include "connector/pipeline/keys.h"
#include "connector/pipeline/url.h"
#include "lib/mem.h"
#include "lib/token_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const allows[] = {"private", NULL};

/* The key becomes part of a header, so nothing may be in it that Close's keys do not have. */
static void read_api_key(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	struct pipeline *p = target;
	enum pipeline_layer outer;
	char *text = NULL;

	(void)key;
	if (resolve_secret(l, value, &text, &p->api_key_source) <= 0)
		return;
	outer = l->layer;
	l->layer = LAYER_SECRETS;
	for (const char *c = text; *c; c++) {
		if ((isalnum((unsigned char)*c) && (unsigned char)*c < 0x80) || strchr("_.-", *c))
			continue;
		fail(l, value,
		     "the key has a character that no key of Close has (letters, digits, _ . - "
		     "only): look for spaces, quotes or line breaks around it");
		break;
	}
	l->layer = outer;
	p->api_key = text;
}

static void read_client_secret(struct loader *l, const struct key *key,
                               const struct yaml_node *value, void *target)
{
	struct pipeline *p = target;

	(void)key;
	(void)resolve_secret(l, value, &p->oauth.client_secret, NULL);
}

static void read_refresh_token(struct loader *l, const struct key *key,
                               const struct yaml_node *value, void *target)
{
	struct pipeline *p = target;
	enum pipeline_layer outer;

	(void)key;
	if (resolve_secret(l, value, &p->oauth.refresh_token, &p->oauth.source) <= 0 ||
	    token_is_sane(p->oauth.refresh_token))
		return;
	outer = l->layer;
	l->layer = LAYER_SECRETS;
	fail(l, value,
	     "the refresh token has a character that no token has: look for spaces, quotes or "
	     "line breaks around it");
	l->layer = outer;
}

static void read_path_setting(struct loader *l, const struct key *key,
                              const struct yaml_node *value, void *target)
{
	struct pipeline *p = target;
	char *path = load_path(l, p->ca_file);

	(void)key;
	(void)value;
	free(p->ca_file);
	p->ca_file = path;
}

static void read_proxy(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://",
	                                      NULL};
	const struct pipeline *p = target;

	(void)key;
	for (const char *const *scheme = schemes; *scheme; scheme++) {
		const size_t len = strlen(*scheme);

		if (strncmp(p->proxy, *scheme, len) != 0)
			continue;
		if (!p->proxy[len])
			break;
		if (value->kind == YAML_TEXT && strchr(p->proxy + len, '@'))
			fail(l, value,
			     "a password must not stand in this file: write {env: NAME}, "
			     "{file: path} or {credential: name}");
		return;
	}
	fail(l, value,
	     "must begin with http://, https://, socks5:// or socks5h:// and name a host");
}

static const struct key oauth_keys[] = {
	{.name = "client_id",
         .type = VALUE_TEXT,
         IN(struct pipeline, oauth.client_id),
         .pattern = "^[!-~]+$",
         .is_required = true,
         .example = "\"oa2client_0aB1\"",
         .help = "of your OAuth app"},
	{.name = "client_secret",
         .type = VALUE_SECRET,
         .read = read_client_secret,
         .is_required = true,
         .help = "of your OAuth app"},
	{.name = "refresh_token",
         .type = VALUE_SECRET,
         .read = read_refresh_token,
         .is_required = true,
         .help = "the first one; rotated ones are stored before use, in a folder that all "
                 "pipelines of the user share"},
	{.name = "token_url",
         .type = VALUE_TEXT,
         IN(struct pipeline, oauth.token_url),
         .pattern = "^https?://[^@/?#]+(/[^?#]*)?$",
         .fallback = "https://api.close.com/oauth2/token/",
         .help = "where tokens are refreshed"},
	{0},
};

static const struct section oauth_section = {
	.name = "close.oauth",
	.help = "OAuth instead of an API key.",
	.keys = oauth_keys,
};

static const struct key close_keys[] = {
	{.name = "base_url",
         .type = VALUE_TEXT,
         .elsewhere = (const char *const[]){"host", "url", "endpoint", NULL},
         IN(struct pipeline, base_url),
         .pattern = "^https?://[^@/?#]+(/[^?#]*)?$",
         .fallback = close_base_url,
         .help = "where the API is; http only to this machine, or with allow: [private] to a private "
                 "address"},
	{.name = "api_key",
         .type = VALUE_SECRET,
         .read = read_api_key,
         .example = "{\"env\": \"CLOSE_API_KEY\"}",
         .help = "the key of the API"},
	{.name = "oauth",
         .type = VALUE_SECTION,
         .section = &oauth_section,
         .help = "OAuth instead of api_key"},
	{.name = "concurrency",
         .type = VALUE_COUNT,
         IN(struct pipeline, concurrency),
         .min = 1,
         .max = 1024,
         .fallback = "8",
         .help = "calls in flight at most"},
	{.name = "rate",
         .type = VALUE_RATE,
         .elsewhere = (const char *const[]){"rate_limit", "rate_limiting", NULL},
         IN(struct pipeline, rate_n),
         .example = "\"60/min\"",
         .help = "a ceiling of your own over every call, lookups included"},
	{.name = "share",
         .type = VALUE_SHARE,
         IN(struct pipeline, share_pct),
         .min = 1,
         .max = 100,
         .fallback = "90%",
         .help = "how much of Close's quota to use; the rest is left to people and "
                 "other tools"},
	{.name = "timeout",
         .type = VALUE_DURATION,
         IN(struct pipeline, timeout_ms),
         .min = 100,
         .max = 600000,
         .fallback = "120s",
         .help = "how long one call may take"},
	{.name = "ca_file",
         .type = VALUE_TEXT,
         IN(struct pipeline, ca_file),
         .read = read_path_setting,
         .example = "\"company-ca.pem\"",
         .help = "certificates to trust instead of the system's, relative to this file"},
	{.name = "proxy",
         .type = VALUE_TEXT,
         IN(struct pipeline, proxy),
         .pattern = "^(https?|socks5h?)://[^@]+$",
         .read = read_proxy,
         .example = "\"http://proxy.example.com:3128\"",
         .help = "a proxy for all calls; proxy variables of the environment are ignored"},
	{.name = "allow",
         .type = VALUE_CHOICES,
         IN(struct pipeline, close_allow_private),
         .choices = allows,
         .choice_help = (const char *const[]){"base_url may be a private address, by http, too"},
         .help = "where else it may be"},
	{0},
};

_Static_assert(offsetof(struct pipeline, rate_per_ms) ==
                       offsetof(struct pipeline, rate_n) + sizeof(uint64_t),
               "a rate is stored as two neighbours");

static void check_close(struct loader *l, const struct yaml_node *map, void *target)
{
	struct pipeline *p = target;
	const struct yaml_node *at = yaml_get(map, "base_url");
	size_t mark = path_enter(l, "base_url");
	size_t len = strlen(p->base_url);

	if (at)
		(void)check_url(l, at, p->base_url, p->close_allow_private, false);
	while (len && p->base_url[len - 1] == '/')
		p->base_url[--len] = '\0';
	p->is_close = strcmp(p->base_url, close_base_url) == 0;
	path_leave(l, mark);
	at = yaml_get(yaml_get(map, "oauth"), "token_url");
	mark = path_enter(l, "oauth.token_url");
	if (at)
		(void)check_url(l, at, p->oauth.token_url, p->close_allow_private, false);
	path_leave(l, mark);
}

/* http leads to this machine only, unless allow says more; the rest of it is check_url()'s. */
static const char url_rules[] =
	"[{\"if\":{\"not\":{\"required\":[\"allow\"]}},\"then\":{\"properties\":{\"base_url\":{\"pattern\":"
	"\"^(https:|http://([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127\\\\.[0-9.]+|\\\\[::1\\\\])([:/?]|$))\"}}}}]";

const struct section close_section = {
	.name = "close",
	.help = "How to reach Close, and how fast.",
	.keys = close_keys,
	.excluding = (const struct key_pair[]){{"api_key", "oauth"}, {0}},
	.one_of = (const char *const[]){"api_key", "oauth", NULL},
	.rules = url_rules,
	.check = check_close,
};
