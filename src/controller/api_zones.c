/* For operators: the zones, what their config servers show, and what operators may want of hosts there. */
#include "base/text.h"
#include "controller/api.h"
#include "controller/zones.h"
#include "zone/names.h"

#include <string.h>

int list_zones(struct operation_call *call, struct error *err)
{
    (void)err;
    const struct controller_config *config = call->controller->config;
    json_t *zones = json_array();
    for (size_t i = 0; i < config->zone_count; i++) {
        struct zone_id zone = {0};
        zone_parse(config->zones[i].id, &zone, NULL);
        json_array_append_new(zones,
                              json_pack("{s:s, s:s}", "environment", zone.environment, "region", zone.region));
    }
    call->answer = json_pack("{s:o}", "zones", zones);
    return 0;
}

/* What follows "/zone/v2/<environment>/<region>", as it was sent. */
static const char *path_in_zone(struct http_request *request)
{
    const char *at = http_request_target(request);
    for (int slashes = 0; slashes < 5; slashes++)
        at = strchr(at + (slashes ? 1 : 0), '/');
    return at;
}

int ask_zone(struct operation_call *call, struct error *err)
{
    const char *id = arena_format(call->arena, "%s.%s", http_request_parameter(call->request, "environment"),
                                  http_request_parameter(call->request, "region"));
    const struct controller_zone *zone = config_zone(call->controller->config, id);
    struct http_call http = {.method = http_request_method(call->request), .answer_limit = ZONE_ANSWER_LARGEST};
    struct http_reply reply;
    if (!zone)
        return error_set(err, ERROR_NOT_FOUND, "there is no zone '%.60s'", id);
    if (http.method != HTTP_GET) {
        http.body = http_request_body(call->request, &http.body_length);
        http_headers_add(call->arena, &http.headers, "Content-Type", "application/json");
    }
    if (zone_call(call->controller, zone, &http, path_in_zone(call->request), call->arena, &reply, err) < 0)
        return -1;
    const char *type = http_headers_get(&reply.headers, "Content-Type");
    http_respond(call->request, reply.status, type ? type : "application/json", reply.body, reply.length);
    return 0;
}
