/* What the cloud has against what the records say: nothing leaked, nothing missing, nothing wired wrong. */
#include "base/text.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"

enum { MENDED_MS = 10 * MINUTE_MS };

static bool is_accounted(const struct round *round, const struct sim_instance *instance)
{
    const struct host *host = view_of(round->view, HOST_OF_INSTANCE, instance->id, 0);
    return host && text_equal(host->hostname, instance->hostname);
}

void judge_instances(const struct round *round)
{
    for (const struct sim_instance *at = round->world->region->instances; at; at = at->next)
        if (at->state <= INSTANCE_RUNNING && !is_accounted(round, at))
            judge_suffers(round->world, at->account, "no instance without a record",
                          round->limits->orphan_age + MENDED_MS, "instance %s of %s has no record", at->id,
                          at->hostname);
}

static const struct load_balancer *find_record(const struct round *round, const struct sim_balancer *balancer)
{
    view_each(round->view, RECORD_LOAD_BALANCER, struct load_balancer, record)
        if (text_equal(record->name, balancer->name) && text_equal(record->account, balancer->account->id))
            return record;
    return NULL;
}

/* The active node whose address this is. */
static const struct node *find_node(const struct round *round, const struct load_balancer *record,
                                    const char *address)
{
    view_each_of(round->view, NODES_OF_APPLICATION, record->application, struct node, node) {
        const struct host *host = view_find(round->view, RECORD_HOST, node->parent);
        if (node->state == NODE_ACTIVE && text_equal(node->cluster, record->cluster) && host &&
            text_equal(host->node_address, address))
            return node;
    }
    return NULL;
}

static bool node_serves(const struct round *round, const struct node *node)
{
    const struct host *host = view_find(round->view, RECORD_HOST, node->parent);
    const struct sim_instance *instance =
        host && host->instance_id ? region_instance(round->world->region, host->instance_id) : NULL;
    return node->state == NODE_ACTIVE && instance && machine_serves(instance->machine);
}

static size_t count_serving(const struct round *round, const struct load_balancer *record)
{
    size_t count = 0;
    view_each_of(round->view, NODES_OF_APPLICATION, record->application, struct node, node)
        count += text_equal(node->cluster, record->cluster) && node_serves(round, node);
    return count;
}

static void judge_targets(const struct round *round, const struct load_balancer *record,
                          const struct sim_balancer *balancer)
{
    struct world *world = round->world;
    size_t healthy = 0, serving = count_serving(round, record);
    for (size_t i = 0; i < balancer->target_count; i++) {
        const struct sim_target *target = &balancer->targets[i];
        healthy += region_target_healthy(world->region, target);
        if (!find_node(round, record, target->address))
            judge_suffers(world, balancer->account, "a target is an active node", MENDED_MS,
                          "target %s of %s is no active node", target->address, record->id);
    }
    if (serving > 0 && healthy == 0)
        judge_suffers(world, balancer->account, "a balancer is not empty while a node serves", MENDED_MS / 2,
                      "balancer %s has no healthy target", record->id);
    if (serving > healthy)
        judge_suffers(world, balancer->account, "every node that serves is a target", MENDED_MS,
                      "balancer %s has %zu healthy targets of %zu", record->id, healthy, serving);
}

static void judge_record(const struct round *round, const struct load_balancer *record)
{
    struct world *world = round->world;
    const struct sim_account *account = region_account(world->region, record->account);
    const struct sim_balancer *balancer = region_balancer(world->region, record->account, record->name);
    bool there = balancer && balancer->exists && balancer->group_exists;
    if (record->state == LOAD_BALANCER_WANTED || record->state == LOAD_BALANCER_REMOVING)
        judge_suffers(world, account, "no record stays on its way", 3 * MENDED_MS, "balancer %s is %s",
                      record->id, load_balancer_state_names[record->state]);
    if (record->state != LOAD_BALANCER_ACTIVE)
        return;
    if (!there)
        judge_suffers(world, account, "what somebody deleted is made again", MENDED_MS,
                      "balancer %s is not there", record->id);
    else
        judge_targets(round, record, balancer);
    const struct endpoint_settings open = {.is_public = true};
    if (there && !region_balancer_is_as(balancer, record->settings ? record->settings : &open))
        judge_suffers(world, account, "a balancer is as it was deployed",
                      MENDED_MS + round->limits->mend_balancers, "balancer %s has other settings",
                      record->id);
}

void judge_balancers(const struct round *round)
{
    view_each(round->view, RECORD_LOAD_BALANCER, struct load_balancer, record)
        judge_record(round, record);
    for (const struct sim_balancer *at = round->world->region->balancers; at; at = at->next)
        if ((at->exists || at->group_exists) && !find_record(round, at))
            judge_suffers(round->world, at->account, "no balancer without a record", 3 * MENDED_MS,
                          "balancer %s has no record", at->name);
}
