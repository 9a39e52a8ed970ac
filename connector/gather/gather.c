#include "connector/gather/gather.h"

#include "lib/json.h"
#include "lib/mem.h"

static char **copy_list(char *const *list)
{
	char **copy;
	size_t n = 0;

	while (list && list[n])
		n++;
	if (!n)
		return NULL;
	copy = mem_array(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++)
		copy[i] = mem_strdup(list[i]);
	return copy;
}

/* What is known of a path outside the catalogue: repeating a POST there may do it twice. */
static enum delivery_class class_of(const struct route *route)
{
	if (route->op)
		return route->op->class;
	return route->method == METHOD_POST ? CLASS_D : CLASS_U;
}

static void add_part(struct request *request, const struct draft *draft)
{
	request->parts = mem_resize(request->parts, request->n_parts + 1, sizeof(struct part));
	request->parts[request->n_parts++] = (struct part){
		.record = record_ref(draft->record),
		.ordinal = draft->ordinal,
	};
}

static void print_body(struct request *request, const struct draft *draft)
{
	struct buf body = BUF_INIT;

	if (!draft->route->has_body)
		return;
	json_print(draft->body, &body);
	request->body_len = body.len;
	request->body = buf_take(&body);
}

struct request *gather_single(const struct draft *draft, struct rejection *ret_rejection)
{
	const struct route *route = draft->route;
	struct request *request = request_new();

	(void)ret_rejection; /* JSON can hold every body */
	request->method = route->method;
	request->class = class_of(route);
	request->route = mem_strdup(route->name);
	request->operation = mem_strdup(route->op ? route->op->name : "");
	request->object = mem_strdup(route->op && route->op->object ? route->op->object : "");
	request->url = mem_strdup(draft->url);
	request->headers = copy_list(draft->headers);
	request->identity_field = mem_strdup(draft->identity_field);
	request->identity_value = mem_strdup(draft->identity_value);
	request->notes = copy_list(draft->notes);
	print_body(request, draft);
	add_part(request, draft);
	return request;
}
