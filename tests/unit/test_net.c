#include "lib/net.h"
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static enum net_class classify(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return net_classify((const struct sockaddr *)&v4);
	check_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return net_classify((const struct sockaddr *)&v6);
}

static void each_range_is_known_up_to_its_borders(void **state)
{
	static const struct {
		const char *address;
		enum net_class net_class;
	} rows[] = {
		{"1.1.1.1", NET_PUBLIC},
		{"9.255.255.255", NET_PUBLIC},
		{"10.0.0.0", NET_PRIVATE},
		{"10.255.255.255", NET_PRIVATE},
		{"11.0.0.0", NET_PUBLIC},
		{"100.63.255.255", NET_PUBLIC},
		{"100.64.0.0", NET_PRIVATE},
		{"100.100.100.199", NET_PRIVATE},
		{"100.100.100.200", NET_LINK_LOCAL},
		{"100.127.255.255", NET_PRIVATE},
		{"100.128.0.0", NET_PUBLIC},
		{"126.255.255.255", NET_PUBLIC},
		{"127.0.0.0", NET_LOOPBACK},
		{"127.255.255.255", NET_LOOPBACK},
		{"128.0.0.0", NET_PUBLIC},
		{"169.253.255.255", NET_PUBLIC},
		{"169.254.0.0", NET_LINK_LOCAL},
		{"169.254.169.254", NET_LINK_LOCAL},
		{"169.255.0.0", NET_PUBLIC},
		{"172.15.255.255", NET_PUBLIC},
		{"172.16.0.0", NET_PRIVATE},
		{"172.31.255.255", NET_PRIVATE},
		{"172.32.0.0", NET_PUBLIC},
		{"192.0.0.192", NET_LINK_LOCAL},
		{"192.0.0.1", NET_RESERVED},
		{"192.0.1.0", NET_PUBLIC},
		{"192.0.2.1", NET_RESERVED},
		{"192.168.0.0", NET_PRIVATE},
		{"192.168.255.255", NET_PRIVATE},
		{"192.169.0.0", NET_PUBLIC},
		{"198.17.255.255", NET_PUBLIC},
		{"198.18.0.0", NET_PRIVATE},
		{"198.19.255.255", NET_PRIVATE},
		{"198.20.0.0", NET_PUBLIC},
		{"198.51.100.1", NET_RESERVED},
		{"203.0.113.1", NET_RESERVED},
		{"223.255.255.255", NET_PUBLIC},
		{"224.0.0.0", NET_MULTICAST},
		{"239.255.255.255", NET_MULTICAST},
		{"240.0.0.0", NET_RESERVED},
		{"255.255.255.254", NET_RESERVED},
		{"255.255.255.255", NET_MULTICAST},
		{"0.0.0.0", NET_UNSPECIFIED},
		{"0.255.255.255", NET_UNSPECIFIED},
		{"1.0.0.0", NET_PUBLIC},
		{"::", NET_UNSPECIFIED},
		{"::1", NET_LOOPBACK},
		{"fc00::", NET_PRIVATE},
		{"fdff:ffff::1", NET_PRIVATE},
		{"fd00:ec2::254", NET_LINK_LOCAL},
		{"fd00:ec2::253", NET_PRIVATE},
		{"fe00::", NET_PUBLIC},
		{"fe80::1", NET_LINK_LOCAL},
		{"febf::1", NET_LINK_LOCAL},
		{"fec0::1", NET_PRIVATE},
		{"ff02::1", NET_MULTICAST},
		{"100::1", NET_RESERVED},
		{"100:0:0:1::1", NET_PUBLIC},
		{"2001:db8::1", NET_RESERVED},
		{"2606:4700::1111", NET_PUBLIC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (classify(rows[i].address) != rows[i].net_class)
			fail_msg("%s is %s", rows[i].address,
			         net_class_text(classify(rows[i].address)));
	}
}

static void an_ipv4_address_inside_an_ipv6_one_is_what_it_is(void **state)
{
	static const struct {
		const char *address;
		enum net_class net_class;
	} rows[] = {
		{"::ffff:10.0.0.1", NET_PRIVATE},
		{"::ffff:127.0.0.1", NET_LOOPBACK},
		{"::ffff:169.254.169.254", NET_LINK_LOCAL},
		{"::ffff:8.8.8.8", NET_PUBLIC},
		{"::ffff:0:10.0.0.1", NET_PRIVATE},
		{"::127.0.0.1", NET_LOOPBACK},
		{"64:ff9b::10.0.0.1", NET_PRIVATE},
		{"64:ff9b::8.8.8.8", NET_PUBLIC},
		{"64:ff9b:1::7f00:1", NET_LOOPBACK},
		{"2002:a9fe:a9fe::1", NET_LINK_LOCAL},
		{"2002:808:808::1", NET_PUBLIC},
		{"2001:0:808:808:0:0:f5ff:fffe", NET_PRIVATE}, /* 10.0.0.1 inverted */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (classify(rows[i].address) != rows[i].net_class)
			fail_msg("%s is %s", rows[i].address,
			         net_class_text(classify(rows[i].address)));
	}
}

static void an_unknown_family_is_never_connected_to(void **state)
{
	const struct sockaddr odd = {.sa_family = AF_UNIX};

	(void)state;
	check_eq(net_classify(&odd), NET_RESERVED);
}

static void private_and_loopback_need_leave_and_the_rest_never_gets_it(void **state)
{
	(void)state;
	check(net_may_connect(NET_PUBLIC, false, false));
	check(!net_may_connect(NET_PRIVATE, false, true));
	check(net_may_connect(NET_PRIVATE, true, false));
	check(!net_may_connect(NET_LOOPBACK, true, false));
	check(net_may_connect(NET_LOOPBACK, false, true));
	check(!net_may_connect(NET_LINK_LOCAL, true, true));
	check(!net_may_connect(NET_MULTICAST, true, true));
	check(!net_may_connect(NET_UNSPECIFIED, true, true));
	check(!net_may_connect(NET_RESERVED, true, true));
}

static void a_url_names_this_machine_only_in_plain_spelling(void **state)
{
	static const struct {
		const char *url;
		bool is_loopback;
	} rows[] = {
		{"http://localhost", true},
		{"http://LocalHost:8080/x", true},
		{"http://127.0.0.1:80/", true},
		{"https://127.1.2.3?x", true},
		{"http://[::1]", true},
		{"http://[::1]:9/x", true},
		{"http://localhost.example.com/", false},
		{"http://127.0.0.1.example.com/", false},
		{"http://localhost@example.com/", false},
		{"http://example.com\\@localhost/", false},
		{"http://example.com/?u=http://localhost", false},
		{"http://example.com#@localhost", false},
		{"http://2130706433/", false},
		{"http://0177.0.0.1/", false},
		{"http://0x7f.1/", false},
		{"http://127.1/", false},
		{"http://[::1", false},
		{"http://[::1]x/", false},
		{"http://[::ffff:127.0.0.1]/", false},
		{"http://128.0.0.1/", false},
		{"http://", false},
		{"localhost", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (net_url_is_loopback(rows[i].url) != rows[i].is_loopback)
			fail_msg("%s", rows[i].url);
	}
}

static void addresses_are_written_with_their_port(void **state)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(443)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	char text[net_text_bytes];

	(void)state;
	check_eq(inet_pton(AF_INET, "10.0.0.1", &v4.sin_addr), 1);
	check_text(net_address_text((const struct sockaddr *)&v4, text), "10.0.0.1:443");
	check_eq(inet_pton(AF_INET6, "::1", &v6.sin6_addr), 1);
	check_text(net_address_text((const struct sockaddr *)&v6, text), "[::1]:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		sentence(each_range_is_known_up_to_its_borders),
		sentence(an_ipv4_address_inside_an_ipv6_one_is_what_it_is),
		sentence(an_unknown_family_is_never_connected_to),
		sentence(private_and_loopback_need_leave_and_the_rest_never_gets_it),
		sentence(a_url_names_this_machine_only_in_plain_spelling),
		sentence(addresses_are_written_with_their_port),
	};

	return run_sentences(tests);
}
