/* What all steps of an allocation do to the records. */
#include "configserver/decide/allocation.h"

#include "base/text.h"

bool allocation_change_node(struct allocation *allocation, struct member *member, enum node_event event,
                            const char *reason)
{
    struct node next = *member->node;
    const struct cause cause =
        zone_cause(allocation->zone, allocation->transaction, AGENT_ALLOCATOR, reason ? "%s" : NULL, reason);
    if (node_apply(&next, event, &cause, NULL) < 0)
        return false;
    transaction_put(allocation->transaction, RECORD_NODE, &next);
    member->node = transaction_find(allocation->transaction, RECORD_NODE, next.hostname);
    return true;
}

bool allocation_change_host(struct allocation *allocation, struct member *member, enum host_event event,
                            const char *reason)
{
    if (!member->host)
        return false;
    struct host next = *member->host;
    const struct cause cause =
        zone_cause(allocation->zone, allocation->transaction, AGENT_ALLOCATOR, reason ? "%s" : NULL, reason);
    if (host_apply(&next, event, &cause, NULL) < 0)
        return false;
    transaction_put(allocation->transaction, RECORD_HOST, &next);
    member->host = transaction_find(allocation->transaction, RECORD_HOST, next.hostname);
    return true;
}

void allocation_release(struct allocation *allocation, struct member *member, const char *reason)
{
    bool node = member->node && allocation_change_node(allocation, member, NODE_RELEASE, reason);
    bool host = allocation_change_host(allocation, member, HOST_RELEASE, reason);
    if (!node && !host)
        return;
    allocation->released++;
    allocation->reason = reason;
}

static int64_t next_host_index(const struct allocation *allocation)
{
    struct counters counters =
        *(const struct counters *)transaction_find(allocation->transaction, RECORD_COUNTERS, COUNTERS_KEY);
    int64_t index = counters.next_host_index++;
    transaction_put(allocation->transaction, RECORD_COUNTERS, &counters);
    return index;
}

/* The smallest that no node of the cluster has. */
static int64_t take_index(const struct allocation *allocation)
{
    int64_t index = 0;
    while (allocation->used[index])
        index++;
    allocation->used[index] = true;
    return index;
}

/* How many members that stay are in the zone: those of the group weigh more than all others. */
static int64_t crowd(const struct allocation *allocation, const char *availability_zone, int64_t group)
{
    int64_t crowd = 0, more = (int64_t)allocation->member_count + 1;
    for (size_t i = 0; i < allocation->member_count; i++) {
        const struct member *member = &allocation->members[i];
        if (member->host && node_is_wanted(member->node, member->host) &&
            text_equal(member->host->availability_zone, availability_zone))
            crowd += member->node->group == group ? more : 1;
    }
    return crowd;
}

/* The emptiest, so that losing one loses as little as possible; NULL when none is known. */
static const char *choose_zone(const struct allocation *allocation, int64_t group)
{
    const struct application *application = allocation->application;
    const char *best = NULL;
    int64_t least = 0;
    for (size_t i = 0; i < application->availability_zone_count; i++) {
        const char *zone = application->availability_zones[i];
        int64_t now = crowd(allocation, zone, group);
        if (!best || now < least) {
            best = zone;
            least = now;
        }
    }
    return best;
}

void allocation_make_member(struct allocation *allocation, int64_t group)
{
    const struct application *application = allocation->application;
    const struct cluster *cluster = allocation->cluster;
    const struct zone_id *zone = &allocation->zone->id;
    int64_t index = next_host_index(allocation);
    const struct cause cause = zone_cause(allocation->zone, allocation->transaction, AGENT_ALLOCATOR,
                                          "cluster %s is to have %lld node%s", cluster->id,
                                          (long long)cluster->count, cluster->count == 1 ? "" : "s");
    struct host host = {
        .hostname = zone_hostname(allocation->arena, zone, (int)index),
        .index = index,
        .application = application->id,
        .tenant = application->tenant,
        .cluster = cluster->id,
        .account = application->account,
        .instance_type = cluster->instance_type,
        .disk_gb = cluster->disk_gb,
        .availability_zone = choose_zone(allocation, group),
    };
    struct node node = {
        .hostname = zone_node_hostname(allocation->arena, zone, (int)index),
        .parent = host.hostname,
        .application = application->id,
        .cluster = cluster->id,
        .cluster_type = cluster->type,
        .index = take_index(allocation),
        .group = group,
        .image = cluster->image,
    };
    host_begin(&host, &cause);
    node_begin(&node, &cause);
    transaction_put(allocation->transaction, RECORD_HOST, &host);
    transaction_put(allocation->transaction, RECORD_NODE, &node);
    allocation->members[allocation->member_count++] =
        (struct member){transaction_find(allocation->transaction, RECORD_NODE, node.hostname),
                        transaction_find(allocation->transaction, RECORD_HOST, host.hostname)};
    allocation->made++;
}

bool host_fits(const struct cluster *cluster, const struct host *host)
{
    bool type = text_equal(host->instance_type, cluster->instance_type);
    for (size_t i = 0; !type && i < cluster->other_type_count; i++)
        type = text_equal(host->instance_type, cluster->other_types[i]);
    return type && (host->disk_gb <= 0 || host->disk_gb >= cluster->disk_gb);
}

bool node_serves(const struct node *node)
{
    return node->state == NODE_ACTIVE && !node->down_since && text_equal(node->service_status, "up") &&
           (!node->current_image || text_equal(node->current_image, node->image));
}
