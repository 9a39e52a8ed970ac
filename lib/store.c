#include "lib/store.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Reserve: at the first opening a blob of `reserve_bytes` is written and deleted again. Its pages
 * stay in the file's free list (no auto-vacuum), so later rows need no new disk space; the same
 * writing has grown the WAL, which is never truncated (journal_size_limit=-1) and is checkpointed
 * at half of its size, so that frames always find old room to overwrite.
 */

struct store_query {
	struct store *store;
	sqlite3_stmt *stmt;
	struct store_query *next;
};

struct store {
	sqlite3 *db;
	char *path;
	struct store_query *queries;
};

static int errno_of(int code)
{
	if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
		return -EIO;
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
		return -EUCLEAN;
	case SQLITE_NOTADB:
		return -EMEDIUMTYPE;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_NOMEM:
		mem_exhausted();
	default:
		return -EIO;
	}
}

static int failed(struct store *s, int code, struct err *err)
{
	int r = errno_of(sqlite3_extended_errcode(s->db) & 0xff ? sqlite3_extended_errcode(s->db)
	                                                        : code);

	switch (r) {
	case -EBUSY:
		return err_set(err, r, "%s is in use by another process", s->path);
	case -ENOSPC:
		return err_set(err, r, "%s: the disk is full; free some space and it goes on",
		               s->path);
	case -EROFS:
		return err_set(err, r, "%s cannot be written: the folder or disk is read-only",
		               s->path);
	case -EUCLEAN:
		return err_set(
			err, r,
			"%s is damaged (%s); keep a copy, then begin anew with `run --new-state`",
			s->path, sqlite3_errmsg(s->db));
	case -EMEDIUMTYPE:
		return err_set(err, r,
		               "%s is not a state file of closefeed; name another state folder",
		               s->path);
	default:
		return err_set(err, r, "%s: %s", s->path, sqlite3_errmsg(s->db));
	}
}

int store_exec(struct store *store, const char *sql, struct err *err)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : failed(store, code, err);
}

static int64_t pragma_int(struct store *s, const char *sql, int *ret_code)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = -1;
	int code = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	*ret_code = code;
	return value;
}

static int migrate(struct store *s, const struct store_config *config, struct err *err)
{
	int64_t version, wanted = 0;
	char pragma[64];
	int code, r;

	while (config->migrations[wanted])
		wanted++;

	version = pragma_int(s, "PRAGMA user_version", &code);
	if (code != SQLITE_ROW)
		return failed(s, code, err);
	if (version > wanted)
		return err_set(
			err, -EOVERFLOW,
			"%s was written by a newer closefeed (version %lld, this one knows %lld)",
			s->path, (long long)version, (long long)wanted);
	if (version == wanted)
		return 0;

	r = store_begin(s, err);
	for (; r >= 0 && version < wanted; version++)
		r = store_exec(s, config->migrations[version], err);
	(void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %lld", (long long)wanted);
	if (r >= 0)
		r = store_exec(s, pragma, err);
	if (r >= 0)
		r = store_commit(s, err);
	if (r < 0)
		store_rollback(s);
	return r;
}

static int reserve(struct store *s, size_t bytes, struct err *err)
{
	int code;
	int64_t page = pragma_int(s, "PRAGMA page_size", &code);
	int64_t have = pragma_int(s, "PRAGMA freelist_count", &code);
	char sql[160];
	int r;

	(void)snprintf(sql, sizeof(sql), "PRAGMA wal_autocheckpoint = %zu",
	               bytes / (size_t)page / 2 + 1);
	r = store_exec(s, sql, err);
	if (r < 0 || have * page >= (int64_t)bytes / 2)
		return r;

	/* A kill may have left the table behind. */
	(void)snprintf(sql, sizeof(sql),
	               "BEGIN; DROP TABLE IF EXISTS reserve; CREATE TABLE reserve(b);"
	               "INSERT INTO reserve VALUES(zeroblob(%zu)); COMMIT",
	               bytes);
	r = store_exec(s, sql, err);
	hook_point("state_reserved");
	if (r >= 0)
		r = store_exec(s, "DROP TABLE reserve; PRAGMA wal_checkpoint(RESTART)", err);
	if (r == -ENOSPC) {
		store_rollback(s);
		return 0; /* a full disk at the start: intake waits for space anyway */
	}
	return r;
}

static int check_application(struct store *s, int32_t wanted, struct err *err)
{
	int code;
	int64_t tables, id = pragma_int(s, "PRAGMA application_id", &code);
	char sql[64];

	if (code != SQLITE_ROW)
		return failed(s, code, err);
	if (id == wanted)
		return 0;
	tables = pragma_int(s, "SELECT count(*) FROM sqlite_master", &code);
	if (code != SQLITE_ROW)
		return failed(s, code, err);
	if (id != 0 || tables != 0)
		return err_set(err, -EMEDIUMTYPE, "%s is a database of another program", s->path);
	(void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", wanted);
	return store_exec(s, sql, err);
}

static int set_up(struct store *s, const struct store_config *config, struct err *err)
{
	static const char before[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY;"
				     "PRAGMA mmap_size=0; PRAGMA trusted_schema=0;"
				     "PRAGMA cell_size_check=1; PRAGMA foreign_keys=0";
	static const char after[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
				    "PRAGMA journal_size_limit=-1";
	int r;

	(void)sqlite3_extended_result_codes(s->db, 1);
	(void)sqlite3_busy_timeout(s->db, config->busy_ms);
	r = store_exec(s, before, err);
	if (r >= 0)
		r = check_application(s, config->application_id, err);
	if (r >= 0)
		r = store_exec(s, after, err);
	/* The exclusive lock is taken by the first write. */
	if (r >= 0)
		r = store_exec(s, "BEGIN EXCLUSIVE; COMMIT", err);
	if (r >= 0)
		r = migrate(s, config, err);
	if (r >= 0)
		r = reserve(s, config->reserve_bytes, err);
	return r;
}

int store_open(const char *path, const struct store_config *config, struct store **ret_store,
               struct err *err)
{
	struct store *s = mem_alloc(sizeof(*s));
	int code, r;

	s->path = mem_strdup(path);
	code = sqlite3_open_v2(path, &s->db,
	                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
	                       NULL);
	if (!s->db)
		mem_exhausted();
	r = code == SQLITE_OK ? set_up(s, config, err) : failed(s, code, err);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret_store = s;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	while (store->queries) {
		struct store_query *q = store->queries;

		store->queries = q->next;
		(void)sqlite3_finalize(q->stmt);
		free(q);
	}
	(void)sqlite3_close_v2(store->db);
	free(store->path);
	free(store);
}

struct store_query *store_query(struct store *store, const char *sql)
{
	struct store_query *q = mem_alloc(sizeof(*q));
	int code =
		sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);

	if (code != SQLITE_OK)
		(void)fprintf(stderr, "closefeed: bug: %s in: %s\n", sqlite3_errmsg(store->db),
		              sql);
	assert(code == SQLITE_OK);
	q->store = store;
	q->next = store->queries;
	store->queries = q;
	return q;
}

void store_bind_int(struct store_query *q, int at, int64_t value)
{
	int code = sqlite3_bind_int64(q->stmt, at, value);

	assert(code == SQLITE_OK);
}

void store_bind_text(struct store_query *q, int at, const char *text)
{
	int code = sqlite3_bind_text(q->stmt, at, text, -1, SQLITE_STATIC);

	assert(code == SQLITE_OK);
}

void store_bind_blob(struct store_query *q, int at, const void *bytes, size_t len)
{
	int code = bytes ? sqlite3_bind_blob64(q->stmt, at, bytes, len, SQLITE_STATIC)
	                 : sqlite3_bind_null(q->stmt, at);

	assert(code == SQLITE_OK);
}

void store_reset(struct store_query *q)
{
	(void)sqlite3_reset(q->stmt);
}

int store_step(struct store_query *q, struct err *err)
{
	int code = sqlite3_step(q->stmt);
	int r;

	if (code == SQLITE_ROW)
		return 1;
	r = code == SQLITE_DONE ? 0 : failed(q->store, code, err);
	store_reset(q);
	return r;
}

int store_run(struct store_query *q, struct err *err)
{
	int r;

	do
		r = store_step(q, err);
	while (r > 0);
	return r;
}

int64_t store_int(struct store_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *store_text(struct store_query *q, int column)
{
	return (const char *)sqlite3_column_text(q->stmt, column);
}

const void *store_blob(struct store_query *q, int column, size_t *ret_len)
{
	const void *bytes = sqlite3_column_blob(q->stmt, column);

	*ret_len = (size_t)sqlite3_column_bytes(q->stmt, column);
	return bytes;
}

int store_begin(struct store *store, struct err *err)
{
	return store_exec(store, "BEGIN IMMEDIATE", err);
}

int store_commit(struct store *store, struct err *err)
{
	return store_exec(store, "COMMIT", err);
}

void store_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(store->db))
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

int store_check(struct store *store, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int r = -EUCLEAN;
	int code = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);

	if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		if (text && !strcmp(text, "ok"))
			r = 0;
		else
			(void)err_set(err, r, "%s is damaged: %s", store->path, text ? text : "?");
	} else {
		(void)err_set(err, r, "%s cannot be checked: %s", store->path,
		              sqlite3_errmsg(store->db));
	}
	(void)sqlite3_finalize(stmt);
	return r;
}
