#include "connector/close/lanes.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <ctype.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

enum { max_id_bytes = 100, max_value_bytes = 200, cut_value_bytes = 64 };

/* Body fields that name the target where no path does; two operations must agree on the key. */
static const struct {
	const char *operation, *field;
} targets_in_body[] = {
	{"activity.whatsapp_message.create", "external_whatsapp_message_id"},
	{"lead.merge", "source"},
	{"lead.merge", "destination"},
	{"scheduling_link.integration.upsert", "source_id"},
	{"unsubscribe.email.create", "email"},
};

bool crm_is_id(const char *text)
{
	const char *c = text;

	while (*c >= 'a' && *c <= 'z')
		c++;
	if (c == text || *c++ != '_' || *c == '\0')
		return false;
	for (; *c; c++)
		if (!isalnum((unsigned char)*c))
			return false;
	return c - text <= max_id_bytes;
}

char *crm_object_in_url(const char *url)
{
	const char *end = url + strcspn(url, "?");
	const char *begin;
	char *id;

	if (end > url && end[-1] == '/')
		end--;
	for (begin = end; begin > url && begin[-1] != '/';)
		begin--;
	id = mem_dup(begin, (size_t)(end - begin));
	if (crm_is_id(id))
		return id;
	free(id);
	return NULL;
}

/* In a path nobody knows, "live_chat" is a word: every id of Close has a digit or a capital. */
static bool is_surely_id(const char *text)
{
	return crm_is_id(text) && strpbrk(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static void add_value(struct buf *key, const char *value)
{
	const size_t len = strlen(value);
	char hash[sha256_hex];

	if (len <= max_value_bytes) {
		buf_add(key, value, len);
		return;
	}
	crypto_sha256_hex(value, len, hash);
	buf_add(key, value, cut_value_bytes);
	buf_addf(key, "#%s", hash);
}

/* "@kind @value", or the id alone: everybody writes an id the same. */
void crm_lane(struct request *request, const char *kind, const char *value, bool is_owner)
{
	struct buf key = BUF_INIT;

	if (!crm_is_id(value))
		buf_addf(&key, "%s ", kind);
	add_value(&key, value);
	request_add_lane(request, buf_text(&key), is_owner);
	buf_deinit(&key);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The text that @len bytes of a URL stand for; %00 stays as it is. To free(). */
static char *decode(const char *text, size_t len)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		const int high = text[i] == '%' && i + 2 < len ? hex_value(text[i + 1]) : -1;
		const int low = high >= 0 ? hex_value(text[i + 2]) : -1;

		if (low >= 0 && high * 16 + low != 0) {
			buf_addc(&out, (char)(high * 16 + low));
			i += 2;
		} else {
			buf_addc(&out, text[i]);
		}
	}
	return buf_take(&out);
}

/* Takes the next segment of @path, which begins with "/". */
static const char *next_segment(const char **path, size_t *ret_len)
{
	const char *segment = *path + (**path == '/');

	*ret_len = strcspn(segment, "/?");
	*path = segment + *ret_len;
	return segment;
}

static bool is_end(const char *path)
{
	return *path == '\0' || *path == '?' || strcmp(path, "/") == 0 ||
	       strncmp(path, "/?", 2) == 0;
}

/* Owns each segment that fills a parameter of the operation, or outside the catalogue each id. */
static bool own_segments(const struct operation *op, const char *path, struct request *request)
{
	const char *pattern = op ? op->path : NULL;
	bool owns = false;

	while (!is_end(path)) {
		size_t len, pattern_len;
		const char *segment = next_segment(&path, &len);
		const char *want = pattern ? next_segment(&pattern, &pattern_len) : NULL;
		cleanup_(freep) char *value = NULL;

		if (want && *want != '{')
			continue;
		/* The last parameter takes the rest: an object type may hold a slash. */
		if (want && is_end(pattern))
			while (!is_end(path)) {
				size_t more;
				const char *next = next_segment(&path, &more);

				len = (size_t)(next - segment) + more;
			}
		value = decode(segment, len);
		if (want || is_surely_id(value)) {
			crm_lane(request, op ? op->object : "path", value, true);
			owns = true;
		}
	}
	return owns;
}

static void own_path(const char *url, struct request *request)
{
	size_t len = strcspn(url, "?");
	cleanup_(freep) char *path = NULL;
	cleanup_(freep) char *slashed = NULL;

	while (len > 0 && url[len - 1] == '/')
		len--;
	path = mem_dup(url, len);
	slashed = mem_printf("%s/", path);
	crm_lane(request, "path", slashed, true);
}

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A filter of a bulk change names its targets: "id", "id__in". */
static bool names_target(const char *name)
{
	return strcmp(name, "id") == 0 || strcmp(name, "id__in") == 0;
}

/* One or, between commas, several ids under the name @name. */
static void add_named(const char *name, const char *value, struct request *request)
{
	const bool is_owner = names_target(name);
	cleanup_(freep) char *ids = NULL;
	char *at = NULL;

	if (!is_owner && !ends_with(name, "_id") && !ends_with(name, "_ids") &&
	    !ends_with(name, "_id__in"))
		return;
	ids = mem_strdup(value);
	for (char *id = strtok_r(ids, ", ", &at); id; id = strtok_r(NULL, ", ", &at))
		if (crm_is_id(id))
			crm_lane(request, "id", id, is_owner);
}

static void add_query(const char *url, struct request *request)
{
	const char *at = strchr(url, '?');

	while (at && *at) {
		const char *name = at + 1;
		const size_t len = strcspn(name, "&");
		const char *equals = memchr(name, '=', len);

		if (equals) {
			cleanup_(freep) char *key = decode(name, (size_t)(equals - name));
			cleanup_(freep) char *value =
				decode(equals + 1, (size_t)(name + len - equals - 1));

			add_named(key, value, request);
		}
		at = name + len;
	}
}

static void add_members(struct json_object *object, bool is_filter, struct request *request)
{
	json_object_object_foreach(object, name, value)
	{
		/* A body's own "id" changes nothing at Close; in a filter it is the target. */
		if (!is_filter && names_target(name))
			continue;
		if (json_object_is_type(value, json_type_string))
			add_named(name, json_object_get_string(value), request);
		if (!json_object_is_type(value, json_type_array))
			continue;
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_object *item = json_object_array_get_idx(value, i);

			if (json_object_is_type(item, json_type_string))
				add_named(name, json_object_get_string(item), request);
		}
	}
}

static void add_body(struct json_object *body, const struct operation *op, struct request *request)
{
	struct json_object *filter = json_get(body, "_params");

	if (!json_object_is_type(body, json_type_object))
		return;
	for (size_t i = 0; op && i < sizeof(targets_in_body) / sizeof(targets_in_body[0]); i++) {
		const char *value = json_get_string(body, targets_in_body[i].field);

		if (value && strcmp(op->name, targets_in_body[i].operation) == 0)
			crm_lane(request, op->object, value, true);
	}
	add_members(body, false, request);
	if (json_object_is_type(filter, json_type_object))
		add_members(filter, true, request);
}

void crm_lanes(const struct draft *draft, struct request *request)
{
	const struct operation *op = draft->op;

	if (!own_segments(op, draft->url, request) && draft->route->method != METHOD_POST)
		own_path(draft->url, request);
	add_query(draft->url, request);
	add_body(draft->body, op, request);
	if (draft->identity_field) {
		struct buf key = BUF_INIT;

		buf_addf(&key, "identity %s=", draft->identity_field);
		add_value(&key, draft->identity_value);
		request_add_lane(request, buf_text(&key), true);
		buf_deinit(&key);
	}
}
