#pragma once

/* What the desk's own files share. */

#include "connector/engine/desk.h"
#include "connector/engine/private.h"

/* A question that waits for outcomes. */
struct errand {
	struct errand *next;
	struct desk *desk;
	struct control_question *question; /* NULL: asked in this process */
	struct json_object *results;       /* list */
	struct json_object **ret_answer;   /* asked in this process */
	struct pipeline *pipeline;         /* to shape with, the engine's; NULL: as sent */
	uint64_t held;                     /* the request a person decides about; 0: none … */
	size_t n_records;                  /* … and of how many records it is */
	bool is_resend;                    /* of a held item, which a person says is not there */
	bool as_sent;
	char *edited;            /* what its one part's record says now; NULL: nobody edited it */
	struct telling *telling; /* it waits for receivers; or */
	struct sending *sending; /* for a record of the input; else for parts */
	uint64_t *ids;           /* parts to take up */
	size_t n_ids, n_begun, n_ended;
	struct errand_part {
		uint64_t id;
		uint64_t old_request;
		bool has_ended;
	} * parts; /* begun ones */
};

struct desk {
	struct engine *engine;
	struct errand *errands;
};

/* desk_read.c: answers from the journal; NULL: no such verb. @e is NULL when nobody runs. */
struct json_object *desk_read(struct journal *journal, struct engine *e,
                              const struct pipeline *pipeline, const char *verb,
                              struct json_object *request);
/* The status of a pipeline that has no state yet: every key of one that has. */
struct json_object *desk_never_run(const struct pipeline *pipeline);
struct json_object *desk_refusal(enum exit_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Ids of @request's "ids" or "id", 0-terminated, to free(); NULL: none given. */
uint64_t *desk_ids(struct json_object *request);

/* Where a record stands: {"file", "line", "bytes"}. */
struct json_object *desk_place(const struct record *record);

/* @text as JSON, or as a text where it is none; NULL for NULL. */
struct json_object *desk_parsed(const char *text, size_t len);

/* desk_held.c: of how many records the call is; a decision about one is about all of them. */
size_t desk_n_records(const struct request *request);

/* desk_export.c */
struct json_object *desk_export(struct journal *journal, struct json_object *request);

/* desk_act.c */

/* A new errand of the desk's. */
struct errand *errand_new(struct desk *desk);
/* Begins what @errand waits for, as far as there is room; answers when all has ended. */
void errand_go_on(struct desk *desk, struct errand *errand);
/* Adds a result to an errand. */
void errand_result(struct errand *errand, uint64_t id, const char *outcome, const char *object_id,
                   const char *message);
/* The part @id that @errand has begun, or NULL. */
struct errand_part *errand_part_of(const struct errand *errand, uint64_t id);
/* The errand other than @but that has begun part @id and is not answered yet, or NULL. */
struct errand *errand_holder(const struct desk *desk, const struct errand *but, uint64_t id);
/*
 * Two people asked for the same part: it is taken up once, and both learn what became of it. True
 * if another errand has @mine.
 */
bool errand_join(struct desk *desk, struct errand *errand, struct errand_part *mine);

/* A row of the journal as a copy that outlives the listing. */
struct desk_row {
	struct part_row row;
	bool is_there;
};
void desk_row_load(struct journal *journal, enum outcome outcome, uint64_t id,
                   struct desk_row *ret_row);
void desk_row_deinit(struct desk_row *row);
/* A part of @record is taken up again; its place in the source was settled long ago. */
void desk_begin_record(struct engine *e, struct record *record);

/* desk_retry.c */
/* The pipeline of a question, whose text came with it; NULL, or why there is none. */
struct json_object *desk_load_pipeline(const struct desk *desk, struct json_object *request,
                                       struct pipeline **ret_pipeline);
void desk_begin_retry(struct desk *desk, struct errand *errand, uint64_t id);
struct json_object *desk_retry(struct desk *desk, struct json_object *request,
                               struct errand **ret_errand);
/* @desk is NULL when nobody runs. */
struct json_object *desk_drop(const struct desk *desk, struct journal *journal,
                              struct json_object *request, int64_t wall_ms);

/* desk_tell.c: what receivers are told, and told again. */
bool desk_is_telling(const char *verb);
/* NULL: it waits, else the answer. */
struct json_object *desk_tell(struct desk *desk, const char *verb, struct json_object *request,
                              struct errand **ret_errand);
/* All that was asked for is told, or cannot be told now. */
bool telling_has_ended(struct desk *desk, const struct errand *errand);
/* What it came to, a new object. */
struct json_object *telling_answer(struct engine *e, const struct telling *telling);
void telling_free(struct telling *telling); /* NULL is ignored */
/* Lifts the pause of a 410; @desk is NULL when nobody runs. */
struct json_object *desk_resume(struct desk *desk, struct journal *journal,
                                const struct pipeline *pipeline);

/* desk_became.c */
struct desk_where {
	enum stream_kind kind;
	const char *name; /* of the file, or topic */
	int32_t partition;
	uint64_t line, stream, pos;
};
/* "line 3 of in.ndjson", "offset 7 of partition 0 of topic "x""; to free(). */
char *desk_what(const struct desk_where *where);
/*
 * Why the record there is not sent (again): what is kept of it, or (@is_settled) what was told of
 * it, as a refusal; @path is the pipeline's. NULL: nothing stands in the way.
 */
struct json_object *desk_became(struct journal *journal, const char *path,
                                const struct desk_where *where, bool is_settled);

/* desk_shown.c: a hash of what would go over the wire, as the person saw it; to free(). */
char *desk_fingerprint(const struct shape_result *shaped, struct jq_set *jq);

/* desk_message.c: what a message of Kafka needs before it is sent. */
/* The stream it is of, the newest of that name; NULL: the state knows none. */
struct stream *desk_message_stream(struct stream *const *streams, size_t n,
                                   const struct desk_where *where);
/* Why @pipeline, which a person has now, does not read what the engine reads; NULL: it does. */
struct json_object *desk_other_source(const struct engine *e, const struct pipeline *pipeline,
                                      bool is_message);
struct desk_patience {
	uint64_t since_ms;
	bool is_waiting; /* for the group or for Kafka: there is nothing to do at once */
	bool is_rising;
};
/*
 * Whether the message there (where.stream is 0 where the state knows none) may be sent now, by the
 * owner of its partition. False: not yet, or *ret_refusal says why it may not.
 */
bool desk_message_may_go(struct engine *e, const struct desk_where *where,
                         struct desk_patience *patience, struct json_object **ret_refusal);

/* desk_send.c: one record of the input, sent because a person says so. */
struct json_object *desk_send(struct desk *desk, struct json_object *request,
                              struct errand **ret_errand);
/* What is known of the record that is asked for, or why nobody can look. */
struct json_object *desk_look(struct desk *desk, struct json_object *request,
                              struct errand **ret_errand);
/* The same with nobody running. */
struct json_object *desk_look_alone(struct journal *journal, const struct pipeline *pipeline,
                                    struct json_object *request);
void sending_go_on(struct desk *desk, struct errand *errand);
/* There is work to do at once. */
bool sending_is_busy(const struct sending *sending);
bool sending_has_ended(const struct sending *sending);
struct json_object *sending_answer(struct errand *errand);
/* Ends it with nothing sent, where @record is its own and none of it was sent yet. */
bool sending_give_back(struct errand *errand, struct record *record, const char *why);
/* @record, if it is its own, waits for a person to settle what @words say. */
void sending_wait_for(struct sending *sending, const struct record *record, const char *words);
/* An output of its record, if it is of that one, has ended. */
void sending_part_ended(struct errand *errand, const struct part *part,
                        const struct request *request);
void sending_free(struct sending *sending); /* NULL is ignored */

/* desk_held.c */
void desk_send_held(struct desk *desk, struct errand *errand);
/* A person's decision on a held item; NULL: it waits (send), else the answer. */
struct json_object *desk_resolve(struct desk *desk, struct json_object *request,
                                 struct errand **ret_errand);
