/* What is said of a deployment, whatever holds it up. */
#include "configserver/decide/verdict.h"

#include "base/text.h"
#include "configserver/decide/told.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/test_zone.h"

#include <string.h>

static struct verdict judge(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    return application_judge(test->zone, view, test_application(test, view), test->arena);
}

static void says(struct test_zone *test, const char *status, const char *code, const char *words)
{
    const struct verdict verdict = judge(test);
    if (!text_equal(verdict.status, status) || !text_equal(verdict.code, code) ||
        !strstr(verdict.message, words))
        fail_msg("%s (%s): '%s' in place of %s (%s): '%s'", verdict.status, verdict.code ? verdict.code : "",
                 verdict.message, status, code ? code : "", words);
}

static void commit(struct transaction **transaction)
{
    struct error err = {0};
    if (transaction_commit(transaction, &err) < 0)
        fail_msg("%s", err.message);
}

static void change_hosts(struct test_zone *test, int64_t refusals, int64_t failures, const char *trouble)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    view_each(transaction_view(transaction), RECORD_HOST, struct host, host) {
        struct host next = *host;
        next.refusals = refusals;
        next.failures = failures;
        next.trouble = trouble;
        transaction_put(transaction, RECORD_HOST, &next);
    }
    commit(&transaction);
}

static void change_balancer(struct test_zone *test, const char *trouble, int64_t healthy)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    view_each(transaction_view(transaction), RECORD_LOAD_BALANCER, struct load_balancer, balancer) {
        struct load_balancer next = *balancer;
        next.trouble = trouble;
        next.healthy = healthy;
        transaction_put(transaction, RECORD_LOAD_BALANCER, &next);
    }
    commit(&transaction);
}

static void a_host_that_is_not_there_yet_is_waited_for(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    says(test, "pending", NULL,
         "Waiting for host h100.dev.aws-us-east-1c.vespa.enclave.internal, which is wanted");
}

static void capacity_that_every_type_and_zone_refused_is_a_failure(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    change_hosts(test, 2, 0, "AWS has no capacity");
    says(test, "pending", NULL, "AWS has no capacity");
    change_hosts(test, 9, 0, "AWS has no capacity"); /* nine types in one zone */
    says(test, "failed", "NODE_ALLOCATION_FAILURE", "AWS has no capacity");
}

static void instances_that_end_at_once_are_a_failure_after_some(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    change_hosts(test, 0, 4, "the key is disabled");
    says(test, "pending", NULL, "the key is disabled");
    change_hosts(test, 0, 5, "the key is disabled");
    says(test, "failed", "NODE_ALLOCATION_FAILURE", "the key is disabled");
}

static void trouble_is_a_failure_when_it_lasts(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, TEST_SERVICES);
    change_hosts(test, 0, 0, "the account does not answer");
    test_zone_advance(test, limits_default.deploy_trouble);
    says(test, "pending", NULL, "the account does not answer");
    test_zone_advance(test, 1);
    says(test, "failed", "NODE_ALLOCATION_FAILURE", "the account does not answer");
}

static void bring_nodes(struct test_zone *test, const char *status)
{
    test_must_deploy(test, TEST_SERVICES);
    test_zone_run(test, 2);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    test_nodes_report(test, status);
}

static void a_node_that_is_down_is_a_failure_when_it_lasts_and_one_that_starts_is_not(void **state)
{
    struct test_zone *test = *state;
    bring_nodes(test, "starting");
    test_zone_advance(test, limits_default.deploy_trouble + 5000);
    says(test, "pending", NULL, "Waiting for node");
    test_nodes_report(test, "down");
    says(test, "failed", "CONFIG_NOT_CONVERGED", "which is down");
}

static void every_deployment_ends_after_an_hour_and_may_come_through_later(void **state)
{
    struct test_zone *test = *state;
    bring_nodes(test, "starting");
    test_zone_advance(test, limits_default.deploy_longest);
    says(test, "failed", "CONFIG_NOT_CONVERGED", "Not done after 60 minutes, still trying. Waiting for node");
    test_nodes_report(test, "up");
    test_zone_run(test, 3);
    says(test, "running", NULL, "Generation 1 is running everywhere");
}

static void a_load_balancer_is_waited_for_and_its_trouble_told(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    change_balancer(test, NULL, 0);
    says(test, "pending", NULL, "Waiting for the load balancer of cluster web: 0 of 1 nodes answer it");
    change_balancer(test, "AccessDenied", 0);
    says(test, "pending", NULL, "Load balancer of cluster web: AccessDenied");
    test_zone_advance(test, limits_default.deploy_trouble + 5000);
    says(test, "failed", "LOAD_BALANCER_NOT_READY", "AccessDenied");
}

/* Later trouble of what once ran everywhere is no failed deployment. */
static void a_node_that_is_lost_after_a_day_is_waited_for(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    test_zone_advance(test, 24 * limits_default.deploy_longest);
    test_nodes_report(test, "starting");
    says(test, "pending", NULL, "Waiting for node");
}

static void what_is_no_longer_wanted_does_not_hold_up_a_deployment(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, "<services><container id='web'/><content id='albums'><nodes count='2' "
                           "required='true'/></content></services>");
    test_settle(test);
    says(test, "running", NULL, "Generation 1 is running everywhere");
    test_must_deploy(test, TEST_SERVICES);
    says(test, "running", NULL, "Generation 2 is running everywhere; 1 no longer wanted still leave");
}

static const struct node *node_of(const struct view *view, const char *cluster)
{
    view_each_of(view, NODES_OF_APPLICATION, TEST_APPLICATION, struct node, node) {
        if (text_equal(node->cluster, cluster))
            return node;
    }
    fail_msg("no node of %s", cluster);
    return NULL;
}

static const char *told_now(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    const struct application *application = test_application(test, view);
    return told_make(view, application, "web", CLUSTER_CONTAINER, test->arena).checksum;
}

static void container_follows(struct test_zone *test, const char *checksum)
{
    VIEW(view, test->zone->repository);
    const struct node *node = node_of(view, "web");
    struct node_report said = node_report_nothing;
    said.service_status = "up";
    said.certificate_names = node->certificate_names;
    said.certificate_name_count = node->certificate_name_count;
    said.config_checksum = checksum;
    assert_int_equal(node_report(test->zone, node->hostname, &said, NULL), 0);
}

static void retire(struct test_zone *test, const char *cluster)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    const struct cause cause = zone_cause(test->zone, transaction, AGENT_OPERATOR, NULL);
    struct node node = *node_of(transaction_view(transaction), cluster);
    assert_int_equal(node_apply(&node, NODE_RETIRE, &cause, NULL), 0);
    transaction_put(transaction, RECORD_NODE, &node);
    commit(&transaction);
}

static void a_container_that_would_ask_the_wrong_nodes_is_waited_for(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    says(test, "running", NULL, "");
    container_follows(test, "of before");
    says(test, "pending", NULL, "to learn whom it serves and where documents live");
    container_follows(test, told_now(test));
    says(test, "running", NULL, "");
    const char *before = told_now(test);
    retire(test, "albums");
    assert_string_not_equal(told_now(test), before);
}

static void whom_a_container_serves_is_told_it_too(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    VIEW(view, test->zone->repository);
    struct application other = *test_application(test, view);
    other.clients_pem = "PEM of others";
    const char *told = told_make(view, &other, "web", CLUSTER_CONTAINER, test->arena).checksum;
    assert_string_not_equal(told, told_now(test));
    assert_null(told_make(view, &other, "albums", CLUSTER_CONTENT, test->arena).checksum);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_host_that_is_not_there_yet_is_waited_for),
        TEST(capacity_that_every_type_and_zone_refused_is_a_failure),
        TEST(instances_that_end_at_once_are_a_failure_after_some),
        TEST(trouble_is_a_failure_when_it_lasts),
        TEST(a_node_that_is_down_is_a_failure_when_it_lasts_and_one_that_starts_is_not),
        TEST(every_deployment_ends_after_an_hour_and_may_come_through_later),
        TEST(a_load_balancer_is_waited_for_and_its_trouble_told),
        TEST(a_node_that_is_lost_after_a_day_is_waited_for),
        TEST(what_is_no_longer_wanted_does_not_hold_up_a_deployment),
        TEST(a_container_that_would_ask_the_wrong_nodes_is_waited_for),
        TEST(whom_a_container_serves_is_told_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
