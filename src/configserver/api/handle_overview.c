/* The zone as a whole: its applications, what they cost, the config servers' keys, what looks after it all.
 */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/api/shown.h"
#include "configserver/decide/instance_types.h"
#include "zone/host_spec.h"

static json_t *application_summary(const struct view *view, const struct application *application)
{
    return json_pack(
        "{s:o,s:s,s:o,s:I,s:b,s:b,s:I,s:I}", "url", json_sprintf("/nodes/v2/application/%s", application->id),
        "id", application->id, "cloudAccount", json_sprintf("aws:%s", application->account), "generation",
        (json_int_t)application->generation, "converged",
        application->converged_generation == application->generation, "deleting", application->deleting,
        "hosts", (json_int_t)view_count_of(view, HOSTS_OF_APPLICATION, application->id), "nodes",
        (json_int_t)view_count_of(view, NODES_OF_APPLICATION, application->id));
}

enum http_answer list_applications(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    json_t *list = json_array();
    VIEW(view, zone->repository);
    view_each(view, RECORD_APPLICATION, struct application, application)
        json_array_append_new(list, application_summary(view, application));
    http_respond_json(request, 200, json_pack("{s:o}", "applications", list));
    return HTTP_ANSWERED;
}

/* What is wanted of a cluster, and how many nodes are there for it. */
static json_t *cluster_summary(const struct view *view, const struct application *application,
                               const struct cluster *cluster)
{
    json_int_t active = 0, retired = 0;
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        bool counts = text_equal(node->cluster, cluster->id) && node->state == NODE_ACTIVE;
        active += counts;
        retired += counts && node->retired;
    }
    return json_pack("{s:s,s:{s:I,s:I,s:{s:f,s:f,s:f}},s:I,s:I,s:s?,s:s?}", "type",
                     shown_cluster_type(cluster->type), "target", "nodes", (json_int_t)cluster->count,
                     "groups", (json_int_t)cluster->groups, "resources", "vcpu", cluster->vcpu, "memoryGb",
                     cluster->memory_gb, "diskGb", cluster->disk_gb, "activeNodes", active, "retiredNodes",
                     retired, "flavor", cluster->instance_type, "dockerImage", cluster->image);
}

enum http_answer get_node_application(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    VIEW(view, zone->repository);
    const char *id =
        shown_application_id(http_request_arena(request), http_request_parameter(request, "application"));
    const struct application *application = view_find(view, RECORD_APPLICATION, id);
    if (!application) {
        struct error err = {0};
        error_set(&err, ERROR_NOT_FOUND, "No application '%.80s'", id);
        return http_fail(request, &err);
    }
    json_t *json = application_summary(view, application), *clusters = json_object();
    for (size_t i = 0; i < application->cluster_count; i++)
        json_object_set_new(clusters, application->clusters[i].id,
                            cluster_summary(view, application, &application->clusters[i]));
    json_object_set_new(json, "clusters", clusters);
    http_respond_json(request, 200, json);
    return HTTP_ANSWERED;
}

static double price_of(const struct host *host)
{
    const struct instance_type *type = host->instance_type ? instance_type_find(host->instance_type) : NULL;
    return type && host->instance_id && host->state < HOST_DEPROVISIONED ? type->price : 0;
}

static double cost_of(const struct view *view, const char *application)
{
    double cost = 0;
    view_each_of(view, HOSTS_OF_APPLICATION, application, struct host, host)
        cost += price_of(host);
    return cost;
}

/* Costs are dollars an hour, as the type table has them; load is each application's own to see. */
enum http_answer get_stats(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    double total = 0, allocated = 0;
    json_t *applications = json_array();
    VIEW(view, zone->repository);
    view_each(view, RECORD_HOST, struct host, host) {
        total += price_of(host);
        allocated += host->state == HOST_ACTIVE ? price_of(host) : 0;
    }
    view_each(view, RECORD_APPLICATION, struct application, application)
        json_array_append_new(applications, json_pack("{s:s,s:f}", "id", application->id, "cost",
                                                      cost_of(view, application->id)));
    http_respond_json(request, 200,
                      json_pack("{s:f,s:f,s:I,s:I,s:I,s:o}", "totalCost", total, "totalAllocatedCost",
                                allocated, "hosts", (json_int_t)view_count(view, RECORD_HOST), "nodes",
                                (json_int_t)view_count(view, RECORD_NODE), "accounts",
                                (json_int_t)view_count(view, RECORD_ACCOUNT), "applications", applications));
    return HTTP_ANSWERED;
}

/* The config servers' ends of the tunnels. */
enum http_answer get_wireguard(struct http_request *request)
{
    struct zone *zone = http_request_server_context(request);
    struct wireguard_peers peers = {0};
    struct error err = {0};
    if (list_config_servers(zone, http_request_arena(request), &peers, &err) < 0)
        return http_fail(request, &err);
    json_t *list = json_array();
    for (size_t i = 0; i < peers.configserver_count; i++) {
        const struct wireguard_peer *peer = &peers.configservers[i];
        json_array_append_new(list, json_pack("{s:s,s:[s],s:{s:s,s:s}}", "hostname", peer->hostname,
                                              "ipAddresses", peer->address, "wireguard", "key", peer->key,
                                              "endpoint", peer->endpoint));
    }
    http_respond_json(request, 200, json_pack("{s:o}", "configservers", list));
    return HTTP_ANSWERED;
}
