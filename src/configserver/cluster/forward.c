#include "configserver/cluster/forward.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/record.h"
#include "base/text.h"
#include "configserver/api/routes.h"
#include "configserver/cluster/leader.h"
#include "configserver/cluster/servers.h"
#include "identity/athenz.h"

#include <string.h>

#define ON_BEHALF_OF "X-Enclave-On-Behalf-Of"
#define SEQUENCE     "X-Enclave-Sequence"

enum {
    CONNECT_MS = 1000,
    TIMEOUT_MS = 8000,
    DEPLOY_TIMEOUT_MS = 55 * 1000, /* a package is read and its account looked at */
    PASSING_MOST = 12,             /* of the server's threads: some are left for what we answer ourselves */
    SPARED_MS = 500,
    CATCH_UP_MS = 2000, /* until we have seen what the leader wrote for the caller */
};

/* By the places of their bits in enum side. */
static const char *const side_names[] = {"public", "provider", "tunnel", NULL};

/* Whom a follower speaks for. */
struct on_behalf {
    int side;         /* on which it called: an index of side_names */
    const char *name; /* NULL: somebody without a certificate */
    const char *provider, *instance_id, *serial;
    int64_t not_before_ms, not_after_ms;
    const char *address;
};

static const struct field on_behalf_fields[] = {
    FIELD_ENUM(struct on_behalf, side, "side", REQUIRED, side_names, "where it called us"),
    FIELD_TEXT(struct on_behalf, name, "name", OPTIONAL, 384, NULL, "the principal"),
    FIELD_TEXT(struct on_behalf, provider, "provider", OPTIONAL, 384, NULL, "who attested it"),
    FIELD_TEXT(struct on_behalf, instance_id, "instanceId", OPTIONAL, 512, NULL, "which of them it is"),
    FIELD_TEXT(struct on_behalf, serial, "serial", OPTIONAL, 128, NULL, "of its certificate"),
    FIELD_INTEGER(struct on_behalf, not_before_ms, "notBefore", OPTIONAL, 0, 1LL << 50, "ms"),
    FIELD_INTEGER(struct on_behalf, not_after_ms, "notAfter", OPTIONAL, 0, 1LL << 50, "ms"),
    FIELD_TEXT(struct on_behalf, address, "address", REQUIRED, 64, NULL, "where it called from"),
    FIELD_END,
};
static const struct record on_behalf_record = {"caller", sizeof(struct on_behalf), on_behalf_fields};

static bool is_at_leader(const struct http_route *route)
{
    return (route->side & AT_LEADER) && route->side != SIDE_MESH;
}

static bool is_ours(const struct zone *zone, struct http_request *request)
{
    const struct principal *peer = http_request_peer(request);
    return peer && peer->kind == PRINCIPAL_CONFIGSERVER &&
           text_equal(peer->name, zone_configserver_name(http_request_arena(request), &zone->id));
}

static int act_for(struct http_request *request, const char *text, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    struct on_behalf caller = {0};
    struct principal *principal = NULL;
    if (record_parse(&on_behalf_record, arena, text, strlen(text), &caller, err) < 0)
        return error_context(err, ON_BEHALF_OF);
    if (caller.name) {
        principal = arena_alloc(arena, sizeof *principal);
        if (principal_parse(arena, caller.name, principal, err) < 0)
            return error_context(err, ON_BEHALF_OF);
        principal->provider = caller.provider;
        principal->instance_id = caller.instance_id;
        principal->serial = caller.serial;
        principal->not_before_ms = caller.not_before_ms;
        principal->not_after_ms = caller.not_after_ms;
    }
    unsigned side = 1u << caller.side;
    if (!(http_request_route(request)->side & side))
        return error_set(err, ERROR_FORBIDDEN, "this is not served on the side %s", side_names[caller.side]);
    http_request_act_for(request, side, principal, caller.address);
    return 0;
}

int forward_accept(struct zone *zone, struct http_request *request, struct error *err)
{
    const char *named = http_request_header(request, ON_BEHALF_OF);
    bool mesh = http_request_side(request) == SIDE_MESH;
    if (!mesh)
        return named ? error_set(err, ERROR_FORBIDDEN, "nobody speaks for others here") : 0;
    if (!is_ours(zone, request))
        return error_set(err, ERROR_FORBIDDEN, "the mesh is for config servers of this zone");
    if (named)
        return act_for(request, named, err);
    return is_at_leader(http_request_route(request))
               ? error_set(err, ERROR_INVALID, "a request that is passed on says for whom: " ON_BEHALF_OF)
               : 0;
}

bool forward_leaves_to_leader(const struct zone *zone, struct http_request *request)
{
    const struct config_servers *servers = zone->servers;
    const struct principal *peer = http_request_peer(request);
    return servers && !atomic_load(&servers->leads) && is_at_leader(http_request_route(request)) &&
           !http_request_acts(request) && peer && peer->kind == PRINCIPAL_HOST &&
           text_equal(peer->provider, zone_provider_name(http_request_arena(request), &zone->id));
}

static char *caller_text(struct http_request *request)
{
    const struct principal *peer = http_request_peer(request);
    struct on_behalf caller = {.address = http_request_address_text(request)};
    while (1u << caller.side != http_request_side(request))
        caller.side++;
    if (peer) {
        caller.name = peer->name;
        caller.provider = peer->provider;
        caller.instance_id = peer->instance_id;
        caller.serial = peer->serial;
        caller.not_before_ms = peer->not_before_ms;
        caller.not_after_ms = peer->not_after_ms;
    }
    return record_text(&on_behalf_record, http_request_arena(request), &caller);
}

static const struct mesh_server *leader_of(const struct config_servers *servers)
{
    int64_t leader = atomic_load(&servers->leader);
    for (size_t i = 0; i < servers->count; i++)
        if (servers->all[i].index == leader && leader != servers->index)
            return &servers->all[i];
    return NULL;
}

static int call_leader(struct config_servers *servers, const struct mesh_server *leader,
                       struct http_request *request, struct http_reply *reply, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    size_t length;
    const char *body = http_request_body(request, &length);
    const char *type = http_request_header(request, "Content-Type");
    bool large = http_request_route(request)->body_limit > (1 << 20);
    struct http_call call = {
        .method = http_request_method(request),
        .url = arena_format(arena, "%s%s", leader->url, http_request_target(request)),
        .body = body,
        .body_length = length,
        .timeout_ms = large ? DEPLOY_TIMEOUT_MS : TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_MS,
        .answer_limit = ZONE_ANSWER_LARGEST,
    };
    http_headers_add(arena, &call.headers, ON_BEHALF_OF, caller_text(request));
    if (type)
        http_headers_add(arena, &call.headers, "Content-Type", type);
    return http_call(servers->client, &call, arena, reply, err);
}

static int pass_on(struct zone *zone, struct http_request *request, struct http_reply *reply,
                   struct error *err)
{
    struct config_servers *servers = zone->servers;
    const struct mesh_server *leader = leader_of(servers);
    if (!leader)
        return error_code(err, ERROR_UNAVAILABLE, "NO_LEADER",
                          "no config server of zone %s leads at the moment", zone->config->zone);
    if (clock_monotonic_ms() < atomic_load(&servers->unreachable_until))
        return error_code(err, ERROR_UNAVAILABLE, "NO_LEADER", "the leader does not answer");
    bool room = atomic_fetch_add(&servers->passing, 1) < PASSING_MOST;
    int result = room ? call_leader(servers, leader, request, reply, err)
                      : error_set(err, ERROR_UNAVAILABLE, "too many requests wait for the leader");
    atomic_fetch_sub(&servers->passing, 1);
    if (room && result < 0) {
        atomic_store(&servers->unreachable_until, clock_monotonic_ms() + SPARED_MS);
        error_context(err, "pass on to config server %lld", (long long)leader->index);
        if (err)
            err->kind = ERROR_UNAVAILABLE;
    }
    return result;
}

/* The caller may read at once what it has just written: we answer when our copy has it. */
static void see_what_was_written(struct zone *zone, const struct http_reply *reply)
{
    const char *sequence = http_headers_get(&reply->headers, SEQUENCE);
    int64_t number;
    if (zone->leader && sequence && text_number(sequence, 0, INT64_MAX, SEQUENCE, &number, NULL) == 0)
        leader_wait_for(zone->leader, number, CATCH_UP_MS);
}

static enum http_answer answer(struct http_request *request, const struct http_reply *reply)
{
    const char *type = http_headers_get(&reply->headers, "Content-Type");
    const char *after = http_headers_get(&reply->headers, "Retry-After");
    http_respond(request, reply->status, type, reply->body, reply->length);
    if (after)
        http_respond_header(request, "Retry-After", after);
    return HTTP_ANSWERED;
}

static enum http_answer refuse(struct http_request *request, const struct error *err)
{
    http_respond_header(request, "Retry-After", "1");
    return http_fail(request, err);
}

/* On the leader; what it passes back tells the follower how far it must have read. */
static enum http_answer handle_as_leader(struct zone *zone, struct http_request *request)
{
    enum http_answer answered = http_request_route(request)->handler(request);
    if (answered == HTTP_ANSWERED && http_request_acts(request))
        http_respond_header(request, SEQUENCE,
                            arena_format(http_request_arena(request), "%lld",
                                         (long long)repository_sequence(zone->repository)));
    return answered;
}

enum http_answer forward_or_handle(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    const struct http_route *route = http_request_route(request);
    struct error err = {0};
    struct http_reply reply;
    if (!zone->servers || !is_at_leader(route))
        return route->handler(request);
    if (atomic_load(&zone->servers->leads))
        return handle_as_leader(zone, request);
    if (http_request_acts(request)) { /* never a second hop */
        error_code(&err, ERROR_UNAVAILABLE, "NO_LEADER", "this config server does not lead");
        return refuse(request, &err);
    }
    if (pass_on(zone, request, &reply, &err) == 0) {
        see_what_was_written(zone, &reply);
        return answer(request, &reply);
    }
    if (route->method == HTTP_GET)
        return route->handler(request);
    log_info("request not passed on", "path", http_request_path(request), "reason", err.message, NULL);
    return refuse(request, &err);
}
