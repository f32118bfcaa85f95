/* Reads for operators and the controller, shaped as Vespa's node repository answers them. */
#include "base/buffer.h"
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/hosts/gauges.h"
#include "configserver/hosts/spec.h"

static json_t *owner_of(struct arena *arena, const char *application)
{
    struct application_id names;
    application_names(arena, application, &names);
    return json_pack("{s:s,s:s,s:s}", "tenant", names.tenant, "application", names.application, "instance",
                     names.instance);
}

/* Adds what is known and leaves out what is not, as the original does. */
static void set_text(json_t *object, const char *name, const char *value)
{
    if (value)
        json_object_set_new(object, name, json_string(value));
}

static json_t *host_json(struct zone *zone, const struct view *view, const struct host *host,
                         struct arena *arena)
{
    const struct node *node = view_node_of(view, host->hostname);
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:b}", "state", host_state_names[host->state], "type", "host",
        "hostname", host->hostname, "flavor", host->instance_type, "exclusiveTo",
        json_string(host->application), "cloudAccount", json_sprintf("aws:%s", host->account), "stateSince",
        (json_int_t)host->state_since, "wantToDeprovision", host->state >= HOST_DEPROVISIONING);
    set_text(json, "id", host->instance_id);
    set_text(json, "trouble", host->trouble);
    if (host->address)
        json_object_set_new(json, "ipAddresses", json_pack("[s]", host->address));
    if (host->node_address)
        json_object_set_new(json, "additionalIpAddresses", json_pack("[s]", host->node_address));
    if (node)
        json_object_set_new(json, "additionalHostnames", json_pack("[s]", node->hostname));
    if (host->wireguard_key)
        json_object_set_new(json, "wireguard",
                            json_pack("{s:s,s:s}", "key", host->wireguard_key, "address",
                                      zone_host_address(arena, zone, host->index)));
    int64_t heard = gauges_heard(zone->gauges, host->hostname);
    if (heard)
        json_object_set_new(json, "lastHeardAt", json_integer(heard));
    return json;
}

static json_t *node_json(const struct view *view, const struct node *node, struct arena *arena)
{
    const struct host *host = view_find(view, RECORD_HOST, node->parent);
    json_t *membership =
        json_pack("{s:s,s:s,s:s,s:I,s:b}", "clustertype",
                  node->cluster_type == CLUSTER_CONTAINER ? "container" : "content", "clusterid",
                  node->cluster, "group", "0", "index", (json_int_t)node->index, "retired", false);
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:s,s:o,s:o,s:s,s:I,s:I,s:I}", "state", node_state_names[node->state], "type", "tenant",
        "hostname", node->hostname, "parentHostname", node->parent, "owner",
        owner_of(arena, node->application), "membership", membership, "wantedDockerImage", node->image,
        "restartGeneration", (json_int_t)node->restart_generation, "currentRestartGeneration",
        (json_int_t)node->current_restart_generation, "stateSince", (json_int_t)node->state_since);
    set_text(json, "currentDockerImage", node->current_image);
    set_text(json, "vespaVersion", node->vespa_version);
    set_text(json, "serviceStatus", node->service_status);
    set_text(json, "statusMessage", node->status_message);
    if (node->reports)
        json_object_set(json, "reports", node->reports);
    if (host && host->node_address)
        json_object_set_new(json, "ipAddresses", json_pack("[s]", host->node_address));
    if (host)
        json_object_set_new(json, "cloudAccount", json_sprintf("aws:%s", host->account));
    return json;
}

static json_t *short_json(json_t *full, bool recursive)
{
    if (recursive)
        return full;
    json_t *name = json_pack("{s:O}", "hostname", json_object_get(full, "hostname"));
    json_decref(full);
    return name;
}

/* "t.a.i" and "t:a:i" both name an application. */
static bool is_of(struct arena *arena, const char *application, const char *wanted)
{
    if (!wanted)
        return true;
    char *id = arena_strdup(arena, wanted);
    for (char *at = id; *at; at++)
        if (*at == '.')
            *at = ':';
    return text_equal(id, application);
}

enum http_answer list_nodes(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    bool recursive = text_equal(http_request_query(request, "recursive"), "true");
    const char *application = http_request_query(request, "application");
    const char *parent = http_request_query(request, "parentHost"),
               *state = http_request_query(request, "state");
    VIEW(view, zone->repository);
    json_t *nodes = json_array();
    view_each(view, RECORD_HOST, struct host, host)
        if (!parent && is_of(arena, host->application, application) &&
            (!state || text_equal(state, host_state_names[host->state])))
            json_array_append_new(nodes, short_json(host_json(zone, view, host, arena), recursive));
    view_each(view, RECORD_NODE, struct node, node)
        if ((!parent || text_equal(parent, node->parent)) && is_of(arena, node->application, application) &&
            (!state || text_equal(state, node_state_names[node->state])))
            json_array_append_new(nodes, short_json(node_json(view, node, arena), recursive));
    http_respond_json(request, 200, json_pack("{s:o}", "nodes", nodes));
    return HTTP_ANSWERED;
}

enum http_answer get_node(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    const char *hostname = http_request_parameter(request, "hostname");
    VIEW(view, zone->repository);
    const struct host *host = view_find(view, RECORD_HOST, hostname);
    const struct node *node = view_find(view, RECORD_NODE, hostname);
    if (!host && !node) {
        struct error err = {0};
        error_set(&err, ERROR_NOT_FOUND, "No node with hostname '%.80s'", hostname);
        return http_fail(request, &err);
    }
    http_respond_json(request, 200, host ? host_json(zone, view, host, arena) : node_json(view, node, arena));
    return HTTP_ANSWERED;
}

static json_t *reals_of(const struct view *view, const struct load_balancer *balancer)
{
    json_t *reals = json_array();
    view_each(view, RECORD_NODE, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        if (node->state == NODE_ACTIVE && host && host->node_address &&
            text_equal(node->application, balancer->application) &&
            text_equal(node->cluster, balancer->cluster))
            json_array_append_new(reals, json_pack("{s:s,s:s,s:i}", "hostname", node->hostname, "ipAddress",
                                                   host->node_address, "port", NODE_PORT));
    }
    return reals;
}

static json_t *load_balancer_json(const struct view *view, const struct load_balancer *balancer,
                                  struct arena *arena)
{
    const struct application *application = view_find(view, RECORD_APPLICATION, balancer->application);
    json_t *json = owner_of(arena, balancer->application);
    json_object_set_new(json, "id", json_string(balancer->id));
    json_object_set_new(json, "state", json_string(load_balancer_state_names[balancer->state]));
    json_object_set_new(json, "changedAt", json_integer(balancer->state_since));
    json_object_set_new(json, "cluster", json_string(balancer->cluster));
    json_object_set_new(json, "ports", json_pack("[i]", ENDPOINT_PORT));
    json_object_set_new(json, "reals", reals_of(view, balancer));
    json_object_set_new(json, "healthyTargets", json_integer(balancer->healthy));
    json_object_set_new(json, "public", json_true());
    json_object_set_new(json, "cloudAccount", json_sprintf("aws:%s", balancer->account));
    set_text(json, "hostname", balancer->dns_name);
    set_text(json, "dnsZone", balancer->hosted_zone);
    set_text(json, "trouble", balancer->trouble);
    json_t *networks = json_array();
    for (size_t i = 0; application && i < application->network_count; i++)
        json_array_append_new(networks, json_string(application->networks[i]));
    json_object_set_new(json, "networks", networks);
    return json;
}

enum http_answer list_load_balancers(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct arena *arena = http_request_arena(request);
    const char *application = http_request_query(request, "application");
    VIEW(view, zone->repository);
    json_t *list = json_array();
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (is_of(arena, balancer->application, application))
            json_array_append_new(list, load_balancer_json(view, balancer, arena));
    http_respond_json(request, 200, json_pack("{s:o}", "loadBalancers", list));
    return HTTP_ANSWERED;
}

enum http_answer get_metrics(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    cleanup(buffer_free) struct buffer text = buffer_new(256 << 20);
    VIEW(view, zone->repository);
    gauges_print(zone->gauges, view, &text);
    http_respond(request, 200, "text/plain; version=0.0.4", buffer_string(&text), text.length);
    return HTTP_ANSWERED;
}

enum http_answer get_health(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    http_respond_json(
        request, 200,
        json_pack("{s:I,s:{s:s}}", "time", (json_int_t)zone_now_ms(zone), "status", "code", "up"));
    return HTTP_ANSWERED;
}
