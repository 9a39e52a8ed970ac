#pragma once

/* The manual page closefeed(1), made of the verbs' rows; text to free(). */
char *cli_manual(void);
