#pragma once

/*
 * The door to SQLite: one database, one connection, one owner. Opened in WAL mode with
 * synchronous=FULL and an exclusive lock, its WAL grown in advance and free pages kept in reserve,
 * so that small writes still succeed on a disk with no byte free.
 *
 * Errors are negative errno: -EBUSY somebody else has it, -ENOSPC the disk is full (the whole
 * transaction is rolled back), -EROFS, -EUCLEAN the file is damaged, -EMEDIUMTYPE it is no database
 * of ours, -EOVERFLOW it was written by a newer version, -EIO the disk fails. After -EIO the
 * process must stop: a failed fsync may have dropped pages for good
 * (https://wiki.postgresql.org/wiki/Fsync_Errors).
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_query;

struct store_config {
	int32_t application_id;
	/* Statements that bring version i to i + 1; NULL-terminated. Their number is the version.
	 */
	const char *const *migrations;
	size_t reserve_bytes; /* free pages kept inside the file, and size of the WAL */
	int busy_ms;          /* how long to wait for another owner to let go */
};

int store_open(const char *path, const struct store_config *config, struct store **ret_store,
               struct err *err);
void store_close(struct store *store);

/* A statement kept for the life of the store; a mistake in @sql is a bug. */
struct store_query *store_query(struct store *store, const char *sql);

/* Parameters from 1. Text and blobs are borrowed until the query is run to its end or reset. */
void store_bind_int(struct store_query *q, int at, int64_t value);
void store_bind_text(struct store_query *q, int at, const char *text); /* NULL: NULL */
void store_bind_blob(struct store_query *q, int at, const void *bytes, size_t len);

/* 1: a row is there; 0: done (and reset); negative: failed (and reset). */
int store_step(struct store_query *q, struct err *err);
/* Runs to the end: 0 or negative. */
int store_run(struct store_query *q, struct err *err);
void store_reset(struct store_query *q);

int64_t store_int(struct store_query *q, int column);
const char *store_text(struct store_query *q, int column); /* NULL for NULL; until the next step */
const void *store_blob(struct store_query *q, int column, size_t *ret_len);

/* Statements without rows, e.g. several in one text. */
int store_exec(struct store *store, const char *sql, struct err *err);

int store_begin(struct store *store, struct err *err);
int store_commit(struct store *store, struct err *err);
/* Safe also after an error that has rolled back already. */
void store_rollback(struct store *store);

/* Full check of the file: 0, or -EUCLEAN with the first finding. For after a corruption error. */
int store_check(struct store *store, struct err *err);
