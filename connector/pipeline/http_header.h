#pragma once

/* What may be a header of a request (RFC 9110 5.1 and 5.5, narrowed to ASCII). */

#include <stdbool.h>

bool header_is_name(const char *name);
bool header_is_value(const char *value);
/* Set by closefeed or libcurl; a second one would change how the request is read. */
bool header_is_ours(const char *name);
/* Its value is a credential, so it must not stand in the pipeline file. */
bool header_is_secret(const char *name);
