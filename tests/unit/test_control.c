#include "lib/control.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "tests/unit/check.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long to wait for what comes within a moment, unless the machine stands still. */
enum { patience_ms = 120000 };

static char folder[PATH_MAX];

struct late {
	struct loop_timer timer;
	struct control_question *question;
};

static void reply_word(struct control_question *question, const char *word)
{
	struct json_object *answer = json_object_new_object();

	(void)json_object_object_add(answer, "word", json_string(word));
	control_reply(question, answer);
	(void)json_object_put(answer);
}

static void reply_late(void *arg)
{
	struct late *late = arg;

	reply_word(late->question, "late");
	free(late);
}

/* "echo" gives back what came, "late" answers after a moment, "never" does not. */
static void answer(void *arg, const char *verb, struct json_object *request,
                   struct control_question *question)
{
	struct loop *loop = arg;
	struct late *late;

	if (strcmp(verb, "echo") == 0) {
		reply_word(question, json_get_string(request, "word"));
	} else if (strcmp(verb, "late") == 0) {
		late = mem_alloc(sizeof(*late));
		late->question = question;
		loop_timer_set(loop, &late->timer, loop_now_ms(loop) + 30, reply_late, late);
	}
}

/* An owner in a process of its own, until it is killed; returns when it listens. */
static pid_t start_owner(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	check_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct loop *loop = loop_new();
		struct control *control = NULL;
		struct err err;

		if (control_listen(loop, folder, answer, loop, &control, &err) < 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		for (;;)
			loop_turn(loop, -1);
	}
	(void)close(ready[1]);
	check_eq(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static void end_owner(pid_t pid)
{
	check_eq(kill(pid, SIGKILL), 0);
	check_eq(waitpid(pid, NULL, 0), pid);
}

static int ask(const char *verb, unsigned timeout_ms, char *ret_word)
{
	struct json_object *request = json_object_new_object(), *reply = NULL;
	struct err err = {0};
	int r;

	(void)json_object_object_add(request, "word", json_string("quota \"x\""));
	r = control_call(folder, verb, request, timeout_ms, &reply, &err);
	if (r == 0)
		(void)snprintf(ret_word, 32, "%s", json_get_string(reply, "word"));
	else
		check(err.text[0]);
	(void)json_object_put(request);
	(void)json_object_put(reply);
	return r;
}

static void answers_come_at_once_or_later(void **state)
{
	char word[32];
	const pid_t pid = start_owner();

	(void)state;
	check_eq(ask("echo", patience_ms, word), 0);
	check_text(word, "quota \"x\"");
	check_eq(ask("late", patience_ms, word), 0);
	check_text(word, "late");
	check_eq(ask("never", 100, word), -ETIMEDOUT);
	end_owner(pid);
}

static void nobody_listening_is_told_apart(void **state)
{
	char word[32];

	(void)state;
	/* The socket of the owner that was killed is still there. */
	check_eq(ask("echo", patience_ms, word), -ECONNREFUSED);
	check_eq(unlink("control.sock"), 0);
	check_eq(ask("echo", patience_ms, word), -ENOENT);
}

static void the_socket_is_private_and_goes_with_its_owner(void **state)
{
	struct loop *loop = loop_new();
	struct control *control = NULL;
	struct stat st;

	(void)state;
	check_eq(control_listen(loop, folder, answer, loop, &control, NULL), 0);
	check_eq(stat("control.sock", &st), 0);
	check_eq(st.st_mode & 0777, 0600);
	control_free(control);
	check_eq(stat("control.sock", &st), -1);
	loop_free(loop);
}

static void a_socket_left_behind_is_replaced_and_a_long_path_works(void **state)
{
	const size_t len = strlen(folder);
	char word[32];
	pid_t pid;

	(void)state;
	(void)snprintf(folder + len, sizeof(folder) - len, "/%0120d", 7);
	check_eq(mkdir(folder, 0700), 0);
	pid = start_owner();
	check_eq(ask("echo", patience_ms, word), 0);
	end_owner(pid);
	pid = start_owner();
	check_eq(ask("echo", patience_ms, word), 0);
	end_owner(pid);
	folder[len] = '\0';
}

static void remove_folder(void)
{
	char *command = mem_printf("rm -r '%s'", folder);

	check_eq(system(command), 0);
	free(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(answers_come_at_once_or_later),
		sentence(nobody_listening_is_told_apart),
		sentence(the_socket_is_private_and_goes_with_its_owner),
		sentence(a_socket_left_behind_is_replaced_and_a_long_path_works),
	};
	int r;

	(void)snprintf(folder, sizeof(folder), "/tmp/test_control.XXXXXX");
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return 1;
	r = run_sentences(tests);
	remove_folder();
	return r;
}
