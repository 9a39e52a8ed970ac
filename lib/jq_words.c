#include "lib/jq_words.h"

#include "lib/mem.h"
#include "lib/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why a name of jq 1.6 is not allowed. Each of these reaches outside the program. */
static const struct {
	const char *name, *why;
} forbidden[] = {
	{"import", "a program is whole, it reads no modules"},
	{"include", "a program is whole, it reads no modules"},
	{"module", "a program is whole, it is no module"},
	{"modulemeta", "it would read files"},
	{"get_search_list", "it tells where files of this machine are"},
	{"get_jq_origin", "it tells where files of this machine are"},
	{"get_prog_origin", "it tells where files of this machine are"},
	{"env",
         "the environment holds secrets; put what the program needs under vars and write $vars"},
	{"input", "a program sees one record at a time"},
	{"inputs", "a program sees one record at a time"},
	{"_input", "a program sees one record at a time"},
	{"input_filename", "write $source.file"},
	{"input_line_number", "write $source.line"},
	{"halt", "it would end the whole run; empty drops the record, error(\"why\") rejects it"},
	{"halt_error", "it would end the whole run; error(\"why\") rejects the record"},
	{"debug", "it would write records to standard error"},
	{"stderr", "it would write records to standard error"},
};

static const char *const formats[] = {"@text", "@json", "@html",   "@uri",    "@csv",
                                      "@tsv",  "@sh",   "@base64", "@base64d"};

/* Longest first, since the longest that fits is meant. */
static const char *const signs[] = {
	"?//", "//=", "!=", "==", "//", "|=", "+=", "-=", "*=", "/=", "%=", "<=",
	">=",  "..",  ".",  "?",  "=",  ";",  ",",  ":",  "|",  "+",  "-",  "*",
	"/",   "%",   "$",  "<",  ">",  "(",  ")",  "[",  "]",  "{",  "}",
};

static const struct {
	char c;
	const char *hint;
} strangers[] = {
	{'\'', "texts stand in double quotes"},
	{'&', "jq says \"and\""},
	{'!', "jq says \"| not\" behind the condition"},
	{'\\', "it belongs into a text in double quotes"},
	{'`', "texts stand in double quotes"},
};

struct cursor {
	const char *at;
	unsigned line, column;
};

struct scan {
	struct jq_words *words;
	struct jq_fault *fault;
	struct cursor cursor;
	/* What is open: brackets, or '"' for an insertion into a text; @opened says where. */
	char open[jq_max_nesting];
	struct jq_word opened[jq_max_nesting];
	unsigned depth;
};

static int __attribute__((format(printf, 4, 5)))
refuse(struct jq_fault *fault, unsigned line, unsigned column, const char *format, ...)
{
	va_list args;

	fault->line = line;
	fault->column = column;
	va_start(args, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	return -EINVAL;
}

static void step(struct cursor *c, size_t len)
{
	for (; len; len--, c->at++) {
		if (*c->at == '\n') {
			c->line++;
			c->column = 1;
		} else if (((unsigned char)*c->at & 0xc0) != 0x80) {
			c->column++;
		}
	}
}

static void skip_blanks(struct cursor *c)
{
	for (;;) {
		const size_t blanks = strspn(c->at, " \t\r\n");

		step(c, blanks);
		if (*c->at == '#')
			step(c, strcspn(c->at, "\n"));
		else if (!blanks)
			return;
	}
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool begins_name(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

/* a, or a::b */
static size_t name_length(const char *text)
{
	size_t len = 0;

	for (;;) {
		while (is_name_char(text[len]))
			len++;
		if (text[len] != ':' || text[len + 1] != ':' || !begins_name(text[len + 2]))
			return len;
		len += 2;
	}
}

static size_t digits_length(const char *text)
{
	return strspn(text, "0123456789");
}

static size_t number_length(const char *text)
{
	size_t len = digits_length(text), sign;

	if (text[len] == '.')
		len += 1 + digits_length(text + len + 1);
	if (text[len] == 'e' || text[len] == 'E') {
		sign = text[len + 1] == '+' || text[len + 1] == '-';
		if (isdigit((unsigned char)text[len + 1 + sign]))
			len += 1 + sign + digits_length(text + len + 1 + sign);
	}
	return len;
}

static size_t field_length(const char *text)
{
	size_t len = 1;

	while (is_name_char(text[len]))
		len++;
	return len;
}

static size_t sign_length(const char *text)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (!strncmp(text, signs[i], strlen(signs[i])))
			return strlen(signs[i]);
	return 0;
}

/* From the quote or parenthesis a piece of text begins with to its last character; 0: no end. */
static size_t piece_length(const char *text)
{
	for (size_t len = 1; text[len]; len++) {
		if (text[len] == '"')
			return len + 1;
		if (text[len] != '\\')
			continue;
		len++;
		if (text[len] == '(')
			return len + 1;
		if (!text[len])
			return 0;
	}
	return 0;
}

static bool is_sign(const struct jq_word *word, char sign)
{
	return word && word->kind == JQ_WORD_SIGN && word->len == 1 && *word->text == sign;
}

static bool is_word(const struct jq_word *word, const char *text)
{
	return word->len == strlen(text) && !memcmp(word->text, text, word->len);
}

static const struct jq_word *last_word(const struct scan *s)
{
	return s->words->n ? &s->words->list[s->words->n - 1] : NULL;
}

/* Whether a name here names a member: {name: 1} or {name}. */
static bool is_at_key(const struct scan *s)
{
	return s->depth && s->open[s->depth - 1] == '{' &&
	       (is_sign(last_word(s), '{') || is_sign(last_word(s), ','));
}

static int refuse_own(const struct scan *s, const struct jq_word *at, const struct jq_word *name)
{
	return refuse(s->fault, at->line, at->column,
	              "%.*s is not allowed: names that begin with __ are jq's own",
	              (int)(name->len < 80 ? name->len : 80), name->text);
}

static int judge_variable(const struct scan *s, const struct jq_word *word)
{
	const struct jq_word *sign = last_word(s);

	if (is_word(word, "ENV"))
		return refuse(s->fault, sign->line, sign->column,
		              "$ENV is not allowed: the environment holds secrets; put what the "
		              "program needs under vars and write $vars");
	return strncmp(word->text, "__", 2) ? 0 : refuse_own(s, sign, word);
}

static int judge_name(const struct scan *s, const struct jq_word *word)
{
	if (is_sign(last_word(s), '$'))
		return judge_variable(s, word);
	if (is_at_key(s))
		return 0;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
		if (is_word(word, forbidden[i].name))
			return refuse(s->fault, word->line, word->column, "%s is not allowed: %s",
			              forbidden[i].name, forbidden[i].why);
	return strncmp(word->text, "__", 2) ? 0 : refuse_own(s, word, word);
}

static int judge_format(const struct scan *s, const struct jq_word *word)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (is_word(word, formats[i]))
			return 0;
	return refuse(s->fault, word->line, word->column,
	              "there is no format %.*s; there are @text @json @html @uri @csv @tsv @sh "
	              "@base64 @base64d",
	              (int)(word->len < 80 ? word->len : 80), word->text);
}

static int open_bracket(struct scan *s, char open, const struct jq_word *word)
{
	if (s->depth == jq_max_nesting)
		return refuse(s->fault, word->line, word->column,
		              "brackets are nested deeper than %d levels", (int)jq_max_nesting);
	s->open[s->depth] = open;
	s->opened[s->depth++] = *word;
	return 0;
}

static int close_bracket(struct scan *s, const struct jq_word *word)
{
	static const char closing[] = ")]}\"", opening[] = "([{\"";
	static const char *const shown[] = {"(", "[", "{", "\\("};
	const char *open;

	if (!s->depth)
		return refuse(s->fault, word->line, word->column,
		              "this \"%c\" closes nothing that was opened", *word->text);
	open = strchr(opening, s->open[s->depth - 1]);
	if (closing[open - opening] != *word->text)
		return refuse(s->fault, word->line, word->column,
		              "this \"%c\" does not close the \"%s\" of line %u, column %u",
		              *word->text, shown[open - opening], s->opened[s->depth - 1].line,
		              s->opened[s->depth - 1].column);
	s->depth--;
	return 0;
}

/* A backslash nothing is known of: most often of a pattern, "\\d+", which needs two. */
static int judge_escapes(const struct scan *s, const struct jq_word *word)
{
	struct cursor cursor = s->cursor;

	while (cursor.at < word->text + word->len) {
		if (*cursor.at != '\\') {
			step(&cursor, 1);
			continue;
		}
		if (!strchr("\"\\/bfnrtu(", cursor.at[1]))
			return refuse(s->fault, cursor.line, cursor.column,
			              "a backslash in a text is written \\\\");
		if (cursor.at[1] == 'u' && strspn(cursor.at + 2, "0123456789abcdefABCDEF") < 4)
			return refuse(s->fault, cursor.line, cursor.column,
			              "\\u takes four hexadecimal digits");
		step(&cursor, 2);
	}
	return 0;
}

/* A piece of text; @word->len is its length yet to be found. */
static int judge_piece(struct scan *s, struct jq_word *word)
{
	const bool goes_on = *word->text == ')';

	word->len = piece_length(word->text);
	if (!word->len) {
		const struct jq_word *began = goes_on ? &s->opened[s->depth - 1] : word;

		return refuse(s->fault, began->line, began->column,
		              "the text that begins here has no closing quote");
	}
	if (judge_escapes(s, word) < 0)
		return -EINVAL;
	if (goes_on)
		s->depth--;
	if (word->text[word->len - 1] != '(')
		return 0;
	/* What is not closed, if it is not, is the text as a whole. */
	return open_bracket(s, '"', goes_on ? &s->opened[s->depth] : word);
}

static int judge_stranger(const struct scan *s, const struct jq_word *word)
{
	const size_t known = utf8_sequence(word->text, strlen(word->text));
	const char *hint = NULL;

	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		if (*word->text == strangers[i].c)
			hint = strangers[i].hint;
	if (!known || iscntrl((unsigned char)*word->text))
		return refuse(s->fault, word->line, word->column,
		              "a character that cannot be shown stands here");
	return refuse(s->fault, word->line, word->column, "\"%.*s\" cannot stand here%s%s",
	              (int)known, word->text, hint ? ": " : "", hint ? hint : "");
}

static int judge_sign(struct scan *s, struct jq_word *word)
{
	word->len = sign_length(word->text);
	if (!word->len)
		return judge_stranger(s, word);
	if (strchr("([{", *word->text))
		return open_bracket(s, *word->text, word);
	if (strchr(")]}", *word->text))
		return close_bracket(s, word);
	return 0;
}

static int judge_word(struct scan *s, struct jq_word *word)
{
	const char c = *word->text, next = word->text[1];

	if (c == '"' || (c == ')' && s->depth && s->open[s->depth - 1] == '"')) {
		word->kind = JQ_WORD_TEXT;
		return judge_piece(s, word);
	}
	if (begins_name(c)) {
		word->kind = JQ_WORD_NAME;
		word->len = name_length(word->text);
		return judge_name(s, word);
	}
	if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next))) {
		word->kind = JQ_WORD_NUMBER;
		word->len = number_length(word->text);
		return 0;
	}
	if (c == '.' && begins_name(next)) {
		word->kind = JQ_WORD_FIELD;
		word->len = field_length(word->text);
		return 0;
	}
	if (c == '@' && is_name_char(next)) {
		word->kind = JQ_WORD_FORMAT;
		word->len = field_length(word->text);
		return judge_format(s, word);
	}
	word->kind = JQ_WORD_SIGN;
	return judge_sign(s, word);
}

static int read_words(struct scan *s)
{
	struct jq_words *words = s->words;
	struct cursor *c = &s->cursor;
	int r;

	for (skip_blanks(c); *c->at; skip_blanks(c)) {
		struct jq_word word = {.text = c->at, .line = c->line, .column = c->column};

		r = judge_word(s, &word);
		if (r < 0)
			return r;
		words->list = mem_grow(words->list, words->n, &words->cap, sizeof(*words->list));
		words->list[words->n++] = word;
		step(c, word.len);
		words->end_line = c->line;
		words->end_column = c->column;
	}
	if (s->depth) {
		const struct jq_word *open = &s->opened[s->depth - 1];

		return refuse(s->fault, open->line, open->column, "%s",
		              s->open[s->depth - 1] == '"'
		                      ? "the text that begins here has no closing quote"
		                      : "what is opened here is never closed");
	}
	if (!words->n)
		return refuse(s->fault, 1, 1, "the program is empty; \".\" passes its input on");
	return 0;
}

int jq_words_read(const char *program, struct jq_words *ret_words, struct jq_fault *fault)
{
	struct jq_words words = {.end_line = 1, .end_column = 1};
	struct scan s = {.words = &words, .fault = fault, .cursor = {program, 1, 1}};
	const int r = read_words(&s);

	if (r < 0) {
		jq_words_deinit(&words);
		return r;
	}
	*ret_words = words;
	return 0;
}

void jq_words_deinit(struct jq_words *words)
{
	free(words->list);
	*words = (struct jq_words){0};
}

void jq_words_print(const struct jq_words *words, struct buf *out)
{
	for (size_t i = 0; i < words->n; i++) {
		buf_addc(out, '\n');
		buf_add(out, words->list[i].text, words->list[i].len);
	}
}

const struct jq_word *jq_words_at_line(const struct jq_words *words, unsigned line)
{
	unsigned next = 1;

	for (size_t i = 0; i < words->n; i++) {
		const struct jq_word *word = &words->list[i];

		next++;
		for (size_t k = 0; k < word->len; k++)
			next += word->text[k] == '\n';
		if (line < next)
			return word;
	}
	return NULL;
}
