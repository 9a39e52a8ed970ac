#include "tests/faults/dying_server.h"

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum ending {
	END_KEEP,    /* the connection stays for the next request */
	END_CLOSE,   /* FIN */
	END_RESET,   /* RST */
	END_SILENCE, /* nothing more, ever */
	END_GONE,    /* RST, and the port is closed: the process is gone */
	END_ENDLESS, /* body bytes without end */
};

struct peer {
	struct dying_server *server;
	struct loop_watch *watch;
	int fd;
	bool is_endless;
	struct buf in;
	struct peer *next;
};

struct dying_server {
	struct loop *loop;
	int listen_fd;
	struct loop_watch *watch;
	unsigned port, n_copies, n_connections;
	struct peer *peers;
	struct buf last;
	char url[512];
};

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static const struct behaviour {
	const char *path;
	const char *answer;
	enum ending ending;
} behaviours[] = {
	{"/ok", OK_HEAD "Content-Length: 2\r\n\r\nok", END_KEEP},
	{"/close", "", END_CLOSE},
	{"/reset", "", END_RESET},
	{"/half-status", "HTTP/1.1 20", END_CLOSE},
	{"/status-only", OK_HEAD, END_CLOSE},
	{"/cut-body", OK_HEAD "Content-Length: 100\r\n\r\n{\"id\"", END_CLOSE},
	{"/cut-body-reset", OK_HEAD "Content-Length: 100\r\n\r\n{\"id\"", END_RESET},
	{"/silent", "", END_SILENCE},
	{"/silent-body", OK_HEAD "Content-Length: 100\r\n\r\n{", END_SILENCE},
	{"/gone", "", END_GONE},
	{"/not-http", "SSH-2.0-OpenSSH_9.2\r\n", END_CLOSE},
	{"/continue",
         "HTTP/1.1 100 Continue\r\nX-A: early\r\n\r\n" OK_HEAD
         "X-A: late\r\nContent-Length: 2\r\n\r\nok",
         END_KEEP},
	{"/only-continue", "HTTP/1.1 100 Continue\r\n\r\n", END_CLOSE},
	{"/trailers",
         "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-A: head\r\n\r\n"
         "2\r\nok\r\n0\r\nX-A: trailer\r\nHTTP/1.1 500 x: y\r\n\r\n",
         END_KEEP},
	{"/headers",
         OK_HEAD "x-one: 1\r\nX-TWO:  two words \r\nX-One: 3\r\nX-Empty:\r\n"
                 "Content-Length: 0\r\n\r\n",
         END_KEEP},
	{"/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", END_KEEP},
	{"/redirect-post", "HTTP/1.1 307 Go\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
         END_KEEP},
	{"/cookie", OK_HEAD "Set-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n", END_KEEP},
	{"/gzip", OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", END_KEEP},
	{"/denied",
         "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
         "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\nContent-Length: 0\r\n\r\n",
         END_KEEP},
	{"/server-error", "HTTP/1.1 503 Later\r\nContent-Length: 4\r\n\r\noops", END_KEEP},
	{"/many-headers", NULL, END_KEEP},
	{"/long-header", NULL, END_KEEP},
	{"/endless", OK_HEAD "\r\n", END_ENDLESS},
	{"/endless-headers", OK_HEAD "X-A: ", END_ENDLESS},
};

static void hang_up(struct peer *peer, bool is_reset)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};
	struct dying_server *s = peer->server;

	if (is_reset)
		(void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	loop_unwatch(s->loop, peer->watch);
	(void)close(peer->fd);
	for (struct peer **at = &s->peers; *at; at = &(*at)->next) {
		if (*at == peer) {
			*at = peer->next;
			break;
		}
	}
	buf_deinit(&peer->in);
	free(peer);
}

static void stop_listening(struct dying_server *s)
{
	loop_unwatch(s->loop, s->watch);
	s->watch = NULL;
	if (s->listen_fd >= 0)
		(void)close(s->listen_fd);
	s->listen_fd = -1;
}

static void write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			continue; /* the client reads in this same thread, but loopback takes this
			             much */
		if (n < 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

/* The answers that are too large for the table. */
static void write_large(int fd, const char *path)
{
	cleanup_(buf_deinit) struct buf out = BUF_INIT;
	const int room = 200000; /* or it would depend on the kernel's first guess */

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	buf_adds(&out, OK_HEAD);
	if (!strcmp(path, "/many-headers")) {
		for (int i = 0; i < 1000; i++)
			buf_addf(&out, "X-%d: v\r\n", i);
	} else {
		buf_adds(&out, "X-Long: ");
		memset(buf_room(&out, 80000), 'v', 80000);
		out.len += 80000;
		buf_adds(&out, "\r\n");
	}
	buf_adds(&out, "Content-Length: 0\r\n\r\n");
	write_all(fd, out.data, out.len);
}

static void answer(struct peer *peer, const struct behaviour *b)
{
	if (b->answer)
		write_all(peer->fd, b->answer, strlen(b->answer));
	else
		write_large(peer->fd, b->path);
	switch (b->ending) {
	case END_KEEP:
	case END_SILENCE:
		break;
	case END_CLOSE:
		hang_up(peer, false);
		break;
	case END_RESET:
		hang_up(peer, true);
		break;
	case END_GONE:
		stop_listening(peer->server);
		hang_up(peer, true);
		break;
	case END_ENDLESS:
		peer->is_endless = true;
		loop_watch_change(peer->server->loop, peer->watch, EPOLLIN | EPOLLOUT);
		break;
	}
}

static const struct behaviour *behaviour_of(const char *request)
{
	const char *path = strchr(request, ' ');

	for (size_t i = 0; path && i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
		const size_t len = strlen(behaviours[i].path);

		if (!strncmp(path + 1, behaviours[i].path, len) && strchr(" ?", path[1 + len]))
			return &behaviours[i];
	}
	return &behaviours[0];
}

/* The length of the whole request at the front of @in, or 0 while some of it is missing. */
static size_t whole_request(const struct buf *in)
{
	const char *end = in->len ? strstr(in->data, "\r\n\r\n") : NULL;
	const char *length = end ? strcasestr(in->data, "\r\nContent-Length:") : NULL;
	size_t need;

	if (!end)
		return 0;
	need = (size_t)(end - in->data) + 4;
	if (length && length < end)
		need += strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	return in->len >= need ? need : 0;
}

static void serve(struct peer *peer)
{
	struct dying_server *s = peer->server;
	const size_t len = whole_request(&peer->in);
	const struct behaviour *b;

	if (!len)
		return;
	buf_clear(&s->last);
	buf_add(&s->last, peer->in.data, len);
	buf_drop(&peer->in, len);
	b = behaviour_of(s->last.data);
	s->n_copies += strcmp(b->path, "/ok") != 0;
	answer(peer, b);
}

static void on_peer(void *arg, int fd, uint32_t events)
{
	static const char filler[4096] = "xxxxxxxxxxxxxxxx";
	struct peer *peer = arg;
	ssize_t n;

	if (peer->is_endless && (events & EPOLLOUT))
		(void)send(fd, filler, sizeof(filler), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(fd, buf_room(&peer->in, 65536), 65536, MSG_DONTWAIT);
	if (n <= 0) {
		hang_up(peer, false);
		return;
	}
	peer->in.len += (size_t)n;
	peer->in.data[peer->in.len] = '\0';
	serve(peer);
}

static void on_connection(void *arg, int fd, uint32_t events)
{
	struct dying_server *s = arg;
	struct peer *peer;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (client < 0)
		return;
	s->n_connections++;
	peer = mem_alloc(sizeof(*peer));
	*peer = (struct peer){.server = s, .fd = client, .next = s->peers};
	s->peers = peer;
	peer->watch = loop_watch(s->loop, client, EPOLLIN, on_peer, peer);
}

struct dying_server *dying_server_new(struct loop *loop)
{
	struct dying_server *s = mem_alloc(sizeof(*s));
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int r;

	s->loop = loop;
	s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = bind(s->listen_fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    listen(s->listen_fd, 64) || getsockname(s->listen_fd, (struct sockaddr *)&at, &len);
	assert(!r);
	s->port = ntohs(at.sin_port);
	s->watch = loop_watch(loop, s->listen_fd, EPOLLIN, on_connection, s);
	return s;
}

void dying_server_free(struct dying_server *s)
{
	while (s->peers)
		hang_up(s->peers, false);
	stop_listening(s);
	buf_deinit(&s->last);
	free(s);
}

const char *dying_server_url(struct dying_server *s, const char *path)
{
	(void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u%s", s->port, path);
	return s->url;
}

unsigned dying_server_port(const struct dying_server *s)
{
	return s->port;
}

unsigned dying_server_copies(const struct dying_server *s)
{
	return s->n_copies;
}

unsigned dying_server_connections(const struct dying_server *s)
{
	return s->n_connections;
}

const char *dying_server_last_request(const struct dying_server *s)
{
	return buf_text(&s->last);
}
