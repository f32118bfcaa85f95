#include "localaws/plane/parts.h"
#include "localaws/plane/prefix.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct plane_acl_rule acl[] = {
    {false, false, 90, 6, "2001:db8:bad::/48", 22, 22},
    {false, true, 100, -1, "::/0", 0, 0},
    {true, true, 100, 17, "0.0.0.0/0", 53, 53},
};
static const struct plane_route routes[] = {{"::/0", PLANE_INTERNET, NULL},
                                            {"2001:db8:9::/48", PLANE_BLACKHOLE, NULL}};
static const struct plane_subnet subnets[] = {
    {"subnet-1", "10.1.0.0/24", "2001:db8:1:1::/64", routes, 2, acl, 3},
    {"subnet-2", "10.1.1.0/24", "2001:db8:1:2::/64", NULL, 0, NULL, 0},
};
static const struct plane_group_rule rules[] = {
    {.protocol = 6, .cidr = "2001:DB8::/32", .from_port = 443, .to_port = 8443},
    {.protocol = 58, .cidr = "::/0", .from_port = 128, .to_port = -1},
    {.protocol = 17, .source_group = "sg-2", .from_port = 51820, .to_port = 51820},
    {.egress = true, .protocol = -1, .cidr = "0.0.0.0/0"},
    {.protocol = 6, .cidr = "::/0 accept; flush ruleset", .from_port = 1, .to_port = 2},
    {.protocol = 6, .cidr = "::/200", .from_port = 1, .to_port = 2},
    {.protocol = 6, .source_group = "sg-unknown", .from_port = 7, .to_port = 7},
};
static const struct plane_group groups[] = {{"sg-1", rules, COUNT_OF(rules)}, {"sg-2", NULL, 0}};
static const char *const addresses[] = {"10.1.0.5", "2001:db8:1:1::5", NULL};
static const char *const group_ids[] = {"sg-2", NULL};
static const struct plane_interface interfaces[] = {
    {.id = "eni-1",
     .subnet_id = "subnet-1",
     .addresses = addresses,
     .group_ids = group_ids,
     .source_check = true},
};
static const char *const cidrs[] = {"10.1.0.0/16", "2001:db8:1::/56", NULL};
static const struct plane_translation translations[] = {{"10.1.0.5", "198.18.0.7"},
                                                        {"nonsense", "198.18.0.8"}};
static const struct plane_vpc vpc = {
    .id = "vpc-1",
    .cidrs = cidrs,
    .subnets = subnets,
    .subnet_count = 2,
    .groups = groups,
    .group_count = 2,
    .interfaces = interfaces,
    .interface_count = 1,
    .translations = translations,
    .translation_count = 2,
};

static void assert_line(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("not in the rules: %s\n%s", line, text);
}

static void rules_become_nftables_rules(void **state)
{
    static const char *const lines[] = {
        "ct original ip6 saddr 2001:db8::/32 meta l4proto 6 ct original proto-dst 443-8443 accept\n",
        "ct original ip6 saddr ::/0 meta l4proto 58 ct original proto-dst 32768-33023 accept\n",
        "ct original ip6 saddr @g1_ip6 meta l4proto 17 ct original proto-dst 51820-51820 accept\n",
        "ct original ip saddr @g1_ip meta l4proto 17 ct original proto-dst 51820-51820 accept\n",
        "ct original ip daddr 0.0.0.0/0 accept\n",
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = firewall_text(arena, &vpc, "");
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_line(text, lines[i]);
}

static void a_network_acl_keeps_its_order_and_ends_in_deny(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = firewall_text(arena, &vpc, "");
    (void)state;
    assert_line(text, " chain acl_in_0 {\n  ip6 saddr 2001:db8:bad::/48 tcp dport 22-22 drop\n"
                      "  ip6 saddr ::/0 return\n  drop\n }\n");
    assert_line(text, " chain acl_out_0 {\n  ip daddr 0.0.0.0/0 udp dport 53-53 return\n  drop\n }\n");
    assert_line(text, " chain acl_in_1 {\n  drop\n }\n");
}

static void only_subnets_with_an_internet_gateway_take_connections_from_outside(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    assert_line(firewall_text(arena, &vpc, ""),
                " chain from_internet {\n"
                "  ct reply ip6 saddr 2001:db8:1:1::/64 ct original ip6 saddr ::/0 accept\n  drop\n }\n");
}

static void what_is_no_address_never_reaches_nftables(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = firewall_text(arena, &vpc, "");
    (void)state;
    assert_null(strstr(text, "flush"));
    assert_null(strstr(text, "proto-dst 1-2"));
    assert_null(strstr(text, "proto-dst 7-7"));
    assert_null(strstr(text, "nonsense"));
    assert_null(strstr(text, "198.18.0.8"));
}

static void a_groups_members_are_its_interfaces_addresses(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = firewall_text(arena, &vpc, "");
    (void)state;
    assert_line(text, " set g1_ip6 { type ipv6_addr;\n  elements = { 2001:db8:1:1::5 }\n }\n");
    assert_line(text, " set g0_ip6 { type ipv6_addr;\n }\n"); /* nftables refuses an empty list of elements */
}

static void public_addresses_are_known_both_ways(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *text = firewall_text(arena, &vpc, "");
    (void)state;
    assert_line(text,
                " map inside_of { type ipv4_addr : ipv4_addr;\n  elements = { 198.18.0.7 : 10.1.0.5 }\n }\n");
    assert_line(
        text, " map outside_of { type ipv4_addr : ipv4_addr;\n  elements = { 10.1.0.5 : 198.18.0.7 }\n }\n");
    assert_line(
        text, " set translated { type ipv4_addr . ipv4_addr;\n  elements = { 10.1.0.5 . 198.18.0.7 }\n }\n");
}

static void the_resolver_is_silent_where_a_vpc_has_no_names(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct plane_vpc silent = vpc;
    (void)state;
    assert_line(firewall_text(arena, &vpc, ""),
                "  ip daddr 10.1.0.2 meta l4proto { tcp, udp } th dport 53 accept\n");
    silent.no_names = true;
    assert_null(strstr(firewall_text(arena, &silent, ""), "dport 53 accept"));
}

static void cuts_come_before_everything_that_allows(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    assert_line(firewall_text(arena, &vpc, "  iifname { \"e1\" } oifname { \"inet\" } drop\n"),
                " chain cut { type filter hook forward priority -30; policy accept;\n"
                "  iifname { \"e1\" } oifname { \"inet\" } drop\n }\n");
}

static void blocks_contain_what_begins_as_they_do(void **state)
{
    static const struct {
        const char *outer, *inner;
        bool within;
    } pairs[] = {
        {"10.1.0.0/16", "10.1.4.0/24", true},
        {"10.1.0.0/16", "10.1.0.0/16", true},
        {"10.1.4.0/24", "10.1.0.0/16", false},
        {"10.1.0.0/23", "10.1.2.0/24", false},
        {"2001:db8::/56", "2001:db8:0:1::/64", true},
        {"0.0.0.0/0", "::/0", false},
        {"10.0.0.0/7", "11.1.1.1", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct prefix outer, inner;
        assert_true(prefix_parse(pairs[i].outer, &outer) && prefix_parse(pairs[i].inner, &inner));
        if (prefix_within(&outer, &inner) != pairs[i].within)
            fail_msg("%s in %s", pairs[i].inner, pairs[i].outer);
    }
}

static void only_what_differs_is_changed(void **state)
{
    cleanup(lines_free) struct lines is = {0};
    cleanup(lines_free) struct lines wanted = {0};
    cleanup(buffer_free) struct buffer commands = buffer_new(4096);
    (void)state;
    lines_add(&is, "route %s dev e1", "10.0.0.1");
    lines_add(&is, "rule pref 200 iif e1 lookup 7");
    lines_add(&wanted, "rule pref 200 iif e1 lookup 7");
    lines_add(&wanted, "route 10.0.0.2 dev e1");
    lines_add(&wanted, "route 10.0.0.2 dev e1");
    lines_deletions(&is, &wanted, &commands);
    assert_string_equal(buffer_string(&commands), "route del 10.0.0.1 dev e1\n");
    buffer_clear(&commands);
    lines_additions(&is, &wanted, &commands);
    assert_string_equal(buffer_string(&commands), "route add 10.0.0.2 dev e1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_become_nftables_rules),
        cmocka_unit_test(a_network_acl_keeps_its_order_and_ends_in_deny),
        cmocka_unit_test(only_subnets_with_an_internet_gateway_take_connections_from_outside),
        cmocka_unit_test(what_is_no_address_never_reaches_nftables),
        cmocka_unit_test(a_groups_members_are_its_interfaces_addresses),
        cmocka_unit_test(public_addresses_are_known_both_ways),
        cmocka_unit_test(the_resolver_is_silent_where_a_vpc_has_no_names),
        cmocka_unit_test(cuts_come_before_everything_that_allows),
        cmocka_unit_test(blocks_contain_what_begins_as_they_do),
        cmocka_unit_test(only_what_differs_is_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
