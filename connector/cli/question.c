#include "connector/cli/question.h"

#include <stdio.h>
#include <unistd.h>

bool question_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool question_ask(const char *question, bool otherwise)
{
	char answer[64];

	(void)fflush(stdout);
	(void)fprintf(stderr, "%s [%s] ", question, otherwise ? "Y/n" : "y/N");
	(void)fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	switch (*answer) {
	case 'y':
	case 'Y':
		return true;
	case '\n':
		return otherwise;
	default:
		return false;
	}
}
