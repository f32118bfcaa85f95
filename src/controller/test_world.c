#include "controller/test_world.h"

#include "aws/sts.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "controller/runner.h"
#include "controller/state.h"
#include "controller/test_peers.h"
#include "identity/athenz.h"
#include "identity/request_signature.h"
#include "zone/application_package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char *path_of(struct world *world, const char *name)
{
    return arena_format(world->arena, "%s/%s", world->directory, name);
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static struct tls_context *make_identity(struct world *world, struct authority *authority, const char *domain,
                                         const char *service, enum tls_client_certificates clients)
{
    struct error err = {0};
    struct names names = {0};
    struct tls_context *tls = NULL;
    char *pem;
    cleanup(key_free) struct key *key = NULL;
    char *certificate = path_of(world, arena_format(world->arena, "%s.pem", service));
    char *key_path = path_of(world, arena_format(world->arena, "%s.key", service));
    assert_int_equal(key_generate(&key, &err), 0);
    athenz_service_names(world->arena, domain, service, "vespa.aws", "i-1", &names);
    if (authority_issue(authority, world->arena, key_public_pem(world->arena, key), &names, 3600 * 1000, &pem, &err) < 0)
        fail_msg("%s: %s", service, err.message);
    write_text(certificate, pem);
    assert_int_equal(key_save(key, key_path, &err), 0);
    const struct tls_files files = {certificate, key_path, path_of(world, "ca.pem")};
    assert_int_equal(tls_context_new(&files, clients, &tls, &err), 0);
    return tls;
}

static void make_identities(struct world *world)
{
    struct error err = {0};
    cleanup(key_free) struct key *ca_key = NULL;
    cleanup(authority_close) struct authority *authority = NULL;
    char *ca_pem;
    assert_int_equal(authority_create(world->arena, "test authority", 1, &ca_key, &ca_pem, &err), 0);
    assert_int_equal(authority_open(ca_pem, ca_key, &authority, &err), 0);
    write_text(path_of(world, "ca.pem"), ca_pem);
    world->api_tls = make_identity(world, authority, "vespa", "controller", TLS_CLIENT_ALLOWED);
    world->configserver_tls =
        make_identity(world, authority, "vespa", "configserver_dev_aws-us-east-1c", TLS_CLIENT_REQUIRED);
    world->operator_tls = make_identity(world, authority, "vespa.operator", "olga", TLS_CLIENT_NONE);
    const struct tls_files nobody = {.trust = path_of(world, "ca.pem")};
    assert_int_equal(tls_context_new(&nobody, TLS_CLIENT_NONE, &world->nobody_tls, &err), 0);
}

static struct http_client *make_client(struct tls_context *tls)
{
    static char controller[] = "vespa.controller";
    struct http_client *client = NULL;
    const struct http_client_options options = {
        .tls = tls, .check_peer = principal_check_peer, .context = controller, .no_proxy = true};
    assert_int_equal(http_client_new(&options, &client, NULL), 0);
    return client;
}

static void start_controller(struct world *world)
{
    struct error err = {0};
    struct controller *controller = &world->controller;
    *controller = (struct controller){.config = &world->config, .state_directory = world->directory};
    pthread_mutex_init(&controller->changes, NULL);
    assert_int_equal(store_open_sqlite(path_of(world, "state.db"), &controller->store, &err), 0);
    assert_int_equal(state_prepare(controller->store, &err), 0);
    assert_int_equal(directory_make(path_of(world, "packages"), 0700, &err), 0);
    const struct http_client_options zones = {
        .tls = world->api_tls, .check_peer = principal_check_peer, .no_proxy = true};
    assert_int_equal(http_client_new(&zones, &controller->zones, &err), 0);
    controller->provisioner =
        aws_credentials_assume_role(world->ours, "us-east-1", world->config.provisioner_role_arn, "controller", NULL);
    assert_int_equal(runner_start(controller, &err), 0);
    assert_int_equal(http_listen("127.0.0.1", 0, &world->api_socket, &err), 0);
    assert_int_equal(api_start(controller, world->api_tls, &world->api_socket, 1, &world->api, &err), 0);
}

static void stop_controller(struct world *world)
{
    http_server_stop(&world->api);
    runner_stop(&world->controller);
    http_client_free(&world->controller.zones);
    aws_credentials_free(&world->controller.provisioner);
    store_close(&world->controller.store);
    pthread_mutex_destroy(&world->controller.changes);
}

void world_restart(struct world *world)
{
    stop_controller(world);
    start_controller(world);
}

static void make_config(struct world *world, int configserver_port)
{
    char **servers = arena_alloc(world->arena, 2 * sizeof *servers);
    struct controller_zone *zone = arena_alloc(world->arena, sizeof *zone);
    servers[0] = "https://127.0.0.1:1"; /* nobody: the next one is asked */
    servers[1] = arena_format(world->arena, "https://127.0.0.1:%d", configserver_port);
    *zone = (struct controller_zone){ZONE, "vespa.configserver_dev_aws-us-east-1c", servers, 2};
    world->config = (struct controller_config){.aws_region = "us-east-1",
                                               .provisioner_role_arn =
                                                   "arn:aws:iam::100000000001:role/vespa-cloud-provisioner",
                                               .zones = zone,
                                               .zone_count = 1};
}

int world_begin(void **state)
{
    struct world *world = memory_alloc(sizeof *world);
    struct error err = {0};
    int configserver, aws;
    world->arena = arena_new();
    snprintf(world->directory, sizeof world->directory, "/tmp/enclave-controller-test-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    make_identities(world);
    world->configserver = configserver_start(world, &configserver);
    world->aws_server = aws_start(world, &aws);
    make_config(world, configserver);
    setenv("AWS_ENDPOINT_URL", arena_format(world->arena, "http://127.0.0.1:%d", aws), 1);
    setenv("NO_PROXY", "127.0.0.1", 1);
    world->ours = aws_credentials_static(&(struct aws_keys){.access_key_id = "AKIDVENDOR", .secret_access_key = "s"});
    assert_int_equal(key_generate(&world->acme, &err), 0);
    assert_int_equal(key_generate(&world->evil, &err), 0);
    assert_int_equal(key_generate(&world->reader, &err), 0);
    world->as_operator = make_client(world->operator_tls);
    world->as_nobody = make_client(world->nobody_tls);
    start_controller(world);
    *state = world;
    return 0;
}

int world_end(void **state)
{
    struct world *world = *state;
    stop_controller(world);
    http_client_free(&world->as_operator);
    http_client_free(&world->as_nobody);
    http_server_stop(&world->configserver);
    http_server_stop(&world->aws_server);
    aws_credentials_free(&world->ours);
    key_free(&world->acme);
    key_free(&world->evil);
    key_free(&world->reader);
    tls_context_free(&world->api_tls);
    tls_context_free(&world->configserver_tls);
    tls_context_free(&world->operator_tls);
    tls_context_free(&world->nobody_tls);
    tree_remove(world->directory, NULL);
    arena_free(&world->arena);
    free(world);
    return 0;
}

int call_as(struct world *world, struct http_client *client, const struct key *key, const char *key_id,
            enum http_method method, const char *path, const void *body, size_t length, json_t **answer)
{
    struct error err = {0};
    struct http_reply reply;
    struct http_call call = {.method = method,
                             .url = arena_format(world->arena, "https://127.0.0.1:%d%s",
                                                 http_socket_port(world->api_socket), path),
                             .body = body,
                             .body_length = length};
    if (key)
        assert_int_equal(request_sign(world->arena, key, key_id, http_method_name(method), call.url, body, length,
                                      clock_now_ms(), &call.headers, &err),
                         0);
    if (http_call(client, &call, world->arena, &reply, &err) < 0)
        fail_msg("%s: %s", path, err.message);
    json_t *ignored = NULL;
    answer = answer ? answer : &ignored;
    if (json_parse(world->arena, reply.body, reply.length, answer, NULL) < 0)
        *answer = NULL;
    return reply.status;
}

int call_acme(struct world *world, enum http_method method, const char *path, const char *body, json_t **answer)
{
    return call_as(world, world->as_nobody, world->acme, "acme:music:default", method, path, body,
                   body ? strlen(body) : 0, answer);
}

int call_operator(struct world *world, enum http_method method, const char *path, const char *body, json_t **answer)
{
    return call_as(world, world->as_operator, NULL, NULL, method, path, body, body ? strlen(body) : 0, answer);
}

void make_tenant(struct world *world, const char *name, const struct key *key, const char *external_id)
{
    json_t *body =
        json_pack("{s:s, s:s}", "key", key_public_pem(world->arena, key), "externalId", external_id), *answer;
    const char *text = json_text(world->arena, body);
    json_decref(body);
    const char *path = arena_format(world->arena, "/application/v4/tenant/%s", name);
    assert_int_equal(call_operator(world, HTTP_POST, path, text, &answer), 200);
    assert_string_equal(json_member_text(answer, "externalId"), external_id);
}

int register_account_as(struct world *world, const char *tenant, const struct key *key, const char *account,
                        const char *aws_key, json_t **answer)
{
    struct error err = {0};
    struct sts_proof proof;
    json_t *challenge;
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    cleanup(aws_credentials_free) struct aws_credentials *keys =
        aws_credentials_static(&(struct aws_keys){.access_key_id = aws_key, .secret_access_key = "s"});
    const char *id = arena_format(world->arena, "%s:default:default", tenant);
    const char *path = arena_format(world->arena, "/application/v4/tenant/%s/cloud-account", tenant);
    assert_int_equal(call_as(world, world->as_nobody, key, id, HTTP_POST,
                             arena_format(world->arena, "%s/challenge", path), "{}", 2, &challenge),
                     200);
    const char *nonce = json_member_text(challenge, "nonce");
    assert_int_equal(aws_client_new(keys, "us-east-1", &aws, &err), 0);
    assert_int_equal(
        sts_proof_make(aws, world->arena, nonce, key_public_hash(world->arena, key), &proof, &err), 0);
    json_t *body = json_pack("{s:s, s:s, s:o}", "account", account, "nonce", nonce, "proof",
                             record_write(&sts_proof_record, &proof));
    const char *text = json_text(world->arena, body);
    json_decref(body);
    return call_as(world, world->as_nobody, key, id, HTTP_POST, path, text, strlen(text), answer);
}

char *make_package_of(struct world *world, const char *services, const char *deployment, size_t *length)
{
    struct error err = {0};
    char *zip;
    cleanup(key_free) struct key *key = NULL;
    char *certificate;
    const char *directory = path_of(world, "application");
    assert_int_equal(directory_make(arena_format(world->arena, "%s/security", directory), 0700, &err), 0);
    assert_int_equal(authority_create(world->arena, "client", 1, &key, &certificate, &err), 0);
    write_text(arena_format(world->arena, "%s/security/clients.pem", directory), certificate);
    write_text(arena_format(world->arena, "%s/services.xml", directory), services);
    write_text(arena_format(world->arena, "%s/deployment.xml", directory), deployment);
    if (application_package_zip(directory, &zip, length, &err) < 0)
        fail_msg("%s", err.message);
    char *kept = arena_strndup(world->arena, zip, *length);
    free(zip);
    return kept;
}

char *make_package(struct world *world, const char *account, size_t *length)
{
    return make_package_of(
        world, "<services version='1.0'><container id='web' version='1.0'/></services>",
        arena_format(world->arena, "<deployment version='1.0'><dev cloud-account='aws:%s'/></deployment>", account),
        length);
}
