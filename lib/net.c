#include "lib/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One block of addresses. The first row that matches wins, so exceptions stand before their block.
 */
struct block {
	uint8_t prefix[16];
	uint8_t bits;
	enum net_class net_class;
};

static const struct block blocks_v4[] = {
	{{100, 100, 100, 200}, 32, NET_LINK_LOCAL}, /* metadata */
	{{192, 0, 0, 192}, 32, NET_LINK_LOCAL},     /* metadata */
	{{0}, 8, NET_UNSPECIFIED},
	{{10}, 8, NET_PRIVATE},
	{{100, 64}, 10, NET_PRIVATE},
	{{127}, 8, NET_LOOPBACK},
	{{169, 254}, 16, NET_LINK_LOCAL},
	{{172, 16}, 12, NET_PRIVATE},
	{{192, 0, 0}, 24, NET_RESERVED},
	{{192, 0, 2}, 24, NET_RESERVED},
	{{192, 168}, 16, NET_PRIVATE},
	{{198, 18}, 15, NET_PRIVATE},
	{{198, 51, 100}, 24, NET_RESERVED},
	{{203, 0, 113}, 24, NET_RESERVED},
	{{224}, 4, NET_MULTICAST},
	{{255, 255, 255, 255}, 32, NET_MULTICAST},
	{{240}, 4, NET_RESERVED},
};

static const struct block blocks_v6[] = {
	{{[15] = 1}, 128, NET_LOOPBACK},
	{{0}, 128, NET_UNSPECIFIED},
	{{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}, 128, NET_LINK_LOCAL}, /* metadata */
	{{0x01}, 64, NET_RESERVED},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, NET_RESERVED},
	{{0xfc}, 7, NET_PRIVATE},
	{{0xfe, 0x80}, 10, NET_LINK_LOCAL},
	{{0xfe, 0xc0}, 10, NET_PRIVATE},
	{{0xff}, 8, NET_MULTICAST},
};

/* Where an IPv4 address stands inside IPv6 addresses that begin so. */
static const struct embedding {
	uint8_t prefix[16];
	uint8_t bits;
	uint8_t at;
	uint8_t mask; /* Teredo writes the client's address inverted */
} embeddings[] = {
	{{[10] = 0xff, 0xff}, 96, 12, 0},                  /* v4-mapped */
	{{[8] = 0xff, 0xff}, 96, 12, 0},                   /* v4-translated */
	{{0}, 96, 12, 0},                                  /* v4-compatible */
	{{0x00, 0x64, 0xff, 0x9b}, 96, 12, 0},             /* NAT64, well-known prefix */
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, 12, 0}, /* NAT64, local use */
	{{0x20, 0x02}, 16, 2, 0},                          /* 6to4 */
	{{0x20, 0x01, 0x00, 0x00}, 32, 12, 0xff},          /* Teredo */
};

static bool begins_with(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
	const unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(address, prefix, whole) != 0)
		return false;
	return !rest || (address[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

static enum net_class look_up(const struct block *blocks, size_t n, const uint8_t *address)
{
	for (size_t i = 0; i < n; i++) {
		if (begins_with(address, blocks[i].prefix, blocks[i].bits))
			return blocks[i].net_class;
	}
	return NET_PUBLIC;
}

static enum net_class classify_v4(const uint8_t address[static 4])
{
	return look_up(blocks_v4, sizeof(blocks_v4) / sizeof(blocks_v4[0]), address);
}

static enum net_class classify_v6(const uint8_t address[static 16])
{
	const enum net_class own =
		look_up(blocks_v6, sizeof(blocks_v6) / sizeof(blocks_v6[0]), address);

	if (own != NET_PUBLIC)
		return own;
	for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
		const struct embedding *e = &embeddings[i];
		uint8_t inner[4];

		if (!begins_with(address, e->prefix, e->bits))
			continue;
		for (unsigned k = 0; k < 4; k++)
			inner[k] = address[e->at + k] ^ e->mask;
		return classify_v4(inner);
	}
	return NET_PUBLIC;
}

enum net_class net_classify(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(&v4, address, sizeof(v4));
		return classify_v4((const uint8_t *)&v4.sin_addr);
	case AF_INET6:
		memcpy(&v6, address, sizeof(v6));
		return classify_v6(v6.sin6_addr.s6_addr);
	default:
		return NET_RESERVED;
	}
}

const char *net_class_text(enum net_class net_class)
{
	switch (net_class) {
	case NET_PUBLIC:
		return "public";
	case NET_LOOPBACK:
		return "this machine itself";
	case NET_PRIVATE:
		return "in a private network";
	case NET_LINK_LOCAL:
		return "link-local (where clouds keep credentials)";
	case NET_MULTICAST:
		return "a multicast address";
	case NET_UNSPECIFIED:
		return "the unspecified address";
	case NET_RESERVED:
		return "reserved";
	}
	return "";
}

bool net_may_connect(enum net_class net_class, bool allow_private, bool allow_loopback)
{
	switch (net_class) {
	case NET_PUBLIC:
		return true;
	case NET_LOOPBACK:
		return allow_loopback;
	case NET_PRIVATE:
		return allow_private;
	case NET_LINK_LOCAL:
	case NET_MULTICAST:
	case NET_UNSPECIFIED:
	case NET_RESERVED:
		return false;
	}
	return false;
}

const char *net_address_text(const struct sockaddr *address, char text[static net_text_bytes])
{
	char host[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		(void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
		(void)snprintf(text, net_text_bytes, "%s:%u", host, ntohs(v4.sin_port));
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		(void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
		(void)snprintf(text, net_text_bytes, "[%s]:%u", host, ntohs(v6.sin6_port));
	} else {
		(void)snprintf(text, net_text_bytes, "an address of family %d", address->sa_family);
	}
	return text;
}

bool net_url_is_loopback(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len, host_len;
	char text[64];
	struct in_addr v4;

	if (!host)
		return false;
	host += strlen("://");
	len = strcspn(host, "/?#");
	if (memchr(host, '@', len) || memchr(host, '\\', len))
		return false;
	host_len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (host_len > len || host_len >= sizeof(text))
		return false;
	memcpy(text, host, host_len);
	text[host_len] = '\0';
	if (host_len < len && host[host_len] != ':')
		return false;
	if (!strcasecmp(text, "localhost") || !strcmp(text, "[::1]"))
		return true;
	return inet_pton(AF_INET, text, &v4) == 1 &&
	       classify_v4((const uint8_t *)&v4) == NET_LOOPBACK;
}
