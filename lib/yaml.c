#include "lib/yaml.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/yaml_scalar.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* A container that is still open, and what it has gathered. */
struct level {
	struct yaml_node *node;
	struct yaml_node *key; /* of a map: the key that waits for its value */
	size_t cap_keys, cap_items;
};

struct reader {
	yaml_parser_t parser;
	struct yaml_doc *doc;
	size_t cap_faults;
	const char *text; /* without byte order mark */
	size_t len;
	struct level levels[yaml_max_depth];
	unsigned depth;
	unsigned n_documents;
	bool is_over; /* nothing behind this can be understood */
};

static void __attribute__((format(printf, 4, 5)))
fault(struct reader *r, unsigned line, unsigned column, const char *format, ...)
{
	struct yaml_doc *doc = r->doc;
	struct yaml_fault *f;
	va_list args;

	if (doc->n_faults == yaml_max_faults)
		return;
	doc->faults = mem_grow(doc->faults, doc->n_faults, &r->cap_faults, sizeof(*f));
	f = &doc->faults[doc->n_faults++];
	va_start(args, format);
	*f = (struct yaml_fault){line, column, mem_vprintf(format, args)};
	va_end(args);
}

static void node_free(struct yaml_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->n; i++) {
		if (node->kind == YAML_MAP)
			node_free(node->keys[i]);
		node_free(node->items[i]);
	}
	free(node->keys);
	free(node->items);
	free(node->text);
	free(node);
}

void yaml_doc_free(struct yaml_doc *doc)
{
	if (!doc)
		return;
	node_free(doc->root);
	for (size_t i = 0; i < doc->n_faults; i++)
		free(doc->faults[i].text);
	free(doc->faults);
	free(doc);
}

void yaml_doc_freep(struct yaml_doc **doc)
{
	yaml_doc_free(*doc);
}

static unsigned line_of(const yaml_mark_t *mark)
{
	return (unsigned)mark->line + 1;
}

static unsigned column_of(const yaml_mark_t *mark)
{
	return (unsigned)mark->column + 1;
}

static struct yaml_node *node_new(enum yaml_kind kind, const yaml_mark_t *mark)
{
	struct yaml_node *node = mem_alloc(sizeof(*node));

	node->kind = kind;
	node->line = line_of(mark);
	node->column = column_of(mark);
	return node;
}

/* Puts a finished or just opened node where it belongs: key, value, item or root. */
static void place(struct reader *r, struct yaml_node *node)
{
	struct level *level;
	struct yaml_node *in;

	if (r->depth == 0) {
		r->doc->root = node;
		return;
	}
	level = &r->levels[r->depth - 1];
	in = level->node;
	if (in->kind == YAML_MAP && !level->key) {
		level->key = node;
		return;
	}
	in->items = mem_grow(in->items, in->n, &level->cap_items, sizeof(struct yaml_node *));
	if (in->kind == YAML_MAP)
		in->keys = mem_grow(in->keys, in->n, &level->cap_keys, sizeof(struct yaml_node *));
	in->items[in->n] = node;
	if (in->kind == YAML_MAP)
		in->keys[in->n] = steal(&level->key);
	in->n++;
}

static bool is_key_place(const struct reader *r)
{
	const struct level *level = r->depth ? &r->levels[r->depth - 1] : NULL;

	return level && level->node->kind == YAML_MAP && !level->key;
}

/* Anchors and tags are told once and then left out, so that what is under them is read, too. */
static void check_properties(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag,
                             const yaml_mark_t *mark)
{
	static const char core[] = "tag:yaml.org,2002:";
	const bool is_core = tag && strncmp((const char *)tag, core, strlen(core)) == 0;

	if (anchor)
		fault(r, line_of(mark), column_of(mark),
		      "the anchor &%.40s is not allowed: write the value out where it is needed, or "
		      "put quotes around text that begins with &",
		      (const char *)anchor);
	if (tag)
		fault(r, line_of(mark), column_of(mark),
		      "the tag %s%.60s is not allowed: leave it out, or put quotes around text "
		      "that begins with !",
		      is_core ? "!!" : "", (const char *)tag + (is_core ? strlen(core) : 0));
}

/* Values are told as JSON writes them; keys are names, and stay as they are. */
static void read_core(struct reader *r, struct yaml_node *node)
{
	char *json = yaml_scalar_json(node->text);

	if (json) {
		free(node->text);
		node->text = json;
	}
	if (!yaml_scalar_has_no_json(node->text))
		return;
	fault(r, node->line, node->column,
	      "%s is a number that JSON does not have: put it in quotes if it is text", node->text);
	node->is_faulty = true;
}

static void read_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	const size_t len = event->data.scalar.length;
	const bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct yaml_node *node = node_new(YAML_TEXT, &event->start_mark);

	check_properties(r, event->data.scalar.anchor, event->data.scalar.tag, &event->start_mark);
	node->is_plain = is_plain;
	node->is_faulty = event->data.scalar.anchor || event->data.scalar.tag;
	node->text = mem_dup(value, len);
	if (memchr(value, 0, len)) {
		fault(r, node->line, node->column, "a NUL character is not allowed in text");
		node->is_faulty = true;
	}
	if (is_key_place(r) && is_plain && strcmp(node->text, "<<") == 0) {
		fault(r, node->line, node->column,
		      "the merge key << is not allowed: write the keys out");
		node->is_faulty = true;
	}
	if (is_plain && !is_key_place(r))
		read_core(r, node);
	place(r, node);
}

static void open_container(struct reader *r, enum yaml_kind kind, bool is_flow,
                           const yaml_char_t *anchor, const yaml_char_t *tag,
                           const yaml_mark_t *mark)
{
	struct yaml_node *node;

	check_properties(r, anchor, tag, mark);
	if (r->depth == yaml_max_depth) {
		fault(r, line_of(mark), column_of(mark), "more than %d levels deep",
		      yaml_max_depth);
		r->is_over = true;
		return;
	}
	if (is_key_place(r)) {
		fault(r, line_of(mark), column_of(mark),
		      "a key must be text, not %s: put quotes around a value with braces, as in "
		      "\"{name}\"",
		      kind == YAML_MAP ? "a map" : "a list");
		r->is_over = true;
		return;
	}
	node = node_new(kind, mark);
	node->is_flow = is_flow;
	node->is_faulty = anchor || tag;
	place(r, node);
	r->levels[r->depth++] = (struct level){.node = node};
}

static int by_text_then_place(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;
	const int order = strcmp((*x)->text, (*y)->text);

	if (order)
		return order;
	if ((*x)->line != (*y)->line)
		return (*x)->line < (*y)->line ? -1 : 1;
	return (*x)->column < (*y)->column ? -1 : (*x)->column > (*y)->column;
}

/* Sorted, so that a map of 100,000 keys is no way to keep us busy. */
static void check_duplicates(struct reader *r, const struct yaml_node *map)
{
	cleanup_(freep) struct yaml_node **sorted =
		mem_array(map->n + 1, sizeof(struct yaml_node *));
	const struct yaml_node *first = NULL;

	if (map->n)
		memcpy(sorted, map->keys, map->n * sizeof(struct yaml_node *));
	qsort(sorted, map->n, sizeof(struct yaml_node *), by_text_then_place);
	for (size_t i = 0; i < map->n; i++) {
		if (!first || strcmp(first->text, sorted[i]->text) != 0) {
			first = sorted[i];
			continue;
		}
		sorted[i]->is_faulty = true;
		fault(r, sorted[i]->line, sorted[i]->column,
		      "key \"%.80s\" stands twice (first in line %u): keep one of them",
		      first->text, first->line);
	}
}

/* Removes the later ones of equal keys, which have been told. */
static void drop_faulty_keys(struct yaml_node *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->n; i++) {
		if (map->keys[i]->is_faulty) {
			node_free(map->keys[i]);
			node_free(map->items[i]);
			continue;
		}
		map->keys[kept] = map->keys[i];
		map->items[kept++] = map->items[i];
	}
	map->n = kept;
}

static void close_container(struct reader *r)
{
	struct yaml_node *node = r->levels[--r->depth].node;

	if (node->kind != YAML_MAP)
		return;
	check_duplicates(r, node);
	drop_faulty_keys(node);
}

static void read_alias(struct reader *r, const yaml_event_t *event)
{
	struct yaml_node *node = node_new(YAML_TEXT, &event->start_mark);

	fault(r, node->line, node->column,
	      "the alias *%.40s is not allowed: write the value out, or put quotes around text that "
	      "begins with *",
	      (const char *)event->data.alias.anchor);
	node->text = mem_strdup("");
	node->is_plain = node->is_faulty = true;
	place(r, node);
}

static void read_document_start(struct reader *r, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;

	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		fault(r, line_of(mark), column_of(mark), "tags are not allowed: leave %%TAG out");
	if (++r->n_documents > 1) {
		fault(r, line_of(mark), column_of(mark),
		      "a second document begins here: one file holds one, so take the \"---\" out");
		r->is_over = true;
	}
}

static void read_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		read_scalar(r, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		open_container(r, YAML_LIST,
		               event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE,
		               event->data.sequence_start.anchor, event->data.sequence_start.tag,
		               &event->start_mark);
		break;
	case YAML_MAPPING_START_EVENT:
		open_container(r, YAML_MAP,
		               event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE,
		               event->data.mapping_start.anchor, event->data.mapping_start.tag,
		               &event->start_mark);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_container(r);
		break;
	case YAML_ALIAS_EVENT:
		read_alias(r, event);
		break;
	case YAML_DOCUMENT_START_EVENT:
		read_document_start(r, event);
		break;
	case YAML_STREAM_END_EVENT:
		r->is_over = true;
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
}

/* libyaml gives a bad byte's offset but not its line. */
static void place_of_offset(const struct reader *r, size_t offset, unsigned *ret_line,
                            unsigned *ret_column)
{
	*ret_line = *ret_column = 1;
	for (size_t i = 0; i < offset && i < r->len; i++) {
		if (r->text[i] == '\n') {
			++*ret_line;
			*ret_column = 1;
		} else if (((unsigned char)r->text[i] & 0xc0) != 0x80) {
			++*ret_column;
		}
	}
}

static const char *advice_for(const struct reader *r, const char *problem)
{
	const char *begin = r->text, *end;

	/* A byte of the line in trouble is often enough to know what was meant. */
	for (size_t line = 0; line < r->parser.problem_mark.line; line++) {
		const char *next = memchr(begin, '\n', r->len - (size_t)(begin - r->text));

		if (!next)
			break;
		begin = next + 1;
	}
	end = memchr(begin, '\n', r->len - (size_t)(begin - r->text));
	if (!end)
		end = r->text + r->len;
	if (strstr(problem, "cannot start any token") && memchr(begin, '\t', (size_t)(end - begin)))
		return ": indent with spaces, not tabs";
	if (strstr(problem, "cannot start any token"))
		return ": put quotes around text that begins with @, ` or %";
	if (strstr(problem, "mapping values are not allowed"))
		return ": put quotes around text that has a colon followed by a space, and check "
		       "the indentation";
	if (memchr(begin, '{', (size_t)(end - begin)))
		return ": put quotes around text with braces, as in \"{name}\"";
	if (strstr(problem, "did not find expected key"))
		return ": check the indentation";
	return "";
}

static void syntax_fault(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "unreadable";
	unsigned line, column;

	if (p->error == YAML_MEMORY_ERROR)
		mem_exhausted();
	if (p->error == YAML_READER_ERROR) {
		place_of_offset(r, p->problem_offset, &line, &column);
		fault(r, line, column, "%s: the file must be plain UTF-8 text", problem);
		return;
	}
	if (p->context && p->context_mark.line != p->problem_mark.line)
		fault(r, line_of(&p->problem_mark), column_of(&p->problem_mark),
		      "%s that begins in line %u: %s%s", p->context, line_of(&p->context_mark),
		      problem, advice_for(r, problem));
	else if (p->context)
		fault(r, line_of(&p->problem_mark), column_of(&p->problem_mark), "%s: %s%s",
		      p->context, problem, advice_for(r, problem));
	else
		fault(r, line_of(&p->problem_mark), column_of(&p->problem_mark), "%s%s", problem,
		      advice_for(r, problem));
}

static void read_events(struct reader *r)
{
	while (!r->is_over) {
		yaml_event_t event;

		if (!yaml_parser_parse(&r->parser, &event)) {
			syntax_fault(r);
			r->is_over = true;
			node_free(steal(&r->doc->root));
			return;
		}
		read_event(r, &event);
		yaml_event_delete(&event);
	}
}

/* A tree that was left half-way would only give false alarms about what is missing in it. */
static void drop_unfinished(struct reader *r)
{
	if (r->depth)
		node_free(steal(&r->doc->root));
	for (unsigned i = 0; i < r->depth; i++)
		node_free(r->levels[i].key);
	r->depth = 0;
}

static int by_place(const void *a, const void *b)
{
	const struct yaml_fault *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

static bool is_utf16(const char *text, size_t len)
{
	return len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

struct yaml_doc *yaml_doc_parse(const char *text, size_t len)
{
	struct reader r = {.doc = mem_alloc(sizeof(*r.doc)), .text = text, .len = len};

	if (len > yaml_max_bytes) {
		fault(&r, 1, 1, "the file is larger than %d KiB", yaml_max_bytes / 1024);
		return r.doc;
	}
	if (is_utf16(text, len)) {
		fault(&r, 1, 1, "the file is UTF-16: save it as UTF-8");
		return r.doc;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		r.text += 3;
		r.len -= 3;
	}
	if (!yaml_parser_initialize(&r.parser))
		mem_exhausted();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);
	read_events(&r);
	drop_unfinished(&r);
	yaml_parser_delete(&r.parser);
	if (r.doc->n_faults)
		qsort(r.doc->faults, r.doc->n_faults, sizeof(*r.doc->faults), by_place);
	return r.doc;
}
