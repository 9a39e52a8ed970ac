/*
 * The other side of the benchmarks: answers everything at once with what Close would say, as fast
 * as one thread can, so that what is measured is the client. It checks nothing.
 *
 *   fast_server [PORT]      prints "ready port=N" when it listens
 *
 * GET /_bench gives {"writes","reads","hooks","connections","first_ms"}, first_ms being the
 * monotonic clock at the first connection since POST /_bench, which sets all of it back to nothing.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { max_fds = 4096, in_bytes = 64 * 1024, max_events = 256 };

struct peer {
	size_t len;
	char in[in_bytes];
};

static struct peer *peers[max_fds];
static uint64_t n_writes, n_reads, n_hooks, n_connections, first_ms;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool begins(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* The JSON that answers the request in @line; which counter it counts in is decided here, too. */
static size_t answer_body(const char *line, char *body, size_t size)
{
	const char *path = strchr(line, ' ') + 1;
	int n;

	if (begins(path, "/_bench")) {
		n = snprintf(body, size,
		             "{\"writes\":%ju,\"reads\":%ju,\"hooks\":%ju,\"connections\":%ju,"
		             "\"first_ms\":%ju}",
		             (uintmax_t)n_writes, (uintmax_t)n_reads, (uintmax_t)n_hooks,
		             (uintmax_t)n_connections, (uintmax_t)first_ms);
		if (line[0] == 'P')
			n_writes = n_reads = n_hooks = n_connections = first_ms = 0;
		return (size_t)n;
	}
	if (begins(path, "/hook")) {
		n_hooks++;
		return 0;
	}
	if (line[0] == 'G') {
		n_reads++;
		if (begins(path, "/api/v1/me/"))
			n = snprintf(
				body, size,
				"{\"id\":\"user_bench\",\"email\":\"bench@example.com\","
				"\"organizations\":[{\"id\":\"orga_bench\",\"name\":\"Bench\"}]}");
		else
			n = snprintf(body, size, "{\"data\":[],\"fields\":[],\"has_more\":false}");
		return (size_t)n;
	}
	n = snprintf(
		body, size,
		"{\"id\":\"lead_%016jx\",\"name\":\"Bench\",\"organization_id\":\"orga_bench\","
		"\"status_id\":\"stat_bench\",\"contacts\":[],\"opportunities\":[],"
		"\"date_created\":\"2026-01-01T00:00:00.000000+00:00\","
		"\"date_updated\":\"2026-01-01T00:00:00.000000+00:00\"}",
		(uintmax_t)++n_writes);
	return (size_t)n;
}

static void answer(int fd, const char *line)
{
	char body[1024], out[1400];
	const size_t body_len = answer_body(line, body, sizeof(body));
	const int n = snprintf(out, sizeof(out),
	                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	                       "RateLimit: limit=100000000, remaining=99999999, reset=8\r\n"
	                       "Content-Length: %zu\r\n\r\n%.*s",
	                       body_len, (int)body_len, body);

	if (write(fd, out, (size_t)n) != n)
		(void)shutdown(fd, SHUT_RDWR);
}

static void drop(int fd)
{
	free(peers[fd]);
	peers[fd] = NULL;
	(void)close(fd);
}

/* The length of the request at the front, or 0 while some of it is missing. */
static size_t whole_request(const struct peer *p)
{
	const char *end = memmem(p->in, p->len, "\r\n\r\n", 4);
	const char *length;
	size_t need;

	if (!end)
		return 0;
	need = (size_t)(end - p->in) + 4;
	length = memmem(p->in, need, "\r\nContent-Length: ", 18);
	if (length)
		need += strtoul(length + 18, NULL, 10);
	return p->len >= need ? need : 0;
}

static void serve(int fd)
{
	struct peer *p = peers[fd];
	const ssize_t n = read(fd, p->in + p->len, in_bytes - 1 - p->len);
	size_t len;

	if (n <= 0) {
		drop(fd);
		return;
	}
	p->len += (size_t)n;
	p->in[p->len] = '\0';
	while ((len = whole_request(p))) {
		answer(fd, p->in);
		p->len -= len;
		memmove(p->in, p->in + len, p->len + 1);
	}
}

static void welcome(int listen_fd, int epoll_fd)
{
	const int one = 1, fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (fd < 0)
		return;
	if (fd >= max_fds) {
		(void)close(fd);
		return;
	}
	n_connections++;
	if (!first_ms)
		first_ms = monotonic_ms();
	peers[fd] = calloc(1, sizeof(struct peer));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!peers[fd] || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("accept");
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	const int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd}, events[max_events];

	at.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("listen");
	(void)printf("ready port=%u\n", ntohs(at.sin_port));
	(void)fflush(stdout);
	for (;;) {
		const int n = epoll_wait(epoll_fd, events, max_events, -1);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == fd)
				welcome(fd, epoll_fd);
			else
				serve(events[i].data.fd);
		}
	}
}
