#include "connector/respond/file_sink.h"

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT "{\"specversion\":\"1.0\",\"id\":\"clo_a\"}"

/* More than is gathered before it is written ahead of the sync. */
enum { big_bytes = 300 * 1024 };

static char folder[] = "/tmp/test_file_sink.XXXXXX";
static char path[64], other[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/events", folder);
	(void)snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int empty_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(other);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void put(const char *name, const void *bytes, size_t len)
{
	FILE *f = fopen(name, "w");

	check(f);
	check_eq(fwrite(bytes, 1, len, f), len);
	check_eq(fclose(f), 0);
}

static void check_file(const char *name, const char *expected)
{
	char text[1024];
	cleanup_(fclosep) FILE *f = fopen(name, "r");

	check(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	check_text(text, expected);
}

static off_t size_of(const char *name)
{
	struct stat st;

	check_eq(stat(name, &st), 0);
	return st.st_size;
}

static struct file_sink *opened(void)
{
	struct file_sink *sink = NULL;
	struct err err = {0};

	check_eq(file_sink_open(path, &sink, &err), 0);
	check_text(err.text, "");
	return sink;
}

static void add(struct file_sink *sink, const char *text)
{
	file_sink_append(sink, text, strlen(text));
}

static void events_are_lines_of_a_file_nobody_else_reads(void **state)
{
	struct file_sink *sink = opened();
	struct stat st;

	(void)state;
	add(sink, "{\"n\":1}");
	add(sink, "{\"n\":2}");
	check_file(path, "");
	check_eq(file_sink_sync(sink, NULL), 0);
	add(sink, "{\"n\":3}");
	check_eq(file_sink_sync(sink, NULL), 0);
	check_file(path, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
	check_eq(stat(path, &st), 0);
	check_eq(st.st_mode & 0777, 0600);
	file_sink_close(sink);
}

static void a_file_that_is_there_is_continued(void **state)
{
	struct file_sink *sink;

	(void)state;
	put(path, "old line\n", 9);
	sink = opened();
	add(sink, EVENT);
	check_eq(file_sink_sync(sink, NULL), 0);
	check_file(path, "old line\n" EVENT "\n");
	file_sink_close(sink);
}

static void what_was_not_synced_is_forgotten_at_the_end(void **state)
{
	struct file_sink *sink = opened();
	cleanup_(freep) char *big = mem_alloc(big_bytes);

	(void)state;
	add(sink, "{}");
	check_eq(file_sink_sync(sink, NULL), 0);
	memset(big, 'x', big_bytes - 1);
	add(sink, big);
	check(size_of(path) > 3);
	file_sink_close(sink);
	check_file(path, "{}\n");
}

static void a_torn_last_line_is_cut_off(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *expected;
	} rows[] = {
#define ROW(torn, whole) {torn, sizeof(torn) - 1, whole}
		ROW("", ""),
		ROW(EVENT "\n", EVENT "\n"),
		ROW(EVENT "\n{\"specv", EVENT "\n"),
		ROW(EVENT, ""),
		ROW("{", ""),
		ROW(EVENT "\n\0\0\0\0", EVENT "\n"),
		ROW(EVENT "\n{\"spec\0\0\0\0\0\0\0\0\0\0\0\0\0", EVENT "\n"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct file_sink *sink;

		put(path, rows[i].text, rows[i].len);
		sink = opened();
		check_file(path, rows[i].expected);
		check_eq(size_of(path), strlen(rows[i].expected));
		file_sink_close(sink);
	}
}

static void a_long_torn_line_is_cut_off_too(void **state)
{
	cleanup_(freep) char *torn = mem_alloc(20001);
	struct file_sink *sink;

	(void)state;
	memset(torn, 'x', 20000);
	memcpy(torn, EVENT "\n" EVENT, 2 * sizeof(EVENT) - 1);
	put(path, torn, 20000);
	sink = opened();
	check_file(path, EVENT "\n");
	file_sink_close(sink);
}

static void check_refused(const char *name, int code, const char *why)
{
	struct file_sink *sink = NULL;
	struct err err = {0};

	check_eq(file_sink_open(name, &sink, &err), code);
	check_null(sink);
	check(strstr(err.text, name));
	check(strstr(err.text, why));
}

static void somebody_elses_last_line_is_never_cut(void **state)
{
	(void)state;
	put(path, "my notes", 8);
	check_refused(path, -EINVAL, "its last line is no event");
	check_file(path, "my notes");
}

static void what_is_no_plain_file_of_ours_is_refused(void **state)
{
	struct file_sink *sink;

	(void)state;
	check_eq(symlink("/tmp/elsewhere", path), 0);
	check_refused(path, -EINVAL, "symbolic link");
	check_eq(unlink(path), 0);
	check_eq(mkfifo(path, 0600), 0);
	check_refused(path, -EINVAL, "no regular file");
	check_eq(unlink(path), 0);
	check_refused("/nonexistent/events", -ENOENT, "No such file");
	check_refused(folder, -EISDIR, "directory");
	sink = opened();
	check_refused(path, -EBUSY, "another process");
	file_sink_close(sink);
}

static void a_renamed_file_is_followed_by_a_new_one(void **state)
{
	struct file_sink *sink = opened();

	(void)state;
	add(sink, "1");
	check_eq(file_sink_sync(sink, NULL), 0);
	check_eq(rename(path, other), 0);
	add(sink, "2");
	check_eq(file_sink_sync(sink, NULL), 0);
	check_file(other, "1\n");
	check_file(path, "2\n");
	check_eq(unlink(path), 0);
	add(sink, "3");
	check_eq(file_sink_sync(sink, NULL), 0);
	check_file(path, "3\n");
	file_sink_close(sink);
}

static void a_file_emptied_from_outside_goes_on_from_its_beginning(void **state)
{
	struct file_sink *sink = opened();

	(void)state;
	add(sink, "1");
	check_eq(file_sink_sync(sink, NULL), 0);
	check_eq(truncate(path, 0), 0);
	add(sink, "2");
	check_eq(file_sink_sync(sink, NULL), 0);
	check_file(path, "2\n");
	file_sink_close(sink);
}

/* A file may not grow beyond @bytes: a disk that is full after a part was written. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	check_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	check_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_write_that_fails_half_way_leaves_no_trace(void **state)
{
	struct file_sink *sink = opened();
	cleanup_(freep) char *big = mem_alloc(big_bytes);
	struct err err = {0};

	(void)state;
	add(sink, "1");
	check_eq(file_sink_sync(sink, NULL), 0);
	(void)signal(SIGXFSZ, SIG_IGN);

	limit_files(10);
	add(sink, "2345678901234");
	check_eq(file_sink_sync(sink, &err), -EFBIG);
	check(strstr(err.text, path));
	check_file(path, "1\n");

	memset(big, 'x', big_bytes - 1);
	err.text[0] = '\0';
	add(sink, big);
	add(sink, "lost as well");
	check_eq(file_sink_sync(sink, &err), -EFBIG);
	check(strstr(err.text, path));
	check_file(path, "1\n");

	limit_files(RLIM_INFINITY);
	add(sink, "2");
	check_eq(file_sink_sync(sink, NULL), 0);
	check_file(path, "1\n2\n");
	file_sink_close(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(events_are_lines_of_a_file_nobody_else_reads,
	                                  empty_folder),
		cmocka_unit_test_teardown(a_file_that_is_there_is_continued, empty_folder),
		cmocka_unit_test_teardown(what_was_not_synced_is_forgotten_at_the_end,
	                                  empty_folder),
		cmocka_unit_test_teardown(a_torn_last_line_is_cut_off, empty_folder),
		cmocka_unit_test_teardown(a_long_torn_line_is_cut_off_too, empty_folder),
		cmocka_unit_test_teardown(somebody_elses_last_line_is_never_cut, empty_folder),
		cmocka_unit_test_teardown(what_is_no_plain_file_of_ours_is_refused, empty_folder),
		cmocka_unit_test_teardown(a_renamed_file_is_followed_by_a_new_one, empty_folder),
		cmocka_unit_test_teardown(a_file_emptied_from_outside_goes_on_from_its_beginning,
	                                  empty_folder),
		cmocka_unit_test_teardown(a_write_that_fails_half_way_leaves_no_trace,
	                                  empty_folder),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
