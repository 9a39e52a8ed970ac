#include "tests/unit/check.h"

#include "connector/cli/cli.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_preview_XXXXXX";

static char *place(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	char *path = place(name);
	FILE *file = fopen(path, "w");

	check(file != NULL);
	check(fputs(text, file) >= 0);
	check_eq(fclose(file), 0);
	free(path);
}

static char *read_file(const char *name)
{
	char *path = place(name);
	FILE *file = fopen(path, "r");
	char *text = mem_alloc(65536);

	check(file != NULL);
	check(fread(text, 1, 65535, file) < 65535);
	check_eq(fclose(file), 0);
	free(path);
	return text;
}

/* Points @fd at a file of the folder; returns what it was, for restore(). */
static int redirect(int fd, const char *name)
{
	char *path = place(name);
	const int old = dup(fd);
	const int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(old >= 0 && to >= 0);
	check(dup2(to, fd) >= 0);
	check_eq(close(to), 0);
	free(path);
	return old;
}

static void restore(int fd, int old)
{
	check(dup2(old, fd) >= 0);
	check_eq(close(old), 0);
}

/* Runs `preview PIPELINE ARGS…`; *@ret_out is standard output, to free(). */
static enum exit_code preview(const char *arg1, const char *arg2, const char *arg3, char **ret_out)
{
	char *path = place("p.yaml");
	char *argv[] = {mem_strdup("closefeed"), mem_strdup("preview"), path, mem_strdup(arg1),
	                mem_strdup(arg2),        mem_strdup(arg3),      NULL};
	enum exit_code code;
	struct cli cli;
	struct err err;
	int argc = 3, out, errors;

	while (argv[argc])
		argc++;
	check_eq(cli_parse(argc, argv, &cli, &err), 0);
	(void)fflush(stdout);
	out = redirect(STDOUT_FILENO, "out");
	errors = redirect(STDERR_FILENO, "err");
	code = cli.verb->run(&cli);
	(void)fflush(stdout);
	(void)fflush(stderr);
	restore(STDOUT_FILENO, out);
	restore(STDERR_FILENO, errors);
	cli_deinit(&cli);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	*ret_out = read_file("out");
	return code;
}

static const char pipeline[] = "version: 1\n"
			       "name: leads\n"
			       "source:\n"
			       "  ndjson: {path: in.ndjson}\n"
			       "close:\n"
			       "  api_key: {env: A_KEY_NOBODY_HAS}\n"
			       "  base_url: http://127.0.0.1:1/api/v1\n"
			       "state: state\n"
			       "exclude: [ingested_at]\n"
			       "routes:\n"
			       "  - operation: lead.update\n"
			       "    name: change\n"
			       "    headers: {X-Who: \"{who}\"}\n";

static const char records[] =
	"{\"id\":\"lead_1\",\"name\":\"A\\u00f6/\",\"who\":\"us\",\"ingested_at\":1}\n"
	"\n"
	"{\"name\":\"B\"}\n"
	"{\"id\":\"lead 3\",\"custom.cf_1\":19.90}\n"
	"{\n";

static int make_folder(void **state)
{
	(void)state;
	check(mkdtemp(folder) != NULL);
	write_file("p.yaml", pipeline);
	write_file("in.ndjson", records);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"p.yaml", "in.ndjson", "out", "err"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = place(names[i]);

		(void)unlink(path);
		free(path);
	}
	return rmdir(folder);
}

static void json_has_a_request_or_a_rejection_a_line(void **state)
{
	char *out, *line, *rest;

	(void)state;
	check_eq(preview("--json", NULL, NULL, &out), EXIT_UNSETTLED);
	line = strtok_r(out, "\n", &rest);
	check_text(line,
	           "{\"route\":\"change\",\"operation\":\"lead.update\",\"method\":\"PUT\",\"url\":"
	           "\"http://127.0.0.1:1/api/v1/lead/lead_1/\",\"headers\":{\"Authorization\":"
	           "\"***\",\"Accept\":\"application/json\",\"Content-Type\":\"application/json\","
	           "\"X-Who\":\"us\"},\"body\":{\"name\":\"A\303\266/\",\"who\":\"us\"},"
	           "\"records\":[{\"file\":\"in.ndjson\",\"line\":1,\"bytes\":[0,60]}],\"notes\":"
	           "[\"Close will ignore, since lead.update has no such field: who\"]}");
	line = strtok_r(NULL, "\n", &rest);
	check_eq(strncmp(line,
	                 "{\"rejected\":{\"class\":\"template\",\"message\":\"{id} is missing", 58),
	         0);
	check(strstr(line, "\"field\":null},\"records\":[{\"file\":\"in.ndjson\",\"line\":3,"));
	line = strtok_r(NULL, "\n", &rest);
	check(strstr(line, "/lead/lead%203/"));
	check(strstr(line, "\"body\":{\"custom.cf_1\":19.90},"));
	line = strtok_r(NULL, "\n", &rest);
	check_eq(strncmp(line, "{\"rejected\":{\"class\":\"json\",", 28), 0);
	check_null(strtok_r(NULL, "\n", &rest));
	free(out);
}

static void every_line_of_json_is_json(void **state)
{
	char *out, *rest;

	(void)state;
	(void)preview("--json", "--all", NULL, &out);
	for (char *line = strtok_r(out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct json_object *value = NULL;

		check_eq(json_parse(line, strlen(line), 0, &value, NULL, NULL), 0);
		json_object_put(value);
	}
	free(out);
}

static void n_counts_records(void **state)
{
	char *out;

	(void)state;
	check_eq(preview("--json", "-n", "1", &out), EXIT_DONE);
	check(strchr(out, '\n') == strrchr(out, '\n'));
	free(out);
	check_eq(preview("--json", "-n", "0", &out), EXIT_UNSETTLED);
	check(strstr(out, "\"class\":\"json\""));
	free(out);
}

static void people_see_what_goes_out_and_what_stays_here(void **state)
{
	char *out, *errors;

	(void)state;
	check_eq(preview("-n", "2", NULL, &out), EXIT_UNSETTLED);
	check(strstr(out, "in.ndjson:1  change\n  PUT http://127.0.0.1:1/api/v1/lead/lead_1/\n"));
	check(strstr(out, "  Authorization: ***\n"));
	check(strstr(out, "  excluded: ingested_at\n"));
	check(strstr(out, "  note: Close will ignore"));
	check(strstr(out, "in.ndjson:3  rejected\n  template: {id} is missing"));
	errors = read_file("err");
	check(strstr(errors, "2 records, 1 rejected; nothing was sent\n"));
	free(errors);
	free(out);
}

/* Another pipeline and input for one test; usual() puts the others back. */
static void unusual(const char *routes, const char *input)
{
	char *text = mem_printf("version: 1\nname: leads\nsource:\n  ndjson: {path: in.ndjson}\n"
	                        "close:\n  api_key: {env: A_KEY_NOBODY_HAS}\n"
	                        "  base_url: http://127.0.0.1:1/api/v1\nstate: state\n%s",
	                        routes);

	write_file("p.yaml", text);
	write_file("in.ndjson", input);
	free(text);
}

static void usual(void)
{
	write_file("p.yaml", pipeline);
	write_file("in.ndjson", records);
}

static void a_call_of_several_records_is_shown_once(void **state)
{
	char *out, *errors;

	(void)state;
	unusual("unrouted: skip\nroutes:\n"
	        "  - {name: rows, method: POST, url: /rows, exclude: [no, ip], when: .n,\n"
	        "     batch: {algorithm: keyed_array, key: items, size: 4}}\n",
	        "{\"n\":1,\"no\":1}\n{\"n\":2}\n{}\n{\"n\":4,\"no\":1,\"ip\":2}\n\n{\"n\":6}\n"
	        "{\"n\":7}\n");
	check_eq(preview("--all", NULL, NULL, &out), EXIT_DONE);
	usual();
	check(strstr(out, "in.ndjson:3  skipped\n"));
	check(strstr(out, "in.ndjson:1-2,4,6 (4 records)  rows\n"
	                  "  POST http://127.0.0.1:1/api/v1/rows\n"));
	check(strstr(out, "  \"items\": [\n"));
	check(strstr(out, "  excluded: no, ip\n"));
	check(strstr(out, "in.ndjson:7  rows\n"));
	errors = read_file("err");
	check(strstr(errors, "6 records, 1 skipped, 0 rejected; nothing was sent\n"));
	free(errors);
	free(out);
}

static void many_places_are_cut(void **state)
{
	struct buf input = BUF_INIT;
	char *out;

	(void)state;
	for (size_t i = 0; i < 30; i++)
		buf_adds(&input, i % 2 ? "\n" : "{\"n\":1}\n");
	unusual("routes: [{name: rows, method: POST, url: /rows, batch: {algorithm: array}}]\n",
	        buf_text(&input));
	check_eq(preview("--all", NULL, NULL, &out), EXIT_DONE);
	usual();
	check(strstr(out, "in.ndjson:1,3,5,7,9,11,13,15,… (15 records)  rows\n"));
	buf_deinit(&input);
	free(out);
}

static void a_batch_that_cannot_be_made_rejects_its_records(void **state)
{
	char *out, *errors;

	(void)state;
	unusual("routes:\n  - name: rows\n    method: POST\n    url: /rows\n"
	        "    batch: {algorithm: expression, program: '.[9].n'}\n    transform: '., .'\n",
	        "{\"n\":1}\n{\"n\":2}\n");
	check_eq(preview("--all", NULL, NULL, &out), EXIT_DONE);
	check(strstr(out, "in.ndjson:1,1-2,2 (4 records)  rows\n"));
	check(strstr(out, "\n  null\n"));
	free(out);
	unusual("routes:\n  - name: rows\n    method: POST\n    url: /rows\n"
	        "    batch: {algorithm: expression, program: '.[0].n.x'}\n    transform: '., .'\n",
	        "{\"n\":1}\n{\"n\":2}\n");
	check_eq(preview("--all", NULL, NULL, &out), EXIT_UNSETTLED);
	usual();
	check(strstr(out,
	             "in.ndjson:1,1-2,2 (4 records)  rejected\n  transform: the batch program"));
	errors = read_file("err");
	/* Records are counted, not what they give. */
	check(strstr(errors, "2 records, 2 rejected; nothing was sent\n"));
	free(errors);
	free(out);
}

static void no_state_is_made(void **state)
{
	char *out, *path = place("state");
	struct stat st;

	(void)state;
	(void)preview("--json", NULL, NULL, &out);
	check_eq(stat(path, &st), -1);
	check_eq(errno, ENOENT);
	free(path);
	free(out);
}

static void an_input_that_is_not_there_is_said(void **state)
{
	char *out, *errors, *path = place("in.ndjson");

	(void)state;
	check_eq(unlink(path), 0);
	check_eq(preview("--json", NULL, NULL, &out), EXIT_INPUT);
	check_text(out, "");
	errors = read_file("err");
	check(strstr(errors, "in.ndjson"));
	free(errors);
	free(out);
	free(path);
	write_file("in.ndjson", records);
}

int main(void)
{
	const struct CMUnitTest sentences[] = {
		sentence(json_has_a_request_or_a_rejection_a_line),
		sentence(every_line_of_json_is_json),
		sentence(n_counts_records),
		sentence(people_see_what_goes_out_and_what_stays_here),
		sentence(a_call_of_several_records_is_shown_once),
		sentence(many_places_are_cut),
		sentence(a_batch_that_cannot_be_made_rejects_its_records),
		sentence(no_state_is_made),
		sentence(an_input_that_is_not_there_is_said),
	};

	return cmocka_run_group_tests(sentences, make_folder, remove_folder);
}
