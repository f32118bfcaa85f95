#include "configserver/decide/allocate.h"

#include "base/text.h"

/* One application's allocation. */
struct allocation {
    struct zone *zone;
    struct transaction *transaction;
    const struct application *application;
    struct arena *arena;
};

static int64_t next_host_index(const struct allocation *allocation)
{
    struct counters counters =
        *(const struct counters *)transaction_find(allocation->transaction, RECORD_COUNTERS, COUNTERS_KEY);
    int64_t index = counters.next_host_index++;
    transaction_put(allocation->transaction, RECORD_COUNTERS, &counters);
    return index;
}

static void write_host_and_node(const struct allocation *allocation, const struct cluster *cluster,
                                int64_t node_index)
{
    const struct application *application = allocation->application;
    int64_t now = zone_now_ms(allocation->zone), host_index = next_host_index(allocation);
    const struct host host = {
        .hostname = zone_hostname(allocation->arena, &allocation->zone->id, (int)host_index),
        .index = host_index,
        .state = HOST_WANTED,
        .state_since = now,
        .application = application->id,
        .tenant = application->tenant,
        .cluster = cluster->id,
        .account = application->account,
        .instance_type = cluster->instance_type,
    };
    const struct node node = {
        .hostname = zone_node_hostname(allocation->arena, &allocation->zone->id, (int)host_index),
        .parent = host.hostname,
        .application = application->id,
        .cluster = cluster->id,
        .cluster_type = cluster->type,
        .index = node_index,
        .state = NODE_RESERVED,
        .state_since = now,
        .image = cluster->image,
    };
    transaction_put(allocation->transaction, RECORD_HOST, &host);
    transaction_put(allocation->transaction, RECORD_NODE, &node);
}

/* Nodes the cluster lacks get a host each; those it has get its image. */
static void allocate_cluster(const struct allocation *allocation, const struct cluster *cluster)
{
    int64_t have = 0;
    const struct view *view = transaction_view(allocation->transaction);
    view_each_of(view, NODES_OF_APPLICATION, allocation->application->id, struct node, node)
    {
        if (!text_equal(node->cluster, cluster->id))
            continue;
        have = node->index >= have ? node->index + 1 : have;
        if (text_equal(node->image, cluster->image))
            continue;
        struct node next = *node;
        next.image = cluster->image;
        transaction_put(allocation->transaction, RECORD_NODE, &next);
    }
    for (int64_t index = have; index < cluster->count; index++)
        write_host_and_node(allocation, cluster, index);
}

void allocate_application(struct zone *zone, struct transaction *transaction,
                          const struct application *application)
{
    const struct allocation allocation = {zone, transaction, application, transaction_arena(transaction)};
    if (application->deleting)
        return;
    for (size_t i = 0; i < application->cluster_count; i++)
        allocate_cluster(&allocation, &application->clusters[i]);
}
