/*
 * Programs from anybody, cut into words. What is refused has a place and a sentence; what is not is
 * balanced, and printed a word a line it is the same program again.
 */

#include "lib/jq_words.h"
#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_place(const struct jq_fault *fault)
{
	assert(fault->line >= 1 && fault->column >= 1);
	assert(*fault->text && strlen(fault->text) < sizeof(fault->text));
}

static void check_again(const struct jq_words *words)
{
	struct jq_words again;
	struct jq_fault fault;
	struct buf text = BUF_INIT;
	unsigned line = 1;

	jq_words_print(words, &text);
	assert(jq_words_read(text.data, &again, &fault) == 0);
	assert(again.n == words->n);
	for (size_t i = 0; i < words->n; i++) {
		const struct jq_word *word = &words->list[i];

		assert(again.list[i].kind == word->kind && again.list[i].len == word->len);
		assert(!memcmp(again.list[i].text, word->text, word->len));
		line = again.list[i].line - 1; /* the first line printed is empty */
		assert(jq_words_at_line(words, line) == word);
	}
	assert(!jq_words_at_line(words, again.end_line));
	jq_words_deinit(&again);
	buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *program = mem_dup(data, size);
	struct jq_words words;
	struct jq_fault fault = {0};

	if (jq_words_read(program, &words, &fault) < 0) {
		check_place(&fault);
	} else {
		check_again(&words);
		jq_words_deinit(&words);
	}
	free(program);
	return 0;
}
