/*
 * The reader stands at a byte (`at`) with a number of lines before it. What it passes is either
 * handed out as a record or settled on the spot: byte order mark, blank lines. What an earlier run
 * settled is passed over, its lines taken from the stream. Hashes follow what was passed.
 */

#include "connector/source/reader_private.h"

#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Whether nothing will ever follow what is there. */
static bool ends_here(const struct reader *n)
{
	return n->window.is_end && (!n->reading->is_follow || n->is_final);
}

static bool can_seek(const struct reader *n)
{
	return n->window.is_file && !n->window.unpack;
}

/* Everything before @pos was passed: hashes what became whole blocks. */
static int pass(struct reader *n, uint64_t pos, struct err *err)
{
	n->at = pos;
	n->n_searched = 0;
	if (!n->reading->host)
		return 0;
	while (n->identity.chained_to + identity_block <= pos) {
		identity_add_block(&n->identity, window_at(&n->window, n->identity.chained_to));
		if (identity_contradicts(&n->identity, n->stream))
			return err_set(err, -ESTALE,
			               "%s began like an input read earlier, but the part already "
			               "read (%" PRIu64 " bytes) is another. To read it from the "
			               "start, use run --new-state",
			               n->shown, n->stream->hashed_to);
	}
	return 0;
}

static int settle_to(struct reader *n, uint64_t pos, unsigned n_lines, struct err *err)
{
	if (n->reading->host)
		stream_settle(n->stream, n->at, pos, n_lines);
	n->is_dirty = true;
	n->line += n_lines;
	return pass(n, pos, err);
}

static int fail_ended_early(const struct reader *n, uint64_t wanted, struct err *err)
{
	return err_set(
		err, -ESTALE,
		"%s ended at byte %" PRIu64 ", before the place to go on (byte %" PRIu64
		"): it is not the input that was read before. To read it from the start, use "
		"run --new-state",
		n->shown, window_end(&n->window), wanted);
}

/* Where to begin reading so that the hashes find the bytes they need before @pos. */
static uint64_t read_from(const struct reader *n, uint64_t pos)
{
	if (n->reading->host && n->identity.chained_to < pos)
		pos = n->identity.chained_to;
	return pos > window_history ? pos - window_history : 0;
}

/*
 * What an earlier run settled is passed, or as much of it as is there; a file is not even read
 * there. Lines count when the end of it is reached, so `at` may stand inside for a while.
 */
static int skip_settled(struct reader *n, struct err *err)
{
	uint64_t to, pos;
	int r;

	if (n->i_earlier == n->n_earlier || n->at < n->earlier[n->i_earlier].from)
		return STEP_NOTHING;
	to = n->earlier[n->i_earlier].to;

	if (can_seek(n) && read_from(n, to) > window_end(&n->window)) {
		window_seek(&n->window, read_from(n, to));
		n->at = window_end(&n->window);
		return STEP_WANTS_MORE;
	}
	if (window_end(&n->window) < to && ends_here(n))
		return fail_ended_early(n, to, err);
	pos = window_end(&n->window) < to ? window_end(&n->window) : to;
	if (pos > n->at) {
		r = pass(n, pos, err);
		if (r < 0)
			return r;
	}
	if (pos < to)
		return STEP_WANTS_MORE;
	n->line += n->earlier[n->i_earlier++].n_lines;
	n->may_be_in_line = true;
	return STEP_PASSED;
}

static const struct {
	const char *bytes;
	size_t len;
	int code; /* 0: passed over */
	const char *sentence;
} marks[] = {
	{"\xef\xbb\xbf", 3, 0, ""},
	{"\xff\xfe", 2, -EILSEQ, "is UTF-16: write it as UTF-8"},
	{"\xfe\xff", 2, -EILSEQ, "is UTF-16: write it as UTF-8"},
	/* What is packed once was unpacked on the way here. */
	{"\x1f\x8b", 2, -EBADMSG, "is packed twice: unpack it once"},
	{"\x28\xb5\x2f\xfd", 4, -EBADMSG, "is packed twice: unpack it once"},
};

enum { n_marks = sizeof(marks) / sizeof(marks[0]) };

int reader_check_start(const struct reader *reader, const char *bytes, size_t len, struct err *err)
{
	for (size_t i = 0; i < n_marks; i++) {
		if (len < marks[i].len || memcmp(bytes, marks[i].bytes, marks[i].len) != 0)
			continue;
		return marks[i].code ? err_set(err, marks[i].code, "%s %s", reader->shown,
		                               marks[i].sentence)
		                     : (int)marks[i].len;
	}
	return 0;
}

/* Whether so few bytes may yet become one of the marks. */
static bool may_be_mark(const char *bytes, size_t len)
{
	for (size_t i = 0; i < n_marks; i++)
		if (!len || (len < marks[i].len && memcmp(bytes, marks[i].bytes, len) == 0))
			return true;
	return false;
}

static int look_at_start(struct reader *n, struct err *err)
{
	int r;

	if (n->is_start_checked || n->at > 0)
		return STEP_NOTHING;
	if (may_be_mark(n->window.data, n->window.len) && !ends_here(n))
		return STEP_WANTS_MORE;
	n->is_start_checked = true;
	r = reader_check_start(n, n->window.data, n->window.len, err);
	if (r <= 0)
		return r < 0 ? r : STEP_NOTHING;
	r = settle_to(n, (uint64_t)r, 0, err);
	return r < 0 ? r : STEP_PASSED;
}

static struct record *new_record(const struct reader *n, uint64_t pos, uint64_t len)
{
	struct record *record = record_new();

	record->stream = n->stream->id;
	record->kind = n->stream->kind;
	record->source_name = mem_strdup(n->name);
	record->pos = pos;
	record->len = len;
	record->line = n->line + 1;
	return record;
}

/* Hands @record out, which ends before @next_pos. */
static int hand_out(struct reader *n, struct record *record, uint64_t next_pos,
                    struct record **ret_record, struct err *err)
{
	int r = pass(n, next_pos, err);

	if (r < 0) {
		record_unref(record);
		return r;
	}
	n->line++;
	record->next_pos = next_pos;
	*ret_record = record;
	return STEP_RECORD;
}

static int hand_out_too_long(struct reader *n, uint64_t pos, uint64_t len, uint64_t next_pos,
                             struct record **ret_record, struct err *err)
{
	struct record *record = new_record(n, pos, len);

	record->fault = RECORD_TOO_LONG;
	record->fault_text =
		mem_printf("line %" PRIu64 " is %" PRIu64 " bytes long, and max_record "
	                   "allows %" PRIu64 ": raise it in the pipeline file, or make "
	                   "the record smaller",
	                   record->line, len, n->reading->max_record);
	return hand_out(n, record, next_pos, ret_record, err);
}

/* Inside a line that is too long: passes what is there of it. */
static int look_in_long(struct reader *n, struct record **ret_record, struct err *err)
{
	const uint64_t end = window_end(&n->window);
	const size_t there = (size_t)(end - n->at);
	const char *bytes = window_at(&n->window, n->at);
	const char *found = memchr(bytes, '\n', there);
	const uint64_t line_end = found ? n->at + (uint64_t)(found - bytes) : end;
	int r;

	if (line_end > n->at)
		n->long_ends_in_cr = bytes[line_end - n->at - 1] == '\r';
	if (found || ends_here(n)) {
		n->is_in_long = false;
		return hand_out_too_long(n, n->long_pos,
		                         line_end - n->long_pos - n->long_ends_in_cr,
		                         line_end + (found ? 1 : 0), ret_record, err);
	}
	r = pass(n, end, err);
	return r < 0 ? r : STEP_WANTS_MORE;
}

static void parse(struct record *record)
{
	struct json_object *value = NULL;
	struct err err = {""};

	if (json_parse(record->raw, (size_t)record->len, 0, &value, NULL, &err) < 0) {
		record->fault = RECORD_JSON;
		record->fault_text = mem_printf("line %" PRIu64 ", %s", record->line, err.text);
		return;
	}
	if (json_object_is_type(value, json_type_object)) {
		record->value = value;
		return;
	}
	record->fault = RECORD_JSON;
	record->fault_text =
		mem_printf("line %" PRIu64 " is %s: a record must be a JSON object, {…}",
	                   record->line, json_kind_text(value));
	json_object_put(value);
}

static bool is_blank(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
			return false;
	return true;
}

/* Whether `at` stands behind a line whose end was not there when it was read. */
static bool is_in_line(const struct reader *n)
{
	return n->may_be_in_line && n->line > 0 && *window_at(&n->window, n->at - 1) != '\n';
}

/* A whole line of @len bytes without its end, which is before @next_pos. */
static int take_line(struct reader *n, const char *bytes, size_t len, uint64_t next_pos,
                     struct record **ret_record, struct err *err)
{
	const bool is_rest = is_in_line(n);
	struct record *record;
	int r;

	n->may_be_in_line = false;
	if (is_blank(bytes, len)) {
		r = settle_to(n, next_pos, is_rest ? 0 : 1, err);
		return r < 0 ? r : STEP_PASSED;
	}
	if (is_rest)
		return err_set(
			err, -ESTALE,
			"line %" PRIu64 " of %s had no line end when it was read, and has grown "
			"since (at byte %" PRIu64 "): what was read of it was not the whole "
			"record. End it with a line end where it ended, or use run --new-state",
			n->line, n->shown, n->at);
	if (bytes[len - 1] == '\r')
		len--;
	if (len > n->reading->max_record)
		return hand_out_too_long(n, n->at, len, next_pos, ret_record, err);

	record = new_record(n, n->at, len);
	record->raw = mem_dup(bytes, len);
	parse(record);
	return hand_out(n, record, next_pos, ret_record, err);
}

static int look_at_line(struct reader *n, struct record **ret_record, struct err *err)
{
	const size_t there = (size_t)(window_end(&n->window) - n->at);
	const char *bytes, *found;

	if (!there)
		return ends_here(n) ? STEP_END : STEP_WANTS_MORE;
	bytes = window_at(&n->window, n->at);
	found = memchr(bytes + n->n_searched, '\n', there - n->n_searched);
	if (found)
		return take_line(n, bytes, (size_t)(found - bytes),
		                 n->at + (uint64_t)(found - bytes) + 1, ret_record, err);
	if (ends_here(n))
		return take_line(n, bytes, there, n->at + there, ret_record, err);

	n->n_searched = there;
	if (there - 1 > n->reading->max_record) { /* the one may be a CR */
		n->is_in_long = true;
		n->long_pos = n->at;
		return STEP_PASSED;
	}
	return STEP_WANTS_MORE;
}

int reader_look(struct reader *reader, struct record **ret_record, struct err *err)
{
	struct reader *n = reader;
	int r;

	if (n->is_in_long)
		return look_in_long(n, ret_record, err);
	r = skip_settled(n, err);
	if (r != STEP_NOTHING)
		return r;
	if (window_end(&n->window) < n->at)
		return ends_here(n) ? fail_ended_early(n, n->at, err) : STEP_WANTS_MORE;
	r = look_at_start(n, err);
	if (r != STEP_NOTHING)
		return r;
	return look_at_line(n, ret_record, err);
}
