#pragma once

/* What the four files of lib/http share; nobody else includes it. */

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/http.h"
#include "lib/net.h"

#include <curl/curl.h>

enum {
	http_max_headers = 256,
	http_max_header_bytes = 64 * 1024,
	http_kept_body_bytes =
		64 * 1024, /* a larger body buffer is not kept for the next transfer */
};

struct http_headers {
	struct buf text; /* name NUL value NUL … */
	unsigned n;
};

/* A transfer and its easy handle; both are used again for later requests of the same struct http.
 */
struct http_transfer {
	struct http *http;
	CURL *easy;
	struct http_transfer *prev, *next; /* in flight, or next only: free */

	bool (*gate)(void *arg);
	void (*done)(void *arg, const struct http_answer *answer);
	void *arg;
	size_t max_response;
	bool is_plain; /* not https */
	uint64_t started_ms;

	unsigned n_sends;
	bool is_gate_shut, is_resend_refused, is_too_large, is_header_too_large;
	enum net_class refused_class; /* with refused_address not empty */
	char refused_address[net_text_bytes];

	long status;
	bool is_head_over; /* the final header block ended; what comes behind it are trailers */
	size_t header_bytes;
	struct http_headers headers;
	struct buf body;

	/* What the easy handle has been told, so that equal settings are not made again. */
	struct curl_slist *slist;
	unsigned n_bearer;
	enum { METHOD_NONE, METHOD_GET, METHOD_DELETE, METHOD_POST, METHOD_OTHER } method;
	char curl_error[CURL_ERROR_SIZE];
};

struct http_watch;

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct http_watch *watches; /* by descriptor */
	size_t n_watches;
	struct http_transfer *in_flight, *free;
	unsigned n_in_flight;
	bool *ret_is_gone; /* of the innermost frame that calls done(): http_free() tells it */

	char *bearer;      /* NULL: none */
	unsigned n_bearer; /* how many there have been */
	char *user, *ca_file, *proxy, *unix_socket, *user_agent;
	bool allow_http, check_address, allow_private, allow_loopback;
	unsigned max_connections, connect_timeout_ms;
};

/* http_easy.c: a new easy handle with every constant option set. -EINVAL with a sentence. */
int http_easy_new(struct http *http, struct http_transfer **ret_transfer, struct err *err);
void http_easy_free(struct http_transfer *transfer);
/* Sets what differs from request to request and forgets the last answer. */
void http_easy_prepare(struct http_transfer *transfer, const struct http_request *request);

/* http_answer.c: callbacks of libcurl that gather the answer. */
size_t http_take_header(char *line, size_t size, size_t n, void *arg);
size_t http_take_body(char *bytes, size_t size, size_t n, void *arg);

/* http_error.c: says in plain words why @transfer ended with @code. */
void http_error_say(const struct http_transfer *transfer, CURLcode code, struct err *ret_err);

/* http.c: a connection's descriptor is new; it is about to be closed. */
void http_fd_opened(struct http *http, int fd);
void http_fd_closing(struct http *http, int fd);
