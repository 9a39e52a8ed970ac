#include "lib/http_private.h"

#include <ctype.h>
#include <string.h>

/* What a curl code means to a person, and what that person can do. */
static const struct meaning {
	CURLcode code;
	const char *what;
	const char *advice;
} meanings[] = {
	{CURLE_UNSUPPORTED_PROTOCOL, "the URL is not https",
         "write it with https; plain http goes to this machine only"},
	{CURLE_URL_MALFORMAT, "the URL is malformed", "correct the URL"},
	{CURLE_COULDNT_RESOLVE_PROXY, "the proxy's name is not known", "check the proxy setting"},
	{CURLE_COULDNT_RESOLVE_HOST, "the host name is not known",
         "check its spelling and this machine's name server"},
	{CURLE_COULDNT_CONNECT, "no connection",
         "check that the service is up and no firewall stands between"},
	{CURLE_WEIRD_SERVER_REPLY, "the answer is not HTTP", "check the host and port"},
	{CURLE_PARTIAL_FILE, "the answer ended before its end",
         "the network or the server broke off"},
	{CURLE_SSL_CONNECT_ERROR, "no secure connection",
         "the server must speak TLS 1.2 or later on this port"},
	{CURLE_PEER_FAILED_VERIFICATION, "the server's certificate is not trusted",
         "check the URL, this machine's clock and the CA file"},
	{CURLE_SSL_CACERT_BADFILE, "the CA file cannot be used",
         "check that it is a readable PEM file"},
	{CURLE_GOT_NOTHING, "the connection was closed without an answer", "the service broke off"},
	{CURLE_SEND_ERROR, "the connection broke while sending",
         "the network or the server broke off"},
	{CURLE_RECV_ERROR, "the connection broke before the answer was complete",
         "the network or the server broke off"},
	{CURLE_PROXY, "the proxy refused", "check the proxy setting"},
	{CURLE_LOGIN_DENIED, "the URL carries a user name", "take it out of the URL"},
};

/* libcurl's own words, with nothing in them that could play tricks on a terminal or a log. */
static void copy_detail(const char *from, char to[static CURL_ERROR_SIZE])
{
	size_t n = 0;

	for (; from[n] && n < CURL_ERROR_SIZE - 1; n++)
		to[n] = isprint((unsigned char)from[n]) ? from[n] : '?';
	to[n] = '\0';
}

/* The host of the URL, never its path or query: those of a webhook may be a secret. */
static void copy_host(CURL *easy, char to[static 256])
{
	const char *url = NULL, *host;
	size_t len;

	(void)curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
	host = url ? strstr(url, "://") : NULL;
	host = host ? host + 3 : "";
	len = strcspn(host, "/?#\\");
	if (!len || len > 255 || memchr(host, '@', len)) {
		host = "the server";
		len = strlen(host);
	}
	memcpy(to, host, len);
	to[len] = '\0';
	for (char *c = to; *c; c++)
		*c = isprint((unsigned char)*c) ? *c : '?';
}

static void say_known(const struct http_transfer *t, const char *host, CURLcode code,
                      struct err *err)
{
	char detail[CURL_ERROR_SIZE];

	copy_detail(t->curl_error[0] ? t->curl_error : curl_easy_strerror(code), detail);
	if (code == CURLE_COULDNT_CONNECT && t->http->proxy) {
		(void)err_set(
			err, 0,
			"%s: no connection to the proxy (%s); check the proxy setting and that "
			"the proxy is up",
			host, detail);
		return;
	}
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].code == code) {
			(void)err_set(err, 0, "%s: %s (%s); %s", host, meanings[i].what, detail,
			              meanings[i].advice);
			return;
		}
	}
	(void)err_set(err, 0, "%s: the call failed (%s)", host, detail);
}

static void say_time_out(const struct http_transfer *t, const char *host, struct err *err)
{
	if (!t->n_sends)
		(void)err_set(err, 0,
		              "%s: no connection within the time limit; check that the service is "
		              "up and no firewall stands between",
		              host);
	else if (!t->status)
		(void)err_set(err, 0, "%s: no answer within the time limit", host);
	else
		(void)err_set(err, 0, "%s: the answer did not end within the time limit", host);
}

void http_error_say(const struct http_transfer *t, CURLcode code, struct err *ret_err)
{
	char host[256];

	copy_host(t->easy, host);
	if (t->refused_address[0] && !t->n_sends)
		(void)err_set(ret_err, 0,
		              "%s: not connected, since its address %s is %s; only addresses the "
		              "settings allow are connected to",
		              host, t->refused_address, net_class_text(t->refused_class));
	else if (t->is_too_large)
		(void)err_set(ret_err, 0, "%s: the answer is larger than %zu bytes and was cut",
		              host, t->max_response);
	else if (t->is_header_too_large)
		(void)err_set(ret_err, 0,
		              "%s: the answer has more than %d headers, or %d bytes of them", host,
		              http_max_headers, http_max_header_bytes);
	else if (t->is_resend_refused)
		(void)err_set(
			ret_err, 0,
			"%s: the connection broke before an answer came; the request went out "
			"once and is not sent again unseen",
			host);
	else if (t->is_gate_shut)
		(void)err_set(ret_err, 0, "%s: stopped before it was sent", host);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		say_time_out(t, host, ret_err);
	else if (code == CURLE_UNSUPPORTED_PROTOCOL && t->n_sends)
		say_known(t, host, CURLE_WEIRD_SERVER_REPLY, ret_err);
	else
		say_known(t, host, code, ret_err);
}
