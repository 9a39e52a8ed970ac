#include "connector/cli/term.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool term_is(FILE *out)
{
	return isatty(fileno(out)) == 1;
}

unsigned term_width(FILE *out)
{
	struct winsize size = {0};

	if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

const char *term_style(FILE *out, enum term_style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_WARN] = "\033[33m",
	};
	const char *no_color = getenv("NO_COLOR"), *kind = getenv("TERM");

	if (!term_is(out) || (no_color && *no_color) || (kind && strcmp(kind, "dumb") == 0))
		return "";
	return sequences[style];
}

/* The scalar value of the @n bytes of one character. */
static uint32_t decode(const unsigned char *at, size_t n)
{
	uint32_t code = n == 1 ? at[0] : at[0] & (0xffU >> (n + 1));

	for (size_t i = 1; i < n; i++)
		code = code << 6 | (at[i] & 0x3fU);
	return code;
}

/* Characters that move the cursor, hide, or change the order of what is shown. */
static bool is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

void term_escape(const char *text, size_t len, struct buf *out)
{
	for (size_t at = 0, n = 0; at < len; at += n) {
		const unsigned char *bytes = (const unsigned char *)text + at;
		uint32_t code = 0;

		n = utf8_sequence(text + at, len - at);
		if (n == 0) {
			n = 1;
			buf_addf(out, "\\x%02x", *bytes);
			continue;
		}
		code = decode(bytes, n);
		if (code == '\n')
			buf_adds(out, "\\n");
		else if (code == '\t')
			buf_adds(out, "\\t");
		else if (is_unsafe(code))
			buf_addf(out, "\\u%04" PRIx32, code);
		else
			buf_add(out, text + at, n);
	}
}

void term_print(FILE *out, const char *text)
{
	struct buf escaped = BUF_INIT;

	if (!term_is(out)) {
		(void)fputs(text, out);
		return;
	}
	term_escape(text, strlen(text), &escaped);
	(void)fputs(buf_text(&escaped), out);
	buf_deinit(&escaped);
}

void term_print_json(struct json_object *value)
{
	char *text = json_text(value);

	term_print(stdout, text);
	(void)fputc('\n', stdout);
	free(text);
}

const char *term_thousands(uint64_t n, char text[static 32])
{
	char digits[24];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	size_t used = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}

const char *term_bytes(uint64_t n, char text[static 32])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)n;
	size_t unit = 0;

	while (value >= 1024 && unit < 4) {
		value /= 1024;
		unit++;
	}
	(void)snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

const char *term_duration(uint64_t ms, char text[static 32])
{
	const uint64_t s = ms / 1000;

	if (ms < 1000)
		(void)snprintf(text, 32, "%" PRIu64 " ms", ms);
	else if (s < 60)
		(void)snprintf(text, 32, "%" PRIu64 " s", s);
	else if (s < 3600)
		(void)snprintf(text, 32, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else
		(void)snprintf(text, 32, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	return text;
}

struct term_table {
	size_t n_columns;
	char **cells;
	size_t n, cap;
};

struct term_table *term_table_new(size_t n_columns, const char *const *headings)
{
	struct term_table *table = mem_alloc(sizeof(*table));

	table->n_columns = n_columns;
	for (size_t i = 0; i < n_columns; i++)
		term_table_add(table, headings[i]);
	return table;
}

/* Characters, not bytes: what a person sees as width, near enough. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* A cell stays in its line, also in a file: escaped always. */
void term_table_add(struct term_table *table, const char *text)
{
	struct buf shown = BUF_INIT;

	if (text)
		term_escape(text, strlen(text), &shown);
	table->cells = mem_grow(table->cells, table->n, &table->cap, sizeof(*table->cells));
	table->cells[table->n++] = buf_take(&shown);
}

/* One row; blanks at its end are not printed. */
static void print_row(char *const *cells, const size_t *widths, size_t n_columns, FILE *out)
{
	while (n_columns && !*cells[n_columns - 1])
		n_columns--;
	for (size_t i = 0; i < n_columns; i++) {
		const size_t pad = i + 1 < n_columns ? widths[i] - width_of(cells[i]) + 2 : 0;

		(void)fprintf(out, "%s%*s", cells[i], (int)pad, "");
	}
	(void)fputc('\n', out);
}

void term_table_print(const struct term_table *table, FILE *out)
{
	const size_t n_columns = table->n_columns;
	size_t *widths = mem_array(n_columns, sizeof(*widths));

	for (size_t i = 0; i < table->n; i++)
		if (width_of(table->cells[i]) > widths[i % n_columns])
			widths[i % n_columns] = width_of(table->cells[i]);
	for (size_t row = 0; row + n_columns <= table->n; row += n_columns)
		print_row(table->cells + row, widths, n_columns, out);
	free(widths);
}

void term_table_free(struct term_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
