/* What a host says of itself: first on the public side, then through the tunnel. */
#include "base/log.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/cluster/servers.h"
#include "configserver/hosts/gauges.h"
#include "configserver/hosts/host_calls.h"
#include "configserver/hosts/nonces.h"
#include "configserver/hosts/spec.h"
#include "identity/athenz.h"
#include "zone/host_spec.h"

#include <string.h>

int read_body(struct http_request *request, const struct record *record, void *object, struct error *err)
{
    size_t length;
    const char *body = http_request_body(request, &length);
    return record_parse(record, http_request_arena(request), body, length, object, err);
}

enum http_answer respond_record(struct http_request *request, const struct record *record, const void *object)
{
    http_respond_json(request, 200, record_write(record, object));
    return HTTP_ANSWERED;
}

const struct host *calling_host(struct http_request *request, const struct view *view)
{
    const struct principal *principal = http_request_peer(request);
    struct zone *zone = http_request_server_context(request);
    if (!principal || principal->kind != PRINCIPAL_HOST ||
        !text_equal(principal->provider, zone_provider_name(http_request_arena(request), &zone->id)))
        return NULL;
    const struct host *host = view_host_of_instance(view, principal->instance_id);
    bool lives = host && host->state > HOST_WANTED && host->state < HOST_TERMINATING;
    return lives && text_equal(host->tenant, principal->tenant) ? host : NULL;
}

static int check_challenge(const struct view *view, const struct challenge_request *asked, struct error *err)
{
    const struct host *host = view_find(view, RECORD_HOST, asked->hostname);
    if (host && host->state == HOST_WANTED)
        return error_set(err, ERROR_UNAVAILABLE,
                         "ask again in a moment"); /* not yet written down as launched */
    if (!host || host->state != HOST_PROVISIONED || !text_equal(host->instance_id, asked->instance_id))
        return error_set(err, ERROR_FORBIDDEN, "no host that is to prove itself has this name and instance");
    return 0;
}

enum http_answer issue_challenge(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct challenge_request asked = {0};
    struct challenge challenge;
    if (!nonces_may_ask(zone->nonces, http_request_address_text(request))) {
        error_set(&err, ERROR_THROTTLED, "too many questions from this address");
        return http_fail(request, &err);
    }
    VIEW(view, zone->repository);
    if (read_body(request, &challenge_request_record, &asked, &err) < 0 ||
        check_challenge(view, &asked, &err) < 0) {
        log_info("challenge refused", "hostname", asked.hostname, "address",
                 http_request_address_text(request), "reason", err.message, NULL);
        return http_fail(request, &err);
    }
    challenge.nonce = nonce_give(zone->nonces, http_request_arena(request), asked.hostname, asked.instance_id,
                                 &challenge.expires_at);
    if (!challenge.nonce) {
        error_set(&err, ERROR_THROTTLED, "too many hosts are proving themselves");
        return http_fail(request, &err);
    }
    return respond_record(request, &challenge_record, &challenge);
}

static struct wireguard_peer config_server_peer(const struct zone *zone, struct arena *arena, int64_t index,
                                                const char *address, const char *key)
{
    return (struct wireguard_peer){
        .hostname =
            arena_format(arena, "cfg%lld.%s." HOST_DOMAIN_SUFFIX, (long long)index, zone->config->zone),
        .key = key,
        .endpoint = arena_format(arena, "[%s]:%d", address, TUNNEL_PORT),
        .address = zone_configserver_address(arena, zone, index),
    };
}

int list_config_servers(const struct zone *zone, struct arena *arena, struct wireguard_peers *peers,
                        struct error *err)
{
    const struct config *config = zone->config;
    const struct config_servers *servers = zone->servers;
    size_t most = servers ? servers->count : 0;
    const char *ours = zone->peers->public_key(zone->peers->context);
    if (!ours)
        return error_set(err, ERROR_UNAVAILABLE, "our tunnel is not up yet");
    peers->configservers = arena_alloc(arena, (most + 1) * sizeof *peers->configservers);
    peers->configservers[peers->configserver_count++] =
        config_server_peer(zone, arena, config->index, config->address, ours);
    for (size_t i = 0; i < most; i++) {
        const struct mesh_server *other = &servers->all[i];
        const char *key = other->index == config->index || !servers->tunnel_key
                              ? NULL
                              : servers->tunnel_key(servers->context, arena, other->index);
        if (key)
            peers->configservers[peers->configserver_count++] =
                config_server_peer(zone, arena, other->index, other->address, key);
    }
    return 0;
}

static int take_key(struct http_request *request, struct wireguard_peers *peers, struct error *err)
{
    struct zone *zone = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    struct wireguard_key published = {0};
    VIEW(view, zone->repository);
    const struct host *host = calling_host(request, view);
    if (!host)
        return error_set(err, ERROR_FORBIDDEN, "no host of this zone");
    if (read_body(request, &wireguard_key_record, &published, err) < 0)
        return -1;
    if (!tunnel_is_key(published.key))
        return error_set(err, ERROR_INVALID, "\"key\" is not a WireGuard public key");
    *peers = (struct wireguard_peers){.address = zone_host_address(arena, zone, host->index),
                                      .prefix_length = ZONE_PREFIX_LENGTH};
    if (list_config_servers(zone, arena, peers, err) < 0)
        return -1;
    return host_admit_key(zone, host->hostname, published.key, err);
}

enum http_answer publish_key(struct http_request *request)
{
    struct error err = {0};
    struct wireguard_peers peers;
    if (take_key(request, &peers, &err) < 0)
        return http_fail(request, &err);
    return respond_record(request, &wireguard_peers_record, &peers);
}

enum http_answer set_ready(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    enum host_state state;
    if (host_ready(zone, http_request_parameter(request, "hostname"), &state, &err) < 0)
        return http_fail(request, &err);
    http_respond_json(request, 200, json_pack("{s:s}", "message", host_state_names[state]));
    return HTTP_ANSWERED;
}

/* A host may say what the report's table lists, and nothing else. */
static int check_members(struct http_request *request, struct error *err)
{
    size_t length;
    json_t *json;
    const char *name;
    json_t *value;
    const char *body = http_request_body(request, &length);
    if (json_parse(http_request_arena(request), body, length, &json, err) < 0)
        return -1;
    json_object_foreach(json, name, value) {
        const struct field *field = node_report_record.fields;
        while (field->name && !text_equal(field->name, name))
            field++;
        if (!field->name)
            return error_set(err, ERROR_FORBIDDEN, "a host may not set '%.80s'", name);
    }
    return 0;
}

enum http_answer take_report(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct node_report report = node_report_nothing;
    const char *hostname = http_request_parameter(request, "hostname");
    if (check_members(request, &err) < 0 || read_body(request, &node_report_record, &report, &err) < 0)
        return http_fail(request, &err);
    VIEW(view, zone->repository);
    int result = view_find(view, RECORD_HOST, hostname) ? host_report(zone, hostname, &report, &err)
                                                        : node_report(zone, hostname, &report, &err);
    if (result < 0)
        return http_fail(request, &err);
    http_respond_json(request, 200, json_pack("{s:o}", "message", json_sprintf("Updated %s", hostname)));
    return HTTP_ANSWERED;
}

enum http_answer take_metrics(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct error err = {0};
    struct metrics_report report = {0};
    const char *hostname = http_request_parameter(request, "hostname");
    if (read_body(request, &metrics_report_record, &report, &err) < 0)
        return http_fail(request, &err);
    VIEW(view, zone->repository);
    const struct node *node = view_node_of(view, hostname);
    for (size_t i = 0; i < report.metric_count; i++)
        if (report.metrics[i].node && !(node && text_equal(node->hostname, report.metrics[i].node))) {
            error_set(&err, ERROR_FORBIDDEN, "metric '%s' is of a node that is not on this host",
                      report.metrics[i].name);
            return http_fail(request, &err);
        }
    host_heard(zone, hostname);
    gauges_put(zone->gauges, hostname, &report);
    http_respond(request, 204, NULL, NULL, 0);
    return HTTP_ANSWERED;
}
