#include "lib/roff.h"

#include "lib/mem.h"
#include "lib/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is not ASCII is named by its number: roff reads bytes. Returns the bytes it took. */
static size_t add_unicode(struct buf *page, const char *text)
{
	const size_t n = utf8_sequence(text, strlen(text));
	uint32_t code = (uint8_t)text[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((uint8_t)text[i] & 0x3f);
	if (n)
		buf_addf(page, "\\[u%04X]", code);
	return n ? n : 1;
}

static void add_escaped(struct buf *page, const char *text)
{
	for (; *text; text++) {
		if ((uint8_t)*text >= 0x80)
			text += add_unicode(page, text) - 1;
		else if (*text == '\\')
			buf_adds(page, "\\e");
		else if (*text == '-')
			buf_adds(page, "\\-");
		else if (*text == '\'')
			buf_adds(page, "\\(aq"); /* else it becomes a curved one */
		else if (*text == '`')
			buf_adds(page, "\\(ga");
		else if (*text == '"')
			buf_adds(page, "\\(dq"); /* in an argument it would end it */
		else
			buf_addc(page, *text);
	}
}

void roff_macro(struct buf *page, const char *macro, const char *argument)
{
	buf_addf(page, ".%s", macro);
	if (argument) {
		buf_adds(page, " \"");
		add_escaped(page, argument);
		buf_addc(page, '"');
	}
	buf_addc(page, '\n');
}

void roff_text(struct buf *page, const char *text)
{
	if (*text == '.')
		buf_adds(page, "\\&"); /* a request begins so */
	add_escaped(page, text);
	buf_addc(page, '\n');
}

void roff_textf(struct buf *page, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = mem_vprintf(format, args);
	va_end(args);
	roff_text(page, text);
	free(text);
}

void roff_title(struct buf *page, const char *name, unsigned section, const char *version,
                const char *about)
{
	buf_addf(page, ".TH \"%s\" \"%u\" \"\" \"%s\" \"\"\n", name, section, version);
	roff_macro(page, "SH", "NAME");
	buf_addf(page, "%s \\- ", name);
	roff_text(page, about);
}
