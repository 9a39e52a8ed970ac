#include "lib/http_private.h"

#include "lib/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/*
 * libcurl says through two callbacks which descriptors it waits for and when it wants to be called.
 * A watch outlives the wish for it: a kept connection is wanted, dropped and wanted again with
 * every request, and telling the kernel each time would cost three system calls a request. So a
 * watch that is no longer wanted stays armed for reading until something happens on it or it is
 * closed.
 */

struct http_watch {
	struct loop_watch *watch; /* NULL: not watched */
	uint32_t armed;           /* what epoll looks for */
	uint32_t wanted;          /* what libcurl looks for; 0: the connection is idle */
	bool is_connection;       /* we hear when it closes; not so with the resolver's own pipes */
};

DEFINE_CLEANUP(struct http *, http_free)

static void drain(struct http *http);

static struct http_watch *watch_of(struct http *http, int fd)
{
	const size_t old = http->n_watches;

	if ((size_t)fd >= old) {
		http->n_watches = (size_t)fd + 32;
		http->watches =
			mem_resize(http->watches, http->n_watches, sizeof(struct http_watch));
		memset(http->watches + old, 0, (http->n_watches - old) * sizeof(struct http_watch));
	}
	return &http->watches[fd];
}

static void disarm(struct http *http, struct http_watch *w)
{
	loop_unwatch(http->loop, w->watch);
	w->watch = NULL;
	w->armed = 0;
}

void http_fd_opened(struct http *http, int fd)
{
	struct http_watch *w = watch_of(http, fd);

	disarm(http, w);
	w->is_connection = true;
}

void http_fd_closing(struct http *http, int fd)
{
	struct http_watch *w = watch_of(http, fd);

	disarm(http, w);
	*w = (struct http_watch){0};
}

static void on_event(void *arg, int fd, uint32_t events)
{
	struct http *http = arg;
	int what = 0, n_running;

	if (!http->watches[fd].wanted) {
		/* An idle connection was closed by the other side; libcurl sees it before a reuse.
		 */
		disarm(http, &http->watches[fd]);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	(void)curl_multi_socket_action(http->multi, fd, what, &n_running);
	drain(http);
}

static int on_wish(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http *http = arg;
	struct http_watch *w = watch_of(http, fd);
	uint32_t wanted = 0;

	(void)easy;
	(void)socket_arg;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		wanted |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		wanted |= EPOLLOUT;
	w->wanted = wanted;
	/* Writable is what an idle connection always is: it would wake us all the time. */
	if (!wanted && (!w->is_connection || (w->armed & EPOLLOUT)))
		disarm(http, w);
	if (!wanted || wanted == w->armed)
		return 0;
	if (w->watch)
		loop_watch_change(http->loop, w->watch, wanted);
	else
		w->watch = loop_watch(http->loop, fd, wanted, on_event, http);
	w->armed = wanted;
	return 0;
}

static void on_timer(void *arg)
{
	struct http *http = arg;
	int n_running;

	(void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
	drain(http);
}

static int on_timer_wish(CURLM *multi, long wait_ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (wait_ms < 0)
		loop_timer_unset(http->loop, &http->timer);
	else
		loop_timer_set(http->loop, &http->timer,
		               loop_now_ms(http->loop) + (uint64_t)wait_ms, on_timer, http);
	return 0;
}

static void link_in(struct http *http, struct http_transfer *t)
{
	t->prev = NULL;
	t->next = http->in_flight;
	if (t->next)
		t->next->prev = t;
	http->in_flight = t;
	http->n_in_flight++;
}

static void link_out(struct http *http, struct http_transfer *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		http->in_flight = t->next;
	if (t->next)
		t->next->prev = t->prev;
	http->n_in_flight--;
}

/* Tells the caller. False: it freed @http from inside, and nothing of it may be touched any more.
 */
static bool finish(struct http *http, struct http_transfer *t, CURLcode code)
{
	struct err err = {0};
	struct http_answer answer = {
		.curl_code = code,
		.n_sends = t->n_sends,
		.status = t->status,
		.body = buf_text(&t->body),
		.body_len = t->body.len,
		.is_complete = code == CURLE_OK && t->status,
		.is_truncated = t->is_too_large || t->is_header_too_large,
		.error = err.text,
		.duration_ms = loop_now_ms(http->loop) - t->started_ms,
		.headers = &t->headers,
	};
	bool is_gone = false, *outer = http->ret_is_gone;

	if (code != CURLE_OK)
		http_error_say(t, code, &err);
	http->ret_is_gone = &is_gone;
	t->done(t->arg, &answer);
	if (is_gone) {
		http_easy_free(t);
		if (outer)
			*outer = true;
		return false;
	}
	http->ret_is_gone = outer;
	t->next = http->free;
	http->free = t;
	return true;
}

static void drain(struct http *http)
{
	const CURLMsg *message;
	int n_left;

	while ((message = curl_multi_info_read(http->multi, &n_left))) {
		const CURLcode code = message->data.result;
		struct http_transfer *t = NULL;

		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		(void)curl_multi_remove_handle(http->multi, t->easy);
		link_out(http, t);
		if (!finish(http, t, code))
			return;
	}
}

static int set_multi(struct http *http)
{
	const long n = (long)http->max_connections;

	return curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_wish) ||
	       curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) ||
	       curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish) ||
	       curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) ||
	       curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) ||
	       curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, n) ||
	       curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, n) ||
	       curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, n);
}

static int check_config(const struct http_config *config, struct err *err)
{
	CURLU *url;
	CURLUcode r;

	if (config->ca_file && access(config->ca_file, R_OK) < 0)
		return err_set(err, -EINVAL, "cannot read the CA file \"%s\": %s", config->ca_file,
		               strerror(errno));
	if (!config->proxy)
		return 0;
	url = curl_url();
	if (!url)
		mem_exhausted();
	/* Never repeated in the sentence: it may hold a password. */
	r = curl_url_set(url, CURLUPART_URL, config->proxy,
	                 CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
	curl_url_cleanup(url);
	if (r != CURLUE_OK || !config->proxy[0])
		return err_set(err, -EINVAL,
		               "the proxy setting is no URL (%s); write http://host:port",
		               curl_url_strerror(r));
	return 0;
}

int http_new(struct loop *loop, const struct http_config *config, struct http **ret_http,
             struct err *err)
{
	cleanup_(http_freep) struct http *http = NULL;
	int r = check_config(config, err);

	assert(config->max_connections > 0);
	if (r < 0)
		return r;
	http = mem_alloc(sizeof(*http));
	http->loop = loop;
	http->user = mem_strdup(config->user);
	http->ca_file = mem_strdup(config->ca_file);
	http->proxy = mem_strdup(config->proxy);
	http->unix_socket = mem_strdup(config->unix_socket);
	http->user_agent = mem_strdup(config->user_agent);
	http->allow_http = config->allow_http;
	http->check_address = config->check_address;
	http->allow_private = config->allow_private;
	http->allow_loopback = config->allow_loopback;
	http->max_connections = config->max_connections;
	http->connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : 10000;
	http->multi = curl_multi_init();
	if (!http->multi || set_multi(http))
		mem_exhausted();
	r = http_easy_new(http, &http->free, err); /* the first one proves the settings */
	if (r < 0)
		return r;
	*ret_http = steal(&http);
	return 0;
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->in_flight) {
		struct http_transfer *t = http->in_flight;

		(void)curl_multi_remove_handle(http->multi, t->easy);
		link_out(http, t);
		http_easy_free(t);
	}
	while (http->free) {
		struct http_transfer *t = http->free;

		http->free = t->next;
		http_easy_free(t);
	}
	(void)curl_multi_cleanup(http->multi);
	loop_timer_unset(http->loop, &http->timer);
	for (size_t fd = 0; fd < http->n_watches; fd++)
		loop_unwatch(http->loop, http->watches[fd].watch);
	free(http->watches);
	free_secret(http->user);
	free_secret(http->bearer);
	free_secret(http->proxy);
	free(http->ca_file);
	free(http->unix_socket);
	free(http->user_agent);
	if (http->ret_is_gone)
		*http->ret_is_gone = true;
	free(http);
}

void http_global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		mem_exhausted();
}

void http_global_deinit(void)
{
	curl_global_cleanup();
}

void http_start(struct http *http, const struct http_request *request)
{
	struct http_transfer *t = http->free;

	if (t) {
		http->free = t->next;
	} else {
		/* The settings were accepted once, so they are accepted again. */
		int r = http_easy_new(http, &t, NULL);

		assert(r == 0);
	}
	http_easy_prepare(t, request);
	t->started_ms = loop_now_ms(http->loop);
	link_in(http, t);
	if (curl_multi_add_handle(http->multi, t->easy) != CURLM_OK)
		mem_exhausted();
}

void http_set_bearer(struct http *http, const char *token)
{
	free_secret(http->bearer);
	http->bearer = mem_strdup(token);
	http->n_bearer++;
}

unsigned http_in_flight(const struct http *http)
{
	return http->n_in_flight;
}
