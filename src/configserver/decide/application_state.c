/* The state of an application for whoever waits for it or looks after it: one word, one sentence, and
 * everything behind them. */
#include "base/text.h"
#include "configserver/api/handlers.h"
#include "configserver/maintain/maintainers.h"

/* The application's story in one word and one sentence. */
struct verdict {
    const char *status; /* pending, running, failed, deleting */
    json_t *message;
};

static size_t count_hosts(const struct view *view, const struct application *application)
{
    size_t count = 0;
    view_each(view, RECORD_HOST, struct host, host)
        count += text_equal(host->application, application->id);
    return count;
}

/* What holds the application up, most telling first; NULL when nothing does. */
static json_t *obstacle(const struct zone *zone, const struct view *view,
                        const struct application *application, bool *failed)
{
    view_each(view, RECORD_HOST, struct host, host) {
        if (!text_equal(host->application, application->id) || host->state == HOST_ACTIVE)
            continue;
        *failed = host->failures >= FAILURES_MOST ||
                  (host->trouble && zone_now_ms(zone) - host->state_since > TROUBLE_LONGEST_MS);
        if (host->trouble)
            return json_sprintf("Host %s: %s", host->hostname, host->trouble);
        return json_sprintf("Waiting for host %s, which is %s", host->hostname,
                            host_state_names[host->state]);
    }
    view_each(view, RECORD_NODE, struct node, node) {
        if (!text_equal(node->application, application->id) || text_equal(node->service_status, "up"))
            continue;
        const char *status = node->service_status ? node->service_status : "not started";
        if (text_empty(node->status_message))
            return json_sprintf("Waiting for node %s, which is %s", node->hostname, status);
        return json_sprintf("Node %s is %s: %s", node->hostname, status, node->status_message);
    }
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer) {
        if (!text_equal(balancer->application, application->id))
            continue;
        if (balancer->trouble)
            return json_sprintf("Load balancer of cluster %s: %s", balancer->cluster, balancer->trouble);
        if (balancer->state != LOAD_BALANCER_ACTIVE || balancer->healthy == 0)
            return json_sprintf("Waiting for the load balancer of cluster %s", balancer->cluster);
    }
    return NULL;
}

static struct verdict judge(const struct zone *zone, const struct view *view,
                            const struct application *application)
{
    if (application->deleting)
        return (struct verdict){"deleting",
                                json_sprintf("Deleting: %zu hosts left", count_hosts(view, application))};
    if (application_converged(view, application))
        return (struct verdict){"running", json_sprintf("Generation %lld is running everywhere",
                                                        (long long)application->generation)};
    bool failed = false;
    json_t *message = obstacle(zone, view, application, &failed);
    if (!message)
        message = json_string("Waiting for the last nodes to serve");
    return (struct verdict){failed ? "failed" : "pending", message};
}

static json_t *endpoints(const struct view *view, const struct application *application)
{
    json_t *list = json_array();
    view_each(view, RECORD_LOAD_BALANCER, struct load_balancer, balancer)
        if (text_equal(balancer->application, application->id) && balancer->state == LOAD_BALANCER_ACTIVE)
            json_array_append_new(list, json_pack("{s:s,s:o,s:s,s:s,s:I}", "cluster", balancer->cluster,
                                                  "url", json_sprintf("https://%s/", balancer->dns_name),
                                                  "dnsName", balancer->dns_name, "authMethod", "mtls",
                                                  "healthyTargets", (json_int_t)balancer->healthy));
    return list;
}

static json_t *nodes(const struct view *view, const struct application *application)
{
    json_t *list = json_array();
    view_each(view, RECORD_NODE, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        if (!text_equal(node->application, application->id))
            continue;
        json_array_append_new(
            list,
            json_pack("{s:s,s:s,s:s,s:s,s:s?,s:s?,s:s,s:s,s:I,s:s?,s:s?,s:s,s:s?}", "hostname",
                      node->hostname, "parentHostname", node->parent, "state", node_state_names[node->state],
                      "hostState", host ? host_state_names[host->state] : "gone", "instanceId",
                      host ? host->instance_id : NULL, "ipAddress", host ? host->node_address : NULL,
                      "clusterId", node->cluster, "clusterType",
                      node->cluster_type == CLUSTER_CONTAINER ? "container" : "content", "index",
                      (json_int_t)node->index, "serviceStatus", node->service_status, "statusMessage",
                      node->status_message, "wantedDockerImage", node->image, "currentDockerImage",
                      node->current_image));
    }
    return list;
}

/* As /serviceconverge has it: a node that is up with the image it shall have runs the newest generation. */
static json_t *services(const struct view *view, const struct application *application)
{
    json_t *list = json_array();
    view_each(view, RECORD_NODE, struct node, node) {
        if (!text_equal(node->application, application->id))
            continue;
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
    const struct verdict verdict = judge(zone, view, application);
    bool converged = text_equal(verdict.status, "running");
    return json_pack(
        "{s:I,s:s,s:o,s:b,s:I,s:I,s:I,s:o,s:s,s:o,s:o,s:o,s:o}", "generation",
        (json_int_t)application->generation, "status", verdict.status, "message", verdict.message,
        "converged", converged, "wantedGeneration", (json_int_t)application->generation, "currentGeneration",
        (json_int_t)(converged ? application->generation : application->converged_generation),
        "deployTimeEpochMs", (json_int_t)application->deployed_at, "cloudAccount",
        json_sprintf("aws:%s", application->account), "archiveBucket", application->archive_bucket,
        "endpoints", endpoints(view, application), "nodes", nodes(view, application), "services",
        services(view, application), "log", story(application));
}
