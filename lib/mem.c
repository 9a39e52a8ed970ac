#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mem_exhausted(void)
{
	static const char text[] = "closefeed: out of memory; what was journaled is safe, "
				   "run again to go on\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(70);
}

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		mem_exhausted();
	return p;
}

void *mem_array(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		mem_exhausted();
	return p;
}

void *mem_resize(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size ? size : 1);

	if (!p)
		mem_exhausted();
	return p;
}

void *mem_grow(void *items, size_t n, size_t *cap, size_t size)
{
	if (items && n < *cap)
		return items;

	*cap = *cap ? *cap * 2 : 8;
	if (*cap <= n)
		*cap = n + 1;
	return mem_resize(items, *cap, size);
}

char *mem_strdup(const char *text)
{
	return text ? mem_dup(text, strlen(text)) : NULL;
}

char *mem_trimmed(const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return mem_dup(text, len);
}

char *mem_dup(const void *bytes, size_t len)
{
	char *p;

	if (len == (size_t)-1)
		mem_exhausted();
	p = mem_resize(NULL, len + 1, 1);
	if (len)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

char *mem_vprintf(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0 || !text)
		mem_exhausted();
	return text;
}

char *mem_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	return text;
}
