/*
 * One GET with credentials through lib/http, for tests whose server is not in C:
 *
 *   http_probe URL CA_FILE CONNECT_MS
 *
 * prints {"code":60,"n_sends":0,"status":0}, and the sentence below it.
 */

#include "lib/http.h"

#include <stdio.h>
#include <stdlib.h>

static void tell(void *arg, const struct http_answer *answer)
{
	bool *is_done = arg;

	(void)printf("{\"code\":%d,\"n_sends\":%u,\"status\":%ld}\n%s\n", answer->curl_code,
	             answer->n_sends, answer->status, answer->error);
	*is_done = true;
}

int main(int argc, char **argv)
{
	const struct http_config config = {
		.user = "api_probe.secret",
		.ca_file = argc > 2 ? argv[2] : NULL,
		.max_connections = 1,
		.connect_timeout_ms = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0,
	};
	bool is_done = false;
	const struct http_request request = {.method = "GET",
	                                     .url = argc > 1 ? argv[1] : "",
	                                     .timeout_ms = 120000,
	                                     .max_response = 1000,
	                                     .done = tell,
	                                     .arg = &is_done};
	struct loop *loop = loop_new();
	struct http *http = NULL;
	struct err err = {0};

	http_global_init();
	if (http_new(loop, &config, &http, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	http_start(http, &request);
	while (!is_done)
		loop_turn(loop, -1);
	http_free(http);
	loop_free(loop);
	http_global_deinit();
	return 0;
}
