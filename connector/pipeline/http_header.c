#include "connector/pipeline/http_header.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

bool header_is_name(const char *name)
{
	if (!*name)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("!#$%&'*+-.^_`|~", *name))
			return false;
	return true;
}

bool header_is_value(const char *value)
{
	for (; *value; value++)
		if ((*value < ' ' && *value != '\t') || *value >= 0x7f)
			return false;
	return true;
}

bool header_is_ours(const char *name)
{
	static const char *const names[] = {
		"Host",       "Transfer-Encoding", "Connection", "Expect",
		"Keep-Alive", "Upgrade",           "Trailer",    "TE"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return strncasecmp(name, "Content-", 8) == 0 || strncasecmp(name, "Proxy-", 6) == 0;
}

bool header_is_secret(const char *name)
{
	static const char *const words[] = {"authorization", "cookie",  "token",  "secret",
	                                    "password",      "api-key", "apikey", "x-auth"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}
