#include "lib/yaml.h"

#include <string.h>

/*
 * Places in the value of a text, back in the file. Nothing is parsed again: what stands in the file
 * is held against the value, so a text that was folded, or has escapes before the place, is told
 * from one that was not, and no wrong place is ever shown.
 */

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The byte of the @column. character of a line, or NULL where the line is shorter. */
static const char *at_column(const char *line, const char *end, unsigned column)
{
	while (--column) {
		if (line == end)
			return NULL;
		for (line++; line < end && is_continuation(*line); line++)
			;
	}
	return line;
}

/* The @line. line from 1 and its length without line end; NULL where there are fewer. */
static const char *find_line(const char *text, size_t len, unsigned line, size_t *ret_len)
{
	const char *end = text + len, *next;

	for (; --line; text = next + 1) {
		next = memchr(text, '\n', (size_t)(end - text));
		if (!next)
			return NULL;
	}
	next = memchr(text, '\n', (size_t)(end - text));
	*ret_len = (size_t)((next ? next : end) - text);
	if (*ret_len && text[*ret_len - 1] == '\r')
		--*ret_len;
	return text;
}

/* Behind "|": every line stands as it is, indented. */
static bool place_in_block(const struct yaml_node *node, const char *text, size_t len,
                           unsigned line, unsigned column, unsigned *ret_line, unsigned *ret_column)
{
	size_t file_len = 0, value_len = 0;
	const char *value = find_line(node->text, strlen(node->text), line, &value_len);
	const char *in_file = find_line(text, len, node->line + line, &file_len);
	size_t indent;

	if (!value || !in_file || file_len < value_len)
		return false;
	indent = file_len - value_len;
	if (memcmp(in_file + indent, value, value_len) != 0 || strspn(in_file, " ") < indent)
		return false;
	*ret_line = node->line + line;
	*ret_column = (unsigned)indent + column;
	return true;
}

bool yaml_place(const struct yaml_node *node, const char *text, size_t len, unsigned line,
                unsigned column, unsigned *ret_line, unsigned *ret_column)
{
	size_t line_len = 0, before;
	const char *begin, *at, *in_value;

	if (node->kind != YAML_TEXT || line == 0 || column == 0)
		return false;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	begin = find_line(text, len, node->line, &line_len);
	at = begin ? at_column(begin, begin + line_len, node->column) : NULL;
	if (!at || at == begin + line_len)
		return false;
	if (!node->is_plain && *at == '|')
		return place_in_block(node, text, len, line, column, ret_line, ret_column);
	at += !node->is_plain;
	in_value = at_column(node->text, node->text + strlen(node->text), column);
	if (line != 1 || !in_value)
		return false;
	before = (size_t)(in_value - node->text);
	if (before > (size_t)(begin + line_len - at) || memcmp(at, node->text, before) != 0)
		return false;
	if (!node->is_plain && memchr(at, at[-1] == '"' ? '\\' : '\'', before))
		return false;
	*ret_line = node->line;
	*ret_column = node->column + !node->is_plain + column - 1;
	return true;
}
