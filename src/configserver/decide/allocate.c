#include "configserver/decide/allocation.h"

#include "base/text.h"

/* Nodes of a cluster that an application no longer has, or has as another kind, belong to none. */
static const struct cluster *cluster_of(const struct application *application, const struct node *node)
{
    const struct cluster *cluster = application_cluster(application, node->cluster);
    return cluster && cluster->type == node->cluster_type ? cluster : NULL;
}

static struct member member_of(const struct allocation *allocation, const struct node *node)
{
    return (struct member){node, transaction_find(allocation->transaction, RECORD_HOST, node->parent)};
}

static void find_members(struct allocation *allocation)
{
    const struct view *view = transaction_view(allocation->transaction);
    const struct application *application = allocation->application;
    const struct cluster *cluster = allocation->cluster;
    size_t most = view_count_of(view, NODES_OF_APPLICATION, application->id) + (size_t)cluster->count;
    allocation->members = arena_alloc(allocation->arena, most * sizeof *allocation->members);
    allocation->member_count = 0;
    allocation->used = arena_alloc(allocation->arena, most * sizeof *allocation->used);
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        if (text_equal(node->cluster, cluster->id) && (size_t)node->index < most)
            allocation->used[node->index] = true;
        if (cluster_of(application, node) == cluster)
            allocation->members[allocation->member_count++] = member_of(allocation, node);
    }
}

/* One line for all that was done to a cluster. */
static void tell(struct allocation *allocation, const char *cluster)
{
    const char *reason = allocation->reason ? allocation->reason : "";
    if (allocation->retired + allocation->released + allocation->kept == 0)
        return; /* that new ones come is told as they are launched */
    application_tell(allocation->zone, allocation->transaction, allocation->application->id, "info",
                     "Cluster %s: %d new, %d kept, %d to leave, %d given up%s%s", cluster, allocation->made,
                     allocation->kept, allocation->retired, allocation->released, *reason ? ": " : "",
                     reason);
}

static void allocate_wanted_cluster(struct allocation *allocation, const struct cluster *cluster)
{
    allocation->cluster = cluster;
    allocation->made = allocation->retired = allocation->released = allocation->kept = 0;
    allocation->reason = NULL;
    find_members(allocation);
    allocate_cluster(allocation);
    allocate_image(allocation);
    tell(allocation, cluster->id);
}

/* Content is stopped and kept for a while, in case that its cluster's removal was a mistake; the rest goes.
 */
static void leave_removed_clusters(struct allocation *allocation)
{
    static const char reason[] = "its cluster was removed";
    const struct application *application = allocation->application;
    const struct view *view = transaction_view(allocation->transaction);
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        if (cluster_of(application, node))
            continue;
        struct member member = member_of(allocation, node);
        bool has_data =
            node->cluster_type == CLUSTER_CONTENT && member.host && member.host->state == HOST_ACTIVE;
        if (node->state == NODE_ACTIVE && has_data)
            allocation_change_node(allocation, &member, NODE_DEACTIVATE, reason);
        else if (node->state == NODE_ACTIVE || node->state == NODE_RESERVED)
            allocation_release(allocation, &member, reason);
    }
}

/* Hosts whose node is gone or going: nothing will run there any more. */
static void release_stray_hosts(struct allocation *allocation)
{
    const struct view *view = transaction_view(allocation->transaction);
    view_each_of(view, HOSTS_OF_APPLICATION, allocation->application->id, struct host, host) {
        const struct node *node = view_of(view, NODE_OF_HOST, host->hostname, 0);
        struct member member = {NULL, host};
        if (host->state <= HOST_ACTIVE && (!node || node->state >= NODE_DIRTY))
            allocation_change_host(allocation, &member, HOST_RELEASE, "its node is gone");
    }
}

/* First what serves, so that a load balancer is removed only when nothing does. */
static void release_everything(struct allocation *allocation)
{
    static const char reason[] = "the deployment was deleted";
    const char *id = allocation->application->id;
    const struct view *view = transaction_view(allocation->transaction);
    view_each_of(view, NODES_OF_APPLICATION, id, struct node, node) {
        struct member member = member_of(allocation, node);
        allocation_change_node(allocation, &member, NODE_RELEASE, reason);
    }
    view_each_of(view, HOSTS_OF_APPLICATION, id, struct host, host) {
        struct member member = {NULL, host};
        if (!host_is_leaving(host))
            allocation_change_host(allocation, &member, HOST_RELEASE, reason);
    }
}

void allocate_application(struct zone *zone, struct transaction *transaction,
                          const struct application *application)
{
    struct allocation allocation = {.zone = zone,
                                    .transaction = transaction,
                                    .application = application,
                                    .arena = transaction_arena(transaction)};
    if (application->deleting) {
        release_everything(&allocation);
        return;
    }
    leave_removed_clusters(&allocation);
    for (size_t i = 0; i < application->cluster_count; i++)
        allocate_wanted_cluster(&allocation, &application->clusters[i]);
    release_stray_hosts(&allocation);
}
