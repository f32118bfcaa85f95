/* Networks changed while machines run and connections are open; needs root. */
#include "localaws/plane/world_fixture_test.h"

#include "base/file.h"
#include "base/text.h"
#include "localaws/plane/namespace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define A_OUTSIDE   "198.18.0.10"
#define NAT_OUTSIDE "198.18.0.99"
#define SOMEBODY    "192.0.2.200" /* the internet's own address */

/* The home VPC, to be changed. */
struct change {
    struct plane_vpc vpc;
    struct plane_subnet subnets[3];
    struct plane_group groups[2];
    struct plane_interface interfaces[6];
    struct plane_translation translations[2];
};

static struct change change_of_home(void)
{
    struct change change = {.vpc = home_vpc};
    memcpy(change.subnets, home_vpc.subnets, sizeof change.subnets);
    memcpy(change.groups, home_vpc.groups, sizeof change.groups);
    memcpy(change.interfaces, home_vpc.interfaces, home_vpc.interface_count * sizeof *change.interfaces);
    return change;
}

static void apply(struct change *change)
{
    change->vpc.subnets = change->subnets;
    change->vpc.groups = change->groups;
    change->vpc.interfaces = change->interfaces;
    change->vpc.translations = change->translations;
    plane_apply_vpc(world.plane, &change->vpc);
    plane_settle(world.plane);
}

/* An open connection whose server has greeted. */
static int open_connection(const char *from, const char *address, uint16_t port)
{
    cleanup(file_close) int namespace = world_namespace(from);
    struct timeval limit = {0, 400000};
    char greeting[128];
    int socket;
    assert_int_equal(namespace_connect(namespace, address, port, 1000, &socket, NULL), 0);
    assert_true(read(socket, greeting, sizeof greeting) > 0);
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return socket;
}

static bool echoes(int socket)
{
    char text[16];
    return write(socket, "x", 1) == 1 && read(socket, text, sizeof text) > 0;
}

static void a_revoked_rule_stops_an_open_connection(void **state)
{
    cleanup(file_close) int socket = open_connection(MACHINE_B, "2001:db8:1:1::a", 80);
    struct change change = change_of_home();
    (void)state;
    assert_true(echoes(socket));
    change.groups[0].rules++; /* port 80 is gone */
    change.groups[0].rule_count--;
    apply(&change);
    assert_false(echoes(socket));
    plane_apply_vpc(world.plane, &home_vpc);
    plane_settle(world.plane);
    bool again = false;
    for (int tries = 0; tries < 10 && !again; tries++) /* TCP has its own times for sending again */
        again = echoes(socket);
    assert_true(again);
}

static void a_public_address_is_what_ipv4_needs_both_ways(void **state)
{
    struct change change = change_of_home();
    char said[256];
    (void)state;
    assert_false(world_reaches("internet", A_OUTSIDE, 443));
    static const struct plane_group_rule rules[] = {
        {.protocol = 6, .cidr = "192.0.2.0/24", .from_port = 80, .to_port = 80},
        {.egress = true, .protocol = -1, .cidr = "0.0.0.0/0"},
    };
    change.groups[0].rules = rules;
    change.groups[0].rule_count = COUNT_OF(rules);
    change.translations[0] = (struct plane_translation){"10.1.1.10", A_OUTSIDE};
    change.vpc.translation_count = 1;
    apply(&change);
    assert_true(world_says("internet", A_OUTSIDE, 80, said));
    assert_string_equal(said, MACHINE_A " ::ffff:" SOMEBODY);
    assert_false(world_reaches("internet", A_OUTSIDE, 443));
    cleanup(file_close) int socket = open_connection("internet", A_OUTSIDE, 80);
    change.vpc.translation_count = 0;
    apply(&change);
    assert_false(echoes(socket));
    assert_false(world_reaches("internet", A_OUTSIDE, 80));
    plane_apply_vpc(world.plane, &home_vpc);
}

/* Machine B's subnet sends IPv4 by a NAT gateway in A's, whose way out is the internet gateway. */
static void a_nat_gateway_is_what_the_outside_sees(void **state)
{
    static const struct plane_route by_nat[] = {{"0.0.0.0/0", PLANE_INTERFACE, "eni-nat"}};
    static const struct plane_appliance nat = {"nat-1", PLANE_NAT};
    static const char *const addresses[] = {"10.1.1.99", NULL}, *const no_groups[] = {NULL};
    struct change change = change_of_home();
    char said[256];
    (void)state;
    change.interfaces[5] = (struct plane_interface){.id = "eni-nat",
                                                    .subnet_id = "subnet-public",
                                                    .owner = "nat-1",
                                                    .addresses = addresses,
                                                    .group_ids = no_groups};
    change.vpc.interface_count = 6;
    change.vpc.appliances = &nat;
    change.vpc.appliance_count = 1;
    change.subnets[1].routes = by_nat;
    change.subnets[1].route_count = 1;
    change.translations[0] = (struct plane_translation){"10.1.1.99", NAT_OUTSIDE};
    change.translations[1] = (struct plane_translation){"10.1.1.10", A_OUTSIDE};
    change.vpc.translation_count = 2;
    static const struct plane_group_rule rules[] = {
        {.protocol = 6, .cidr = NAT_OUTSIDE "/32", .from_port = 80, .to_port = 80},
        {.egress = true, .protocol = -1, .cidr = "0.0.0.0/0"},
    };
    change.groups[0].rules = rules;
    change.groups[0].rule_count = COUNT_OF(rules);
    apply(&change);
    assert_true(world_says(MACHINE_B, A_OUTSIDE, 80, said));
    assert_string_equal(said, MACHINE_A " ::ffff:" NAT_OUTSIDE);
    assert_false(world_reaches("internet", NAT_OUTSIDE, 80)); /* nobody begins anything with it */
    change.subnets[0].route_count = 1;                        /* its subnet has no way out by IPv4 */
    apply(&change);
    assert_false(world_reaches(MACHINE_B, A_OUTSIDE, 80));
    plane_apply_vpc(world.plane, &home_vpc);
}

/* A subnet's route to another one leads to machine A, which passes packets on only when its check is off. */
static void a_route_to_an_interface_needs_its_source_check_off(void **state)
{
    static const struct plane_route by_a[] = {{"2001:db8:1:3::/64", PLANE_INTERFACE, "eni-a"}};
    struct change change = change_of_home();
    char said[256];
    (void)state;
    change.subnets[1].routes = by_a;
    change.subnets[1].route_count = 1;
    apply(&change);
    assert_false(world_reaches(MACHINE_B, "2001:db8:1:3::c", 80));
    change.interfaces[0].source_check = false;
    static const struct plane_group_rule open[] = {
        {.protocol = -1, .cidr = "::/0"},
        {.egress = true, .protocol = -1, .cidr = "::/0"},
    };
    change.groups[0].rules = change.groups[1].rules = open;
    change.groups[0].rule_count = change.groups[1].rule_count = COUNT_OF(open);
    apply(&change);
    assert_true(world_says(MACHINE_B, "2001:db8:1:3::c", 80, said));
    assert_non_null(strstr(said, "2001:db8:1:2::b"));
    plane_apply_vpc(world.plane, &home_vpc);
}

static void what_is_cut_is_silent_until_it_is_healed(void **state)
{
    static const struct {
        const char *a, *b, *from, *to;
    } cuts[] = {
        {MACHINE_A, MACHINE_B, MACHINE_B, "2001:db8:1:1::a"}, /* in one VPC */
        {MACHINE_A, MACHINE_D, MACHINE_D, "2001:db8:1:1::a"}, /* in two */
        {"internet", MACHINE_A, "internet", "2001:db8:1:1::a"},
        {"2001:db8:1:2::/64", MACHINE_A, MACHINE_B, "2001:db8:1:1::a"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        cleanup(file_close) int socket = open_connection(cuts[i].from, cuts[i].to, 80);
        assert_int_equal(plane_set_cut(world.plane, cuts[i].a, cuts[i].b, true, NULL), 0);
        plane_settle(world.plane);
        assert_false(echoes(socket));
        assert_int_equal(plane_set_cut(world.plane, cuts[i].b, cuts[i].a, false, NULL), 0);
        plane_settle(world.plane);
        assert_true(world_reaches(cuts[i].from, cuts[i].to, 80));
    }
    assert_int_equal(plane_set_cut(world.plane, "x; flush ruleset", MACHINE_A, true, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoked_rule_stops_an_open_connection),
        cmocka_unit_test(a_public_address_is_what_ipv4_needs_both_ways),
        cmocka_unit_test(a_nat_gateway_is_what_the_outside_sees),
        cmocka_unit_test(a_route_to_an_interface_needs_its_source_check_off),
        cmocka_unit_test(what_is_cut_is_silent_until_it_is_healed),
    };
    if (geteuid() != 0)
        return 77;
    return cmocka_run_group_tests(tests, world_raise, world_lower);
}
