#include "connector/sandbox/remove.h"

#include "connector/sandbox/fields.h"
#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

/* What may not be deleted while some object of @user names it under @key. */
static const struct {
	enum box_kind_id kind, user;
	const char *key, *why_not;
} users[] = {
	{BOX_LEAD_STATUS, BOX_LEAD, "status_id", "This status is still in use."},
	{BOX_OPPORTUNITY_STATUS, BOX_OPPORTUNITY, "status_id", "This status is still in use."},
	{BOX_PIPELINE, BOX_OPPORTUNITY_STATUS, "pipeline_id",
         "This pipeline still contains opportunity statuses."},
	{BOX_ROLE, BOX_MEMBERSHIP, "role_id", "This role is still assigned to users."},
};

/* What goes with the object that it names under @key. */
static const struct {
	enum box_kind_id kind, child;
	const char *key;
} dependents[] = {
	{BOX_EMAIL_THREAD, BOX_EMAIL, "thread_id"},
	{BOX_COMMENT_THREAD, BOX_COMMENT, "thread_id"},
	{BOX_CONTACT, BOX_SUBSCRIPTION, "contact_id"},
	{BOX_SEQUENCE, BOX_SUBSCRIPTION, "sequence_id"},
	{BOX_SHARED_LINK, BOX_SHARED_LINK_USE, "shared_scheduling_link_id"},
	{BOX_SCHEDULING_LINK, BOX_SHARED_LINK_USE, "user_scheduling_link_id"},
	{BOX_N_KINDS, BOX_COMMENT, "object_id"}, /* of anything */
	{BOX_N_KINDS, BOX_COMMENT_THREAD, "object_id"},
};

/* The living object of @kind from place *@at on that names @object under @key, or NULL. */
static struct box_object *next_user(const struct box_org *org, const struct box_object *object,
                                    enum box_kind_id kind, const char *key, size_t *at)
{
	const struct box_list *all = box_store_all(org->store, &box_kinds[kind]);

	while (*at < all->n) {
		struct box_object *user = all->items[(*at)++];
		const char *id = json_get_string(user->data, key);

		if (!user->is_deleted && id && strcmp(id, object->id) == 0)
			return user;
	}
	return NULL;
}

static const char *refusal(const struct box_org *org, const struct box_object *object)
{
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		size_t at = 0;

		if (object->kind == &box_kinds[users[i].kind] &&
		    next_user(org, object, users[i].user, users[i].key, &at))
			return users[i].why_not;
	}
	return NULL;
}

static void remove_one(struct box_org *org, const struct box_actor *actor,
                       struct box_object *object)
{
	box_store_remove(org->store, object);
	box_search_note(org->search, object, actor->now_ms);
	box_tell(org, actor, object, "deleted", object->data);
}

static void remove_object(struct box_org *org, const struct box_actor *actor,
                          struct box_object *object)
{
	remove_one(org, actor, object);
	for (size_t d = 0; d < sizeof(dependents) / sizeof(dependents[0]); d++) {
		const enum box_kind_id kind = dependents[d].kind;
		struct box_object *child;
		size_t at = 0;

		if (kind != BOX_N_KINDS && object->kind != &box_kinds[kind])
			continue;
		while ((child = next_user(org, object, dependents[d].child, dependents[d].key,
		                          &at)))
			remove_one(org, actor, child);
	}
}

/* The fields of a type go with it, and so do the associations of shared ones with it. */
static void forget_type(struct box_org *org, const struct box_actor *actor,
                        const struct box_object *type)
{
	const bool is_activity = type->kind == &box_kinds[BOX_ACTIVITY_TYPE];
	const struct box_target target = {
		&box_kinds[is_activity ? BOX_CUSTOM_ACTIVITY : BOX_CUSTOM_OBJECT], type->id};
	struct box_list fields = {0};

	box_fields_list(org, &target, &fields);
	for (size_t i = 0; i < fields.n; i++) {
		struct box_object *field = fields.items[i];

		if (field->kind == &box_kinds[BOX_SHARED_FIELD]) {
			box_field_dissociate(org, actor, field, &target);
		} else {
			remove_object(org, actor, field);
			box_fields_erase(org, &target, field, actor->now_ms);
		}
	}
	free(fields.items);
}

const char *box_delete(struct box_org *org, const struct box_actor *actor,
                       struct box_object *object)
{
	const char *why_not = refusal(org, object);
	const struct box_list *below;

	if (why_not)
		return why_not;
	/* The list shrinks as its members go. */
	below = box_store_below(org->store, object->id);
	while (object->kind == &box_kinds[BOX_LEAD] && below->n) {
		remove_object(org, actor, below->items[below->n - 1]);
		below = box_store_below(org->store, object->id);
	}
	remove_object(org, actor, object);
	if (strcmp(object->kind->prefix, "cf") == 0)
		box_fields_erase_all(org, object, actor->now_ms);
	if (object->kind == &box_kinds[BOX_ACTIVITY_TYPE] ||
	    object->kind == &box_kinds[BOX_OBJECT_TYPE])
		forget_type(org, actor, object);
	return NULL;
}

void box_merge(struct box_org *org, const struct box_actor *actor, struct box_object *source,
               struct box_object *destination)
{
	const struct box_list *below = box_store_below(org->store, source->id);

	/* The list shrinks as its members move. */
	while (below->n) {
		struct box_object *object = below->items[0];
		struct json_object *data = box_shallow(object->data);

		box_set(data, "lead_id", json_object_new_string(destination->id));
		box_change(org, actor, object, data);
		below = box_store_below(org->store, source->id);
	}
	remove_object(org, actor, source);
	box_tell(org, actor, destination, "merged", NULL);
}
