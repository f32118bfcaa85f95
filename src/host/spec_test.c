#include "base/file.h"
#include "base/text.h"
#include "host/converge.h"
#include "host/firewall.h"
#include "host/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define HOST "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define NODE "h100a.dev.aws-us-east-1c.vespa.enclave.internal"

static const char good_spec[] =
    "{\"generation\":7,\"hostname\":\"" HOST "\",\"state\":\"active\",\"hostAddress\":\"2600:1f18::100\","
    "\"archiveBucket\":\"vespa-archive\",\"nodes\":[{\"hostname\":\"" NODE "\",\"state\":\"active\","
    "\"tenant\":\"acme\",\"application\":\"albums\",\"instance\":\"default\",\"clusterType\":\"container\","
    "\"clusterId\":\"default\",\"index\":0,\"image\":\"localhost/enclave/album-search:1\","
    "\"address\":\"2600:1f18::100a\",\"resources\":{\"vcpu\":2,\"memoryGb\":8,\"diskGb\":50},"
    "\"athenzService\":\"default\",\"athenzDomain\":\"vespa.tenant.acme.albums\","
    "\"instanceId\":\"0.default.default.albums.acme.aws-us-east-1c.dev.node\","
    "\"applicationAddresses\":[\"2600:1f18::100a\",\"2600:1f18::101a\"],"
    "\"networks\":[\"2600:1f18:0:1::/64\",\"10.0.0.0/20\"],\"restartGeneration\":1}]}";

static int parse(struct arena *arena, const char *text, struct host_spec *spec, struct error *err)
{
    return spec_parse(HOST, arena, text, strlen(text), spec, err);
}

/* The good spec with its first `from` replaced. */
static char *with(struct arena *arena, const char *from, const char *to)
{
    const char *at = strstr(good_spec, from);
    assert_non_null(at);
    return arena_format(arena, "%.*s%s%s", (int)(at - good_spec), good_spec, to, at + strlen(from));
}

static void a_spec_with_names_that_would_become_paths_arguments_or_rules_is_refused(void **state)
{
    (void)state;
    static const char *const spoils[][2] = {
        {"\"" HOST "\"", "\"h101.dev.aws-us-east-1c.vespa.enclave.internal\""},
        {"\"" NODE "\"", "\"../../etc\""},
        {"\"state\":\"active\",\"tenant\"", "\"state\":\"gone\",\"tenant\""},
        {"localhost/enclave/album-search:1", "--privileged"},
        {"localhost/enclave/album-search:1", "a image"},
        {"\"2600:1f18::100a\",\"resources\"", "\"2600:1f18::/16\",\"resources\""},
        {"\"2600:1f18::101a\"", "\"::1 } accept\""},
        {"10.0.0.0/20", "10.0.0.0/20 } accept; {"},
        {"2600:1f18:0:1::/64", "2600:1f18:0:1::"},
        {"\"2600:1f18::100\"", "\"10.0.0.1\""},
        {"vespa.tenant.acme.albums", "vespa tenant"},
        {"\"clusterType\":\"container\"", "\"clusterType\":\"root\""},
    };
    for (size_t i = 0; i < COUNT_OF(spoils); i++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct host_spec spec = {0};
        struct error err = {0};
        assert_int_equal(parse(arena, with(arena, spoils[i][0], spoils[i][1]), &spec, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    cleanup(arena_free) struct arena *arena = arena_new();
    struct host_spec spec = {0};
    struct error err = {0};
    if (parse(arena, good_spec, &spec, &err) < 0)
        fail_msg("%s", err.message);
}

static void the_last_good_spec_is_there_after_a_restart(void **state)
{
    (void)state;
    char directory[] = "/tmp/spec-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    struct agent before = {.settings = {.state = directory}, .config = {.hostname = HOST}};
    pthread_mutex_init(&before.lock, NULL);
    pthread_cond_init(&before.changed, NULL);
    cleanup(arena_free) struct arena *arena = arena_new();
    struct host_spec spec = {0};
    struct error err = {0};
    assert_int_equal(spec_load(&before, arena, &spec, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(spec_store(&before, good_spec, strlen(good_spec), NULL), 0);
    assert_int_equal(before.spec_changes, 1);

    struct agent after = {.settings = {.state = directory}, .config = {.hostname = HOST}};
    assert_int_equal(spec_load(&after, arena, &spec, NULL), 0);
    assert_int_equal(spec.generation, 7);
    assert_int_equal(spec.node_count, 1);
    tree_remove(directory, NULL);
}

static char *rules_of(struct arena *arena, const char *spec_text)
{
    static struct wireguard_peer servers[] = {{.hostname = "cfg1", .address = "fd00:ec1a:1::1"}};
    static struct wireguard_peers peers = {.configservers = servers, .configserver_count = 1};
    struct host_spec *spec = arena_alloc(arena, sizeof *spec);
    if (spec_text)
        assert_int_equal(parse(arena, spec_text, spec, NULL), 0);
    struct firewall firewall = {spec_text ? spec : NULL, spec_text ? &peers : NULL, TUNNEL_INTERFACE};
    return firewall_text(arena, &firewall);
}

static void the_firewall_lets_nodes_meet_their_application_and_nothing_else(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *rules = rules_of(arena, good_spec);
    const char *limits = strstr(rules, "iifname \"n-h100a\" ip6 saddr != 2600:1f18::100a drop");
    const char *metadata = strstr(rules, "iifname \"n-h100a\" ip6 daddr { fd00:ec2::/32");
    const char *tunnel = strstr(rules, "iifname \"n-h100a\" oifname \"wg-enclave\" drop");
    const char *answers = strstr(strstr(rules, "chain forward"), "ct state established,related accept");
    const char *peers =
        strstr(rules, "iifname \"n-h100a\" ip6 daddr { 2600:1f18::100a, 2600:1f18::101a } accept");
    assert_non_null(limits);
    assert_non_null(metadata);
    assert_non_null(tunnel);
    assert_non_null(answers);
    assert_non_null(peers);
    assert_true(limits < answers && metadata < answers && tunnel < answers && answers < peers);
    assert_non_null(strstr(rules, "ip6 saddr { 2600:1f18:0:1::/64 } tcp dport 4443 accept"));
    assert_null(strstr(rules, "10.0.0.0"));
    assert_non_null(strstr(rules, "ip6 saddr { fd00:ec1a:1::1 } tcp dport 8080 accept"));
    assert_non_null(strstr(rules, "hook input priority filter; policy drop"));
    assert_non_null(strstr(rules, "hook forward priority filter; policy drop"));
}

static void without_a_spec_the_firewall_is_closed(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *rules = rules_of(arena, NULL);
    assert_non_null(strstr(rules, "policy drop"));
    assert_null(strstr(rules, "dport 4443"));
    assert_null(strstr(rules, "dport 8080"));
}

static void a_cable_has_a_name_the_kernel_takes(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    assert_string_equal(node_link_name(arena, NODE), "n-h100a");
    const char *a = node_link_name(arena, "a-first-label-that-is-long.example");
    const char *b = node_link_name(arena, "a-first-label-that-is-lone.example");
    assert_true(strlen(a) <= 15 && strlen(b) <= 15);
    assert_string_not_equal(a, b);
}

static void each_wanted_state_has_its_plan(void **state)
{
    (void)state;
    assert_ptr_equal(plan_for("active", false)->steps[5], node_container_run);
    assert_ptr_equal(plan_for("inactive", false)->steps[0], node_container_stop);
    assert_ptr_equal(plan_for("dirty", false)->steps[1], node_logs_drain);
    assert_ptr_equal(plan_for("dirty", true), plan_for("dirty", false));
    assert_ptr_equal(plan_for(NULL, false), plan_for("dirty", false));
    assert_string_equal(plan_for("active", true)->state, "drain");
    assert_true(plan_for("active", true)->drained);
    /* What runs is stopped, and its logs are in the archive, before anything of it is removed. */
    assert_ptr_equal(plan_for("dirty", false)->steps[0], node_container_remove);
    assert_ptr_equal(plan_for("dirty", false)->steps[3], node_directories_remove);
}

static void a_node_is_down_only_after_it_failed_repeatedly(void **state)
{
    (void)state;
    struct node node = {.hostname = (char *)"n"};
    node_happen(&node, NODE_TROUBLE, "no answer");
    assert_int_equal(node.status, NODE_STARTING);
    node_happen(&node, NODE_HEALTHY, NULL);
    assert_int_equal(node.status, NODE_UP);
    node_happen(&node, NODE_TROUBLE, "no answer");
    node_happen(&node, NODE_TROUBLE, "no answer");
    assert_int_equal(node.status, NODE_UP);
    assert_string_equal(node.message, "no answer");
    node_happen(&node, NODE_TROUBLE, "no answer");
    assert_int_equal(node.status, NODE_DOWN);
    node_happen(&node, NODE_HEALTHY, NULL);
    assert_int_equal(node.status, NODE_UP);
    assert_string_equal(node.message, "");
}

static void a_stopped_node_starts_only_when_it_is_wanted_again(void **state)
{
    (void)state;
    struct node node = {.hostname = (char *)"n", .status = NODE_UP};
    node_happen(&node, NODE_HALT, NULL);
    assert_int_equal(node.status, NODE_STOPPED);
    node_happen(&node, NODE_HEALTHY, NULL);
    assert_int_equal(node.status, NODE_STOPPED);
    node_happen(&node, NODE_BEGIN, NULL);
    assert_int_equal(node.status, NODE_STARTING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_with_names_that_would_become_paths_arguments_or_rules_is_refused),
        cmocka_unit_test(the_last_good_spec_is_there_after_a_restart),
        cmocka_unit_test(the_firewall_lets_nodes_meet_their_application_and_nothing_else),
        cmocka_unit_test(without_a_spec_the_firewall_is_closed),
        cmocka_unit_test(a_cable_has_a_name_the_kernel_takes),
        cmocka_unit_test(each_wanted_state_has_its_plan),
        cmocka_unit_test(a_node_is_down_only_after_it_failed_repeatedly),
        cmocka_unit_test(a_stopped_node_starts_only_when_it_is_wanted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
