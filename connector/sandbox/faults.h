#pragma once

/*
 * Faults to order: what goes wrong (a row of a table), and for which requests. A rule comes as a
 * flag, "reset_after every=10 path=/lead/", or as JSON,
 * {"match": {"method": "POST", "path": "/lead/", "n": 3}, "fault": "status", "status": 503}.
 */

#include "connector/sandbox/call.h"
#include "connector/sandbox/tcp.h"

enum box_apply { BOX_APPLY_NEVER, BOX_APPLY_NOW, BOX_APPLY_LATE };

struct box_fault;

struct box_fault_kind {
	const char *name;
	const char *help; /* a line */
	enum box_apply apply;
	enum box_tcp_act act;
	size_t bytes; /* where the rule does not say */
	uint64_t ms;
	const char *raw;
	bool is_reset;
	/* Changes the answer; NULL: as it is. */
	void (*answer)(const struct box_fault *fault, struct box_answer *answer, int64_t wall_ms);
};

struct box_fault {
	const struct box_fault_kind *kind;
	char *method, *path; /* NULL: any; @path is a prefix */
	uint64_t n;          /* the nth request that matches; 0: any */
	uint64_t every;      /* each nth that matches; 0: any */
	uint64_t times;      /* at most so often; 0: no limit */
	uint64_t n_matched, n_fired;
	unsigned status; /* 0: the kind's own */
	uint64_t ms, seconds;
	size_t bytes;
	char *body, *form;
	struct json_object *headers;
};

struct box_faults;

/* The @at-th kind of fault there is, or NULL past the last one. */
const struct box_fault_kind *box_fault_kind_at(size_t at);

struct box_faults *box_faults_new(void);
void box_faults_free(struct box_faults *faults);
void box_faults_clear(struct box_faults *faults);

/* -EINVAL and why the rule makes no sense. */
int box_faults_add(struct box_faults *faults, struct json_object *rule, struct err *err);
int box_faults_add_text(struct box_faults *faults, const char *rule, struct err *err);

/* Counts the request with every rule it matches; the fault it meets, or NULL. */
const struct box_fault *box_faults_match(struct box_faults *faults, const char *method,
                                         const char *path);

/* What the TCP layer is to do with the answer. */
struct box_tcp_plan box_fault_plan(const struct box_fault *fault);

/* [{"fault": …, "matched": n, "fired": n}, …] */
struct json_object *box_faults_list(const struct box_faults *faults);
