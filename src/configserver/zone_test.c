/* The story of an application in a zone, without threads and with a cloud of our own. */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/maintain/maintainers.h"
#include "configserver/records/life.h"
#include "configserver/test_zone.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_deployment_becomes_hosts_nodes_and_an_endpoint(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    assert_string_equal(test_status(test), "running");
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
    assert_int_equal(test->cloud_state->balancer_count, 1);
    assert_int_equal(test->cloud_state->balancers[0].target_count, 1);
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    json_t *shown = application_state(test->zone, view, application);
    assert_int_equal(json_array_size(json_object_get(shown, "endpoints")), 1);
    assert_int_equal(json_array_size(json_object_get(shown, "nodes")), 2);
    assert_int_equal(json_integer_value(json_object_get(shown, "currentGeneration")), 1);
    json_decref(shown);
}

static void a_story_too_long_for_a_record_is_cut_between_characters(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    for (int before = 980; before < 1003; before++) {
        struct transaction *transaction = transaction_begin(test->zone->repository);
        const char *word = arena_format(test->arena, "%*s€€€€€€€€€€", before, "x");
        application_tell(test->zone, transaction, TEST_APPLICATION, "info", "%s", word);
        struct host host = *(const struct host *)view_at(transaction_view(transaction), RECORD_HOST, 0);
        const struct cause cause = zone_cause(test->zone, transaction, AGENT_OPERATOR, "%s", word);
        assert_int_equal(host_apply(&host, HOST_WISH_RETIRE, &cause, NULL), 0);
        transaction_put(transaction, RECORD_HOST, &host); /* ends the process when it cannot be read again */
        assert_int_equal(transaction_commit(&transaction, NULL), 0);
        VIEW(view, test->zone->repository);
        const struct application *application = test_application(test, view);
        assert_true(text_ends(application->log[application->log_count - 1].message, "..."));
    }
}

static void the_same_package_again_changes_nothing(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    struct deployed deployed;
    assert_int_equal(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, NULL), 0);
    assert_false(deployed.changed);
    assert_int_equal(deployed.generation, 1);
    test_zone_run(test, 3);
    assert_int_equal(test->cloud_state->instance_count, 2);
}

static void an_account_without_terraform_is_refused_before_anything_is_written(void **state)
{
    struct test_zone *test = *state;
    strcpy(test->cloud_state->missing, "VPC");
    test_refuses(test, &(struct test_package){0}, "has no VPC: run 'terraform apply'");
    assert_string_equal(test_status(test), "gone");
    VIEW(view, test->zone->repository);
    assert_int_equal(view_count(view, RECORD_ACCOUNT), 0);
}

static void an_account_of_another_tenant_is_refused(void **state)
{
    struct test_zone *test = *state;
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    const struct account account = {TEST_ACCOUNT, "globex", "x"};
    transaction_put(transaction, RECORD_ACCOUNT, &account);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    test_refuses(test, &(struct test_package){0}, "another tenant's");
}

static void a_deleted_application_leaves_nothing(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    test_refuses(test, &(struct test_package){0}, "is being deleted");
    test_zone_run(test, 3);
    assert_string_equal(test_status(test), "deleting");
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING),
                     2); /* their logs are not archived yet */
    test_hosts_drain(test);
    test_zone_run(test, 8);
    assert_string_equal(test_status(test), "gone");
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 0);
    assert_false(test->cloud_state->balancers[0].exists);
    assert_false(test->cloud_state->balancers[0].group_exists);
    assert_string_equal(test->peer_list, "");
    struct error err = {0};
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
}

static void a_host_that_never_drains_is_terminated_in_the_end(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    test_zone_run(test, 2);
    test_zone_advance(test, test->config.limits.drain_longest);
    test_zone_run(test, 8);
    assert_string_equal(test_status(test), "gone");
}

/* Whoever leads after a pause has hosts that learn only now that they are to drain. */
static void a_host_has_its_time_to_drain_from_when_it_can_know(void **state)
{
    struct test_zone *test = *state;
    const int64_t longest = test->config.limits.drain_longest;
    test_bring_up(test);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    test_zone_run(test, 2);
    test_zone_advance(test, longest - 5000);
    assert_int_equal(zone_lead(test->zone, NULL), 0);
    test_zone_advance(test, longest - 5000);
    test_zone_run(test, 2);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
    test_zone_advance(test, 5000);
    test_zone_run(test, 8);
    assert_string_equal(test_status(test), "gone");
}

static void a_lost_instance_is_replaced_and_forgotten(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    test->cloud_state->instances[0].state = INSTANCE_ENDED;
    test_zone_advance(test, 20000);
    test_zone_run(test, 3);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
    VIEW(view, test->zone->repository);
    const struct host *host = view_at(view, RECORD_HOST, 0);
    assert_int_equal(host->state, HOST_PROVISIONED);
    assert_int_equal(host->launches, 1);
    assert_null(host->wireguard_key);
    assert_null(host->key_hash);
    assert_string_equal(test_status(test), "pending");
    assert_int_equal(test->cloud_state->balancers[0].target_count, 0);
}

static void a_host_that_never_comes_up_is_launched_anew(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    test_zone_run(test, 2);
    test_zone_advance(test, test->config.limits.boot_longest + 1000);
    test_zone_run(test, 3);
    test_zone_advance(test, 20000);
    test_zone_run(test, 3);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_ENDED), 2);
}

static void instances_that_end_at_once_are_launched_ever_more_seldom(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    for (int second = 0; second < 180; second++) {
        for (size_t i = 0; i < test->cloud_state->instance_count; i++)
            test->cloud_state->instances[i].state = INSTANCE_ENDED;
        test_zone_run(test, 1);
    }
    assert_in_range(test->cloud_state->instance_count, 8, 16); /* of two hosts */
    assert_string_equal(test_status(test), "failed");
    VIEW(view, test->zone->repository);
    json_t *shown = application_state(test->zone, view, test_application(test, view));
    if (!strstr(json_member_text(shown, "message"), "the key is disabled"))
        fail_msg("%s", json_member_text(shown, "message"));
    json_decref(shown);
}

static void one_accounts_trouble_stays_in_it(void **state)
{
    struct test_zone *test = *state;
    strcpy(test->cloud_state->broken_account, OTHER_ACCOUNT);
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    const struct account account = {OTHER_ACCOUNT, "globex", "x"};
    transaction_put(transaction, RECORD_ACCOUNT, &account);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    test_bring_up(test);
    assert_string_equal(test_status(test), "running");
    int calls = test->cloud_state->calls;
    test_zone_run(test, 60);
    assert_true(schedule_failures(test->zone->schedule, OTHER_ACCOUNT) > 0);
    assert_true(test->cloud_state->calls - calls < 60); /* it is asked less and less often */
}

static void trouble_is_told_once_and_ends_when_the_cloud_relents(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    strcpy(test->cloud_state->broken_account, TEST_ACCOUNT);
    test_zone_run(test, 10);
    {
        VIEW(view, test->zone->repository);
        const struct application *application = test_application(test, view);
        assert_true(application->log_count < 6);
        assert_non_null(strstr(application->log[application->log_count - 1].message, "does not answer"));
    }
    test_zone_advance(test, limits_default.deploy_trouble);
    assert_string_equal(test_status(test), "failed");
    test->cloud_state->broken_account[0] = '\0';
    test_zone_advance(test, 60000);
    test_zone_run(test, 2);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    test_nodes_report(test, "up");
    test_zone_run(test, 4);
    assert_string_equal(test_status(test), "running");
}

/* The whole life of an application, as one process would go through it from wherever the records are. */
static void live(struct test_zone *test)
{
    test_bring_up(test);
    if (!text_equal(test_status(test), "running"))
        _exit(1);
    undeploy(test->zone, TEST_APPLICATION, NULL);
    test_zone_run(test, 2);
    test_hosts_drain(test);
    test_zone_run(test, 20);
    _exit(text_equal(test_status(test), "gone") ? 0 : 2);
}

static void come_back(struct test_zone *test)
{
    for (int i = 0; i < 40 && !text_equal(test_status(test), "running"); i++) {
        test_zone_run(test, 1);
        test_hosts_arrive(test);
        test_nodes_report(test, "up");
    }
    _exit(text_equal(test_status(test), "running") ? 0 : 3);
}

static int in_a_process(struct test_zone *test, void (*what)(struct test_zone *test))
{
    test_zone_close(test); /* a store is one process's at a time */
    pid_t child = fork();
    if (child == 0) {
        test_zone_open(test);
        what(test);
    }
    int status;
    waitpid(child, &status, 0);
    test_zone_open(test);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Dying at any step of bringing an application up leaves something that the next process completes, with no
 * instance more and no balancer more than asked for. */
static void dying_at_any_step_leaks_nothing_and_repeats_nothing(void **state)
{
    struct test_zone *test = *state;
    struct test_cloud *cloud = test->cloud_state;
    int deaths = 0;
    for (int at = 1;; at++) {
        char directory[sizeof test->directory];
        memset(cloud, 0, sizeof *cloud);
        cloud->now_ms = 1767323045000;
        cloud->die_at = at;
        test_zone_close(test);
        memcpy(directory, test->directory, sizeof directory);
        char command[128];
        snprintf(command, sizeof command, "%s/store", test->directory);
        unlink(command);
        unlink(arena_format(test->arena, "%s-wal", command));
        unlink(arena_format(test->arena, "%s-shm", command));
        test_zone_open(test);
        int end = in_a_process(test, live);
        if (end == 0)
            break;
        assert_int_equal(end, 77);
        deaths++;
        cloud->die_at = 0;
        if (text_equal(test_status(test), "gone"))
            continue; /* died before it was deployed, or after all was gone */
        VIEW(view, test->zone->repository);
        bool deleting = test_application(test, view)->deleting;
        view_release(&view);
        if (!deleting)
            assert_int_equal(in_a_process(test, come_back), 0);
        if (!deleting) {
            assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
            assert_int_equal(cloud->instance_count, 2);
            assert_int_equal(cloud->balancer_count, 1);
        } else {
            test_hosts_drain(test);
            test_zone_run(test, 20);
            test_zone_advance(test, test->config.limits.drain_longest);
            test_zone_run(test, 20);
            assert_string_equal(test_status(test), "gone");
            assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 0);
        }
    }
    assert_true(deaths > 30);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_deployment_becomes_hosts_nodes_and_an_endpoint),
        TEST(a_story_too_long_for_a_record_is_cut_between_characters),
        TEST(the_same_package_again_changes_nothing),
        TEST(an_account_without_terraform_is_refused_before_anything_is_written),
        TEST(an_account_of_another_tenant_is_refused),
        TEST(a_deleted_application_leaves_nothing),
        TEST(a_host_that_never_drains_is_terminated_in_the_end),
        TEST(a_host_has_its_time_to_drain_from_when_it_can_know),
        TEST(a_lost_instance_is_replaced_and_forgotten),
        TEST(a_host_that_never_comes_up_is_launched_anew),
        TEST(instances_that_end_at_once_are_launched_ever_more_seldom),
        TEST(one_accounts_trouble_stays_in_it),
        TEST(trouble_is_told_once_and_ends_when_the_cloud_relents),
        TEST(dying_at_any_step_leaks_nothing_and_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
