/* The story of hosts as instances: launched together and once, wherever there is capacity, at the pace of the
 * account, and none left behind. */
#include "base/text.h"
#include "configserver/cloud/paced.h"
#include "configserver/records/life.h"
#include "configserver/test_zone.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIX_NODES "<services><container id='web'><nodes count='6' required='true'/></container></services>"
#define ONE_NODE  "<services><container id='web'><nodes count='1' required='true'/></container></services>"

static size_t in_state(struct test_zone *test, enum host_state state)
{
    size_t count = 0;
    VIEW(view, test->zone->repository);
    view_each(view, RECORD_HOST, struct host, host)
        count += host->state == (int)state;
    return count;
}

static size_t running(struct test_zone *test)
{
    return test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING);
}

/* Whether a line of the application's story has these words. */
static bool told(struct test_zone *test, const char *words)
{
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    for (size_t i = 0; application && i < application->log_count; i++)
        if (strstr(application->log[i].message, words))
            return true;
    return false;
}

static void must_have_told(struct test_zone *test, const char *words)
{
    if (told(test, words))
        return;
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    for (size_t i = 0; i < application->log_count; i++)
        print_message("%s\n", application->log[i].message);
    fail_msg("nobody told '%s'", words);
}

/* Each running instance is one host's, and each host has one. */
static void nobody_is_left_over(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    for (size_t i = 0; i < test->cloud_state->instance_count; i++) {
        const struct test_instance *instance = &test->cloud_state->instances[i];
        bool lives = instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_STOPPED;
        const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
        if (lives && !host)
            fail_msg("%s is nobody's", instance->id);
        if (host && host->state == HOST_PROVISIONED && instance->state == INSTANCE_ENDED)
            fail_msg("%s is %s's, and ended", instance->id, host->hostname);
    }
}

static void hosts_of_a_cluster_are_launched_by_one_call(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SIX_NODES);
    test_zone_run(test, 2);
    assert_int_equal(test->cloud_state->launch_calls, 1);
    assert_int_equal(running(test), 6);
    assert_int_equal(in_state(test, HOST_PROVISIONED), 6);
    VIEW(view, test->zone->repository);
    view_each(view, RECORD_HOST, struct host, host) {
        assert_string_equal(host->launch_token, test->cloud_state->instances[0].token);
        assert_string_equal(host->instance_id, test->cloud_state->instances[host->launch_index].id);
    }
    must_have_told(test, "6 hosts of cluster web launched");
}

/* What a large growth costs, with EC2's buckets of 5 calls and 2 a second, and of 1,000 instances. */
static void a_thousand_hosts_are_asked_for_in_seconds(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, "<services><container id='a'><nodes count='200' required='true'/></container>"
                           "<container id='b'><nodes count='200' required='true'/></container>"
                           "<container id='c'><nodes count='200' required='true'/></container>"
                           "<container id='d'><nodes count='200' required='true'/></container>"
                           "<container id='e'><nodes count='200' required='true'/></container></services>");
    int64_t began = test->cloud_state->now_ms;
    for (int i = 0; i < 2000 && in_state(test, HOST_PROVISIONED) < 1000; i++) {
        test_account_pass(test);
        test_zone_advance(test, 50);
    }
    int64_t took = test->cloud_state->now_ms - began;
    print_message("1,000 hosts: %d calls of RunInstances in %lld ms\n", test->cloud_state->launch_calls,
                  (long long)took);
    assert_int_equal(running(test), 1000);
    assert_int_equal(test->cloud_state->launch_calls, 20);
    assert_in_range(took, 7000, 9000); /* 5 at once, 15 at 2 a second */
    nobody_is_left_over(test);
}

static void no_more_are_under_way_at_once_than_the_account_may_have(void **state)
{
    struct test_zone *test = *state;
    test->config.limits.account_launches = 4;
    test_must_deploy(test, SIX_NODES);
    test_zone_run(test, 5);
    assert_int_equal(running(test), 4);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    assert_int_equal(running(test), 6);
}

static void without_capacity_the_next_zone_is_tried_then_the_next_type(void **state)
{
    struct test_zone *test = *state;
    struct test_cloud *cloud = test->cloud_state;
    cloud->subnets = 2;
    test_must_deploy(test, ONE_NODE);
    char first[32], second[32];
    {
        VIEW(view, test->zone->repository);
        const struct cluster *cluster = &test_application(test, view)->clusters[0];
        assert_true(cluster->other_type_count > 0);
        snprintf(first, sizeof first, "%s", cluster->instance_type);
        snprintf(second, sizeof second, "%s", cluster->other_types[0]);
        const struct host *host = view_at(view, RECORD_HOST, 0);
        snprintf(cloud->full[0], sizeof cloud->full[0], "%s", first);
        assert_string_equal(host->instance_type, first);
    }
    test_zone_run(test, 2);
    assert_int_equal(running(test), 1);
    assert_int_equal(cloud->launch_calls, 3);
    assert_string_equal(cloud->instances[0].type, second);
    must_have_told(test, arena_format(test->arena,
                                      "AWS has no capacity for 1 %s in use1-az6 "
                                      "(InsufficientInstanceCapacity); trying %s in use1-az7 next",
                                      first, first));
    must_have_told(test, arena_format(test->arena, "trying %s in use1-az", second));
    VIEW(view, test->zone->repository);
    const struct host *host = view_at(view, RECORD_HOST, 0);
    assert_string_equal(host->instance_type, second);
    assert_int_equal(host->refusals, 0);
    assert_null(host->trouble);
    const struct host_subnet found = {cloud->instances[0].subnet, host->availability_zone};
    assert_string_equal(found.availability_zone, text_equal(found.id, "subnet-1") ? "use1-az6" : "use1-az7");
}

/* EC2 gives all of a launch or none: what it has not for many it may have for some. */
static void where_there_is_no_room_for_all_fewer_are_asked_for(void **state)
{
    struct test_zone *test = *state;
    test->cloud_state->largest = 2;
    test_must_deploy(test, SIX_NODES);
    test_zone_run(test, 60);
    assert_int_equal(running(test), 6);
    nobody_is_left_over(test);
}

static void when_nothing_has_capacity_it_is_asked_for_ever_more_seldom(void **state)
{
    struct test_zone *test = *state;
    struct test_cloud *cloud = test->cloud_state;
    snprintf(cloud->refusal, sizeof cloud->refusal, "InsufficientInstanceCapacity");
    test_must_deploy(test, SIX_NODES);
    test_zone_run(test, 120);
    int calls = cloud->launch_calls;
    must_have_told(test, "nor of any other fitting type and zone; trying again in");
    test_zone_run(test, 600);
    assert_in_range(cloud->launch_calls - calls, 5, 60);
    cloud->refusal[0] = '\0';
    test_zone_run(test, 400);
    assert_int_equal(running(test), 6);
    assert_int_equal(in_state(test, HOST_PROVISIONED) + in_state(test, HOST_READY), 6);
}

static void a_quota_is_told_with_whom_to_ask(void **state)
{
    struct test_zone *test = *state;
    struct test_cloud *cloud = test->cloud_state;
    snprintf(cloud->refusal, sizeof cloud->refusal, "VcpuLimitExceeded");
    test_must_deploy(test, SIX_NODES);
    test_zone_run(test, 10);
    assert_int_equal(cloud->launch_calls, 1); /* another type would not help */
    must_have_told(test,
                   "AWS account " TEST_ACCOUNT " may not run more instances (VcpuLimitExceeded): ask AWS");
    cloud->refusal[0] = '\0';
    test_zone_run(test, 60);
    assert_int_equal(running(test), 6);
}

static void too_fast_for_ec2_is_slower_and_no_trouble_of_the_application(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SIX_NODES);
    test->cloud_state->throttled = 3;
    test_zone_run(test, 30);
    assert_int_equal(running(test), 6);
    assert_false(told(test, "cannot be launched"));
    assert_true(paced_cloud_calls(test->zone->paced, CLOUD_LAUNCHES).throttled > 0);
}

static void an_answer_that_was_lost_is_asked_for_again_in_the_same_way(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SIX_NODES);
    test->cloud_state->lose_launches = 1;
    test->cloud_state->list_lag_ms = 5000;
    test_zone_run(test, 6);
    assert_int_equal(test->cloud_state->instance_count, 6);
    assert_int_equal(in_state(test, HOST_PROVISIONED), 6);
    assert_int_equal(test->cloud_state->instances[5].launch_calls, 2);
    nobody_is_left_over(test);
}

static void release(struct test_zone *test, size_t nth)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    const struct host *host = view_at(transaction_view(transaction), RECORD_HOST, nth);
    struct host next = *host;
    const struct cause cause = zone_cause(test->zone, transaction, AGENT_ALLOCATOR, NULL);
    if (host_apply(&next, HOST_RELEASE, &cause, NULL) == 0)
        transaction_put(transaction, RECORD_HOST, &next);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

/* The launch is asked for again with all its names; the instance of the one that left is ended. */
static void a_host_that_leaves_during_its_launch_leaves_no_instance(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SIX_NODES);
    test->cloud_state->lose_launches = 1;
    test->cloud_state->list_lag_ms = 5000;
    test_account_pass(test);
    assert_int_equal(test->cloud_state->instance_count, 6);
    assert_int_equal(in_state(test, HOST_WANTED), 6);
    release(test, 2);
    for (int i = 0; i < 200; i++) { /* without allocation, which would want another */
        test_account_pass(test);
        test_zone_advance(test, 1000);
    }
    assert_int_equal(test->cloud_state->instance_count, 6);
    assert_int_equal(running(test), 5);
    assert_int_equal(in_state(test, HOST_DEPROVISIONED), 1);
    nobody_is_left_over(test);
}

/* And also when nobody answers until it is only remembered: its name is still part of what is asked for. */
static void a_host_that_left_long_ago_is_still_named_in_its_launch(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SIX_NODES);
    test->cloud_state->lose_launches = 9;
    test->cloud_state->list_lag_ms = 3600 * 1000;
    test_account_pass(test);
    release(test, 2);
    for (int i = 0; i < 600 && in_state(test, HOST_PROVISIONED) == 0; i++) {
        test_account_pass(test);
        test_zone_advance(test, 1000);
    }
    assert_int_equal(in_state(test, HOST_DEPROVISIONED), 1);
    assert_int_equal(in_state(test, HOST_PROVISIONED), 5);
    assert_int_equal(test->cloud_state->instance_count, 6);
}

static void a_launch_nobody_saw_answered_is_found_in_the_list(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SIX_NODES);
    test->cloud_state->lose_launches = 1;
    test_account_pass(test); /* launches, then looks */
    assert_int_equal(test->cloud_state->launch_calls, 1);
    assert_int_equal(in_state(test, HOST_PROVISIONED), 6);
}

/* The launch is known to EC2, but not as we would ask for it now: Terraform changed the image, say. */
static void a_launch_that_cannot_be_repeated_is_taken_as_it_was(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SIX_NODES);
    test->cloud_state->lose_launches = 1;
    test->cloud_state->list_lag_ms = 1000;
    schedule_run_due(test->zone->schedule);
    assert_int_equal(test->cloud_state->instance_count, 6);
    for (size_t i = 0; i < 6; i++)
        strcpy(test->cloud_state->instances[i].type, "other");
    test_zone_run(test, 4);
    assert_int_equal(test->cloud_state->instance_count, 6);
    assert_int_equal(in_state(test, HOST_PROVISIONED), 6);
    nobody_is_left_over(test);
}

static struct test_instance *stray(struct test_zone *test, const char *id, const char *token)
{
    struct test_cloud *cloud = test->cloud_state;
    struct test_instance *instance = &cloud->instances[cloud->instance_count++];
    *instance = (struct test_instance){
        .account = TEST_ACCOUNT, .state = INSTANCE_RUNNING, .launched_ms = cloud->now_ms};
    snprintf(instance->id, sizeof instance->id, "%s", id);
    snprintf(instance->token, sizeof instance->token, "%s", token);
    return instance;
}

static void an_instance_nobody_means_is_ended(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    const struct test_instance *known = stray(test, "i-known", "somebody's-1"),
                               *nameless = stray(test, "i-other", "");
    test_zone_run(test, 30);
    assert_int_equal(known->state, INSTANCE_ENDED);
    assert_int_equal(nameless->state, INSTANCE_RUNNING); /* it may be too young to tell */
    test_zone_run(test, 120);
    assert_int_equal(nameless->state, INSTANCE_ENDED);
    must_have_told(test, "Instance i-known was no host's any more and is terminated");
    assert_int_equal(running(test), 2);
    VIEW(view, test->zone->repository);
    assert_int_equal(zone_counters(view)->orphans, 2);
}

/* It does not know what the other launched. */
static void who_leads_no_more_ends_no_instance(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    struct repository *other;
    test_bring_up(test);
    const struct test_instance *instance = stray(test, "i-others", "others-1");
    assert_int_equal(repository_open(test->store, &other, &err), 0);
    assert_int_equal(repository_lead(other, "another", &err), 0);
    for (int i = 0; i < 60; i++) {
        test_account_pass(test);
        test_zone_advance(test, 1000);
    }
    assert_int_equal(instance->state, INSTANCE_RUNNING);
    repository_close(&other);
}

static void a_stopped_instance_is_replaced_and_ended(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    test_zone_advance(test, 3 * 60 * 1000);
    test->cloud_state->instances[0].state = INSTANCE_STOPPED;
    test_zone_run(test, 40);
    assert_int_equal(test->cloud_state->instances[0].state, INSTANCE_ENDED);
    assert_int_equal(running(test), 2);
    nobody_is_left_over(test);
}

static void a_terminated_host_is_remembered_and_its_node_is_not(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    test_zone_run(test, 2);
    test_hosts_drain(test);
    test_zone_run(test, 8);
    assert_string_equal(test_status(test), "gone");
    assert_int_equal(in_state(test, HOST_DEPROVISIONED), 2);
    VIEW(view, test->zone->repository);
    assert_int_equal(view_count(view, RECORD_NODE), 0);
    const struct host *host = view_at(view, RECORD_HOST, 0);
    assert_non_null(host->instance_id);
    assert_string_equal(host->history[host->history_count - 1].event, "terminated");
    assert_int_equal(view_count_of(view, HOSTS_OF_ACCOUNT, TEST_ACCOUNT), 0);
}

static void launch_and_die(struct test_zone *test)
{
    struct deployed deployed;
    test_deploy(test, SIX_NODES, TEST_ACCOUNT, &deployed, NULL);
    test_zone_run(test, 4);
    _exit(in_state(test, HOST_PROVISIONED) == 6 ? 0 : 1);
}

/* Wherever a process dies while it launches, the next one ends with six instances for six hosts, also when
 * one of them left meanwhile and another took its place. */
static void dying_at_any_step_of_a_launch_leaves_nothing_over(void **state)
{
    struct test_zone *test = *state;
    struct test_cloud *cloud = test->cloud_state;
    int deaths = 0;
    for (int at = 1, end = 77; end != 0; at++) {
        test_zone_renew(test);
        cloud->die_at = at;
        end = test_in_a_process(test, launch_and_die);
        cloud->die_at = 0;
        assert_true(end == 0 || end == 77);
        if (text_equal(test_status(test), "gone"))
            continue;
        deaths++;
        if (at % 2)
            release(test, (size_t)at % 6);
        for (int i = 0; i < 4; i++) {
            test_zone_run(test, 50);
            test_hosts_arrive(test);
        }
        assert_int_equal(running(test), in_state(test, HOST_ACTIVE) + in_state(test, HOST_READY));
        assert_true(running(test) >= 5);
        assert_true(cloud->instance_count <= 7);
        nobody_is_left_over(test);
    }
    assert_true(deaths > 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hosts_of_a_cluster_are_launched_by_one_call),
        TEST(a_thousand_hosts_are_asked_for_in_seconds),
        TEST(no_more_are_under_way_at_once_than_the_account_may_have),
        TEST(without_capacity_the_next_zone_is_tried_then_the_next_type),
        TEST(where_there_is_no_room_for_all_fewer_are_asked_for),
        TEST(when_nothing_has_capacity_it_is_asked_for_ever_more_seldom),
        TEST(a_quota_is_told_with_whom_to_ask),
        TEST(too_fast_for_ec2_is_slower_and_no_trouble_of_the_application),
        TEST(an_answer_that_was_lost_is_asked_for_again_in_the_same_way),
        TEST(a_host_that_leaves_during_its_launch_leaves_no_instance),
        TEST(a_host_that_left_long_ago_is_still_named_in_its_launch),
        TEST(a_launch_nobody_saw_answered_is_found_in_the_list),
        TEST(a_launch_that_cannot_be_repeated_is_taken_as_it_was),
        TEST(an_instance_nobody_means_is_ended),
        TEST(who_leads_no_more_ends_no_instance),
        TEST(a_stopped_instance_is_replaced_and_ended),
        TEST(a_terminated_host_is_remembered_and_its_node_is_not),
        TEST(dying_at_any_step_of_a_launch_leaves_nothing_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
