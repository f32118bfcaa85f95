#include "configserver/hosts/commands.h"

#include "base/text.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/maintain/test_situation.h"

#include <string.h>

static const char *host_of(struct test_zone *test, int nth)
{
    return zone_hostname(test->arena, &test->zone->id, 100 + nth);
}

static const struct host *host_now(struct test_zone *test, int nth)
{
    VIEW(view, test->zone->repository);
    struct host *copy = arena_alloc(test->arena, sizeof *copy);
    *copy = *situation_host(test, view, nth);
    return copy;
}

static int64_t restarts(struct test_zone *test, int nth)
{
    VIEW(view, test->zone->repository);
    return situation_node(test, view, nth)->restart_generation;
}

static void retiring_is_a_wish_that_can_be_taken_back(void **state)
{
    struct test_zone *test = *state;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    const char *node = zone_node_hostname(test->arena, &test->zone->id, 101);
    assert_int_equal(host_retire(test->zone, node, true, "vespa.operator.ann", NULL), 0);
    assert_int_equal(host_retire(test->zone, node, true, "vespa.operator.ann", NULL), 0);
    assert_true(host_now(test, 1)->want_to_retire);
    assert_false(host_now(test, 0)->want_to_retire);
    assert_int_equal(host_retire(test->zone, host_of(test, 1), false, "vespa.operator.ann", NULL), 0);
    assert_false(host_now(test, 1)->want_to_retire);
    assert_int_equal(host_retire(test->zone, "h9.x", true, "x", NULL), -1);
}

static void only_what_is_replaced_is_parked_or_let_go(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    situation_make(test, &(struct situation){.nodes = "uuu", .target = 2});
    assert_int_equal(host_park(test->zone, host_of(test, 1), "ann", &err), -1);
    assert_non_null(strstr(err.message, "PUT state/failed first"));
    assert_int_equal(host_let_go(test->zone, host_of(test, 1), "ann", &err), -1);
    assert_non_null(strstr(err.message, "retire it"));
    assert_int_equal(host_give_up(test->zone, host_of(test, 1), "ann", NULL), 0);
    assert_true(host_now(test, 1)->want_to_fail);
    situation_step(test, move_nodes);
    assert_int_equal(host_now(test, 1)->state, HOST_FAILED);
    assert_int_equal(host_retire(test->zone, host_of(test, 1), false, "ann", &err), -1);
    assert_int_equal(host_park(test->zone, host_of(test, 1), "ann", NULL), 0);
    assert_int_equal(host_now(test, 1)->state, HOST_PARKED);
    assert_int_equal(host_let_go(test->zone, host_of(test, 1), "ann", NULL), 0);
    assert_int_equal(host_now(test, 1)->state, HOST_DEPROVISIONING);
    assert_string_equal(situation_states(test), "uDu");
}

static void a_command_for_everything_is_refused(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    size_t count;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    assert_int_equal(
        command_hosts(test->zone, COMMAND_RESTART, &(struct command_filter){0}, "ann", &count, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(restarts(test, 0), 0);
}

static void a_command_raises_what_is_wanted_of_the_named_only(void **state)
{
    struct test_zone *test = *state;
    size_t count;
    situation_make(test, &(struct situation){.nodes = "uui", .target = 2});
    struct command_filter filter = {.hostname = host_of(test, 1)};
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, NULL), 0);
    assert_int_equal(command_hosts(test->zone, COMMAND_REBOOT, &filter, "ann", &count, NULL), 0);
    assert_int_equal(restarts(test, 0), 0);
    assert_int_equal(restarts(test, 1), 1);
    assert_int_equal(host_now(test, 1)->reboot_generation, 1);
    filter = (struct command_filter){.application = TEST_APPLICATION};
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(restarts(test, 1), 2);
    assert_int_equal(restarts(test, 2), 0);
    filter.cluster = "nobody";
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, NULL), -1);
    assert_int_equal(restarts(test, 1), 2);
    filter.cluster = host_now(test, 1)->cluster;
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, NULL), 0);
    assert_int_equal(count, 2);
    filter.cluster = NULL;
    filter.application = "globex:x:default";
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, NULL), -1);
    filter.hostname = host_of(test, 1);
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, NULL), -1);
}

static bool has_happened(const struct event *history, size_t count, const char *event, const char *agent)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(history[i].event, event) && text_equal(history[i].agent, agent))
            return true;
    return false;
}

static void what_was_wanted_and_what_was_done_is_in_the_history_and_no_more_is_believed(void **state)
{
    struct test_zone *test = *state;
    size_t count;
    situation_make(test, &(struct situation){.nodes = "uu", .target = 2});
    const char *host_name = host_of(test, 1),
               *node_name = zone_node_hostname(test->arena, &test->zone->id, 101);
    const struct command_filter filter = {.hostname = host_name};
    struct node_report said = node_report_nothing;
    said.current_restart_generation = said.current_reboot_generation = 1000000; /* nobody asked for these */
    assert_int_equal(node_report(test->zone, node_name, &said, NULL), 0);
    assert_int_equal(host_report(test->zone, host_name, &said, NULL), 0);
    assert_int_equal(host_now(test, 1)->current_reboot_generation, 0);
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, NULL), 0);
    assert_int_equal(command_hosts(test->zone, COMMAND_REBOOT, &filter, "ann", &count, NULL), 0);
    said.current_restart_generation = said.current_reboot_generation = 1;
    assert_int_equal(node_report(test->zone, node_name, &said, NULL), 0);
    assert_int_equal(host_report(test->zone, host_name, &said, NULL), 0);
    const struct host *host = host_now(test, 1);
    VIEW(view, test->zone->repository);
    const struct node *node = situation_node(test, view, 1);
    assert_int_equal(host->current_reboot_generation, 1);
    assert_int_equal(node->current_restart_generation, 1);
    assert_true(has_happened(host->history, host->history_count, "wantToReboot", "operator"));
    assert_true(has_happened(host->history, host->history_count, "rebooted", "host"));
    assert_true(has_happened(node->history, node->history_count, "wantToRestart", "operator"));
    assert_true(has_happened(node->history, node->history_count, "restarted", "host"));
}

static void a_command_that_could_never_be_carried_out_is_refused(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    size_t count;
    situation_make(test, &(struct situation){.nodes = "u", .target = 1});
    const struct command_filter filter = {.hostname = host_of(test, 0)};
    assert_int_equal(command_hosts(test->zone, COMMAND_RESTART, &filter, "ann", &count, &err), -1);
    assert_non_null(strstr(err.message, "only node of its cluster"));
}

#define ZONE_TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ZONE_TEST(retiring_is_a_wish_that_can_be_taken_back),
        ZONE_TEST(only_what_is_replaced_is_parked_or_let_go),
        ZONE_TEST(a_command_for_everything_is_refused),
        ZONE_TEST(a_command_raises_what_is_wanted_of_the_named_only),
        ZONE_TEST(what_was_wanted_and_what_was_done_is_in_the_history_and_no_more_is_believed),
        ZONE_TEST(a_command_that_could_never_be_carried_out_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
