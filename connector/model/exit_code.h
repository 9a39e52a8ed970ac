#pragma once

/* How the process ends: what scripts, supervisors and people read first. */

enum exit_code {
	EXIT_DONE = 0,          /* done, nothing rejected; also: the limit asked for was reached */
	EXIT_UNSETTLED = 1,     /* done, but something is rejected, held or open */
	EXIT_USAGE = 2,         /* wrong usage of the command line */
	EXIT_INPUT = 65,        /* input unreadable */
	EXIT_UNREACHABLE = 69,  /* the API unreachable past the limit */
	EXIT_BUG = 70,          /* ours; also out of memory */
	EXIT_LOCAL = 74,        /* trouble with local files: state folder, disk */
	EXIT_AGAIN = 75,        /* stopped early or state in use: run again to go on */
	EXIT_REFUSED = 77,      /* credentials or plan refused */
	EXIT_PIPELINE = 78,     /* the pipeline is wrong, or the state is of something else */
	EXIT_INTERRUPTED = 130, /* the second Ctrl-C */
};
