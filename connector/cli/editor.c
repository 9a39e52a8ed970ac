#include "connector/cli/editor.h"

#include "connector/cli/cli.h"
#include "connector/cli/question.h"
#include "connector/cli/term.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { read_bytes = 64 * 1024, blanks_around = 64 * 1024 };

/* The private folder */

struct desk_top {
	char *folder, *file;
};

static int open_top(struct desk_top *top, struct err *err)
{
	const char *base = cli_getenv(NULL, "TMPDIR");

	top->folder = mem_printf("%s/closefeed-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(top->folder)) {
		const int r = err_set(err, -errno, "cannot make a folder to edit in, %s: %s",
		                      top->folder, strerror(errno));

		free(top->folder);
		top->folder = NULL;
		return r;
	}
	top->file = mem_printf("%s/record.json", top->folder);
	return 0;
}

/* Editors leave copies and swap files beside the file. */
static void clear_top(struct desk_top *top)
{
	DIR *dir = top->folder ? opendir(top->folder) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	if (top->folder)
		(void)rmdir(top->folder);
	free(top->folder);
	free(top->file);
}

static int fail_file(const char *what, const char *path, struct err *err)
{
	return err_set(err, -errno, "cannot %s %s: %s", what, path, strerror(errno));
}

static int write_file(const char *path, const char *text, struct err *err)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t len = strlen(text);
	ssize_t n = 0;

	if (fd < 0)
		return fail_file("write", path, err);
	for (; len && (n = write(fd, text, len)) > 0; len -= (size_t)n)
		text += n;
	if (close(fd) < 0 || n < 0)
		return fail_file("write", path, err);
	return 0;
}

/* All of it, or more than @max bytes; the editor may have put another file in its place. */
static int read_file(const char *path, uint64_t max, struct buf *out, struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = 1;

	if (fd < 0)
		return fail_file("read", path, err);
	buf_clear(out);
	while (n > 0 && out->len <= max) {
		n = read(fd, buf_room(out, read_bytes), read_bytes);
		if (n > 0)
			out->len += (size_t)n;
	}
	if (n < 0)
		(void)fail_file("read", path, err);
	out->data[out->len] = '\0';
	(void)close(fd);
	return n < 0 ? -EIO : 0;
}

/* The editor */

static volatile sig_atomic_t told_to_end;

static void end_soon(int number)
{
	told_to_end = number;
}

static const char *editor_command(void)
{
	const char *visual = cli_getenv(NULL, "VISUAL"), *editor = cli_getenv(NULL, "EDITOR");

	return visual && *visual ? visual : editor && *editor ? editor : "vi";
}

/* What editors want to know beside the harmless rest; not all there is, keys may be in it. */
static void give_environment(void)
{
	static const char *const names[] = {"DISPLAY",
	                                    "WAYLAND_DISPLAY",
	                                    "XAUTHORITY",
	                                    "XDG_RUNTIME_DIR",
	                                    "XDG_CONFIG_HOME",
	                                    "DBUS_SESSION_BUS_ADDRESS",
	                                    "USER",
	                                    "LOGNAME",
	                                    "SHELL",
	                                    "VIMINIT",
	                                    "EDITOR",
	                                    "VISUAL",
	                                    NULL};

	for (const char *const *name = names; *name; name++) {
		const char *value = cli_getenv(NULL, *name);

		if (value)
			(void)setenv(*name, value, 1);
	}
}

/* $EDITOR may have words of its own, so a shell reads it, and becomes it. */
static void become_editor(const char *path)
{
	char *command = mem_printf("exec %s \"$1\"", editor_command());

	give_environment();
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
	_exit(127);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (told_to_end)
			(void)kill(pid, told_to_end);
	return status;
}

/* The terminal's Ctrl-C is the editor's; who ends us ends it, and the file is still removed. */
static int run_editor(const char *path)
{
	const struct sigaction ignores = {.sa_handler = SIG_IGN}, ends = {.sa_handler = end_soon};
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
	struct sigaction old[4];
	int status = -1;
	pid_t pid;

	for (size_t i = 0; i < 4; i++)
		(void)sigaction(signals[i], i < 2 ? &ignores : &ends, &old[i]);
	pid = fork();
	if (pid == 0)
		become_editor(path);
	if (pid > 0)
		status = wait_for(pid);
	for (size_t i = 0; i < 4; i++)
		(void)sigaction(signals[i], &old[i], NULL);
	return status;
}

/* The record */

static char *readable(const char *raw, size_t len)
{
	cleanup_(json_freep) struct json_object *value = NULL;

	if (json_parse(raw, len, 0, &value, NULL, NULL) < 0 ||
	    !json_object_is_type(value, json_type_object))
		return mem_printf("%s\n", raw);
	return mem_printf("%s\n", json_object_to_json_string_ext(
					  value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int say_place(const char *text, const struct json_fault *fault, struct err *err)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < fault->offset && text[i]; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	return err_set(err, -EBADMSG, "line %u, column %u: %s", line, column, fault->what);
}

/* The record in @text; a negative errno with what is wrong with it. */
static int parse(const struct buf *text, uint64_t max_bytes, char **ret_record, struct err *err)
{
	cleanup_(json_freep) struct json_object *value = NULL;
	struct json_fault fault = {0};
	char *record;

	if (text->len <= max_bytes + blanks_around) {
		if (json_parse(buf_text(text), text->len, 0, &value, &fault, NULL) < 0)
			return say_place(buf_text(text), &fault, err);
		if (!json_object_is_type(value, json_type_object))
			return err_set(err, -EBADMSG, "a record must be a JSON object, {…}");
		record = json_text(value);
		if (strlen(record) <= max_bytes) {
			*ret_record = record;
			return 0;
		}
		free(record);
	}
	return err_set(err, -EBADMSG, "it is longer than max_record allows, %" PRIu64 " bytes",
	               max_bytes);
}

/* One round; 1: the person may try again. */
static int edit_once(const struct desk_top *top, uint64_t max_bytes, struct buf *text,
                     char **ret_record, struct err *err)
{
	const int status = run_editor(top->file);
	struct err wrong;
	int r;

	if (told_to_end || !WIFEXITED(status))
		return err_set(err, -EINTR, "the editor was stopped; nothing was sent");
	if (WEXITSTATUS(status) == 127)
		return err_set(err, -ENOENT, "there is no editor \"%s\": set EDITOR to one",
		               editor_command());
	if (WEXITSTATUS(status))
		return err_set(err, -ECANCELED, "the editor ended with %d; nothing was sent",
		               WEXITSTATUS(status));
	r = read_file(top->file, max_bytes + blanks_around, text, err);
	if (r < 0)
		return r;
	if (strspn(buf_text(text), " \t\r\n") == text->len)
		return err_set(err, -ECANCELED, "the file is empty; nothing was sent");
	if (parse(text, max_bytes, ret_record, &wrong) == 0)
		return 0;
	if (!question_can_ask())
		return err_set(err, -EBADMSG, "%s; nothing was sent", wrong.text);
	term_print(stderr, wrong.text);
	(void)fputc('\n', stderr);
	return question_ask("Edit it again?", true) ? 1
	                                            : err_set(err, -ECANCELED, "nothing was sent");
}

static enum exit_code code_of(int r)
{
	switch (-r) {
	case ECANCELED:
	case EINTR:
		return EXIT_UNSETTLED;
	case EBADMSG:
		return EXIT_INPUT;
	default: /* numbers of the system */
		return EXIT_LOCAL;
	}
}

enum exit_code editor_record(const char *raw, size_t len, uint64_t max_bytes,
                             struct edited *ret_edited, struct err *err)
{
	cleanup_(freep) char *before = readable(raw, len);
	struct desk_top top = {0};
	struct buf text = BUF_INIT;
	char *record = NULL;
	int r = open_top(&top, err);

	assert(r < 0 || top.file);
	if (r >= 0)
		r = write_file(top.file, before, err);
	if (r >= 0)
		do
			r = edit_once(&top, max_bytes, &text, &record, err);
		while (r > 0);
	clear_top(&top);
	if (r == 0)
		*ret_edited = (struct edited){.text = record,
		                              .is_changed = strcmp(buf_text(&text), before) != 0};
	buf_deinit(&text);
	return r < 0 ? code_of(r) : EXIT_DONE;
}
