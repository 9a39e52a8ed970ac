/*
 * Where the process begins: what the environment could slip in is taken away first, then the
 * command line chooses a verb, and the verb's exit code is the end. Only here is it decided to
 * stop.
 */

#include "connector/cli/cli.h"
#include "connector/cli/start.h"
#include "lib/http.h"
#include "lib/jq.h"
#include "lib/test_hooks.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* `closefeed operations | head`: a reader that has seen enough is no trouble. */
static bool reader_has_left(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) == 1 && out.revents & POLLERR;
}

/* Output that did not arrive (a full disk) must not look like success. */
static enum exit_code flush_output(enum exit_code code)
{
	struct err err;

	if ((fflush(stdout) == 0 && !ferror(stdout)) || reader_has_left())
		return code;
	(void)err_set(&err, -EIO, "standard output could not be written");
	return code == EXIT_DONE ? cli_fail(EXIT_LOCAL, &err) : code;
}

/*
 * A turn of the loop frees what the one before allocated; giving it back to the system and asking
 * for it again would cost more than it saves.
 */
static void keep_memory(void)
{
	(void)mallopt(M_TRIM_THRESHOLD, 4 << 20);
	(void)mallopt(M_TOP_PAD, 1 << 20);
}

int main(int argc, char **argv)
{
	enum exit_code code = EXIT_DONE;
	struct cli cli;
	struct err err;

	start_clean(argv);
	keep_memory();
	jq_set_exit_code(EXIT_PIPELINE);
	hook_point("main_begins");
	if (cli_parse(argc, argv, &cli, &err) < 0) {
		code = cli_fail(EXIT_USAGE, &err);
	} else if (cli.help) {
		cli_print_verb_help(cli.verb);
	} else {
		http_global_init();
		code = cli.verb->run(&cli);
		http_global_deinit();
	}
	cli_deinit(&cli);
	return flush_output(code);
}
