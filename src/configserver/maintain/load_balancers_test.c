/* Load balancers of a zone with a cloud of our own. */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/decide/endpoint.h"
#include "configserver/decide/verdict.h"
#include "configserver/test_zone.h"

#include <string.h>

static const struct load_balancer *balancer_in(struct test_zone *test, const struct view *view)
{
    (void)test;
    return view_find(view, RECORD_LOAD_BALANCER, TEST_APPLICATION ":web");
}

static void must_deploy(struct test_zone *test)
{
    struct error err;
    struct deployed deployed;
    if (test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err) < 0)
        fail_msg("%s", err.message);
    test_zone_run(test, 2);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
}

static void bring_up(struct test_zone *test)
{
    must_deploy(test);
    test_nodes_report(test, "up");
    test_zone_run(test, 4);
}

/* Another endpoint for the cluster, as a deployment would write it. */
static void change_endpoint(struct test_zone *test, const struct endpoint_settings *settings)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    const struct application *old = transaction_find(transaction, RECORD_APPLICATION, TEST_APPLICATION);
    struct application next = *old;
    next.clusters = arena_alloc(test->arena, old->cluster_count * sizeof *next.clusters);
    memcpy(next.clusters, old->clusters, old->cluster_count * sizeof *next.clusters);
    for (size_t i = 0; i < next.cluster_count; i++)
        if (next.clusters[i].type == CLUSTER_CONTAINER)
            next.clusters[i].endpoint = (struct endpoint_settings *)settings;
    transaction_put(transaction, RECORD_APPLICATION, &next);
    struct error err = {0};
    assert_int_equal(transaction_commit(&transaction, &err), 0);
}

static void a_node_is_a_target_only_when_certified_for_the_endpoints_name(void **state)
{
    struct test_zone *test = *state;
    must_deploy(test);
    test_zone_run(test, 20);
    assert_int_equal(test->cloud_state->balancers[0].target_count, 0);
    test_nodes_report(test, "up");
    test_zone_run(test, 20);
    assert_int_equal(test->cloud_state->balancers[0].target_count, 1);
}

static void an_endpoint_is_announced_when_its_name_resolves_and_a_target_is_healthy(void **state)
{
    struct test_zone *test = *state;
    test->cloud_state->unknown_names = true;
    bring_up(test);
    VIEW(before, test->zone->repository);
    assert_int_equal(balancer_in(test, before)->healthy, 1);
    assert_false(balancer_in(test, before)->announced);
    test->cloud_state->unknown_names = false;
    test_zone_run(test, 20);
    VIEW(after, test->zone->repository);
    assert_true(balancer_in(test, after)->announced);
}

static void retire_web(struct host *host)
{
    host->want_to_retire = text_equal(host->cluster, "web");
}

static void retire_hosts(struct test_zone *test)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    view_each(transaction_view(transaction), RECORD_HOST, struct host, host) {
        struct host next = *host;
        retire_web(&next);
        transaction_put(transaction, RECORD_HOST, &next);
    }
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

static int state_of(struct test_zone *test, const char *hostname)
{
    VIEW(view, test->zone->repository);
    const struct node *node = view_find(view, RECORD_NODE, hostname);
    return node ? node->state : -1;
}

static const char *web_node(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    view_each(view, RECORD_NODE, struct node, node)
        if (text_equal(node->cluster, "web"))
            return arena_strdup(test->arena, node->hostname);
    return NULL;
}

/* A target that is to be replaced by another, which is found healthy a minute after it was added. */
struct replacing {
    const char *node;
    char target[48];
    int64_t added, removed; /* ms; 0: not yet */
};

static struct replacing begin_to_replace(struct test_zone *test)
{
    struct replacing replacing = {0};
    bring_up(test);
    test_zone_run(test, 60);
    test->cloud_state->health_lag_ms = 60 * 1000;
    replacing.node = web_node(test);
    strcpy(replacing.target, test->cloud_state->balancers[0].targets[0]);
    return replacing;
}

static void note_targets(const struct test_zone *test, struct replacing *replacing)
{
    const struct test_balancer *balancer = &test->cloud_state->balancers[0];
    int64_t now = test->cloud_state->now_ms;
    bool there = false;
    for (size_t at = 0; at < balancer->target_count; at++)
        there |= text_equal(balancer->targets[at], replacing->target);
    assert_true(balancer->target_count > 0);
    if (!replacing->added && balancer->target_count > there)
        replacing->added = now;
    if (!replacing->removed && !there)
        replacing->removed = now;
}

/* For as long as its clients have nowhere else to go, and then for as long as it answers them. */
static void a_target_is_replaced_before_it_is_removed_and_answers_before_it_ends(void **state)
{
    struct test_zone *test = *state;
    struct replacing replacing = begin_to_replace(test);
    int64_t left = 0;
    retire_hosts(test);
    for (int i = 0; i < 200 && !left; i++) {
        test_hosts_arrive(test);
        test_nodes_report(test, "up");
        test_zone_run(test, 1);
        note_targets(test, &replacing);
        left = state_of(test, replacing.node) == NODE_ACTIVE ? 0 : test->cloud_state->now_ms;
    }
    assert_true(replacing.added > 0);
    assert_true(replacing.removed - replacing.added >= 60 * 1000);
    assert_true(left - replacing.removed >= test->config.limits.connections_drain - 2000);
    assert_true(left - replacing.removed <= test->config.limits.connections_drain + 5000);
}

static void make_silent(struct test_zone *test, const char *hostname)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    struct node node = *(const struct node *)transaction_find(transaction, RECORD_NODE, hostname);
    struct host host = *(const struct host *)transaction_find(transaction, RECORD_HOST, node.parent);
    host.want_to_fail = true;
    host.down_since = node.down_since = zone_now_ms(test->zone);
    transaction_put(transaction, RECORD_HOST, &host);
    transaction_put(transaction, RECORD_NODE, &node);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

/* We do not hear it, but its clients may. */
static void who_is_replaced_for_its_silence_stays_a_target_until_another_is_healthy(void **state)
{
    struct test_zone *test = *state;
    struct replacing replacing = begin_to_replace(test);
    for (int i = 0; i < 200 && !replacing.removed; i++) {
        make_silent(test, replacing.node);
        test_hosts_arrive(test);
        test_nodes_report(test, "up");
        make_silent(test, replacing.node);
        test_zone_run(test, 1);
        note_targets(test, &replacing);
    }
    assert_true(replacing.added > 0);
    assert_true(replacing.removed - replacing.added >= 60 * 1000);
}

static void add_target(struct test_balancer *balancer)
{
    snprintf(balancer->targets[balancer->target_count++], sizeof balancer->targets[0], "2001:db8::77");
}

/* It may be one of the next leader's. */
static void who_leads_no_more_takes_no_target_out(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    struct repository *other;
    bring_up(test);
    struct test_balancer *balancer = &test->cloud_state->balancers[0];
    add_target(balancer);
    test_zone_run(test, 60);
    assert_int_equal(balancer->target_count, 1); /* a leader does */
    assert_int_equal(repository_open(test->store, &other, &err), 0);
    assert_int_equal(repository_lead(other, "another", &err), 0);
    add_target(balancer);
    for (int i = 0; i < 60; i++) {
        test_account_pass(test);
        test_zone_advance(test, 1000);
    }
    assert_int_equal(balancer->target_count, 2);
    repository_close(&other);
}

/* How many are announced to whoever asks for the application. */
static size_t private_endpoints(struct test_zone *test)
{
    VIEW(view, test->zone->repository);
    json_t *state = application_state(test->zone, view, test_application(test, view));
    size_t count = json_array_size(json_object_get(state, "privateEndpoints"));
    json_decref(state);
    return count;
}

static void another_endpoint_is_configured_in_place_and_nobody_loses_the_one_that_is_there(void **state)
{
    struct test_zone *test = *state;
    bring_up(test);
    const char *arns[] = {"arn:aws:iam::333333333333:root"};
    const struct endpoint_settings private = {
        .is_public = true, .is_private = true, .allowed_arns = arns, .allowed_arn_count = 1};
    change_endpoint(test, &private);
    for (int i = 0; i < 30; i++) { /* nobody loses the endpoint that is there */
        test_zone_run(test, 1);
        assert_int_equal(test->cloud_state->balancers[0].target_count, 1);
    }
    assert_int_equal(test->cloud_state->balancer_count, 1);
    assert_true(test->cloud_state->balancers[0].is_private);
    assert_int_equal(test->cloud_state->balancers[0].allowed, 1);
    VIEW(view, test->zone->repository);
    const char *names[ENDPOINT_NAMES];
    assert_int_equal(endpoint_names(test->arena, balancer_in(test, view), names), 2);
    assert_string_equal(names[1], "*.vpce-svc-1.us-east-1.vpce.amazonaws.com");
    assert_false(endpoint_is_certified(view, balancer_in(test, view)));
    assert_false(application_converged(view, test_application(test, view)));
    assert_int_equal(private_endpoints(test), 0);
    test_nodes_report(test, "up");
    assert_int_equal(private_endpoints(test), 1);
    VIEW(certified, test->zone->repository);
    assert_true(endpoint_is_certified(certified, balancer_in(test, certified)));
    assert_true(application_converged(certified, test_application(test, certified)));
    int made = test->cloud_state->balancers[0].made;
    test_zone_run(test, 40);
    assert_int_equal(test->cloud_state->balancers[0].made, made);
}

static void one_whose_settings_somebody_changed_is_put_right(void **state)
{
    struct test_zone *test = *state;
    bring_up(test);
    test_zone_run(test, 60);
    struct test_balancer *balancer = &test->cloud_state->balancers[0];
    balancer->is_public = false;
    int made = balancer->made;
    int64_t sequence = repository_sequence(test->zone->repository);
    test_zone_advance(test, test->config.limits.mend_balancers);
    test_zone_run(test, 3);
    assert_true(balancer->is_public);
    assert_int_equal(balancer->made, made + 1);
    assert_int_equal(repository_sequence(test->zone->repository), sequence); /* nothing to write down */
}

static void one_deleted_behind_our_back_is_made_again(void **state)
{
    struct test_zone *test = *state;
    bring_up(test);
    test_zone_advance(test, 10 * 60 * 1000);
    test->cloud_state->balancers[0].exists = test->cloud_state->balancers[0].group_exists = false;
    test->cloud_state->balancers[0].target_count = 0;
    test_zone_run(test, 100);
    assert_true(test->cloud_state->balancers[0].exists);
    assert_int_equal(test->cloud_state->balancers[0].target_count, 1);
    VIEW(view, test->zone->repository);
    assert_true(balancer_in(test, view)->announced);
}

static void one_that_no_record_names_is_removed(void **state)
{
    struct test_zone *test = *state;
    bring_up(test);
    struct test_balancer *orphan = &test->cloud_state->balancers[test->cloud_state->balancer_count++];
    *orphan = (struct test_balancer){
        .name = "vespa-orphan", .account = TEST_ACCOUNT, .exists = true, .group_exists = true};
    test_zone_run(test, 200);
    assert_false(orphan->exists);
    assert_false(orphan->group_exists);
    assert_true(test->cloud_state->balancers[0].exists);
}

static void it_goes_with_its_application_and_not_before_it_is_gone_in_the_cloud(void **state)
{
    struct test_zone *test = *state;
    struct error err = {0};
    bring_up(test);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, &err), 0);
    test_zone_run(test, 1);
    VIEW(first, test->zone->repository);
    assert_int_equal(balancer_in(test, first)->state, LOAD_BALANCER_REMOVING);
    test_zone_run(test, 10);
    VIEW(last, test->zone->repository);
    assert_null(balancer_in(test, last));
    assert_false(test->cloud_state->balancers[0].group_exists);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_is_a_target_only_when_certified_for_the_endpoints_name),
        TEST(an_endpoint_is_announced_when_its_name_resolves_and_a_target_is_healthy),
        TEST(who_is_replaced_for_its_silence_stays_a_target_until_another_is_healthy),
        TEST(a_target_is_replaced_before_it_is_removed_and_answers_before_it_ends),
        TEST(who_leads_no_more_takes_no_target_out),
        TEST(another_endpoint_is_configured_in_place_and_nobody_loses_the_one_that_is_there),
        TEST(one_whose_settings_somebody_changed_is_put_right),
        TEST(one_deleted_behind_our_back_is_made_again),
        TEST(one_that_no_record_names_is_removed),
        TEST(it_goes_with_its_application_and_not_before_it_is_gone_in_the_cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
