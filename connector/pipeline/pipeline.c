/* The file as a whole: load, what several sections mean together, free. */

#include "connector/pipeline/pipeline.h"

#include "connector/pipeline/keys.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const unrouteds[] = {"reject", "skip", NULL};

static void read_name(struct loader *l, const struct key *key, const struct yaml_node *value,
                      void *target)
{
	const struct pipeline *p = target;

	(void)key;
	if (strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(p->name))
		fail(l, value, "may have lower-case letters, digits and - only");
	else if (strlen(p->name) > 64)
		fail(l, value, "may be 64 characters long at most");
}

static void read_routes(struct loader *l, const struct key *key, const struct yaml_node *value,
                        void *target)
{
	(void)key;
	(void)target;
	if (value->kind != YAML_LIST)
		fail_kind(l, value, "a list of routes");
	else if (value->n == 0)
		fail(l, value, "must have at least one route");
	else
		l->routes = value;
}

static void read_exclude(struct loader *l, const struct key *key, const struct yaml_node *value,
                         void *target)
{
	(void)target;
	if (value->kind != YAML_LIST) {
		fail_kind(l, value, key->takes);
		return;
	}
	check_paths(l, value);
	l->exclude = value;
}

static void read_state(struct loader *l, const struct key *key, const struct yaml_node *value,
                       void *target)
{
	struct pipeline *p = target;
	char *path = load_path(l, p->state_folder);

	(void)key;
	(void)value;
	free(p->state_folder);
	p->state_folder = path;
}

static const char vars_schema[] =
	"{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]*$\"},"
	"\"additionalProperties\":{\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\"]},"
	"{\"$ref\":\"#/$defs/environment\"}]}}";

static const struct key file_keys[] = {
	{.name = "version",
         .type = VALUE_COUNT,
         .min = 1,
         .max = 1,
         .is_required = true,
         .help = "the version of this format: 1"},
	{.name = "name",
         .type = VALUE_TEXT,
         IN(struct pipeline, name),
         .read = read_name,
         .pattern = "^[a-z0-9-]{1,64}$",
         .is_required = true,
         .example = "\"signups\"",
         .help = "lower-case letters, digits and -; also the name of its state"},
	{.name = "source",
         .type = VALUE_SECTION,
         .section = &source_section,
         .is_required = true,
         .help = "where records come from"},
	{.name = "vars",
         .type = VALUE_OTHER,
         .read = read_vars,
         .takes = "a map of texts, numbers and {env: NAME}",
         .schema = vars_schema,
         .example = "{\"region\": {\"env\": \"REGION\"}}",
         .help = "constants, used in templates as {@var.name}"},
	{.name = "transform",
         .type = VALUE_PROGRAM,
         IN(struct pipeline, routes.transform),
         .example = "\".company |= ascii_upcase\"",
         .help = "a jq program run on each record; no output drops it, several make several"},
	{.name = "exclude",
         .type = VALUE_OTHER,
         .read = read_exclude,
         .takes = "a list of paths, such as [meta.ip, \"lines[].id\", _*]",
         .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}",
         .example = "[\"meta.ip\", \"lines[].internal_id\", \"_*\"]",
         .help = "paths left out of every route's body"},
	{.name = "routes",
         .type = VALUE_SECTIONS,
         .section = &route_section,
         .read = read_routes,
         .is_required = true,
         .help = "what to send; the first route that fits takes the record"},
	{.name = "unrouted",
         .type = VALUE_CHOICE,
         IN(struct pipeline, routes.skip_unrouted),
         .choices = unrouteds,
         .choice_help =
                 (const char *const[]){"it is a reject (unrouted)", "it is counted as skipped"},
         .fallback = "reject",
         .help = "what becomes of a record no route takes"},
	{.name = "close",
         .type = VALUE_SECTION,
         .section = &close_section,
         .is_required = true,
         .help = "how to reach Close"},
	{.name = "delivery",
         .type = VALUE_SECTION,
         .section = &delivery_section,
         .help = "what happens when calls do not go well"},
	{.name = "responses",
         .type = VALUE_SECTION,
         .section = &responses_section,
         .help = "who is told of every answer"},
	{.name = "rejects",
         .type = VALUE_SECTION,
         .section = &rejects_section,
         .help = "where rejects are copied to"},
	{.name = "keep",
         .type = VALUE_DURATION,
         IN(struct pipeline, keep_ms),
         .min = 1000,
         .max = UINT64_C(3650) * 86400000,
         .fallback = "30d",
         .help = "how long payloads of rejects, accepted events and what is known of "
                 "objects stay"},
	{.name = "metrics",
         .type = VALUE_TEXT,
         .is_later = true,
         .example = "\"127.0.0.1:9464\"",
         .help = "address that serves /metrics, /healthz and /readyz"},
	{.name = "notify",
         .type = VALUE_SECTION,
         .section = &notify_section,
         .is_later = true,
         .help = "tell people when they are needed"},
	{.name = "state",
         .type = VALUE_TEXT,
         IN(struct pipeline, state_folder),
         .read = read_state,
         .example = "\"/var/lib/closefeed/signups\"",
         .help = "folder of the state, relative to this file; default $STATE_DIRECTORY, or "
                 "$XDG_STATE_HOME/closefeed/<name>"},
	{0},
};

const struct section file_section = {
	.name = "",
	.help = "The file from top to bottom is the way of a record.",
	.keys = file_keys,
};

/* systemd may give several folders, separated by colons; the first is as good as any. */
static char *default_state(struct loader *l)
{
	const char *systemd = load_getenv(l, "STATE_DIRECTORY");
	const char *xdg = load_getenv(l, "XDG_STATE_HOME"), *home = load_getenv(l, "HOME");
	const char *name = l->pipeline->name ? l->pipeline->name : "";

	if (systemd && *systemd)
		return mem_dup(systemd, strcspn(systemd, ":"));
	if (xdg && *xdg == '/')
		return mem_printf("%s/closefeed/%s", xdg, name);
	if (home && *home)
		return mem_printf("%s/.local/state/closefeed/%s", home, name);
	fail(l, NULL,
	     "no folder for the state: HOME is not set, so write state: or set "
	     "STATE_DIRECTORY");
	return mem_strdup("");
}

/*
 * Where all pipelines of the user keep their tokens. Of the folders systemd gives it is the last:
 * several units may name the same one behind their own.
 */
static char *token_folder(struct loader *l)
{
	const char *systemd = load_getenv(l, "STATE_DIRECTORY");
	const char *xdg = load_getenv(l, "XDG_STATE_HOME"), *home = load_getenv(l, "HOME");

	if (systemd && *systemd) {
		const char *colon = strrchr(systemd, ':');

		return mem_printf("%s/.oauth", colon ? colon + 1 : systemd);
	}
	if (xdg && *xdg == '/')
		return mem_printf("%s/closefeed/.oauth", xdg);
	if (home && *home)
		return mem_printf("%s/.local/state/closefeed/.oauth", home);
	fail(l, NULL,
	     "no folder for the tokens of close.oauth: set HOME, XDG_STATE_HOME or "
	     "STATE_DIRECTORY");
	return NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct pipeline_note *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static void take_faults(struct loader *l, const struct yaml_doc *doc)
{
	for (size_t i = 0; i < doc->n_faults; i++) {
		const struct yaml_fault *f = &doc->faults[i];
		const struct yaml_node at = {.line = f->line, .column = f->column};

		fail(l, &at, "%s", f->text);
	}
}

/* A whole JSON object in the first line, and no key of ours: somebody named the input. */
static bool is_records(const struct pipeline *p)
{
	const char *end = memchr(p->text, '\n', p->text_len);
	const size_t len = end ? (size_t)(end - p->text) : p->text_len;
	cleanup_(json_freep) struct json_object *record = NULL;

	if (json_parse(p->text, len, 0, &record, NULL, NULL) < 0 ||
	    !json_object_is_type(record, json_type_object))
		return false;
	return !json_get(record, "version") && !json_get(record, "routes");
}

static void read_document(struct loader *l, const struct yaml_doc *doc)
{
	const struct yaml_node first = {.line = 1, .column = 1};

	if (is_records(l->pipeline)) {
		fail(l, &first,
		     "these are records, no pipeline: name the file that begins with version: 1, "
		     "or have one written by `closefeed init %s`",
		     l->pipeline->path);
		return;
	}
	take_faults(l, doc);
	if (!doc->root || yaml_is_null(doc->root)) {
		if (!doc->n_faults)
			fail(l, &first,
			     "the file is empty: it needs version, name, source, close and "
			     "routes");
		return;
	}
	if (doc->root->kind != YAML_MAP) {
		fail(l, doc->root, "the file must be a map that begins with version: 1");
		return;
	}
	l->layer = LAYER_KEYS;
	section_read(l, &file_section, doc->root, l->pipeline);
	l->layer = LAYER_MEANING;
	source_kafka_defaults(l->pipeline);
	topics_check(l, doc->root);
	routes_compile(l);
	programs_compile(l);
	if (!l->pipeline->state_folder)
		l->pipeline->state_folder = default_state(l);
	if (l->pipeline->oauth.client_id)
		l->pipeline->oauth.folder = token_folder(l);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return mem_dup(path, slash ? (size_t)(slash - path) + 1 : 0);
}

int pipeline_load_text(const char *path, const char *text, size_t len,
                       const struct pipeline_options *options, struct pipeline **ret_pipeline,
                       struct err *err)
{
	cleanup_(yaml_doc_freep) struct yaml_doc *doc = yaml_doc_parse(text, len);
	struct pipeline *p = mem_alloc(sizeof(*p));
	struct loader l = {.pipeline = p, .options = options};

	(void)err; /* whatever stands in the text is a note */
	p->path = mem_strdup(path);
	p->folder = folder_of(path);
	p->text = mem_dup(text, len);
	p->text_len = len;
	crypto_sha256_hex(text, len, p->sha256);
	p->include_response = true;
	p->getenv = options->getenv;
	p->getenv_arg = options->arg;
	section_defaults(&file_section, p);
	read_document(&l, doc);
	if (!p->state_folder)
		p->state_folder = mem_strdup("");
	/* A stable sort would keep equal places in order; two notes at one place are independent.
	 */
	if (p->n_notes)
		qsort(p->notes, p->n_notes, sizeof(*p->notes), by_place);
	*ret_pipeline = p;
	return 0;
}

/* Reads at most one byte more than a file may have, so that a large one is told and not read. */
static int read_all(int fd, char *bytes, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		const ssize_t n = read(fd, bytes + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int pipeline_load(const char *path, const struct pipeline_options *options,
                  struct pipeline **ret_pipeline, struct err *err)
{
	cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_(freep) char *bytes = NULL;
	struct stat st;
	size_t len = 0;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s cannot be read: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "%s is a folder: name the pipeline file in it", path);
	bytes = mem_alloc(yaml_max_bytes + 1);
	r = read_all(fd, bytes, yaml_max_bytes + 1, &len);
	if (r < 0)
		return err_set(err, r, "%s cannot be read: %s", path, strerror(-r));
	return pipeline_load_text(path, bytes, len, options, ret_pipeline, err);
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void free_texts(char **texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		free_secret(texts[i]);
	free(texts);
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_notes; i++)
		free(p->notes[i].text);
	free(p->notes);
	strlist_free(p->name_kinds);
	strlist_free(p->named_kinds);
	route_set_deinit(&p->routes);
	free_secret(p->api_key);
	free_secret(p->webhook_secrets[0]);
	free_secret(p->webhook_secrets[1]);
	free_texts(p->webhook_headers);
	free(p->path);
	free(p->folder);
	free(p->text);
	free(p->name);
	strlist_free(p->kafka.topics);
	free(p->kafka.written);
	kafka_conf_deinit(&p->kafka.conf);
	free(p->kafka.group);
	free(p->ndjson_path);
	free(p->ndjson_written);
	free(p->base_url);
	free(p->api_key_source);
	free(p->oauth.client_id);
	free_secret(p->oauth.client_secret);
	free_secret(p->oauth.refresh_token);
	free(p->oauth.source);
	free(p->oauth.token_url);
	free(p->oauth.folder);
	free(p->ca_file);
	free_secret(p->proxy);
	free(p->canary);
	free(p->webhook_url);
	free(p->responses_file);
	free(p->responses_kafka.topic);
	kafka_conf_deinit(&p->responses_kafka.conf);
	free(p->rejects_kafka.topic);
	kafka_conf_deinit(&p->rejects_kafka.conf);
	free(p->state_folder);
	free(p);
}

void pipeline_freep(struct pipeline **pipeline)
{
	pipeline_free(*pipeline);
}
