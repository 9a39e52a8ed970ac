/* Programs that do not end well, each in a child of its own. */

#include "lib/jq.h"
#include "lib/jq_guard.h"
#include "lib/json.h"

#include "tests/unit/check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct jq_where line_12 = {"signups.ndjson", "line", 12};

static void no_fault(void *arg, unsigned program, const struct jq_fault *fault)
{
	(void)arg;
	(void)program;
	(void)fprintf(stderr, "%s\n", fault->text);
}

static bool ignore(void *arg, struct json_object *output)
{
	(void)arg;
	(void)output;
	return true;
}

static struct jq_set *compiled(const char *program)
{
	struct jq_set *set = jq_set_new();

	(void)jq_set_add(set, ".", "routes[0].when");
	(void)jq_set_add(set, program, "routes[0].transform");
	check_eq(jq_set_compile(set, NULL, no_fault, NULL), 0);
	return set;
}

/* Runs @program as a child would, which does not come back from most. */
static void __attribute__((noreturn))
run_and_exit(const char *program, struct jq_limits limits, const struct jq_where *where)
{
	struct jq_set *set = compiled(program);
	struct jq_input *input = jq_input_new(NULL, NULL, where);
	bool truth;

	(void)alarm(300); /* were there no guard */
	jq_limits = limits;
	jq_set_exit_code(78);
	(void)jq_run(set, 1, input, ignore, NULL, NULL);
	/* What is left of a program that was not asked to its end is still its own. */
	(void)jq_is_true(set, 2, input, &truth, NULL);
	(void)jq_run(set, 1, input, ignore, NULL, NULL);
	(void)jq_run(set, 2, input, ignore, NULL, NULL);
	_exit(0);
}

/* Runs @program in a child; returns how that ended, and in @said what it wrote to stderr. */
static int outcome_of(const char *program, struct jq_limits limits, const struct jq_where *where,
                      char said[static 2048])
{
	size_t len = 0;
	int ends[2], status;
	pid_t pid;
	ssize_t n;

	check_eq(pipe(ends), 0);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		(void)dup2(ends[1], STDERR_FILENO);
		run_and_exit(program, limits, where);
	}
	(void)close(ends[1]);
	while ((n = read(ends[0], said + len, 2047 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	(void)close(ends[0]);
	check_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void check_ends(const char *program, struct jq_limits limits, const char *sentence)
{
	char said[2048];
	const int code = outcome_of(program, limits, &line_12, said);

	if (code != 78 || !strstr(said, sentence))
		fail_msg("%s: exit %d, \"%s\"", program, code, said);
}

static void a_program_that_does_not_end_ends_the_process(void **state)
{
	static const char *const programs[] = {
		"def f: f; f", "last(range(1e12))", "range(1e12)", /* outputs without end */
		"\"aa\" | gsub(\"^\"; \"b\") | empty", /* jq 1.6 never gets behind "^" */
	};
	const struct jq_limits limits = {.ms = 100, .bytes = UINT64_C(1) << 40};

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		check_ends(programs[i], limits,
		           "closefeed: the jq program routes[0].transform did not end within "
		           "100 ms on signups.ndjson line 12; nothing of this record was sent. "
		           "Mend the program, then run again\n");
}

static void a_program_that_eats_memory_ends_the_process(void **state)
{
	static const char *const programs[] = {
		"[range(1e12)]",
		"def f: 1 + f; f",
		"\"x\" * 1e9",
		"[limit(1e12; repeat(\"x\"))]",
	};
	const struct jq_limits limits = {.ms = 60000, .bytes = 64 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		check_ends(programs[i], limits,
		           "closefeed: the jq program routes[0].transform took more than 64 MiB of "
		           "memory on signups.ndjson line 12; nothing of this record was sent. "
		           "Mend the program, then run again\n");
}

static void what_breaks_libjq_gets_a_sentence_too(void **state)
{
	static const struct {
		const char *program, *sentence;
	} rows[] = {
		{"[1,2] | .[nan:]", "routes[0].transform broke libjq's own assumptions on signups"},
		{".[2147483647] = 1",
	         "routes[0].transform made libjq crash, by nesting too deep or "
	         "a number too large on signups"},
		{"reduce range(1000000) as $i (0; [.])",
	         "routes[0].transform made libjq crash, by nesting too deep"},
		{"reduce range(1000000) as $i (0; [.]) | (0, 1) as $x | 1",
	         "routes[0].transform made libjq crash, by nesting too deep"},
		{"-1e300 % -1", "made libjq crash, by nesting too deep or a number too large"},
	};
	const struct jq_limits limits = {.ms = 60000, .bytes = UINT64_C(1) << 40};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_ends(rows[i].program, limits, rows[i].sentence);
}

static void the_sentence_holds_no_control_characters_and_may_lack_a_place(void **state)
{
	static const struct jq_where wild = {"a\nb\x1b[0m.ndjson", "line", UINT64_MAX}, none = {0};
	const struct jq_limits limits = {.ms = 2000, .bytes = UINT64_C(1) << 40};
	char said[2048];

	(void)state;
	check_eq(outcome_of("-1e300 % -1", limits, &wild, said), 78);
	check(strstr(said, " on a?b?[0m.ndjson line 18446744073709551615; nothing of"));
	check_eq(outcome_of("-1e300 % -1", limits, &none, said), 78);
	check_text(said, "closefeed: the jq program routes[0].transform made libjq crash, by "
	                 "nesting too deep or a number too large. Mend the program, then run "
	                 "again\n");
}

static uint64_t processor_ms(void)
{
	return (uint64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

/* The limits hold for one value, not for all a process ever sees. */
static void programs_that_end_in_time_may_run_for_ever(void **state)
{
	struct jq_set *set = compiled("[range(1000)] | length");
	struct jq_input *input = jq_input_new(NULL, NULL, &line_12);
	const struct jq_limits kept = jq_limits;
	const uint64_t until_ms = processor_ms() + 400;

	(void)state;
	jq_limits = (struct jq_limits){.ms = 100, .bytes = 64 << 20};
	while (processor_ms() < until_ms)
		check_eq(jq_run(set, 2, input, ignore, NULL, NULL), 0);
	jq_limits = kept;
	jq_input_free(input);
	jq_set_free(set);
}

/* The console's previews run in children; what watched the parent is not theirs. */
static void a_child_of_a_process_that_ran_programs_is_watched_too(void **state)
{
	struct jq_set *set = compiled(".");
	struct jq_input *input = jq_input_new(NULL, NULL, &line_12);
	const struct jq_limits limits = {.ms = 100, .bytes = UINT64_C(1) << 40};

	(void)state;
	check_eq(jq_run(set, 1, input, ignore, NULL, NULL), 0);
	jq_input_free(input);
	jq_set_free(set);
	check_ends("def f: f; f", limits, "did not end within 100 ms");
}

/* A crash of anything else stays what it is. */
static void a_crash_outside_of_programs_is_not_dressed_up(void **state)
{
	struct jq_set *set = compiled(".");
	int status;
	pid_t pid;

	(void)state;
	jq_set_free(set);
	pid = fork();
	check(pid >= 0);
	if (!pid)
		abort();
	check_eq(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(a_program_that_does_not_end_ends_the_process),
		sentence(a_program_that_eats_memory_ends_the_process),
		sentence(what_breaks_libjq_gets_a_sentence_too),
		sentence(the_sentence_holds_no_control_characters_and_may_lack_a_place),
		sentence(programs_that_end_in_time_may_run_for_ever),
		sentence(a_child_of_a_process_that_ran_programs_is_watched_too),
		sentence(a_crash_outside_of_programs_is_not_dressed_up),
	};

	return run_sentences(tests);
}
