/* The state of an application for whoever waits for it or looks after it: one word, one sentence, and
 * everything behind them. */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/decide/endpoint.h"
#include "configserver/decide/verdict.h"
#include "configserver/records/life.h"

static bool is_announced(const struct load_balancer *balancer)
{
    return balancer->state == LOAD_BALANCER_ACTIVE && balancer->announced;
}

/* Those that anybody may use, by their URL. */
static json_t *endpoints(const struct view *view, const struct application *application)
{
    json_t *list = json_array();
    view_each_of(view, LOAD_BALANCERS_OF_APPLICATION, application->id, struct load_balancer, balancer)
        if (is_announced(balancer) && (!balancer->settings || balancer->settings->is_public))
            json_array_append_new(list, json_pack("{s:s,s:o,s:s,s:s,s:I}", "cluster", balancer->cluster,
                                                  "url", json_sprintf("https://%s/", balancer->dns_name),
                                                  "dnsName", balancer->dns_name, "authMethod", "mtls",
                                                  "healthyTargets", (json_int_t)balancer->healthy));
    return list;
}

/* The services that consumers connect their own endpoints to, which have as many names as there are
 * consumers: told when all that stand behind are certified for these. */
static json_t *private_endpoints(const struct view *view, const struct application *application)
{
    json_t *list = json_array();
    view_each_of(view, LOAD_BALANCERS_OF_APPLICATION, application->id, struct load_balancer, balancer) {
        if (!is_announced(balancer) || !balancer->settings || !balancer->settings->is_private ||
            !balancer->service_name || !endpoint_is_certified(view, balancer))
            continue;
        json_t *allowed = json_array();
        for (size_t i = 0; i < balancer->settings->allowed_arn_count; i++)
            json_array_append_new(allowed, json_string(balancer->settings->allowed_arns[i]));
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:o}", "cluster", balancer->cluster, "serviceName",
                                        balancer->service_name, "authMethod", "mtls", "allowed", allowed));
    }
    return list;
}

static json_t *nodes(const struct view *view, const struct application *application)
{
    json_t *list = json_array();
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        json_array_append_new(
            list,
            json_pack("{s:s,s:s,s:s,s:s,s:s?,s:s?,s:s?,s:s,s:s,s:I,s:I,s:b,s:s?,s:s?,s:s,s:s?}", "hostname",
                      node->hostname, "parentHostname", node->parent, "state", node_state_names[node->state],
                      "hostState", host ? host_state_names[host->state] : "gone", "instanceId",
                      host ? host->instance_id : NULL, "instanceType", host ? host->instance_type : NULL,
                      "ipAddress", host ? host->node_address : NULL, "clusterId", node->cluster,
                      "clusterType", node->cluster_type == CLUSTER_CONTAINER ? "container" : "content",
                      "index", (json_int_t)node->index, "group", (json_int_t)node->group, "retired",
                      node->retired, "serviceStatus", node->service_status, "statusMessage",
                      node->status_message, "wantedDockerImage", node->image, "currentDockerImage",
                      node->current_image));
    }
    return list;
}

/* As /serviceconverge has it: a node that is up with the image it shall have runs the newest generation. */
static json_t *services(const struct view *view, const struct application *application)
{
    json_t *list = json_array();
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        bool current = text_equal(node->service_status, "up") &&
                       (!node->current_image || text_equal(node->current_image, node->image));
        json_int_t generation = current ? application->generation : application->converged_generation;
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:i,s:s,s:I}", "clusterName", node->cluster, "host",
                                        node->hostname, "port", NODE_PORT, "type",
                                        node->cluster_type == CLUSTER_CONTAINER ? "container" : "searchnode",
                                        "currentGeneration", generation));
    }
    return list;
}

static json_t *story(const struct application *application)
{
    json_t *list = json_array();
    for (size_t i = 0; i < application->log_count; i++)
        json_array_append_new(list,
                              json_pack("{s:I,s:s,s:s}", "at", (json_int_t)application->log[i].at, "level",
                                        application->log[i].level, "message", application->log[i].message));
    return list;
}

json_t *application_state(const struct zone *zone, const struct view *view,
                          const struct application *application)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct verdict verdict = application_judge(zone, view, application, arena);
    bool converged = text_equal(verdict.status, "running");
    return json_pack("{s:I,s:s,s:s,s:s*,s:b,s:I,s:I,s:I,s:o,s:s,s:o,s:o,s:o,s:o,s:o}", "generation",
                     (json_int_t)application->generation, "status", verdict.status, "message",
                     verdict.message, "errorCode", verdict.code, "converged", converged, "wantedGeneration",
                     (json_int_t)application->generation, "currentGeneration",
                     (json_int_t)(converged ? application->generation : application->converged_generation),
                     "deployTimeEpochMs", (json_int_t)application->deployed_at, "cloudAccount",
                     json_sprintf("aws:%s", application->account), "archiveBucket",
                     application->archive_bucket, "endpoints", endpoints(view, application),
                     "privateEndpoints", private_endpoints(view, application), "nodes",
                     nodes(view, application), "services", services(view, application), "log",
                     story(application));
}
