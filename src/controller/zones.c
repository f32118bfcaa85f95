#include "controller/zones.h"

#include "base/clock.h"
#include "base/text.h"
#include "zone/names.h"

#include <string.h>

enum {
    CALL_MS = 15000,
    DEPLOY_MS = 60000,
    PATIENCE_MS = 10000, /* for another leader: the old one's session with the store lasts seconds */
    AGAIN_MS = 250,
};

static bool worth_another_server(int result, const struct http_reply *reply, const struct error *err)
{
    if (result < 0)
        return err->kind == ERROR_UNAVAILABLE;
    return reply->status == 502 || reply->status == 503;
}

/* Each config server once, beginning with the one that answered last. */
static int ask_each(struct controller *controller, const struct controller_zone *zone, struct http_call *call,
                    const char *path, struct arena *arena, struct http_reply *reply, struct error *err)
{
    int result = error_set(err, ERROR_UNAVAILABLE, "zone %s has no config server", zone->id);
    unsigned turn = atomic_load(&controller->server_turn);
    for (size_t i = 0; i < zone->configserver_count; i++) {
        size_t which = (turn + i) % zone->configserver_count;
        call->url = arena_format(arena, "%s%s", zone->configservers[which], path);
        result = http_call(controller->zones, call, arena, reply, err);
        if (worth_another_server(result, reply, err))
            continue;
        if (i > 0)
            atomic_store(&controller->server_turn, (unsigned)which);
        break;
    }
    return result;
}

/* While a config server restarts or another takes the lead all of them may refuse: nobody who deploys shall see it. */
int zone_call(struct controller *controller, const struct controller_zone *zone, struct http_call *call,
              const char *path, struct arena *arena, struct http_reply *reply, struct error *err)
{
    struct error why = {0};
    int result, patience_ms = zone->configserver_count > 1 ? PATIENCE_MS : 0;
    call->check_context = (void *)(uintptr_t)zone->identity;
    if (!call->timeout_ms)
        call->timeout_ms = CALL_MS;
    for (int64_t until = clock_monotonic_ms() + patience_ms;; clock_sleep_ms(AGAIN_MS)) {
        result = ask_each(controller, zone, call, path, arena, reply, &why);
        if (!worth_another_server(result, reply, &why) || clock_monotonic_ms() >= until)
            break;
    }
    if (result < 0) {
        error_context(&why, "zone %s", zone->id);
        if (err)
            *err = why;
    }
    return result;
}

static int zone_of(struct controller *controller, const struct deployment *deployment,
                   const struct controller_zone **zone, struct error *err)
{
    *zone = config_zone(controller->config, deployment->zone);
    return *zone ? 0 : error_set(err, ERROR_UNAVAILABLE, "zone %s is not configured any more", deployment->zone);
}

static char *application_path(struct arena *arena, const struct deployment *deployment)
{
    struct zone_id zone = {0};
    zone_parse(deployment->zone, &zone, NULL);
    return arena_format(arena, "/application/v2/tenant/%s/application/%s/environment/%s/region/%s/instance/%s",
                        deployment->tenant, deployment->application, zone.environment, zone.region,
                        deployment->instance);
}

int zone_check_account(struct controller *controller, const struct deployment *deployment, const char *external_id,
                       struct arena *arena, struct error *err)
{
    const struct controller_zone *zone;
    json_t *body = json_pack("{s:s, s:s}", "externalId", external_id, "tenant", deployment->tenant);
    const char *text = json_text(arena, body);
    json_decref(body);
    struct http_call call = {.method = HTTP_POST, .body = text, .body_length = strlen(text)};
    struct http_reply reply;
    http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    if (zone_of(controller, deployment, &zone, err) < 0 ||
        zone_call(controller, zone, &call, arena_format(arena, "/zone/v2/account/%s/check", deployment->account), arena,
                  &reply, err) < 0)
        return -1;
    return http_reply_check(&reply, NULL, err);
}

static char *prepare_params(struct arena *arena, const struct deployment *deployment, const char *external_id)
{
    json_t *params = json_pack("{s:s, s:s, s:{s:s, s:s}}", "applicationName", deployment->application, "instanceName",
                               deployment->instance, "cloudAccount", "id",
                               arena_format(arena, "aws:%s", deployment->account), "externalId", external_id);
    char *text = json_text(arena, params);
    json_decref(params);
    return text;
}

int zone_deploy(struct controller *controller, const struct deployment *deployment, const char *external_id,
                const char *zip, size_t length, struct arena *arena, json_t **log, int64_t *generation,
                struct error *err)
{
    const struct controller_zone *zone;
    if (zone_of(controller, deployment, &zone, err) < 0)
        return -1;
    const char *params = prepare_params(arena, deployment, external_id), *content_type;
    const struct http_form_part parts[] = {
        {"prepareParams", NULL, "application/json", params, strlen(params)},
        {"applicationPackage", "application.zip", "application/zip", zip, length},
    };
    struct http_call call = {.method = HTTP_POST, .timeout_ms = DEPLOY_MS};
    char *body;
    http_form(arena, parts, COUNT_OF(parts), &content_type, &body, &call.body_length);
    call.body = body;
    http_headers_add(arena, &call.headers, "Content-Type", content_type);
    struct http_reply reply;
    json_t *answer;
    const char *path = arena_format(arena, "/application/v2/tenant/%s/prepareandactivate", deployment->tenant);
    if (zone_call(controller, zone, &call, path, arena, &reply, err) < 0 || http_reply_check(&reply, NULL, err) < 0 ||
        json_parse(arena, reply.body, reply.length, &answer, err) < 0)
        return -1;
    *log = json_object_get(answer, "log");
    const char *session = json_member_text(answer, "session-id");
    if (!session || text_number(session, 0, INT64_MAX, "session-id", generation, NULL) < 0)
        *generation = 0;
    return 0;
}

static int get_json(struct controller *controller, const struct deployment *deployment, const char *path,
                    struct arena *arena, json_t **answer, struct error *err)
{
    const struct controller_zone *zone;
    struct http_call call = {.method = HTTP_GET};
    struct http_reply reply;
    if (zone_of(controller, deployment, &zone, err) < 0 ||
        zone_call(controller, zone, &call, path, arena, &reply, err) < 0 || http_reply_check(&reply, NULL, err) < 0)
        return -1;
    return json_parse(arena, reply.body, reply.length, answer, err);
}

int zone_deployment(struct controller *controller, const struct deployment *deployment, struct arena *arena,
                    json_t **state, struct error *err)
{
    return get_json(controller, deployment, application_path(arena, deployment), arena, state, err);
}

/* A list of what belongs to the deployment, by the name it has in the answer. */
static int get_list(struct controller *controller, const struct deployment *deployment, const char *path,
                    const char *name, struct arena *arena, json_t **list, struct error *err)
{
    json_t *answer;
    const char *whole = arena_format(arena, "%sapplication=%s.%s.%s", path, deployment->tenant, deployment->application,
                                     deployment->instance);
    if (get_json(controller, deployment, whole, arena, &answer, err) < 0)
        return -1;
    *list = json_object_get(answer, name);
    return json_is_array(*list) ? 0 : error_set(err, ERROR_UNAVAILABLE, "the zone does not say which %s there are", name);
}

int zone_nodes(struct controller *controller, const struct deployment *deployment, struct arena *arena, json_t **nodes,
               struct error *err)
{
    return get_list(controller, deployment, "/nodes/v2/node/?recursive=true&", "nodes", arena, nodes, err);
}

int zone_load_balancers(struct controller *controller, const struct deployment *deployment, struct arena *arena,
                        json_t **balancers, struct error *err)
{
    return get_list(controller, deployment, "/loadbalancers/v1/?", "loadBalancers", arena, balancers, err);
}

int zone_delete(struct controller *controller, const struct deployment *deployment, struct arena *arena,
                struct error *err)
{
    const struct controller_zone *zone;
    struct http_call call = {.method = HTTP_DELETE};
    struct http_reply reply;
    if (zone_of(controller, deployment, &zone, err) < 0 ||
        zone_call(controller, zone, &call, application_path(arena, deployment), arena, &reply, err) < 0)
        return -1;
    return http_reply_check(&reply, NULL, err);
}
