#include "connector/sandbox/tcp.h"

#include "lib/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Two ends and a buffer each way per connection. An end is read only while the buffer behind it is
 * empty, so nothing grows. A plan begins to work when the first byte of the answer comes out of the
 * server: by then the request has been handled, and applied if it was to be.
 */

enum { relay_bytes = 16 * 1024, max_connections = 4096, backlog = 1024 };

struct relay {
	char bytes[relay_bytes];
	size_t from, to;
	bool is_ended; /* nothing more comes in */
};

struct end {
	int fd;
	struct loop_watch *watch;
	uint32_t events;
};

struct connection {
	struct box_tcp *tcp;
	struct end client, server;
	int server_end; /* the other end of the pair: how the HTTP server knows us */
	struct relay up, down;
	struct box_tcp_plan plan;
	size_t allowance;   /* of the plan: bytes that may still pass */
	unsigned head_seen; /* bytes of the "\r\n\r\n" that ends the head; 4: all */
	size_t raw_sent;
	struct loop_timer timer;
	struct connection *prev, *next;
};

struct box_tcp {
	struct loop *loop;
	struct http_server *server;
	uint16_t port;
	int listen_fd;
	struct loop_watch *watch;
	struct loop_timer back;
	struct connection *all;
	size_t n;
	struct connection **by_fd; /* by server_end */
	size_t n_fds;
};

static void end_close(struct loop *loop, struct end *end)
{
	if (end->fd < 0)
		return;
	loop_unwatch(loop, end->watch);
	(void)close(end->fd);
	end->fd = -1;
	end->watch = NULL;
}

static void connection_free(struct connection *c)
{
	struct box_tcp *tcp = c->tcp;

	loop_timer_unset(tcp->loop, &c->timer);
	end_close(tcp->loop, &c->client);
	end_close(tcp->loop, &c->server);
	if (tcp->by_fd[c->server_end] == c)
		tcp->by_fd[c->server_end] = NULL;
	*(c->prev ? &c->prev->next : &tcp->all) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	tcp->n--;
	free(c);
}

static void connection_reset(struct connection *c)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(c->client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	connection_free(c);
}

static void finish(struct connection *c)
{
	if (c->plan.is_reset)
		connection_reset(c);
	else
		connection_free(c);
}

static void want(struct connection *c, struct end *end, uint32_t events)
{
	if (end->fd < 0 || end->events == events)
		return;
	end->events = events;
	loop_watch_change(c->tcp->loop, end->watch, events);
}

static bool is_empty(const struct relay *r)
{
	return r->from == r->to;
}

/* What each end is to be woken for. */
static void update_wants(struct connection *c)
{
	const bool is_held = c->plan.act == BOX_TCP_SLOW && !c->allowance && c->head_seen == 4;
	const bool has_raw =
		(c->plan.act == BOX_TCP_RAW || c->plan.act == BOX_TCP_ENDLESS) && c->server.fd < 0;
	uint32_t client = 0, server = 0;

	if (is_empty(&c->up) && !c->up.is_ended)
		client |= EPOLLIN;
	if (has_raw || (!is_empty(&c->down) && !is_held))
		client |= EPOLLOUT;
	if (is_empty(&c->down) && !c->down.is_ended)
		server |= EPOLLIN;
	if (!is_empty(&c->up))
		server |= EPOLLOUT;
	want(c, &c->client, client);
	want(c, &c->server, server);
}

/* Returns false when the peer is gone for good. */
static bool fill(struct relay *r, int fd)
{
	ssize_t n;

	if (!is_empty(r) || r->is_ended)
		return true;
	n = recv(fd, r->bytes, sizeof(r->bytes), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	r->from = 0;
	r->to = (size_t)n;
	r->is_ended = n == 0;
	return true;
}

static bool drain(struct relay *r, int fd, size_t most, size_t *ret_sent)
{
	size_t len = r->to - r->from;
	ssize_t n;

	*ret_sent = 0;
	if (len > most)
		len = most;
	if (!len)
		return true;
	n = send(fd, r->bytes + r->from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	r->from += (size_t)n;
	*ret_sent = (size_t)n;
	return true;
}

/* How many bytes at @bytes still belong to the head; follows its end over several reads. */
static size_t head_bytes(unsigned *seen, const char *bytes, size_t len)
{
	static const char end[] = "\r\n\r\n";
	size_t i;

	for (i = 0; i < len && *seen < 4; i++) {
		if (bytes[i] == end[*seen])
			++*seen;
		else
			*seen = bytes[i] == '\r';
	}
	return i;
}

/* How much of what waits in the buffer the plan lets go now. */
static size_t permitted(const struct connection *c)
{
	unsigned seen = c->head_seen;
	size_t head;

	switch (c->plan.act) {
	case BOX_TCP_CUT:
		return c->allowance;
	case BOX_TCP_CUT_BODY:
	case BOX_TCP_SLOW:
		head = head_bytes(&seen, c->down.bytes + c->down.from, c->down.to - c->down.from);
		return seen == 4 ? head + c->allowance : head;
	case BOX_TCP_PASS:
	case BOX_TCP_SILENCE:
	case BOX_TCP_RESET:
	case BOX_TCP_CLOSE:
	case BOX_TCP_RAW:
	case BOX_TCP_ENDLESS:
	case BOX_TCP_VANISH:
		break;
	}
	return SIZE_MAX;
}

static void allow_more(void *arg);

/* Accounts for @n sent bytes that began at @bytes. Returns false when the connection is finished.
 */
static bool spend(struct connection *c, const char *bytes, size_t n)
{
	if (c->plan.act != BOX_TCP_CUT && c->plan.act != BOX_TCP_CUT_BODY &&
	    c->plan.act != BOX_TCP_SLOW)
		return true;
	if (c->plan.act != BOX_TCP_CUT)
		n -= head_bytes(&c->head_seen, bytes, n);
	c->allowance -= n;
	if (c->allowance || (c->plan.act != BOX_TCP_CUT && c->head_seen < 4))
		return true;
	if (c->plan.act == BOX_TCP_SLOW) {
		loop_timer_set(c->tcp->loop, &c->timer,
		               loop_now_ms(c->tcp->loop) + c->plan.every_ms, allow_more, c);
		return true;
	}
	finish(c);
	return false;
}

/* Sends what may be sent to the client. Returns false when the connection is gone. */
static bool pass_down(struct connection *c)
{
	const char *bytes = c->down.bytes + c->down.from;
	size_t sent;

	if (!drain(&c->down, c->client.fd, permitted(c), &sent)) {
		connection_free(c);
		return false;
	}
	if (!spend(c, bytes, sent))
		return false;
	if (c->down.is_ended && is_empty(&c->down)) {
		finish(c);
		return false;
	}
	update_wants(c);
	return true;
}

static void allow_more(void *arg)
{
	struct connection *c = arg;

	c->allowance = c->plan.bytes;
	(void)pass_down(c);
}

static const char filler[] = "100\r\n"
			     "                                                                "
			     "                                                                "
			     "                                                                "
			     "                                                                "
			     "\r\n";

/* What stands in for the answer, from where it was left. */
static bool send_raw(struct connection *c)
{
	const size_t raw_len = strlen(c->plan.raw), filler_len = sizeof(filler) - 1;
	const char *from = c->plan.raw;
	size_t at = c->raw_sent, len = raw_len;
	ssize_t n;

	if (at >= raw_len) {
		if (c->plan.act == BOX_TCP_RAW) {
			finish(c);
			return false;
		}
		from = filler;
		at = (at - raw_len) % filler_len;
		len = filler_len;
	}
	n = send(c->client.fd, from + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		connection_free(c);
		return false;
	}
	c->raw_sent += n > 0 ? (size_t)n : 0;
	return true;
}

static void vanish(struct box_tcp *tcp, uint64_t for_ms);

/* The first bytes of an answer are here: does what the plan says. False: the connection is gone. */
static bool act(struct connection *c)
{
	switch (c->plan.act) {
	case BOX_TCP_PASS:
	case BOX_TCP_CUT:
	case BOX_TCP_CUT_BODY:
	case BOX_TCP_SLOW:
		return true;
	case BOX_TCP_SILENCE:
	case BOX_TCP_RAW:
	case BOX_TCP_ENDLESS:
		end_close(c->tcp->loop, &c->server);
		c->down.from = c->down.to = 0;
		c->up.from = c->up.to = 0;
		update_wants(c);
		return false;
	case BOX_TCP_RESET:
		connection_reset(c);
		return false;
	case BOX_TCP_CLOSE:
		connection_free(c);
		return false;
	case BOX_TCP_VANISH:
		vanish(c->tcp, c->plan.every_ms);
		return false;
	}
	return true;
}

static void on_server(void *arg, int fd, uint32_t events)
{
	struct connection *c = arg;
	const bool was_empty = is_empty(&c->down);
	size_t sent;

	if (!fill(&c->down, fd) || !drain(&c->up, fd, SIZE_MAX, &sent)) {
		/* The server has gone: what it said last is still to be passed on. */
		c->down.is_ended = true;
		c->up.from = c->up.to = 0;
	}
	if (was_empty && !is_empty(&c->down) && !act(c))
		return;
	if ((events & (EPOLLHUP | EPOLLERR)) && is_empty(&c->down))
		c->down.is_ended = true;
	(void)pass_down(c);
}

/* Passes the request on. Returns false when the connection is gone. */
static bool pass_up(struct connection *c)
{
	size_t sent;

	if (!fill(&c->up, c->client.fd)) {
		connection_free(c);
		return false;
	}
	if (c->server.fd < 0) {
		/* Nobody listens any more: we only wait for the client to give up. */
		c->up.from = c->up.to = 0;
		if (!c->up.is_ended)
			return true;
		connection_free(c);
		return false;
	}
	(void)drain(&c->up, c->server.fd, SIZE_MAX, &sent);
	if (c->up.is_ended && is_empty(&c->up))
		(void)shutdown(c->server.fd, SHUT_WR);
	return true;
}

static void on_client(void *arg, int fd, uint32_t events)
{
	struct connection *c = arg;

	(void)fd;
	if (events & EPOLLERR || (events & EPOLLHUP && !(events & EPOLLIN))) {
		connection_free(c);
		return;
	}
	if ((events & EPOLLIN) && !pass_up(c))
		return;
	if ((events & EPOLLOUT) && c->server.fd < 0) {
		if (!send_raw(c))
			return;
	} else if ((events & EPOLLOUT) && !pass_down(c)) {
		return;
	}
	update_wants(c);
}

static void remember(struct box_tcp *tcp, struct connection *c)
{
	const size_t at = (size_t)c->server_end;

	if (at >= tcp->n_fds) {
		const size_t n = at * 2 + 16;

		tcp->by_fd = mem_resize(tcp->by_fd, n, sizeof(struct connection *));
		memset(tcp->by_fd + tcp->n_fds, 0, (n - tcp->n_fds) * sizeof(struct connection *));
		tcp->n_fds = n;
	}
	tcp->by_fd[at] = c;
	c->next = tcp->all;
	if (c->next)
		c->next->prev = c;
	tcp->all = c;
	tcp->n++;
}

static void connection_new(struct box_tcp *tcp, int client_fd, const int pair[2])
{
	struct connection *c = mem_alloc(sizeof(*c));

	c->tcp = tcp;
	c->server_end = pair[1];
	c->client = (struct end){.fd = client_fd, .events = EPOLLIN};
	c->server = (struct end){.fd = pair[0], .events = EPOLLIN};
	c->client.watch = loop_watch(tcp->loop, client_fd, EPOLLIN, on_client, c);
	c->server.watch = loop_watch(tcp->loop, pair[0], EPOLLIN, on_server, c);
	remember(tcp, c);
}

static void accept_one(struct box_tcp *tcp, int client_fd)
{
	const int on = 1;
	int pair[2];

	if (tcp->n == max_connections ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)close(client_fd);
		return;
	}
	(void)setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connection_new(tcp, client_fd, pair);
	if (http_server_add(tcp->server, pair[1], NULL) < 0)
		connection_free(tcp->all);
}

static void on_listen(void *arg, int fd, uint32_t events)
{
	struct box_tcp *tcp = arg;

	(void)events;
	for (;;) {
		const int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0)
			return;
		accept_one(tcp, client);
	}
}

static int listen_on(struct box_tcp *tcp, struct err *err)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_port = htons(tcp->port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	const int on = 1;

	tcp->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (tcp->listen_fd < 0)
		return err_set(err, -errno, "no socket to listen with: %s", strerror(errno));
	(void)setsockopt(tcp->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(tcp->listen_fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(tcp->listen_fd, backlog) < 0 ||
	    getsockname(tcp->listen_fd, (struct sockaddr *)&at, &len) < 0) {
		const int code = errno;

		(void)close(tcp->listen_fd);
		tcp->listen_fd = -1;
		return err_set(err, -code, "cannot listen on 127.0.0.1:%u: %s; choose another port",
		               tcp->port, strerror(code));
	}
	tcp->port = ntohs(at.sin_port);
	tcp->watch = loop_watch(tcp->loop, tcp->listen_fd, EPOLLIN, on_listen, tcp);
	return 0;
}

static void stop_listening(struct box_tcp *tcp)
{
	if (tcp->listen_fd < 0)
		return;
	loop_unwatch(tcp->loop, tcp->watch);
	(void)close(tcp->listen_fd);
	tcp->listen_fd = -1;
}

static void come_back(void *arg)
{
	struct box_tcp *tcp = arg;
	static const uint64_t again_ms = 100;

	/* Somebody may have taken the port meanwhile; it is ours as soon as it is free. */
	if (listen_on(tcp, NULL) < 0)
		loop_timer_set(tcp->loop, &tcp->back, loop_now_ms(tcp->loop) + again_ms, come_back,
		               tcp);
}

static void vanish(struct box_tcp *tcp, uint64_t for_ms)
{
	stop_listening(tcp);
	while (tcp->all)
		connection_reset(tcp->all);
	loop_timer_set(tcp->loop, &tcp->back, loop_now_ms(tcp->loop) + for_ms, come_back, tcp);
}

int box_tcp_new(struct loop *loop, uint16_t port, struct box_tcp **ret_tcp, struct err *err)
{
	struct box_tcp *tcp = mem_alloc(sizeof(*tcp));
	int r;

	tcp->loop = loop;
	tcp->port = port;
	r = listen_on(tcp, err);
	if (r < 0) {
		free(tcp);
		return r;
	}
	*ret_tcp = tcp;
	return 0;
}

void box_tcp_free(struct box_tcp *tcp)
{
	if (!tcp)
		return;
	while (tcp->all)
		connection_free(tcp->all);
	loop_timer_unset(tcp->loop, &tcp->back);
	stop_listening(tcp);
	free(tcp->by_fd);
	free(tcp);
}

void box_tcp_serve(struct box_tcp *tcp, struct http_server *server)
{
	tcp->server = server;
}

uint16_t box_tcp_port(const struct box_tcp *tcp)
{
	return tcp->port;
}

void box_tcp_plan(struct box_tcp *tcp, int fd, const struct box_tcp_plan *plan)
{
	struct connection *c = fd >= 0 && (size_t)fd < tcp->n_fds ? tcp->by_fd[fd] : NULL;

	/* The client may have gone while its answer was waited for. */
	if (!c)
		return;
	c->plan = *plan;
	c->allowance = plan->bytes;
	c->head_seen = 0;
	c->raw_sent = 0;
	loop_timer_unset(tcp->loop, &c->timer);
}
