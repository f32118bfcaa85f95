#include "configserver/api/test_boundary.h"

#include "base/file.h"
#include "base/text.h"
#include "configserver/hosts/polls.h"
#include "identity/athenz.h"
#include "store/memory.h"

#include <stdio.h>
#include <string.h>

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

void check(int result, const struct error *err)
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

struct http_reply ask(struct boundary *boundary, enum caller caller, enum side side, enum http_method method,
                      const char *path, const char *body)
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

int status(struct boundary *boundary, enum caller caller, enum side side, enum http_method method,
           const char *path, const char *body)
{
    return ask(boundary, caller, side, method, path, body).status;
}
