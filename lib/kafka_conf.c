#include "lib/kafka_private.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/near.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Which properties there are, the library tells itself, in a table for people (the one of
 * CONFIGURATION.md): "name | C/P | range | default | …", where C and P are consumers and producers,
 * and * is both.
 */

static const char *const secrets[] = {
	"sasl.password",
	"ssl.key.password",
	"ssl.key.pem",
	"ssl.keystore.password",
	"sasl.oauthbearer.config",
	"sasl.oauthbearer.client.secret",
	NULL,
};

/* Of everybody. */
static const char *const ours[] = {"bootstrap.servers", "metadata.broker.list", NULL};

#define MECHANISMS "SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER"
/* librdkafka calls kinit by a shell, with words of these settings in the command. */
#define KERBEROS "would run other programs (kinit): use " MECHANISMS

static const struct {
	const char *name;
	const char *value; /* NULL: any */
	const char *why;
} refused[] = {
	{"enable.ssl.certificate.verification", "false",
         "must stay true, or anybody could be the broker: name the CA in ssl.ca.location"},
	{"ssl.endpoint.identification.algorithm", "none",
         "must stay https, or anybody could be the broker: name the brokers as their certificates "
         "do"},
	{"ssl.engine.location", NULL, "would load other programs into this one: take it out"},
	{"ssl.providers", NULL, "would load other programs into this one: take it out"},
	{"sasl.kerberos.kinit.cmd", NULL, "would run other programs: take it out"},
	{"sasl.mechanisms", "GSSAPI", KERBEROS},
	{"sasl.mechanism", "GSSAPI", KERBEROS},
	{"log.queue", "true", "would gather what nobody reads: take it out"},
	{"plugin.library.paths", NULL, "would load other programs into this one: take it out"},
	{"builtin.features", NULL, "tells what the library can do and cannot be set: take it out"},
};

static bool is_among(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

bool kafka_property_is_secret(const char *name)
{
	return is_among(name, secrets);
}

bool kafka_property_is_path(const char *name)
{
	static const char end[] = ".location";
	const size_t len = strlen(name);

	return len >= sizeof(end) && strcmp(name + len - (sizeof(end) - 1), end) == 0;
}

void kafka_conf_add(struct kafka_conf *conf, const char *name, const char *value)
{
	conf->properties = mem_grow(conf->properties, conf->n_properties, &conf->cap_properties,
	                            sizeof(*conf->properties));
	conf->properties[conf->n_properties++] =
		(struct kafka_property){mem_strdup(name), mem_strdup(value)};
}

void kafka_conf_deinit(struct kafka_conf *conf)
{
	for (size_t i = 0; i < conf->n_properties; i++) {
		free(conf->properties[i].name);
		explicit_bzero(conf->properties[i].value, strlen(conf->properties[i].value));
		free(conf->properties[i].value);
	}
	free(conf->properties);
	free(conf->brokers);
	*conf = (struct kafka_conf){0};
}

const char *kafka_conf_get(const struct kafka_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_properties; i++)
		if (strcmp(conf->properties[i].name, name) == 0)
			return conf->properties[i].value;
	return NULL;
}

static bool uses(const struct kafka_conf *conf, const char *word)
{
	const char *protocol = kafka_conf_get(conf, "security.protocol");

	return protocol && strcasestr(protocol, word);
}

bool kafka_conf_is_encrypted(const struct kafka_conf *conf)
{
	return uses(conf, "ssl");
}

int kafka_conf_check(const struct kafka_conf *conf, struct err *err)
{
	const bool has_mechanism =
		kafka_conf_get(conf, "sasl.mechanisms") || kafka_conf_get(conf, "sasl.mechanism");

	/* Else it would be Kerberos. */
	if (uses(conf, "sasl") && !has_mechanism)
		return err_set(err, -EINVAL,
		               "security.protocol needs sasl.mechanisms beside it: " MECHANISMS);
	if (has_mechanism && !uses(conf, "sasl"))
		return err_set(
			err, -EINVAL,
			"sasl.mechanisms is used only where security.protocol is sasl_ssl (or "
			"sasl_plaintext): set it, or nobody logs in");
	return 0;
}

/* The table of the library */

struct row {
	char *name, *who, *range;
};

struct table {
	char *text;
	struct row rows[400];
	size_t n;
};

/* Cuts the next cell off @rest, without its blanks; NULL at the end of the line. */
static char *next_cell(char **rest)
{
	char *cell = strsep(rest, "|");
	size_t len;

	if (!cell)
		return NULL;
	cell += strspn(cell, " ");
	len = strlen(cell);
	while (len && cell[len - 1] == ' ')
		cell[--len] = '\0';
	return cell;
}

static void read_table(struct table *t)
{
	char *rest, *line;
	size_t len;
	FILE *f = open_memstream(&t->text, &len);

	if (!f)
		mem_exhausted();
	rd_kafka_conf_properties_show(f);
	if (fclose(f) != 0)
		mem_exhausted();
	rest = t->text;
	while ((line = strsep(&rest, "\n")) && t->n < sizeof(t->rows) / sizeof(*t->rows)) {
		struct row row = {.name = next_cell(&line)};

		row.who = next_cell(&line);
		row.range = next_cell(&line);
		/* "C", "P" or "*": else it is a heading. */
		if (row.range && strlen(row.who) == 1 && strchr("CP*", *row.who))
			t->rows[t->n++] = row;
	}
}

static struct table *table_new(void)
{
	struct table *t = mem_alloc(sizeof(*t));

	read_table(t);
	return t;
}

static void table_free(struct table *t)
{
	free(t->text);
	free(t);
}
DEFINE_CLEANUP(struct table *, table_free);

static const struct row *find_row(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->rows[i].name, name) == 0)
			return &t->rows[i];
	return NULL;
}

static int fail_unknown(const struct table *t, const char *name, struct err *err)
{
	const char *names[sizeof(t->rows) / sizeof(*t->rows) + 1], *near;

	for (size_t i = 0; i < t->n; i++)
		names[i] = t->rows[i].name;
	names[t->n] = NULL;
	near = near_name(name, names);
	if (near)
		return err_set(err, -EINVAL,
		               "librdkafka has no such property: did you mean \"%s\"?", near);
	return err_set(err, -EINVAL,
	               "librdkafka has no such property: its CONFIGURATION.md lists all");
}

/* Functions and pointers of programs stand in the table, too. */
static bool is_for_programs(const char *name)
{
	const size_t len = strlen(name);

	return (len > 3 && strcmp(name + len - 3, "_cb") == 0) || strcmp(name, "opaque") == 0 ||
	       strcmp(name, "default_topic_conf") == 0 || strcmp(name, "interceptors") == 0;
}

static int check_value(const struct row *row, const char *value, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	const rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, row->name, value, NULL, 0);

	rd_kafka_conf_destroy(conf);
	if (result == RD_KAFKA_CONF_OK)
		return 0;
	if (result == RD_KAFKA_CONF_UNKNOWN)
		return err_set(err, -EINVAL, "librdkafka %s was built without it: take it out",
		               kafka_version());
	return err_set(err, -EINVAL, "does not take this value%s%s",
	               *row->range ? ": it takes " : "", row->range);
}

int kafka_property_check(const char *name, const char *value, const char *const *own,
                         struct err *err)
{
	cleanup_(table_freep) struct table *table = NULL;
	const struct row *row;

	if (is_among(name, ours))
		return err_set(err, -EINVAL, "write the brokers under `brokers`: take it out");
	if (is_among(name, own))
		return err_set(err, -EINVAL, "closefeed sets this property itself: take it out");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (strcmp(name, refused[i].name) == 0 &&
		    (!refused[i].value || (value && strcasecmp(value, refused[i].value) == 0)))
			return err_set(err, -EINVAL, "%s", refused[i].why);
	table = table_new();
	row = find_row(table, name);
	if (!row)
		return fail_unknown(table, name, err);
	if (is_for_programs(name))
		return err_set(err, -EINVAL, "is for programs only: take it out");
	return value ? check_value(row, value, err) : 0;
}

/* Making */

void kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return;
	(void)fprintf(stderr, "closefeed: librdkafka: %s\n", why);
	abort(); /* ours, so this is a bug */
}

static void no_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	/* Its troubles come as errors; the rest may have anything in it. */
	(void)client;
	(void)level;
	(void)facility;
	(void)text;
}

static const struct {
	const char *name, *value;
} defaults[] = {
	{"client.id", "closefeed"},
	{"log.connection.close", "false"}, /* idle connections end: no error */
	{"socket.keepalive.enable", "true"},
	{"allow.auto.create.topics", "false"}, /* a mistyped name is no topic */
	{"reconnect.backoff.max.ms", "2000"},  /* 10 s are long for people who wait */
};

int kafka_make_conf(const struct kafka_conf *from, rd_kafka_type_t type, rd_kafka_conf_t **ret_conf,
                    struct err *err)
{
	const char other = type == RD_KAFKA_PRODUCER ? 'C' : 'P';
	cleanup_(table_freep) struct table *table = table_new();
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_log_cb(conf, no_log);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		kafka_set(conf, defaults[i].name, defaults[i].value);
	if (rd_kafka_conf_set(conf, "bootstrap.servers", from->brokers, NULL, 0)) {
		rd_kafka_conf_destroy(conf);
		return err_set(err, -EINVAL, "\"%.200s\" cannot be brokers: write host:port",
		               from->brokers);
	}
	for (size_t i = 0; i < from->n_properties; i++) {
		const struct kafka_property *p = &from->properties[i];
		const struct row *row = find_row(table, p->name);

		if (row && *row->who == other)
			continue;
		if (rd_kafka_conf_set(conf, p->name, p->value, NULL, 0)) {
			rd_kafka_conf_destroy(conf);
			return err_set(err, -EINVAL, "%.100s does not take the value it has",
			               p->name);
		}
	}
	*ret_conf = conf;
	return 0;
}
