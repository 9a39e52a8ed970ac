#pragma once

/*
 * What is known of a rotating OAuth grant, in a file several processes of one user share. The
 * refresh token in it is the only one that works, so a write is durable as a whole or not at all,
 * room for the next one is taken before anybody asks for it, and who asks holds the lock.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { token_max_bytes = 4096 };

struct token_file;

struct tokens {
	char *refresh_token;
	char *access_token; /* NULL: none yet */
	int64_t got_wall_ms;
	uint64_t life_ms; /* of the access token, from then on */
	/* A refresh was begun then, and its answer is not in here; 0: none. */
	int64_t asked_wall_ms;
};

/* Wipes and frees the texts. */
void tokens_deinit(struct tokens *tokens);
struct tokens tokens_copy(const struct tokens *tokens);

/* True if @text could be a token: visible ASCII without quotes, not too long. */
bool token_is_sane(const char *text);

/* The file of the grant @id (letters and digits) in @folder; nothing is touched yet. */
struct token_file *token_file_new(const char *folder, const char *id);
void token_file_free(struct token_file *file); /* leaves the lock; NULL is ignored */

const char *token_file_path(const struct token_file *file);

/*
 * Reads it. 1 with the tokens, the caller's; 0: there is none yet; -EBADMSG: it is damaged, -EPERM:
 * others may read it, or another negative errno.
 */
int token_file_read(const struct token_file *file, struct tokens *ret_tokens, struct err *err);

/*
 * Takes the lock without waiting, and makes the folder where there is none (0700, with those above
 * it). 0, -EAGAIN: another process has the lock, -EPERM: the folder belongs to others, or they may
 * look into it, or another errno.
 */
int token_file_lock(struct token_file *file, struct err *err);
void token_file_unlock(struct token_file *file);

/* Writes it durably; the caller has the lock. After a failure what was there is still there. */
int token_file_write(struct token_file *file, const struct tokens *tokens, struct err *err);
/* Takes room on the disk for the next token_file_write(), until that or token_file_unlock(). */
int token_file_reserve(struct token_file *file, struct err *err);
