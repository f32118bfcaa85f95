/* What hosts measure, as it is scraped: whatever they and their containers say, of a bounded number of names
 * and labels. */
#include "configserver/hosts/gauges.h"

#include "base/text.h"
#include "configserver/test_zone.h"

#include <string.h>

#define HOST_NAME "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define NODE_NAME "h100a.dev.aws-us-east-1c.vespa.enclave.internal"

static void put(struct test_zone *test, const char *name, double value)
{
    struct metric metric = {name, value, "gauge", text_starts(name, "vespa.node.") ? NODE_NAME : NULL};
    const struct metrics_report report = {.at = 1, .metrics = &metric, .metric_count = 1};
    gauges_put(test->zone->gauges, HOST_NAME, &report);
}

static const char *scrape(struct test_zone *test)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(buffer_free) struct buffer text = buffer_new(1 << 20);
    struct exposition *exposition = exposition_begin(arena);
    VIEW(view, test->zone->repository);
    gauges_add(test->zone->gauges, view, arena, exposition);
    exposition_print(exposition, &text);
    return arena_strdup(test->arena, buffer_string(&text));
}

static void shows(struct test_zone *test, const char *line)
{
    const char *text = scrape(test);
    if (!strstr(text, line))
        fail_msg("%s\nhas no '%s'", text, line);
}

static int begin(void **state)
{
    struct deployed deployed;
    struct error err;
    if (test_zone_begin(state) < 0 || test_deploy(*state, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err) < 0)
        return -1;
    return 0;
}

static void a_measurement_says_whose_it_is(void **state)
{
    put(*state, "vespa.host.load1", 0.5);
    shows(*state, "vespa_host_load1{host=\"" HOST_NAME "\",tenant=\"acme\",application=\"search\","
                  "instance=\"default\",cluster=\"web\"} 0.5\n");
    put(*state, "vespa.node.up", 1);
    shows(*state, "cluster=\"web\",node=\"" NODE_NAME "\"} 1\n");
    assert_null(strstr(scrape(*state), "vespa_host_load1")); /* not measured this time */
}

static void what_is_of_no_family_is_counted_and_not_shown(void **state)
{
    put(*state, "vespa.host.secrets", 1);
    shows(*state, "enclave_metrics_refused 1\n");
    put(*state, "enclave.accounts", 7654321);
    shows(*state, "enclave_metrics_refused 1\n");
    assert_null(strstr(scrape(*state), "7654321"));
}

static void a_container_that_makes_up_new_names_gets_a_hundred(void **state)
{
    struct test_zone *test = *state;
    for (int i = 0; i < 300; i++) {
        put(test, arena_format(test->arena, "vespa.node.queries_%d", i), i);
        if (i == 99)
            shows(test, "vespa_node_queries_99{");
    }
    shows(test, "enclave_metrics_refused 1\n");
    assert_null(strstr(scrape(test), "vespa_node_queries_299"));
    put(test, "vespa.node.queries_7", 7); /* one of the hundred */
    shows(test, "\"} 7\n");
    put(test, "vespa.node.up", 1); /* declared: always */
    shows(test, "vespa_node_up{");
}

static void who_is_gone_is_forgotten(void **state)
{
    struct test_zone *test = *state;
    put(test, "vespa.host.load1", 1);
    shows(test, "vespa_host_load1{");
    struct transaction *transaction = transaction_begin(test->zone->repository);
    transaction_remove(transaction, RECORD_HOST, HOST_NAME);
    transaction_remove(transaction, RECORD_NODE, NODE_NAME);
    assert_int_equal(transaction_commit(&transaction, NULL), 0);
    assert_null(strstr(scrape(test), "vespa_host_load1"));
    shows(test, "\nenclave_metrics_refused 0\n");
    assert_int_equal(gauges_heard(test->zone->gauges, HOST_NAME), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, test_zone_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_measurement_says_whose_it_is),
        TEST(what_is_of_no_family_is_counted_and_not_shown),
        TEST(a_container_that_makes_up_new_names_gets_a_hundred),
        TEST(who_is_gone_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
