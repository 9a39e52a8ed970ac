#include "connector/source/file_home.h"

#include "lib/cleanup.h"
#include "lib/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct file_home {
	struct window window;
	struct file_compare compare;
};

static bool open_window(struct window *w, const char *path, const char *name, struct stat *ret_st)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char bytes[unpack_magic_bytes];
	enum unpack_kind kind;
	ssize_t len;

	if (fd < 0)
		return false;
	len = pread(fd, bytes, sizeof(bytes), 0);
	if (len < 0 || fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		(void)close(fd);
		return false;
	}
	window_init(w, fd, name, ret_st);
	kind = unpack_kind_of(bytes, (size_t)len);
	if (kind != UNPACK_NONE)
		window_unpack(w, kind);
	return true;
}

struct file_home *file_home_open(const struct file_set *set, const struct file_entry *entry)
{
	cleanup_(freep) char *path = file_set_path(set, entry->name);
	struct file_home *home = mem_alloc(sizeof(*home));
	struct stat st;

	if (!open_window(&home->window, path, entry->name, &st)) {
		free(home);
		return NULL;
	}
	file_compare_init(&home->compare, &home->window, &st, entry->name);
	return home;
}

enum file_comparison file_home_step(struct file_home *home, const struct stream *stream)
{
	struct file_compare *compare = &home->compare;
	struct err err;
	int r;

	if (!compare->has_head) {
		if (file_compare_is_settled(compare, stream))
			return FILE_AGREES;
		r = file_compare_take_head(compare, &err);
		if (r <= 0)
			return r < 0 ? FILE_DIFFERS : FILE_COMPARING;
	}
	r = file_compare_step(compare, stream, &err);
	return r < 0 ? FILE_DIFFERS : (enum file_comparison)r;
}

void file_home_free(struct file_home *home)
{
	if (!home)
		return;
	file_compare_deinit(&home->compare);
	window_deinit(&home->window);
	free(home);
}
