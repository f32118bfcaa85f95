/* The schedule: on its threads, and driven by hand. */
#include "configserver/maintain/schedule.h"

#include "base/clock.h"
#include "base/text.h"
#include "configserver/cloud/paced.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/test_zone.h"

#include <string.h>

static bool converged(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    return application && application_converged(view, application);
}

static bool gone(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    return !test_application(test, view);
}

/* Hosts and nodes do their part until it is so. */
static void wait_until(struct test_zone *test, bool (*so)(struct test_zone *test), const char *status)
{
    for (int i = 0; i < 200 && !so(test); i++) {
        clock_sleep_ms(10);
        test_zone_advance(test, 200);
        test_hosts_arrive(test);
        if (status)
            test_nodes_report(test, status);
        else
            test_hosts_drain(test);
    }
    assert_true(so(test));
}

static void an_application_comes_and_goes_by_itself(void **state)
{
    struct test_zone *test = *state;
    struct error err;
    struct deployed deployed;
    assert_int_equal(schedule_start(test->zone->schedule, &err), 0);
    assert_int_equal(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), 0);
    wait_until(test, converged, "up");
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, &err), 0);
    wait_until(test, gone, NULL);
    schedule_stop(test->zone->schedule);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 0);
}

static void an_account_that_hangs_holds_up_nobody_else(void **state)
{
    struct test_zone *test = *state;
    struct error err;
    struct deployed deployed;
    test->config.limits.account_threads = 2;
    const struct account account = {OTHER_ACCOUNT, "globex", "x"};
    struct transaction *transaction = transaction_begin(test->zone->repository);
    transaction_put(transaction, RECORD_ACCOUNT, &account);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    strcpy(test->cloud_state->hanging_account, OTHER_ACCOUNT);
    assert_int_equal(schedule_start(test->zone->schedule, &err), 0);
    test_zone_advance(test, 20000); /* it is asked for orphans, and hangs */
    assert_int_equal(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), 0);
    wait_until(test, converged, "up");
    assert_int_equal(test->cloud_state->busiest, 1); /* never two calls for one account at once */
    test->cloud_state->hanging_account[0] = '\0';
    schedule_stop(test->zone->schedule);
}

/* Each of its maintainers would wait as long for the same answer. */
static void an_account_that_does_not_answer_is_given_one_call_at_a_time(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    test_account_pass(test);
    strcpy(test->cloud_state->broken_account, TEST_ACCOUNT);
    test->cloud_state->fails_after_ms = 15000;
    test_zone_advance(test, 10 * 60 * 1000);
    for (int i = 0; i < 3; i++) { /* and each time it is another's turn */
        int calls = test->cloud_state->calls;
        test_account_pass(test);
        assert_int_equal(test->cloud_state->calls, calls + 1);
    }
    test->cloud_state->broken_account[0] = '\0';
    int calls = test->cloud_state->calls;
    test_account_pass(test);
    assert_true(test->cloud_state->calls > calls + 1);
}

/* Whose rate is used up for now waits a moment: nothing is wrong with the account. */
static void who_is_held_back_has_not_failed(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    struct instance *instances;
    size_t count;
    test_bring_up(test);
    const struct account account = {TEST_ACCOUNT, "acme", "x"};
    const struct cloud *cloud = test->zone->cloud;
    for (int i = 0; i < 200 && !cloud_held_back(&err); i++)
        cloud->list(cloud->context, &account, "me", test->arena, &instances, &count, &err);
    assert_true(cloud_held_back(&err));
    int64_t before = paced_cloud_calls(test->zone->paced, CLOUD_LOOKS).held_back;
    schedule_look_at_account(test->zone->schedule, TEST_ACCOUNT);
    schedule_run_due(test->zone->schedule);
    assert_true(paced_cloud_calls(test->zone->paced, CLOUD_LOOKS).held_back > before);
    assert_int_equal(schedule_failures(test->zone->schedule, TEST_ACCOUNT), 0);
}

static void put_application(struct test_zone *test)
{
    const struct application application = {.id = TEST_APPLICATION,
                                            .tenant = "acme",
                                            .application = "search",
                                            .instance = "default",
                                            .account = TEST_ACCOUNT,
                                            .generation = 1,
                                            .converged_generation = 1,
                                            .package_hash = "hash",
                                            .archive_bucket = "archive"};
    test->unchecked = true; /* its account would be looked at, too, and by other times */
    struct transaction *transaction = transaction_begin(test->zone->repository);
    transaction_put(transaction, RECORD_APPLICATION, &application);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

static void who_asked_to_be_looked_at_is_and_everybody_in_a_while(void **state)
{
    struct test_zone *test = *state;
    int64_t sweep = test->config.limits.sweep;
    put_application(test);
    assert_in_range(schedule_run_due(test->zone->schedule), sweep * 3 / 4, sweep * 5 / 4);
    zone_look_again(test->zone, TEST_APPLICATION, zone_now_ms(test->zone) + 1234);
    zone_look_again(test->zone, TEST_APPLICATION, zone_now_ms(test->zone) + 5000);
    assert_int_equal(schedule_run_due(test->zone->schedule), 1234);
    test->cloud_state->now_ms += 1234;
    assert_in_range(schedule_run_due(test->zone->schedule), 5000, sweep * 5 / 4);
}

static void only_a_leader_looks(void **state)
{
    struct test_zone *test = *state;
    struct error err;
    struct deployed deployed;
    assert_int_equal(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), 0);
    repository_follow(test->zone->repository);
    int calls = test->cloud_state->calls;
    test_zone_run(test, 30);
    assert_int_equal(test->cloud_state->calls, calls);
    assert_int_equal(zone_lead(test->zone, &err), 0);
    test_zone_run(test, 2);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
}

static void the_tunnel_is_told_everything_once_and_then_what_changed(void **state)
{
    struct test_zone *test = *state;
    struct deployed deployed;
    assert_int_equal(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, NULL), 0);
    test_zone_run(test, 2);
    assert_string_equal(test->peer_list, "");
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    VIEW(view, test->zone->repository);
    view_each(view, RECORD_HOST, struct host, host)
        assert_non_null(strstr(test->peer_list, zone_host_address(test->arena, test->zone, host->index)));
    test->cloud_state->instances[0].state = test->cloud_state->instances[1].state = INSTANCE_ENDED;
    test_zone_advance(test, 20000);
    test_zone_run(test, 3);
    assert_string_equal(test->peer_list, "");
    assert_int_equal(test->whole_lists, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_application_comes_and_goes_by_itself),
        TEST(an_account_that_does_not_answer_is_given_one_call_at_a_time),
        TEST(who_is_held_back_has_not_failed),
        TEST(an_account_that_hangs_holds_up_nobody_else),
        TEST(who_asked_to_be_looked_at_is_and_everybody_in_a_while),
        TEST(only_a_leader_looks),
        TEST(the_tunnel_is_told_everything_once_and_then_what_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
