#include "lib/http_private.h"

#include "lib/mem.h"
#include "lib/test_hooks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * libcurl sends a request again by itself when a reused connection turns out dead, whatever its
 * method, and has no option against it. Each sending passes here first, so here the second one
 * ends.
 */
static int before_sending(void *arg, char *remote_ip, char *local_ip, int remote_port,
                          int local_port)
{
	struct http_transfer *t = arg;

	(void)remote_ip;
	(void)local_ip;
	(void)remote_port;
	(void)local_port;
	if (t->n_sends && !hook_without("resend_guard")) {
		t->is_resend_refused = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (t->gate && !t->gate(t->arg)) {
		t->is_gate_shut = true;
		return CURL_PREREQFUNC_ABORT;
	}
	t->n_sends++;
	hook_point("sending_begins");
	return CURL_PREREQFUNC_OK;
}

static bool may_connect(const struct http_transfer *t, enum net_class net_class)
{
	const struct http *http = t->http;

	/* Behind a proxy only the proxy's own address is seen here. */
	if (http->unix_socket || http->proxy)
		return true;
	/* Plain text, with a key in it, must not leave for the internet, whatever the name said. */
	if (t->is_plain && net_class != NET_LOOPBACK && net_class != NET_PRIVATE)
		return false;
	return !http->check_address ||
	       net_may_connect(net_class, http->allow_private, http->allow_loopback);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = arg;
	enum net_class net_class = net_classify(&address->addr);
	int fd;

	(void)purpose;
	if (!may_connect(t, net_class)) {
		t->refused_class = net_class;
		(void)net_address_text(&address->addr, t->refused_address);
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	http_fd_opened(t->http, fd);
	return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	struct http *http = arg;

	http_fd_closing(http, fd);
	return close(fd);
}

/* Constant options. A row is a string or a number; those that depend on the settings follow below.
 */
static const struct {
	CURLoption option;
	const char *text; /* NULL: the number counts */
	long number;
} constants[] = {
	{CURLOPT_HTTP_VERSION, NULL, CURL_HTTP_VERSION_1_1},
	{CURLOPT_FOLLOWLOCATION, NULL, 0},
	{CURLOPT_MAXREDIRS, NULL, 0},
	{CURLOPT_POSTREDIR, NULL, 0},
	{CURLOPT_UNRESTRICTED_AUTH, NULL, 0},
	{CURLOPT_NETRC, NULL, CURL_NETRC_IGNORED},
	{CURLOPT_NOPROXY, "", 0}, /* or the environment's no_proxy would be read */
	{CURLOPT_SSL_VERIFYPEER, NULL, 1},
	{CURLOPT_SSL_VERIFYHOST, NULL, 2},
	{CURLOPT_SSLVERSION, NULL, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_MAXLIFETIME_CONN, NULL, 300},
	{CURLOPT_MAXAGE_CONN, NULL, 55}, /* below usual servers' idle limits: fewer dead reuses */
	{CURLOPT_NOSIGNAL, NULL, 1},
	{CURLOPT_TCP_KEEPALIVE, NULL, 1},
	{CURLOPT_TCP_NODELAY, NULL, 1},
	{CURLOPT_HTTP09_ALLOWED, NULL, 0},
	{CURLOPT_DISALLOW_USERNAME_IN_URL, NULL, 1},
	{CURLOPT_PATH_AS_IS, NULL, 1}, /* never change a path behind the caller's back */
	{CURLOPT_SUPPRESS_CONNECT_HEADERS, NULL, 1}, /* a proxy's 200 is not the server's */
	{CURLOPT_NOPROGRESS, NULL, 1},
};

static CURLcode set_constants(CURL *easy)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		CURLcode r =
			constants[i].text
				? curl_easy_setopt(easy, constants[i].option, constants[i].text)
				: curl_easy_setopt(easy, constants[i].option, constants[i].number);

		if (r != CURLE_OK)
			return r;
	}
	return CURLE_OK;
}

static void set_callbacks(struct http_transfer *t)
{
	CURL *easy = t->easy;

	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->curl_error);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, t->http);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_take_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_take_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
}

static int set_place(const struct http *http, CURL *easy, struct err *err)
{
	const char *protocols = http->allow_http || http->unix_socket ? "https,http" : "https";

	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	(void)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http->connect_timeout_ms);
	if (http->user_agent)
		(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
	if (http->user) {
		(void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		(void)curl_easy_setopt(easy, CURLOPT_USERNAME, http->user);
		(void)curl_easy_setopt(easy, CURLOPT_PASSWORD, "");
	}
	if (http->ca_file && curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file) != CURLE_OK)
		return err_set(err, -EINVAL, "the CA file \"%s\" cannot be used", http->ca_file);
	/* The empty text means no proxy; without it the environment's would be obeyed. */
	if (curl_easy_setopt(easy, CURLOPT_PROXY, http->proxy ? http->proxy : "") != CURLE_OK)
		return err_set(err, -EINVAL, "the proxy setting cannot be used");
	if (http->unix_socket &&
	    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, http->unix_socket) != CURLE_OK)
		return err_set(err, -EINVAL, "the socket path \"%s\" cannot be used",
		               http->unix_socket);
	return 0;
}

int http_easy_new(struct http *http, struct http_transfer **ret_transfer, struct err *err)
{
	struct http_transfer *t = mem_alloc(sizeof(*t));
	CURLcode code;
	int r;

	t->http = http;
	t->easy = curl_easy_init();
	if (!t->easy)
		mem_exhausted();
	code = set_constants(t->easy);
	if (code != CURLE_OK) {
		http_easy_free(t);
		return err_set(err, -EINVAL, "this libcurl lacks an option that is needed: %s",
		               curl_easy_strerror(code));
	}
	set_callbacks(t);
	r = set_place(http, t->easy, err);
	if (r < 0) {
		http_easy_free(t);
		return r;
	}
	*ret_transfer = t;
	return 0;
}

void http_easy_free(struct http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->slist);
	buf_deinit(&t->headers.text);
	buf_deinit(&t->body);
	free(t);
}

static bool is_content_type(const char *header)
{
	return !strncasecmp(header, "content-type:", strlen("content-type:"));
}

/* Ours: no "Expect: 100-continue", and no content type that the caller did not choose. */
static const char no_expect[] = "Expect:", no_content_type[] = "Content-Type:";

static bool are_same_headers(const struct curl_slist *slist, const char *const *headers)
{
	bool has_type = false;

	if (!slist)
		return false;
	for (slist = slist->next; headers && *headers; headers++, slist = slist->next) {
		if (!slist || strcmp(slist->data, *headers) != 0)
			return false;
		has_type = has_type || is_content_type(*headers);
	}
	if (has_type)
		return !slist;
	return slist && slist->data && !strcmp(slist->data, no_content_type) && !slist->next;
}

static void add_to_slist(struct curl_slist **slist, const char *header)
{
	struct curl_slist *longer = curl_slist_append(*slist, header);

	if (!longer)
		mem_exhausted();
	*slist = longer;
}

static void set_headers(struct http_transfer *t, const char *const *headers)
{
	bool has_type = false;

	if (are_same_headers(t->slist, headers))
		return;
	curl_slist_free_all(t->slist);
	t->slist = NULL;
	add_to_slist(&t->slist, no_expect);
	for (; headers && *headers; headers++) {
		add_to_slist(&t->slist, *headers);
		has_type = has_type || is_content_type(*headers);
	}
	if (!has_type)
		add_to_slist(&t->slist, no_content_type);
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->slist);
}

/* Everything with a body goes as a POST with POSTFIELDS, renamed where it is another method. */
static void set_method(struct http_transfer *t, const struct http_request *request)
{
	const bool is_post = !strcmp(request->method, "POST");
	const bool has_body = is_post || request->body || !strcmp(request->method, "PUT");
	const bool is_get = !strcmp(request->method, "GET") && !has_body;
	const bool is_delete = !strcmp(request->method, "DELETE") && !has_body;
	CURL *easy = t->easy;

	if (has_body) {
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		                       (curl_off_t)(request->body ? request->body_len : 0));
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
		                       request->body ? request->body : "");
	}
	if ((is_post && t->method == METHOD_POST) || (is_get && t->method == METHOD_GET) ||
	    (is_delete && t->method == METHOD_DELETE))
		return;
	(void)curl_easy_setopt(easy, has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
	                       is_post || is_get ? NULL : request->method);
	t->method = is_post     ? METHOD_POST
	            : is_get    ? METHOD_GET
	            : is_delete ? METHOD_DELETE
	                        : METHOD_OTHER;
}

static void forget_answer(struct http_transfer *t)
{
	t->n_sends = 0;
	t->is_gate_shut = t->is_resend_refused = false;
	t->is_too_large = t->is_header_too_large = false;
	t->refused_address[0] = '\0';
	t->status = 0;
	t->is_head_over = false;
	t->header_bytes = 0;
	t->headers.n = 0;
	buf_clear(&t->headers.text);
	if (t->body.cap > http_kept_body_bytes)
		buf_deinit(&t->body);
	buf_clear(&t->body);
	t->curl_error[0] = '\0';
}

/* libcurl wipes nothing, but it lets go of the one before. */
static void set_bearer(struct http_transfer *t)
{
	if (t->n_bearer == t->http->n_bearer)
		return;
	t->n_bearer = t->http->n_bearer;
	(void)curl_easy_setopt(t->easy, CURLOPT_USERNAME, NULL);
	(void)curl_easy_setopt(t->easy, CURLOPT_PASSWORD, NULL);
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
	if (curl_easy_setopt(t->easy, CURLOPT_XOAUTH2_BEARER, t->http->bearer) != CURLE_OK)
		mem_exhausted();
}

void http_easy_prepare(struct http_transfer *t, const struct http_request *request)
{
	const long timeout_ms = request->timeout_ms ? (long)request->timeout_ms : 120000L;
	CURLcode r;

	forget_answer(t);
	t->gate = request->gate;
	t->done = request->done;
	t->arg = request->arg;
	t->max_response = request->max_response;
	t->is_plain = strncasecmp(request->url, "https:", strlen("https:")) != 0;
	set_headers(t, request->headers);
	set_method(t, request);
	set_bearer(t);
	(void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, 0L);
	(void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 0L);
	(void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	r = curl_easy_setopt(t->easy, CURLOPT_URL, request->url);
	if (r == CURLE_OUT_OF_MEMORY)
		mem_exhausted();
	assert(r == CURLE_OK); /* the one other cause is a URL of 8 MB */
}
