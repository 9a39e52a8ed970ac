/* Values from outside: what is read, what is refused, and what no message ever repeats. */

#include "tests/unit/pipeline_case.h"

#include "lib/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/closefeed-secrets-XXXXXX";

/* A file of our folder with @text and @mode; the name is borrowed until the next call. */
static void put_file(const char *name, const char *text, size_t len, mode_t mode)
{
	char *path = mem_printf("%s/%s", folder, name);
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	check(fd >= 0);
	check_eq(write(fd, text, len), (ssize_t)len);
	check_eq(fchmod(fd, mode), 0);
	(void)close(fd);
	free(path);
}

static struct pipeline *load_with(const char *api_key, bool with_secrets)
{
	char *text = mem_printf(V S "close: {api_key: %s}\n" R, api_key);
	char *path = mem_printf("%s/p.yaml", folder);
	struct pipeline *p = case_load_as(path, text, with_secrets);

	free(path);
	free(text);
	return p;
}

/* The first note of a file with this api_key; to free(). */
static char *said_of(const char *api_key)
{
	struct pipeline *p = load_with(api_key, true);
	char *notes = case_notes(p);

	pipeline_free(p);
	return notes;
}

static void a_secret_comes_from_env_or_file(void **state)
{
	static const struct {
		const char *content;
	} files[] = {{"api_x.1"}, {"api_x.1\n"}, {"api_x.1\r\n"}};
	struct pipeline *p;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		put_file("key", files[i].content, strlen(files[i].content), 0400);
		p = load_with("{file: key}", true);
		check_eq(p->n_notes, 0);
		check_text(p->api_key, "api_x.1");
		check_text(p->api_key_source, "file key");
		pipeline_free(p);
	}
}

static void a_symbolic_link_is_followed(void **state)
{
	char *link = mem_printf("%s/link", folder);
	struct pipeline *p;

	(void)state;
	put_file("key", "api_x", 5, 0600);
	(void)unlink(link);
	check_eq(symlink("key", link), 0);
	p = load_with("{file: link}", true);
	check_eq(p->n_notes, 0);
	check_text(p->api_key, "api_x");
	pipeline_free(p);
	(void)unlink(link);
	free(link);
}

static void who_may_read_or_write_the_file_counts(void **state)
{
	static const struct {
		mode_t mode;
		const char *said;
	} cases[] = {
		{0600, ""},
		{0440, ""},
		{0644, "4:25: warning: close.api_key: the secret file "},
		{0620, "4:25: error: close.api_key: the secret file "},
		{0602, "4:25: error: close.api_key: the secret file "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *said;

		put_file("key", "api_x", 5, cases[i].mode);
		said = said_of("{file: key}");
		check_eq(strncmp(said, cases[i].said, strlen(cases[i].said)), 0);
		check_eq(*said == '\0', cases[i].said[0] == '\0');
		free(said);
	}
}

static void what_is_wrong_outside_is_told(void **state)
{
	static const struct {
		const char *api_key, *said;
	} cases[] = {
		{"{env: NOPE}",
	         "4:24: error: close.api_key: the environment variable \"NOPE\" is not set\n"},
		{"{env: EMPTY}",
	         "4:24: error: close.api_key: the environment variable \"EMPTY\" is empty\n"},
		{"{env: BAD_KEY}",
	         "4:18: error: close.api_key: the key has a character that no key of Close has"},
		{"{env: KEY, default: x}", "4:38: error: close.api_key: a secret has no default"},
		{"{env: KEY, file: a}",
	         "4:18: error: close.api_key: a value from outside has one of env, file and credential\n"},
		{"{default: a}", "4:18: error: close.api_key: a value from outside has one of"},
		{"{evn: KEY}",
	         "4:19: error: close.api_key: unknown key \"evn\", did you mean \"env\"?: a value from outside is"},
		{"{env: [KEY]}", "4:24: error: close.api_key: env must be a name\n"},
		{"{file: nowhere}", "4:25: error: close.api_key: the file \""},
		{"{file: .}", "4:25: error: close.api_key: "},
		{"{file: large}", "4:25: error: close.api_key: the file "},
		{"{file: nul}", "4:25: error: close.api_key: the file "},
		{"{file: empty}", "4:25: error: close.api_key: the file "},
		{"{credential: a}",
	         "4:31: error: close.api_key: the file \"/nowhere/credentials/a\" does not exist\n"},
		{"{credential: ../a}",
	         "4:31: error: close.api_key: \"../a\" is not the name of a credential\n"},
	};
	char large[4098];

	(void)state;
	memset(large, 'a', sizeof(large));
	put_file("large", large, 4097, 0600);
	put_file("nul", "a\0b", 3, 0600);
	put_file("empty", "\n", 1, 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *said = said_of(cases[i].api_key);

		if (strncmp(said, cases[i].said, strlen(cases[i].said)) != 0)
			check_text(said, cases[i].said);
		free(said);
	}
	put_file("large", large, 4096, 0600);
	free(said_of("{file: large}"));
}

static void the_tokens_of_oauth_come_from_outside(void **state)
{
	char *path = mem_printf("%s/p.yaml", folder), *notes;
	struct pipeline *p;

	(void)state;
	put_file("key", "refresh.1\n", 10, 0600);
	p = case_load_as(path,
	                 V S "close: {oauth: {client_id: app, client_secret: {env: KEY}, "
	                     "refresh_token: {file: key}}}\n" R,
	                 true);
	check_eq(p->n_notes, 0);
	check_text(p->oauth.client_id, "app");
	check_text(p->oauth.client_secret, "api_abc.DEF-1_2");
	check_text(p->oauth.refresh_token, "refresh.1");
	check_text(p->oauth.source, "file key");
	check_text(p->oauth.token_url, "https://api.close.com/oauth2/token/");
	check_text(p->oauth.folder, "/state/.oauth");
	pipeline_free(p);

	p = case_load(V S
	              "close: {oauth: {client_id: app, client_secret: {env: KEY}, refresh_token: "
	              "{env: BAD_KEY}, token_url: \"http://close.example.com/\"}}\n" R);
	notes = case_notes(p);
	check_text(
		notes,
		"4:75: error: close.oauth.refresh_token: the refresh token has a character that "
		"no token has: look for spaces, quotes or line breaks around it\n"
		"4:102: error: close.oauth.token_url: must begin with https:// (http only to this "
		"machine, or with allow: [private] to a private address)\n");
	free(notes);
	pipeline_free(p);
	free(path);
}

static void no_message_repeats_a_secret(void **state)
{
	static const char *const secret = "api_4fTopSecret.abc";
	static const char *const places[] = {
		V S "close: {api_key: %s}\n" R,
		V S "close: {api_key: [%s]}\n" R,
		V S "close: {api_key: {env: %s}}\n" R,
		V S "close: {api_key: {env: KEY, default: %s}}\n" R,
		V S "close: {api_key: {%s}}\n" R,
		V S "close: {api_key: {key: %s}}\n" R,
		V S "close: {apikey: %s}\n" R,
		V S C R "responses: {webhook: {url: \"https://h.example.com\", secret: %s}}\n",
		V S C R "responses: {webhook: {url: \"https://h.example.com\", secret: [%s]}}\n",
		V S C R "responses: {webhook: {url: \"https://u:%s@h.example.com\"}}\n",
		V S C R
		"responses: {webhook: {url: \"https://h.example.com\", headers: {Authorization: %s}}}\n",
		V S "close: {api_key: {env: KEY}, proxy: \"http://u:%s@p:1\"}\n" R,
		V S "close: {oauth: {client_id: a, client_secret: %s, refresh_token: %s}}\n" R,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct buf b = BUF_INIT;
		struct pipeline *p;
		char *notes;

		for (const char *c = places[i]; *c; c++) {
			if (c[0] == '%' && c[1] == 's') {
				buf_adds(&b, secret);
				c++;
			} else {
				buf_addc(&b, *c);
			}
		}
		p = case_load(buf_text(&b));
		notes = case_notes(p);
		check(p->n_errors > 0);
		check(!strstr(notes, "TopSecret"));
		free(notes);
		pipeline_free(p);
		buf_deinit(&b);
	}
}

static void webhook_secrets_are_long_enough(void **state)
{
	static const struct {
		const char *secret, *notes;
	} cases[] = {
		{"{env: HOOK}", ""},
		{"[{env: HOOK}, {env: HOOK}]", ""},
		{"{file: hook}", ""},
		{"{file: short_hook}",
	         "6:62: error: responses.webhook.secret: the secret behind whsec_ has 6 bytes: it must have 24 to 64\n"},
		{"{file: bad_hook}",
	         "6:62: error: responses.webhook.secret: whsec_ must be followed by base64\n"},
		{"{env: SHORT}",
	         "6:62: error: responses.webhook.secret: the secret must begin with whsec_ or be at least 24 bytes long\n"},
		{"[{env: HOOK}, {env: HOOK}, {env: HOOK}]",
	         "6:62: error: responses.webhook.secret: must be one secret, or a list of two\n"},
	};

	(void)state;
	put_file("hook", "a text of 24 characters.\n", 25, 0600);
	put_file("short_hook", "whsec_c2VjcmV0", 14, 0600);
	put_file("bad_hook", "whsec_!!", 8, 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text =
			mem_printf(V S C R "responses: {webhook: {url: \"https://h.example.com/\", "
		                           "secret: %s}}\n",
		                   cases[i].secret);
		char *path = mem_printf("%s/p.yaml", folder);
		struct pipeline *p = case_load_as(path, text, true);
		char *notes = case_notes(p);
		const size_t len = strcspn(cases[i].notes, "\n");

		if (strncmp(notes, cases[i].notes, len) != 0 || !*notes != !len)
			check_text(notes, cases[i].notes);
		free(notes);
		pipeline_free(p);
		free(path);
		free(text);
	}
}

static void settings_and_vars_come_from_outside_by_their_own_rules(void **state)
{
	static const struct {
		const char *text, *notes;
	} cases[] = {
		{V S "close: {api_key: {env: KEY}, concurrency: {env: REGION}}\n" R,
	         "4:43: error: close.concurrency: the value from outside must be a whole number from 1 to 1024\n"},
		{V S "close: {api_key: {env: KEY}, concurrency: {env: NOPE, default: 4}}\n" R, ""},
		{V S "close: {api_key: {env: KEY}, concurrency: {env: NOPE}}\n" R,
	         "4:49: error: close.concurrency: the environment variable \"NOPE\" is not set\n"},
		{V S C R "vars: {x: {file: a}}\n",
	         "6:11: error: vars.x: a file or credential may hold a secret\n"},
		{V S C R "vars: {x: {credential: a}}\n",
	         "6:11: error: vars.x: a file or credential may hold a secret\n"},
		{V S C R "vars: {x: {env: NOPE}}\n",
	         "6:17: error: vars.x: the environment variable \"NOPE\" is not set\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		case_check_notes(cases[i].text, cases[i].notes);
}

static void without_secrets_a_missing_setting_is_a_warning(void **state)
{
	struct pipeline *p = case_load_as(
		"p.yaml", V S "close: {api_key: {env: NOPE}, concurrency: {env: NOPE}}\n" R, false);
	char *notes = case_notes(p);

	(void)state;
	check_eq(p->n_errors, 0);
	check_text(notes,
	           "4:50: warning: close.concurrency: the environment variable \"NOPE\" is not "
	           "set\n");
	check_eq(p->concurrency, 8);
	free(notes);
	pipeline_free(p);
	p = load_with("api_literal", false);
	check_eq(p->n_errors, 1); /* the form is always checked */
	pipeline_free(p);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	static const char *const names[] = {"key",  "large",      "nul",     "empty",
	                                    "hook", "short_hook", "bad_hook"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = mem_printf("%s/%s", folder, names[i]);

		(void)unlink(path);
		free(path);
	}
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_secret_comes_from_env_or_file),
		sentence(a_symbolic_link_is_followed),
		sentence(who_may_read_or_write_the_file_counts),
		sentence(what_is_wrong_outside_is_told),
		sentence(the_tokens_of_oauth_come_from_outside),
		sentence(no_message_repeats_a_secret),
		sentence(webhook_secrets_are_long_enough),
		sentence(settings_and_vars_come_from_outside_by_their_own_rules),
		sentence(without_secrets_a_missing_setting_is_a_warning),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
