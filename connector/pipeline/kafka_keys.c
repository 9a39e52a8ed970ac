#include "connector/pipeline/kafka_keys.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/net.h"

#include <stdlib.h>
#include <string.h>

const char kafka_brokers_takes[] = "a list of host:port";
const char kafka_brokers_schema[] =
	"{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\",\"pattern\":"
	"\"^[^, \\t/]+$\"},{\"$ref\":\"#/$defs/reference\"}]},\"minItems\":1}";
const char kafka_properties_takes[] = "a map of librdkafka's properties";
const char kafka_properties_schema[] =
	"{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"type\":[\"string\","
	"\"number\",\"boolean\"]},{\"$ref\":\"#/$defs/reference\"}]}}";

/* As Kafka has them. */
const char *kafka_topic_fault(const char *topic)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"._-";
	const size_t len = strlen(topic);

	if (strspn(topic, letters) != len)
		return "has a character that no topic has: letters, digits, dots, underscores and "
		       "hyphens are allowed";
	if (len > 249)
		return "is longer than 249 characters, which is as long as a topic may be";
	if (strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		return "cannot be the name of a topic";
	return NULL;
}

/* Adds what stands in the file, or outside of it, where it may be several with commas. */
static bool add_broker(struct loader *l, const struct yaml_node *item, struct buf *list)
{
	const bool is_outside = is_reference(item);
	char *outside = NULL;
	const char *text = item->text;
	bool is_fine;

	if (is_outside) {
		if (resolve_setting(l, item, &outside) <= 0)
			return true; /* which was told */
		text = outside;
	} else if (item->kind != YAML_TEXT) {
		fail_kind(l, item, "host:port, one broker an item");
		return false;
	}
	is_fine = *text && !strpbrk(text, is_outside ? " \t/" : ", \t/");
	if (is_fine)
		buf_addf(list, "%s%s", list->len ? "," : "", text);
	else if (is_outside)
		fail(l, item,
		     "what stands there is no host:port, nor several with commas between them");
	else
		fail_kind(l, item,
		          strchr(text, '/') ? "host:port, without a scheme and a path"
		                            : "host:port, one broker an item");
	free(outside);
	return is_fine;
}

void kafka_read_brokers(struct loader *l, const struct key *key, const struct yaml_node *value,
                        void *target)
{
	struct kafka_conf *conf = (struct kafka_conf *)(void *)((char *)target + key->offset);
	struct buf list = BUF_INIT;
	bool is_fine = value->kind == YAML_LIST && value->n > 0;

	if (!is_fine)
		fail_kind(l, value, key->takes);
	for (size_t i = 0; i < value->n && value->kind == YAML_LIST; i++) {
		const size_t mark = path_enter_item(l, i);

		is_fine &= add_broker(l, value->items[i], &list);
		path_leave(l, mark);
	}
	if (is_fine && list.len)
		conf->brokers = buf_take(&list);
	buf_deinit(&list);
}

/* The value as librdkafka gets it, to free(); NULL: there is none, which was told where it matters.
 */
static char *property_value(struct loader *l, const char *name, const struct yaml_node *item)
{
	char *text = NULL, *path;

	if (kafka_property_is_secret(name)) {
		(void)resolve_secret(l, item, &text, NULL);
	} else if (is_reference(item)) {
		(void)resolve_setting(l, item, &text);
	} else if (item->kind == YAML_TEXT && !yaml_is_null(item)) {
		text = mem_strdup(item->text);
	} else {
		fail_kind(l, item, "text");
	}
	if (text && kafka_property_is_path(name) && strcmp(text, "probe") != 0) {
		path = load_path(l, text);
		free(text);
		text = path;
	}
	return text;
}

static void read_property(struct loader *l, const struct yaml_node *name,
                          const struct yaml_node *item, const char *const *own,
                          struct kafka_conf *conf)
{
	struct err err;
	char *value = NULL;

	/* First the name: of a property that is none, no value is read. */
	if (kafka_property_check(name->text, NULL, own, &err) < 0) {
		fail(l, name, "%s", err.text);
		return;
	}
	value = property_value(l, name->text, item);
	if (value && kafka_property_check(name->text, value, own, &err) < 0)
		fail(l, item, "%s", err.text);
	else if (value)
		kafka_conf_add(conf, name->text, value);
	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
}

void kafka_read_properties(struct loader *l, const struct key *key, const struct yaml_node *value,
                           const char *const *own, struct kafka_conf *conf)
{
	if (value->kind != YAML_MAP) {
		fail_kind(l, value, key->takes);
		return;
	}
	if (fail_unquoted(l, value))
		return;
	for (size_t i = 0; i < value->n; i++) {
		const size_t mark = path_enter(l, value->keys[i]->text);

		read_property(l, value->keys[i], value->items[i], own, conf);
		path_leave(l, mark);
	}
}

/* "host:9092", "[::1]:9092" */
static bool is_loopback(const char *brokers)
{
	bool is_all = true;
	char *copy = mem_strdup(brokers), *rest = copy, *broker;

	while ((broker = strsep(&rest, ","))) {
		char *url = mem_printf("http://%s/", broker);

		is_all = is_all && net_url_is_loopback(url);
		free(url);
	}
	free(copy);
	return is_all;
}

void kafka_check_conf(struct loader *l, const struct yaml_node *map, const struct kafka_conf *conf)
{
	const struct yaml_node *brokers = yaml_get(map, "brokers");
	const struct yaml_node *properties = yaml_get(map, "properties");
	struct err err;

	if (reads_secrets(l) && kafka_conf_check(conf, &err) < 0)
		fail(l, properties, "%s", err.text);
	if (conf->brokers && !kafka_conf_is_encrypted(conf) && !is_loopback(conf->brokers))
		warn(l, brokers ? brokers : properties,
		     "what is sent to these brokers can be read and changed on its way: set "
		     "security.protocol to ssl or sasl_ssl under properties");
}

bool kafka_shares_broker(const struct kafka_conf *a, const struct kafka_conf *b)
{
	char *copy, *rest, *broker;
	bool is_shared = false;

	if (!a->brokers || !b->brokers)
		return false;
	copy = rest = mem_strdup(a->brokers);
	while ((broker = strsep(&rest, ","))) {
		const size_t len = strlen(broker);

		for (const char *at = b->brokers; !is_shared && (at = strcasestr(at, broker)); at++)
			is_shared =
				(at == b->brokers || at[-1] == ',') && (at[len] == ',' || !at[len]);
	}
	free(copy);
	return is_shared;
}
