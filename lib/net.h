#pragma once

/*
 * What kind of place an IP address is, for the check at connect time: a name may resolve to
 * anything, and to something else a second later, so only the address that is about to be connected
 * to counts.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* From the one that is open to all to those nobody may be sent to. */
enum net_class {
	NET_PUBLIC,
	NET_LOOPBACK, /* 127/8 (RFC 1122 3.2.1.3), ::1 (RFC 4291 2.5.3) */
	NET_PRIVATE,  /* RFC 1918, 100.64/10 (RFC 6598), fc00::/7 (RFC 4193), fec0::/10 (RFC 3879),
	                 198.18/15 (RFC 2544) */
	NET_LINK_LOCAL,  /* 169.254/16 (RFC 3927; clouds serve instance metadata, with credentials,
	                    at  169.254.169.254), fe80::/10 (RFC 4291 2.5.6), and the metadata
	                    addresses  outside it: fd00:ec2::254, 100.100.100.200, 192.0.0.192 */
	NET_MULTICAST,   /* 224/4 (RFC 5771), ff00::/8 (RFC 4291 2.7), 255.255.255.255 (RFC 919) */
	NET_UNSPECIFIED, /* 0/8 (RFC 1122 3.2.1.3): connects to this host; :: (RFC 4291 2.5.2) */
	NET_RESERVED,    /* 240/4 (RFC 1112 4), 192.0.0/24 (RFC 6890), documentation nets (RFC 5737,
	                    RFC 3849), 100::/64 (RFC 6666), and what is neither IPv4 nor IPv6 */
};

/*
 * IPv6 addresses that carry an IPv4 address are what that one is: v4-mapped and v4-compatible
 * (RFC 4291 2.5.5), NAT64 (RFC 6052; RFC 8215), 6to4 (RFC 3056), Teredo servers' clients (RFC
 * 4380).
 */
enum net_class net_classify(const struct sockaddr *address);

/* "in a private network", for sentences: "the address is …". */
const char *net_class_text(enum net_class net_class);

/* Public always; private and loopback where allowed; all else never. */
bool net_may_connect(enum net_class net_class, bool allow_private, bool allow_loopback);

/* The host and port of @address as text ("10.0.0.1:443", "[::1]:80"), in @text. */
enum { net_text_bytes = 64 };
const char *net_address_text(const struct sockaddr *address, char text[static net_text_bytes]);

/*
 * True if the host written in @url is this machine: "localhost", a dotted quad 127.x.y.z, [::1].
 * Any other spelling (decimal, octal, a name) does not count, nor does a URL with user information.
 */
bool net_url_is_loopback(const char *url);
