#pragma once

/* Asking the person at the terminal. */

#include <stdbool.h>

/* Whether there is one to ask. */
bool question_can_ask(void);

/* Asks "@question [y/N] " and waits; an empty answer, or none, is @otherwise. */
bool question_ask(const char *question, bool otherwise);
