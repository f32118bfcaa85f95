#include "configserver/hosts/host_calls.h"
#include "configserver/simulator/host_link.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine_parts.h"

enum { ASKS_AGAIN_MS = 60 * 1000, AWAY_MS = 2 * 60 * 1000 };

bool maintenance_is_on(const struct machine *machine)
{
    return machine->wants_hands || machine->was_maintained || machine->away_until_ms ||
           machine->restarts_to > machine->restarted || machine->reboots_to > machine->rebooted;
}

/* May it, or its node, be down? Without an answer it stays up. */
static bool is_granted(struct machine *machine, struct process *process, bool host, bool for_image)
{
    const char *name = host ? machine->instance->hostname : machine->node;
    bool granted = host_link_suspend(process, machine->instance, machine->key, name, NULL) == 0;
    if (granted && machine_serves(machine) && !for_image)
        judge_suspends(machine->world, process, machine->node);
    if (!granted) {
        machine->asks = true; /* what it is to do does not come a second time by itself */
        machine_look_in(machine, ASKS_AGAIN_MS);
    }
    return granted;
}

/* It is back, and its config server is to know: until then nobody else may be down. */
static void say_back(struct machine *machine, struct process *process)
{
    struct node_report report = node_report_nothing;
    const char *host = machine->instance->hostname, *name = machine->hosts_own ? host : machine->node;
    report.current_reboot_generation = machine->reboots_to;
    machine->was_maintained =
        host_link_resume(process, machine->instance, machine->key, name, NULL) < 0 ||
        host_link_report(process, machine->instance, machine->key, host, &report, NULL) < 0;
    if (machine->was_maintained) { /* what was not heard is said again */
        machine_look_in(machine, ASKS_AGAIN_MS);
        return;
    }
    machine->restarted = machine->restarts_to;
    machine->rebooted = machine->reboots_to;
    machine->asks = true;
    world_say(machine->world, "host %s is back", machine->instance->hostname);
}

static void go_away(struct machine *machine)
{
    struct world *world = machine->world;
    int64_t for_ms = SECOND_MS + chance_around(&machine->chance, AWAY_MS);
    world_say(world, "host %s%s is away for %lld s", machine->instance->hostname,
              machine->hosts_own ? "" : "'s node", (long long)for_ms / SECOND_MS);
    machine->away_until_ms = machine->broken_until_ms = world_now(world) + for_ms;
    if (machine->hosts_own)
        machine->cut_until_ms = machine->away_until_ms;
    machine->wants_hands = false;
    machine_look_in(machine, for_ms);
}

static void note_generations(struct machine *machine, const struct host_spec *spec)
{
    machine->reboots_to = spec->reboot_generation;
    if (spec->node_count > 0)
        machine->restarts_to = spec->nodes[0].restart_generation;
    if (machine->rebooted < 0)
        machine->rebooted = machine->reboots_to;
    if (machine->restarted < 0)
        machine->restarted = machine->restarts_to;
}

void maintenance_follow(struct machine *machine, struct process *process, const struct host_spec *spec)
{
    if (machine->away_until_ms && world_now(machine->world) >= machine->away_until_ms) {
        machine->away_until_ms = 0;
        machine->was_maintained = true;
    }
    bool runs = machine->service == SERVICE_UP && world_now(machine->world) >= machine->broken_until_ms;
    if (machine->was_maintained && runs)
        say_back(machine, process);
    note_generations(machine, spec);
    if (machine->was_maintained || machine->away_until_ms || !runs || spec->drain ||
        !maintenance_is_on(machine))
        return;
    bool host = machine->wants_hands || machine->reboots_to > machine->rebooted;
    if (!is_granted(machine, process, host, false))
        return;
    machine->hosts_own = host;
    go_away(machine);
}

bool maintenance_may_change(struct machine *machine, struct process *process)
{
    if (machine->away_until_ms || machine->was_maintained)
        return false;
    if (machine->service == SERVICE_UP && !is_granted(machine, process, false, true))
        return false;
    machine->hosts_own = false;
    machine->was_maintained = true; /* said when its service is up again, or at the next look */
    return true;
}
