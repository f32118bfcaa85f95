/* Why something waits, as `enclave hosts`, `nodes` and `loadbalancers` say it. */
#include "base/clock.h"
#include "base/record.h"
#include "cli/overview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef const char *waits_cell(struct cli *cli, json_t *item);

struct wait_case {
    const char *item, *said; /* NULL: nothing */
};

static void check(waits_cell *waits, const struct wait_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cleanup(arena_free) struct arena *arena = arena_new();
        struct cli cli = {.arena = arena};
        json_t *item;
        assert_int_equal(json_parse(arena, cases[i].item, strlen(cases[i].item), &item, NULL), 0);
        const char *said = waits(&cli, item);
        if (!text_equal(said ? said : "nothing", cases[i].said ? cases[i].said : "nothing"))
            fail_msg("%s: '%s', not '%s'", cases[i].item, said ? said : "nothing", cases[i].said);
    }
}
#define CHECK(waits, cases) check(waits, cases, sizeof cases / sizeof *cases)

static void a_host_says_what_it_waits_for(void **state)
{
    (void)state;
    static const struct wait_case cases[] = {
        {"{\"state\":\"active\"}", NULL},
        {"{\"state\":\"wanted\"}", "to be launched"},
        {"{\"state\":\"wanted\",\"trouble\":\"m6g.large: no "
         "capacity\",\"capacityRefusals\":3,\"failCount\":0}",
         "to be launched; m6g.large: no capacity; AWS had no capacity 3 times"},
        {"{\"state\":\"provisioned\",\"failCount\":2}",
         "its machine to come up and call; 2 launches in vain"},
        {"{\"state\":\"active\",\"wantToRetire\":true,\"wishReason\":\"AWS retires it\"}",
         "to be replaced, then to leave; AWS retires it"},
        {"{\"state\":\"active\",\"wantToFail\":true,\"wantToRetire\":true}", "to be replaced as broken"},
        {"{\"state\":\"active\",\"reports\":{\"disk\":{\"type\":\"HARD_FAIL\",\"description\":\"read-only\"}}"
         "}",
         "it reports disk: read-only"},
        {"{\"state\":\"active\",\"rebootGeneration\":2,\"currentRebootGeneration\":1}", "is to reboot"},
        {"{\"state\":\"deprovisioning\"}", "its last logs to be archived"},
        {"{\"state\":\"terminating\"}", "AWS to end its instance"},
    };
    CHECK(host_waits_cell, cases);
}

static void a_host_says_when_it_is_tried_again_and_since_when_it_is_silent(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct cli cli = {.arena = arena};
    json_t *later =
        json_pack("{s:s,s:I}", "state", "wanted", "launchAfter", (json_int_t)clock_now_ms() + 90000);
    const char *said = host_waits_cell(&cli, later);
    assert_true(text_equal(said, "to be launched; tried again in 90 s") ||
                text_equal(said, "to be launched; tried again in 89 s"));
    json_t *silent = json_pack("{s:s,s:b,s:I}", "state", "active", "down", 1, "downSinceMillis",
                               (json_int_t)clock_now_ms() - 30000);
    assert_true(text_starts(host_waits_cell(&cli, silent), "silent, since 30 s ago"));
    json_decref(later);
    json_decref(silent);
}

static void a_node_says_what_it_waits_for(void **state)
{
    (void)state;
    static const struct wait_case cases[] = {
        {"{\"state\":\"active\",\"wantedDockerImage\":\"a:1\",\"currentDockerImage\":\"a:1\"}", NULL},
        {"{\"state\":\"reserved\",\"wantedDockerImage\":\"a:1\"}", "its host"},
        {"{\"state\":\"active\",\"wantedDockerImage\":\"a:2\",\"currentDockerImage\":\"a:1\"}",
         "is to run a:2"},
        {"{\"state\":\"active\",\"membership\":{\"retired\":true},\"wantToRetire\":true}",
         "retired: leaves when the others have its documents and serve"},
        {"{\"state\":\"active\",\"membership\":{\"retired\":true},\"dataMoved\":true}",
         "retired: leaves when the others serve"},
        {"{\"state\":\"active\",\"wantToFail\":true}", "its host is to be replaced"},
        {"{\"state\":\"active\",\"restartGeneration\":1,\"currentRestartGeneration\":0,"
         "\"statusMessage\":\"out of memory\"}",
         "is to restart; out of memory"},
        {"{\"state\":\"inactive\"}", "stopped: kept with its data for a while"},
    };
    CHECK(node_waits_cell, cases);
}

static void a_node_whose_host_is_not_there_yet_says_why(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    struct cli cli = {.arena = arena};
    json_t *node = json_pack("{s:s,s:s}", "state", "reserved", "parentHostname", "h100");
    overview_everybody = json_pack("[{s:s,s:s},{s:s,s:s,s:s}]", "hostname", "h99", "state", "parked",
                                   "hostname", "h100", "state", "wanted", "trouble", "no capacity");
    assert_string_equal(node_waits_cell(&cli, node), "its host is wanted: no capacity");
    json_decref(overview_everybody);
    overview_everybody = NULL;
    json_decref(node);
}

static void a_load_balancer_says_what_it_waits_for(void **state)
{
    (void)state;
    static const struct wait_case cases[] = {
        {"{\"state\":\"wanted\",\"trouble\":\"TooManyLoadBalancers\"}",
         "AWS to make it; TooManyLoadBalancers"},
        {"{\"state\":\"active\",\"announced\":true,\"reals\":[{}],\"healthyTargets\":1}", NULL},
        {"{\"state\":\"active\",\"reals\":[{},{}],\"healthyTargets\":1}",
         "1 of 2 nodes do not answer it yet; not announced yet"},
        {"{\"state\":\"active\",\"announced\":true,\"reals\":[]}", "no node is active behind it"},
        {"{\"state\":\"removing\"}", "AWS to remove it"},
    };
    CHECK(balancer_waits_cell, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_says_what_it_waits_for),
        cmocka_unit_test(a_host_says_when_it_is_tried_again_and_since_when_it_is_silent),
        cmocka_unit_test(a_node_says_what_it_waits_for),
        cmocka_unit_test(a_node_whose_host_is_not_there_yet_says_why),
        cmocka_unit_test(a_load_balancer_says_what_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
