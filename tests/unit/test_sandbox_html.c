#include "connector/sandbox/html.h"
#include "tests/unit/check.h"

#include <string.h>

static void tags_that_are_not_allowed_go_and_their_content_stays(void **state)
{
	static const struct {
		const char *html, *clean, *text;
	} pages[] = {
		{"", "", ""},
		{"<body><p>a</p></body>", "<body><p>a</p></body>", "a"},
		{"<body><marquee x=1>a</marquee></body>", "<body>a</body>", "a"},
		{"<BODY>a<br/>b<BR />c</BODY>", "<BODY>a<br/>b<BR />c</BODY>", "abc"},
		{"<body><p class=\"x\">a</p><script>b</script>", "<body><p class=\"x\">a</p>b",
	         "ab"},
		{"<pa>a</pa>", "a", "a"},
		{"a < b", "a ", "a "},
		{"a<p", "a<p", "a"},
		{"a > b", "a > b", "a > b"},
		{"<>a</>", "a", "a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct buf clean = BUF_INIT, text = BUF_INIT;
		const bool is_stripped = box_html_strip(pages[i].html, &clean);

		box_html_text(pages[i].html, &text);
		check_text(buf_text(&clean), pages[i].clean);
		check_text(buf_text(&text), pages[i].text);
		check_eq(is_stripped, strcmp(pages[i].html, pages[i].clean) != 0);
		buf_deinit(&clean);
		buf_deinit(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(tags_that_are_not_allowed_go_and_their_content_stays),
	};

	return run_sentences(tests);
}
