#include "connector/cli/term.h"
#include "tests/unit/check.h"

#include <string.h>

static void what_moves_the_cursor_or_turns_text_around_is_escaped(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"plain, ümläut, 漢字, 😀", "plain, ümläut, 漢字, 😀"},
		{"a\nb\tc", "a\\nb\\tc"},
		{"\033[2Jgone", "\\u001b[2Jgone"},
		{"\xc2\x9b"
	         "31m",
	         "\\u009b31m"},
		{"invoice\xe2\x80\xae"
	         "fdp.exe",
	         "invoice\\u202efdp.exe"},
		{"zero\xe2\x80\x8bwidth", "zero\\u200bwidth"},
		{"bad \xff byte", "bad \\xff byte"},
		{"\x7f", "\\u007f"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out = BUF_INIT;

		term_escape(rows[i].text, strlen(rows[i].text), &out);
		check_text(buf_text(&out), rows[i].shown);
		buf_deinit(&out);
	}
}

static void figures_read_as_people_write_them(void **state)
{
	char text[32];

	(void)state;
	check_text(term_thousands(0, text), "0");
	check_text(term_thousands(999, text), "999");
	check_text(term_thousands(1000, text), "1,000");
	check_text(term_thousands(UINT64_MAX, text), "18,446,744,073,709,551,615");
	check_text(term_bytes(512, text), "512 bytes");
	check_text(term_bytes(1536, text), "1.5 KiB");
	check_text(term_duration(850, text), "850 ms");
	check_text(term_duration(61000, text), "1 min 1 s");
	check_text(term_duration(18120000, text), "5 h 2 min");
}

static void a_table_pads_to_the_widest_cell_and_not_behind_the_last(void **state)
{
	static const char *const headings[] = {"ID", "WHAT"};
	struct term_table *table = term_table_new(2, headings);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	term_table_add(table, "änne");
	term_table_add(table, "two\nlines");
	term_table_add(table, "b");
	term_table_add(table, NULL);
	term_table_print(table, out);
	(void)fclose(out);
	check_text(text, "ID    WHAT\nänne  two\\nlines\nb\n");
	term_table_free(table);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(what_moves_the_cursor_or_turns_text_around_is_escaped),
		sentence(figures_read_as_people_write_them),
		sentence(a_table_pads_to_the_widest_cell_and_not_behind_the_last),
	};

	return run_sentences(tests);
}
