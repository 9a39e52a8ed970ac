/*
 * Values from outside: {env: NAME}, {env: NAME, default: x}, {file: path}, {credential: name}. A
 * message about a secret never repeats what was found, neither in the file nor outside.
 */

#include "connector/pipeline/keys.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { outside_max = 4096 };

static const char *const reference_keys[] = {"env", "file", "credential", "default", NULL};

const char *load_getenv(const struct loader *l, const char *name)
{
	const struct pipeline_options *o = l->options;

	return o->getenv ? o->getenv(o->arg, name) : getenv(name);
}

char *load_path(const struct loader *l, const char *path)
{
	return mem_printf("%s%s", *path == '/' ? "" : l->pipeline->folder, path);
}

/* A map that is, or was meant as, a reference: a sole unknown key may be a misspelt one. */
bool is_reference(const struct yaml_node *value)
{
	if (value->kind != YAML_MAP)
		return false;
	for (size_t i = 0; i < value->n; i++)
		if (near_name(value->keys[i]->text, reference_keys) &&
		    !yaml_is_null(value->items[i]))
			return true;
	return false;
}

static bool is_env_name(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

/* The form alone: which keys, which values. */
static bool check_reference(struct loader *l, const struct yaml_node *ref, bool is_secret)
{
	const struct yaml_node *env = yaml_get(ref, "env"), *def = yaml_get(ref, "default");
	unsigned n_sources = 0;

	for (size_t i = 0; i < ref->n; i++) {
		const char *name = ref->keys[i]->text, *near = near_name(name, reference_keys);

		if (!near || strcmp(near, name) != 0) {
			fail(l, ref->keys[i],
			     "unknown key \"%.40s\"%s%s%s: a value from outside is {env: NAME}, {file: "
			     "path} or {credential: name}",
			     name, near ? ", did you mean \"" : "", near ? near : "",
			     near ? "\"?" : "");
			return false;
		}
		if (ref->items[i]->kind != YAML_TEXT || !*ref->items[i]->text) {
			fail(l, ref->items[i], "%s must be a name", name);
			return false;
		}
		n_sources += strcmp(name, "default") != 0;
	}
	if (n_sources != 1) {
		fail(l, ref, "a value from outside has one of env, file and credential");
		return false;
	}
	if (def && (is_secret || !env)) {
		fail(l, def, "%s",
		     is_secret ? "a secret has no default: it would stand in the file"
		               : "default stands beside env only");
		return false;
	}
	if (env && !is_env_name(env->text)) {
		/* It may be the secret itself, so it is not repeated. */
		fail(l, env, "what stands behind env is not the name of an environment variable");
		return false;
	}
	return true;
}

bool reads_secrets(const struct loader *l)
{
	return l->options->with_secrets ||
	       (l->options->with_source_secrets && strncmp(l->path, "source.kafka.", 13) == 0);
}

/* Tells what cannot be had: an error, or a warning where outside values were not asked for. */
static void tell_absent(struct loader *l, const struct yaml_node *at, const char *what,
                        const char *name, const char *why)
{
	if (reads_secrets(l))
		fail(l, at, "%s \"%.200s\" %s", what, name, why);
	else
		warn(l, at, "%s \"%.200s\" %s", what, name, why);
}

static bool check_owner(struct loader *l, const struct yaml_node *at, const char *path,
                        const struct stat *st)
{
	if (st->st_uid != geteuid() && st->st_uid != 0) {
		fail(l, at,
		     "the secret file %.200s belongs to another user (%u): it must be ours or "
		     "root's",
		     path, (unsigned)st->st_uid);
		return false;
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		fail(l, at, "the secret file %.200s is writable by others: chmod go-w it", path);
		return false;
	}
	if (st->st_mode & S_IROTH)
		warn(l, at, "the secret file %.200s is readable by others: chmod o-r it", path);
	return true;
}

static void cut_newline(char *text, size_t len)
{
	if (len && text[len - 1] == '\n') {
		text[--len] = '\0';
		if (len && text[len - 1] == '\r')
			text[len - 1] = '\0';
	}
}

static int read_outside_file(struct loader *l, const struct yaml_node *at, const char *path,
                             bool is_secret, char **ret_text)
{
	/* Not blocking, so that a FIFO put there cannot stop us before it is refused. */
	cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char bytes[outside_max + 2];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		tell_absent(l, at, "the file", path,
		            errno == ENOENT ? "does not exist" : "cannot be read");
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		fail(l, at, "%.200s is no regular file", path);
		return 0;
	}
	if (is_secret && !check_owner(l, at, path, &st))
		return 0;
	n = read(fd, bytes, sizeof(bytes) - 1);
	if (n < 0) {
		tell_absent(l, at, "the file", path, "cannot be read");
		return 0;
	}
	if (n > outside_max || memchr(bytes, 0, (size_t)n)) {
		explicit_bzero(bytes, sizeof(bytes));
		fail(l, at, "the file %.200s %s", path,
		     n > outside_max ? "is larger than 4 KiB" : "has a NUL byte in it");
		return 0;
	}
	bytes[n] = '\0';
	cut_newline(bytes, (size_t)n);
	if (!*bytes) {
		fail(l, at, "the file %.200s is empty", path);
		return 0;
	}
	*ret_text = mem_strdup(bytes);
	explicit_bzero(bytes, sizeof(bytes));
	return 1;
}

static int read_env(struct loader *l, const struct yaml_node *ref, char **ret_text)
{
	const struct yaml_node *env = yaml_get(ref, "env"), *def = yaml_get(ref, "default");
	const char *value = load_getenv(l, env->text);

	if ((!value || !*value) && def)
		value = def->text;
	if (!value || !*value) {
		tell_absent(l, env, "the environment variable", env->text,
		            value ? "is empty" : "is not set");
		return 0;
	}
	if (strlen(value) > outside_max) {
		fail(l, env, "the environment variable \"%s\" is longer than 4 KiB", env->text);
		return 0;
	}
	*ret_text = mem_strdup(value);
	return 1;
}

static int read_credential(struct loader *l, const struct yaml_node *at, bool is_secret,
                           char **ret_text)
{
	const char *folder = load_getenv(l, "CREDENTIALS_DIRECTORY");
	cleanup_(freep) char *path = NULL;

	if (strchr(at->text, '/') || *at->text == '.') {
		fail(l, at, "\"%.60s\" is not the name of a credential", at->text);
		return 0;
	}
	if (!folder || !*folder) {
		tell_absent(l, at, "the credential", at->text,
		            "is not there: CREDENTIALS_DIRECTORY is not set (systemd sets it where "
		            "the unit has LoadCredential=)");
		return 0;
	}
	path = mem_printf("%s/%s", folder, at->text);
	return read_outside_file(l, at, path, is_secret, ret_text);
}

static int read_outside(struct loader *l, const struct yaml_node *ref, bool is_secret,
                        char **ret_text)
{
	const struct yaml_node *file = yaml_get(ref, "file"), *cred = yaml_get(ref, "credential");
	cleanup_(freep) char *path = NULL;

	if (cred)
		return read_credential(l, cred, is_secret, ret_text);
	if (!file)
		return read_env(l, ref, ret_text);
	path = load_path(l, file->text);
	return read_outside_file(l, file, path, is_secret, ret_text);
}

static int resolve(struct loader *l, const struct yaml_node *ref, bool is_secret, char **ret_text)
{
	const enum pipeline_layer outer = l->layer;
	int r;

	l->layer = LAYER_SECRETS;
	r = read_outside(l, ref, is_secret, ret_text);
	l->layer = outer;
	return r;
}

int resolve_setting(struct loader *l, const struct yaml_node *reference, char **ret_text)
{
	if (!check_reference(l, reference, false))
		return 0;
	return resolve(l, reference, false, ret_text);
}

int resolve_secret(struct loader *l, const struct yaml_node *value, char **ret_text,
                   char **ret_source)
{
	int r;

	if (value->is_faulty)
		return 0;
	if (!is_reference(value)) {
		fail(l, value,
		     "a secret must not stand in this file: write {env: NAME}, {file: path} or "
		     "{credential: name}");
		return 0;
	}
	if (!check_reference(l, value, true) || !reads_secrets(l))
		return 0;
	r = resolve(l, value, true, ret_text);
	if (r > 0 && ret_source) {
		const struct yaml_node *name = NULL;
		size_t i = 0;

		while (!name)
			name = yaml_get(value, reference_keys[i++]);
		*ret_source = mem_printf("%s %s", reference_keys[i - 1], name->text);
	}
	return r;
}
