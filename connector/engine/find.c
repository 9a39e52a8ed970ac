#include "connector/engine/find.h"

#include "connector/source/ndjson.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { records_a_step = 2048 };

struct finding {
	struct source *source;
	struct source_host host;
	struct stream **known;   /* copies */
	struct stream **streams; /* the same, and behind them those that are new */
	size_t n_streams, n_known;
	struct stream *stream; /* the one being read */
	char *name;
	uint64_t pos;
	bool only_stream;
	struct record *record;
};

static struct stream *copy_of(const struct stream *stream)
{
	struct stream *copy = stream_new(stream->kind, stream->name);
	char *name = copy->name;

	*copy = *stream;
	copy->name = name;
	copy->ranges = mem_array(stream->n_ranges, sizeof(*copy->ranges));
	copy->cap_ranges = stream->n_ranges;
	if (stream->n_ranges)
		memcpy(copy->ranges, stream->ranges, stream->n_ranges * sizeof(*copy->ranges));
	return copy;
}

static void begin_stream(void *arg, struct stream *stream, bool is_new)
{
	struct finding *f = arg;

	f->stream = stream;
	if (!is_new)
		return;
	f->streams = mem_resize(f->streams, f->n_streams + 1, sizeof(struct stream *));
	f->streams[f->n_streams++] = stream;
}

/* What it finds out about other streams is theirs who read them. */
static void store_stream(void *arg, struct stream *stream)
{
	(void)arg;
	(void)stream;
}

int finding_new(const struct pipeline *pipeline, struct stream *const *streams, size_t n,
                const struct finding_wish *wish, struct finding **ret_finding, struct err *err)
{
	struct finding *f = mem_alloc(sizeof(*f));
	int r;

	f->name = mem_strdup(wish->name);
	f->pos = wish->pos;
	f->only_stream = wish->only_stream;
	f->streams = mem_array(n, sizeof(struct stream *));
	for (size_t i = 0; i < n; i++)
		f->streams[f->n_streams++] = copy_of(streams[i]);
	f->n_known = n;
	f->host = (struct source_host){.begin = begin_stream, .store = store_stream, .arg = f};
	f->known = mem_array(n, sizeof(struct stream *));
	if (n)
		memcpy(f->known, f->streams, n * sizeof(struct stream *));
	const struct ndjson_options options = {
		.path = pipeline->ndjson_path,
		.name = pipeline->ndjson_written,
		.max_record = pipeline->max_record,
		.starts_anew_on_change = pipeline->start_anew_on_change,
		.known = f->known,
		.n_known = n,
		.host = &f->host,
	};
	r = ndjson_open(&options, &f->source, err);
	if (r < 0)
		finding_free(f);
	else
		*ret_finding = f;
	return r;
}

void finding_free(struct finding *finding)
{
	if (!finding)
		return;
	record_unref(finding->record);
	source_free(finding->source);
	for (size_t i = 0; i < finding->n_streams; i++)
		stream_free(finding->streams[i]);
	free(finding->streams);
	free(finding->known);
	free(finding->name);
	free(finding);
}

/* What can be said as soon as its stream is known. */
static enum finding_step judge_stream(const struct finding *f)
{
	if (!f->stream || strcmp(f->stream->name, f->name) != 0)
		return FINDING_MORE;
	if (f->stream->id && stream_is_settled(f->stream, f->pos))
		return FINDING_SETTLED;
	return f->only_stream ? FINDING_STREAM : FINDING_MORE;
}

int finding_step(struct finding *finding, struct err *err)
{
	struct finding *f = finding;

	for (unsigned i = 0; i < records_a_step; i++) {
		cleanup_(record_unrefp) struct record *record = NULL;
		const int r = source_next(f->source, &record, err);
		const enum finding_step step = judge_stream(f);

		if (r < 0)
			return r;
		if (step != FINDING_MORE)
			return (int)step;
		if (r == SOURCE_END)
			return err_set(err, -ENOENT,
			               "%s has no such record any more: it has changed", f->name);
		if (r == SOURCE_LATER)
			return FINDING_MORE;
		if (record->pos != f->pos || strcmp(record->source_name, f->name) != 0)
			continue;
		f->record = steal(&record);
		source_mark(f->source);
		return FINDING_RECORD;
	}
	return FINDING_MORE;
}

struct record *finding_record(const struct finding *finding)
{
	return finding->record;
}

struct stream *finding_stream(const struct finding *finding)
{
	return finding->stream;
}

struct stream *finding_take_stream(struct finding *finding)
{
	struct stream *stream = finding->stream;

	source_free(finding->source); /* it has settled what stands between records in it */
	finding->source = NULL;
	for (size_t i = finding->n_known; i < finding->n_streams; i++)
		if (finding->streams[i] == stream)
			finding->streams[i] = finding->streams[--finding->n_streams];
	finding->stream = NULL;
	return stream;
}
