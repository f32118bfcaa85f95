/* Instances, hosts, nodes and load balancers that break, or are broken by somebody. */
#include "configserver/simulator/faults_strikes.h"
#include "configserver/simulator/machine.h"
#include "configserver/simulator/operators.h"

/* Any that runs, in an account that may have troubles. */
static struct sim_instance *pick_instance(struct faults *faults)
{
    int64_t count = 0;
    struct sim_instance *picked = NULL;
    for (struct sim_instance *at = faults->world->region->instances; at; at = at->next)
        if (at->state <= INSTANCE_RUNNING && !at->account->spared &&
            chance_below(&faults->chance, ++count) == 0)
            picked = at;
    return picked;
}

void end_instance(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    faults_trouble(faults->world, instance->account, 0);
    region_end_instance(faults->world->region, instance, "Server.SpotInstanceTermination: behind our back");
}

/* It keeps its disks, and may not be forgotten for it. */
void stop_instance(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    faults_trouble(faults->world, instance->account, 0);
    machine_stop(instance->machine);
    instance->state = INSTANCE_STOPPED;
    world_say(faults->world, "instance %s of %s is stopped by somebody", instance->id, instance->hostname);
}

void cut_host(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    int64_t for_ms = chance_around(&faults->chance, 10 * MINUTE_MS);
    world_say(faults->world, "host %s is cut off for %lld s", instance->hostname,
              (long long)for_ms / SECOND_MS);
    faults_trouble(faults->world, instance->account, for_ms);
    machine_cut_off(instance->machine, for_ms);
}

/* As when a tunnel end or a network breaks: all of an account's at once, which says nothing about any of
 * them. */
void cut_hosts(struct faults *faults)
{
    struct sim_instance *any = pick_instance(faults);
    if (!any)
        return;
    int64_t for_ms = chance_around(&faults->chance, 10 * MINUTE_MS);
    world_say(faults->world, "all hosts of account %s are cut off for %lld s", any->account->id,
              (long long)for_ms / SECOND_MS);
    faults_trouble(faults->world, any->account, for_ms);
    for (struct sim_instance *at = faults->world->region->instances; at; at = at->next)
        if (at->account == any->account && at->state <= INSTANCE_RUNNING)
            machine_cut_off(at->machine, for_ms);
}

void hang_host(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    world_say(faults->world, "host %s hangs", instance->hostname);
    faults_trouble(faults->world, instance->account, 0);
    machine_hang(instance->machine);
}

void break_service(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    int64_t for_ms = chance_around(&faults->chance, 15 * MINUTE_MS);
    world_say(faults->world, "the node on %s is down for %lld s", instance->hostname,
              (long long)for_ms / SECOND_MS);
    faults_trouble(faults->world, instance->account, for_ms);
    machine_break_service(instance->machine, for_ms);
}

void fail_hard(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    world_say(faults->world, "host %s reports that it is broken", instance->hostname);
    faults_trouble(faults->world, instance->account, 0);
    machine_fail_hard(instance->machine);
}

void announce_event(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance || instance->event)
        return;
    world_say(faults->world, "instance %s of %s is to be retired", instance->id, instance->hostname);
    faults_trouble(faults->world, instance->account, 0);
    static const char *const events[] = {"instance-retirement", "instance-stop", "impaired"};
    instance->event = events[chance_below(&faults->chance, 3)];
    instance->event_at_ms = world_now(faults->world) + chance_around(&faults->chance, 2 * DAY_MS);
}

static struct sim_balancer *pick_balancer(struct faults *faults)
{
    int64_t count = 0;
    struct sim_balancer *picked = NULL;
    for (struct sim_balancer *at = faults->world->region->balancers; at; at = at->next)
        if (at->exists && !at->account->spared && chance_below(&faults->chance, ++count) == 0)
            picked = at;
    return picked;
}

void delete_balancer(struct faults *faults)
{
    struct sim_balancer *balancer = pick_balancer(faults);
    if (!balancer)
        return;
    bool group = chance_is(&faults->chance, 0.5);
    world_say(faults->world, "somebody deletes balancer %s%s", balancer->name, group ? " and its group" : "");
    faults_trouble(faults->world, balancer->account, 10 * MINUTE_MS);
    balancer->exists = false;
    if (group) {
        balancer->group_exists = false;
        balancer->target_count = 0;
    }
}

void drop_targets(struct faults *faults)
{
    struct sim_balancer *balancer = pick_balancer(faults);
    if (!balancer)
        return;
    world_say(faults->world, "somebody takes all targets from balancer %s", balancer->name);
    faults_trouble(faults->world, balancer->account, 10 * MINUTE_MS);
    balancer->target_count = 0;
}

void command_host(struct faults *faults)
{
    operators_command(faults->world, &faults->chance);
}

void maintain_host(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (instance)
        machine_maintain(instance->machine);
}
