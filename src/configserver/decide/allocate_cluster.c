/* The nodes of one cluster. Its count is divided over its groups, whose sizes differ by one at most; each
 * group is filled by itself, so a node never changes its group. */
#include "configserver/decide/allocation.h"

#include "base/text.h"

typedef bool member_test(const struct allocation *allocation, const struct member *member);
typedef bool member_order(const struct member *one, const struct member *other);

/* Could be one of the cluster's nodes, retired or not: nothing wants it away. */
static bool is_good(const struct allocation *allocation, const struct member *member)
{
    const struct node *node = member->node;
    const struct host *host = member->host;
    return (node->state == NODE_RESERVED || node->state == NODE_ACTIVE) && host &&
           host->state <= HOST_ACTIVE && !host->want_to_retire && !host->want_to_fail &&
           host_fits(allocation->cluster, host);
}

/* Counts: it is or shall be active, and stays. */
static bool is_wanted(const struct allocation *allocation, const struct member *member)
{
    return is_good(allocation, member) && !member->node->retired;
}

static bool is_to_return(const struct allocation *allocation, const struct member *member)
{
    return is_good(allocation, member) && member->node->retired;
}

/* Its cluster, or its place, was given up while it had its data. */
static bool is_to_wake(const struct allocation *allocation, const struct member *member)
{
    const struct host *host = member->host;
    return member->node->state == NODE_INACTIVE && host && host->state == HOST_ACTIVE &&
           !host->want_to_retire && !host->want_to_fail && !host->down_since &&
           host_fits(allocation->cluster, host);
}

/* A place kept for a node that has not run on its host yet. */
static bool is_empty(const struct allocation *allocation, const struct member *member)
{
    return is_wanted(allocation, member) && member->node->state == NODE_RESERVED &&
           member->host->state != HOST_ACTIVE;
}

static bool is_down(const struct member *member)
{
    return member->node->down_since || member->host->down_since;
}

static bool is_fit_to_return(const struct allocation *allocation, const struct member *member)
{
    return is_to_return(allocation, member) && member->node->state == NODE_ACTIVE &&
           member->host->state == HOST_ACTIVE && !is_down(member) && node_serves(member->node);
}

/* On its way out, or to be: it does not count, and has not been told so yet. */
static bool is_to_dismiss(const struct allocation *allocation, const struct member *member)
{
    const struct node *node = member->node;
    return (node->state == NODE_RESERVED || node->state == NODE_ACTIVE) && !node->retired && member->host &&
           member->host->state <= HOST_ACTIVE && !is_good(allocation, member);
}

/* How little is lost with it: down, never up, not serving, serving. */
static int worth(const struct member *member)
{
    if (is_down(member))
        return 0;
    if (member->node->state == NODE_RESERVED)
        return 1;
    return node_serves(member->node) ? 3 : 2;
}

static bool is_worse(const struct member *one, const struct member *other)
{
    if (worth(one) != worth(other))
        return worth(one) < worth(other);
    return one->node->index > other->node->index;
}

static bool is_better(const struct member *one, const struct member *other)
{
    if (worth(one) != worth(other))
        return worth(one) > worth(other);
    return one->node->index < other->node->index;
}

/* The first of the group by that order among those that pass; NULL when none does. */
static struct member *find(const struct allocation *allocation, int64_t group, member_test *passes,
                           member_order *before)
{
    struct member *found = NULL;
    for (size_t i = 0; i < allocation->member_count; i++) {
        struct member *member = &allocation->members[i];
        if (member->node->group == group && passes(allocation, member) && (!found || before(member, found)))
            found = member;
    }
    return found;
}

static int64_t count_wanted(const struct allocation *allocation, int64_t group)
{
    int64_t count = 0;
    for (size_t i = 0; i < allocation->member_count; i++)
        count +=
            allocation->members[i].node->group == group && is_wanted(allocation, &allocation->members[i]);
    return count;
}

/* A node that serves or has data is retired, to leave when that costs nothing; one that never ran goes at
 * once. */
static void dismiss(struct allocation *allocation, struct member *member, const char *reason)
{
    bool runs = member->node->state == NODE_ACTIVE && member->host && member->host->state == HOST_ACTIVE;
    if (!runs) {
        allocation_release(allocation, member, reason);
        return;
    }
    if (allocation_change_node(allocation, member, NODE_RETIRE, reason)) {
        allocation->retired++;
        allocation->reason = reason;
    }
}

static const char *reason_to_dismiss(const struct allocation *allocation, const struct member *member)
{
    const struct host *host = member->host;
    const struct cluster *cluster = allocation->cluster;
    if (host->want_to_fail || host->want_to_retire)
        return arena_format(allocation->arena, "its host is to be replaced%s%s",
                            host->wish_reason ? ": " : "", host->wish_reason ? host->wish_reason : "");
    return arena_format(allocation->arena, "a %s with %g GB of disk no longer fits: %s with %g GB is wanted",
                        host->instance_type, host->disk_gb, cluster->instance_type, cluster->disk_gb);
}

static void drop_surplus(struct allocation *allocation, int64_t group, int64_t size)
{
    for (int64_t have = count_wanted(allocation, group); have > size; have--)
        dismiss(allocation, find(allocation, group, is_wanted, is_worse), "more nodes than wanted");
}

/* What is there already comes first: retired nodes, then those whose data was kept. */
static void fill(struct allocation *allocation, int64_t group, int64_t size)
{
    for (int64_t have = count_wanted(allocation, group); have < size; have++) {
        struct member *member = find(allocation, group, is_to_return, is_better);
        if (member && allocation_change_node(allocation, member, NODE_UNRETIRE, "wanted after all")) {
            allocation->kept++;
            continue;
        }
        member = find(allocation, group, is_to_wake, is_better);
        if (member && allocation_change_node(allocation, member, NODE_REACTIVATE, "wanted again")) {
            allocation->kept++;
            continue;
        }
        allocation_make_member(allocation, group);
    }
}

/* A retired node that serves and could stay makes a host that is not there yet needless. */
static void keep_running(struct allocation *allocation, int64_t group)
{
    for (;;) {
        struct member *returning = find(allocation, group, is_fit_to_return, is_better);
        struct member *empty = returning ? find(allocation, group, is_empty, is_worse) : NULL;
        if (!empty || !allocation_change_node(allocation, returning, NODE_UNRETIRE, "wanted after all"))
            return;
        allocation->kept++;
        allocation_release(allocation, empty, "the node it was to replace stays");
    }
}

void allocate_cluster(struct allocation *allocation)
{
    const struct cluster *cluster = allocation->cluster;
    int64_t groups = cluster->groups > 0 ? cluster->groups : 1;
    for (int64_t group = 0; group < groups; group++) {
        int64_t size = cluster->count / groups + (group < cluster->count % groups);
        drop_surplus(allocation, group, size);
        fill(allocation, group, size);
        keep_running(allocation, group);
    }
    for (size_t i = 0; i < allocation->member_count; i++) {
        struct member *member = &allocation->members[i];
        if (member->node->group >= groups && is_wanted(allocation, member))
            dismiss(allocation, member, "its group is no longer wanted");
        else if (is_to_dismiss(allocation, member))
            dismiss(allocation, member, reason_to_dismiss(allocation, member));
    }
}
