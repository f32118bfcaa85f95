#include "host/test_vendor.h"

#include "base/clock.h"
#include "base/text.h"
#include "host/agent.h"
#include "identity/athenz.h"
#include "identity/instance.h"
#include "zone/host_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

enum side { METADATA = 1, ZTS = 2, PUBLIC = 4, TUNNEL = 8, BUCKET = 16 };
enum who { ANYONE = 1, HOST = 2 };

static struct vendor *vendor_of(struct http_request *request)
{
    return http_request_server_context(request);
}

/* Only config servers' and zts's callbacks see peers; the others have no TLS. */
static int authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    struct vendor *vendor = context;
    const struct principal *peer = http_request_peer(request);
    bool is_host = peer && text_equal(peer->name, "vespa.tenant.acme.tenant-host") &&
                   text_equal(peer->instance_id, "i-1");
    if ((who & ANYONE) || is_host)
        return 0;
    pthread_mutex_lock(&vendor->lock);
    vendor->wrong = true;
    pthread_mutex_unlock(&vendor->lock);
    return error_set(err, ERROR_FORBIDDEN, "not the host");
}

static void count(struct vendor *vendor, int *counter)
{
    pthread_mutex_lock(&vendor->lock);
    (*counter)++;
    pthread_mutex_unlock(&vendor->lock);
}

static enum http_answer answer_text(struct http_request *request, const char *text)
{
    http_respond_text(request, 200, "text/plain", text);
    return HTTP_ANSWERED;
}

static enum http_answer metadata_token(struct http_request *request)
{
    return answer_text(request, "token");
}

static enum http_answer metadata(struct http_request *request)
{
    struct vendor *vendor = vendor_of(request);
    const struct {
        const char *path, *text;
    } values[] = {
        {"user-data", vendor->user_data},
        {"meta-data/instance-id", "i-1"},
        {"dynamic/instance-identity/document", "{\"instanceId\":\"i-1\"}"},
        {"dynamic/instance-identity/rsa2048", "c2lnbmF0dXJl"},
        {"meta-data/iam/security-credentials", "host-role"},
        {"meta-data/iam/security-credentials/", "host-role"},
        {"meta-data/iam/security-credentials/host-role",
         "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAEXAMPLE\",\"SecretAccessKey\":\"secret\",\"Token\":"
         "\"session\","
         "\"Expiration\":\"2099-01-01T00:00:00Z\"}"},
    };
    const char *path = http_request_parameter(request, "path");
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (text_equal(values[i].path, path))
            return answer_text(request, values[i].text);
    http_respond_text(request, 404, "text/plain", "");
    return HTTP_ANSWERED;
}

/* Signs what is asked for: a host without certificate, a node only over its host's. */
static enum http_answer register_instance(struct http_request *request)
{
    struct vendor *vendor = vendor_of(request);
    struct arena *arena = http_request_arena(request);
    struct instance_register asked;
    struct csr csr;
    struct error err = {0};
    size_t length = 0;
    const char *body = http_request_body(request, &length);
    char *certificate = NULL;
    if (record_parse(&instance_register_record, arena, body, length, &asked, &err) < 0 ||
        csr_parse(arena, asked.csr, &csr, &err) < 0)
        return http_fail(request, &err);
    bool host = text_equal(asked.service, "tenant-host");
    if (!host && !http_request_peer(request)) {
        error_set(&err, ERROR_FORBIDDEN, "a node comes with its host");
        return http_fail(request, &err);
    }
    if (authority_issue(vendor->machine->authority, arena, csr.public_key_pem, &csr.names, 24 * 3600 * 1000,
                        &certificate, &err) < 0)
        return http_fail(request, &err);
    struct instance_identity identity = {
        .provider = asked.provider,
        .name = arena_format(arena, "%s.%s", asked.domain, asked.service),
        .instance_id = "i-1",
        .certificate = certificate,
        .certificate_signer = vendor->machine->authority_pem,
    };
    count(vendor, &vendor->registrations);
    http_respond_json(request, 201, record_write(&instance_identity_record, &identity));
    return HTTP_ANSWERED;
}

static enum http_answer challenge(struct http_request *request)
{
    count(vendor_of(request), &vendor_of(request)->challenges);
    http_respond_json(
        request, 200,
        json_pack("{s:s, s:I}", "nonce", "a-nonce", "expiresAt", (json_int_t)clock_now_ms() + 60000));
    return HTTP_ANSWERED;
}

static enum http_answer publish_key(struct http_request *request)
{
    struct vendor *vendor = vendor_of(request);
    struct arena *arena = http_request_arena(request);
    struct wireguard_key key;
    struct error err = {0};
    size_t length = 0;
    char *own = NULL;
    const char *body = http_request_body(request, &length);
    setns(vendor->machine->outside, CLONE_NEWNET); /* this thread handles the vendor's requests only */
    if (record_parse(&wireguard_key_record, arena, body, length, &key, &err) < 0)
        return http_fail(request, &err);
    struct tunnel_peer peer = {.public_key = key.key, .address = TEST_TUNNEL_HOST};
    const char *path = arena_format(arena, "%s/vendor.key", vendor->machine->directory);
    if (tunnel_set_peer(vendor->tunnel, &peer, &err) < 0 || tunnel_key_ensure(arena, path, &own, &err) < 0)
        return http_fail(request, &err);
    struct wireguard_peer server = {"cfg1" TEST_SUFFIX, own, "[" TEST_VENDOR "]:51820", TEST_TUNNEL_SERVER};
    struct wireguard_peers peers = {TEST_TUNNEL_HOST, 48, &server, 1};
    count(vendor, &vendor->keys);
    http_respond_json(request, 200, record_write(&wireguard_peers_record, &peers));
    return HTTP_ANSWERED;
}

static enum http_answer get_spec(struct http_request *request)
{
    struct vendor *vendor = vendor_of(request);
    int64_t known = 0;
    text_number(http_request_query(request, "generation"), 0, INT64_MAX, "generation", &known, NULL);
    for (int i = 0; i < 40; i++) { /* a long poll, of two seconds */
        pthread_mutex_lock(&vendor->lock);
        const char *spec = vendor->spec && vendor->generation != known ? vendor->spec : NULL;
        pthread_mutex_unlock(&vendor->lock);
        if (spec) {
            http_respond_text(request, 200, "application/json", spec);
            return HTTP_ANSWERED;
        }
        clock_sleep_ms(50);
    }
    http_respond_text(request, 304, "application/json", "");
    return HTTP_ANSWERED;
}

static enum http_answer put_ready(struct http_request *request)
{
    count(vendor_of(request), &vendor_of(request)->readies);
    http_respond_json(request, 200, json_object());
    return HTTP_ANSWERED;
}

static enum http_answer take_report(struct http_request *request)
{
    struct vendor *vendor = vendor_of(request);
    struct node_report report;
    struct error err = {0};
    size_t length = 0;
    const char *body = http_request_body(request, &length);
    if (record_parse(&node_report_record, http_request_arena(request), body, length, &report, &err) < 0)
        return http_fail(request, &err);
    pthread_mutex_lock(&vendor->lock);
    if (text_equal(http_request_parameter(request, "hostname"), "h100" TEST_SUFFIX)) {
        vendor->host_drained = report.drained;
    } else {
        vendor->node_status = arena_strdup(vendor->machine->arena, report.service_status);
        vendor->node_image = arena_strdup(vendor->machine->arena, report.current_image);
    }
    pthread_mutex_unlock(&vendor->lock);
    http_respond_json(request, 200, json_object());
    return HTTP_ANSWERED;
}

static enum http_answer take_metrics(struct http_request *request)
{
    struct vendor *vendor = vendor_of(request);
    struct metrics_report report;
    struct error err = {0};
    size_t length = 0;
    const char *body = http_request_body(request, &length);
    if (record_parse(&metrics_report_record, http_request_arena(request), body, length, &report, &err) < 0)
        return http_fail(request, &err);
    count(vendor, &vendor->metrics);
    http_respond_text(request, 204, NULL, "");
    return HTTP_ANSWERED;
}

static enum http_answer put_object(struct http_request *request)
{
    struct vendor *vendor = vendor_of(request);
    pthread_mutex_lock(&vendor->lock);
    if (vendor->objects < (int)COUNT_OF(vendor->object_keys))
        vendor->object_keys[vendor->objects++] =
            arena_strdup(vendor->machine->arena, http_request_parameter(request, "key"));
    pthread_mutex_unlock(&vendor->lock);
    http_respond_header(request, "ETag", "\"0\"");
    http_respond_text(request, 200, "application/xml", "");
    return HTTP_ANSWERED;
}

/* clang-format off */
static const struct http_route routes[] = {
    {METADATA, HTTP_PUT,   "/latest/api/token",                ANYONE, metadata_token, 0, NULL},
    {METADATA, HTTP_GET,   "/latest/{path...}",                ANYONE, metadata, 0, NULL},
    {ZTS,      HTTP_POST,  "/zts/v1/instance",                 ANYONE, register_instance, 0, NULL},
    {PUBLIC,   HTTP_POST,  "/bootstrap/v1/challenge",          ANYONE, challenge, 0, NULL},
    {PUBLIC,   HTTP_PUT,   "/wireguard/v1/key",                HOST,   publish_key, 0, NULL},
    {TUNNEL,   HTTP_GET,   "/spec/v1/host/{hostname}",         HOST,   get_spec, 0, NULL},
    {TUNNEL,   HTTP_PUT,   "/nodes/v2/state/ready/{hostname}", HOST,   put_ready, 0, NULL},
    {TUNNEL,   HTTP_PATCH, "/nodes/v2/node/{hostname}",        HOST,   take_report, 0, NULL},
    {TUNNEL,   HTTP_POST,  "/metrics/v1/host/{hostname}",      HOST,   take_metrics, 0, NULL},
    {BUCKET,   HTTP_PUT,   "/archive/{key...}",                ANYONE, put_object, 8 << 20, NULL},
};
/* clang-format on */

static void serve(struct vendor *vendor, const char *name, const struct http_listener *listeners,
                  size_t count_, struct http_server **server)
{
    struct error err = {0};
    struct http_server_options options = {.name = name,
                                          .routes = routes,
                                          .route_count = COUNT_OF(routes),
                                          .identify_peer = principal_identify_peer,
                                          .forget_peer = principal_forget_peer,
                                          .authorize = authorize,
                                          .context = vendor,
                                          .worker_threads = 4};
    test_must(http_server_start(&options, listeners, count_, server, &err), &err);
}

static void make_tls(struct vendor *vendor, const char *name, const char *service, struct tls_context **tls)
{
    struct test_machine *machine = vendor->machine;
    struct error err = {0};
    const char *directory = arena_format(machine->arena, "%s/%s", machine->directory, name);
    test_identity(machine, directory, "vespa", service, "1", "vendor.example", TEST_VENDOR);
    struct tls_files files = {arena_format(machine->arena, "%s/current/cert.pem", directory),
                              arena_format(machine->arena, "%s/current/key.pem", directory), machine->trust};
    test_must(tls_context_new(&files, TLS_CLIENT_ALLOWED, tls, &err), &err);
}

void vendor_return(struct vendor *vendor)
{
    struct test_machine *machine = vendor->machine;
    struct error err = {0};
    struct tunnel_options options = {.interface = "wg-vendor",
                                     .key_path =
                                         arena_format(machine->arena, "%s/vendor.key", machine->directory),
                                     .address = TEST_TUNNEL_SERVER,
                                     .prefix_length = 48,
                                     .port = TUNNEL_PORT};
    struct http_listener listeners[] = {{.side = PUBLIC, .tls = vendor->configserver_tls},
                                        {.side = TUNNEL, .tls = vendor->configserver_tls}};
    setns(machine->outside, CLONE_NEWNET);
    test_must(tunnel_open(&options, &vendor->tunnel, &err), &err);
    test_must(http_listen(TEST_VENDOR, 4443, &listeners[0].socket, &err), &err);
    test_must(http_listen(TEST_TUNNEL_SERVER, 4443, &listeners[1].socket, &err), &err);
    setns(machine->home, CLONE_NEWNET);
    serve(vendor, "configserver", listeners, 2, &vendor->configserver);
}

void vendor_leave(struct vendor *vendor)
{
    http_server_stop(&vendor->configserver);
    setns(vendor->machine->outside, CLONE_NEWNET);
    tunnel_destroy(&vendor->tunnel, NULL);
    setns(vendor->machine->home, CLONE_NEWNET);
}

static void make_user_data(struct vendor *vendor)
{
    struct host_config config = {
        .zone = "dev.aws-us-east-1c",
        .hostname = "h100" TEST_SUFFIX,
        .tenant = "acme",
        .athenz_domain = "vespa.tenant.acme",
        .athenz_service = "tenant-host",
        .athenz_provider = TEST_PROVIDER,
        .bootstrap_url = "https://[" TEST_VENDOR "]:4443",
        .configserver_identity = TEST_CONFIGSERVER,
        .zts_url = "https://[" TEST_VENDOR "]:8443/zts/v1",
        .ca_certificates = vendor->machine->authority_pem,
        .aws_region = "us-east-1",
        .archive_bucket = "archive",
    };
    vendor->user_data = record_text(&host_config_record, vendor->machine->arena, &config);
}

void vendor_open(struct vendor *vendor, struct test_machine *machine)
{
    struct error err = {0};
    *vendor = (struct vendor){.machine = machine, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct http_listener metadata_side = {.side = METADATA}, bucket_side = {.side = BUCKET},
                         zts_side = {.side = ZTS};
    make_tls(vendor, "zts", "zts", &vendor->zts_tls);
    make_tls(vendor, "configserver", "configserver_dev_aws-us-east-1c", &vendor->configserver_tls);
    make_user_data(vendor);
    /* Deprecated, so that what calls from outside keeps to the other address. */
    TEST_RUN(machine, "ip", "-n", "outside", "address", "add", TEST_VENDOR "/128", "dev", "vpc", "nodad",
             "preferred_lft", "0");
    test_must(http_listen("127.0.0.1", 0, &metadata_side.socket, &err), &err);
    test_must(http_listen("127.0.0.1", 0, &bucket_side.socket, &err), &err);
    vendor->metadata_port = http_socket_port(metadata_side.socket);
    vendor->bucket_port = http_socket_port(bucket_side.socket);
    setns(machine->outside, CLONE_NEWNET);
    test_must(http_listen(TEST_VENDOR, 8443, &zts_side.socket, &err), &err);
    setns(machine->home, CLONE_NEWNET);
    zts_side.tls = vendor->zts_tls;
    serve(vendor, "metadata", &metadata_side, 1, &vendor->metadata);
    serve(vendor, "bucket", &bucket_side, 1, &vendor->bucket);
    serve(vendor, "zts", &zts_side, 1, &vendor->zts);
    vendor_return(vendor);
}

void vendor_close(struct vendor *vendor)
{
    vendor_leave(vendor);
    http_server_stop(&vendor->zts);
    http_server_stop(&vendor->metadata);
    http_server_stop(&vendor->bucket);
}

void vendor_want(struct vendor *vendor, const char *host_state, const char *nodes, bool drain)
{
    pthread_mutex_lock(&vendor->lock);
    vendor->generation++;
    vendor->spec = arena_format(vendor->machine->arena,
                                "{\"generation\":%lld,\"hostname\":\"h100" TEST_SUFFIX
                                "\",\"state\":\"%s\",\"hostAddress\":\"" TEST_HOST_IP
                                "\",\"archiveBucket\":\"archive\",\"drain\":%s,\"nodes\":[%s]}",
                                (long long)vendor->generation, host_state, drain ? "true" : "false", nodes);
    pthread_mutex_unlock(&vendor->lock);
}
