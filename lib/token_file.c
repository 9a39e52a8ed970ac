#include "lib/token_file.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/folder.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { room_bytes = 16384 }; /* two tokens and what stands around them */

struct token_file {
	char *folder, *path, *new_path, *lock_path;
	int lock_fd; /* -1: no lock */
	int new_fd;  /* room that is taken; -1: none */
};

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void tokens_deinit(struct tokens *tokens)
{
	free_secret(tokens->refresh_token);
	free_secret(tokens->access_token);
	*tokens = (struct tokens){0};
}

struct tokens tokens_copy(const struct tokens *tokens)
{
	struct tokens copy = *tokens;

	copy.refresh_token = mem_strdup(tokens->refresh_token);
	copy.access_token = mem_strdup(tokens->access_token);
	return copy;
}

bool token_is_sane(const char *text)
{
	const size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > token_max_bytes)
		return false;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			return false;
	return true;
}

static int check_private(const char *path, const struct stat *st, const char *mode, struct err *err)
{
	if (st->st_uid != geteuid())
		return err_set(err, -EPERM,
		               "%s belongs to another user, so tokens are not safe in it", path);
	if (st->st_mode & 077)
		return err_set(err, -EPERM, "%s is open to others: `chmod %s %s`", path, mode,
		               path);
	return 0;
}

static int check_folder(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "%s is no folder, so it cannot hold tokens", path);
	return check_private(path, &st, "700", err);
}

struct token_file *token_file_new(const char *folder, const char *id)
{
	struct token_file *file = mem_alloc(sizeof(*file));

	file->folder = mem_strdup(folder);
	file->path = mem_printf("%s/%s.json", folder, id);
	file->new_path = mem_printf("%s/%s.new", folder, id);
	file->lock_path = mem_printf("%s/%s.lock", folder, id);
	file->lock_fd = file->new_fd = -1;
	return file;
}

void token_file_free(struct token_file *file)
{
	if (!file)
		return;
	token_file_unlock(file);
	free(file->folder);
	free(file->path);
	free(file->new_path);
	free(file->lock_path);
	free(file);
}

const char *token_file_path(const struct token_file *file)
{
	return file->path;
}

static int damaged(const char *path, struct err *err)
{
	return err_set(err, -EBADMSG,
	               "%s is damaged, and the refresh token that works stood in it alone", path);
}

static int parse(const char *path, const char *text, size_t len, struct tokens *ret_tokens,
                 struct err *err)
{
	cleanup_(json_freep) struct json_object *value = NULL;
	const char *refresh, *access;
	int64_t life_ms;

	if (json_parse(text, len, 0, &value, NULL, NULL) < 0)
		return damaged(path, err);
	refresh = json_get_string(value, "refresh_token");
	access = json_get_string(value, "access_token");
	life_ms = json_get_int(value, "life_ms", 0);
	if (!token_is_sane(refresh) || (access && !token_is_sane(access)) || life_ms < 0)
		return damaged(path, err);
	*ret_tokens = (struct tokens){
		.refresh_token = mem_strdup(refresh),
		.access_token = mem_strdup(access),
		.got_wall_ms = json_get_int(value, "got_ms", 0),
		.life_ms = (uint64_t)life_ms,
		.asked_wall_ms = json_get_int(value, "asked_ms", 0),
	};
	return 1;
}

static int read_one(const char *path, struct tokens *ret_tokens, struct err *err)
{
	cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[room_bytes];
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return damaged(path, err);
	r = check_private(path, &st, "600", err);
	if (r < 0)
		return r;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return err_set(err, -errno, "%s cannot be read: %s", path, strerror(errno));
	/* Zeros are room that was taken: a kill came before they were cut off. */
	r = parse(path, text, strnlen(text, (size_t)n), ret_tokens, err);
	explicit_bzero(text, sizeof(text));
	return r;
}

int token_file_read(const struct token_file *file, struct tokens *ret_tokens, struct err *err)
{
	return read_one(file->path, ret_tokens, err);
}

static void sync_file(const char *path)
{
	cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		(void)fsync(fd);
}

/* A kill came before the new tokens had their name: they are whole, or no tokens at all. */
static void finish_earlier(const struct token_file *file)
{
	struct tokens found = {0};

	if (read_one(file->new_path, &found, NULL) > 0) {
		sync_file(file->new_path);
		if (rename(file->new_path, file->path) == 0)
			(void)folder_sync(file->folder);
	}
	tokens_deinit(&found);
}

int token_file_lock(struct token_file *file, struct err *err)
{
	int fd, r;

	if (file->lock_fd >= 0)
		return 0;
	r = folder_make(file->folder, "folder for tokens", "", err);
	if (r >= 0)
		r = check_folder(file->folder, err);
	if (r < 0)
		return r;
	fd = open(file->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, -errno, "%s cannot be written: %s", file->lock_path,
		               strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && !hook_without("token_lock")) {
		r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
		(void)err_set(err, r, "%s cannot be locked: %s", file->lock_path, strerror(-r));
		(void)close(fd);
		return r;
	}
	file->lock_fd = fd;
	finish_earlier(file);
	return 0;
}

static void leave_room(struct token_file *file)
{
	if (file->new_fd < 0)
		return;
	(void)close(file->new_fd);
	(void)unlink(file->new_path);
	file->new_fd = -1;
}

void token_file_unlock(struct token_file *file)
{
	leave_room(file);
	if (file->lock_fd >= 0)
		(void)close(file->lock_fd);
	file->lock_fd = -1;
}

static int cannot_write(const struct token_file *file, int code, struct err *err)
{
	return err_set(err, code, "%s cannot be written: %s", file->path, strerror(-code));
}

int token_file_reserve(struct token_file *file, struct err *err)
{
	int r;

	if (file->new_fd >= 0)
		return 0;
	(void)unlink(file->new_path); /* of a process that was ended */
	file->new_fd =
		open(file->new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->new_fd < 0)
		return cannot_write(file, -errno, err);
	r = posix_fallocate(file->new_fd, 0, room_bytes);
	if (r == 0)
		return 0;
	leave_room(file);
	return cannot_write(file, -r, err);
}

static void print(const struct tokens *tokens, struct buf *out)
{
	buf_adds(out, "{\"version\":1,\"refresh_token\":");
	json_print_string(tokens->refresh_token, strlen(tokens->refresh_token), out);
	if (tokens->access_token) {
		buf_adds(out, ",\"access_token\":");
		json_print_string(tokens->access_token, strlen(tokens->access_token), out);
	}
	buf_addf(out, ",\"got_ms\":%lld,\"life_ms\":%llu,\"asked_ms\":%lld}\n",
	         (long long)tokens->got_wall_ms, (unsigned long long)tokens->life_ms,
	         (long long)tokens->asked_wall_ms);
}

static int put(struct token_file *file, const struct buf *text)
{
	ssize_t n = pwrite(file->new_fd, text->data, text->len, 0);

	if (n < 0)
		return -errno;
	if ((size_t)n != text->len)
		return -ENOSPC;
	hook_point("token_put");
	if (ftruncate(file->new_fd, (off_t)text->len) < 0 || fsync(file->new_fd) < 0)
		return -errno;
	hook_point("token_written");
	if (rename(file->new_path, file->path) < 0)
		return -errno;
	(void)close(file->new_fd);
	file->new_fd = -1;
	hook_point("token_renamed");
	return folder_sync(file->folder);
}

int token_file_write(struct token_file *file, const struct tokens *tokens, struct err *err)
{
	struct buf text = BUF_INIT;
	int r = token_file_reserve(file, err);

	if (r < 0)
		return r;
	print(tokens, &text);
	r = put(file, &text);
	explicit_bzero(text.data, text.cap);
	buf_deinit(&text);
	return r < 0 ? cannot_write(file, r, err) : 0;
}
