#include "connector/sandbox/html.h"

#include <string.h>
#include <strings.h>

static bool is_allowed(const char *tag)
{
	static const char *const allowed[] = {
		"body", "p",  "br", "div",        "span", "a",   "b",   "strong", "i",
		"em",   "u",  "s",  "ul",         "ol",   "li",  "h1",  "h2",     "h3",
		"h4",   "h5", "h6", "blockquote", "code", "pre", "img", "hr"};
	const size_t len = strcspn(tag, " \t\r\n/>");

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (strlen(allowed[i]) == len && strncasecmp(allowed[i], tag, len) == 0)
			return true;
	return false;
}

/* Where the tag ends that begins at @html, behind its ">". */
static const char *after_tag(const char *html)
{
	const char *end = strchr(html, '>');

	return end ? end + 1 : html + strlen(html);
}

bool box_html_strip(const char *html, struct buf *out)
{
	bool is_stripped = false;

	while (*html) {
		const char *end = *html == '<' ? after_tag(html) : html + 1;

		if (*html != '<' || is_allowed(html + 1 + (html[1] == '/')))
			buf_add(out, html, (size_t)(end - html));
		else
			is_stripped = true;
		html = end;
	}
	return is_stripped;
}

void box_html_text(const char *html, struct buf *out)
{
	while (*html) {
		if (*html == '<')
			html = after_tag(html);
		else
			buf_addc(out, *html++);
	}
}
