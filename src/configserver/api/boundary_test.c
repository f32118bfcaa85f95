/* The trust boundary over real TLS: who may call what, on which side. */
#include "configserver/api/test_boundary.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define STATE \
    "/application/v2/tenant/acme/application/search/environment/dev/region/aws-us-east-1c/instance/default"
#define CONFIRMATION                                                                               \
    "{\"provider\":\"" PROVIDER "\",\"domain\":\"vespa.tenant.acme\",\"service\":\"tenant-host\"," \
    "\"attributes\":{\"instanceId\":\"i-1\",\"csrPublicKeyHash\":\"x\"}}"

/* The path is another side's; or this side has it, too, for another method. */
static bool is_not_served(int code)
{
    return code == 403 || code == 405;
}

#define CHALLENGE(name, id) "{\"hostname\":\"" name "\",\"instanceId\":\"" id "\"}"

static void a_challenge_is_for_launched_hosts_only(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/bootstrap/v1/challenge";
    assert_int_equal(status(boundary, NOBODY, SIDE_PUBLIC, HTTP_POST, path, CHALLENGE(HOST, "i-00000001")),
                     200);
    assert_int_equal(status(boundary, NOBODY, SIDE_PUBLIC, HTTP_POST, path, CHALLENGE(HOST, "i-00000002")),
                     403);
    assert_int_equal(
        status(boundary, NOBODY, SIDE_PUBLIC, HTTP_POST, path, CHALLENGE("h999.x", "i-00000001")), 403);
    assert_int_equal(status(boundary, NOBODY, SIDE_PUBLIC, HTTP_POST, path, CHALLENGE("../x", "i-00000001")),
                     400);
    assert_true(
        is_not_served(status(boundary, NOBODY, SIDE_TUNNEL, HTTP_POST, path, CHALLENGE(HOST, "i-00000001"))));
    test_hosts_arrive(boundary->test);
    assert_int_equal(status(boundary, NOBODY, SIDE_PUBLIC, HTTP_POST, path, CHALLENGE(HOST, "i-00000001")),
                     403);
}

static void who_asks_too_often_is_slowed_down(void **state)
{
    struct boundary *boundary = *state;
    int last = 0;
    for (int i = 0; i < 100 && last != 429; i++)
        last = status(boundary, NOBODY, SIDE_PUBLIC, HTTP_POST, "/bootstrap/v1/challenge",
                      CHALLENGE("h9.x", "i-01"));
    assert_int_equal(last, 429);
}

static void a_key_is_published_by_its_host_on_the_public_side(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/wireguard/v1/key", *body = "{\"key\":\"" TEST_KEY "\"}";
    struct http_reply reply = ask(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_PUT, path, body);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "::1:64\""));
    assert_non_null(strstr(reply.body, "[2001:db8:f::1]:51820"));
    assert_int_equal(status(boundary, HOST_NEIGHBOR, SIDE_PUBLIC, HTTP_PUT, path, body), 409);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_PUT, path, "{\"key\":\"x\"}"), 400);
    assert_int_equal(status(boundary, NOBODY, SIDE_PUBLIC, HTTP_PUT, path, body), 401);
    assert_int_equal(status(boundary, STRANGER, SIDE_PUBLIC, HTTP_PUT, path, body), 403);
    assert_int_equal(status(boundary, ITS_NODE, SIDE_PUBLIC, HTTP_PUT, path, body), 403);
    assert_true(is_not_served(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, path, body)));
}

static void a_spec_is_its_hosts_and_only_through_the_tunnel(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/spec/v1/host/" HOST;
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, path, NULL), 200);
    assert_true(is_not_served(status(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_GET, path, NULL)));
    assert_true(is_not_served(status(boundary, HOST_ITSELF, SIDE_PROVIDER, HTTP_GET, path, NULL)));
    static const enum caller others[] = {HOST_NEIGHBOR, ITS_NODE, STRANGER, CONTROLLER, OPERATOR, ZTS};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(status(boundary, others[i], SIDE_TUNNEL, HTTP_GET, path, NULL), 403);
    assert_int_equal(status(boundary, NOBODY, SIDE_TUNNEL, HTTP_GET, path, NULL), 401);
}

static void ready_is_said_by_the_host_itself_through_the_tunnel(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/nodes/v2/state/ready/" HOST;
    assert_int_equal(status(boundary, HOST_NEIGHBOR, SIDE_TUNNEL, HTTP_PUT, path, "{}"), 403);
    assert_true(is_not_served(status(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_PUT, path, "{}")));
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, path, "{}"), 409); /* no key yet */
    ask(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_PUT, "/wireguard/v1/key", "{\"key\":\"" TEST_KEY "\"}");
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, path, "{}"), 200);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, path, NULL), 200);
}

static void a_host_reports_of_itself_and_its_node_and_only_what_it_may(void **state)
{
    struct boundary *boundary = *state;
    test_hosts_arrive(boundary->test);
    test_zone_run(boundary->test, 2);
    const char *up = "{\"serviceStatus\":\"up\",\"currentDockerImage\":\"registry.example/vespa:8\"}";
    const char *node = "/nodes/v2/node/" NODE;
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PATCH, node, up), 200);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PATCH, node, "{\"state\":\"active\"}"),
                     403);
    assert_int_equal(
        status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PATCH, node, "{\"serviceStatus\":\"fine\"}"), 400);
    assert_int_equal(status(boundary, HOST_NEIGHBOR, SIDE_TUNNEL, HTTP_PATCH, node, up), 403);
    assert_int_equal(status(boundary, HOST_NEIGHBOR, SIDE_TUNNEL, HTTP_PATCH, "/nodes/v2/node/" HOST, up),
                     403);
    assert_int_equal(status(boundary, ITS_NODE, SIDE_TUNNEL, HTTP_PATCH, node, up), 403);
    assert_true(is_not_served(status(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_PATCH, node, up)));
    struct http_reply shown = ask(boundary, OPERATOR, SIDE_PUBLIC, HTTP_GET, node, NULL);
    assert_non_null(strstr(shown.body, "\"serviceStatus\":\"up\""));
}

static void a_drained_host_leaves_only_when_it_was_asked_to(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/nodes/v2/node/" HOST, *drained = "{\"drained\":true}";
    test_hosts_arrive(boundary->test);
    test_zone_run(boundary->test, 2);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PATCH, path, drained), 200);
    VIEW(before, boundary->test->zone->repository);
    assert_int_equal(((const struct host *)view_find(before, RECORD_HOST, HOST))->state, HOST_ACTIVE);
    assert_int_equal(undeploy(boundary->test->zone, TEST_APPLICATION, NULL), 0);
    struct http_reply spec = ask(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, "/spec/v1/host/" HOST, NULL);
    assert_non_null(strstr(spec.body, "\"drain\":true"));
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PATCH, path, drained), 200);
    VIEW(after, boundary->test->zone->repository);
    assert_int_equal(((const struct host *)view_find(after, RECORD_HOST, HOST))->state, HOST_TERMINATING);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, "/spec/v1/host/" HOST, NULL), 403);
}

static void a_host_asks_for_itself_whether_it_may_be_down(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/orchestrator/v1/hosts/" NODE "/suspended", *shown = "/orchestrator/v1/hosts/" NODE;
    const char *many = "/orchestrator/v1/suspensions/hosts/" HOST "?hostname=" NODE "&hostname=" HOST;
    test_hosts_arrive(boundary->test);
    test_zone_run(boundary->test, 2);
    test_nodes_report(boundary->test, "up");
    test_zone_run(boundary->test, 2);
    struct http_reply refused = ask(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, path, NULL);
    assert_int_equal(refused.status, 409);
    assert_non_null(strstr(refused.body, "\"reason\":{\"constraint\":\"last-healthy\""));
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, many, NULL), 409);
    test_nodes_report(boundary->test, "down");
    test_zone_run(boundary->test, 2);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, path, NULL), 200);
    assert_non_null(
        strstr(ask(boundary, OPERATOR, SIDE_PUBLIC, HTTP_GET, shown, NULL).body, "ALLOWED_TO_BE_DOWN"));
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_DELETE, path, NULL), 200);
    assert_non_null(
        strstr(ask(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, shown, NULL).body, "NO_REMARKS"));
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT, many, NULL), 200);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_PUT,
                            "/orchestrator/v1/suspensions/hosts/" HOST "?hostname=h101a.x", NULL),
                     400);
    static const enum caller others[] = {HOST_NEIGHBOR, ITS_NODE, STRANGER, CONTROLLER, OPERATOR, ZTS};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(status(boundary, others[i], SIDE_TUNNEL, HTTP_PUT, path, NULL), 403);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_PUT, path, NULL), 403);
}

static void operators_command_and_hosts_do_not(void **state)
{
    struct boundary *boundary = *state;
    static const struct {
        enum http_method method;
        const char *path, *body;
        int status;
    } calls[] = {
        {HTTP_PATCH, "/nodes/v2/node/" HOST, "{\"wantToRetire\":true}", 200},
        {HTTP_PATCH, "/nodes/v2/node/" NODE, "{\"wantToRetire\":false,\"wantToDeprovision\":false}", 200},
        {HTTP_PATCH, "/nodes/v2/node/" HOST, "{\"state\":\"active\"}", 400},
        {HTTP_PATCH, "/nodes/v2/node/" HOST, "{\"wantToRetire\":1}", 400},
        {HTTP_PATCH, "/nodes/v2/node/" HOST, "{}", 400},
        {HTTP_PATCH, "/nodes/v2/node/h9.x", "{\"wantToRetire\":true}", 404},
        {HTTP_PUT, "/nodes/v2/state/parked/" HOST, NULL, 409},
        {HTTP_PUT, "/nodes/v2/state/dirty/" HOST, NULL, 409},
        {HTTP_PUT, "/nodes/v2/state/active/" HOST, NULL, 404},
        {HTTP_PUT, "/nodes/v2/state/failed/" HOST, NULL, 200},
        {HTTP_POST, "/nodes/v2/command/restart", NULL, 400},
        {HTTP_POST, "/nodes/v2/command/restart?hostname=" HOST, NULL, 200},
        {HTTP_POST, "/nodes/v2/command/reboot?application=acme.search.default", NULL, 200},
        {HTTP_POST, "/nodes/v2/command/reboot?application=acme.search.default&clusterId=web", NULL, 200},
        {HTTP_POST, "/nodes/v2/command/reboot?application=acme.search.default&clusterId=nobody", NULL, 409},
        {HTTP_POST, "/nodes/v2/command/reboot?application=acme.search.default&cluster=web", NULL, 400},
        {HTTP_POST, "/nodes/v2/command/reboot?application=acme.search.default&clusterId=", NULL, 400},
        {HTTP_POST, "/nodes/v2/command/restart?hostname=" HOST "&hostname=" NODE, NULL, 400},
        {HTTP_POST, "/nodes/v2/command/halt?hostname=" HOST, NULL, 404},
    };
    test_hosts_arrive(boundary->test);
    test_zone_run(boundary->test, 2);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        int got = status(boundary, OPERATOR, SIDE_PUBLIC, calls[i].method, calls[i].path, calls[i].body);
        if (got != calls[i].status)
            fail_msg("%s %s: %d", calls[i].path, calls[i].body ? calls[i].body : "", got);
        static const enum caller others[] = {HOST_ITSELF, HOST_NEIGHBOR, ITS_NODE, STRANGER, ZTS};
        for (size_t j = 0; j < COUNT_OF(others); j++)
            assert_int_equal(
                status(boundary, others[j], SIDE_PUBLIC, calls[i].method, calls[i].path, calls[i].body), 403);
    }
}

static void measurements_become_prometheus_metrics(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/metrics/v1/host/" HOST;
    const char *body =
        "{\"at\":1,\"metrics\":[{\"name\":\"vespa.host.disk_used_bytes\",\"value\":7,\"type\":\"gauge\"},"
        "{\"name\":\"vespa.node.logs_total\",\"value\":3,\"type\":\"counter\",\"node\":\"" NODE "\"}]}";
    const char *foreign =
        "{\"at\":1,\"metrics\":[{\"name\":\"a\",\"value\":3,\"type\":\"gauge\",\"node\":\"h9a.x\"}]}";
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_POST, path, body), 204);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_POST, path, foreign), 403);
    assert_int_equal(status(boundary, HOST_NEIGHBOR, SIDE_TUNNEL, HTTP_POST, path, body), 403);
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_GET, "/metrics", NULL), 403);
    struct http_reply shown = ask(boundary, OPERATOR, SIDE_PUBLIC, HTTP_GET, "/metrics", NULL);
    assert_non_null(
        strstr(shown.body, "# TYPE vespa_node_logs_total counter\nvespa_node_logs_total{host=\"" HOST "\""));
    assert_non_null(strstr(shown.body, "enclave_hosts{state=\"provisioned\"} 2\n"));
    assert_non_null(strstr(shown.body, "# TYPE enclave_hosts_held_back gauge\nenclave_hosts_held_back 0\n"));
    assert_non_null(
        strstr(shown.body, "# TYPE enclave_config_server_leads gauge\nenclave_config_server_leads 1\n"));
    assert_non_null(
        strstr(shown.body, "enclave_cloud_calls_total{family=\"launches\",outcome=\"answered\"} "));
    assert_non_null(
        strstr(shown.body, "enclave_metrics_refused 1\n")); /* vespa.host.disk_used_bytes is none */
}

static void only_zts_asks_the_provider_and_only_on_its_side(void **state)
{
    struct boundary *boundary = *state;
    static const char *const paths[] = {"/athenz/v1/provider/instance", "/athenz/v1/provider/refresh"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct http_reply reply = ask(boundary, ZTS, SIDE_PROVIDER, HTTP_POST, paths[i], CONFIRMATION);
        assert_int_equal(reply.status, 403);
        assert_non_null(strstr(reply.body, "not confirmed")); /* and not why */
        assert_true(is_not_served(status(boundary, ZTS, SIDE_PUBLIC, HTTP_POST, paths[i], CONFIRMATION)));
        assert_int_equal(status(boundary, CONTROLLER, SIDE_PROVIDER, HTTP_POST, paths[i], CONFIRMATION), 403);
        assert_int_equal(status(boundary, HOST_ITSELF, SIDE_PROVIDER, HTTP_POST, paths[i], CONFIRMATION),
                         403);
        assert_int_equal(status(boundary, NOBODY, SIDE_PROVIDER, HTTP_POST, paths[i], CONFIRMATION), 401);
    }
}

static void operators_read_and_the_controller_decides(void **state)
{
    struct boundary *boundary = *state;
    static const char *const reads[] = {STATE,
                                        "/nodes/v2/node/?recursive=true",
                                        "/nodes/v2/node/" HOST,
                                        "/nodes/v2/state/",
                                        "/nodes/v2/state/active",
                                        "/nodes/v2/application/",
                                        "/nodes/v2/application/acme.search.default",
                                        "/nodes/v2/stats",
                                        "/nodes/v2/wireguard",
                                        "/nodes/v2/acl/" HOST,
                                        "/nodes/v2/archive/",
                                        "/loadbalancers/v1/",
                                        "/metrics"};
    for (size_t i = 0; i < COUNT_OF(reads); i++) {
        assert_int_equal(status(boundary, OPERATOR, SIDE_PUBLIC, HTTP_GET, reads[i], NULL), 200);
        assert_int_equal(status(boundary, CONTROLLER, SIDE_PUBLIC, HTTP_GET, reads[i], NULL), 200);
        assert_int_equal(status(boundary, HOST_ITSELF, SIDE_PUBLIC, HTTP_GET, reads[i], NULL), 403);
        assert_true(is_not_served(status(boundary, CONTROLLER, SIDE_TUNNEL, HTTP_GET, reads[i], NULL)));
        assert_int_equal(status(boundary, NOBODY, SIDE_PUBLIC, HTTP_GET, reads[i], NULL), 401);
    }
    assert_int_equal(status(boundary, OPERATOR, SIDE_PUBLIC, HTTP_DELETE, STATE, NULL), 403);
    assert_int_equal(status(boundary, CONTROLLER, SIDE_PUBLIC, HTTP_DELETE, STATE, NULL), 200);
    assert_int_equal(status(boundary, NOBODY, SIDE_PUBLIC, HTTP_GET, "/state/v1/health", NULL), 200);
}

static void the_controller_asks_whether_an_account_is_set_up(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/zone/v2/account/" OTHER_ACCOUNT "/check", *body = "{\"externalId\":\"x\"}";
    assert_int_equal(status(boundary, CONTROLLER, SIDE_PUBLIC, HTTP_POST, path, body), 200);
    strcpy(boundary->test->cloud_state->missing, "VPC");
    struct http_reply reply = ask(boundary, CONTROLLER, SIDE_PUBLIC, HTTP_POST, path, body);
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "has no VPC: run 'terraform apply'"));
    assert_int_equal(status(boundary, CONTROLLER, SIDE_PUBLIC, HTTP_POST, "/zone/v2/account/12/check", body),
                     400);
}

static void a_form_without_a_package_is_refused(void **state)
{
    struct boundary *boundary = *state;
    const char *path = "/application/v2/tenant/acme/prepareandactivate";
    assert_int_equal(status(boundary, CONTROLLER, SIDE_PUBLIC, HTTP_POST, path, "{}"), 400);
    assert_int_equal(status(boundary, OPERATOR, SIDE_PUBLIC, HTTP_POST, path, "{}"), 403);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, boundary_begin, boundary_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_challenge_is_for_launched_hosts_only),
        TEST(who_asks_too_often_is_slowed_down),
        TEST(a_key_is_published_by_its_host_on_the_public_side),
        TEST(a_spec_is_its_hosts_and_only_through_the_tunnel),
        TEST(ready_is_said_by_the_host_itself_through_the_tunnel),
        TEST(a_host_reports_of_itself_and_its_node_and_only_what_it_may),
        TEST(a_drained_host_leaves_only_when_it_was_asked_to),
        TEST(a_host_asks_for_itself_whether_it_may_be_down),
        TEST(operators_command_and_hosts_do_not),
        TEST(measurements_become_prometheus_metrics),
        TEST(only_zts_asks_the_provider_and_only_on_its_side),
        TEST(operators_read_and_the_controller_decides),
        TEST(the_controller_asks_whether_an_account_is_set_up),
        TEST(a_form_without_a_package_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
