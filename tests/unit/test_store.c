#include "lib/mem.h"
#include "lib/store.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const one[] = {"CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB) STRICT;", NULL};
static const char *const two[] = {"CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB) STRICT;",
                                  "CREATE TABLE u(a INTEGER) STRICT;", NULL};
static char folder[64], path[96];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/store-XXXXXX");
	check(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/s.db", folder);
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static struct store *open_with(const char *const *migrations)
{
	const struct store_config config = {7, migrations, 1 << 20};
	struct store *s = NULL;
	struct err err = {{0}};

	if (store_open(path, &config, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static void what_is_committed_is_there_and_what_is_rolled_back_is_not(void **state)
{
	struct store *s = open_with(one);
	struct store_query *put = store_query(s, "INSERT INTO t VALUES(?1, ?2)");
	struct store_query *get = store_query(s, "SELECT b FROM t ORDER BY a");
	size_t len;

	(void)state;
	check_eq(store_begin(s, NULL), 0);
	store_bind_int(put, 1, 1);
	store_bind_blob(put, 2, "x\0y", 3);
	check_eq(store_run(put, NULL), 0);
	check_eq(store_commit(s, NULL), 0);
	check_eq(store_begin(s, NULL), 0);
	store_bind_int(put, 1, 2);
	store_bind_blob(put, 2, NULL, 0);
	check_eq(store_run(put, NULL), 0);
	store_rollback(s);
	store_close(s);

	s = open_with(two); /* the newer version brings the file up to date */
	get = store_query(s, "SELECT b FROM t ORDER BY a");
	check_eq(store_step(get, NULL), 1);
	check(memcmp(store_blob(get, 0, &len), "x\0y", 3) == 0);
	check_eq(len, 3);
	check_eq(store_step(get, NULL), 0);
	check_eq(store_check(s, NULL), 0);
	store_close(s);
}

static void a_second_owner_a_newer_file_and_a_foreign_file_are_refused(void **state)
{
	const struct store_config config = {7, one, 1 << 20}, other = {8, one, 1 << 20};
	struct store *s = open_with(two), *second = NULL;
	struct err err;

	(void)state;
	check_eq(store_open(path, &config, &second, &err), -EBUSY);
	check(strstr(err.text, "in use"));
	store_close(s);
	check_eq(store_open(path, &config, &second, &err), -EOVERFLOW);
	check_eq(store_open(path, &other, &second, &err), -EMEDIUMTYPE);
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
	const struct store_config config = {7, one, 1 << 20};
	struct store *s = NULL;
	struct err err;
	struct stat st;
	FILE *f = fopen(path, "w");

	(void)state;
	check(f);
	for (int i = 0; i < 100; i++)
		(void)fputs("this is a shopping list, not a database\n", f);
	(void)fclose(f);
	check_eq(store_open(path, &config, &s, &err), -EMEDIUMTYPE);
	check_eq(stat(path, &st), 0);
	check_eq(st.st_size, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_committed_is_there_and_what_is_rolled_back_is_not, begin, end),
		cmocka_unit_test_setup_teardown(
			a_second_owner_a_newer_file_and_a_foreign_file_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_no_database_is_refused_and_left_alone, begin, end),
	};

	return run_sentences(tests);
}
