#include "configserver/hosts/spec.h"

#include "base/text.h"
#include "configserver/hosts/polls.h"
#include "configserver/test_zone.h"

#include <string.h>

#define HOST  "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define OTHER "h101.dev.aws-us-east-1c.vespa.enclave.internal"
#define TWO_NODES                                                                                      \
    "<services><container id='web'><nodes count='1' docker-image='example/web:2'><resources vcpu='2' " \
    "memory='8Gb' "                                                                                    \
    "disk='20Gb'/></nodes></container><content id='albums'><nodes count='1'/></content></services>"

static void bring_up(struct test_zone *test)
{
    struct error err;
    struct deployed deployed;
    if (test_deploy(test, TWO_NODES, TEST_ACCOUNT, &deployed, &err) < 0)
        fail_msg("%s", err.message);
    test_zone_run(test, 2);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    test_nodes_report(test, "up");
    test_zone_run(test, 1);
}

static struct host_spec spec_of(struct test_zone *test, const char *hostname)
{
    char *text;
    int64_t generation;
    struct host_spec spec = {0};
    struct error err;
    if (polls_spec(test->zone->polls, hostname, test->arena, &text, &generation, &err) < 0 ||
        record_parse(&host_spec_record, test->arena, text, strlen(text), &spec, &err) < 0)
        fail_msg("%s", err.message);
    return spec;
}

static void a_container_node_knows_its_clients_and_where_documents_live(void **state)
{
    bring_up(*state);
    struct host_spec spec = spec_of(*state, HOST);
    assert_string_equal(spec.state, "active");
    assert_string_equal(spec.host_address, "2001:db8::1:1");
    assert_string_equal(spec.archive_bucket, "archive-" TEST_ACCOUNT);
    assert_int_equal(spec.node_count, 1);
    const struct node_spec *node = &spec.nodes[0];
    assert_string_equal(node->cluster_type, "container");
    assert_string_equal(node->image, "example/web:2");
    assert_string_equal(node->address, "2001:db8::1:2");
    assert_string_equal(node->clients_pem, "PEM of clients");
    assert_string_equal(node->athenz_domain, "vespa.tenant.acme.search");
    assert_string_equal(node->athenz_service, "default");
    assert_string_equal(node->instance_id, "0.web.default.search.acme.aws-us-east-1c.dev.node");
    assert_int_equal(node->network_count, 1);
    assert_int_equal(node->content_count, 1);
    assert_string_equal(node->content[0].address, "2001:db8::2:2");
    assert_int_equal(node->application_address_count, 2);
    assert_true(node->resources->disk_gb == 20);
}

static void a_content_node_is_open_to_its_application_only(void **state)
{
    bring_up(*state);
    struct host_spec spec = spec_of(*state, OTHER);
    assert_int_equal(spec.node_count, 1);
    assert_string_equal(spec.nodes[0].cluster_type, "content");
    assert_null(spec.nodes[0].clients_pem);
    assert_int_equal(spec.nodes[0].network_count, 0);
    assert_int_equal(spec.nodes[0].content_count,
                     1); /* itself: it learns who the others are, should it retire */
    assert_int_equal(spec.nodes[0].application_address_count, 2);
}

static void retire_content(struct test_zone *test)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(test->zone->repository);
    const struct cause cause = zone_cause(test->zone, transaction, AGENT_OPERATOR, NULL);
    struct node node = *view_node_of(transaction_view(transaction), OTHER);
    assert_int_equal(node_apply(&node, NODE_RETIRE, &cause, NULL), 0);
    transaction_put(transaction, RECORD_NODE, &node);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
}

static void a_retired_content_node_is_told_so_and_so_are_those_who_feed_it(void **state)
{
    bring_up(*state);
    assert_false(spec_of(*state, HOST).nodes[0].content[0].retired);
    retire_content(*state);
    assert_true(spec_of(*state, OTHER).nodes[0].retired);
    assert_true(spec_of(*state, HOST).nodes[0].content[0].retired);
}

static void what_a_container_is_to_follow_changes_its_name_with_it(void **state)
{
    bring_up(*state);
    const char *before = spec_of(*state, HOST).nodes[0].config_checksum;
    assert_non_null(before);
    assert_null(spec_of(*state, OTHER).nodes[0].config_checksum);
    retire_content(*state);
    assert_string_not_equal(spec_of(*state, HOST).nodes[0].config_checksum, before);
}

static void a_host_that_is_not_active_yet_has_nothing_to_run(void **state)
{
    struct test_zone *test = *state;
    struct deployed deployed;
    assert_int_equal(test_deploy(test, TWO_NODES, TEST_ACCOUNT, &deployed, NULL), 0);
    test_zone_run(test, 2);
    assert_int_equal(spec_of(test, HOST).node_count, 0);
}

static void a_generation_changes_with_the_content_only_and_rises_over_restarts(void **state)
{
    struct test_zone *test = *state;
    bring_up(test);
    int64_t first = spec_of(test, HOST).generation;
    test_zone_advance(test, 1000);
    assert_int_equal(spec_of(test, HOST).generation, first);
    test_nodes_report(test, "up"); /* changes a record, not what the host is to do */
    assert_int_equal(spec_of(test, HOST).generation, first);
    assert_int_equal(undeploy(test->zone, TEST_APPLICATION, NULL), 0);
    struct host_spec last = spec_of(test, HOST);
    assert_true(last.generation > first);
    assert_true(last.drain);
    assert_string_equal(last.nodes[0].state, "dirty");
    test_zone_advance(test, 1000);
    test_zone_close(test);
    test_zone_open(test);
    assert_true(spec_of(test, HOST).generation > last.generation);
}

static void tunnel_addresses_are_the_zones_and_the_hosts(void **state)
{
    struct test_zone *test = *state;
    assert_string_equal(zone_configserver_address(test->arena, test->zone, 1), "fd00:ec1a:8d9a::1");
    assert_string_equal(zone_host_address(test->arena, test->zone, 100), "fd00:ec1a:8d9a::1:64");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_zone_begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_container_node_knows_its_clients_and_where_documents_live),
        TEST(a_content_node_is_open_to_its_application_only),
        TEST(a_retired_content_node_is_told_so_and_so_are_those_who_feed_it),
        TEST(what_a_container_is_to_follow_changes_its_name_with_it),
        TEST(a_host_that_is_not_active_yet_has_nothing_to_run),
        TEST(a_generation_changes_with_the_content_only_and_rises_over_restarts),
        TEST(tunnel_addresses_are_the_zones_and_the_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
