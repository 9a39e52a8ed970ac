/* delivery: what happens when calls do not go well. */

#include "connector/pipeline/keys.h"
#include "connector/pipeline/units.h"

#include <string.h>

static const char *const on_unknowns[] = {"reconcile", "hold", NULL};
static const char *const on_rejects[] = {"continue", "park", NULL};

static void read_max_rejects(struct loader *l, const struct key *key, const struct yaml_node *value,
                             void *target)
{
	struct pipeline *p = target;
	uint64_t n;

	if (value->kind == YAML_TEXT && strcmp(value->text, "none") == 0) {
		p->max_rejects = MAX_REJECTS_NONE;
	} else if (yaml_is_number(value) && units_count(value->text, &n) == 0 && n > 0) {
		p->max_rejects = MAX_REJECTS_COUNT;
		p->max_rejects_n = n;
	} else if (value->kind == YAML_TEXT && units_share(value->text, &n) == 0 && n > 0) {
		p->max_rejects = MAX_REJECTS_SHARE;
		p->max_rejects_n = n;
	} else {
		fail_kind(l, value, key->takes);
	}
}

static void read_canary(struct loader *l, const struct key *key, const struct yaml_node *value,
                        void *target)
{
	const struct pipeline *p = target;

	(void)key;
	if (strncmp(p->canary, "lead_", 5) != 0 || strpbrk(p->canary, "/?#{}% "))
		fail(l, value, "must be the id of a lead (lead_…)");
}

static const struct key delivery_keys[] = {
	{.name = "retry_for",
         .type = VALUE_DURATION,
         IN(struct pipeline, retry_for_ms),
         .min = 100,
         .max = UINT64_C(30) * 86400000,
         .fallback = "1h",
         .help = "how long calls are repeated since the last success; then the run stops with exit "
                 "code 69 and nothing is lost"},
	{.name = "on_unknown",
         .type = VALUE_CHOICE,
         IN(struct pipeline, hold_unknown),
         .choices = on_unknowns,
         .choice_help = (const char *const[]){"look it up, and prove that it happened or did not",
                                              "keep it for a person to decide (closefeed held)"},
         .fallback = "reconcile",
         .help = "what becomes of a create whose answer was lost"},
	{.name = "quarantine",
         .type = VALUE_DURATION,
         IN(struct pipeline, quarantine_ms),
         .min = 100,
         .max = 86400000,
         .fallback = "330s",
         .help = "how long absence must wait before it counts as proven"},
	{.name = "canary",
         .type = VALUE_TEXT,
         IN(struct pipeline, canary),
         .pattern = "^lead_[^/?#{}% ]*$",
         .read = read_canary,
         .example = "\"lead_abc\"",
         .help = "a lead whose description closefeed may overwrite when nothing has changed in Close since "
                 "the answer of a create was lost: once that shows in the event log (for leads also in "
                 "search), what is not found is proven absent, and sent again. Without a canary "
                 "it is held"},
	{.name = "drain",
         .type = VALUE_DURATION,
         IN(struct pipeline, drain_ms),
         .min = 0,
         .max = 3600000,
         .fallback = "20s",
         .help = "how long a stop waits for what is in flight; the rest is kept on disk"},
	{.name = "max_rejects",
         .type = VALUE_OTHER,
         .read = read_max_rejects,
         .takes = "a count, a share such as 5% or none",
         .schema =
                 "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},{\"type\":\"string\",\"pattern\":"
                 "\"^([1-9][0-9]?|100)%$\"},{\"const\":\"none\"}]}",
         .help = "rejects by Close that stop the run with exit code 75; default: the first 25 calls "
                 "of a route all rejected, or 1,000 in a row"},
	{.name = "max_destroys",
         .type = VALUE_COUNT,
         IN(struct pipeline, max_destroys),
         .min = 0,
         .max = 1000000000,
         .fallback = "100",
         .help = "deletes and merges a run may make; before the next one it stops with exit code 75, and "
                 "nothing is rejected"},
	{.name = "on_reject",
         .type = VALUE_CHOICE,
         IN(struct pipeline, park_rejects),
         .choices = on_rejects,
         .choice_help =
                 (const char *const[]){
			 "later records of that object go on",
			 "later records of that object wait until the reject is settled"},
         .fallback = "continue",
         .help = "what becomes of later records of an object with a reject"},
	{0},
};

const struct section delivery_section = {
	.name = "delivery",
	.help = "What happens when calls do not go well.",
	.keys = delivery_keys,
};
