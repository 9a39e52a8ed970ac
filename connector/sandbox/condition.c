#include "connector/sandbox/condition.h"

#include "lib/json.h"
#include "lib/mem.h"
#include "lib/moment.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* A word of a text: letters, digits and everything beyond ASCII. */
struct word {
	const char *at;
	size_t len;
};

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static bool next_word(const char **text, struct word *ret_word)
{
	while (**text && !is_word_byte(**text))
		(*text)++;
	ret_word->at = *text;
	while (is_word_byte(**text))
		(*text)++;
	ret_word->len = (size_t)(*text - ret_word->at);
	return ret_word->len > 0;
}

static bool same_word(const struct word *wanted, const struct word *word, bool may_be_prefix)
{
	if (may_be_prefix ? word->len < wanted->len : word->len != wanted->len)
		return false;
	return strncasecmp(wanted->at, word->at, wanted->len) == 0;
}

static bool has_word(const char *text, const struct word *wanted, bool may_be_prefix)
{
	struct word word;

	while (next_word(&text, &word))
		if (same_word(wanted, &word, may_be_prefix))
			return true;
	return false;
}

static bool has_all_words(const char *text, const char *wanted, bool may_be_prefix)
{
	struct word word;

	while (next_word(&wanted, &word))
		if (!has_word(text, &word, may_be_prefix))
			return false;
	return true;
}

/* Whether the words of @wanted stand at the beginning of @text. */
static bool begins_with_words(const char *text, const char *wanted)
{
	struct word a, b;

	while (next_word(&wanted, &a))
		if (!next_word(&text, &b) || !same_word(&a, &b, false))
			return false;
	return true;
}

static bool has_phrase(const char *text, const char *wanted)
{
	struct word word;

	do {
		if (begins_with_words(text, wanted))
			return true;
	} while (next_word(&text, &word));
	return false;
}

static bool match_text(struct json_object *condition, struct json_object *value,
                       const struct box_viewer *viewer)
{
	const char *mode = json_get_string(condition, "mode");
	const char *wanted = json_get_string(condition, "value");
	const char *text = json_object_get_string(value);

	if (is(mode, "exact_value"))
		return (viewer->minds_case ? strcmp : strcasecmp)(text, wanted) == 0;
	if (is(mode, "phrase"))
		return has_phrase(text, wanted);
	return has_all_words(text, wanted, is(mode, "beginning_of_words"));
}

/* A folded "or" of equalities: its set holds what is looked up here. */
static bool match_any_of(struct json_object *condition, struct json_object *value,
                         const struct box_viewer *viewer)
{
	char *text = mem_strdup(json_object_get_string(value));
	bool is_there;

	for (char *c = text; *c && !viewer->minds_case; c++)
		*c = (char)tolower((unsigned char)*c);
	is_there = json_object_object_get_ex(json_get(condition, "set"), text, NULL);
	free(text);
	return is_there;
}

/* A folded "or" of other conditions. */
static bool match_any(struct json_object *condition, struct json_object *value,
                      const struct box_viewer *viewer)
{
	struct json_object *all = json_get(condition, "conditions");

	for (size_t i = 0; i < json_object_array_length(all); i++)
		if (box_condition_matches(json_object_array_get_idx(all, i), value, viewer))
			return true;
	return false;
}

static bool match_list(struct json_object *list, struct json_object *value)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (is(json_object_get_string(json_object_array_get_idx(list, i)),
		       json_object_get_string(value)))
			return true;
	return false;
}

static bool match_term(struct json_object *condition, struct json_object *value,
                       const struct box_viewer *viewer)
{
	(void)viewer;
	return match_list(json_get(condition, "values"), value);
}

static bool match_reference(struct json_object *condition, struct json_object *value,
                            const struct box_viewer *viewer)
{
	(void)viewer;
	return match_list(json_get(condition, "object_ids"), value);
}

static bool match_user(struct json_object *condition, struct json_object *value,
                       const struct box_viewer *viewer)
{
	(void)condition;
	return is(json_object_get_string(value), viewer->user_id);
}

static bool match_boolean(struct json_object *condition, struct json_object *value,
                          const struct box_viewer *viewer)
{
	(void)viewer;
	return json_object_get_boolean(value) == json_get_bool(condition, "value", true);
}

static bool match_exists(struct json_object *condition, struct json_object *value,
                         const struct box_viewer *viewer)
{
	(void)condition;
	(void)value;
	(void)viewer;
	return true;
}

static bool match_number(struct json_object *condition, struct json_object *value,
                         const struct box_viewer *viewer)
{
	const double n = json_object_get_double(value);
	struct json_object *bound;

	(void)viewer;
	return (!(bound = json_get(condition, "gt")) || n > json_object_get_double(bound)) &&
	       (!(bound = json_get(condition, "gte")) || n >= json_object_get_double(bound)) &&
	       (!(bound = json_get(condition, "lt")) || n < json_object_get_double(bound)) &&
	       (!(bound = json_get(condition, "lte")) || n <= json_object_get_double(bound));
}

static const int64_t day_us = INT64_C(86400) * 1000000;

/* {"type":"fixed_local_date","value":"2026-03-09","which":"start"}, or "fixed_utc" with a moment.
 */
static bool read_bound(struct json_object *bound, int64_t *ret_us)
{
	const char *text = json_get_string(bound, "value");
	bool is_date;

	if (!text || !moment_parse(text, ret_us, &is_date))
		return false;
	if (is_date && is(json_get_string(bound, "which"), "end"))
		*ret_us += day_us;
	return true;
}

static bool match_moment(struct json_object *condition, struct json_object *value,
                         const struct box_viewer *viewer)
{
	struct json_object *from = json_get(condition, "on_or_after");
	struct json_object *to = json_get(condition, "before");
	int64_t at, bound;

	(void)viewer;
	if (!moment_parse(json_object_get_string(value), &at, NULL))
		return false;
	return (!from || (read_bound(from, &bound) && at >= bound)) &&
	       (!to || (read_bound(to, &bound) && at < bound));
}

static int check_text(struct json_object *condition, struct err *err)
{
	static const char *const modes[] = {"exact_value", "full_words", "phrase",
	                                    "beginning_of_words"};

	if (!json_get_string(condition, "value"))
		return err_set(err, -EINVAL, "a text condition needs a value");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (is(modes[i], json_get_string(condition, "mode")))
			return 0;
	return err_set(err, -EINVAL, "unknown text mode");
}

static int check_values(struct json_object *condition, struct err *err)
{
	struct json_object *list = json_get(condition, "values");

	if (!list)
		list = json_get(condition, "object_ids");
	if (!json_object_is_type(list, json_type_array))
		return err_set(err, -EINVAL, "this condition needs a list of values");
	return 0;
}

static int check_moment(struct json_object *condition, struct err *err)
{
	struct json_object *bounds[] = {json_get(condition, "on_or_after"),
	                                json_get(condition, "before")};
	int64_t us;

	for (size_t i = 0; i < 2; i++)
		if (bounds[i] && !read_bound(bounds[i], &us))
			return err_set(err, -EINVAL,
			               "the sandbox knows only fixed dates in a moment_range yet");
	return 0;
}

static int check_ours(struct json_object *condition, struct err *err)
{
	(void)condition;
	return err_set(err, -EINVAL, "unknown type of condition");
}

static int check_nothing(struct json_object *condition, struct err *err)
{
	(void)condition;
	(void)err;
	return 0;
}

static const struct condition {
	const char *type;
	int (*check)(struct json_object *condition, struct err *err);
	bool (*match)(struct json_object *condition, struct json_object *value,
	              const struct box_viewer *viewer);
} conditions[] = {
	{"text", check_text, match_text},
	{"term", check_values, match_term},
	{"reference", check_values, match_reference},
	{"current_user", check_nothing, match_user},
	{"boolean", check_nothing, match_boolean},
	{"exists", check_nothing, match_exists},
	{"number_range", check_nothing, match_number},
	{"moment_range", check_moment, match_moment},
	{"any_of", check_ours, match_any_of},
	{"any", check_ours, match_any},
};

static const struct condition *condition_of(struct json_object *condition)
{
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		if (is(conditions[i].type, json_get_string(condition, "type")))
			return &conditions[i];
	return NULL;
}

int box_condition_check(struct json_object *condition, struct err *err)
{
	const struct condition *known = condition_of(condition);

	if (!known)
		return err_set(err, -EINVAL, "unknown type of condition");
	return known->check(condition, err);
}

bool box_condition_matches(struct json_object *condition, struct json_object *value,
                           const struct box_viewer *viewer)
{
	const struct condition *known = condition_of(condition);

	if (!value)
		return false;
	if (!json_object_is_type(value, json_type_array))
		return known->match(condition, value, viewer);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *one = json_object_array_get_idx(value, i);

		if (one && known->match(condition, one, viewer))
			return true;
	}
	return false;
}

size_t box_condition_n_equal(struct json_object *condition)
{
	const char *type = json_get_string(condition, "type");

	if (is(type, "term") || is(type, "any_of"))
		return json_object_array_length(json_get(condition, "values"));
	return is(json_get_string(condition, "mode"), "exact_value") ? 1 : 0;
}

const char *box_condition_equal(struct json_object *condition, size_t at)
{
	struct json_object *values = json_get(condition, "values");

	if (!values)
		return json_get_string(condition, "value");
	return json_object_get_string(json_object_array_get_idx(values, at));
}
