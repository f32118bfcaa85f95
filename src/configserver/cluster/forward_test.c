/* Two config servers of a zone on one store, over real TLS: what a follower passes on, and whom the leader
 * believes. */
#include "base/clock.h"
#include "base/text.h"
#include "configserver/api/routes.h"
#include "configserver/cluster/forward.h"
#include "configserver/cluster/servers.h"
#include "configserver/hosts/hearing.h"
#include "configserver/test_callers.h"
#include "identity/athenz.h"

#include <stdio.h>
#include <string.h>

#define HOST     "h100.dev.aws-us-east-1c.vespa.enclave.internal"
#define NODE     "h100a.dev.aws-us-east-1c.vespa.enclave.internal"
#define PROVIDER "vespa.provider_dev_aws-us-east-1c"
#define UP       "{\"serviceStatus\":\"up\",\"currentDockerImage\":\"registry.example/vespa:8\"}"
#define BEHALF   "X-Enclave-On-Behalf-Of"

enum caller { CONFIGSERVER, OTHER_ZONE, HOST_ITSELF, HOST_NEIGHBOR, OPERATOR, NOBODY, CALLERS };

static const struct test_caller names[CALLERS] = {
    [CONFIGSERVER] = {"vespa", "configserver_dev_aws-us-east-1c", "vespa.aws", "i-0cf2"},
    [OTHER_ZONE] = {"vespa", "configserver_prod_aws-us-east-1c", "vespa.aws", "i-0cf9"},
    [HOST_ITSELF] = {"vespa.tenant.acme", "tenant-host", PROVIDER, "i-00000001"},
    [HOST_NEIGHBOR] = {"vespa.tenant.acme", "tenant-host", PROVIDER, "i-00000002"},
    [OPERATOR] = {"vespa.operator", "ada", "vespa.aws", "ada"},
};

/* One of the two: 0 leads, 1 follows. */
struct half {
    struct zone *zone;
    struct config_servers servers;
    struct http_server *http;
    int ports[SIDE_MESH + 1];
};

struct pair {
    struct test_zone *test;
    struct test_callers callers;
    struct config config; /* the follower's */
    struct half halves[2];
};

static void serve(struct pair *pair, struct half *half)
{
    struct error err;
    const unsigned sides[] = {SIDE_PUBLIC, SIDE_TUNNEL, SIDE_MESH};
    struct http_listener listeners[COUNT_OF(sides)];
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        listeners[i] = (struct http_listener){.side = sides[i], .tls = pair->callers.tls[CONFIGSERVER]};
        check(http_listen("127.0.0.1", 0, &listeners[i].socket, &err), &err);
        half->ports[sides[i]] = http_socket_port(listeners[i].socket);
    }
    const struct http_server_options options = {.name = "test",
                                                .routes = routes,
                                                .route_count = route_count,
                                                .identify_peer = principal_identify_peer,
                                                .forget_peer = principal_forget_peer,
                                                .authorize = authorize_caller,
                                                .handle = forward_or_handle,
                                                .context = half->zone};
    check(http_server_start(&options, listeners, COUNT_OF(listeners), &half->http, &err), &err);
}

/* What the election would have found. */
static void set_leader(struct pair *pair, int64_t index)
{
    for (size_t i = 0; i < 2; i++) {
        struct config_servers *servers = &pair->halves[i].servers;
        atomic_store(&servers->leader, index);
        atomic_store(&servers->leads, index == servers->index);
        atomic_store(&servers->unreachable_until, 0);
    }
}

static void make_servers(struct pair *pair)
{
    struct error err;
    struct test_zone *test = pair->test;
    static struct config_server all[] = {{1, "2001:db8:f::1"}, {2, "2001:db8:f::2"}};
    test->config.servers = all;
    test->config.server_count = COUNT_OF(all);
    pair->config = test->config;
    pair->config.index = 2;
    pair->config.address = "2001:db8:f::2";
    const struct zone_parts parts = {&pair->config,   test->store,     &test->cloud,
                                     &test->peers,    &test->attestor, test->zone->environment,
                                     .follower = true};
    pair->halves[0].zone = test->zone;
    check(zone_open(&parts, &pair->halves[1].zone, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        struct half *half = &pair->halves[i];
        config_servers_init(&half->servers, half->zone->config, 1, test->arena);
        half->servers.client = pair->callers.clients[CONFIGSERVER];
        half->zone->servers = &half->servers;
        serve(pair, half);
    }
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            pair->halves[i].servers.all[j].url =
                arena_format(test->arena, "https://127.0.0.1:%d", pair->halves[j].ports[SIDE_MESH]);
    set_leader(pair, 1);
}

/* A host that is ready and runs its node. */
static int begin(void **state)
{
    void *test;
    if (test_zone_begin(&test) < 0)
        return -1;
    struct pair *pair = memory_alloc(sizeof *pair);
    pair->test = test;
    struct error err;
    struct deployed deployed;
    check(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), &err);
    test_zone_run(test, 2);
    test_hosts_arrive(test);
    test_zone_run(test, 2);
    test_callers_begin(&pair->callers, test, names, CALLERS);
    make_servers(pair);
    *state = pair;
    return 0;
}

static int end(void **state)
{
    struct pair *pair = *state;
    for (size_t i = 0; i < 2; i++)
        http_server_stop(&pair->halves[i].http);
    zone_close(&pair->halves[1].zone);
    pair->test->zone->servers = NULL;
    test_callers_end(&pair->callers);
    void *test = pair->test;
    test_zone_end(&test);
    free(pair);
    return 0;
}

struct question {
    enum caller caller;
    size_t half;
    enum side side;
    enum http_method method;
    const char *path, *body, *behalf;
};

static struct http_reply ask(struct pair *pair, const struct question *question)
{
    struct error err;
    struct http_reply reply = {0};
    char url[512];
    snprintf(url, sizeof url, "https://127.0.0.1:%d%s", pair->halves[question->half].ports[question->side],
             question->path);
    struct http_call call = {.method = question->method,
                             .url = url,
                             .body = question->body,
                             .body_length = question->body ? strlen(question->body) : 0};
    if (question->behalf)
        http_headers_add(pair->test->arena, &call.headers, BEHALF, question->behalf);
    check(http_call(pair->callers.clients[question->caller], &call, pair->test->arena, &reply, &err), &err);
    return reply;
}

static int status(struct pair *pair, enum caller caller, size_t half, enum side side, const char *behalf)
{
    const struct question report = {caller, half, side, HTTP_PATCH, "/nodes/v2/node/" NODE, UP, behalf};
    return ask(pair, &report).status;
}

static const char *reported(struct zone *zone, struct arena *arena)
{
    VIEW(view, zone->repository);
    const struct node *node = view_find(view, RECORD_NODE, NODE);
    return arena_strdup(arena, node->service_status);
}

#define FOR_HOST(id)                                                                           \
    "{\"side\":\"tunnel\",\"name\":\"vespa.tenant.acme.tenant-host\",\"provider\":\"" PROVIDER \
    "\",\"instanceId\":\"" id "\",\"address\":\"2001:db8::7\"}"

static void what_a_host_reports_to_a_follower_is_written_by_the_leader(void **state)
{
    struct pair *pair = *state;
    assert_null(reported(pair->test->zone, pair->test->arena));
    assert_int_equal(status(pair, HOST_ITSELF, 1, SIDE_TUNNEL, NULL), 200);
    assert_string_equal(reported(pair->test->zone, pair->test->arena), "up");
}

static void who_is_heard_by_a_follower_is_heard_by_the_leader(void **state)
{
    struct pair *pair = *state;
    int64_t at;
    hearing_begin(pair->test->zone->hearing, zone_now_ms(pair->test->zone));
    assert_false(hearing_last(pair->test->zone->hearing, HOST, &at));
    assert_int_equal(status(pair, HOST_ITSELF, 1, SIDE_TUNNEL, NULL), 200);
    assert_true(hearing_last(pair->test->zone->hearing, HOST, &at));
}

/* A route that is on two sides is for others on each: the leader judges by the side on which the caller
 * called. */
static void the_side_on_which_somebody_called_is_passed_on(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(status(pair, HOST_ITSELF, 1, SIDE_PUBLIC, NULL), 403);
    const char *by_public =
        arena_format(pair->test->arena, "{\"side\":\"public\"%s", strchr(FOR_HOST("i-00000001"), ','));
    assert_int_equal(status(pair, CONFIGSERVER, 0, SIDE_MESH, by_public), 403);
    const char *by_provider =
        arena_format(pair->test->arena, "{\"side\":\"provider\"%s", strchr(FOR_HOST("i-00000001"), ','));
    assert_int_equal(status(pair, CONFIGSERVER, 0, SIDE_MESH, by_provider), 403);
    assert_null(reported(pair->test->zone, pair->test->arena));
}

static void the_leader_refuses_whom_it_would_refuse_itself(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(status(pair, HOST_NEIGHBOR, 1, SIDE_TUNNEL, NULL), 403);
    assert_int_equal(status(pair, OPERATOR, 1, SIDE_TUNNEL, NULL), 403);
    assert_int_equal(status(pair, NOBODY, 1, SIDE_TUNNEL, NULL), 401);
    assert_null(reported(pair->test->zone, pair->test->arena));
}

static void only_config_servers_of_the_zone_speak_for_others_and_only_in_the_mesh(void **state)
{
    struct pair *pair = *state;
    static const enum caller others[] = {OTHER_ZONE, HOST_ITSELF, HOST_NEIGHBOR, OPERATOR};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(status(pair, others[i], 0, SIDE_MESH, FOR_HOST("i-00000001")), 403);
        assert_int_equal(status(pair, others[i], 0, SIDE_MESH, NULL), 403);
    }
    assert_int_equal(status(pair, NOBODY, 0, SIDE_MESH, FOR_HOST("i-00000001")), 403);
    static const enum side sides[] = {SIDE_PUBLIC, SIDE_TUNNEL};
    for (size_t i = 0; i < COUNT_OF(sides); i++)
        for (size_t half = 0; half < 2; half++) {
            const struct question spec = {CONFIGSERVER,
                                          half,
                                          sides[i],
                                          HTTP_GET,
                                          sides[i] == SIDE_TUNNEL ? "/spec/v1/host/" HOST : "/metrics",
                                          NULL,
                                          FOR_HOST("i-00000001")};
            assert_int_equal(ask(pair, &spec).status, 403);
        }
    assert_null(reported(pair->test->zone, pair->test->arena));
    assert_int_equal(status(pair, CONFIGSERVER, 0, SIDE_MESH, FOR_HOST("i-00000002")), 403);
    assert_int_equal(status(pair, CONFIGSERVER, 0, SIDE_MESH, NULL), 400);
    assert_int_equal(status(pair, CONFIGSERVER, 0, SIDE_MESH, "{\"name\":\"x"), 400);
    assert_int_equal(status(pair, CONFIGSERVER, 0, SIDE_MESH, FOR_HOST("i-00000001")), 200);
}

static void a_request_is_passed_on_once(void **state)
{
    struct pair *pair = *state;
    atomic_store(&pair->halves[0].servers.leads,
                 false); /* it lost the lead, and the follower does not know */
    assert_int_equal(status(pair, HOST_ITSELF, 1, SIDE_TUNNEL, NULL), 503);
    assert_null(reported(pair->test->zone, pair->test->arena));
}

static void without_a_leader_writes_are_put_off_at_once_and_reads_answered(void **state)
{
    struct pair *pair = *state;
    set_leader(pair, 0);
    int64_t start = clock_monotonic_ms();
    const struct question write = {HOST_ITSELF, 1, SIDE_TUNNEL, HTTP_PATCH, "/nodes/v2/node/" NODE, UP, NULL},
                          read = {OPERATOR, 1, SIDE_PUBLIC, HTTP_GET, "/nodes/v2/node/" HOST, NULL, NULL},
                          spec = {HOST_ITSELF, 1, SIDE_TUNNEL, HTTP_GET, "/spec/v1/host/" HOST, NULL, NULL};
    struct http_reply refused = ask(pair, &write);
    assert_int_equal(refused.status, 503);
    assert_string_equal(http_headers_get(&refused.headers, "Retry-After"), "1");
    assert_non_null(strstr(refused.body, "NO_LEADER"));
    assert_int_equal(ask(pair, &read).status, 200);
    assert_int_equal(ask(pair, &spec).status, 200);
    assert_in_range(clock_monotonic_ms() - start, 0, 2000);
}

static void a_leader_that_does_not_answer_is_spared(void **state)
{
    struct pair *pair = *state;
    pair->halves[1].servers.all[0].url = "https://127.0.0.1:1";
    assert_int_equal(status(pair, HOST_ITSELF, 1, SIDE_TUNNEL, NULL), 503);
    assert_true(atomic_load(&pair->halves[1].servers.unreachable_until) > clock_monotonic_ms() - 400);
    assert_int_equal(status(pair, HOST_ITSELF, 1, SIDE_TUNNEL, NULL), 503);
    assert_int_equal(atomic_load(&pair->halves[1].servers.passing), 0);
}

static void operators_see_who_leads(void **state)
{
    struct pair *pair = *state;
    const struct question seen = {OPERATOR, 1, SIDE_PUBLIC, HTTP_GET, "/cluster/v1/status", NULL, NULL},
                          by_host = {HOST_ITSELF, 1, SIDE_PUBLIC, HTTP_GET, "/cluster/v1/status", NULL, NULL};
    atomic_store(&pair->halves[1].servers.connected, true);
    const char *body = ask(pair, &seen).body;
    assert_non_null(strstr(body, "\"leader\":1"));
    assert_non_null(strstr(body, "\"index\":1,\"address\":\"2001:db8:f::1\",\"state\":\"leader\""));
    assert_non_null(strstr(body, "\"index\":2,\"address\":\"2001:db8:f::2\",\"state\":\"follower\""));
    assert_int_equal(ask(pair, &by_host).status, 403);
    const struct question metrics = {OPERATOR, 1, SIDE_PUBLIC, HTTP_GET, "/metrics", NULL, NULL};
    body = ask(pair, &metrics).body;
    assert_non_null(strstr(body, "\nenclave_config_server_leads 0\n"));
}

/* A path and method that two routes have on the mesh would make the leader answer with the wrong one. */
static void each_route_of_the_leader_is_found_by_path_and_method(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++)
        for (size_t j = 0; j < i; j++)
            if (routes[i].side & routes[j].side & SIDE_MESH && routes[i].method == routes[j].method)
                assert_string_not_equal(routes[i].path, routes[j].path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_host_reports_to_a_follower_is_written_by_the_leader),
        TEST(who_is_heard_by_a_follower_is_heard_by_the_leader),
        TEST(the_side_on_which_somebody_called_is_passed_on),
        TEST(the_leader_refuses_whom_it_would_refuse_itself),
        TEST(only_config_servers_of_the_zone_speak_for_others_and_only_in_the_mesh),
        TEST(a_request_is_passed_on_once),
        TEST(without_a_leader_writes_are_put_off_at_once_and_reads_answered),
        TEST(a_leader_that_does_not_answer_is_spared),
        TEST(operators_see_who_leads),
        cmocka_unit_test(each_route_of_the_leader_is_found_by_path_and_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
