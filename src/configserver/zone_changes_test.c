/* What becomes of an application that is deployed anew with something changed. */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/test_zone.h"

#include <string.h>

#define SERVICES(web, albums)   "<services><container id='web'>" web "</container>" albums "</services>"
#define ALBUMS(nodes)           "<content id='albums'>" nodes "</content>"
#define NODES(count)            "<nodes count='" count "' required='true'/>"
#define SIZED(count, resources) "<nodes count='" count "' required='true'><resources " resources "/></nodes>"
/* It is 2026-01-02. */
#define ALLOW_UNTIL(day, id) \
    "<validation-overrides><allow until='" day "'>" id "</allow></validation-overrides>"
#define ALLOW(id) ALLOW_UNTIL("2026-01-20", id)

static const struct node *find_node(const struct view *view, const char *cluster, int64_t index)
{
    view_each(view, RECORD_NODE, struct node, node)
        if (text_equal(node->cluster, cluster) && node->index == index)
            return node;
    return NULL;
}

static size_t count_nodes(struct test_zone *test, const char *cluster, bool retired)
{
    VIEW(view, test->zone->repository);
    size_t count = 0;
    view_each(view, RECORD_NODE, struct node, node)
        count += text_equal(node->cluster, cluster) && node->state <= NODE_ACTIVE && node->retired == retired;
    return count;
}

/* What retired content nodes' hosts would report once the others have their documents. */
static void move_data(struct test_zone *test)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    view_each(transaction_view(transaction), RECORD_NODE, struct node, node) {
        struct node next = *node;
        next.data_moved = node->retired;
        if (node->retired && node->state == NODE_ACTIVE)
            transaction_put(transaction, RECORD_NODE, &next);
    }
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

/* Until nothing leaves any more: logs are archived, what is kept is kept long enough. */
static void let_go(struct test_zone *test)
{
    for (int i = 0; i < 4; i++) {
        test_zone_run(test, 4);
        test_hosts_drain(test);
        test_zone_run(test, 4);
        test_zone_advance(test, limits_default.inactive_kept / 2);
    }
}

static void a_cluster_may_grow(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    test_must_deploy(test, SERVICES(NODES("3"), ALBUMS("")));
    assert_string_equal(test_status(test), "pending");
    test_settle(test);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 4);
    assert_string_equal(test_status(test), "running");
    assert_int_equal(test->cloud_state->balancers[0].target_count, 3);
}

static void a_cluster_may_shrink_and_the_rest_serves_on(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SERVICES(NODES("1"), ALBUMS(NODES("4"))));
    test_settle(test);
    test_must_deploy(test, SERVICES(NODES("1"), ALBUMS(NODES("2"))));
    assert_int_equal(count_nodes(test, "albums", false), 2);
    assert_int_equal(count_nodes(test, "albums", true), 2);
    test_zone_run(test, 2);
    assert_string_equal(test_status(test), "running"); /* what is wanted serves; the others leave meanwhile */
    let_go(test);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 5); /* nobody has their data */
    move_data(test);
    let_go(test);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 3);
    assert_string_equal(test_status(test), "running");
    VIEW(view, test->zone->repository);
    assert_true(find_node(view, "albums", 0) && find_node(view, "albums", 1));
    assert_null(find_node(view, "albums", 2));
}

static void other_resources_are_made_before_the_old_ones_leave(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    test_must_deploy(test, SERVICES("", ALBUMS(SIZED("1", "vcpu='4' memory='32Gb' disk='300Gb'"))));
    assert_int_equal(count_nodes(test, "albums", true), 1);
    assert_string_equal(test_status(test), "pending");
    VIEW(view, test->zone->repository);
    const struct node *old = find_node(view, "albums", 0), *next = find_node(view, "albums", 1);
    assert_true(old->retired && old->state == NODE_ACTIVE);
    const struct host *host = view_find(view, RECORD_HOST, next->parent);
    assert_string_equal(host->instance_type, "r6a.xlarge");
    test_settle(test);
    assert_string_equal(test_status(test), "running");
    move_data(test);
    let_go(test);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 2);
    VIEW(later, test->zone->repository);
    assert_null(find_node(later, "albums", 0));
    assert_int_equal(find_node(later, "albums", 1)->state, NODE_ACTIVE);
}

static void the_same_resources_keep_the_hosts_whatever_the_table_says(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    {
        cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
        struct application next =
            *(const struct application *)transaction_find(transaction, RECORD_APPLICATION, TEST_APPLICATION);
        next.clusters[1].instance_type = "x2idn.16xlarge"; /* as an older table had it */
        next.clusters[1].other_type_count = 0;
        transaction_put(transaction, RECORD_APPLICATION, &next);
        assert_int_equal(transaction_commit(&transaction, NULL), 0);
    }
    test_must_deploy(test, SERVICES(NODES("2"), ALBUMS("")));
    VIEW(view, test->zone->repository);
    assert_string_equal(test_application(test, view)->clusters[1].instance_type, "x2idn.16xlarge");
}

static void a_large_reduction_needs_an_override(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SERVICES("", ALBUMS(NODES("5"))));
    struct test_package fewer = {.services = SERVICES("", ALBUMS(NODES("2")))};
    test_refuses(test, &fewer,
                 "resources-reduction: services.xml: resource reduction in 'albums' (line 1) is");
    assert_int_equal(count_nodes(test, "albums", false), 5);
    fewer.overrides = ALLOW("resources-reduction");
    struct deployed deployed;
    assert_int_equal(test_deploy_package(test, &fewer, &deployed, NULL), 0);
    assert_int_equal(count_nodes(test, "albums", false), 2);
}

static void a_content_cluster_is_removed_with_an_override_only(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    struct test_package without = {.services = SERVICES("", "")};
    test_refuses(test, &without,
                 "content-cluster-removal: services.xml no longer has content cluster 'albums'");
    without.overrides = ALLOW("schema-removal");
    test_refuses(test, &without, "content-cluster-removal");
    without.overrides = ALLOW_UNTIL("2026-01-01", "content-cluster-removal");
    test_refuses(test, &without,
                 "content-cluster-removal: services.xml no longer has content cluster 'albums'");
    without.overrides = ALLOW_UNTIL("2026-02-02", "content-cluster-removal");
    test_refuses(test, &without,
                 "validation-overrides.xml: <allow> (line 1): until='2026-02-02' is more than 30 days ahead");
    without.overrides = ALLOW("content-cluster-removal");
    struct deployed deployed;
    assert_int_equal(test_deploy_package(test, &without, &deployed, NULL), 0);
    test_zone_run(test, 2);
    VIEW(view, test->zone->repository);
    assert_int_equal(find_node(view, "albums", 0)->state, NODE_INACTIVE);
    assert_string_equal(test_status(test), "running");
    let_go(test);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 1);
}

static void a_container_cluster_is_removed_with_an_override_only_and_takes_its_balancer_along(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, "<services><container id='web'/><container id='feed'/></services>");
    test_settle(test);
    assert_string_equal(test_status(test), "running");
    assert_int_equal(test->cloud_state->balancer_count, 2);
    struct test_package without = {.services = "<services><container id='web'/></services>"};
    test_refuses(test, &without, "zone-endpoint-change: services.xml no longer has container cluster 'feed'");
    without.overrides = ALLOW("zone-endpoint-change");
    struct deployed deployed;
    assert_int_equal(test_deploy_package(test, &without, &deployed, NULL), 0);
    assert_string_equal(test_status(test), "running");
    let_go(test);
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 1);
    VIEW(view, test->zone->repository);
    assert_int_equal(view_count_of(view, LOAD_BALANCERS_OF_APPLICATION, TEST_APPLICATION), 1);
    assert_null(find_node(view, "feed", 0));
}

static void an_application_that_changes_is_removed_whole(void **state)
{
    struct test_zone *test = *state;
    test_must_deploy(test, SERVICES(NODES("2"), ALBUMS(NODES("3"))));
    test_settle(test);
    test_must_deploy(test,
                     SERVICES(NODES("3"), ALBUMS(SIZED("2", "memory='32Gb'")))); /* some come, some leave */
    test_zone_run(test, 2);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    let_go(test);
    assert_string_equal(test_status(test), "gone");
    assert_int_equal(test_instances_in(test, TEST_ACCOUNT, INSTANCE_RUNNING), 0);
    assert_false(test->cloud_state->balancers[0].exists);
}

static void a_content_cluster_that_comes_back_in_time_has_its_node_and_data(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    const struct test_package without = {.services = SERVICES("", ""),
                                         .overrides = ALLOW("content-cluster-removal")};
    struct deployed deployed;
    assert_int_equal(test_deploy_package(test, &without, &deployed, NULL), 0);
    test_zone_run(test, 2);
    test_must_deploy(test, TEST_SERVICES);
    test_settle(test);
    assert_string_equal(test_status(test), "running");
    assert_int_equal(test->cloud_state->instance_count, 2); /* no other host was made */
    VIEW(view, test->zone->repository);
    assert_int_equal(find_node(view, "albums", 0)->state, NODE_ACTIVE);
}

static void a_cluster_does_not_become_another_kind(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    const struct test_package other = {
        .services = "<services><container id='albums'/><container id='web'/></services>"};
    test_refuses(test, &other, "cannot become another kind");
}

static void another_account_is_refused_before_anything_is_touched(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    int calls = test->cloud_state->calls;
    const struct test_package other = {.account = OTHER_ACCOUNT};
    test_refuses(test, &other,
                 "cannot move to aws:" OTHER_ACCOUNT ": the existing deployment must be removed");
    assert_int_equal(test->cloud_state->calls, calls);
    assert_string_equal(test_status(test), "running");
}

#define ENDPOINTS(endpoints)                                                                    \
    "<deployment version='1.0' cloud-account='aws:" TEST_ACCOUNT "'><dev><endpoints>" endpoints \
    "</endpoints></dev></deployment>"
#define PRIVATE(allowed) "<endpoint container-id='web' type='private'>" allowed "</endpoint>"
#define ALLOWED(account) "<allow with='aws-private-link' arn='arn:aws:iam::" account ":root'/>"

static void access_is_taken_away_with_an_override_only(void **state)
{
    struct test_zone *test = *state;
    struct test_package package = {.deployment =
                                       ENDPOINTS(PRIVATE(ALLOWED("111111111111") ALLOWED("222222222222")))};
    struct deployed deployed;
    struct error err = {0};
    if (test_deploy_package(test, &package, &deployed, &err) < 0)
        fail_msg("%s", err.message);
    {
        VIEW(view, test->zone->repository);
        const struct endpoint_settings *endpoint = test_application(test, view)->clusters[0].endpoint;
        assert_true(endpoint->is_public && endpoint->is_private && endpoint->allowed_arn_count == 2);
    }
    package.deployment = ENDPOINTS(PRIVATE(ALLOWED("111111111111")));
    test_refuses(test, &package, "no longer allows arn:aws:iam::222222222222:root");
    package.deployment = ENDPOINTS("");
    test_refuses(test, &package, "has a private endpoint, which this removes");
    package.deployment = ENDPOINTS(PRIVATE(ALLOWED("111111111111") ALLOWED(
        "222222222222")) "<endpoint container-id='web' type='zone' enabled='false'/>");
    test_refuses(test, &package, "zone-endpoint-change: deployment.xml: cluster 'web' has a public endpoint");
    package.overrides = ALLOW("zone-endpoint-change");
    assert_int_equal(test_deploy_package(test, &package, &deployed, NULL), 0);
    VIEW(view, test->zone->repository);
    assert_false(test_application(test, view)->clusters[0].endpoint->is_public);
}

static void another_image_in_the_zone_reaches_an_unchanged_package(void **state)
{
    struct test_zone *test = *state;
    test_bring_up(test);
    test->config.node_image = "registry.example/vespa:9";
    struct deployed deployed;
    assert_int_equal(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, NULL), 0);
    assert_true(deployed.changed);
    assert_string_equal(test_status(test), "pending");
    test_nodes_report(test, "up");
    test_zone_run(test, 2);
    assert_string_equal(test_status(test), "running");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cluster_may_grow),
        TEST(a_cluster_may_shrink_and_the_rest_serves_on),
        TEST(other_resources_are_made_before_the_old_ones_leave),
        TEST(the_same_resources_keep_the_hosts_whatever_the_table_says),
        TEST(a_large_reduction_needs_an_override),
        TEST(a_content_cluster_is_removed_with_an_override_only),
        TEST(a_container_cluster_is_removed_with_an_override_only_and_takes_its_balancer_along),
        TEST(an_application_that_changes_is_removed_whole),
        TEST(a_content_cluster_that_comes_back_in_time_has_its_node_and_data),
        TEST(a_cluster_does_not_become_another_kind),
        TEST(another_account_is_refused_before_anything_is_touched),
        TEST(access_is_taken_away_with_an_override_only),
        TEST(another_image_in_the_zone_reaches_an_unchanged_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
