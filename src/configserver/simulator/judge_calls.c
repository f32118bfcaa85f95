/* What must hold at the moment of a call: what it takes away is not needed any more, and what it gives is
 * fit. */
#include "base/text.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"

#include <string.h>

/* Its host had the time to archive its last logs, if it could. */
static void judge_drained(struct world *world, const struct sim_instance *instance)
{
    int64_t asked_ms = world_now(world) - instance->drains_since_ms;
    if (instance->state == INSTANCE_RUNNING && machine_can_drain(instance->machine) &&
        !machine_has_drained(instance->machine) && machine_has_served(instance->machine) &&
        (!instance->drains_since_ms || asked_ms < world->config.limits.drain_longest))
        world_breaks(world, "a host archives its logs before it goes", "%s of %s is terminated without",
                     instance->id, instance->hostname);
}

void judge_terminates(struct world *world, const struct sim_instance *instance)
{
    struct process *leader = servers_leader(world);
    judge_drained(world, instance);
    if (!leader)
        return;
    VIEW(view, leader->zone->repository);
    const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
    if (host && host->state < HOST_TERMINATING)
        world_breaks(world, "no host's instance is terminated before its host is", "%s of %s, which is %s",
                     instance->id, host->hostname, host_state_names[host->state]);
}

void judge_adds_target(struct world *world, const struct sim_balancer *balancer, const char *address)
{
    const struct sim_instance *instance = region_instance_at(world->region, address);
    if (instance && instance->account != balancer->account)
        world_breaks(world, "a target is of its balancer's account", "%s of %s", address, balancer->name);
    if (instance && !machine_has_served(instance->machine))
        world_breaks(world, "a target has served before", "%s on %s was made one of %s", address,
                     instance->hostname, balancer->name);
}

static const struct load_balancer *record_of(const struct view *view, const struct sim_balancer *balancer)
{
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, balancer->account->id, struct load_balancer, record)
        if (text_equal(record->name, balancer->name))
            return record;
    return NULL;
}

static bool serves(const struct world *world, const struct view *view, const struct node *node)
{
    const struct host *host = view_find(view, RECORD_HOST, node->parent);
    const struct sim_instance *instance =
        host && host->instance_id ? region_instance(world->region, host->instance_id) : NULL;
    return node->state == NODE_ACTIVE && instance && machine_serves(instance->machine);
}

void judge_removes_targets(struct world *world, const struct sim_balancer *balancer, size_t healthy_before)
{
    struct process *leader = servers_leader(world);
    for (size_t i = 0; i < balancer->target_count; i++)
        if (region_target_healthy(world->region, &balancer->targets[i]))
            return;
    if (!leader || healthy_before == 0)
        return;
    VIEW(view, leader->zone->repository);
    const struct load_balancer *record = record_of(view, balancer);
    if (!record || record->state != LOAD_BALANCER_ACTIVE || !record->announced)
        return;
    view_each_of(view, NODES_OF_APPLICATION, record->application, struct node, node) {
        if (text_equal(node->cluster, record->cluster) && serves(world, view, node))
            world_breaks(world, "a balancer is not emptied while a node serves",
                         "the last healthy target of %s is removed, and %s serves", record->id,
                         node->hostname);
    }
}

static bool can_stand_in(const struct view *view, const struct node *node)
{
    const struct host *host = view_find(view, RECORD_HOST, node->parent);
    return node->state == NODE_ACTIVE && !node->suspended_since && !node->down_since && host &&
           !host->suspended_since && !host->down_since && text_equal(node->service_status, "up");
}

/* Of another group, when it has groups: content is let down one group at a time. */
static bool excludes(const struct cluster *cluster, const struct node *node, const struct node *other)
{
    bool same_group = cluster->groups > 1 && other->group == node->group;
    return node->cluster_type == CLUSTER_CONTENT && !same_group && other->state == NODE_ACTIVE &&
           other->suspended_since;
}

bool judge_may_interrupt(const struct view *view, const struct node *node)
{
    view_each_of(view, NODES_OF_APPLICATION, node->application, struct node, other) {
        if (other != node && other->state == NODE_ACTIVE && text_equal(other->cluster, node->cluster))
            return false;
    }
    return !text_equal(node->current_image, node->image);
}

void judge_suspends(struct world *world, struct process *process, const char *name)
{
    VIEW(view, process->zone->repository);
    const struct node *node = view_find(view, RECORD_NODE, name);
    const struct application *application =
        node ? view_find(view, RECORD_APPLICATION, node->application) : NULL;
    const struct cluster *cluster = application ? application_cluster(application, node->cluster) : NULL;
    if (!cluster || node->state != NODE_ACTIVE)
        return;
    size_t others = 0;
    view_each_of(view, NODES_OF_APPLICATION, node->application, struct node, other) {
        if (other == node || !text_equal(other->cluster, node->cluster))
            continue;
        others += can_stand_in(view, other);
        if (excludes(cluster, node, other))
            world_breaks(world, "maintenance takes one group at a time", "%s is let down, and %s is down",
                         name, other->hostname);
    }
    if (others == 0 && !judge_may_interrupt(view, node))
        world_breaks(world, "maintenance takes nobody down who serves last", "%s of %s %s", name,
                     node->application, node->cluster);
}
