#include "connector/pipeline/url.h"

#include "connector/pipeline/units.h"
#include "lib/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

const char close_base_url[] = "https://api.close.com/api/v1";

/* What follows @base in @url, or NULL where it does not begin so. */
static const char *behind(const char *base, const char *url)
{
	const size_t len = strlen(base);

	return strncmp(url, base, len) == 0 && url[len] == '/' ? url + len : NULL;
}

const char *url_path(const char *base_url, const char *url)
{
	const char *path = *url == '/' ? url : behind(close_base_url, url);

	return path ? path : behind(base_url, url);
}

/* The host of @url without port and brackets; false if there is no sensible one. */
static bool host_of(const char *authority, size_t len, char host[static 256])
{
	const char *end = authority + len, *port = NULL;
	uint64_t number;

	if (*authority == '[') {
		const char *close = memchr(authority, ']', len);

		if (!close)
			return false;
		authority++;
		port = close + 1 < end ? close + 1 : NULL;
		end = close;
	} else {
		port = memchr(authority, ':', len);
		if (port)
			end = port;
	}
	if (port) {
		char digits[8] = "";
		const size_t n = (size_t)(authority + len - port);

		if (*port != ':' || n > 6)
			return false;
		memcpy(digits, port + 1,
		       strspn(port + 1, "0123456789") < 6 ? strspn(port + 1, "0123456789") : 0);
		if (units_count(digits, &number) < 0 || number == 0 || number > 65535)
			return false;
	}
	if (end <= authority || end - authority > 255)
		return false;
	memcpy(host, authority, (size_t)(end - authority));
	host[end - authority] = '\0';
	return true;
}

/* The class of a host that is written as an address; names are NET_PUBLIC as far as we know here.
 */
static enum net_class class_of(const char *host, bool *ret_is_address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	*ret_is_address = true;
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		return net_classify((const struct sockaddr *)&v4);
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
		return net_classify((const struct sockaddr *)&v6);
	*ret_is_address = false;
	return NET_PUBLIC;
}

static bool check_place(struct loader *l, const struct yaml_node *at, const char *url,
                        const char *host, bool allow_private)
{
	const bool is_http = strncmp(url, "http://", 7) == 0;
	bool is_address;
	const enum net_class class = class_of(host, &is_address);

	if (net_url_is_loopback(url))
		return true;
	if (class != NET_PUBLIC && class != NET_PRIVATE) {
		fail(l, at, "the address is %s: closefeed never sends there",
		     net_class_text(class));
		return false;
	}
	if (class == NET_PRIVATE && !allow_private) {
		fail(l, at,
		     "the address is in a private network: add allow: [private] if that is "
		     "meant");
		return false;
	}
	if (is_http && (!allow_private || (is_address && class == NET_PUBLIC))) {
		fail(l, at,
		     "must begin with https:// (http only to this machine, or with allow: "
		     "[private] to a private address)");
		return false;
	}
	return true;
}

bool check_url(struct loader *l, const struct yaml_node *at, const char *url, bool allow_private,
               bool may_have_query)
{
	const char *authority;
	char host[256];
	size_t len;

	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) {
		fail(l, at, "must be a URL that begins with https://");
		return false;
	}
	for (const char *c = url; *c; c++) {
		if (*c > ' ' && *c < 0x7f && !strchr("\\\"<>^`{|}", *c))
			continue;
		fail(l, at, "has a character that cannot stand in a URL (the %zu.)",
		     (size_t)(c - url) + 1);
		return false;
	}
	authority = strstr(url, "://") + 3;
	len = strcspn(authority, "/?#");
	if (memchr(authority, '@', len)) {
		fail(l, at, "must not have a user name or password in it");
		return false;
	}
	if (!host_of(authority, len, host)) {
		fail(l, at, "has no proper host and port");
		return false;
	}
	if (strchr(url, '#') || (!may_have_query && strchr(url, '?'))) {
		fail(l, at, "must not have %s",
		     strchr(url, '#') ? "a fragment (#…)" : "a query (?…)");
		return false;
	}
	return check_place(l, at, url, host, allow_private);
}
