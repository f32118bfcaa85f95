#include "configserver/records/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

/* By somebody, at that time. */
static const struct cause *at(int64_t when)
{
    static struct cause cause;
    cause = (struct cause){arena, when, AGENT_OPERATOR, "a test"};
    return &cause;
}

static struct host host_in(enum host_state state)
{
    return (struct host){.hostname = "h100.x",
                         .state = state,
                         .state_since = 1,
                         .instance_id = "i-1",
                         .address = "2001:db8::1",
                         .node_address = "2001:db8::2",
                         .wireguard_key = "k"};
}

static void a_host_goes_from_wanted_to_gone(void **state)
{
    (void)state;
    static const enum host_event events[] = {HOST_LAUNCHED, HOST_REACHED_US, HOST_ACTIVATE, HOST_RELEASE,
                                             HOST_DRAINED,  HOST_TERMINATED, HOST_FORGET};
    static const enum host_state states[] = {
        HOST_PROVISIONED, HOST_READY,         HOST_ACTIVE, HOST_DEPROVISIONING,
        HOST_TERMINATING, HOST_DEPROVISIONED, HOST_GONE};
    struct host host = host_in(HOST_WANTED);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        assert_int_equal(host_apply(&host, events[i], at(100 + (int64_t)i), NULL), 0);
        assert_int_equal(host.state, states[i]);
        assert_int_equal(host.state_since, 100 + (int64_t)i);
    }
}

static void a_host_is_not_launched_without_an_instance(void **state)
{
    (void)state;
    struct host host = host_in(HOST_WANTED);
    struct error err;
    host.instance_id = NULL;
    assert_int_equal(host_apply(&host, HOST_LAUNCHED, at(2), &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(host.state, HOST_WANTED);
}

static void a_host_is_ready_only_with_addresses_and_a_tunnel_key(void **state)
{
    (void)state;
    struct host host = host_in(HOST_PROVISIONED);
    host.wireguard_key = NULL;
    assert_int_equal(host_apply(&host, HOST_REACHED_US, at(2), NULL), -1);
    host = host_in(HOST_PROVISIONED);
    host.node_address = NULL;
    assert_int_equal(host_apply(&host, HOST_REACHED_US, at(2), NULL), -1);
}

static void a_lost_host_keeps_nothing_of_its_instance(void **state)
{
    (void)state;
    struct host host = host_in(HOST_ACTIVE);
    host.key_hash = "h";
    host.registered_at = 7;
    assert_int_equal(host_apply(&host, HOST_LOST, at(2), NULL), 0);
    assert_int_equal(host.state, HOST_WANTED);
    assert_int_equal(host.launches, 1);
    assert_null(host.instance_id);
    assert_null(host.address);
    assert_null(host.node_address);
    assert_null(host.wireguard_key);
    assert_null(host.key_hash);
    assert_int_equal(host.registered_at, 0);
}

static void nothing_brings_a_terminating_host_back(void **state)
{
    (void)state;
    for (int event = HOST_LAUNCHED; event <= HOST_FORGET; event++) {
        struct host host = host_in(HOST_TERMINATING);
        host_apply(&host, (enum host_event)event, at(2), NULL);
        assert_true(host.state == HOST_TERMINATING || host.state == HOST_DEPROVISIONED);
    }
}

static void what_never_ran_has_nothing_to_drain(void **state)
{
    (void)state;
    struct host wanted = host_in(HOST_WANTED), provisioned = host_in(HOST_PROVISIONED);
    assert_int_equal(host_apply(&wanted, HOST_RELEASE, at(2), NULL), 0);
    assert_int_equal(wanted.state, HOST_TERMINATING);
    assert_int_equal(host_apply(&provisioned, HOST_RELEASE, at(2), NULL), 0);
    assert_int_equal(provisioned.state, HOST_TERMINATING);
}

static void a_refusal_says_who_where_and_what(void **state)
{
    (void)state;
    struct host host = host_in(HOST_GONE);
    struct error err;
    assert_int_equal(host_apply(&host, HOST_DRAINED, at(2), &err), -1);
    assert_string_equal(err.message, "host h100.x is gone: 'drained' does not apply");
}

static void a_retired_node_leaves_by_way_of_inactive_or_comes_back(void **state)
{
    (void)state;
    struct node node = {.hostname = "h100a.x", .state = NODE_ACTIVE, .service_status = "up"};
    assert_int_equal(node_apply(&node, NODE_UNRETIRE, at(2), NULL), -1);
    assert_int_equal(node_apply(&node, NODE_RETIRE, at(2), NULL), 0);
    assert_true(node.retired);
    assert_int_equal(node.state, NODE_ACTIVE);
    assert_int_equal(node_apply(&node, NODE_DEACTIVATE, at(3), NULL), 0);
    assert_int_equal(node.state, NODE_INACTIVE);
    assert_int_equal(node_apply(&node, NODE_ACTIVATE, at(4), NULL), -1);
    assert_int_equal(node_apply(&node, NODE_REACTIVATE, at(5), NULL), 0);
    assert_int_equal(node.state, NODE_RESERVED);
    assert_false(node.retired);
}

static void a_released_node_never_runs_again(void **state)
{
    (void)state;
    struct node node = {.hostname = "h100a.x", .state = NODE_ACTIVE, .service_status = "up"};
    assert_int_equal(node_apply(&node, NODE_RELEASE, at(2), NULL), 0);
    for (int event = NODE_ACTIVATE; event <= NODE_RELEASE; event++)
        node_apply(&node, (enum node_event)event, at(3), NULL);
    assert_int_equal(node.state, NODE_DIRTY);
    assert_int_equal(node_apply(&node, NODE_REMOVED, at(4), NULL), 0);
}

static void history_keeps_the_last_events_with_who_and_why(void **state)
{
    (void)state;
    struct host host = host_in(HOST_ACTIVE);
    for (int i = 0; i < HISTORY_RECENT; i++) {
        assert_int_equal(host_apply(&host, HOST_WENT_DOWN, at(10 + i), NULL), 0);
        assert_int_equal(host_apply(&host, HOST_CAME_UP, at(10 + i), NULL), 0);
    }
    assert_int_equal(host.history_count, HISTORY_RECENT);
    assert_string_equal(host.history[HISTORY_RECENT - 1].event, "up");
    assert_int_equal(host.history[HISTORY_RECENT - 1].at, 10 + HISTORY_RECENT - 1);
    assert_string_equal(host.history[0].agent, "operator");
    assert_string_equal(host.history[0].reason, "a test");
    assert_int_equal(host_apply(&host, HOST_REACHED_US, at(99), NULL), 0);
    assert_int_equal(host.history[HISTORY_RECENT - 1].at, 10 + HISTORY_RECENT - 1);
}

static void a_failed_host_may_be_kept_for_a_look_and_then_drains(void **state)
{
    (void)state;
    struct host host = host_in(HOST_ACTIVE);
    assert_int_equal(host_apply(&host, HOST_WISH_FAIL, at(2), NULL), 0);
    assert_string_equal(host.wish_reason, "a test");
    assert_int_equal(host_apply(&host, HOST_FAIL, at(3), NULL), 0);
    assert_int_equal(host_apply(&host, HOST_PARK, at(4), NULL), 0);
    assert_int_equal(host_apply(&host, HOST_ACTIVATE, at(5), NULL), -1);
    assert_int_equal(host_apply(&host, HOST_RELEASE, at(5), NULL), 0);
    assert_int_equal(host.state, HOST_DEPROVISIONING);
}

static void a_node_whose_host_is_lost_waits_again(void **state)
{
    (void)state;
    struct node node = {.hostname = "h100a.x", .state = NODE_ACTIVE, .service_status = "up"};
    assert_int_equal(node_apply(&node, NODE_HOST_LOST, at(2), NULL), 0);
    assert_int_equal(node.state, NODE_RESERVED);
    assert_null(node.service_status);
}

static void a_retired_node_whose_host_is_lost_is_not_started_again(void **state)
{
    (void)state;
    struct node node = {.hostname = "h100a.x", .state = NODE_ACTIVE, .service_status = "up"};
    assert_int_equal(node_apply(&node, NODE_CAME_UP, at(2), NULL), 0);
    assert_int_equal(node_apply(&node, NODE_RETIRE, at(3), NULL), 0);
    assert_int_equal(node.first_up_at, 2);
    assert_int_equal(node.retired_since, 3);
    assert_int_equal(node_apply(&node, NODE_HOST_LOST, at(4), NULL), 0);
    assert_int_equal(node.state, NODE_DIRTY);
    assert_int_equal(node.first_up_at, 0);
}

static void who_is_terminated_need_not_be_heard(void **state)
{
    (void)state;
    struct host host = host_in(HOST_DEPROVISIONING);
    assert_int_equal(host_apply(&host, HOST_WENT_DOWN, at(2), NULL), 0);
    assert_int_equal(host_apply(&host, HOST_DRAIN_EXPIRED, at(3), NULL), 0);
    assert_null(record_broken_rule(RECORD_HOST, &host));
    assert_string_equal(host_last_event(&host, HOST_WENT_DOWN)->agent, "operator");
    assert_null(host_last_event(&host, HOST_PARK));
}

static void a_load_balancer_that_is_being_removed_does_not_come_back(void **state)
{
    (void)state;
    struct load_balancer balancer = {.id = "a:b:c:web", .state = LOAD_BALANCER_WANTED, .healthy = 3};
    balancer.arn = balancer.group_arn = balancer.dns_name = "its name";
    assert_int_equal(load_balancer_apply(&balancer, LOAD_BALANCER_PROVISIONED, at(2), NULL), 0);
    assert_int_equal(load_balancer_apply(&balancer, LOAD_BALANCER_REMOVE, at(3), NULL), 0);
    assert_int_equal(load_balancer_apply(&balancer, LOAD_BALANCER_PROVISIONED, at(4), NULL), -1);
    assert_int_equal(load_balancer_apply(&balancer, LOAD_BALANCER_REMOVED, at(5), NULL), 0);
    assert_int_equal(balancer.state, LOAD_BALANCER_GONE);
    assert_int_equal(balancer.healthy, 0);
}

int main(void)
{
    arena = arena_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_goes_from_wanted_to_gone),
        cmocka_unit_test(a_host_is_not_launched_without_an_instance),
        cmocka_unit_test(a_host_is_ready_only_with_addresses_and_a_tunnel_key),
        cmocka_unit_test(a_lost_host_keeps_nothing_of_its_instance),
        cmocka_unit_test(nothing_brings_a_terminating_host_back),
        cmocka_unit_test(what_never_ran_has_nothing_to_drain),
        cmocka_unit_test(a_refusal_says_who_where_and_what),
        cmocka_unit_test(a_retired_node_leaves_by_way_of_inactive_or_comes_back),
        cmocka_unit_test(a_released_node_never_runs_again),
        cmocka_unit_test(history_keeps_the_last_events_with_who_and_why),
        cmocka_unit_test(a_failed_host_may_be_kept_for_a_look_and_then_drains),
        cmocka_unit_test(a_node_whose_host_is_lost_waits_again),
        cmocka_unit_test(a_retired_node_whose_host_is_lost_is_not_started_again),
        cmocka_unit_test(who_is_terminated_need_not_be_heard),
        cmocka_unit_test(a_load_balancer_that_is_being_removed_does_not_come_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
