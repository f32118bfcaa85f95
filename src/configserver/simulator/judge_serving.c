/* Nothing that serves is taken away by us before something else serves in its place. */
#include "base/text.h"
#include "configserver/maintain/standing.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"

#include <stdio.h>
#include <string.h>

static const struct node *node_on(const struct view *view, const struct sim_instance *instance)
{
    const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
    const struct node *node = host ? view_of(view, NODE_OF_HOST, host->hostname, 0) : NULL;
    return node && node->state == NODE_ACTIVE ? node : NULL;
}

static const struct node *active_node(const struct view *view, const struct sim_instance *instance)
{
    const struct node *node = node_on(view, instance);
    return node && !node->suspended_since ? node : NULL;
}

/* It was lost just now: until it has been silent for so long to who leads now nobody can know, unless its
 * host or its cloud told of it. */
static bool seems_to_serve(const struct world *world, const struct process *leader, const struct view *view,
                           const struct sim_instance *instance)
{
    int64_t since = machine_lost_ms(instance->machine);
    const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
    const struct node *node = host ? view_of(view, NODE_OF_HOST, host->hostname, 0) : NULL;
    if (since > 0 && since < leader->led_ms)
        since = leader->led_ms;
    return since > 0 && world_now(world) - since < world->config.limits.host_silent && node &&
           node_can_be_counted_on(node, host);
}

static bool anybody_serves(const struct world *world, const struct process *leader, const struct view *view,
                           const char *application, const char *cluster)
{
    for (const struct sim_instance *at = world->region->instances; at; at = at->next) {
        bool serves = machine_serves(at->machine) || seems_to_serve(world, leader, view, at);
        const struct node *node = serves ? active_node(view, at) : NULL;
        if (node && text_equal(node->application, application) && text_equal(node->cluster, cluster))
            return true;
    }
    return false;
}

/* May be down for its own new image, and serves still: its host was not answered that it may. */
static bool is_let_down(const struct view *view, const struct sim_instance *instance)
{
    const struct node *node = node_on(view, instance);
    return node && node->suspended_since && judge_may_interrupt(view, node);
}

/* Its application is there and still wants its cluster, but nothing of it serves any more. */
static void judge_taken(struct world *world, const struct process *leader, const struct view *view,
                        const struct sim_instance *instance)
{
    char application[64];
    size_t length = strcspn(instance->place, " ");
    snprintf(application, sizeof application, "%.*s", (int)length, instance->place);
    const char *cluster = instance->place + length + 1;
    const struct application *record = view_find(view, RECORD_APPLICATION, application);
    if (record && !record->deleting && application_cluster(record, cluster) && !is_let_down(view, instance) &&
        !anybody_serves(world, leader, view, application, cluster))
        world_breaks(world, "the last that serves is not taken away", "%s on %s was it in %s", instance->id,
                     instance->hostname, instance->place);
}

/* A retired content node, whose documents the others do not have yet. */
static void judge_data(struct world *world, const struct view *view, const struct sim_instance *instance)
{
    char application[64];
    size_t length = strcspn(instance->place, " ");
    snprintf(application, sizeof application, "%.*s", (int)length, instance->place);
    const struct application *record = view_find(view, RECORD_APPLICATION, application);
    const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
    int64_t retired_ms = world_now(world) - instance->retired_since_ms;
    if (record && !record->deleting && application_cluster(record, instance->place + length + 1) &&
        !(host && (host->want_to_fail || host->state == HOST_FAILED)) &&
        !machine_has_moved(instance->machine) && retired_ms < world->config.limits.retired_longest)
        world_breaks(world, "a retired node stays until its documents have moved",
                     "%s on %s left after %lld s", instance->id, instance->hostname,
                     (long long)retired_ms / SECOND_MS);
}

static void note_drain(const struct view *view, struct sim_instance *instance)
{
    const struct host *host = view_of(view, HOST_OF_INSTANCE, instance->id, 0);
    if (host && host->state == HOST_DEPROVISIONING && !instance->drains_since_ms)
        instance->drains_since_ms = host->state_since;
}

static void note_retired(struct world *world, const struct view *view, struct sim_instance *instance)
{
    const struct node *node = node_on(view, instance);
    if (!node && instance->retired_since_ms && machine_serves(instance->machine))
        judge_data(world, view, instance);
    instance->retired_since_ms =
        node && node->retired && node->cluster_type == CLUSTER_CONTENT ? node->retired_since : 0;
}

void judge_serving(struct world *world, const struct process *leader, const struct view *view)
{
    for (struct sim_instance *at = world->region->instances; at; at = at->next) {
        const struct node *node = machine_serves(at->machine) ? active_node(view, at) : NULL;
        if (at->counted && !node && machine_serves(at->machine))
            judge_taken(world, leader, view, at);
        note_drain(view, at);
        note_retired(world, view, at);
        at->counted = node != NULL;
        if (node)
            snprintf(at->place, sizeof at->place, "%s %s", node->application, node->cluster);
    }
}
