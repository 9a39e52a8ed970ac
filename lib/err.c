#include "lib/err.h"

#include <stdio.h>
#include <string.h>

int err_vset(struct err *err, int code, const char *format, va_list args)
{
	if (err)
		(void)vsnprintf(err->text, sizeof(err->text), format, args);
	return code;
}

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)err_vset(err, code, format, args);
	va_end(args);
	return code;
}

int err_prefix(struct err *err, int code, const char *format, ...)
{
	struct err old;
	va_list args;
	size_t used;

	if (!err)
		return code;

	old = *err;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);

	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", old.text);
	return code;
}
