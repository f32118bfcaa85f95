/* The trust boundary over real TLS: who may call what, on which side. */
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "configserver/api/routes.h"
#include "configserver/hosts/polls.h"
#include "configserver/test_zone.h"
#include "identity/athenz.h"
#include "net/http_client.h"
#include "store/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define HOST     "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define NODE     "h100a.dev.aws-us-east-1c.vespa.enclave.internal"
#define NEIGHBOR "h101.dev.aws-us-east-1c.vespa.enclave.internal"
#define PROVIDER "vespa.provider_dev_aws-us-east-1c"
#define STATE \
    "/application/v2/tenant/acme/application/search/environment/dev/region/aws-us-east-1c/instance/default"
#define CONFIRMATION                                                                               \
    "{\"provider\":\"" PROVIDER "\",\"domain\":\"vespa.tenant.acme\",\"service\":\"tenant-host\"," \
    "\"attributes\":{\"instanceId\":\"i-1\",\"csrPublicKeyHash\":\"x\"}}"

enum caller { NOBODY, CONTROLLER, OPERATOR, ZTS, HOST_ITSELF, HOST_NEIGHBOR, ITS_NODE, STRANGER, CALLERS };

static const struct {
    const char *domain, *service, *provider, *instance_id;
} names[CALLERS] = {
    [CONTROLLER] = {"vespa", "controller", "vespa.aws", "i-00aa"},
    [OPERATOR] = {"vespa.operator", "ada", "vespa.aws", "ada"},
    [ZTS] = {"vespa", "zts", "vespa.aws", "i-00ab"},
    [HOST_ITSELF] = {"vespa.tenant.acme", "tenant-host", PROVIDER, "i-00000001"},
    [HOST_NEIGHBOR] = {"vespa.tenant.acme", "tenant-host", PROVIDER, "i-00000002"},
    [ITS_NODE] = {"vespa.tenant.acme.search", "default", PROVIDER, "0.web.default.search.acme.r.dev.node"},
    [STRANGER] = {"vespa.tenant.acme", "tenant-host", "vespa.provider_prod_aws-us-east-1c", "i-00000001"},
};

struct boundary {
    struct test_zone *test;
    struct authority *authority;
    struct tls_context *server_tls, *tls[CALLERS];
    struct http_client *clients[CALLERS];
    struct http_server *server;
    int ports[SIDE_TUNNEL + 1];
    struct memory_tree *tree;  /* of begin_in_memory */
    atomic_bool silent, loses; /* the store answers nothing; begins to when it has written next */
};

static void check(int result, const struct error *err)
{
    if (result < 0)
        fail_msg("%s", err->message);
}

static struct tls_files issue(struct boundary *boundary, const char *domain, const char *service,
                              const char *provider, const char *instance_id)
{
    struct error err;
    struct arena *arena = boundary->test->arena;
    struct names subject = {0};
    char *pem;
    cleanup(key_free) struct key *key = NULL;
    const char *base = arena_format(arena, "%s/%s.%s.%s.%s", boundary->test->directory, domain, service,
                                    provider, instance_id);
    const struct tls_files files = {arena_format(arena, "%s.pem", base), arena_format(arena, "%s.key", base),
                                    arena_format(arena, "%s/ca.pem", boundary->test->directory)};
    athenz_service_names(arena, domain, service, provider, instance_id, &subject);
    check(key_generate(&key, &err), &err);
    check(authority_issue(boundary->authority, arena, key_public_pem(arena, key), &subject, 3600000, &pem,
                          &err),
          &err);
    check(key_save(key, files.key, &err), &err);
    check(file_write(files.certificate, pem, strlen(pem), 0600, &err), &err);
    return files;
}

static void make_authority(struct boundary *boundary)
{
    struct error err;
    char *pem;
    cleanup(key_free) struct key *key = NULL;
    check(authority_create(boundary->test->arena, "Test CA", 1, &key, &pem, &err), &err);
    check(authority_open(pem, key, &boundary->authority, &err), &err);
    const char *path = arena_format(boundary->test->arena, "%s/ca.pem", boundary->test->directory);
    check(file_write(path, pem, strlen(pem), 0644, &err), &err);
}

static int anyone(void *context, const gnutls_datum_t *certificate, struct error *err)
{
    (void)context;
    (void)certificate;
    (void)err;
    return 0;
}

static void make_clients(struct boundary *boundary)
{
    struct error err;
    for (size_t i = 0; i < CALLERS; i++) {
        struct tls_files files = {
            NULL, NULL, arena_format(boundary->test->arena, "%s/ca.pem", boundary->test->directory)};
        if (names[i].domain)
            files =
                issue(boundary, names[i].domain, names[i].service, names[i].provider, names[i].instance_id);
        check(tls_context_new(&files, TLS_CLIENT_NONE, &boundary->tls[i], &err), &err);
        const struct http_client_options options = {
            .tls = boundary->tls[i], .check_peer = anyone, .no_proxy = true};
        check(http_client_new(&options, &boundary->clients[i], &err), &err);
    }
}

static void start_server(struct boundary *boundary)
{
    struct error err;
    const struct tls_files files =
        issue(boundary, "vespa", "configserver_dev_aws-us-east-1c", "vespa.aws", "i-0cfg");
    check(tls_context_new(&files, TLS_CLIENT_ALLOWED, &boundary->server_tls, &err), &err);
    const unsigned sides[] = {SIDE_PUBLIC, SIDE_PROVIDER, SIDE_TUNNEL};
    struct http_listener listeners[3];
    for (size_t i = 0; i < 3; i++) {
        listeners[i] = (struct http_listener){.side = sides[i], .tls = boundary->server_tls};
        check(http_listen("127.0.0.1", 0, &listeners[i].socket, &err), &err);
        boundary->ports[sides[i]] = http_socket_port(listeners[i].socket);
    }
    const struct http_server_options options = {.name = "test",
                                                .routes = routes,
                                                .route_count = route_count,
                                                .identify_peer = principal_identify_peer,
                                                .forget_peer = principal_forget_peer,
                                                .authorize = authorize_caller,
                                                .context = boundary->test->zone};
    check(polls_start(boundary->test->zone->polls, &err), &err);
    check(http_server_start(&options, listeners, 3, &boundary->server, &err), &err);
}

/* Two launched hosts, "web" on the first. */
static void bring_up(struct boundary *boundary)
{
    struct test_zone *test = boundary->test;
    struct error err;
    struct deployed deployed;
    check(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), &err);
    test_zone_run(test, 2);
    make_authority(boundary);
    make_clients(boundary);
    start_server(boundary);
}

static int begin(void **state)
{
    void *test;
    if (test_zone_begin(&test) < 0)
        return -1;
    struct boundary *boundary = memory_alloc(sizeof *boundary);
    boundary->test = test;
    bring_up(boundary);
    *state = boundary;
    return 0;
}

static enum store_result say_nothing(void *context, enum memory_moment moment,
                                     const struct store_operation *operations, size_t count)
{
    struct boundary *boundary = context;
    (void)operations;
    (void)count;
    if (moment == MEMORY_AFTER_WRITE && atomic_exchange(&boundary->loses, false))
        atomic_store(&boundary->silent, true);
    return atomic_load(&boundary->silent) ? STORE_LOST : STORE_OK;
}

/* The zone as it is, on a store that falls silent when the test says so. */
static int begin_in_memory(void **state)
{
    void *begun;
    struct error err = {0};
    if (test_zone_begin(&begun) < 0)
        return -1;
    struct test_zone *test = begun;
    struct boundary *boundary = memory_alloc(sizeof *boundary);
    boundary->test = test;
    const struct environment *environment = test->zone->environment;
    test_zone_close(test);
    boundary->tree = memory_tree_new();
    check(store_open_memory(boundary->tree, &test->store, &err), &err);
    store_memory_hook(test->store, say_nothing, boundary);
    const struct zone_parts parts = {.config = &test->config,
                                     .store = test->store,
                                     .cloud = &test->cloud,
                                     .peers = &test->peers,
                                     .attestor = &test->attestor,
                                     .environment = environment};
    check(zone_open(&parts, &test->zone, &err), &err);
    bring_up(boundary);
    *state = boundary;
    return 0;
}

static int end(void **state)
{
    struct boundary *boundary = *state;
    polls_stop(boundary->test->zone->polls);
    http_server_stop(&boundary->server);
    for (size_t i = 0; i < CALLERS; i++) {
        http_client_free(&boundary->clients[i]);
        tls_context_free(&boundary->tls[i]);
    }
    tls_context_free(&boundary->server_tls);
    authority_close(&boundary->authority);
    void *test = boundary->test;
    test_zone_end(&test);
    memory_tree_free(&boundary->tree);
    free(boundary);
    return 0;
}

static struct http_reply ask(struct boundary *boundary, enum caller caller, enum side side,
                             enum http_method method, const char *path, const char *body)
{
    struct error err;
    struct http_reply reply = {0};
    char url[512];
    snprintf(url, sizeof url, "https://127.0.0.1:%d%s", boundary->ports[side], path);
    struct http_call call = {
        .method = method, .url = url, .body = body, .body_length = body ? strlen(body) : 0};
    check(http_call(boundary->clients[caller], &call, boundary->test->arena, &reply, &err), &err);
    return reply;
}

static int status(struct boundary *boundary, enum caller caller, enum side side, enum http_method method,
                  const char *path, const char *body)
{
    return ask(boundary, caller, side, method, path, body).status;
}

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

struct waiting {
    struct boundary *boundary;
    int64_t generation, waited_ms;
    struct http_reply reply;
};

static void *wait_for_spec(void *context)
{
    struct waiting *waiting = context;
    struct error err;
    struct arena *arena = arena_new();
    int64_t start = clock_monotonic_ms();
    char url[256];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/spec/v1/host/" HOST "?generation=%lld&wait=20",
             waiting->boundary->ports[SIDE_TUNNEL], (long long)waiting->generation);
    struct http_call call = {.method = HTTP_GET, .url = url};
    if (http_call(waiting->boundary->clients[HOST_ITSELF], &call, arena, &waiting->reply, &err) < 0)
        waiting->reply.status = -1;
    waiting->waited_ms = clock_monotonic_ms() - start;
    waiting->reply.body = NULL;
    arena_free(&arena);
    return NULL;
}

static int64_t generation_of(struct boundary *boundary)
{
    char *text;
    int64_t generation;
    struct error err;
    check(polls_spec(boundary->test->zone->polls, HOST, boundary->test->arena, &text, &generation, &err),
          &err);
    return generation;
}

static void a_waiting_host_is_answered_when_its_spec_changes(void **state)
{
    struct boundary *boundary = *state;
    struct waiting waiting = {.boundary = boundary, .generation = generation_of(boundary)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_spec, &waiting), 0);
    clock_sleep_ms(300);
    test_hosts_arrive(boundary->test);
    pthread_join(thread, NULL);
    assert_int_equal(waiting.reply.status, 200);
    assert_in_range(waiting.waited_ms, 200, 5000);
    assert_true(generation_of(boundary) > waiting.generation);
}

static int reboot_later(struct boundary *boundary, struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction =
        transaction_begin(boundary->test->zone->repository);
    struct host next = *(const struct host *)transaction_find(transaction, RECORD_HOST, HOST);
    next.reboot_generation++;
    transaction_put(transaction, RECORD_HOST, &next);
    return transaction_commit(&transaction, err);
}

/* What was written without an answer is shown when the store speaks again, and whoever waits hears of it. */
static void a_waiting_host_is_answered_when_a_change_turns_out_to_be_written(void **state)
{
    struct boundary *boundary = *state;
    struct zone *zone = boundary->test->zone;
    struct error err;
    struct waiting waiting = {.boundary = boundary, .generation = generation_of(boundary)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_spec, &waiting), 0);
    clock_sleep_ms(300);
    boundary->loses = true;
    test_zone_advance(boundary->test, 1000);
    assert_int_equal(reboot_later(boundary, &err), -1);
    assert_int_equal(generation_of(boundary), waiting.generation);
    boundary->silent = false;
    cleanup(transaction_end) struct transaction *next = transaction_begin(zone->repository);
    pthread_join(thread, NULL);
    assert_int_equal(waiting.reply.status, 200);
    assert_in_range(waiting.waited_ms, 200, 5000);
    assert_true(generation_of(boundary) > waiting.generation);
    assert_int_equal(atomic_load(&zone->told_ms), zone_now_ms(zone));
}

static void a_waiting_host_is_told_when_nothing_changed(void **state)
{
    struct boundary *boundary = *state;
    char path[128];
    snprintf(path, sizeof path, "/spec/v1/host/" HOST "?generation=%lld&wait=1",
             (long long)generation_of(boundary));
    assert_int_equal(status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, path, NULL), 304);
    assert_int_equal(
        status(boundary, HOST_ITSELF, SIDE_TUNNEL, HTTP_GET, "/spec/v1/host/" HOST "?wait=99", NULL), 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
        TEST(a_waiting_host_is_answered_when_its_spec_changes),
        cmocka_unit_test_setup_teardown(a_waiting_host_is_answered_when_a_change_turns_out_to_be_written,
                                        begin_in_memory, end),
        TEST(a_waiting_host_is_told_when_nothing_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
