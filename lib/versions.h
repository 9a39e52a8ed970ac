#pragma once

/* Which versions of the libraries this process runs with (not: was built with). */

struct library_version {
	const char *name;
	const char *version;
};

/* Ends with a NULL name; static. */
const struct library_version *library_versions(void);
