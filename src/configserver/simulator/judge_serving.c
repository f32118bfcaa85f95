/* Nothing that serves is taken away by us before something else serves in its place. */
#include "base/text.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"

#include <stdio.h>
#include <string.h>

void judge_terminates(struct world *world, const struct sim_instance *instance)
{
    struct process *leader = servers_leader(world);
    if (!leader)
        return;
    VIEW(view, leader->zone->repository);
    const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
    if (host && host->state < HOST_TERMINATING)
        world_breaks(world, "no host's instance is terminated before its host is", "%s of %s, which is %s",
                     instance->id, host->hostname, host_state_names[host->state]);
}

static const struct node *active_node(const struct view *view, const struct sim_instance *instance)
{
    const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
    const struct node *node = host ? view_of(view, NODE_OF_HOST, host->hostname, 0) : NULL;
    return node && node->state == NODE_ACTIVE && !node->suspended_since ? node : NULL;
}

static bool anybody_serves(const struct world *world, const struct view *view, const char *application,
                           const char *cluster)
{
    for (const struct sim_instance *at = world->region->instances; at; at = at->next) {
        const struct node *node = machine_serves(at->machine) ? active_node(view, at) : NULL;
        if (node && text_equal(node->application, application) && text_equal(node->cluster, cluster))
            return true;
    }
    return false;
}

/* Its application is there and still wants its cluster, but nothing of it serves any more. */
static void judge_taken(struct world *world, const struct view *view, const struct sim_instance *instance)
{
    char application[64];
    size_t length = strcspn(instance->place, " ");
    snprintf(application, sizeof application, "%.*s", (int)length, instance->place);
    const char *cluster = instance->place + length + 1;
    const struct application *record = view_find(view, RECORD_APPLICATION, application);
    if (record && !record->deleting && application_cluster(record, cluster) &&
        !anybody_serves(world, view, application, cluster))
        world_breaks(world, "the last that serves is not taken away", "%s on %s was it in %s", instance->id,
                     instance->hostname, instance->place);
}

void judge_serving(struct world *world, const struct view *view)
{
    for (struct sim_instance *at = world->region->instances; at; at = at->next) {
        const struct node *node = machine_serves(at->machine) ? active_node(view, at) : NULL;
        if (at->counted && !node && machine_serves(at->machine))
            judge_taken(world, view, at);
        at->counted = node != NULL;
        if (node)
            snprintf(at->place, sizeof at->place, "%s %s", node->application, node->cluster);
    }
}
