#include "configserver/maintain/standing.h"

#include "base/text.h"
#include "configserver/decide/endpoint.h"

bool node_can_be_counted_on(const struct node *node, const struct host *host)
{
    return node->state == NODE_ACTIVE && text_equal(node->service_status, "up") && !node->down_since &&
           !node->suspended_since && host && host->state == HOST_ACTIVE && !host->down_since &&
           !host->suspended_since;
}

static struct group_standing *find(const struct standing *standing, const char *cluster, int64_t group)
{
    for (size_t i = 0; i < standing->count; i++)
        if (standing->groups[i].group == group && text_equal(standing->groups[i].cluster, cluster))
            return &standing->groups[i];
    return NULL;
}

static int64_t groups_of(const struct cluster *cluster)
{
    return cluster->groups > 1 ? cluster->groups : 1;
}

static void count_node(struct group_standing *group, const struct node *node, const struct host *host)
{
    bool wanted = node_is_wanted(node, host), up = node_can_be_counted_on(node, host),
         serves = up && (node->reached || !group->measured) && !node->parting_since;
    group->members += node->state == NODE_ACTIVE;
    group->placed += wanted && node->state == NODE_ACTIVE;
    group->proven += wanted && node->state == NODE_ACTIVE && node->first_up_at;
    group->up += wanted && up;
    group->serving += wanted && serves;
    group->leaving += !wanted && serves;
    group->suspended +=
        node->state == NODE_ACTIVE && (node->suspended_since || (host && host->suspended_since));
}

/* Where a load balancer finds nobody healthy the trouble is its own, or the cluster is new: then what the
 * nodes' hosts say is all there is. */
static void measure(const struct view *view, const struct application *application,
                    const struct standing *standing)
{
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        bool serves =
            node->reached && node_can_be_counted_on(node, view_find(view, RECORD_HOST, node->parent));
        const struct group_standing *own = serves ? find(standing, node->cluster, node->group) : NULL;
        for (size_t i = 0; own && !own->measured && i < standing->count; i++)
            standing->groups[i].measured |= text_equal(standing->groups[i].cluster, node->cluster);
    }
}

static void add_groups(const struct view *view, const struct application *application,
                       const struct cluster *cluster, struct arena *arena, struct standing *standing)
{
    int64_t groups = groups_of(cluster);
    const struct load_balancer *balancer =
        view_find(view, RECORD_LOAD_BALANCER, endpoint_id(arena, application->id, cluster->id));
    for (int64_t group = 0; group < groups; group++)
        standing->groups[standing->count++] =
            (struct group_standing){.cluster = cluster->id,
                                    .group = group,
                                    .target = cluster->count / groups + (group < cluster->count % groups),
                                    .announced = balancer && balancer->announced};
}

void standing_of(const struct view *view, const struct application *application, struct arena *arena,
                 struct standing *standing)
{
    size_t most = view_count_of(view, NODES_OF_APPLICATION, application->id);
    for (size_t i = 0; i < application->cluster_count; i++)
        most += (size_t)groups_of(&application->clusters[i]);
    *standing = (struct standing){arena_alloc(arena, most * sizeof *standing->groups), 0};
    for (size_t i = 0; i < application->cluster_count; i++)
        add_groups(view, application, &application->clusters[i], arena, standing);
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node) {
        if (!find(standing, node->cluster, node->group))
            standing->groups[standing->count++] = (struct group_standing){node->cluster, node->group};
    }
    measure(view, application, standing);
    view_each_of(view, NODES_OF_APPLICATION, application->id, struct node, node)
        count_node(find(standing, node->cluster, node->group), node,
                   view_find(view, RECORD_HOST, node->parent));
}

bool standing_counts(const struct standing *standing, const struct node *node, const struct host *host)
{
    return node_can_be_counted_on(node, host) && !node->parting_since &&
           (node->reached || !standing_group(standing, node)->measured);
}

struct group_standing *standing_group(const struct standing *standing, const struct node *node)
{
    return find(standing, node->cluster, node->group);
}

struct group_standing standing_cluster(const struct standing *standing, const char *cluster)
{
    struct group_standing sum = {cluster};
    for (size_t i = 0; i < standing->count; i++) {
        const struct group_standing *group = &standing->groups[i];
        if (!text_equal(group->cluster, cluster))
            continue;
        sum.target += group->target;
        sum.members += group->members;
        sum.placed += group->placed;
        sum.proven += group->proven;
        sum.up += group->up;
        sum.serving += group->serving;
        sum.leaving += group->leaving;
        sum.suspended += group->suspended;
        sum.measured |= group->measured;
        sum.announced |= group->announced;
    }
    return sum;
}
