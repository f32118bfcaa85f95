#include "configserver/maintain/leaving.h"

bool leaving_is_wished(const struct application *application, const struct node *node,
                       const struct host *host)
{
    return node->state == NODE_ACTIVE &&
           (node->retired || host->want_to_fail || !application_cluster(application, node->cluster));
}

/* Its group, or the whole cluster when the group itself is not wanted any more. */
static struct group_standing around(const struct standing *standing, const struct node *node)
{
    const struct group_standing *group = standing_group(standing, node);
    return group->target > 0 ? *group : standing_cluster(standing, node->cluster);
}

/* A replacement that was never up is none, but one that was and is down now is: it is itself to be replaced.
 */
static bool is_replaced(const struct group_standing *group)
{
    return group->proven >= group->target;
}

/* Broken before it ever served: nobody misses it, once another host stands in its place. Else those that are
 * replaced one after the other before any serves would all be kept. */
static bool is_given_up_unused(const struct node *node, const struct host *host)
{
    return host->want_to_fail && !node->first_up_at;
}

/* Then the group has what it shall have, counting those that are to leave but still serve. */
static bool can_be_missed(const struct group_standing *group, bool serves)
{
    if (!serves)
        return is_replaced(group);
    return group->serving + group->leaving - 1 >= group->target && group->serving + group->leaving > 1;
}

/* Without it, though it parts: what it was to be replaced by may have gone meanwhile. */
static bool is_enough(const struct group_standing *group)
{
    return group->serving + group->leaving >= group->target && group->serving + group->leaving > 0;
}

/* Its load balancer has taken it out, and whom it served has had time to be answered. */
static bool has_parted(const struct zone *zone, const struct node *node, int64_t *look_at)
{
    int64_t at = node->parting_since + zone->limits->connections_drain;
    bool drained = at <= zone_now_ms(zone);
    if (!drained && at < *look_at)
        *look_at = at;
    return drained && !node->reached;
}

static bool is_overdue(const struct zone *zone, const struct node *node, int64_t *look_at)
{
    int64_t at = node->retired_since + zone->limits->retired_longest;
    bool overdue = node->retired_since && at <= zone_now_ms(zone);
    if (node->retired_since && !overdue && at < *look_at)
        *look_at = at;
    return overdue;
}

/* The load balancer finds nobody healthy, or cannot be asked: who serves is anybody's guess, and this one
 * may.
 */
static bool is_all_there_is(const struct group_standing *group, const struct node *node,
                            const struct host *host)
{
    return group->announced && !group->measured && node_can_be_counted_on(node, host);
}

static bool has_data(const struct node *node)
{
    return node->cluster_type == CLUSTER_CONTENT && node->first_up_at && !node->data_moved;
}

/* It gets no new connections any more. */
static enum leaving go_on_parting(const struct zone *zone, const struct group_standing *group,
                                  const struct node *node, const struct host *host, int64_t *look_at)
{
    if (!is_enough(group))
        return LEAVING_STAYS;
    if (!has_parted(zone, node, look_at))
        return LEAVING_NOT;
    return host->want_to_fail ? LEAVING_FAILED : LEAVING_RELEASED;
}

/* Others do what it does, and have what it has. */
static bool may_go(const struct zone *zone, const struct group_standing *group, const struct node *node,
                   const struct host *host, bool serves, int64_t *look_at)
{
    bool unused = is_given_up_unused(node, host) && group->placed >= group->target;
    if (!unused && !can_be_missed(group, serves))
        return false;
    return !has_data(node) || host->want_to_fail || is_overdue(zone, node, look_at);
}

enum leaving leaving_decide(const struct zone *zone, const struct application *application,
                            const struct standing *standing, const struct node *node, const struct host *host,
                            int64_t *look_at)
{
    if (!leaving_is_wished(application, node, host))
        return LEAVING_NOT;
    if (!application_cluster(application, node->cluster))
        return has_data(node) ? LEAVING_KEPT : LEAVING_RELEASED;
    const struct group_standing group = around(standing, node);
    if (is_all_there_is(&group, node, host) && !is_overdue(zone, node, look_at))
        return node->parting_since ? LEAVING_STAYS : LEAVING_NOT;
    if (node->parting_since)
        return go_on_parting(zone, &group, node, host, look_at);
    bool serves = standing_counts(standing, node, host);
    if (!may_go(zone, &group, node, host, serves, look_at))
        return LEAVING_NOT;
    if (serves)
        standing_group(standing, node)->leaving--;
    if (serves && node->reached)
        return LEAVING_PARTS;
    if (host->want_to_fail)
        return LEAVING_FAILED;
    return has_data(node) ? LEAVING_WITHOUT_DATA : LEAVING_RELEASED;
}
