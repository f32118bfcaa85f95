#include "localaws/ec2/cidr.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena *arena;

static struct cidr block(const char *text)
{
    struct cidr cidr;
    assert_true(cidr_parse(text, &cidr));
    return cidr;
}

static void a_blocks_host_bits_are_cleared_and_its_text_is_canonical(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"10.1.2.3/16", "10.1.0.0/16"},
        {"10.1.2.255/25", "10.1.2.128/25"},
        {"2001:0db8:0000:1::7/64", "2001:db8:0:1::/64"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"::/0", "::/0"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct cidr cidr = block(pairs[i][0]);
        assert_string_equal(cidr_text(arena, &cidr), pairs[i][1]);
    }
}

static void what_is_no_block_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "10.0.0.0",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/-1",
                                      "10.0.0/8",
                                      "::/129",
                                      "x/8",
                                      "10.0.0.0/8/8",
                                      "10.0.0.0/8 ",
                                      "1234567890123456789012345678901234567890123456/8"};
    struct cidr cidr;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(cidr_parse(bad[i], &cidr));
    assert_false(cidr_parse(NULL, &cidr));
}

static void a_block_contains_what_lies_in_it_and_overlaps_both_ways(void **state)
{
    (void)state;
    struct cidr vpc = block("10.128.0.0/16"), subnet = block("10.128.128.0/17"),
                other = block("10.129.0.0/17");
    assert_true(cidr_contains(&vpc, &subnet));
    assert_false(cidr_contains(&subnet, &vpc));
    assert_true(cidr_overlaps(&subnet, &vpc));
    assert_true(cidr_overlaps(&vpc, &subnet));
    assert_false(cidr_overlaps(&vpc, &other));
    struct cidr ipv6 = block("2001:db8:7:100::/56"), inside = block("2001:db8:7:1ff::/64"),
                beside = block("2001:db8:7:200::/64");
    assert_true(cidr_contains(&ipv6, &inside));
    assert_false(cidr_contains(&ipv6, &beside));
    assert_false(cidr_overlaps(&ipv6, &vpc)); /* another family */
}

static void addresses_are_counted_from_a_blocks_first(void **state)
{
    (void)state;
    struct cidr subnet = block("10.0.255.0/24"), address = cidr_at(&subnet, 4), last = cidr_at(&subnet, 255);
    assert_int_equal(cidr_size(&subnet), 256);
    assert_string_equal(cidr_address_text(arena, &address), "10.0.255.4");
    assert_string_equal(cidr_address_text(arena, &last), "10.0.255.255");
    assert_true(cidr_contains(&subnet, &address));
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocks_host_bits_are_cleared_and_its_text_is_canonical),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(a_block_contains_what_lies_in_it_and_overlaps_both_ways),
        cmocka_unit_test(addresses_are_counted_from_a_blocks_first),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
