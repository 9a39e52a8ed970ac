/* Broken files, and what is said about them: the place and how the sentence begins. */

#include "tests/unit/pipeline_case.h"

#include <time.h>

struct mistake {
	const char *text, *notes;
};

static void check_all(const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		case_check_notes(mistakes[i].text, mistakes[i].notes);
}

#define check_list(mistakes) check_all(mistakes, sizeof(mistakes) / sizeof(*(mistakes)))

static void the_syntax_is_strict(void **state)
{
	static const struct mistake mistakes[] = {
		{"",
	         "1:1: error: the file is empty: it needs version, name, source, close and routes\n"},
		{"# nothing\n", "1:1: error: the file is empty\n"},
		{"{\"a\": 1}\n{\"a\": 2}\n", "1:1: error: these are records, no pipeline: "},
		{"- a\n", "1:1: error: the file must be a map that begins with version: 1\n"},
		{V S C R "x: [1\n", "7:1: error: while parsing a flow sequence\n"},
		{V S C "\troutes: []\n",
	         "5:1: error: while scanning for the next token: found "
	         "character that cannot start any token: indent with spaces\n"},
		{V S C R "name: other\n",
	         "6:1: error: key \"name\" stands twice (first in line 2): keep one of them\n"},
		{V S C R "keep: &k 5d\n", "6:7: error: the anchor &k is not allowed\n"},
		{V S C R "keep: *k\n", "6:7: error: the alias *k is not allowed\n"},
		{V S C R "keep: !!str 5d\n", "6:7: error: the tag !!str is not allowed\n"},
		{V S C R "---\nname: b\n", "6:1: error: a second document begins here\n"},
		{V S C "routes:\n  - <<: {a: 1}\n    operation: lead.create\n",
	         "6:5: error: the merge key << is not allowed\n"},
		{V S C R "\xff\n",
	         "6:1: error: invalid leading UTF-8 octet: the file must be plain UTF-8\n"},
	};

	(void)state;
	check_list(mistakes);
}

static void keys_are_known_or_named_with_the_nearest(void **state)
{
	static const struct mistake mistakes[] = {
		{V S C R "respones: {}\n",
	         "6:1: error: unknown key \"respones\": did you mean \"responses\"?\n"},
		{V S C R "frobnicate: 1\n",
	         "6:1: error: unknown key \"frobnicate\": the keys here are version, name, source, vars,\n"},
		{V S C R "retry_for: 1h\n",
	         "6:1: error: unknown key \"retry_for\" here: it belongs under delivery\n"},
		{V S "close: {api_key: {env: KEY}, keep: 1d}\n" R,
	         "4:30: error: close: unknown key \"keep\" here: it belongs at the top of the file\n"},
		{V S "close: {api_key: {env: KEY}, concurency: 9}\n" R,
	         "4:30: error: close: unknown key \"concurency\": did you mean \"concurrency\"?\n"},
		{V "sorce: {ndjson: {path: a}}\n" C R,
	         "3:1: error: unknown key \"sorce\": did you mean \"source\"?\n"},
		{V S C "routes: [{operation: lead.create, nuls: omit}]\n",
	         "5:35: error: routes[0]: unknown key \"nuls\": did you mean \"nulls\"?\n"},
		{"name: a\n" S C R,
	         "1:1: error: version is missing: the version of this format: 1\n"},
		{"version: 1\n" S C R, "1:1: error: name is missing: lower-case letters\n"},
		{V C R, "1:1: error: source is missing: where records come from\n"},
		{V S R, "1:1: error: close is missing: how to reach Close\n"},
		{V S C, "1:1: error: routes is missing: what to send\n"},
		{V "source: {}\n" C R, "3:9: error: source: ndjson or kafka is missing\n"},
		{V "source: {kafka: {brokers: [\"127.0.0.1:1\"], topics: []}}\n" C R,
	         "3:52: error: source.kafka.topics: needs at least one topic\n"},
		{V "source: {ndjson: {}}\n" C R,
	         "3:18: error: source.ndjson: path is missing: what to read\n"},
		{V S "close: {}\n" R, "4:8: error: close: api_key or oauth is missing\n"},
		{V S "close: {concurrency: 2}\n" R,
	         "4:8: error: close: api_key or oauth is missing\n"},
		{V S C "routes: []\n", "5:9: error: routes: must have at least one route\n"},
		{V S C "routes: [{nulls: send}]\n",
	         "5:10: error: routes[0]: operation or url is missing\n"},
		{V S C "routes:\n  - operation: lead.create\n    url: /lead/\n",
	         "7:5: error: routes[0]: operation (line 6) and url (line 7) exclude each other: keep one of them\n"},
		{V "source:\n  kafka: {brokers: [b], topics: [t]}\n  ndjson: {path: a}\n" C R,
	         "4:20: warning: source.kafka: what is sent to these brokers\n"
	         "5:3: error: source: ndjson (line 5) and kafka (line 4) exclude each other: keep one of them\n"},
	};

	(void)state;
	check_list(mistakes);
}

static void values_have_their_kind(void **state)
{
	static const struct mistake mistakes[] = {
		{"version: 2\nname: a\n" S C R,
	         "1:10: error: version: must be the number 1, not the number 2\n"},
		{"version: \"1\"\nname: a\n" S C R,
	         "1:10: error: version: must be the number 1, not the text \"1\"\n"},
		{"version: 1\nname: Sign ups\n" S C R,
	         "2:7: error: name: may have lower-case letters, digits and - only\n"},
		{"version: 1\nname: 2024\n" S C R,
	         "2:7: error: name: must be text, not the number 2024: put it in quotes\n"},
		{"version: 1\nname:\n" S C R, "2:6: error: name: must be text, not nothing\n"},
		{"version: 1\nname: \"\"\n" S C R, "2:7: error: name: must not be empty\n"},
		{V "source: in.ndjson\n" C R,
	         "3:9: error: source: must be a map, not the text \"in.ndjson\"\n"},
		{V "source: {ndjson: in.ndjson}\n" C R,
	         "3:18: error: source.ndjson: must be a map, not the text \"in.ndjson\"\n"},
		{V "source: {ndjson: {path: a, on_change: newer}}\n" C R,
	         "3:39: error: source.ndjson.on_change: must be stop or new, not the text \"newer\"\n"},
		{V "source: {ndjson: {path: a, follow: no}}\n" C R,
	         "3:36: error: source.ndjson.follow: must be true or false, not the text \"no\": write false, without quotes\n"},
		{V "source: {ndjson: {path: a, follow: \"false\"}}\n" C R,
	         "3:36: error: source.ndjson.follow: must be true or false, not the text \"false\": write false, without quotes\n"},
		{V "source: {ndjson: {path: a}, max_record: 1MB}\n" C R,
	         "3:41: error: source.max_record: must be a size such as 64KiB or 1MiB, from 64B to 16MiB, not the text \"1MB\": the units are B, KiB, MiB and GiB\n"},
		{V "source: {ndjson: {path: a}, max_record: 1GiB}\n" C R,
	         "3:41: error: source.max_record: must be a size such as 64KiB or 1MiB, from 64B to 16MiB, not\n"},
		{V S "close: {api_key: {env: KEY}, timeout: 30}\n" R,
	         "4:39: error: close.timeout: must be a duration such as 500ms, 30s, 5m, 1h or 30d, from 100ms to 10m, not the number 30: add a unit\n"},
		{V S "close: {api_key: {env: KEY}, concurrency: many}\n" R,
	         "4:43: error: close.concurrency: must be a whole number from 1 to 1024, not the text \"many\"\n"},
		{V S "close: {api_key: {env: KEY}, concurrency: 0}\n" R,
	         "4:43: error: close.concurrency: must be a whole number from 1 to 1024, not the number 0\n"},
		{V S "close: {api_key: {env: KEY}, concurrency: \"8\"}\n" R,
	         "4:43: error: close.concurrency: must be a whole number from 1 to 1024, not the text \"8\": write it without quotes\n"},
		{V S "close: {api_key: {env: KEY}, concurrency: 010}\n" R,
	         "4:43: error: close.concurrency: must be a whole number from 1 to 1024, not the text \"010\"\n"},
		{V S "close: {api_key: {env: KEY}, concurrency: 1.5}\n" R,
	         "4:43: error: close.concurrency: must be a whole number\n"},
		{V S "close: {api_key: {env: KEY}, rate: 60}\n" R,
	         "4:36: error: close.rate: must be a rate such as 60/min or 20/s, not the number 60\n"},
		{V S "close: {api_key: {env: KEY}, share: 0.9}\n" R,
	         "4:37: error: close.share: must be a share such as 90%, from 1% to 100%, not the number 0.9\n"},
		{V S "close: {api_key: {env: KEY}, allow: private}\n" R,
	         "4:37: error: close.allow: must be a list of private, not the text \"private\"\n"},
		{V S "close: {api_key: {env: KEY}, allow: [privat]}\n" R,
	         "4:38: error: close.allow: must be private, not \"privat\": did you mean \"private\"?\n"},
		{V S "close: {api_key: {env: KEY}, proxy: proxy:3128}\n" R,
	         "4:37: error: close.proxy: must begin with http://, https://, socks5:// or socks5h://\n"},
		{V S C "routes: lead.create\n",
	         "5:9: error: routes: must be a list of routes, not the text \"lead.create\"\n"},
		{V S C "routes: [lead.create]\n",
	         "5:10: error: routes[0]: must be a map with an operation, or a method and a url, not the text\n"},
		{V S C R "unrouted: drop\n",
	         "6:11: error: unrouted: must be reject or skip, not the text \"drop\"\n"},
		{V S C R "exclude: meta.ip\n",
	         "6:10: error: exclude: must be a list of paths, such as [meta.ip, \"lines[].id\", _*], not the text\n"},
		{V S C R "exclude: [a, [b]]\n",
	         "6:14: error: exclude: must be a path such as meta.ip, not a list\n"},
		{V S C R "exclude: [\"a[\"]\n", "6:11: error: exclude: \n"},
		{V S C R "delivery: {max_rejects: 0}\n",
	         "6:25: error: delivery.max_rejects: must be a count, a share such as 5% or none, not the number 0\n"},
		{V S C R "delivery: {canary: cont_A}\n",
	         "6:20: error: delivery.canary: must be the id of a lead (lead_…)\n"},
		{V S C R "delivery: {on_unknown: holt}\n",
	         "6:24: error: delivery.on_unknown: must be reconcile or hold, not \"holt\": did you mean \"hold\"?\n"},
		{V S C R "responses: {include: [body]}\n",
	         "6:23: error: responses.include: must be request or response, not the text \"body\"\n"},
		{V S C R "responses: {file: {x}}\n",
	         "6:19: error: responses.file: {x} without quotes is a YAML map with a key and no value: put it in quotes, \"{x}\"\n"},
		{V S C R "vars: {1x: a}\n",
	         "6:8: error: vars.1x: must be a name of letters, digits and _\n"},
		{V S C R "vars: {x: [a]}\n",
	         "6:11: error: vars.x: must be text, a number, true, false or {env: NAME}, not a list\n"},
		{V S C R "keep: forever\n", "6:7: error: keep: must be a duration such as\n"},
	};

	(void)state;
	check_list(mistakes);
}

static void urls_lead_to_where_they_may(void **state)
{
	static const struct mistake mistakes[] = {
		{V S "close: {api_key: {env: KEY}, base_url: api.close.com}\n" R,
	         "4:40: error: close.base_url: must be a URL that begins with https://\n"},
		{V S "close: {api_key: {env: KEY}, base_url: \"http://api.close.com/api/v1\"}\n" R,
	         "4:40: error: close.base_url: must begin with https:// (http only to this machine\n"},
		{V S
	         "close: {api_key: {env: KEY}, allow: [private], base_url: \"http://8.8.8.8/\"}\n" R,
	         "4:58: error: close.base_url: must begin with https://\n"},
		{V S "close: {api_key: {env: KEY}, base_url: \"https://10.0.0.1/\"}\n" R,
	         "4:40: error: close.base_url: the address is in a private network: add allow: [private]\n"},
		{V S
	         "close: {api_key: {env: KEY}, base_url: \"http://169.254.169.254/\", allow: [private]}\n" R,
	         "4:40: error: close.base_url: the address is link-local\n"},
		{V S "close: {api_key: {env: KEY}, base_url: \"https://u:p@example.com\"}\n" R,
	         "4:40: error: close.base_url: must not have a user name or password in it\n"},
		{V S "close: {api_key: {env: KEY}, base_url: \"https://example.com/?a=b\"}\n" R,
	         "4:40: error: close.base_url: must not have a query\n"},
		{V S "close: {api_key: {env: KEY}, base_url: \"https://example.com:99999\"}\n" R,
	         "4:40: error: close.base_url: has no proper host and port\n"},
		{V S "close: {api_key: {env: KEY}, base_url: \"https:///x\"}\n" R,
	         "4:40: error: close.base_url: has no proper host and port\n"},
		{V S "close: {api_key: {env: KEY}, base_url: \"https://a b\"}\n" R,
	         "4:40: error: close.base_url: has a character that cannot stand in a URL (the 10.)\n"},
		{V S C R "responses: {webhook: {}}\n",
	         "6:22: error: responses.webhook: url is missing\n"},
		{V S C R "responses: {webhook: {url: \"http://hooks.example.com\"}}\n",
	         "6:28: error: responses.webhook.url: must begin with https://\n"},
		{V S C R "responses: {webhook: {url: \"https://192.168.1.1\"}}\n",
	         "6:28: error: responses.webhook.url: the address is in a private network\n"},
		{V S C R "responses: {webhook: {url: \"https://h.example.com#x\"}}\n",
	         "6:28: error: responses.webhook.url: must not have a fragment\n"},
	};

	(void)state;
	check_list(mistakes);
}

static void what_is_not_built_is_refused_and_never_ignored(void **state)
{
	static const struct mistake mistakes[] = {
		{V "source: {ndjson: {path: \"-\", follow: true}}\n" C R,
	         "3:38: error: source.ndjson: standard input is read until its writer ends it: take follow out\n"},
		{V "source: {ndjson: {path: \"\"}}\n" C R,
	         "3:25: error: source.ndjson.path: must not be empty\n"},
		{V S C R "metrics: \"127.0.0.1:9464\"\n",
	         "6:10: error: metrics: not available yet\n"},
		{V S C R "notify: {webhook: \"https://h.example.com\", on: [held]}\n",
	         "6:9: error: notify: not available yet\n"},
		{V S
	         "close: {oauth: {client_id: a, client_secret: {env: X}, refresh_token: {env: Y}}}\n" R,
	         "4:52: error: close.oauth.client_secret: the environment variable \"X\" is not set\n"
	         "4:77: error: close.oauth.refresh_token: the environment variable \"Y\" is not set\n"},
	};

	(void)state;
	check_list(mistakes);
}

static void five_mistakes_of_one_file_are_told_in_its_order(void **state)
{
	(void)state;
	case_check_notes(
		"version: 1\n"
		"name: Signups\n"
		"close:\n"
		"  api_key: api_live.abc\n"
		"  timeout: 30\n"
		"routes:\n"
		"  - operation: lead.creat\n"
		"source:\n"
		"  ndjson: {path: in.ndjson, folow: true}\n",
		"2:7: error: name: may have lower-case letters\n"
		"4:12: error: close.api_key: a secret must not stand in this file\n"
		"5:12: error: close.timeout: must be a duration\n"
		"7:16: error: routes[0].operation: there is no operation \"lead.creat\": did you mean \"lead.create\"?\n"
		"9:29: error: source.ndjson: unknown key \"folow\": did you mean \"follow\"?\n");
}

static void notes_of_a_hopeless_file_are_bounded(void **state)
{
	struct buf b = BUF_INIT;
	struct pipeline *p;
	const clock_t began = clock();

	(void)state;
	buf_adds(&b, V S C R "vars:\n");
	for (unsigned i = 0; i < 20000; i++)
		buf_addf(&b, "  %u: []\n", i);
	p = case_load(buf_text(&b));
	check_eq(p->n_notes, 200);
	check(clock() - began < 30 * CLOCKS_PER_SEC); /* of processor time */
	pipeline_free(p);
	buf_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(the_syntax_is_strict),
		sentence(keys_are_known_or_named_with_the_nearest),
		sentence(values_have_their_kind),
		sentence(urls_lead_to_where_they_may),
		sentence(what_is_not_built_is_refused_and_never_ignored),
		sentence(five_mistakes_of_one_file_are_told_in_its_order),
		sentence(notes_of_a_hopeless_file_are_bounded),
	};

	return run_sentences(tests);
}
