#include "connector/source/file_watch.h"

#include "lib/cleanup.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	/* Somebody may have made a new file, or moved one, or finished one. */
	tells_of_folder = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE |
	                  IN_DELETE_SELF | IN_MOVE_SELF,
	tells_of_file = IN_MODIFY,
};

static bool watch_fd(const struct file_watch *watch, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return fd >= 0 && epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

int file_watch_init(struct file_watch *watch, struct err *err)
{
	const struct itimerspec each_second = {.it_value = {.tv_sec = 1},
	                                       .it_interval = {.tv_sec = 1}};

	watch->inotify_fd = -1;
	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->epoll_fd < 0 || !watch_fd(watch, watch->timer_fd) ||
	    timerfd_settime(watch->timer_fd, 0, &each_second, NULL) < 0)
		return err_set(err, -errno, "files cannot be followed: %s", strerror(errno));
	if (!hook_without("inotify"))
		watch->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)watch_fd(watch, watch->inotify_fd);
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void file_watch_deinit(struct file_watch *watch)
{
	close_fd(watch->epoll_fd);
	close_fd(watch->timer_fd);
	close_fd(watch->inotify_fd);
}

static void add_folder(const struct file_watch *watch, const char *folder)
{
	(void)inotify_add_watch(watch->inotify_fd, folder, tells_of_folder | tells_of_file);
}

static void add_folder_of(const struct file_watch *watch, const struct file_set *set,
                          const char *name)
{
	cleanup_(freep) char *path = file_set_path(set, name);
	char *slash = strrchr(path, '/');

	if (slash)
		slash[1] = '\0';
	add_folder(watch, slash ? path : ".");
}

void file_watch_add_set(struct file_watch *watch, const struct file_set *set)
{
	cleanup_(freep) char *path = file_set_path(set, set->name);
	const char *last = "";
	size_t last_len = 0;

	if (watch->inotify_fd < 0)
		return;
	if (set->kind == FILE_SET_FOLDER) {
		add_folder(watch, path);
		return;
	}
	add_folder_of(watch, set, set->name);
	for (size_t i = 0; set->kind == FILE_SET_PATTERN && i < set->n; i++) {
		const char *name = set->entries[i]->name, *slash = strrchr(name, '/');

		/* They stand in order: those of one folder come together. */
		if (last_len && strncmp(name, last, last_len) == 0 && slash == name + last_len - 1)
			continue;
		add_folder_of(watch, set, name);
		last = name;
		last_len = slash ? (size_t)(slash - name) + 1 : 0;
	}
}

static bool take_events(const struct file_watch *watch)
{
	_Alignas(struct inotify_event) char bytes[8192];
	bool tells = false;
	ssize_t n;

	while ((n = read(watch->inotify_fd, bytes, sizeof(bytes))) > 0) {
		for (const char *p = bytes; p < bytes + n;) {
			struct inotify_event event;

			memcpy(&event, p, sizeof(event));
			tells |= (event.mask & ~(uint32_t)tells_of_file) != 0;
			p += sizeof(event) + event.len;
		}
	}
	return tells;
}

bool file_watch_take(struct file_watch *watch)
{
	uint64_t n_seconds;
	bool tells = read(watch->timer_fd, &n_seconds, sizeof(n_seconds)) > 0;

	if (tells)
		watch->n_seconds += n_seconds;
	if (watch->inotify_fd >= 0)
		tells |= take_events(watch);
	return tells;
}
