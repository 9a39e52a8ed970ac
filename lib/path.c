#include "lib/path.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *at, *end;
	struct path path;
	struct err *err;
};

static int fail(struct reader *r, const char *sentence)
{
	return err_set(r->err, -EINVAL, "%s", sentence);
}

static struct path_step *add_step(struct reader *r, enum path_kind kind)
{
	struct path_step *step;

	r->path.steps = mem_resize(r->path.steps, r->path.n + 1, sizeof(*r->path.steps));
	step = &r->path.steps[r->path.n++];
	*step = (struct path_step){.kind = kind};
	return step;
}

static int read_quoted(struct reader *r)
{
	struct buf name = BUF_INIT;
	struct path_step *step;

	for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
		if (*r->at == '\\' && r->at + 1 < r->end)
			r->at++;
		buf_addc(&name, *r->at);
	}
	if (r->at == r->end || !name.len) {
		buf_deinit(&name);
		return fail(r, r->at == r->end ? "a quoted name is not closed" : "a name is empty");
	}
	r->at++;
	step = add_step(r, PATH_NAME);
	step->is_quoted = true;
	step->name = buf_take(&name);
	return 0;
}

static int read_name(struct reader *r)
{
	const char *begin = r->at;

	if (r->at < r->end && *r->at == '"')
		return read_quoted(r);
	while (r->at < r->end && *r->at != '.' && *r->at != '[' && *r->at != ']')
		r->at++;
	if (r->at == begin)
		return fail(r, "a name is empty");
	add_step(r, PATH_NAME)->name = mem_dup(begin, (size_t)(r->at - begin));
	return 0;
}

static int read_brackets(struct reader *r)
{
	size_t index = 0;
	const char *begin = ++r->at;

	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
		index = index * 10 + (size_t)(*r->at - '0');
		if (r->at - begin > 8)
			return fail(r, "an index in brackets has more than 9 digits");
	}
	if (r->at == r->end || *r->at != ']')
		return fail(r, "brackets hold an index counted from 0, or nothing: [0], []");
	if (r->at == begin)
		(void)add_step(r, PATH_EACH);
	else
		add_step(r, PATH_INDEX)->index = index;
	r->at++;
	return 0;
}

static int read_steps(struct reader *r)
{
	int code = read_name(r);

	while (code == 0 && r->at < r->end) {
		if (r->path.n == path_max_steps)
			return fail(r, "a path has at most 16 steps");
		if (*r->at == '[') {
			code = read_brackets(r);
		} else if (*r->at == '.') {
			r->at++;
			code = read_name(r);
		} else {
			code = fail(r, "behind a name or a bracket stands a dot or [");
		}
	}
	return code;
}

int path_parse(const char *text, size_t len, struct path *ret_path, struct err *err)
{
	struct reader r = {.at = text, .end = text + len, .err = err};
	const int code = read_steps(&r);

	if (code < 0) {
		path_deinit(&r.path);
		return code;
	}
	*ret_path = r.path;
	return 0;
}

void path_deinit(struct path *path)
{
	for (size_t i = 0; i < path->n; i++)
		free(path->steps[i].name);
	free(path->steps);
	*path = (struct path){0};
}
