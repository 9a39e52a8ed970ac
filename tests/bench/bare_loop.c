/*
 * What libcurl alone can do: its multi interface on epoll, handles and connections kept, the same
 * request again and again, answers thrown away. The yardstick that closefeed is measured against.
 *
 *   bare_loop URL CALLS CONCURRENCY BODY_BYTES      prints one JSON object
 */

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { max_events = 256, max_fds = 4096 };

static CURLM *multi;
static int epoll_fd;
static long timer_ms = -1;
static bool is_watched[max_fds];
static uint64_t n_wanted, n_started, n_good, n_bad;

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct epoll_event ev = {.data.fd = fd};

	(void)easy;
	(void)arg;
	(void)socket_arg;
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (what == CURL_POLL_REMOVE)
		ev.events = 0;
	(void)epoll_ctl(epoll_fd,
	                !ev.events       ? EPOLL_CTL_DEL
	                : is_watched[fd] ? EPOLL_CTL_MOD
	                                 : EPOLL_CTL_ADD,
	                fd, &ev);
	is_watched[fd] = ev.events != 0;
	return 0;
}

static int on_timer(CURLM *m, long wait_ms, void *arg)
{
	(void)m;
	(void)arg;
	timer_ms = wait_ms;
	return 0;
}

static size_t ignore(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * n;
}

static void start(CURL *easy)
{
	n_started++;
	(void)curl_multi_add_handle(multi, easy);
}

static void collect(void)
{
	const CURLMsg *message;
	int n_left;

	while ((message = curl_multi_info_read(multi, &n_left))) {
		CURL *easy = message->easy_handle;
		const bool is_good = message->data.result == CURLE_OK;

		n_good += is_good;
		n_bad += !is_good;
		(void)curl_multi_remove_handle(multi, easy);
		if (n_started < n_wanted)
			start(easy);
		else
			curl_easy_cleanup(easy);
	}
}

static void loop(void)
{
	struct epoll_event events[max_events];
	int n_running;

	while (n_good + n_bad < n_wanted) {
		const int n = epoll_wait(epoll_fd, events, max_events, (int)timer_ms);

		for (int i = 0; i < n; i++) {
			int what = events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0;

			what |= events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
			what |= events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0;
			(void)curl_multi_socket_action(multi, events[i].data.fd, what, &n_running);
		}
		if (n == 0 || timer_ms == 0)
			(void)curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
		collect();
	}
}

static CURL *prepare(const char *url, const char *body, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();

	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_USERNAME, "api_bench");
	(void)curl_easy_setopt(easy, CURLOPT_PASSWORD, "");
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 120000L);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
	return easy;
}

/* {"name":"xxx…"} of @bytes. */
static char *make_body(size_t bytes)
{
	char *body = malloc(bytes + 1);

	if (!body || bytes < 12)
		exit(2);
	memset(body, 'x', bytes);
	memcpy(body, "{\"name\":\"", 9);
	body[bytes - 2] = '"';
	body[bytes - 1] = '}';
	body[bytes] = '\0';
	return body;
}

int main(int argc, char **argv)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct rusage usage;
	unsigned long concurrency;
	double began, took, cpu;
	char *body;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: bare_loop URL CALLS CONCURRENCY BODY_BYTES\n");
		return 2;
	}
	n_wanted = strtoull(argv[2], NULL, 10);
	concurrency = strtoul(argv[3], NULL, 10);
	body = make_body(strtoul(argv[4], NULL, 10));
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)concurrency);
	(void)curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);

	began = seconds();
	for (unsigned long i = 0; i < concurrency && n_started < n_wanted; i++)
		start(prepare(argv[1], body, headers));
	loop();
	took = seconds() - began;
	(void)getrusage(RUSAGE_SELF, &usage);
	cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	(void)printf("{\"calls\":%ju,\"failed\":%ju,\"seconds\":%.4f,\"cpu_seconds\":%.4f}\n",
	             (uintmax_t)n_good, (uintmax_t)n_bad, took, cpu);
	(void)curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	free(body);
	return n_bad != 0;
}
