#pragma once

/* What preview prints: requests and rejections, as lines of JSON or for people. */

#include "connector/model/draft.h"
#include "connector/model/request.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct page {
	const char *base_url;
	bool json, on_terminal;
	struct buf out; /* what is not written yet */
};

/* Writes what is there to standard output. */
void page_flush(struct page *page);

/* Ends what was added since @from: a line of JSON, escaped where a terminal shows it. */
void page_end_line(struct page *page, size_t from);

/*
 * Calls @fn for each header as it goes out, @name being @len long; the key is not known here, and
 * would not be shown.
 */
typedef void header_fn(struct buf *out, const char *name, size_t len, const char *value);
void page_each_header(const struct request *request, header_fn *fn, struct buf *out);

/* The request that carries @drafts, in the order of its parts. */
void page_request(struct page *page, const struct request *request, struct draft *const *drafts,
                  size_t n);
void page_rejection(struct page *page, const struct record *const *records, size_t n,
                    const struct rejection *rejection);
/* A record that gives nothing to send; only people are told. */
void page_nothing(struct page *page, const struct record *record, const char *what,
                  const char *why);

/* preview_json.c */
void page_json_request(struct page *page, const struct request *request);
void page_json_rejection(struct page *page, const struct record *const *records, size_t n,
                         const struct rejection *rejection);
