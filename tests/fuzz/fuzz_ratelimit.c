/*
 * Rate-limit headers from anybody: one line is "name: value". Whatever comes, a pause stays within
 * a day and what was not said stays zero.
 */

#include "connector/close/ratelimit.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_line(struct crm_rate_reader *reader, char *line)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return;
	*colon = '\0';
	crm_rate_header(reader, line, colon + 1, INT64_C(1773061200000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crm_rate_reader reader = {0};
	char *text = malloc(size + 1), *at = NULL;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	for (char *line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		take_line(&reader, line);
	assert(reader.info.reset_ms <= UINT64_C(86400000));
	assert(reader.info.has_reset || reader.info.reset_ms == 0);
	assert(reader.info.has_limit || reader.info.limit == 0);
	assert(reader.info.has_remaining || reader.info.remaining == 0);
	free(text);
	return 0;
}
