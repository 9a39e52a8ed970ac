#include "connector/cli/words.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum word_kind kind;
} kinds[] = {
	{"PIPELINE", WORD_PIPELINE}, {"FILE", WORD_FILE},  {"SAMPLE", WORD_FILE},
	{"VERB", WORD_VERB},         {"CODE", WORD_CLASS}, {"C", WORD_CLASS},
	{"NAME", WORD_OPERATION},
};

static enum word_kind kind_of(const char *text, size_t len)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i].name) == len && strncmp(kinds[i].name, text, len) == 0)
			return kinds[i].kind;
	return memchr(text, '|', len) ? WORD_CHOICE : WORD_OTHER;
}

static struct word word_of(const char *text, size_t len)
{
	struct word word = {0};

	if (*text == '[') {
		text++;
		len -= 2;
	}
	word.kind = kind_of(text, len);
	if (word.kind != WORD_CHOICE)
		return word;
	word.choices = mem_dup(text, len);
	for (char *c = word.choices; *c; c++)
		if (*c == '|')
			*c = ' ';
	return word;
}

/* Up to the space that ends a word; what stands in brackets is one. */
static size_t word_length(const char *text)
{
	const char *end = *text == '[' ? strchr(text, ']') + 1 : text;

	return (size_t)(end - text) + strcspn(end, " ");
}

size_t words_of(const struct verb *verb, struct word words[words_max])
{
	const char *at = strchr(verb->usage, ' ');
	size_t n = 0;

	while (at && *at && n < words_max) {
		const size_t len = word_length(++at);

		/* "[--json]", "[-n N | --all]" and the dots at the end are no words. */
		if (strncmp(at, "[-", 2) != 0 && (unsigned char)*at < 0x80)
			words[n++] = word_of(at, len);
		at += len;
	}
	return n;
}

void words_deinit(struct word words[words_max], size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(words[i].choices);
}

enum word_kind words_of_flag(const struct cli_flag *flag)
{
	const char *value = flag->value ? flag->value : "";
	const enum word_kind kind = kind_of(value, strlen(value));

	return kind == WORD_FILE || kind == WORD_CLASS ? kind : WORD_OTHER;
}
