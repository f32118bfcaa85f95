#include "zts/zts_test_world.h"

#include "base/file.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS (3600LL * 1000)

enum { ZTS_ITSELF = 1, ANYBODY = 2 };

static enum http_answer confirm(struct http_request *request, int *count)
{
    struct test_zts *world = http_request_server_context(request);
    struct error err = {0};
    size_t length;
    const char *body = http_request_body(request, &length);
    ++*count;
    world->confirmed = (struct instance_confirmation){0};
    if (record_parse(&instance_confirmation_record, world->arena, body, length, &world->confirmed, &err) < 0)
        return http_fail(request, &err);
    http_respond_json(request, world->verdict, json_pack("{s:s}", "message", "nobody launched this"));
    return HTTP_ANSWERED;
}

static enum http_answer confirm_instance(struct http_request *request)
{
    return confirm(request, &((struct test_zts *)http_request_server_context(request))->confirmations);
}

static enum http_answer confirm_refresh(struct http_request *request)
{
    return confirm(request, &((struct test_zts *)http_request_server_context(request))->refreshes);
}

static enum http_answer say_who(struct http_request *request)
{
    struct test_zts *world = http_request_server_context(request);
    char *text =
        arena_format(http_request_arena(request),
                     "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                     "<GetCallerIdentityResult><Arn>arn:aws:sts::%s:assumed-role/%s/%s</Arn>"
                     "<UserId>AROAEXAMPLE:%s</UserId><Account>%s</Account></GetCallerIdentityResult>"
                     "</GetCallerIdentityResponse>",
                     world->account, world->role, world->session, world->session, world->account);
    http_respond_text(request, 200, "text/xml", text);
    return HTTP_ANSWERED;
}

static int only_zts(void *context, struct http_request *request, unsigned who, struct error *err)
{
    const struct principal *caller = http_request_peer(request);
    (void)context;
    if (who & ANYBODY || (caller && caller->kind == PRINCIPAL_ZTS))
        return 0;
    return error_set(err, ERROR_FORBIDDEN, "only zts may ask");
}

static const struct http_route provider_routes[] = {
    {1, HTTP_POST, "/athenz/v1/provider/instance", ZTS_ITSELF, confirm_instance, 0, NULL},
    {1, HTTP_POST, "/athenz/v1/provider/refresh", ZTS_ITSELF, confirm_refresh, 0, NULL},
};
static const struct http_route sts_routes[] = {{1, HTTP_POST, "/", ANYBODY, say_who, 0, NULL}};

static char *in_directory(struct test_zts *world, const char *name)
{
    return arena_format(world->arena, "%s/%s", world->directory, name);
}

static void start_provider(struct test_zts *world)
{
    struct http_server_options options = {.name = "provider",
                                          .routes = provider_routes,
                                          .route_count = COUNT_OF(provider_routes),
                                          .identify_peer = principal_identify_peer,
                                          .forget_peer = principal_forget_peer,
                                          .authorize = only_zts,
                                          .context = world,
                                          .worker_threads = 1};
    struct http_listener listener = {.side = 1, .tls = world->provider_tls};
    struct error err = {0};
    assert_int_equal(http_listen("::1", (uint16_t)world->provider_socket, &listener.socket, &err), 0);
    world->provider_socket = http_socket_port(listener.socket);
    assert_int_equal(http_server_start(&options, &listener, 1, &world->provider, &err), 0);
}

void test_zts_stop_provider(struct test_zts *world)
{
    http_server_stop(&world->provider);
    tls_context_free(&world->provider_tls);
}

void test_zts_provider_is(struct test_zts *world, const char *service)
{
    cleanup(key_free) struct key *key = NULL;
    struct error err = {0};
    struct names names;
    char *pem;
    struct tls_files files = {.certificate = in_directory(world, "provider.cert.pem"),
                              .key = in_directory(world, "provider.key.pem"),
                              .trust = world->trust_path};
    test_zts_stop_provider(world);
    athenz_service_names(world->arena, "vespa", service, NULL, NULL, &names);
    assert_int_equal(key_generate(&key, &err), 0);
    assert_int_equal(authority_issue(world->authority, world->arena, key_public_pem(world->arena, key),
                                     &names, HOUR_MS, &pem, &err),
                     0);
    assert_int_equal(file_write(files.certificate, pem, strlen(pem), 0644, &err), 0);
    assert_int_equal(key_save(key, files.key, &err), 0);
    assert_int_equal(tls_context_new(&files, TLS_CLIENT_REQUIRED, &world->provider_tls, &err), 0);
    start_provider(world);
}

static void start_sts(struct test_zts *world)
{
    struct http_server_options options = {.name = "sts",
                                          .routes = sts_routes,
                                          .route_count = COUNT_OF(sts_routes),
                                          .authorize = only_zts,
                                          .context = world,
                                          .worker_threads = 1};
    struct http_listener listener = {.side = 1};
    struct error err = {0};
    char endpoint[64];
    assert_int_equal(http_listen("127.0.0.1", 0, &listener.socket, &err), 0);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", http_socket_port(listener.socket));
    setenv("AWS_ENDPOINT_URL_STS", endpoint, 1);
    assert_int_equal(http_server_start(&options, &listener, 1, &world->sts, &err), 0);
    struct aws_keys keys = {
        .access_key_id = "ASIAEXAMPLE", .secret_access_key = "secret", .session_token = "token"};
    world->credentials = aws_credentials_static(&keys);
    assert_int_equal(aws_client_new(world->credentials, "us-east-1", &world->aws, &err), 0);
}

static void configure(struct test_zts *world)
{
    static const char *controller[] = {"vespa.controller"};
    static const char *configserver[] = {"vespa.configserver_dev_aws-us-east-1c", PROVIDER};
    static struct zts_service services[] = {
        {"vespa.controller", controller, COUNT_OF(controller)},
        {"vespa.configserver_dev_aws-us-east-1c", configserver, COUNT_OF(configserver)},
    };
    struct zts_provider *provider = arena_alloc(world->arena, sizeof *provider);
    char **endpoints = arena_alloc(world->arena, 2 * sizeof *endpoints);
    endpoints[0] = "https://[::1]:1/athenz/v1/provider"; /* one of its servers is away */
    endpoints[1] = arena_format(world->arena, "https://[::1]:%d/athenz/v1/provider", world->provider_socket);
    *provider = (struct zts_provider){PROVIDER, endpoints, 2};
    world->config = (struct zts_config){.aws_region = "us-east-1",
                                        .vendor_account = "100000000001",
                                        .ca_certificates = world->authority_pem,
                                        .services = services,
                                        .service_count = COUNT_OF(services),
                                        .providers = provider,
                                        .provider_count = 1};
}

static void start_zts(struct test_zts *world)
{
    struct error err = {0};
    assert_int_equal(
        own_identity_new(world->directory, world->authority, world->authority_pem, &world->identity, &err),
        0);
    assert_int_equal(store_open_sqlite(in_directory(world, "store.db"), &world->store, &err), 0);
    struct zts_parts parts = {&world->config, world->store, world->authority,
                              own_identity_tls(world->identity)};
    assert_int_equal(zts_new(&parts, &world->zts, &err), 0);
    struct http_server_options options = zts_server_options(world->zts);
    options.worker_threads = 2;
    struct http_listener listener = {.side = ZTS_SIDE_FRONT, .tls = parts.tls};
    assert_int_equal(http_listen("::1", 0, &listener.socket, &err), 0);
    snprintf(world->url, sizeof world->url, "https://[::1]:%d/zts/v1", http_socket_port(listener.socket));
    assert_int_equal(http_server_start(&options, &listener, 1, &world->server, &err), 0);
}

int test_zts_set_up(void **state)
{
    struct test_zts *world = memory_alloc(sizeof *world);
    struct error err = {0};
    world->arena = arena_new();
    snprintf(world->directory, sizeof world->directory, "/tmp/zts_test.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    assert_int_equal(
        authority_create(world->arena, "Test", 1, &world->authority_key, &world->authority_pem, &err), 0);
    assert_int_equal(authority_open(world->authority_pem, world->authority_key, &world->authority, &err), 0);
    world->trust_path = in_directory(world, "trust.pem");
    assert_int_equal(
        file_write(world->trust_path, world->authority_pem, strlen(world->authority_pem), 0644, &err), 0);
    world->verdict = 200;
    world->account = "100000000001";
    world->role = "vespa.controller";
    world->session = "i-0c";
    test_zts_provider_is(world, "provider_dev_aws-us-east-1c");
    start_sts(world);
    configure(world);
    start_zts(world);
    *state = world;
    return 0;
}

int test_zts_tear_down(void **state)
{
    struct test_zts *world = *state;
    http_server_stop(&world->server);
    test_zts_stop_provider(world);
    http_server_stop(&world->sts);
    zts_free(&world->zts);
    own_identity_free(&world->identity);
    store_close(&world->store);
    authority_close(&world->authority);
    key_free(&world->authority_key);
    aws_client_free(&world->aws);
    aws_credentials_free(&world->credentials);
    tree_remove(world->directory, NULL);
    arena_free(&world->arena);
    free(world);
    return 0;
}

static int attest_with_nothing(void *context, struct arena *arena, const char *key_hash, char **attestation,
                               struct error *err)
{
    (void)context;
    (void)err;
    *attestation = arena_format(arena, "{\"keyHash\":\"%s\"}", key_hash);
    return 0;
}

struct sia_options test_zts_host(struct test_zts *world, const char *instance_id)
{
    return (struct sia_options){.directory =
                                    in_directory(world, arena_format(world->arena, "host-%s", instance_id)),
                                .zts_url = world->url,
                                .trust_path = world->trust_path,
                                .domain = "vespa.tenant.acme",
                                .service = "tenant-host",
                                .provider = PROVIDER,
                                .instance_id = instance_id,
                                .dns = {HOSTNAME},
                                .address = {"2001:db8::7"},
                                .attest = attest_with_nothing};
}

struct sia_options test_zts_service(struct test_zts *world, const char *service, const char *instance_id)
{
    world->sia_aws = (struct sia_aws){world->aws, world->url, world->trust_path};
    return (struct sia_options){.directory = in_directory(world, service),
                                .zts_url = world->url,
                                .trust_path = world->trust_path,
                                .domain = "vespa",
                                .service = service,
                                .provider = AWS_PROVIDER,
                                .instance_id = instance_id,
                                .attest = sia_attest_aws,
                                .context = &world->sia_aws};
}

struct certificate test_zts_certificate(struct test_zts *world, const struct sia_options *options)
{
    struct certificate certificate;
    struct error err = {0};
    assert_int_equal(certificate_load(world->arena, sia_certificate_path(world->arena, options->directory),
                                      &certificate, &err),
                     0);
    return certificate;
}

int test_zts_call(struct test_zts *world, const char *directory, enum http_method method, const char *path,
                  const char *body, const char **message)
{
    cleanup(tls_context_free) struct tls_context *tls = NULL;
    cleanup(http_client_free) struct http_client *client = NULL;
    struct error err = {0};
    if (directory) {
        struct tls_files files = {.certificate = sia_certificate_path(world->arena, directory),
                                  .key = sia_key_path(world->arena, directory),
                                  .trust = world->trust_path};
        assert_int_equal(tls_context_new(&files, TLS_CLIENT_NONE, &tls, &err), 0);
    }
    struct http_client_options options = {.tls = tls,
                                          .trust = world->trust_path,
                                          .check_peer = principal_check_peer,
                                          .context = "vespa.zts",
                                          .no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, &err), 0);
    struct http_call call = {.method = method,
                             .url = arena_format(world->arena, "%s%s", world->url, path),
                             .body = body,
                             .body_length = body ? strlen(body) : 0};
    struct http_reply reply;
    assert_int_equal(http_call(client, &call, world->arena, &reply, &err), 0);
    json_t *json = NULL;
    if (message)
        *message = json_parse(world->arena, reply.body, reply.length, &json, NULL) == 0
                       ? json_member_text(json, "message")
                       : NULL;
    return reply.status;
}
