#include "connector/sandbox/jobs.h"

#include "lib/mem.h"

#include <stdlib.h>

struct job {
	struct box_actor actor; /* the one who asked for it */
	char *texts[4];         /* the actor's */
	struct box_object *object;
	unsigned halves;
	uint64_t more_ms;
	box_job_fn fn;
	struct job *next; /* in the order they were added */
};

struct box_jobs {
	struct job *first, **end;
	uint64_t job_ms;
};

struct box_jobs *box_jobs_new(void)
{
	struct box_jobs *jobs = mem_alloc(sizeof(*jobs));

	*jobs = (struct box_jobs){.end = &jobs->first, .job_ms = box_job_usual_ms};
	return jobs;
}

static void job_free(struct job *job)
{
	for (size_t i = 0; i < sizeof(job->texts) / sizeof(job->texts[0]); i++)
		free(job->texts[i]);
	free(job);
}

void box_jobs_free(struct box_jobs *jobs)
{
	struct job *next;

	for (struct job *job = jobs->first; job; job = next) {
		next = job->next;
		job_free(job);
	}
	free(jobs);
}

void box_jobs_set_time(struct box_jobs *jobs, uint64_t job_ms)
{
	jobs->job_ms = job_ms;
}

void box_jobs_add(struct box_org *org, const struct box_actor *actor, struct box_object *object,
                  unsigned halves, uint64_t more_ms, box_job_fn fn)
{
	struct job *job = mem_alloc(sizeof(*job));

	*job = (struct job){
		.actor = *actor,
		.object = object,
		.halves = halves,
		.more_ms = more_ms,
		.fn = fn,
	};
	job->actor.request_id = job->texts[0] = mem_strdup(actor->request_id);
	job->actor.key_id = job->texts[1] = mem_strdup(actor->key_id);
	job->actor.method = job->texts[2] = mem_strdup(actor->method);
	job->actor.path = job->texts[3] = mem_strdup(actor->path);
	*org->jobs->end = job;
	org->jobs->end = &job->next;
}

static uint64_t due_ms(const struct box_jobs *jobs, const struct job *job)
{
	return job->actor.now_ms + job->more_ms + job->halves * jobs->job_ms / 2;
}

/* Where the job that is due first hangs, or NULL. */
static struct job **find_next(struct box_jobs *jobs)
{
	struct job **next = NULL;

	for (struct job **at = &jobs->first; *at; at = &(*at)->next)
		if (!next || due_ms(jobs, *at) < due_ms(jobs, *next))
			next = at;
	return next;
}

bool box_jobs_next(struct box_jobs *jobs, uint64_t *ret_at_ms)
{
	struct job *const *next = find_next(jobs);

	if (next)
		*ret_at_ms = due_ms(jobs, *next);
	return next != NULL;
}

static struct job *take(struct box_jobs *jobs, struct job **at)
{
	struct job *job = *at;

	*at = job->next;
	if (!*at)
		jobs->end = at;
	return job;
}

void box_jobs_run(struct box_org *org, uint64_t now_ms, int64_t wall_ms)
{
	struct job **next;

	while ((next = find_next(org->jobs)) && due_ms(org->jobs, *next) <= now_ms) {
		struct job *job = take(org->jobs, next);

		/* What it sets off in its turn follows it, not the time somebody looked. */
		job->actor.now_ms = due_ms(org->jobs, job);
		job->actor.wall_ms = wall_ms;
		if (!job->object->is_deleted)
			job->fn(org, &job->actor, job->object);
		job_free(job);
	}
}
