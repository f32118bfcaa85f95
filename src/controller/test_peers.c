#include "controller/test_peers.h"

#include "base/clock.h"
#include "base/text.h"
#include "identity/athenz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct world *world_of(struct http_request *request)
{
    return http_request_server_context(request);
}

static enum http_answer refuse(struct http_request *request, enum error_kind kind, const char *code,
                               const char *message)
{
    struct error err = {0};
    error_code(&err, kind, code, "%s", message);
    return http_fail(request, &err);
}

/* --- a zone's config server --- */

static int only_the_controller(void *context, struct http_request *request, unsigned who, struct error *err)
{
    (void)who;
    const struct principal *peer = http_request_peer(request);
    if (((struct world *)context)->zone.down)
        return error_set(err, ERROR_FORBIDDEN, "down"); /* see zone_error */
    if (peer && peer->kind == PRINCIPAL_CONTROLLER)
        return 0;
    return error_set(err, ERROR_FORBIDDEN, "only for the controller");
}

static void zone_error(struct http_request *request, int status, const struct error *err)
{
    bool down = text_equal(err->message, "down");
    http_respond_json(request, down ? 503 : status,
                      json_pack("{s:s, s:s}", "error-code", down ? "DOWN" : err->code, "message", err->message));
}

static enum http_answer check_account(struct http_request *request)
{
    if (world_of(request)->zone.not_set_up)
        return refuse(request, ERROR_INVALID, "", "no VPC is tagged for the zone: run terraform apply");
    assert_non_null(strstr(http_request_body(request, NULL), "{\"externalId\":\"xyz-acme\",\"tenant\":\"acme\"}"));
    http_respond_json(request, 200, json_object());
    return HTTP_ANSWERED;
}

static enum http_answer take_package(struct http_request *request)
{
    struct zone_mood *zone = &world_of(request)->zone;
    struct http_part *parts;
    size_t count;
    assert_int_equal(http_request_parts(request, &parts, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_non_null(strstr(parts[0].bytes, "\"externalId\":\"xyz-acme\""));
    if (zone->refuses)
        return refuse(request, ERROR_INVALID, "INVALID_APPLICATION_PACKAGE", "the package does not please");
    zone->taken++;
    zone->exists = true;
    http_respond_json(request, 200,
                      json_pack("{s:[{s:I, s:s, s:s}], s:s, s:s, s:s}", "log", "time", (json_int_t)clock_now_ms(),
                                "level", "WARNING", "message", "a word of caution", "tenant", "acme", "session-id",
                                "7", "message", "done"));
    return HTTP_ANSWERED;
}

static enum http_answer show_state(struct http_request *request)
{
    struct zone_mood *zone = &world_of(request)->zone;
    if (!zone->exists)
        return refuse(request, ERROR_NOT_FOUND, "", "not here");
    const char *status = zone->fails ? "failed" : zone->serves ? "running" : "pending";
    http_respond_json(
        request, 200,
        json_pack("{s:i, s:s, s:s, s:b, s:[{s:s, s:s}], s:[{s:s, s:s, s:s, s:[s]}], s:[{s:s}], s:[{s:I, s:s, s:s}]}",
                  "generation", 7, "status", status, "message", "1 of 2 nodes", "converged", (int)zone->serves,
                  "endpoints", "cluster", "web", "url", "https://nlb/", "privateEndpoints", "cluster", "web",
                  "serviceName", "com.amazonaws.vpce.x.vpce-svc-1", "authMethod", "mtls", "allowed",
                  "arn:aws:iam::333333333333:root", "nodes", "hostname", "h100", "log", "at",
                  (json_int_t)(clock_now_ms() + 1000), "level", "info", "message", "launched a host"));
    return HTTP_ANSWERED;
}

static enum http_answer delete_it(struct http_request *request)
{
    struct zone_mood *zone = &world_of(request)->zone;
    if (!zone->exists)
        return refuse(request, ERROR_NOT_FOUND, "", "not here");
    zone->exists = zone->deleted++ < 1; /* asynchronous: gone at the second look */
    http_respond_json(request, 200, json_object());
    return HTTP_ANSWERED;
}

static enum http_answer list_nodes(struct http_request *request)
{
    http_respond_json(request, 200,
                      json_pack("{s:s, s:[{s:s}]}", "target", http_request_target(request), "nodes", "hostname",
                                "h100"));
    return HTTP_ANSWERED;
}

static enum http_answer list_load_balancers(struct http_request *request)
{
    http_respond_json(request, 200,
                      json_pack("{s:[{s:s}]}", "loadBalancers", "id", http_request_query(request, "application")));
    return HTTP_ANSWERED;
}

#define APPLICATION "/application/v2/tenant/{tenant}/application/{a}/environment/{e}/region/{r}/instance/{i}"

struct http_server *configserver_start(struct world *world, int *port)
{
    static const struct http_route routes[] = {
        {1, HTTP_POST, "/zone/v2/account/{account}/check", 1, check_account},
        {1, HTTP_POST, "/application/v2/tenant/{tenant}/prepareandactivate", 1, take_package},
        {1, HTTP_GET, APPLICATION, 1, show_state},
        {1, HTTP_DELETE, APPLICATION, 1, delete_it},
        {1, HTTP_GET, "/nodes/v2/node", 1, list_nodes},
        {1, HTTP_GET, "/loadbalancers/v1", 1, list_load_balancers},
    };
    struct http_server *server = NULL;
    int socket;
    assert_int_equal(http_listen("127.0.0.1", 0, &socket, NULL), 0);
    *port = http_socket_port(socket);
    const struct http_listener listener = {1, socket, world->configserver_tls};
    const struct http_server_options options = {.name = "zone",
                                                .routes = routes,
                                                .route_count = COUNT_OF(routes),
                                                .identify_peer = principal_identify_peer,
                                                .forget_peer = principal_forget_peer,
                                                .authorize = only_the_controller,
                                                .error_body = zone_error,
                                                .context = world,
                                                .worker_threads = 2};
    assert_int_equal(http_server_start(&options, &listener, 1, &server, NULL), 0);
    return server;
}

/* --- AWS: STS and IAM, as far as registering an account needs them; accounts are told by the access key --- */

static enum http_answer deny(struct http_request *request)
{
    http_respond_text(request, 403, "text/xml",
                      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>");
    return HTTP_ANSWERED;
}

static enum http_answer who_am_i(struct http_request *request, const char *key)
{
    const char *account = strstr(key, "AKIDACME")   ? ACME_ACCOUNT
                          : strstr(key, "AKIDEVIL") ? EVIL_ACCOUNT
                                                    : "100000000001";
    http_respond_text(request, 200, "text/xml",
                      arena_format(http_request_arena(request),
                                   "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account>"
                                   "<Arn>arn:aws:iam::%s:user/u</Arn><UserId>U</UserId></GetCallerIdentityResult>"
                                   "</GetCallerIdentityResponse>",
                                   account, account));
    return HTTP_ANSWERED;
}

/* The tenants' roles want to see the external id "xyz-<tenant>"; ours wants none. */
static enum http_answer assume_role(struct http_request *request, const char *body)
{
    bool ours = strstr(body, "RoleArn=arn%3Aaws%3Aiam%3A%3A100000000001") != NULL;
    bool shown = strstr(body, "ExternalId=xyz-") != NULL;
    bool acme = strstr(body, "%3A" ACME_ACCOUNT "%3Arole%2Fvespa-cloud-provisioner") != NULL;
    bool right = acme && strstr(body, "ExternalId=xyz-acme") != NULL;
    if (!ours && !right && !(world_of(request)->aws.no_external_id_needed && !shown))
        return deny(request);
    http_respond_text(request, 200, "text/xml",
                      "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>"
                      "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
                      "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
                      "</AssumeRoleResponse>");
    return HTTP_ANSWERED;
}

static enum http_answer get_role(struct http_request *request, const char *body)
{
    bool named = strstr(body, "RoleName=vespa.tenant.acme.aws-" ACME_ACCOUNT ".tenant-host-service") != NULL;
    if (!named || world_of(request)->aws.no_host_role) {
        http_respond_text(request, 404, "text/xml",
                          "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>");
        return HTTP_ANSWERED;
    }
    http_respond_text(request, 200, "text/xml",
                      "<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName><Arn>arn:aws:iam::1:role/r</Arn>"
                      "<AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument></Role></GetRoleResult>"
                      "</GetRoleResponse>");
    return HTTP_ANSWERED;
}

static enum http_answer answer_aws(struct http_request *request)
{
    const char *body = http_request_body(request, NULL), *key = http_request_header(request, "Authorization");
    if (strstr(body, "Action=GetCallerIdentity"))
        return who_am_i(request, key ? key : "");
    if (strstr(body, "Action=AssumeRole"))
        return assume_role(request, body);
    return strstr(body, "Action=GetRole") ? get_role(request, body) : deny(request);
}

struct http_server *aws_start(struct world *world, int *port)
{
    static const struct http_route routes[] = {{1, HTTP_POST, "/", 0, answer_aws}};
    struct http_server *server = NULL;
    int socket;
    assert_int_equal(http_listen("127.0.0.1", 0, &socket, NULL), 0);
    *port = http_socket_port(socket);
    const struct http_listener listener = {1, socket, NULL};
    const struct http_server_options options = {
        .name = "aws", .routes = routes, .route_count = 1, .context = world, .worker_threads = 2};
    assert_int_equal(http_server_start(&options, &listener, 1, &server, NULL), 0);
    return server;
}
