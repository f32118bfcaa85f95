#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "identity/instance.h"
#include "zts/instance_request.h"
#include "zts/serials.h"

#include <string.h>

enum who {
    ANYONE = 1,
    INSTANCE_ITSELF = 2, /* by its certificate: the principal and instance of the path */
};

enum { BODY_LARGEST = 128 * 1024 };

static struct zts *zts_of(struct http_request *request)
{
    return http_request_server_context(request);
}

static int throttled(struct error *err, const char *what)
{
    return error_set(err, ERROR_THROTTLED, "too many %s from your network; wait and try again", what);
}

static enum http_answer respond_identity(struct http_request *request, int status,
                                         const struct instance_request *asked, const char *certificate)
{
    struct instance_identity identity = {
        .provider = asked->provider,
        .name = asked->wanted.name,
        .instance_id = asked->instance_id,
        .certificate = certificate,
        .certificate_signer = zts_of(request)->parts.config->ca_certificates,
    };
    http_respond_json(request, status, record_write(&instance_identity_record, &identity));
    return HTTP_ANSWERED;
}

static enum http_answer refuse(struct http_request *request, const struct instance_request *asked,
                               const struct error *err)
{
    log_warning("certificate refused", "principal", asked->wanted.name, "instance", asked->instance_id,
                "provider", asked->provider, "client", http_request_address_text(request), "reason",
                err->message, NULL);
    return http_fail(request, err);
}

/* "domain" and "service" must be what their names say: a service without dots, all in lower case. */
static int read_wanted(struct arena *arena, const char *domain, const char *service, struct principal *wanted,
                       struct error *err)
{
    if (strchr(service, '.'))
        return error_set(err, ERROR_INVALID, "service \"%.100s\" has a dot in it", service);
    return principal_parse(arena, arena_format(arena, "%s.%s", domain, service), wanted, err);
}

static enum http_answer register_instance(struct http_request *request)
{
    struct arena *arena = http_request_arena(request);
    struct instance_register body = {0};
    struct instance_request asked = {.client_ip = http_request_address_text(request),
                                     .caller = http_request_peer(request)};
    struct error err = {0};
    size_t length;
    const char *text = http_request_body(request, &length);
    char *certificate;
    if (record_parse(&instance_register_record, arena, text, length, &body, &err) < 0 ||
        read_wanted(arena, body.domain, body.service, &asked.wanted, &err) < 0)
        return http_fail(request, &err);
    asked.provider = body.provider;
    asked.attestation_data = body.attestation_data;
    if (!rate_limit_allows(zts_of(request)->registrations, http_request_address(request),
                           clock_monotonic_ms()))
        throttled(&err, "registrations");
    if (err.kind != ERROR_NONE ||
        issue_certificate(zts_of(request), arena, &asked, body.csr, &certificate, &err) < 0)
        return refuse(request, &asked, &err);
    http_respond_header(request, "Location",
                        arena_format(arena, "/zts/v1/instance/%s/%s/%s/%s", asked.provider,
                                     asked.wanted.domain, asked.wanted.service, asked.instance_id));
    return respond_identity(request, 201, &asked, certificate);
}

static enum http_answer refresh_instance(struct http_request *request)
{
    struct arena *arena = http_request_arena(request);
    const struct principal *caller = http_request_peer(request);
    struct instance_refresh body = {0};
    struct instance_request asked = {.refresh = true,
                                     .provider = http_request_parameter(request, "provider"),
                                     .instance_id = http_request_parameter(request, "instanceId"),
                                     .client_ip = http_request_address_text(request),
                                     .caller = caller,
                                     .wanted = *caller};
    struct error err = {0};
    size_t length;
    const char *text = http_request_body(request, &length);
    char *certificate;
    if (record_parse(&instance_refresh_record, arena, text, length, &body, &err) < 0)
        return http_fail(request, &err);
    asked.attestation_data = body.attestation_data;
    if (issue_certificate(zts_of(request), arena, &asked, body.csr, &certificate, &err) < 0)
        return refuse(request, &asked, &err);
    return respond_identity(request, 200, &asked, certificate);
}

static enum http_answer give_challenge(struct http_request *request)
{
    struct zts *zts = zts_of(request);
    struct error err = {0};
    if (!rate_limit_allows(zts->challenges, http_request_address(request), clock_monotonic_ms())) {
        throttled(&err, "challenges");
        return http_fail(request, &err);
    }
    struct instance_challenge challenge = {
        .nonce = nonces_issue(zts->nonces, http_request_arena(request), clock_now_ms())};
    http_respond_json(request, 200, record_write(&instance_challenge_record, &challenge));
    return HTTP_ANSWERED;
}

static enum http_answer give_authorities(struct http_request *request)
{
    struct error err = {0};
    const char *name = http_request_parameter(request, "name");
    if (!text_equal(name, "athenz")) { /* the name Athenz's own clients ask for */
        error_set(&err, ERROR_NOT_FOUND, "there is no bundle \"%.100s\"", name);
        return http_fail(request, &err);
    }
    http_respond_json(
        request, 200,
        json_pack("{s:s, s:s}", "name", name, "certs", zts_of(request)->parts.config->ca_certificates));
    return HTTP_ANSWERED;
}

static enum http_answer give_status(struct http_request *request)
{
    struct error err = {0};
    if (store_exists(zts_of(request)->parts.store, "/", NULL, &err) != STORE_OK)
        return http_fail(request, &err);
    http_respond_json(request, 200, json_pack("{s:i, s:s}", "code", 200, "message", "OK"));
    return HTTP_ANSWERED;
}

static const struct http_route routes[] = {
    /* side, method, path, who, handler, largest body, piece */
    {ZTS_SIDE_FRONT, HTTP_POST, "/zts/v1/instance", ANYONE, register_instance, BODY_LARGEST, NULL},
    {ZTS_SIDE_FRONT, HTTP_POST, "/zts/v1/instance/{provider}/{domain}/{service}/{instanceId}",
     INSTANCE_ITSELF, refresh_instance, BODY_LARGEST, NULL},
    {ZTS_SIDE_FRONT, HTTP_POST, "/zts/v1/instance/challenge", ANYONE, give_challenge, 1024, NULL},
    {ZTS_SIDE_FRONT, HTTP_GET, "/zts/v1/cacerts/{name}", ANYONE, give_authorities, 1024, NULL},
    {ZTS_SIDE_FRONT, HTTP_GET, "/zts/v1/status", ANYONE, give_status, 1024, NULL},
};

static int require_instance_itself(struct http_request *request, struct error *err)
{
    const struct principal *caller = http_request_peer(request);
    if (!caller)
        return error_set(err, ERROR_UNAUTHENTICATED, "a refresh needs the instance's certificate");
    if (caller->not_after_ms <= clock_now_ms())
        return error_set(err, ERROR_UNAUTHENTICATED, "the instance's certificate has expired");
    if (!text_equal(caller->domain, http_request_parameter(request, "domain")) ||
        !text_equal(caller->service, http_request_parameter(request, "service")) ||
        !text_equal(caller->provider, http_request_parameter(request, "provider")) ||
        !text_equal(caller->instance_id, http_request_parameter(request, "instanceId")))
        return error_set(err, ERROR_FORBIDDEN, "%s, instance %s, may refresh only itself", caller->name,
                         caller->instance_id ? caller->instance_id : "none");
    return 0;
}

static int authorize(void *context, struct http_request *request, unsigned who, struct error *err)
{
    (void)context;
    return who & ANYONE ? 0 : require_instance_itself(request, err);
}

/* Athenz's form of an error. */
static void error_body(struct http_request *request, int status, const struct error *err)
{
    http_respond_json(request, status, json_pack("{s:i, s:s}", "code", status, "message", err->message));
}

struct http_server_options zts_server_options(struct zts *zts)
{
    return (struct http_server_options){
        .name = "zts",
        .routes = routes,
        .route_count = COUNT_OF(routes),
        .identify_peer = principal_identify_peer,
        .forget_peer = principal_forget_peer,
        .authorize = authorize,
        .error_body = error_body,
        .context = zts,
        .worker_threads = 16, /* most of them wait for providers */
        .access_log = true,
    };
}
