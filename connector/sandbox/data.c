#include "connector/sandbox/data.h"

#include "connector/sandbox/write.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { max_file = 512 * 1024 * 1024, max_depth = 32 };

struct row {
	const struct box_kind *kind;
	struct json_object *body; /* with its "kind" and "id" */
	size_t number;
};

struct box_data {
	char *path;
	const char *unit; /* what rows are counted in: "line", or "item" of a list */
	struct row *rows;
	size_t n, cap;
};

/* What others name comes before them; the rest follows in the order of the file. */
static const enum box_kind_id first_kinds[] = {
	BOX_USER,
	BOX_ROLE,
	BOX_GROUP,
	BOX_PIPELINE,
	BOX_LEAD_STATUS,
	BOX_OPPORTUNITY_STATUS,
	BOX_OBJECT_TYPE,
	BOX_ACTIVITY_TYPE,
	BOX_LEAD_FIELD,
	BOX_CONTACT_FIELD,
	BOX_OPPORTUNITY_FIELD,
	BOX_ACTIVITY_FIELD,
	BOX_OBJECT_FIELD,
	BOX_SHARED_FIELD,
	BOX_EMAIL_TEMPLATE,
	BOX_SMS_TEMPLATE,
	BOX_SEQUENCE,
	BOX_LEAD,
	BOX_CONTACT,
	BOX_OPPORTUNITY,
};

/* Kinds an organization always has some of: those of the file stand instead of them. */
static const enum box_kind_id usual_kinds[] = {BOX_USER, BOX_LEAD_STATUS, BOX_OPPORTUNITY_STATUS,
                                               BOX_PIPELINE};

enum { n_usual = sizeof(usual_kinds) / sizeof(usual_kinds[0]) };

/* What an answer shows inside an object, and is an object of its own. */
static const struct {
	enum box_kind_id above, kind;
	const char *list, *link;
} insides[] = {
	{BOX_LEAD, BOX_CONTACT, "contacts", "lead_id"},
	{BOX_LEAD, BOX_OPPORTUNITY, "opportunities", "lead_id"},
	{BOX_LEAD, BOX_TASK, "tasks", "lead_id"},
	{BOX_PIPELINE, BOX_OPPORTUNITY_STATUS, "statuses", "pipeline_id"},
};

static size_t rank_of(const struct box_kind *kind)
{
	const size_t n = sizeof(first_kinds) / sizeof(first_kinds[0]);
	size_t i = 0;

	while (i < n && &box_kinds[first_kinds[i]] != kind)
		i++;
	return i;
}

static int in_rank(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const size_t rank_x = rank_of(x->kind), rank_y = rank_of(y->kind);

	if (rank_x != rank_y)
		return rank_x < rank_y ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void keep_row(struct box_data *data, const struct box_kind *kind, struct json_object *body,
                     size_t number)
{
	data->rows = mem_grow(data->rows, data->n, &data->cap, sizeof(*data->rows));
	data->rows[data->n++] = (struct row){kind, body, number};
}

/* Gives what stands inside an object with an id rows of its own, so it can keep its ids, too. */
static void unnest(struct box_data *data, const struct row *row)
{
	const struct row above = *row; /* the rows move as more are added */
	struct json_object *id = json_get(above.body, "id");

	for (size_t i = 0; id && i < sizeof(insides) / sizeof(insides[0]); i++) {
		struct json_object *list;

		if (above.kind != &box_kinds[insides[i].above])
			continue;
		list = json_object_get(json_get(above.body, insides[i].list));
		box_set(above.body, insides[i].list, json_object_new_array());
		for (size_t j = 0; list && j < json_object_array_length(list); j++) {
			struct json_object *one = json_object_array_get_idx(list, j);

			box_set(one, insides[i].link, json_object_get(id));
			keep_row(data, &box_kinds[insides[i].kind], json_object_get(one),
			         above.number);
		}
		json_object_put(list);
	}
}

/* What stands inside an object must be lists of objects, as an answer shows them. */
static bool has_good_lists(const struct row *row)
{
	for (size_t i = 0; i < sizeof(insides) / sizeof(insides[0]); i++) {
		struct json_object *list = json_get(row->body, insides[i].list);

		if (row->kind != &box_kinds[insides[i].above] || !list)
			continue;
		if (!json_object_is_type(list, json_type_array))
			return false;
		for (size_t j = 0; j < json_object_array_length(list); j++)
			if (!json_object_is_type(json_object_array_get_idx(list, j),
			                         json_type_object))
				return false;
	}
	return true;
}

static int add_row(struct box_data *data, struct json_object *body, size_t number, struct err *err)
{
	const char *name = json_get_string(body, "kind");
	const char *id = json_get_string(body, "id");
	const struct box_kind *kind = name ? box_kind_find(name) : NULL;

	keep_row(data, kind, body, number);
	if (!json_object_is_type(body, json_type_object))
		return err_set(err, -EINVAL, "must be an object, {…}, not %s",
		               json_kind_text(body));
	if (kind == &box_kinds[BOX_ORGANIZATION] || kind == &box_kinds[BOX_MEMBERSHIP])
		return err_set(err, -EINVAL,
		               "there is one organization, and every user is a member of it: no "
		               "line of the file can be one");
	if (!kind)
		return err_set(err, -EINVAL,
		               name ? "there is no kind \"%s\": write lead, contact, opportunity, "
		                      "activity.note, …"
		                    : "\"kind\" is missing: write lead, contact, opportunity, "
		                      "activity.note, …",
		               name);
	if (json_get(body, "id") && (!id || !*id || strlen(id) >= box_id_bytes))
		return err_set(err, -EINVAL, "\"id\" must be a text of at most %d bytes",
		               box_id_bytes - 1);
	if (!has_good_lists(&data->rows[data->n - 1]))
		return err_set(err, -EINVAL,
		               "contacts, opportunities, tasks and statuses must be lists of "
		               "objects");
	unnest(data, &data->rows[data->n - 1]);
	return 0;
}

static int read_lines(struct box_data *data, const char *text, size_t len, struct err *err)
{
	size_t number = 0;

	for (size_t at = 0; at < len;) {
		const char *line = text + at;
		const char *end = memchr(line, '\n', len - at);
		const size_t line_len = end ? (size_t)(end - line) : len - at;
		struct json_object *body = NULL;
		int r = 0;

		number++;
		at += line_len + 1;
		if (strspn(line, " \t\r") >= line_len)
			continue;
		r = json_parse(line, line_len, max_depth, &body, NULL, err);
		if (r == 0)
			r = add_row(data, body, number, err);
		if (r < 0)
			return err_prefix(err, r, "%s: line %zu", data->path, number);
	}
	return 0;
}

static int read_list(struct box_data *data, const char *text, size_t len, struct err *err)
{
	struct json_object *list = NULL;
	int r = json_parse(text, len, max_depth, &list, NULL, err);

	if (r < 0)
		return err_prefix(err, r, "%s", data->path);
	data->unit = "item";
	for (size_t i = 0; i < json_object_array_length(list) && r == 0; i++) {
		r = add_row(data, json_object_get(json_object_array_get_idx(list, i)), i + 1, err);
		if (r < 0)
			(void)err_prefix(err, r, "%s: item %zu", data->path, i + 1);
	}
	json_object_put(list);
	return r;
}

static int read_file(const char *path, struct buf *text, struct err *err)
{
	FILE *file = fopen(path, "re");
	size_t n;

	if (!file)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	while ((n = fread(buf_room(text, 65536), 1, 65536, file))) {
		text->len += n;
		if (text->len <= max_file)
			continue;
		(void)fclose(file);
		return err_set(err, -EFBIG, "%s is larger than %d MiB", path,
		               max_file / 1024 / 1024);
	}
	n = (size_t)ferror(file);
	(void)fclose(file);
	return n ? err_set(err, -EIO, "%s could not be read", path) : 0;
}

int box_data_read(const char *path, struct box_data **ret_data, struct err *err)
{
	struct box_data *data;
	struct buf text = BUF_INIT;
	int r = read_file(path, &text, err);

	if (r < 0) {
		buf_deinit(&text);
		return r;
	}
	data = mem_alloc(sizeof(*data));
	*data = (struct box_data){.path = mem_strdup(path), .unit = "line"};
	if (buf_text(&text)[strspn(buf_text(&text), " \t\r\n")] == '[')
		r = read_list(data, buf_text(&text), text.len, err);
	else
		r = read_lines(data, buf_text(&text), text.len, err);
	buf_deinit(&text);
	if (r < 0) {
		box_data_free(data);
		return r;
	}
	if (data->n)
		qsort(data->rows, data->n, sizeof(*data->rows), in_rank);
	*ret_data = data;
	return 0;
}

void box_data_free(struct box_data *data)
{
	if (!data)
		return;
	for (size_t i = 0; i < data->n; i++)
		json_object_put(data->rows[i].body);
	free(data->rows);
	free(data->path);
	free(data);
}

/* The first thing that is wrong, with the way to it: "emails[0].email: Invalid email address." */
static void add_complaint(struct buf *out, struct json_object *complaint)
{
	struct json_object *errors = json_get(complaint, "errors");
	struct json_object *fields = json_get(complaint, "field-errors");

	if (json_object_is_type(complaint, json_type_string)) {
		buf_addf(out, ": %s", json_object_get_string(complaint));
		return;
	}
	if (json_object_is_type(errors, json_type_array) && json_object_array_length(errors)) {
		buf_addf(out, ": %s", json_object_get_string(json_object_array_get_idx(errors, 0)));
		return;
	}
	if (json_object_is_type(errors, json_type_object)) {
		json_object_object_foreach(errors, index, nested)
		{
			buf_addf(out, "[%s]", index);
			add_complaint(out, nested);
			return;
		}
	}
	if (json_object_is_type(fields, json_type_object)) {
		json_object_object_foreach(fields, name, inner)
		{
			buf_addf(out, "%s%s", out->len ? "." : "", name);
			add_complaint(out, inner);
			return;
		}
	}
}

static int refuse(struct json_object *complaint, struct err *err)
{
	struct buf text = BUF_INIT;
	const char *said;
	int r;

	add_complaint(&text, complaint);
	said = buf_text(&text);
	said += strncmp(said, ": ", 2) == 0 ? 2 : 0;
	r = err_set(err, -EINVAL, "%s", *said ? said : "it is not what a create takes");
	buf_deinit(&text);
	json_object_put(complaint);
	return r;
}

/* A time that the line gives, instead of now. */
static int take_moment(struct json_object *body, const char *name, struct json_object *data,
                       struct err *err)
{
	const char *text = json_get_string(body, name);
	char clean[moment_bytes];
	int64_t us;

	if (!json_get(body, name))
		return 0;
	if (!text || !moment_parse(text, &us, NULL))
		return err_set(err, -EINVAL, "\"%s\" must be an ISO 8601 date and time", name);
	box_set(data, name, json_object_new_string(moment_text(us, clean)));
	return 0;
}

static int take_moments(struct box_org *org, const struct row *row, struct err *err)
{
	struct box_object *object =
		box_store_find(org->store, row->kind, json_get_string(row->body, "id"));
	struct json_object *data;
	int r;

	if (!object ||
	    (!json_get(row->body, "date_created") && !json_get(row->body, "date_updated")))
		return 0;
	data = box_shallow(object->data);
	r = take_moment(row->body, "date_created", data, err);
	if (r == 0)
		r = take_moment(row->body, "date_updated", data, err);
	box_store_replace(org->store, object, data);
	box_search_note(org->search, object, 0);
	return r;
}

static int place_row(struct box_org *org, const struct box_actor *actor, const struct row *row,
                     struct err *err)
{
	const char *id = json_get_string(row->body, "id");
	struct json_object *complaint = NULL;
	const struct box_object *object;

	if (id && box_store_find(org->store, NULL, id))
		return err_set(err, -EINVAL, "the id \"%s\" stands in the file twice", id);
	object = box_write_as(org, actor, row->kind, id, row->body, &complaint);
	if (!object)
		return refuse(complaint, err);
	if (row->kind == &box_kinds[BOX_USER])
		box_org_enlist(org, object, actor->wall_ms);
	return id ? take_moments(org, row, err) : 0;
}

/* The objects of a new organization that the file has some of itself. */
static void collect_usual(const struct box_data *data, const struct box_org *org,
                          struct box_list *ret_list)
{
	for (size_t u = 0; u < n_usual; u++) {
		const struct box_kind *kind = &box_kinds[usual_kinds[u]];
		const struct box_list *all = box_store_all(org->store, kind);
		/* A pipeline takes its statuses along. */
		const struct box_kind *other = kind == &box_kinds[BOX_OPPORTUNITY_STATUS]
		                                       ? &box_kinds[BOX_PIPELINE]
		                                       : kind;
		bool is_there = false;

		for (size_t i = 0; i < data->n && !is_there; i++)
			is_there = data->rows[i].kind == kind || data->rows[i].kind == other;
		for (size_t i = 0; is_there && i < all->n; i++)
			box_list_add(ret_list, all->items[i]);
	}
}

/* Whoever owned the key before hands it to the first user of the file. */
static void remove_usual(struct box_org *org, struct box_list *usual)
{
	for (size_t i = 0; i < usual->n; i++) {
		struct box_object *membership =
			box_org_find(org, BOX_MEMBERSHIP, "user_id", usual->items[i]->id);

		box_store_remove(org->store, usual->items[i]);
		box_search_note(org->search, usual->items[i], 0);
		if (membership)
			box_store_remove(org->store, membership);
	}
	if (org->user->is_deleted)
		org->user = box_org_first(org, BOX_USER);
	free(usual->items);
}

int box_data_place(const struct box_data *data, struct box_org *org, int64_t wall_ms,
                   struct err *err)
{
	const struct box_actor nobody = {
		.request_id = "", .key_id = "", .method = "", .path = "", .wall_ms = wall_ms};
	struct box_list usual = {0};
	int r = 0;

	collect_usual(data, org, &usual);
	for (size_t i = 0; i < data->n && r == 0; i++) {
		const struct row *row = &data->rows[i];

		if (usual.n && row->kind != &box_kinds[BOX_USER]) {
			remove_usual(org, &usual);
			usual = (struct box_list){0};
		}
		r = place_row(org, &nobody, row, err);
		if (r < 0)
			(void)err_prefix(err, r, "%s: %s %zu", data->path, data->unit, row->number);
	}
	remove_usual(org, &usual);
	/* It was always like that: nothing of it has happened. */
	box_events_free(org->events);
	org->events = box_events_new();
	return r;
}
