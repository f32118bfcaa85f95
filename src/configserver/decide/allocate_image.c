/* A new image reaches a cluster a few nodes at a time: it may be a bad one, and each node that changes it is
 * away for a moment. */
#include "configserver/decide/allocation.h"

#include "base/text.h"

static void set_image(struct allocation *allocation, struct member *member)
{
    struct node next = *member->node;
    next.image = allocation->cluster->image;
    transaction_put(allocation->transaction, RECORD_NODE, &next);
    member->node = transaction_find(allocation->transaction, RECORD_NODE, next.hostname);
}

static bool has_image(const struct allocation *allocation, const struct member *member)
{
    return text_equal(member->node->image, allocation->cluster->image);
}

/* Containers have spare capacity for some; of a content cluster's documents any second node may have the
 * other copy. */
static int64_t most_at_once(const struct allocation *allocation)
{
    const struct cluster *cluster = allocation->cluster;
    int64_t some = cluster->count * allocation->zone->limits->container_suspended_percent / 100;
    return cluster->type == CLUSTER_CONTAINER && some > 1 ? some : 1;
}

void allocate_image(struct allocation *allocation)
{
    int64_t away = 0;
    for (size_t i = 0; i < allocation->member_count; i++) {
        struct member *member = &allocation->members[i];
        bool is_here = member->node->state == NODE_RESERVED || member->node->state == NODE_ACTIVE;
        if (is_here && !node_serves(member->node) && !has_image(allocation, member))
            set_image(allocation, member); /* costs nothing, and may be what helps it */
        away += !node_serves(member->node) && member->node->state == NODE_ACTIVE && !member->node->retired;
    }
    for (size_t i = 0; i < allocation->member_count; i++) {
        struct member *member = &allocation->members[i];
        if (away >= most_at_once(allocation))
            return;
        if (member->node->state != NODE_ACTIVE || member->node->retired || has_image(allocation, member))
            continue;
        set_image(allocation, member);
        away++;
    }
}
