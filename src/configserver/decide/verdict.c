#include "configserver/decide/verdict.h"

#include "base/text.h"
#include "configserver/decide/allocation.h"
#include "configserver/decide/endpoint.h"
#include "configserver/decide/told.h"

enum { FAILURES_MOST = 5 }; /* instances of a host that ended at once */

/* What holds a deployment up, most telling first. */
struct obstacle {
    const char *message;
    const char *code; /* of the failure, when it is one or becomes one */
    int64_t since;    /* ms: it is trouble, not only waiting, since then; 0: it only waits */
    bool final;       /* waiting longer is not likely to help */
};

struct judging {
    const struct zone *zone;
    const struct view *view;
    const struct application *application;
    struct arena *arena;
};

/* One of those the cluster asks for, on a host that it may have. */
static bool counts(const struct cluster *cluster, const struct node *node, const struct host *host)
{
    return text_equal(node->cluster, cluster->id) && node->cluster_type == cluster->type &&
           node_is_wanted(node, host) && host_fits(cluster, host);
}

static bool serves(const struct cluster *cluster, const struct node *node, const struct host *host)
{
    return counts(cluster, node, host) && host->state == HOST_ACTIVE && !host->down_since &&
           node_serves(node) && text_equal(node->image, cluster->image);
}

static int64_t count_serving(const struct view *view, const struct application *application,
                             const struct cluster *cluster)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct told told = told_make(view, application, cluster->id, cluster->type, arena);
    int64_t count = 0;
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        count += serves(cluster, node, view_find(view, RECORD_HOST, node->parent)) &&
                 told_is_followed(node, told.checksum);
    }
    return count;
}

static const struct load_balancer *balancer_of(const struct view *view, const struct application *application,
                                               const struct cluster *cluster)
{
    view_each_of(view, LOAD_BALANCERS_OF_APPLICATION, application->id, struct load_balancer, balancer) {
        if (text_equal(balancer->cluster, cluster->id))
            return balancer;
    }
    return NULL;
}

static bool is_as_asked(const struct application *application, const struct cluster *cluster,
                        const struct load_balancer *balancer)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct endpoint_settings settings = endpoint_settings_of(cluster);
    return text_equal(balancer->applied, endpoint_settings_hash(arena, &settings, application, cluster->id));
}

/* By every name it is to have: a private endpoint's comes with its service. */
static bool is_reached(const struct view *view, const struct application *application,
                       const struct cluster *cluster)
{
    if (cluster->type != CLUSTER_CONTAINER)
        return true;
    const struct load_balancer *balancer = balancer_of(view, application, cluster);
    return balancer && balancer->state == LOAD_BALANCER_ACTIVE && balancer->healthy >= cluster->count &&
           balancer->announced && is_as_asked(application, cluster, balancer) &&
           endpoint_is_certified(view, balancer);
}

bool application_converged(const struct view *view, const struct application *application)
{
    if (application->deleting)
        return false;
    for (size_t i = 0; i < application->cluster_count; i++) {
        const struct cluster *cluster = &application->clusters[i];
        if (count_serving(view, application, cluster) < cluster->count ||
            !is_reached(view, application, cluster))
            return false;
    }
    return true;
}

/* Trouble that an earlier deployment had is this one's from its beginning only. */
static int64_t later(const struct judging *judging, int64_t since)
{
    return since > judging->application->deployed_at ? since : judging->application->deployed_at;
}

static struct obstacle no_host_yet(const struct judging *judging, const struct cluster *cluster,
                                   const struct host *host)
{
    int64_t zones = (int64_t)judging->application->availability_zone_count;
    int64_t choices = (zones > 0 ? zones : 1) * (1 + (int64_t)cluster->other_type_count);
    struct obstacle obstacle = {.code = "NODE_ALLOCATION_FAILURE"};
    if (host->trouble) {
        obstacle.since = later(judging, host->state_since);
        obstacle.final = host->refusals >= choices || host->failures >= FAILURES_MOST;
        obstacle.message = arena_format(judging->arena, "Host %s: %s", host->hostname, host->trouble);
        return obstacle;
    }
    obstacle.message = arena_format(judging->arena, "Waiting for host %s, which is %s since %lld s",
                                    host->hostname, host_state_names[host->state],
                                    (long long)((zone_now_ms(judging->zone) - host->state_since) / 1000));
    return obstacle;
}

static struct obstacle no_service_yet(const struct judging *judging, const struct node *node,
                                      const struct host *host)
{
    const char *status = node->service_status ? node->service_status : "not started";
    struct obstacle obstacle = {.code = "CONFIG_NOT_CONVERGED"};
    if (host->down_since) {
        obstacle.since = later(judging, host->down_since);
        obstacle.message = arena_format(judging->arena, "Host %s is silent", host->hostname);
    } else if (!text_equal(status, "up")) {
        if (text_equal(status, "down"))
            obstacle.since = later(judging, node->down_since ? node->down_since : node->state_since);
        obstacle.message = arena_format(judging->arena, "%s node %s, which is %s%s%s",
                                        obstacle.since ? "Trouble with" : "Waiting for", node->hostname,
                                        status, text_empty(node->status_message) ? "" : ": ",
                                        text_empty(node->status_message) ? "" : node->status_message);
    } else {
        obstacle.message =
            arena_format(judging->arena, "Waiting for node %s to run %s", node->hostname, node->image);
    }
    return obstacle;
}

static struct obstacle not_following_yet(const struct judging *judging, const struct node *node)
{
    return (struct obstacle){
        .code = "CONFIG_NOT_CONVERGED",
        .message = arena_format(judging->arena,
                                "Waiting for node %s to learn whom it serves and where documents live",
                                node->hostname)};
}

static struct obstacle not_reached_yet(const struct judging *judging, const struct cluster *cluster)
{
    const struct load_balancer *balancer = balancer_of(judging->view, judging->application, cluster);
    struct obstacle obstacle = {.code = "LOAD_BALANCER_NOT_READY"};
    if (balancer && balancer->trouble) {
        obstacle.since = later(judging, balancer->state_since);
        obstacle.message =
            arena_format(judging->arena, "Load balancer of cluster %s: %s", cluster->id, balancer->trouble);
    } else if (balancer && balancer->state == LOAD_BALANCER_ACTIVE && balancer->healthy >= cluster->count) {
        bool as_asked = is_as_asked(judging->application, cluster, balancer);
        obstacle.code = as_asked ? "CERTIFICATE_NOT_READY" : obstacle.code;
        obstacle.message = arena_format(
            judging->arena, "Waiting for the endpoint of cluster %s: %s", cluster->id,
            !as_asked             ? "its load balancer is not yet as deployment.xml asks"
            : balancer->announced ? "a node is not certified for each of its names yet"
                                  : "its name does not resolve yet, or a node is not certified for it");
    } else if (balancer && balancer->state == LOAD_BALANCER_ACTIVE) {
        obstacle.message = arena_format(
            judging->arena, "Waiting for the load balancer of cluster %s: %lld of %lld nodes answer it",
            cluster->id, (long long)balancer->healthy, (long long)cluster->count);
    } else {
        obstacle.message =
            arena_format(judging->arena, "Waiting for the load balancer of cluster %s", cluster->id);
    }
    return obstacle;
}

static bool is_worse(const struct obstacle *one, const struct obstacle *other)
{
    if (!other->message || one->final != other->final)
        return !other->message || one->final;
    return one->since && (!other->since || one->since < other->since);
}

static void consider(struct obstacle *worst, struct obstacle next)
{
    if (is_worse(&next, worst))
        *worst = next;
}

static void consider_cluster(const struct judging *judging, const struct cluster *cluster,
                             struct obstacle *worst)
{
    const struct view *view = judging->view;
    const struct told told =
        told_make(view, judging->application, cluster->id, cluster->type, judging->arena);
    view_each_of(view, NODES_OF_APPLICATION, judging->application->id, struct node, node) {
        const struct host *host = view_find(view, RECORD_HOST, node->parent);
        if (!counts(cluster, node, host))
            continue;
        if (host->state < HOST_ACTIVE)
            consider(worst, no_host_yet(judging, cluster, host));
        else if (!serves(cluster, node, host))
            consider(worst, no_service_yet(judging, node, host));
        else if (!told_is_followed(node, told.checksum))
            consider(worst, not_following_yet(judging, node));
    }
    if (!is_reached(view, judging->application, cluster))
        consider(worst, not_reached_yet(judging, cluster));
}

static struct obstacle find_obstacle(const struct judging *judging)
{
    struct obstacle worst = {0};
    for (size_t i = 0; i < judging->application->cluster_count; i++)
        consider_cluster(judging, &judging->application->clusters[i], &worst);
    if (!worst.message)
        worst = (struct obstacle){"Waiting for the last nodes to serve", "CONFIG_NOT_CONVERGED", 0, false};
    return worst;
}

static int64_t count_leaving(const struct judging *judging)
{
    int64_t count = 0;
    view_each_of(judging->view, NODES_OF_APPLICATION, judging->application->id, struct node, node) {
        const struct cluster *cluster = application_cluster(judging->application, node->cluster);
        const struct host *host = view_find(judging->view, RECORD_HOST, node->parent);
        count += node->state != NODE_INACTIVE && (!cluster || !counts(cluster, node, host));
    }
    return count;
}

static struct verdict judge_running(const struct judging *judging)
{
    int64_t leaving = count_leaving(judging);
    const char *rest =
        leaving ? arena_format(judging->arena, "; %lld no longer wanted still leave", (long long)leaving)
                : "";
    return (struct verdict){"running", NULL,
                            arena_format(judging->arena, "Generation %lld is running everywhere%s",
                                         (long long)judging->application->generation, rest)};
}

static struct verdict judge_deleting(const struct judging *judging)
{
    const char *id = judging->application->id;
    return (struct verdict){"deleting", NULL,
                            arena_format(judging->arena, "Deleting: %zu hosts and %zu load balancers left",
                                         view_count_of(judging->view, HOSTS_OF_APPLICATION, id),
                                         view_count_of(judging->view, LOAD_BALANCERS_OF_APPLICATION, id))};
}

struct verdict application_judge(const struct zone *zone, const struct view *view,
                                 const struct application *application, struct arena *arena)
{
    const struct judging judging = {zone, view, application, arena};
    if (application->deleting)
        return judge_deleting(&judging);
    if (application_converged(view, application))
        return judge_running(&judging);
    const struct obstacle obstacle = find_obstacle(&judging);
    const struct limits *limits = zone->limits;
    int64_t now = zone_now_ms(zone);
    bool late = application->converged_generation < application->generation &&
                now - application->deployed_at > limits->deploy_longest;
    bool troubled = obstacle.since && now - obstacle.since > limits->deploy_trouble;
    if (!obstacle.final && !late && !troubled)
        return (struct verdict){"pending", NULL, obstacle.message};
    return (struct verdict){"failed", obstacle.code,
                            late ? arena_format(arena, "Not done after %lld minutes, still trying. %s",
                                                (long long)((now - application->deployed_at) / 60000),
                                                obstacle.message)
                                 : obstacle.message};
}
