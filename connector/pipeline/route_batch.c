/* batch: how records of a route share a call. */

#include "connector/pipeline/routes.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <string.h>

/* In the order of enum batch_algorithm. */
static const char *const algorithms[] = {"array", "keyed_array", "expression",
                                         "merge", "nest",        NULL};
static const char *const of_keyed_array[] = {"keyed_array", NULL};
static const char *const of_expression[] = {"expression", NULL};
static const char *const of_merge_and_nest[] = {"merge", "nest", NULL};
static const char *const of_nest[] = {"nest", NULL};

_Static_assert(BATCH_ARRAY == 0 && BATCH_KEYED_ARRAY == 1 && BATCH_EXPRESSION == 2 &&
                       BATCH_MERGE == 3 && BATCH_NEST == 4,
               "");

static void keep_algorithm(struct loader *l, const struct key *key, const struct yaml_node *value,
                           void *target)
{
	struct route_spec *spec = target;

	(void)l, (void)key, (void)value;
	spec->batch.has_algorithm = true;
}

static const struct key batch_keys[] = {
	{.name = "algorithm",
         .type = VALUE_CHOICE,
         .elsewhere = (const char *const[]){"grouping", "grouping_algorithm", NULL},
         IN(struct route_spec, batch.algorithm),
         .choices = algorithms,
         .choice_help =
                 (const char *const[]){
			 "[r1, r2, …]", "{\"items\": [r1, r2, …]}, with key naming the list",
			 "what a jq program makes of the list", "updates of one object become one",
			 "rows of one company become one lead with its contacts"},
         .read = keep_algorithm,
         .is_required = true,
         .help = "how records become one call"},
	{.name = "size",
         .type = VALUE_COUNT,
         .elsewhere = (const char *const[]){"batch_size", "records", NULL},
         IN(struct route_spec, batch.size),
         .min = 1,
         .max = 10000,
         .fallback = "100",
         .help = "records in one call at most"},
	{.name = "wait",
         .type = VALUE_DURATION,
         IN(struct route_spec, batch.wait_ms),
         .min = 0,
         .max = 3600000,
         .fallback = "1s",
         .help = "how long the first record waits for others; the end of the input does not wait"},
	{.name = "bytes",
         .type = VALUE_SIZE,
         IN(struct route_spec, batch.bytes),
         .min = 1024,
         .max = 16 << 20,
         .fallback = "1MiB",
         .help = "size of one call's body at most; a larger record goes alone"},
	{.name = "key",
         .type = VALUE_TEXT,
         IN(struct route_spec, batch.key),
         .belongs_to = of_keyed_array,
         .needed_by = of_keyed_array,
         .example = "\"items\"",
         .help = "the key of the list"},
	{.name = "with",
         .type = VALUE_MAP,
         IN(struct route_spec, batch.with),
         .belongs_to = of_keyed_array,
         .example = "{\"source\": \"closefeed\"}",
         .help = "what stands beside the list; only records for which it is the same share a call"},
	{.name = "each",
         .type = VALUE_MAP,
         IN(struct route_spec, batch.each),
         .belongs_to = of_keyed_array,
         .example = "{\"type\": \"signup\"}",
         .help = "what is laid over each record's body"},
	{.name = "program",
         .type = VALUE_PROGRAM,
         IN(struct route_spec, batch.program),
         .belongs_to = of_expression,
         .needed_by = of_expression,
         .example = "\"{count: length, items: .}\"",
         .help = "a jq program over the list of bodies, whose one output is sent"},
	{.name = "by",
         .type = VALUE_TEMPLATE,
         IN(struct route_spec, batch.by),
         .belongs_to = of_merge_and_nest,
         .needed_by = of_nest,
         .example = "\"{domain}\"",
         .help = "what records that share a call have in common; of merge, by default the object "
                 "that is updated"},
	{.name = "into",
         .type = VALUE_TEXT,
         IN(struct route_spec, batch.into),
         .pattern = "^contacts$",
         .example = "\"contacts\"",
         .belongs_to = of_nest,
         .needed_by = of_nest,
         .help = "the list of the lead that takes the rows: contacts"},
	{.name = "child",
         .type = VALUE_MAP,
         IN(struct route_spec, batch.child),
         .belongs_to = of_nest,
         .needed_by = of_nest,
         .example = "{\"name\": \"{first} {last}\", \"emails\": [{\"email\": \"{email}\"}]}",
         .help = "the contact that one row becomes"},
	{0},
};

static void check_batch(struct loader *l, const struct yaml_node *map, void *target)
{
	const struct yaml_node *written = yaml_get(map, "algorithm");
	const struct route_spec *spec = target;

	if (spec->batch.has_algorithm)
		section_check_choice(l, &batch_section, map, algorithms[spec->batch.algorithm]);
	else if (written && written->kind == YAML_TEXT)
		section_check_choice(l, &batch_section, map, written->text);
}

const struct section batch_section = {
	.name = "routes[].batch",
	.help = "Several records in one call: those of one file or partition with the same URL, "
		"headers and `with`.",
	.keys = batch_keys,
	.selector = "algorithm",
	.check = check_batch,
};

static bool is_list_field(const struct operation *op, const char *name)
{
	for (const struct operation_field *f = op->body_fields; f->name; f++)
		if ((!name || strcmp(f->name, name) == 0) && strncmp(f->type, "array", 5) == 0)
			return true;
	return false;
}

static void check_merge(struct route_build *b, const struct yaml_node *at)
{
	const struct operation *op = route_update_op(b);

	if (!b->route->op)
		fail(b->l, at,
		     "merge folds updates of Close, and nothing is known of this path: write an "
		     "operation");
	else if (!op)
		fail(b->l, at,
		     "%s updates nothing: merge folds updates of one object into one, nest takes "
		     "rows of new ones",
		     b->route->name);
}

/* New leads alone take others with them, and of those only contacts have a call of their own. */
static void check_nest(struct route_build *b, const struct yaml_node *map,
                       const struct batch *batch)
{
	const struct yaml_node *at = yaml_get(map, "algorithm");
	const struct yaml_node *written = route_key(b->spec.body, "contacts");

	if (!b->route->op || strcmp(b->route->op->name, "lead.create") != 0)
		fail(b->l, at,
		     "%s takes no rows: nest makes leads with their contacts, by "
		     "lead.create or lead.upsert",
		     b->route->name);
	else if (batch->into && strcmp(batch->into, "contacts") != 0)
		fail(b->l, yaml_get(map, "into"),
		     "must be contacts: no other list of a lead takes rows one by one, once it is "
		     "there");
	else if (written)
		route_fail_both(b, "body.contacts", written, "batch.child", route_key(map, "child"),
		                "each row of nest is a contact already");
}

/* What the operations of Close make of several records. */
static void check_operation(struct route_build *b, const struct yaml_node *map,
                            const struct batch *batch)
{
	const struct operation *op = b->route->op;
	const struct yaml_node *at = yaml_get(map, "algorithm");

	if (!b->route->has_body)
		fail(b->l, map, "%s takes no body, so there is nothing records could share",
		     b->route->name);
	else if (batch->algorithm == BATCH_MERGE)
		check_merge(b, at);
	else if (batch->algorithm == BATCH_NEST)
		check_nest(b, map, batch);
	else if (b->spec.match)
		route_fail_both(b, "match", route_key(b->map, "match"), "batch",
		                route_key(b->map, "batch"),
		                "an object is found for each record, and only merge folds calls "
		                "about one object");
	else if (op && batch->algorithm == BATCH_ARRAY)
		fail(b->l, at,
		     "%s takes no list: Close answers \"JSON data must be a dict\"; array is for "
		     "other hosts behind base_url",
		     op->name);
	else if (op && !is_list_field(op, batch->key))
		warn(b->l, at,
		     "%s takes one record a call: Close will drop or refuse a list of them",
		     op->name);
}

/* What does not go with several records in one call. */
static void check_others(struct route_build *b, const struct yaml_node *map,
                         const struct batch *batch)
{
	if (b->spec.identity && batch->algorithm != BATCH_MERGE && batch->algorithm != BATCH_NEST)
		fail(b->l, map,
		     "batch and identity do not go together: an identity proves that one object "
		     "was made");
	if (b->route->format == CONTENT_FORM && batch->algorithm != BATCH_EXPRESSION)
		fail(b->l, yaml_get(map, "algorithm"),
		     "a form has no lists, so content_format: form goes with expression only");
}

static struct template_tree *compile_map(struct route_build *b, const char *name,
                                         const struct yaml_node *value)
{
	const size_t mark = path_enter(b->l, name);
	struct template_tree *tree = value ? route_tree(b, value) : NULL;

	path_leave(b->l, mark);
	return tree;
}

static struct template *compile_by(struct route_build *b, const struct yaml_node *value)
{
	const size_t mark = path_enter(b->l, "by");
	struct template *by = value ? route_template(b, value, value->text) : NULL;

	if (by && template_is_literal(by))
		fail(b->l, value,
		     "must differ from object to object: use a placeholder such as \"{domain}\"");
	path_leave(b->l, mark);
	return by;
}

/* A row becomes a contact, now with its lead and later by a call of its own. */
static struct template_tree *compile_child(struct route_build *b, const struct yaml_node *value)
{
	const struct operation *op = operation_find(b->l->options->operations, "contact.create");
	struct route contact = {.op = op, .unknown_keys = b->route->unknown_keys};
	struct route_build child = *b;
	const size_t mark = path_enter(b->l, "child");
	struct template_tree *tree;

	child.route = &contact;
	tree = value ? route_overlay(&child, value, op) : NULL;
	if (route_key(value, "lead_id"))
		fail(b->l, route_key(value, "lead_id"),
		     "the contact goes to the lead of its row: take it out");
	path_leave(b->l, mark);
	return tree;
}

/* The updates of an upsert wait for each other, too; what they have in common the create tells. */
static struct batch *batch_of_update(const struct batch *batch)
{
	struct batch *copy = mem_alloc(sizeof(*copy));

	*copy = (struct batch){.algorithm = batch->algorithm,
	                       .size = batch->size,
	                       .wait_ms = batch->wait_ms,
	                       .bytes = batch->bytes};
	return copy;
}

static void compile_batch(struct route_build *b, const struct yaml_node *map)
{
	const struct batch_spec *spec = &b->spec.batch;
	struct batch *batch = mem_alloc(sizeof(*batch));

	b->route->batch = batch;
	batch->algorithm = (enum batch_algorithm)spec->algorithm;
	batch->size = spec->size;
	batch->wait_ms = spec->wait_ms;
	batch->bytes = spec->bytes;
	batch->key = steal(&b->spec.batch.key);
	batch->with = compile_map(b, "with", spec->with);
	batch->each = compile_map(b, "each", spec->each);
	batch->by = compile_by(b, spec->by);
	batch->into = steal(&b->spec.batch.into);
	batch->child = compile_child(b, spec->child);
	batch->jq = spec->program;
	if (batch->algorithm == BATCH_MERGE && b->route->update)
		b->route->update->batch = batch_of_update(batch);
	if (batch->key && spec->with && yaml_get(spec->with, batch->key))
		fail(b->l, spec->with, "has the key of the list itself, %.60s", batch->key);
	if (b->route->url)
		check_operation(b, map, batch);
	check_others(b, map, batch);
}

void route_compile_batch(struct route_build *b)
{
	const struct yaml_node *map = yaml_get(b->map, "batch");
	const size_t mark = path_enter(b->l, "batch");

	if (map && b->spec.batch.has_algorithm)
		compile_batch(b, map);
	path_leave(b->l, mark);
}
