#include "connector/delivery/journal_schema.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/strlist.h"

#include <string.h>

/* Migrations are append-only: number i brings version i to i + 1. */

static const char version_1[] =
	"CREATE TABLE meta(k TEXT PRIMARY KEY, v TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE config(id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, text TEXT NOT NULL)"
	" STRICT;"
	"CREATE TABLE run(id INTEGER PRIMARY KEY, uid TEXT NOT NULL, began INTEGER NOT NULL,"
	" ended INTEGER NOT NULL, reason TEXT NOT NULL, config INTEGER NOT NULL,"
	" n_read INTEGER NOT NULL, delivered INTEGER NOT NULL, filtered INTEGER NOT NULL,"
	" skipped INTEGER NOT NULL, rejected INTEGER NOT NULL, held INTEGER NOT NULL,"
	" open INTEGER NOT NULL) STRICT;"
	"CREATE TABLE stream(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL,"
	" dev INTEGER NOT NULL, ino INTEGER NOT NULL, head_hash TEXT, head_len INTEGER NOT NULL,"
	" tail_hash TEXT, tail_len INTEGER NOT NULL, hashed_to INTEGER NOT NULL, whole_hash TEXT,"
	" size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, settled_to INTEGER NOT NULL,"
	" settled_line INTEGER NOT NULL, ranges TEXT NOT NULL, generation INTEGER NOT NULL) STRICT;"
	"CREATE TABLE record(id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, pos INTEGER NOT NULL,"
	" next_pos INTEGER NOT NULL, len INTEGER NOT NULL, line INTEGER NOT NULL,"
	" fault INTEGER NOT NULL, raw BLOB, worst INTEGER NOT NULL, user_key BLOB,"
	" done INTEGER NOT NULL, UNIQUE(stream, pos)) STRICT;"
	"CREATE INDEX record_by_key ON record(user_key) WHERE user_key IS NOT NULL;"
	"CREATE TABLE part(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, ordinal INTEGER NOT NULL,"
	" request INTEGER NOT NULL, place INTEGER NOT NULL, outcome INTEGER NOT NULL,"
	" class INTEGER NOT NULL, generation INTEGER NOT NULL, at INTEGER NOT NULL, message TEXT,"
	" field TEXT, fields TEXT, route TEXT, operation TEXT, config INTEGER NOT NULL,"
	" takes_rest INTEGER NOT NULL,"
	" draft TEXT) STRICT;"
	"CREATE INDEX part_of_record ON part(record);"
	"CREATE INDEX part_ended ON part(outcome, id) WHERE outcome <> 0;"
	"CREATE INDEX part_waiting ON part(id) WHERE request = 0 AND outcome = 0;"
	"CREATE TABLE request(seq INTEGER PRIMARY KEY, id TEXT NOT NULL, state INTEGER NOT NULL,"
	" method INTEGER NOT NULL, class INTEGER NOT NULL, route TEXT NOT NULL,"
	" operation TEXT NOT NULL, object TEXT NOT NULL, grp TEXT NOT NULL, url TEXT NOT NULL,"
	" headers TEXT, lanes TEXT, notes TEXT, identity_field TEXT, identity_value TEXT,"
	" config INTEGER NOT NULL, attempts INTEGER NOT NULL, resends INTEGER NOT NULL,"
	" crash_count INTEGER NOT NULL, intent_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,"
	" duration INTEGER NOT NULL, status INTEGER NOT NULL, object_id TEXT,"
	" found INTEGER NOT NULL, known TEXT, first_part INTEGER NOT NULL,"
	" last_part INTEGER NOT NULL, format INTEGER NOT NULL, root INTEGER NOT NULL,"
	" root_at INTEGER NOT NULL, written TEXT) STRICT;"
	"CREATE TABLE payload(request INTEGER PRIMARY KEY, body BLOB, answer_headers TEXT,"
	" answer BLOB) STRICT;"
	"CREATE TABLE event(seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, at INTEGER NOT NULL,"
	" sinks INTEGER NOT NULL, id TEXT NOT NULL, lane TEXT NOT NULL, body BLOB NOT NULL) STRICT;"
	/* To the webhook; how far a file has come is one number, meta file_to. */
	"CREATE TABLE owed(seq INTEGER PRIMARY KEY, attempts INTEGER NOT NULL,"
	" next_try INTEGER NOT NULL) STRICT;"
	"CREATE TABLE object(kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,"
	" object_id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(kind, field, value))"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX object_by_id ON object(object_id);"
	"CREATE TABLE seen_key(hash BLOB PRIMARY KEY, outcome INTEGER NOT NULL,"
	" at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE cache(kind TEXT PRIMARY KEY, text TEXT NOT NULL, at INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE closed_lane(key TEXT PRIMARY KEY, until INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE decision(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL,"
	" subject INTEGER NOT NULL, choice TEXT NOT NULL, object_id TEXT) STRICT;";

/*
 * Objects by what finds them. A row without a source ("") is an identity: it says which create made
 * the object, and when. Those of version 1 are all of this kind.
 */
static const char version_2[] =
	"ALTER TABLE object RENAME TO object_1;"
	"DROP INDEX object_by_id;"
	"CREATE TABLE object(kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,"
	" object_id TEXT NOT NULL, source TEXT NOT NULL, lead_id TEXT, since INTEGER NOT NULL,"
	" at INTEGER NOT NULL, PRIMARY KEY(kind, field, value, object_id, source))"
	" STRICT, WITHOUT ROWID;"
	"INSERT INTO object SELECT kind, field, value, object_id, '', NULL, at, at FROM object_1;"
	"DROP TABLE object_1;"
	"CREATE INDEX object_by_id ON object(object_id);"
	"CREATE INDEX object_by_source ON object(source) WHERE source <> '';"
	"CREATE INDEX object_by_lead ON object(lead_id) WHERE lead_id IS NOT NULL;"
	"CREATE TABLE known(object_id TEXT NOT NULL, field TEXT NOT NULL, sent INTEGER NOT NULL,"
	" answered INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(object_id, field))"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE closed_key(closing INTEGER NOT NULL, key TEXT NOT NULL, part INTEGER NOT NULL,"
	" PRIMARY KEY(closing, key, part)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX closed_key_of_part ON closed_key(part);"
	"ALTER TABLE request ADD COLUMN remembered INTEGER NOT NULL DEFAULT 0;";

/* Of events: the key they have in a topic. */
static const char version_3[] = "ALTER TABLE event ADD COLUMN key TEXT;";

/* Partitions of Kafka: what another owner may have sent, and what a message carries. */
static const char version_4[] =
	"ALTER TABLE stream ADD COLUMN doubtful_to INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE record ADD COLUMN message TEXT;";

/* Of objects: the last output that was to make one with this value. */
static const char version_5[] = "ALTER TABLE object ADD COLUMN stream INTEGER NOT NULL DEFAULT 0;"
				"ALTER TABLE object ADD COLUMN pos INTEGER NOT NULL DEFAULT 0;"
				"ALTER TABLE object ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 0;";

const char *const journal_migrations[] = {version_1, version_2, version_3,
                                          version_4, version_5, NULL};

char *journal_join(char *const *list)
{
	struct buf b = BUF_INIT;

	if (!list || !*list)
		return NULL;
	for (char *const *item = list; *item; item++) {
		if (b.len)
			buf_addc(&b, '\n');
		buf_adds(&b, *item);
	}
	return buf_take(&b);
}

char **journal_split(const char *text)
{
	char **list = NULL;

	while (text && *text) {
		const char *end = strchrnul(text, '\n');

		strlist_add(&list, mem_dup(text, (size_t)(end - text)));
		text = *end ? end + 1 : end;
	}
	return list;
}
