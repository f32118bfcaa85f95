/* What becomes of hosts whose instances AWS announces something of. */
#include "base/text.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/records/life.h"
#include "configserver/test_zone.h"

#include <stdio.h>
#include <string.h>

static void announce(struct test_zone *test, size_t nth, const char *code, int64_t in_ms)
{
    struct test_event *event = &test->cloud_state->events[nth];
    memcpy(event->instance_id, test->cloud_state->instances[nth].id, sizeof event->instance_id);
    snprintf(event->code, sizeof event->code, "%s", code);
    event->not_before_ms = test->cloud_state->now_ms + in_ms;
}

/* The account's maintainers alone, so that allocation does not act on what they wish. */
static void look(struct test_zone *test)
{
    test_zone_advance(test, 61 * 1000);
    test_account_pass(test);
}

static struct host host_of(struct test_zone *test, size_t nth)
{
    VIEW(view, test->zone->repository);
    const struct host *host = view_of(view, HOST_OF_INSTANCE, test->cloud_state->instances[nth].id, 0);
    struct host copy = host ? *host : (struct host){.state = HOST_GONE};
    copy.wish_reason = host ? arena_strdup(test->arena, host->wish_reason) : NULL;
    return copy;
}

static void a_host_that_aws_takes_away_is_wanted_away_until_it_does_not(void **state)
{
    static const char *const codes[] = {"instance-retirement", "instance-stop"};
    struct test_zone *test = *state;
    test_bring_up(test);
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        announce(test, 0, codes[i], 3600 * 1000);
        look(test);
        assert_true(host_of(test, 0).want_to_retire);
        assert_non_null(strstr(host_of(test, 0).wish_reason, codes[i]));
        assert_false(host_of(test, 1).want_to_retire);
        test->cloud_state->events[0].code[0] = '\0';
        look(test);
        assert_false(host_of(test, 0).want_to_retire);
        assert_null(host_of(test, 0).wish_reason);
    }
}

static void a_wish_of_somebody_else_does_not_end_with_an_event(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct host next = *(const struct host *)view_at(transaction_view(transaction), RECORD_HOST, 0);
    const struct cause cause = zone_cause(test->zone, transaction, AGENT_OPERATOR, "because");
    assert_int_equal(host_apply(&next, HOST_WISH_RETIRE, &cause, NULL), 0);
    transaction_put(transaction, RECORD_HOST, &next);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    announce(test, 0, "instance-retirement", 3600 * 1000);
    look(test);
    test->cloud_state->events[0].code[0] = '\0';
    look(test);
    assert_true(host_of(test, 0).want_to_retire);
    assert_string_equal(host_of(test, 0).wish_reason, "because");
}

static void a_host_that_aws_reboots_is_suspended_when_its_time_is_near(void **state)
{
    static const char *const codes[] = {"system-reboot", "instance-reboot", "system-maintenance"};
    struct test_zone *test = *state;
    test_bring_up(test);
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        announce(test, 0, codes[i], 200 * 1000);
        look(test);
        assert_int_equal(host_of(test, 0).suspended_since, 0);
        look(test);
        assert_true(host_of(test, 0).suspended_since > 0);
        assert_false(host_of(test, 0).want_to_retire);
        test->cloud_state->events[0].code[0] = '\0';
        look(test);
        assert_int_equal(host_of(test, 0).suspended_since, 0);
    }
}

static void a_host_that_never_boots_is_given_up_as_soon_as_aws_says_so(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    test_zone_run(test, 2);
    announce(test, 0, "impaired", 0);
    test_zone_advance(test, 21 * 1000);
    test_zone_run(test, 12);
    assert_int_equal(test->cloud_state->instance_count, 3);
    assert_int_equal(host_of(test, 0).state, HOST_GONE);
    test_zone_advance(test, 2 * 60 * 1000);
    test_zone_run(test, 2);
    assert_int_equal(test->cloud_state->instances[0].state, INSTANCE_ENDED);
}

static void impaired_hosts_are_wanted_away_only_a_few_at_a_time(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(
        test, "<services><container id='web'><nodes count='5' required='true'/></container></services>");
    test_settle(test);
    for (size_t i = 0; i < 5; i++)
        announce(test, i, "impaired", 0);
    look(test);
    size_t wanted_away = 0;
    for (size_t i = 0; i < 5; i++)
        wanted_away += host_of(test, i).want_to_retire;
    assert_int_equal(wanted_away, 2);
    memset(test->cloud_state->events, 0, sizeof test->cloud_state->events);
    look(test);
    for (size_t i = 0; i < 5; i++)
        assert_false(host_of(test, i).want_to_retire);
}

static void a_host_to_be_retired_is_replaced_before_it_leaves(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    announce(test, 0, "instance-retirement", 3600 * 1000);
    test_zone_advance(test, 61 * 1000);
    for (int i = 0; i < 10; i++) {
        test_settle(test);
        test_hosts_drain(test);
    }
    assert_int_equal(test->cloud_state->instances[0].state, INSTANCE_ENDED);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
    assert_string_equal(test_status(test), "running");
}

static void report(struct test_zone *test, size_t nth, const char *status, json_t *reports)
{
    struct node_report said = node_report_nothing;
    struct error err = {0};
    VIEW(view, test->zone->repository);
    const struct host *host = view_of(view, HOST_OF_INSTANCE, test->cloud_state->instances[nth].id, 0);
    said.service_status = status;
    said.reports = reports;
    if (host_report(test->zone, host->hostname, &said, &err) < 0)
        fail_msg("%s", err.message);
}

/* So that what is looked at now and then has just been. */
static void come_to_rest(struct test_zone *test)
{
    test_bring_up(test);
    test_zone_advance(test, 70 * 1000);
    test_zone_run(test, 2);
}

static void what_a_host_hears_of_its_own_fate_makes_us_look_at_once(void **state)
{
    struct test_zone *test = *state;
    come_to_rest(test);
    announce(test, 0, "instance-retirement", 3600 * 1000);
    test_zone_run(test, 2);
    assert_false(host_of(test, 0).want_to_retire);
    json_t *reports =
        json_pack("{s:{s:s,s:s}}", "announced", "type", "UNSPECIFIED", "description", "instance-retirement");
    report(test, 0, "up", reports);
    test_zone_run(test, 2);
    assert_true(host_of(test, 0).want_to_retire);
    assert_false(host_of(test, 1).want_to_retire);
    json_decref(reports);
}

/* A host that lies costs a look, and nothing else. */
static void a_host_that_ends_says_so_and_only_the_cloud_is_believed(void **state)
{
    struct test_zone *test = *state;
    come_to_rest(test);
    report(test, 1, "stopped", NULL);
    test_zone_run(test, 2);
    assert_int_equal(host_of(test, 1).state, HOST_ACTIVE);
    test->cloud_state->instances[0].state = INSTANCE_ENDED;
    report(test, 0, "stopped", NULL);
    test_zone_run(test, 2);
    assert_int_equal(host_of(test, 0).state, HOST_GONE); /* no host has this instance any more */
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_host_that_aws_takes_away_is_wanted_away_until_it_does_not),
        TEST(a_wish_of_somebody_else_does_not_end_with_an_event),
        TEST(a_host_that_aws_reboots_is_suspended_when_its_time_is_near),
        TEST(a_host_that_never_boots_is_given_up_as_soon_as_aws_says_so),
        TEST(impaired_hosts_are_wanted_away_only_a_few_at_a_time),
        TEST(what_a_host_hears_of_its_own_fate_makes_us_look_at_once),
        TEST(a_host_that_ends_says_so_and_only_the_cloud_is_believed),
        TEST(a_host_to_be_retired_is_replaced_before_it_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
