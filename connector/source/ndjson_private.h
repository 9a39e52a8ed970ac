#pragma once

/* The source itself, for its unit tests. */

#include "connector/source/file_watch.h"
#include "connector/source/ndjson.h"
#include "connector/source/reader.h"

struct ndjson {
	struct source source; /* first: what the others see */
	struct reading reading;
	bool is_stdin;
	struct file_watch watch; /* with follow */
	struct reader *reader;   /* of the input being read; NULL between two */
	/* What it reads; NULL: standard input, or a file that is none of the set any more. */
	struct file_entry *entry;
	size_t next_entry;                /* of the set: those before it are read */
	bool is_listed;                   /* nothing has happened since that could change the set */
	bool is_waiting;                  /* nothing is there at the moment */
	bool told_waiting;                /* for the first file */
	uint64_t line;                    /* where the last input ended */
	uint64_t read_bytes, total_bytes; /* of the files that are read, and of all */
};
