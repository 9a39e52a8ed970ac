/* What a key takes, in words. */

#include "connector/pipeline/keys.h"
#include "connector/pipeline/units.h"
#include "lib/buf.h"
#include "lib/mem.h"

#include <inttypes.h>
#include <string.h>

static void add_choices(struct buf *b, const struct key *key, const char *last)
{
	for (size_t i = 0; key->choices[i]; i++) {
		if (i)
			buf_adds(b, key->choices[i + 1] ? ", " : last);
		buf_adds(b, key->choices[i]);
	}
}

static void add_range(struct buf *b, const char *low, const char *high)
{
	buf_addf(b, " from %s to %s", low, high);
}

char *key_takes(const struct key *key)
{
	char low[32], high[32];
	struct buf b = BUF_INIT;

	switch (key->type) {
	case VALUE_TEXT:
		buf_adds(&b, "text");
		break;
	case VALUE_PROGRAM:
		buf_adds(&b, "a jq program as text");
		break;
	case VALUE_OPERATION:
		buf_adds(&b, "the name of an operation");
		break;
	case VALUE_BOOL:
		buf_adds(&b, "true or false");
		break;
	case VALUE_COUNT:
		if (key->min == key->max)
			buf_addf(&b, "the number %" PRIu64, key->min);
		else
			buf_addf(&b, "a whole number from %" PRIu64 " to %" PRIu64, key->min,
			         key->max);
		break;
	case VALUE_DURATION:
		buf_adds(&b, "a duration such as 500ms, 30s, 5m, 1h or 30d,");
		add_range(&b, units_duration_text(key->min, low),
		          units_duration_text(key->max, high));
		break;
	case VALUE_SIZE:
		buf_adds(&b, "a size such as 64KiB or 1MiB,");
		add_range(&b, units_size_text(key->min, low), units_size_text(key->max, high));
		break;
	case VALUE_RATE:
		buf_adds(&b, "a rate such as 60/min or 20/s");
		break;
	case VALUE_SHARE:
		buf_addf(&b, "a share such as 90%%, from %" PRIu64 "%% to %" PRIu64 "%%", key->min,
		         key->max);
		break;
	case VALUE_CHOICE:
		add_choices(&b, key, " or ");
		break;
	case VALUE_SECRET:
		buf_adds(&b, "a reference: {env: NAME}, {file: path} or {credential: name}");
		break;
	case VALUE_CHOICES:
		buf_adds(&b, "a list of ");
		add_choices(&b, key, " and ");
		break;
	case VALUE_TEXTS:
		buf_adds(&b, "a list of texts");
		break;
	case VALUE_TEMPLATE:
		buf_adds(&b, "a text with placeholders, such as \"{id}\"");
		break;
	case VALUE_TEMPLATES:
		buf_adds(&b, "a map of texts with placeholders, such as {id: \"{lead_id}\"}");
		break;
	case VALUE_TREE:
		buf_adds(&b, "a map with placeholders in its texts, or one placeholder");
		break;
	case VALUE_MAP:
		buf_adds(&b, "a map with placeholders in its texts");
		break;
	case VALUE_SECTION:
		buf_adds(&b, "a map");
		break;
	case VALUE_SECTIONS:
		buf_adds(&b, "a list of maps");
		break;
	case VALUE_OTHER:
		buf_adds(&b, key->takes);
		break;
	}
	return buf_take(&b);
}
