#include "configserver/api/test_boundary.h"

#include "base/text.h"
#include "configserver/hosts/polls.h"
#include "identity/athenz.h"
#include "store/memory.h"

#include <stdio.h>
#include <string.h>

static const struct test_caller names[CALLERS] = {
    [ITSELF] = {"vespa", "configserver_dev_aws-us-east-1c", "vespa.aws", "i-0cfg"},
    [CONTROLLER] = {"vespa", "controller", "vespa.aws", "i-00aa"},
    [OPERATOR] = {"vespa.operator", "ada", "vespa.aws", "ada"},
    [ZTS] = {"vespa", "zts", "vespa.aws", "i-00ab"},
    [HOST_ITSELF] = {"vespa.tenant.acme", "tenant-host", PROVIDER, "i-00000001"},
    [HOST_NEIGHBOR] = {"vespa.tenant.acme", "tenant-host", PROVIDER, "i-00000002"},
    [ITS_NODE] = {"vespa.tenant.acme.search", "default", PROVIDER, "0.web.default.search.acme.r.dev.node"},
    [STRANGER] = {"vespa.tenant.acme", "tenant-host", "vespa.provider_prod_aws-us-east-1c", "i-00000001"},
};

static void start_server(struct boundary *boundary)
{
    struct error err;
    const unsigned sides[] = {SIDE_PUBLIC, SIDE_PROVIDER, SIDE_TUNNEL};
    struct http_listener listeners[3];
    for (size_t i = 0; i < 3; i++) {
        listeners[i] = (struct http_listener){.side = sides[i], .tls = boundary->callers.tls[ITSELF]};
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

static void bring_up(struct boundary *boundary)
{
    struct test_zone *test = boundary->test;
    struct error err;
    struct deployed deployed;
    check(test_deploy(test, TEST_SERVICES, TEST_ACCOUNT, &deployed, &err), &err);
    test_zone_run(test, 2);
    test_callers_begin(&boundary->callers, test, names, CALLERS);
    start_server(boundary);
}

int boundary_begin(void **state)
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

int boundary_begin_in_memory(void **state)
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

int boundary_end(void **state)
{
    struct boundary *boundary = *state;
    polls_stop(boundary->test->zone->polls);
    http_server_stop(&boundary->server);
    test_callers_end(&boundary->callers);
    void *test = boundary->test;
    test_zone_end(&test);
    memory_tree_free(&boundary->tree);
    free(boundary);
    return 0;
}

struct http_reply ask(struct boundary *boundary, enum caller caller, enum side side, enum http_method method,
                      const char *path, const char *body)
{
    struct error err;
    struct http_reply reply = {0};
    char url[512];
    snprintf(url, sizeof url, "https://127.0.0.1:%d%s", boundary->ports[side], path);
    struct http_call call = {
        .method = method, .url = url, .body = body, .body_length = body ? strlen(body) : 0};
    check(http_call(boundary->callers.clients[caller], &call, boundary->test->arena, &reply, &err), &err);
    return reply;
}

int status(struct boundary *boundary, enum caller caller, enum side side, enum http_method method,
           const char *path, const char *body)
{
    return ask(boundary, caller, side, method, path, body).status;
}
