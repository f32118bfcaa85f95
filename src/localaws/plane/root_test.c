/* What the plane promises, shown on real networks and machines; needs root. */
#include "localaws/plane/world_fixture_test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "localaws/plane/namespace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void who_reaches_whom(void **state)
{
    static const struct packet {
        const char *from, *to;
        int port;
        bool arrives;
    } packets[] = {
        {MACHINE_A, "2001:db8:1:2::b", 80, true},   /* across subnets */
        {MACHINE_A, "2001:db8:1:2::b", 4443, true}, /* by the group it is in */
        {MACHINE_B, "2001:db8:1:1::a", 80, true},
        {MACHINE_A, "10.1.2.11", 4443, true}, /* IPv4 inside the VPC, by group */
        {MACHINE_A, "10.1.2.11", 80, false},  /* that rule is for IPv6 */
        {MACHINE_A, "10.1.3.12", 80, true},
        {MACHINE_A, "2001:db8:1:3::c", 80, true},    /* local routes need no table */
        {MACHINE_A, "2001:db8:1:3::c", 4443, false}, /* no rule */
        {MACHINE_C, "2001:db8:1:1::a", 80, false},   /* its group lets nothing out */
        {MACHINE_D, "2001:db8:1:1::a", 80, true},    /* from outside, by the internet gateway */
        {MACHINE_D, "2001:db8:1:1::a", 4443, false}, /* same group id, other VPC */
        {MACHINE_D, "2001:db8:1:2::b", 80, false},   /* egress-only: nothing gets in */
        {MACHINE_D, "2001:db8:1:3::c", 80, false},
        {MACHINE_B, "2001:db8:2:1::d", 80, true}, /* egress-only: out it goes, and back come answers */
        {"internet", "2001:db8:1:1::a", 80, true},
        {"internet", "2001:db8:1:2::b", 80, false},
        {"internet", "10.1.1.10", 80, false},
        {MACHINE_A, "192.0.2.1", 80, false}, /* IPv4 gets nowhere */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        const struct packet *packet = &packets[i];
        if (world_reaches(packet->from, packet->to, packet->port) != packet->arrives)
            fail_msg("%s -> %s port %d should %s", packet->from, packet->to, packet->port,
                     packet->arrives ? "arrive" : "not arrive");
    }
}

static void ipv4_to_the_outside_is_told_unreachable(void **state)
{
    cleanup(file_close) int namespace = world_namespace(MACHINE_A);
    struct error err = {0};
    int socket;
    (void)state;
    assert_int_equal(namespace_connect(namespace, "192.0.2.1", 80, 3000, &socket, &err), -1);
    assert_non_null(strstr(err.message, "unreachable"));
}

/* curl's answer, or "" when there was none within a second. */
static const char *ask(struct arena *arena, const char *from, const char *arguments)
{
    char *output = NULL;
    world_run(from, arena_format(arena, "curl -sS -g -m 1 %s 2>/dev/null", arguments), arena, &output);
    return output ? output : "";
}

static const char *ask_with_token(struct arena *arena, const char *from, const char *path)
{
    const char *token =
        ask(arena, from,
            "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://[fd00:ec2::254]/latest/api/token");
    return ask(arena, from,
               arena_format(arena, "-H 'X-aws-ec2-metadata-token: %s' http://169.254.169.254/latest/%s",
                            token, path));
}

static void metadata_is_given_to_the_instance_that_asks(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    assert_string_equal(ask_with_token(arena, MACHINE_A, "meta-data/instance-id"), MACHINE_A);
    assert_string_equal(ask_with_token(arena, MACHINE_B, "meta-data/instance-id"), MACHINE_B);
    assert_string_equal(ask_with_token(arena, MACHINE_D, "meta-data/instance-id"), MACHINE_D);
    assert_string_equal(ask_with_token(arena, MACHINE_A, "meta-data/nothing"), "Not Found");
}

static void metadata_wants_a_token(void **state)
{
    static const struct refusal {
        const char *arguments, *status;
    } refusals[] = {
        {"http://169.254.169.254/latest/meta-data/instance-id", "401"},
        {"-H 'X-aws-ec2-metadata-token: 7fffffffffffff-00' "
         "http://169.254.169.254/latest/meta-data/instance-id",
         "401"},
        {"-X PUT http://169.254.169.254/latest/api/token", "400"},
        {"-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 99999' http://169.254.169.254/latest/api/token",
         "400"},
        {"-X PUT -H 'X-Forwarded-For: 1' -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "
         "http://169.254.169.254/latest/api/token",
         "403"},
    };
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        assert_string_equal(
            ask(arena, MACHINE_A,
                arena_format(arena, "-o /dev/null -w '%%{http_code}' %s", refusals[i].arguments)),
            refusals[i].status);
}

static void one_instances_token_is_nothing_to_another(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    const char *token =
        ask(arena, MACHINE_A,
            "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://[fd00:ec2::254]/latest/api/token");
    assert_string_equal(ask(arena, MACHINE_B,
                            arena_format(arena,
                                         "-H 'X-aws-ec2-metadata-token: %s' "
                                         "http://[fd00:ec2::254]/latest/meta-data/instance-id",
                                         token)),
                        "Unauthorized");
}

/* A container: a namespace behind the machine's own routing, with the machine's second address. */
static void make_container(struct arena *arena, const char *machine, const char *name, const char *address)
{
    const char *script =
        arena_format(arena,
                     "ip link add %1$s type veth peer name eth0 netns %3$s-%1$s && ip link set %1$s up &&"
                     "ip addr add fe80::1/64 dev %1$s nodad && ip -6 route add %2$s via fe80::2 dev %1$s",
                     name, address, WORLD_LABEL);
    cleanup(memory_free) char *full = memory_format("%s-%s", WORLD_LABEL, name);
    int namespace;
    assert_int_equal(
        namespace_create(full,
                         (const struct namespace_setting[]){{"ipv6/conf/default/accept_dad", "0"}, {NULL}},
                         &namespace, NULL),
        0);
    close(namespace);
    assert_int_equal(world_run(machine, script, arena, NULL), 0);
    assert_int_equal(world_run(name,
                               arena_format(arena,
                                            "ip link set eth0 up && ip addr add fe80::2/64 dev eth0 nodad && "
                                            "ip addr add %s/128 dev eth0 nodad && "
                                            "ip -6 route add default via fe80::1 dev eth0",
                                            address),
                               arena, NULL),
                     0);
}

static void the_hop_limit_keeps_containers_from_the_metadata(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    make_container(arena, MACHINE_B, "box-b", "2001:db8:1:2::bb");
    make_container(arena, MACHINE_A, "box-a", "2001:db8:1:1::aa");
    static const char put[] =
        "-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://[fd00:ec2::254]/latest/api/token";
    assert_true(world_reaches("box-b", "2001:db8:1:1::a", 80)); /* everything else works */
    assert_string_equal(ask(arena, "box-b", put), "");
    assert_string_not_equal(ask(arena, "box-a", put), "");
    namespace_remove(arena_format(arena, "%s-box-a", WORLD_LABEL));
    namespace_remove(arena_format(arena, "%s-box-b", WORLD_LABEL));
}

static void a_foreign_source_address_is_dropped(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    (void)state;
    assert_int_equal(world_run(MACHINE_A,
                               "ip addr add 2001:db8:1:2::cc/128 dev lo && ip addr add fd00::5/128 dev lo",
                               arena, NULL),
                     0);
    assert_string_equal(ask(arena, MACHINE_A, "--interface 2001:db8:1:2::cc http://[2001:db8:1:2::b]/"), "");
    assert_int_equal(world_run(MACHINE_A,
                               "ip addr del 2001:db8:1:2::cc/128 dev lo; ip addr del fd00::5/128 dev lo",
                               arena, NULL),
                     0);
}

static void names_resolve_inside_the_vpc(void **state)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *output;
    (void)state;
    static const char look_up[] = "printf "
                                  "'\\022\\064\\001\\000\\000\\001\\000\\000\\000\\000\\000\\000\\005front\\0"
                                  "07example\\000\\000\\034\\000\\001'"
                                  " | nc -u -w1 fd00:ec2::253 53 | od -An -tx1 | tr -d ' \\n'";
    assert_int_equal(world_run(MACHINE_A, look_up, arena, &output), 0);
    assert_non_null(strstr(output, "20010db8000100010000000000000020"));
}

static void revoked_rules_and_routes_refuse_the_next_connection(void **state)
{
    struct plane_vpc changed = home_vpc;
    struct plane_subnet subnets[3];
    struct plane_group groups[2];
    (void)state;
    memcpy(subnets, home_vpc.subnets, sizeof subnets);
    memcpy(groups, home_vpc.groups, sizeof groups);
    changed.subnets = subnets;
    changed.groups = groups;
    groups[0].rules++; /* port 80 is gone */
    groups[0].rule_count--;
    plane_apply_vpc(world.plane, &changed);
    plane_settle(world.plane);
    assert_false(world_reaches(MACHINE_B, "2001:db8:1:1::a", 80));
    groups[0] = home_vpc.groups[0];
    subnets[0].route_count = 0;
    plane_apply_vpc(world.plane, &changed);
    plane_settle(world.plane);
    assert_true(world_reaches(MACHINE_B, "2001:db8:1:1::a", 80));
    assert_false(world_reaches("internet", "2001:db8:1:1::a", 80));
    plane_apply_vpc(world.plane, &home_vpc);
    plane_settle(world.plane);
    assert_true(world_reaches("internet", "2001:db8:1:1::a", 80));
}

static void a_network_acl_stops_a_connection_that_is_under_way(void **state)
{
    static const struct plane_acl_rule none[] = {{false, true, 100, -1, "::/0", 0, 0}};
    cleanup(file_close) int namespace = world_namespace("internet");
    cleanup(file_close) int socket = -1;
    struct plane_vpc changed = home_vpc;
    struct plane_subnet subnets[3];
    char text[64];
    (void)state;
    assert_int_equal(namespace_connect(namespace, "2001:db8:1:1::a", 80, 1000, &socket, NULL), 0);
    assert_true(read(socket, text, sizeof text) > 0);
    memcpy(subnets, home_vpc.subnets, sizeof subnets);
    changed.subnets = subnets;
    subnets[0].acl_rules = none; /* in, but not out again */
    subnets[0].acl_rule_count = 1;
    plane_apply_vpc(world.plane, &changed);
    plane_settle(world.plane);
    struct timeval limit = {0, 400000};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(write(socket, "x", 1), 1);
    assert_int_equal(read(socket, text, sizeof text), -1);
    plane_apply_vpc(world.plane, &home_vpc);
    plane_settle(world.plane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reaches_whom),
        cmocka_unit_test(ipv4_to_the_outside_is_told_unreachable),
        cmocka_unit_test(metadata_is_given_to_the_instance_that_asks),
        cmocka_unit_test(metadata_wants_a_token),
        cmocka_unit_test(one_instances_token_is_nothing_to_another),
        cmocka_unit_test(the_hop_limit_keeps_containers_from_the_metadata),
        cmocka_unit_test(a_foreign_source_address_is_dropped),
        cmocka_unit_test(names_resolve_inside_the_vpc),
        cmocka_unit_test(revoked_rules_and_routes_refuse_the_next_connection),
        cmocka_unit_test(a_network_acl_stops_a_connection_that_is_under_way),
    };
    if (geteuid() != 0)
        return 77;
    return cmocka_run_group_tests(tests, world_raise, world_lower);
}
