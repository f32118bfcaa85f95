/* Load balancers on real networks; needs root. */
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
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FRONT "2001:db8:1:1::20"

static const struct plane_lb_target targets[] = {{.address = "2001:db8:1:1::a", .port = 4443, .zone = "a"},
                                                 {.address = "2001:db8:1:2::b", .port = 4443, .zone = "b"},
                                                 {.address = "2001:db8:1:3::c", .port = 4443, .zone = "c"}};

static const struct plane_front fronts[] = {
    {FRONT, "a"}, {"10.1.1.20", "a"}, {"2001:db8:1:2::20", "b"}, {"10.1.2.20", "b"}};

/* What the tests vary. */
static struct plane_target_group group;

static void apply_group(void)
{
    struct plane_listener listener = {.port = 443, .idle_ms = 60000, .group_arn = "group-web"};
    struct plane_balancer front = {.name = "front",
                                   .vpc_id = "vpc-home",
                                   .fronts = fronts,
                                   .front_count = COUNT_OF(fronts),
                                   .listeners = &listener,
                                   .listener_count = 1,
                                   .groups = &group,
                                   .group_count = 1};
    plane_apply_balancer(world.plane, &front);
    plane_settle(world.plane);
}

static void apply(const struct plane_lb_target *wanted, size_t count)
{
    group = (struct plane_target_group){
        .arn = "group-web",
        .check = {.interval_ms = 1000, .timeout_ms = 500, .healthy_threshold = 2, .unhealthy_threshold = 2},
        .cross_zone = true,
        .healthy_least = 1,
        .targets = wanted,
        .target_count = count};
    apply_group();
}

static bool becomes(const struct plane_lb_target *target, const char *health)
{
    for (int64_t until = clock_monotonic_ms() + 6000; clock_monotonic_ms() < until; clock_sleep_ms(20))
        if (text_equal(plane_target_health(world.plane, "group-web", target->address, target->port), health))
            return true;
    return false;
}

static void healthy_targets_are_found_and_unreachable_ones_too(void **state)
{
    (void)state;
    assert_string_equal(plane_target_health(world.plane, "group-web", targets[0].address, 4443), "unused");
    apply(targets, 3);
    assert_true(becomes(&targets[0], "healthy"));
    assert_true(becomes(&targets[1], "healthy"));
    assert_string_equal(plane_target_health(world.plane, "group-web", targets[2].address, 4443), "initial");
    assert_true(becomes(&targets[2], "unhealthy")); /* its security group has no rule for the port */
}

static void connections_alternate_and_come_from_the_balancer(void **state)
{
    int a = 0, b = 0;
    (void)state;
    for (int i = 0; i < 10; i++) {
        char said[256];
        assert_true(world_says("internet", FRONT, 443, said));
        assert_string_equal(strchr(said, ' ') + 1, FRONT);
        a += text_starts(said, MACHINE_A);
        b += text_starts(said, MACHINE_B);
    }
    assert_int_equal(a, 5);
    assert_int_equal(b, 5);
}

static void every_address_of_a_balancer_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fronts); i++)
        if (!world_reaches(MACHINE_A, fronts[i].address, 443))
            fail_msg("%s does not answer", fronts[i].address);
}

/* Machine A's address as B sees it, through the load balancer. */
static void a_target_sees_the_client_when_it_shall(void **state)
{
    char said[256];
    (void)state;
    apply(&targets[1], 1);
    assert_true(becomes(&targets[1], "healthy"));
    group.keep_client_address = true;
    apply_group();
    for (size_t i = 0; i < COUNT_OF(fronts); i++) {
        bool six = strchr(fronts[i].address, ':') != NULL;
        assert_true(world_says(MACHINE_A, fronts[i].address, 443, said));
        assert_string_equal(said, six                               ? MACHINE_B " 2001:db8:1:1::a"
                                  : text_equal(fronts[i].zone, "a") ? MACHINE_B " 2001:db8:1:1::20"
                                                                    : MACHINE_B " 2001:db8:1:2::20");
    }
    assert_true(world_says("internet", FRONT, 443, said));
    assert_string_equal(said, MACHINE_B " 2001:db8:ffff::1");
}

static void a_zone_serves_its_own_targets_unless_zones_are_crossed(void **state)
{
    char said[256];
    (void)state;
    apply(targets, 2);
    assert_true(becomes(&targets[0], "healthy"));
    group.cross_zone = false;
    apply_group();
    for (int i = 0; i < 4; i++) {
        assert_true(world_says("internet", FRONT, 443, said));
        assert_true(text_starts(said, MACHINE_A));
        assert_true(world_says(MACHINE_A, "10.1.2.20", 443, said));
        assert_true(text_starts(said, MACHINE_B));
        assert_true(strstr(said, " 2001:db8:1:2::20") != NULL);
    }
}

static void a_client_stays_with_its_target_when_it_shall(void **state)
{
    char first[256], said[256];
    (void)state;
    apply(targets, 2);
    group.sticky = true;
    apply_group();
    assert_true(world_says("internet", FRONT, 443, first));
    for (int i = 0; i < 6; i++) {
        assert_true(world_says("internet", FRONT, 443, said));
        assert_string_equal(said, first);
    }
    apply(targets, 3);
}

static int open_through(void)
{
    int socket = -1;
    char text[256];
    assert_int_equal(plane_internet_connect(world.plane, FRONT, 443, &socket, NULL), 0);
    assert_true(read(socket, text, sizeof text) > 0);
    return socket;
}

/* The server sends back what it gets and closes when it has it all. */
static void a_half_closed_connection_still_gets_its_whole_answer(void **state)
{
    enum { BYTES = 4 << 20 };
    cleanup(file_close) int socket = open_through();
    char *sent = memory_alloc(BYTES), chunk[65536];
    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (char)(i * 31 >> 7);
    size_t written = 0, received = 0;
    bool same = true;
    while (received < BYTES) {
        ssize_t done = written < BYTES ? send(socket, sent + written, BYTES - written, MSG_DONTWAIT) : 0;
        written += done > 0 ? (size_t)done : 0;
        if (written == BYTES && done > 0)
            shutdown(socket, SHUT_WR);
        ssize_t got = recv(socket, chunk, sizeof chunk, written < BYTES ? MSG_DONTWAIT : 0);
        assert_false(got == 0);
        same = same && (got < 0 || memcmp(chunk, sent + received, (size_t)got) == 0);
        received += got > 0 ? (size_t)got : 0;
    }
    assert_true(same);
    assert_int_equal(recv(socket, chunk, sizeof chunk, 0), 0);
    free(sent);
}

static void a_target_taken_out_keeps_the_connections_it_has(void **state)
{
    cleanup(file_close) int first = open_through();
    cleanup(file_close) int second = open_through();
    const int sockets[] = {first, second};
    (void)state;
    apply(&targets[0], 1);
    clock_sleep_ms(50);
    for (int i = 0; i < 4; i++) {
        char said[256];
        assert_true(world_says("internet", FRONT, 443, said));
        assert_true(text_starts(said, MACHINE_A));
    }
    for (size_t i = 0; i < COUNT_OF(sockets); i++) {
        char byte = 'x';
        assert_int_equal(write(sockets[i], &byte, 1), 1);
        byte = 0;
        assert_int_equal(read(sockets[i], &byte, 1), 1);
        assert_int_equal(byte, 'x');
    }
}

static void a_target_that_dies_gets_nothing_more(void **state)
{
    (void)state;
    apply(targets, 2);
    assert_true(becomes(&targets[1], "healthy"));
    plane_stop_instance(world.plane, MACHINE_B, false);
    plane_settle(world.plane);
    assert_true(becomes(&targets[1], "unhealthy"));
    for (int i = 0; i < 4; i++)
        assert_true(world_reaches("internet", FRONT, 443));
}

static void a_balancer_that_is_removed_listens_no_more(void **state)
{
    (void)state;
    plane_remove_balancer(world.plane, "front");
    plane_settle(world.plane);
    assert_false(world_reaches("internet", FRONT, 443));
    assert_string_equal(plane_target_health(world.plane, "group-web", targets[0].address, 4443), "unused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_targets_are_found_and_unreachable_ones_too),
        cmocka_unit_test(connections_alternate_and_come_from_the_balancer),
        cmocka_unit_test(every_address_of_a_balancer_answers),
        cmocka_unit_test(a_target_sees_the_client_when_it_shall),
        cmocka_unit_test(a_zone_serves_its_own_targets_unless_zones_are_crossed),
        cmocka_unit_test(a_client_stays_with_its_target_when_it_shall),
        cmocka_unit_test(a_half_closed_connection_still_gets_its_whole_answer),
        cmocka_unit_test(a_target_taken_out_keeps_the_connections_it_has),
        cmocka_unit_test(a_target_that_dies_gets_nothing_more),
        cmocka_unit_test(a_balancer_that_is_removed_listens_no_more),
    };
    if (geteuid() != 0)
        return 77;
    return cmocka_run_group_tests(tests, world_raise, world_lower);
}
