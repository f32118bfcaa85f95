/* Which load balancers there shall be, and what they shall be like. A container cluster has one from the
 * moment it is deployed; when the cluster is gone its balancer stays until nothing serves behind it any more.
 */
#include "base/text.h"
#include "configserver/decide/endpoint.h"
#include "configserver/maintain/maintainers.h"

static void want_balancer(struct zone *zone, struct transaction *transaction,
                          const struct application *application, const struct cluster *cluster,
                          const char *id)
{
    struct arena *arena = transaction_arena(transaction);
    struct endpoint_settings settings = endpoint_settings_of(cluster);
    const struct cause cause =
        zone_cause(zone, transaction, AGENT_DEPLOYER, "cluster %s is to be reached", cluster->id);
    struct load_balancer balancer = {
        .id = id,
        .application = application->id,
        .cluster = cluster->id,
        .account = application->account,
        .name = endpoint_cloud_name(arena, zone->config->zone, id),
        .settings = &settings,
    };
    load_balancer_begin(&balancer, &cause);
    transaction_put(transaction, RECORD_LOAD_BALANCER, &balancer);
}

/* The settings of one that is there are only noted: it is configured anew since `applied` is another's hash.
 */
static void keep_balancer(struct zone *zone, struct transaction *transaction,
                          const struct load_balancer *balancer, const struct cluster *cluster)
{
    struct endpoint_settings settings = endpoint_settings_of(cluster);
    struct load_balancer next = *balancer;
    bool changed = !balancer->settings || !endpoint_settings_equal(balancer->settings, &settings);
    next.settings = &settings;
    if (balancer->state == LOAD_BALANCER_INACTIVE) {
        const struct cause cause = zone_cause(zone, transaction, AGENT_DEPLOYER, "its cluster is back");
        changed = load_balancer_apply(&next, LOAD_BALANCER_REACTIVATE, &cause, NULL) == 0 || changed;
    }
    if (changed)
        transaction_put(transaction, RECORD_LOAD_BALANCER, &next);
}

static void want_balancers(struct zone *zone, struct transaction *transaction,
                           const struct application *application)
{
    for (size_t i = 0; i < application->cluster_count; i++) {
        const struct cluster *cluster = &application->clusters[i];
        if (cluster->type != CLUSTER_CONTAINER)
            continue;
        const char *id = endpoint_id(transaction_arena(transaction), application->id, cluster->id);
        const struct load_balancer *balancer = transaction_find(transaction, RECORD_LOAD_BALANCER, id);
        if (!balancer)
            want_balancer(zone, transaction, application, cluster, id);
        else
            keep_balancer(zone, transaction, balancer, cluster);
    }
}

static bool anything_serves(const struct view *view, const struct load_balancer *balancer)
{
    view_each_of(view, NODES_OF_APPLICATION, balancer->application, struct node, node)
        if (node->state == NODE_ACTIVE && text_equal(node->cluster, balancer->cluster))
            return true;
    return false;
}

static void let_go(struct zone *zone, struct transaction *transaction, const struct load_balancer *balancer)
{
    bool serves = anything_serves(transaction_view(transaction), balancer);
    struct load_balancer next = *balancer;
    const struct cause cause = zone_cause(zone, transaction, AGENT_ALLOCATOR,
                                          serves ? "its cluster is gone" : "nothing serves behind it");
    enum load_balancer_event event = serves ? LOAD_BALANCER_DEACTIVATE : LOAD_BALANCER_REMOVE;
    if (load_balancer_apply(&next, event, &cause, NULL) == 0)
        transaction_put(transaction, RECORD_LOAD_BALANCER, &next);
}

void settle_load_balancers(struct zone *zone, struct transaction *transaction,
                           const struct application *application)
{
    const struct view *view = transaction_view(transaction);
    view_each_of(view, LOAD_BALANCERS_OF_APPLICATION, application->id, struct load_balancer, balancer) {
        const struct cluster *cluster = application_cluster(application, balancer->cluster);
        if (application->deleting || !cluster || cluster->type != CLUSTER_CONTAINER)
            let_go(zone, transaction, balancer);
    }
    if (!application->deleting)
        want_balancers(zone, transaction, application);
}
