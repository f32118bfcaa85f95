#include "configserver/simulator/operators.h"

#include "base/text.h"
#include "configserver/hosts/commands.h"
#include "configserver/simulator/server.h"

#include <stdio.h>

static const char who[] = "vespa.operator.sim";

static int retire(struct zone *zone, const char *hostname, struct error *err)
{
    return host_retire(zone, hostname, true, who, err);
}

static int unretire(struct zone *zone, const char *hostname, struct error *err)
{
    return host_retire(zone, hostname, false, who, err);
}

static int give_up(struct zone *zone, const char *hostname, struct error *err)
{
    return host_give_up(zone, hostname, who, err);
}

static int park(struct zone *zone, const char *hostname, struct error *err)
{
    return host_park(zone, hostname, who, err);
}

static int let_go(struct zone *zone, const char *hostname, struct error *err)
{
    return host_let_go(zone, hostname, who, err);
}

static int restart(struct zone *zone, const char *hostname, struct error *err)
{
    size_t count;
    return command_hosts(zone, COMMAND_RESTART, &(struct command_filter){.hostname = hostname}, who, &count,
                         err);
}

static int reboot(struct zone *zone, const char *hostname, struct error *err)
{
    size_t count;
    return command_hosts(zone, COMMAND_REBOOT, &(struct command_filter){.hostname = hostname}, who, &count,
                         err);
}

/* Each for hosts in one of these states. */
static const struct {
    const char *name;
    int (*give)(struct zone *zone, const char *hostname, struct error *err);
    enum host_state from, to;
} commands[] = {
    {"retire", retire, HOST_WANTED, HOST_ACTIVE},        {"unretire", unretire, HOST_WANTED, HOST_ACTIVE},
    {"give up", give_up, HOST_PROVISIONED, HOST_ACTIVE}, {"park", park, HOST_FAILED, HOST_FAILED},
    {"let go", let_go, HOST_FAILED, HOST_PARKED},        {"restart", restart, HOST_ACTIVE, HOST_ACTIVE},
    {"reboot", reboot, HOST_ACTIVE, HOST_ACTIVE},
};

static void give(struct world *world, struct process *process, size_t command, const struct host *host)
{
    struct error err = {0};
    char hostname[128];
    snprintf(hostname, sizeof hostname, "%s", host->hostname);
    process_enter(process);
    int result = commands[command].give(process->zone, hostname, &err);
    world_say(world, "an operator says: %s %s%s%s", commands[command].name, hostname, result < 0 ? ": " : "",
              result < 0 ? err.message : "");
    if (!process->dead)
        driver_ring(process);
    process_leave(process);
}

void operators_command(struct world *world, struct chance *chance)
{
    struct process *process = servers_any(world, chance);
    if (!process)
        return;
    VIEW(view, process->zone->repository);
    size_t command = (size_t)chance_below(chance, COUNT_OF(commands));
    int64_t count = 0;
    const struct host *picked = NULL;
    view_each(view, RECORD_HOST, struct host, host) {
        struct sim_account *account = region_account(world->region, host->account);
        if (host->state >= (int)commands[command].from && host->state <= (int)commands[command].to &&
            account && !account->spared && chance_below(chance, ++count) == 0)
            picked = host;
    }
    if (!picked)
        return;
    faults_trouble(world, region_account(world->region, picked->account), 0);
    give(world, process, command, picked);
}

void operators_go_home(struct world *world)
{
    struct process *process = servers_leader(world);
    if (!process)
        return;
    VIEW(view, process->zone->repository);
    view_each(view, RECORD_HOST, struct host, host)
        if (host->state == HOST_PARKED)
            give(world, process, 4, host);
}
