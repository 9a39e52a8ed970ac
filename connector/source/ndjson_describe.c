#include "connector/source/file_set.h"
#include "connector/source/ndjson.h"
#include "connector/source/window.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "lib/plural.h"
#include "lib/unpack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static void describe_file(const char *path, const char *name, struct buf *out)
{
	cleanup_(freep) char *bytes = mem_alloc(window_chunk);
	cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t n_lines = 0;
	char last = '\n';
	ssize_t n;

	while (fd >= 0 && (n = read(fd, bytes, window_chunk)) > 0) {
		const char *end = bytes + n;

		if (unpack_kind_of(bytes, (size_t)n) != UNPACK_NONE && !n_lines)
			break;
		for (const char *p = bytes; (p = memchr(p, '\n', (size_t)(end - p))); p++)
			n_lines++;
		last = end[-1];
	}
	n_lines += last != '\n';
	if (fd < 0 || n != 0)
		buf_addf(out, "%s from its beginning", name);
	else
		buf_addf(out, "%s from line 1, %" PRIu64 " line%s", name, n_lines,
		         plural(n_lines, "", "s"));
}

void ndjson_describe(const char *path, const char *name, struct buf *out)
{
	struct file_set set;
	int r;

	if (strcmp(path, "-") == 0) {
		buf_adds(out, "standard input from its beginning");
		return;
	}
	file_set_init(&set, path, name);
	r = file_set_list(&set, false, NULL, NULL, NULL);
	if (r > 0 && set.kind != FILE_SET_FILE)
		buf_addf(out, "%d file%s of %s", r, plural(r, "", "s"), name);
	else
		describe_file(path, name, out);
	file_set_deinit(&set);
}
