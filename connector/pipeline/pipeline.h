#pragma once

/*
 * The pipeline file, loaded and checked: the only place that knows its keys. Relative paths in it
 * are relative to the folder of the file. What a key of another capability would do is refused with
 * "not available yet", so every field here has its behaviour.
 */

#include "connector/model/kafka_choice.h"
#include "connector/model/operation.h"
#include "connector/model/route.h"
#include "lib/err.h"
#include "lib/kafka.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a mistake is about, in the order in which a file is read. */
enum pipeline_layer {
	LAYER_SYNTAX,  /* YAML, and the strict subset of it */
	LAYER_KEYS,    /* names and values of keys, each by itself */
	LAYER_MEANING, /* what keys mean together, and against the operations of Close */
	LAYER_SECRETS, /* values from outside that are missing or unsafe */
};

/* A mistake or a warning: what, where, why, what to do. */
struct pipeline_note {
	enum pipeline_layer layer;
	unsigned line, column; /* 0: about the file as a whole */
	bool is_warning;
	char *text;
};

/* A topic to write to. */
struct pipeline_topic {
	char *topic; /* NULL: none */
	struct kafka_conf conf;
};

/* Topics to read from. */
struct pipeline_source_kafka {
	char **topics; /* NULL-terminated; ^ begins a pattern. NULL: the source is ndjson */
	char *written; /* "topic a", "topics a, ^b": for messages */
	struct kafka_conf conf;
	char *group;
	enum kafka_start start;
	int64_t start_ms; /* with KAFKA_START_TIME; since 1970 */
	enum kafka_tombstones tombstones;
	bool is_framed; /* framing: confluent */
	uint64_t session_ms;
};

/* OAuth instead of an API key. */
struct pipeline_oauth {
	char *client_id;                     /* NULL: there is an API key */
	char *client_secret, *refresh_token; /* secret; NULL without with_secrets */
	char *source;                        /* "file close.token": of the refresh token */
	char *token_url;
	char *folder; /* of token files, for all pipelines of the user */
};

struct pipeline {
	char *path, *folder; /* as given; the folder with its last slash, or "" */
	char *text;          /* the file as it was read (references, never secrets) */
	size_t text_len;
	char sha256[65];
	char *name;
	/* source: kafka, or ndjson */
	struct pipeline_source_kafka kafka;
	char *ndjson_path;    /* absolute or relative to the working folder; "-": standard input */
	char *ndjson_written; /* as it stands in the file: events and messages use it */
	bool ndjson_follow;
	bool start_anew_on_change; /* ndjson.on_change: new */
	bool is_anew_for_key;      /* nobody wrote that: it is so because there is a source.key */
	uint64_t max_record;       /* bytes */
	/* routes */
	struct route_set routes;
	/* close */
	char *base_url;       /* without last slash */
	bool is_close;        /* base_url is Close's own */
	char *api_key;        /* secret */
	char *api_key_source; /* "env CLOSE_API_KEY": for messages */
	struct pipeline_oauth oauth;
	unsigned concurrency;
	uint64_t rate_n, rate_per_ms; /* 0: none */
	unsigned share_pct;
	uint64_t timeout_ms;
	bool close_allow_private;
	char *ca_file, *proxy;
	/* delivery */
	uint64_t retry_for_ms;
	bool hold_unknown; /* on_unknown: hold */
	uint64_t quarantine_ms;
	char *canary;
	uint64_t drain_ms;
	enum {
		MAX_REJECTS_DEFAULT,
		MAX_REJECTS_NONE,
		MAX_REJECTS_COUNT,
		MAX_REJECTS_SHARE
	} max_rejects;
	uint64_t max_rejects_n; /* a count, or a percentage */
	bool park_rejects;      /* on_reject: park */
	uint64_t max_destroys;
	/* responses */
	char *webhook_url;        /* NULL: none */
	char *webhook_secrets[2]; /* secret; the second NULL unless it rotates */
	char **webhook_headers;   /* "Name: value", NULL-terminated or NULL */
	uint64_t webhook_timeout_ms;
	bool webhook_allow_private;
	char *responses_file; /* NULL: none */
	bool include_request, include_response;
	struct pipeline_topic responses_kafka;
	struct pipeline_topic rejects_kafka;
	/* Kinds of names (model/names.h) that records may use by the routes; those the file uses.
	 */
	char **name_kinds, **named_kinds;
	bool has_open_names; /* custom fields by name, whose type each record says */
	/* state */
	uint64_t keep_ms;
	char *state_folder; /* where state lives; never NULL */

	/* The environment it was loaded with, for those who load another version of it. */
	const char *(*getenv)(void *arg, const char *name);
	void *getenv_arg;

	struct pipeline_note *notes; /* in the order of the file */
	size_t n_notes;
	size_t n_errors; /* of the notes */
};

struct pipeline_options {
	const struct operation_set *operations;
	/* What is known by name; NULL: nothing, so names in the file are not judged. Borrowed. */
	const struct names *names;
	/*
	 * False: secrets are checked for form only, nothing is read for them (api_key and
	 * webhook_secrets stay NULL), and any other value from outside that cannot be had is a
	 * warning that leaves the default ({@var.x}: null).
	 */
	bool with_secrets;
	/* True: source.kafka is read with its secrets in any case. */
	bool with_source_secrets;
	/* Environment to read {env:} from; NULL: getenv(3). */
	const char *(*getenv)(void *arg, const char *name);
	void *arg;
};

/*
 * Loads and checks the file at @path. All mistakes are in notes, in one go. Returns 0 with the
 * pipeline also when it has mistakes (n_errors > 0; then only the notes may be used), or a negative
 * errno with a sentence where the file could not be read at all.
 */
int pipeline_load(const char *path, const struct pipeline_options *options,
                  struct pipeline **ret_pipeline, struct err *err);

/* The same from text that was sent by another process (rejects retry); @path is for messages. */
int pipeline_load_text(const char *path, const char *text, size_t len,
                       const struct pipeline_options *options, struct pipeline **ret_pipeline,
                       struct err *err);

void pipeline_free(struct pipeline *pipeline);
void pipeline_freep(struct pipeline **pipeline);

/*
 * Operations that are not the catalogue's, but made of two of them: create or update, by what match
 * finds. NULL-terminated.
 */
extern const char *const route_upserts[];
/* What an upsert of this name is made of; false: @name is none. */
bool route_upsert(const struct operation_set *set, const char *name,
                  const struct operation **ret_create, const struct operation **ret_update);
extern const char route_upsert_summary[];
/* Whether a create takes the field, and @update does not (or should not). */
bool route_is_create_only(const char *field, const struct operation *update);

/* schemas/pipeline.schema.json and docs/reference.md from the same tables; text to free(). */
char *pipeline_schema(const struct operation_set *operations);
char *pipeline_reference(void);
/* The same as the manual page closefeed-pipeline(5). */
char *pipeline_manual(void);
