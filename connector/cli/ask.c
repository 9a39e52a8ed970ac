#include "connector/cli/ask.h"
#include "connector/cli/term.h"
#include "connector/close/catalogue.h"
#include "connector/engine/desk.h"
#include "lib/cleanup.h"
#include "lib/control.h"
#include "lib/json.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* A retry waits for its answer from Close, which may take its whole time-out and the back-off. */
enum { answer_within_ms = 15 * 60 * 1000, owner_starts_within_ms = 3000, retry_every_ms = 50 };

void ask_print_notes(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->n_notes; i++) {
		const struct pipeline_note *note = &pipeline->notes[i];
		const char *kind = note->is_warning ? "warning" : "error";

		if (note->line)
			(void)fprintf(stderr, "%s:%u:%u: %s: ", pipeline->path, note->line,
			              note->column, kind);
		else
			(void)fprintf(stderr, "%s: %s: ", pipeline->path, kind);
		term_print(stderr, note->text);
		(void)fputc('\n', stderr);
	}
}

static enum exit_code load(const char *path, const struct pipeline_options *options,
                           struct pipeline **ret_pipeline)
{
	struct pipeline *pipeline = NULL;
	struct err err;

	if (pipeline_load(path, options, &pipeline, &err) < 0)
		return cli_fail(EXIT_PIPELINE, &err);
	if (pipeline->n_errors) {
		ask_print_notes(pipeline);
		pipeline_free(pipeline);
		return EXIT_PIPELINE;
	}
	*ret_pipeline = pipeline;
	return EXIT_DONE;
}

enum exit_code ask_load(const char *path, bool with_secrets, struct pipeline **ret_pipeline)
{
	const struct pipeline_options options = {
		.operations = crm_catalogue(),
		.with_secrets = with_secrets,
		.getenv = cli_getenv,
	};

	return load(path, &options, ret_pipeline);
}

enum exit_code ask_load_source(const char *path, struct pipeline **ret_pipeline)
{
	const struct pipeline_options options = {
		.operations = crm_catalogue(),
		.with_source_secrets = true,
		.getenv = cli_getenv,
	};

	return load(path, &options, ret_pipeline);
}

enum exit_code ask_refusal(struct json_object *answer)
{
	const char *text = json_get_string(answer, "error");
	struct err err;

	if (!text)
		return EXIT_DONE;
	(void)err_set(&err, -EINVAL, "%s", text);
	return cli_fail((enum exit_code)json_get_int(answer, "exit", EXIT_LOCAL), &err);
}

/* Nobody runs the pipeline: the state is opened for the time of the answer. */
static enum exit_code ask_alone(const struct pipeline *pipeline, const char *verb,
                                struct json_object *request, struct json_object **ret_answer,
                                struct err *err)
{
	cleanup_(pipeline_freep) struct pipeline *with_secrets = NULL;
	enum exit_code code;

	*err = (struct err){0};
	if (!desk_verb_acts(verb))
		return desk_ask_alone(pipeline, verb, request, ret_answer, err);
	code = ask_load(pipeline->path, true, &with_secrets); /* it has said what is wrong */
	if (code == EXIT_DONE && pipeline->kafka.topics && !strcmp(verb, "send"))
		(void)fprintf(stderr,
		              "nobody runs the pipeline: joins group %s for this record, and waits "
		              "for its partition\n",
		              pipeline->kafka.group);
	if (code == EXIT_DONE)
		code = desk_ask_alone(with_secrets, verb, request, ret_answer, err);
	return code;
}

/* *ret_is_between: somebody owns the state and does not listen yet, or not any more. */
static enum exit_code ask_once(const struct pipeline *pipeline, const char *verb,
                               struct json_object *request, struct json_object **ret_answer,
                               bool *ret_is_between, struct err *err)
{
	const int r = control_call(pipeline->state_folder, verb, request, answer_within_ms,
	                           ret_answer, err);
	const bool is_open = r == -ETIMEDOUT || r == -ECONNRESET; /* it may be done or not */
	enum exit_code code = r == 0 ? EXIT_DONE : is_open ? EXIT_AGAIN : EXIT_LOCAL;

	/* A run whose group shares out its partitions anew begins again: a look can be repeated. */
	*ret_is_between = r == -ECONNRESET && !strcmp(verb, "status");
	if (r == -ENOENT || r == -ECONNREFUSED) {
		code = ask_alone(pipeline, verb, request, ret_answer, err);
		*ret_is_between = code == EXIT_AGAIN;
	}
	return code;
}

enum exit_code ask_state(const struct pipeline *pipeline, const char *verb,
                         struct json_object *request, struct json_object **ret_answer)
{
	struct json_object *answer = NULL;
	enum exit_code code;
	struct err err = {0};
	bool is_between;

	code = ask_once(pipeline, verb, request, &answer, &is_between, &err);
	for (unsigned waited_ms = 0; is_between && waited_ms < owner_starts_within_ms;
	     waited_ms += retry_every_ms) {
		(void)poll(NULL, 0, retry_every_ms);
		code = ask_once(pipeline, verb, request, &answer, &is_between, &err);
	}
	if (code != EXIT_DONE)
		return *err.text ? cli_fail(code, &err) : code;
	code = ask_refusal(answer);
	if (code == EXIT_DONE)
		*ret_answer = answer;
	else
		(void)json_object_put(answer);
	return code;
}
