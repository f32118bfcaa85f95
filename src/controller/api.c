#include "controller/api.h"

#include "base/log.h"
#include "base/text.h"
#include "identity/athenz.h"
#include "zone/application_package.h"
#include "zone/names.h"

#include <stdio.h>
#include <string.h>

enum { FRONT = 1, SMALL = 64 << 10, FORM_ROOM = 64 << 10, WORKERS = 8 };

struct operation {
    enum http_method method;
    const char *path;
    unsigned who;
    operation_step *step;
    size_t body_limit;
};

#define TENANT     "/application/v4/tenant/{tenant}"
#define INSTANCE   TENANT "/application/{application}/instance/{instance}"
#define DEPLOYMENT INSTANCE "/environment/{environment}/region/{region}"

static const struct operation operations[] = {
    {HTTP_GET, "/status.html", WHO_ANYONE, show_status, SMALL},
    {HTTP_GET, "/state/v1/health", WHO_ANYONE, show_health, SMALL},
    {HTTP_GET, "/cli/v1", WHO_ANYONE, show_cli_version, SMALL},

    {HTTP_GET, "/application/v4/tenant", WHO_OPERATOR, list_tenants, SMALL},
    {HTTP_POST, TENANT, WHO_OPERATOR, create_tenant, SMALL},
    {HTTP_GET, TENANT, WHO_READER | WHO_OPERATOR, show_tenant, SMALL},
    {HTTP_POST, TENANT "/key", WHO_ADMINISTRATOR, add_key, SMALL},
    {HTTP_DELETE, TENANT "/key", WHO_ADMINISTRATOR, remove_key, SMALL},
    {HTTP_POST, TENANT "/cloud-account/challenge", WHO_ADMINISTRATOR, challenge_account, SMALL},
    {HTTP_POST, TENANT "/cloud-account", WHO_ADMINISTRATOR, register_account, SMALL},

    {HTTP_GET, TENANT "/application/{application}", WHO_READER, show_application, SMALL},
    {HTTP_POST, INSTANCE "/deploy/{job}", WHO_DEVELOPER, deploy_package, PACKAGE_LARGEST + FORM_ROOM},
    {HTTP_GET, INSTANCE "/job/{job}", WHO_READER, list_runs, SMALL},
    {HTTP_GET, INSTANCE "/job/{job}/run/{run}", WHO_READER, show_run, SMALL},
    {HTTP_GET, DEPLOYMENT, WHO_READER, show_deployment, SMALL},
    {HTTP_GET, DEPLOYMENT "/nodes", WHO_READER, show_nodes, SMALL},
    {HTTP_GET, DEPLOYMENT "/load-balancers", WHO_READER, show_load_balancers, SMALL},
    {HTTP_GET, DEPLOYMENT "/private-services", WHO_READER, show_private_services, SMALL},
    {HTTP_DELETE, DEPLOYMENT, WHO_DEVELOPER, delete_deployment, SMALL},

    {HTTP_GET, "/zone/v2", WHO_OPERATOR, list_zones, SMALL},
    {HTTP_GET, "/zone/v2/{environment}/{region}/{rest...}", WHO_OPERATOR, ask_zone, SMALL},
    {HTTP_PATCH, "/zone/v2/{environment}/{region}/nodes/v2/node/{hostname}", WHO_OPERATOR, ask_zone, SMALL},
    {HTTP_PUT, "/zone/v2/{environment}/{region}/nodes/v2/state/{state}/{hostname}", WHO_OPERATOR, ask_zone, SMALL},
    {HTTP_POST, "/zone/v2/{environment}/{region}/nodes/v2/command/{command}", WHO_OPERATOR, ask_zone, SMALL},
    {HTTP_PUT, "/zone/v2/{environment}/{region}/orchestrator/v1/{rest...}", WHO_OPERATOR, ask_zone, SMALL},
    {HTTP_DELETE, "/zone/v2/{environment}/{region}/orchestrator/v1/{rest...}", WHO_OPERATOR, ask_zone, SMALL},
};

static struct http_route routes[COUNT_OF(operations)];

static const struct operation *operation_of(struct http_request *request)
{
    return &operations[http_request_route(request) - routes];
}

/* Every call of an operator leaves a line, whatever came of it. */
static void audit(struct http_request *request, const struct caller *caller, const struct error *err)
{
    if (caller->operator_name)
        log_info("audit", "operator", caller->operator_name, "method", http_method_name(http_request_method(request)),
                 "path", http_request_path(request), "from", http_request_address_text(request), "failed",
                 err->kind == ERROR_NONE ? NULL : err->message, NULL);
}

static enum http_answer handle(struct http_request *request)
{
    struct operation_call call = {.controller = http_request_server_context(request),
                                  .request = request,
                                  .arena = http_request_arena(request),
                                  .caller = access_caller(request)};
    struct error err = {0};
    int result = access_check_body(request, &err);
    if (result == 0)
        result = operation_of(request)->step(&call, &err);
    audit(request, call.caller, &err);
    if (result < 0) {
        json_decref(call.answer);
        return http_fail(request, &err);
    }
    if (call.answer)
        http_respond_json(request, 200, call.answer);
    return HTTP_ANSWERED;
}

int call_name(const struct operation_call *call, const char *parameter, const char **name, struct error *err)
{
    *name = http_request_parameter(call->request, parameter);
    if (name_is_valid(*name))
        return 0;
    return error_set(err, ERROR_INVALID,
                     "'%.40s' is no %s name: 1 to 20 of a-z, 0-9 and '-', beginning with a letter, without a double or "
                     "last '-'",
                     *name, parameter);
}

/* "dev-aws-us-east-1c" is the zone dev.aws-us-east-1c. */
static char *zone_of_job(struct arena *arena, const char *job)
{
    char *zone = arena_strdup(arena, job), *dash = strchr(zone, '-');
    if (dash)
        *dash = '.';
    return zone;
}

int call_deployment(const struct operation_call *call, struct deployment *deployment, struct error *err)
{
    const char *job = http_request_parameter(call->request, "job");
    *deployment = (struct deployment){0};
    if (call_name(call, "tenant", &deployment->tenant, err) < 0 ||
        call_name(call, "application", &deployment->application, err) < 0 ||
        call_name(call, "instance", &deployment->instance, err) < 0)
        return -1;
    const char *zone = job ? zone_of_job(call->arena, job)
                           : arena_format(call->arena, "%s.%s", http_request_parameter(call->request, "environment"),
                                          http_request_parameter(call->request, "region"));
    const struct controller_zone *known = config_zone(call->controller->config, zone);
    if (!known)
        return error_set(err, ERROR_INVALID, "there is no zone '%.60s'", zone);
    deployment->zone = known->id;
    return 0;
}

int call_json(const struct operation_call *call, json_t **body, struct error *err)
{
    size_t length;
    const char *text = http_request_body(call->request, &length);
    if (json_parse(call->arena, text, length, body, err) < 0)
        return error_context(err, "the body");
    return json_is_object(*body) ? 0 : error_set(err, ERROR_INVALID, "the body must be a JSON object");
}

int show_status(struct operation_call *call, struct error *err)
{
    (void)err;
    http_respond_text(call->request, 200, "text/html", "<title>OK</title>\n");
    return 0;
}

int show_health(struct operation_call *call, struct error *err)
{
    (void)err;
    call->answer = json_pack("{s:{s:s}}", "status", "code", "up");
    return 0;
}

int show_cli_version(struct operation_call *call, struct error *err)
{
    (void)err;
    call->answer = json_pack("{s:s}", "minVersion", "0.0.0");
    return 0;
}

const struct http_route *api_routes(size_t *count)
{
    *count = COUNT_OF(routes);
    return routes;
}

int api_start(struct controller *controller, struct tls_context *tls, const int *sockets, size_t socket_count,
              struct http_server **server, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    struct http_listener *listeners = arena_alloc(arena, socket_count * sizeof *listeners);
    for (size_t i = 0; i < COUNT_OF(operations); i++)
        routes[i] = (struct http_route){.side = FRONT,
                                        .method = operations[i].method,
                                        .path = operations[i].path,
                                        .who = operations[i].who,
                                        .handler = handle,
                                        .body_limit = operations[i].body_limit};
    for (size_t i = 0; i < socket_count; i++)
        listeners[i] = (struct http_listener){FRONT, sockets[i], tls};
    const struct http_server_options options = {.name = "controller",
                                                .routes = routes,
                                                .route_count = COUNT_OF(routes),
                                                .identify_peer = principal_identify_peer,
                                                .forget_peer = principal_forget_peer,
                                                .authorize = access_authorize,
                                                .error_body = access_error_body,
                                                .context = controller,
                                                .worker_threads = WORKERS,
                                                .access_log = true};
    return http_server_start(&options, listeners, socket_count, server, err);
}
