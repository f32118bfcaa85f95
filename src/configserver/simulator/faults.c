#include "configserver/simulator/faults.h"

#include "base/text.h"
#include "configserver/simulator/machine.h"
#include "configserver/simulator/server.h"

#include <string.h>

struct faults;
typedef void strike(struct faults *faults);
static strike kill_server, kill_often, lose_store, cut_account, throttle_account, lose_answers, lack_types,
    lack_zone, disable_key, end_instance, cut_host, hang_host, break_service, fail_hard, announce_event,
    delete_balancer, drop_targets, maintain_host, depose_leader, lose_writes;

/* What strikes how often, on average, in a world that has this kind. */
static const struct fault_kind {
    const char *name;
    strike *strike;
    int64_t every_ms;
} kinds[] = {
    {"crash", kill_server, 4 * HOUR_MS},
    {"crashes", kill_often, 30 * HOUR_MS},
    {"depose", depose_leader, 8 * HOUR_MS},
    {"write", lose_writes, 16 * HOUR_MS},
    {"store", lose_store, 24 * HOUR_MS},
    {"outage", cut_account, 16 * HOUR_MS},
    {"throttle", throttle_account, 16 * HOUR_MS},
    {"lost", lose_answers, 10 * HOUR_MS},
    {"types", lack_types, 16 * HOUR_MS},
    {"zone", lack_zone, 24 * HOUR_MS},
    {"key", disable_key, 48 * HOUR_MS},
    {"end", end_instance, 12 * HOUR_MS},
    {"cut", cut_host, 12 * HOUR_MS},
    {"hang", hang_host, 24 * HOUR_MS},
    {"service", break_service, 12 * HOUR_MS},
    {"hard", fail_hard, 36 * HOUR_MS},
    {"event", announce_event, 24 * HOUR_MS},
    {"vandal", delete_balancer, 36 * HOUR_MS},
    {"targets", drop_targets, 24 * HOUR_MS},
    {"maintenance", maintain_host, 8 * HOUR_MS},
    {"boot", NULL, 0}, /* what faults_fate draws */
    {"drain", NULL, 0},
    {"move", NULL, 0},
};
enum { KINDS = COUNT_OF(kinds) };

struct faults {
    struct world *world;
    struct chance chance;
    bool has[KINDS];
};

static void next_strike(struct faults *faults, int64_t kind);

static void strike_now(void *context, int64_t kind)
{
    struct faults *faults = context;
    if (world_now(faults->world) >= faults->world->calm_ms)
        return;
    kinds[kind].strike(faults);
    next_strike(faults, kind);
}

static void next_strike(struct faults *faults, int64_t kind)
{
    clockwork_after(faults->world->clockwork, 1 + chance_around(&faults->chance, kinds[kind].every_ms),
                    strike_now, faults, kind);
}

static bool is_named(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at && (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

struct faults *faults_new(struct world *world, const char *without)
{
    struct faults *faults = memory_alloc(sizeof *faults);
    faults->world = world;
    faults->chance = chance_of(world->seed, "faults");
    double some = chance_is(&faults->chance, 0.3) ? 0.25 : 0.7; /* few kinds, or most of them */
    for (int64_t kind = 0; kind < (int64_t)KINDS; kind++) {
        faults->has[kind] = chance_is(&faults->chance, some) && !is_named(without, kinds[kind].name);
        if (faults->has[kind])
            world_say(world, "this world has '%s'", kinds[kind].name);
        if (faults->has[kind] && kinds[kind].strike)
            next_strike(faults, kind);
    }
    return faults;
}

void faults_free(struct faults **faults)
{
    free(take(faults));
}

static bool has(const struct faults *faults, const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (text_equal(kinds[i].name, name))
            return faults->has[i] && world_now(faults->world) < faults->world->calm_ms;
    return false;
}

static void end_trouble(void *context, int64_t account)
{
    struct world *world = context;
    good_time_go(world, &world->region->accounts[account]);
}

void faults_trouble(struct world *world, struct sim_account *account, int64_t for_ms)
{
    good_time_stop(world, account);
    account->excused++;
    clockwork_after(world->clockwork, for_ms, end_trouble, world, account - world->region->accounts);
}

/* Until a host that does not come has been replaced, and its replacement too. */
static int64_t boot_trouble(const struct faults *faults)
{
    return 2 * faults->world->config.limits.boot_longest + 20 * MINUTE_MS;
}

struct machine_fate faults_fate(struct world *world, const struct sim_instance *instance)
{
    struct faults *faults = world->faults;
    struct machine_fate fate = {0};
    struct sim_account *account = instance->account;
    if (account->spared)
        return fate;
    if (has(faults, "boot") && chance_is(&faults->chance, 0.06)) {
        int64_t which = chance_below(&faults->chance, 3);
        fate.never_comes = which == 0;
        fate.boots_late_ms = which == 1 ? chance_between(&faults->chance, MINUTE_MS, 30 * MINUTE_MS) : 0;
        fate.ends_after_ms = which == 2 ? chance_between(&faults->chance, 1, MINUTE_MS) : 0;
        world_say(world, "instance %s %s", instance->id,
                  which == 0   ? "will never call"
                  : which == 1 ? "will boot late"
                               : "will end while it boots");
        faults_trouble(world, account, boot_trouble(faults));
    }
    if (has(faults, "drain") && chance_is(&faults->chance, 0.2))
        fate.drains_late_ms = chance_around(&faults->chance, 10 * MINUTE_MS);
    if (has(faults, "move") && chance_is(&faults->chance, 0.3)) {
        fate.moves_late_ms = chance_around(&faults->chance, HOUR_MS);
        fate.never_moves = chance_is(&faults->chance, 0.2);
    }
    return fate;
}

/* A server that leads, or any. */
static void kill_server(struct faults *faults)
{
    struct process *leader = servers_leader(faults->world);
    if (leader)
        server_kill(leader->server, chance_below(&faults->chance, 80));
}

static void kill_again(void *context, int64_t until_ms)
{
    struct faults *faults = context;
    kill_server(faults);
    if (world_now(faults->world) < until_ms)
        clockwork_after(faults->world->clockwork, chance_around(&faults->chance, 40 * SECOND_MS), kill_again,
                        faults, until_ms);
}

static void kill_often(struct faults *faults)
{
    kill_again(faults, world_now(faults->world) + chance_around(&faults->chance, 10 * MINUTE_MS));
}

static void find_store(void *context, int64_t server)
{
    struct world *world = context;
    world->servers->list[server].store_unreachable = false;
    world_say(world, "config server %lld reaches the store again", (long long)server + 1);
    for (size_t i = 0; i < world->region->account_count; i++)
        good_time_go(world, &world->region->accounts[i]);
    servers_look(world);
}

static void lose_store(struct faults *faults)
{
    struct world *world = faults->world;
    int64_t at = chance_below(&faults->chance, (int64_t)world->servers->count);
    struct server *server = &world->servers->list[at];
    if (server->store_unreachable)
        return;
    server->store_unreachable = true;
    world_say(world, "config server %d does not reach the store", server->number);
    for (size_t i = 0; i < world->region->account_count; i++)
        good_time_stop(world, &world->region->accounts[i]);
    clockwork_after(world->clockwork, chance_around(&faults->chance, 3 * MINUTE_MS), find_store, world, at);
}

static void depose_leader(struct faults *faults)
{
    servers_depose(faults->world);
}

static void find_writes(void *context, int64_t number)
{
    struct world *world = context;
    (void)number;
    world->servers->loses_writes = 0;
    world_say(world, "the store answers every write again");
}

static void lose_writes(struct faults *faults)
{
    struct world *world = faults->world;
    world->servers->loses_writes = chance_is(&faults->chance, 0.5) ? 0.05 : 0.4;
    world_say(world, "the store's answers get lost");
    clockwork_after(world->clockwork, chance_around(&faults->chance, 10 * MINUTE_MS), find_writes, world, 0);
}

/* An account that may have troubles; NULL when all are spared. */
static struct sim_account *pick_account(struct faults *faults)
{
    struct region *region = faults->world->region;
    struct sim_account *account =
        &region->accounts[chance_below(&faults->chance, (int64_t)region->account_count)];
    return account->spared ? NULL : account;
}

static void relieve(void *context, int64_t account_and_what)
{
    struct world *world = context;
    struct sim_account *account = &world->region->accounts[account_and_what / 8];
    switch (account_and_what % 8) {
    case 0:
        account->unreachable = false;
        break;
    case 1:
        account->throttled = false;
        break;
    case 2:
        account->loses = 0;
        break;
    case 3:
        account->lacks_types = 0;
        break;
    case 4:
        account->lacks_zones = 0;
        break;
    default:
        account->key_disabled = false;
    }
    world_say(world, "account %s is relieved", account->id);
}

/* For some time, and what it broke needs some more to become right. */
static void burden(struct faults *faults, struct sim_account *account, const char *name, int what,
                   int64_t mean_ms)
{
    struct world *world = faults->world;
    int64_t for_ms = MINUTE_MS + chance_around(&faults->chance, mean_ms);
    world_say(world, "account %s: %s for %lld s", account->id, name, (long long)for_ms / SECOND_MS);
    faults_trouble(world, account, for_ms + 5 * MINUTE_MS);
    clockwork_after(world->clockwork, for_ms, relieve, world, (account - world->region->accounts) * 8 + what);
}

static void cut_account(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->unreachable = true;
    burden(faults, account, "unreachable", 0, 15 * MINUTE_MS);
}

static void throttle_account(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->throttled = true;
    burden(faults, account, "throttled", 1, 20 * MINUTE_MS);
}

static void lose_answers(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->loses = chance_is(&faults->chance, 0.5) ? 0.05 : 0.4;
    burden(faults, account, "answers get lost", 2, 30 * MINUTE_MS);
}

static void lack_types(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->lacks_types = (unsigned)chance_next(&faults->chance) & 0xff;
    burden(faults, account, "no capacity of some types", 3, HOUR_MS);
}

static void lack_zone(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->lacks_zones = 1U << chance_below(&faults->chance, REGION_ZONES);
    burden(faults, account, "no capacity in a zone", 4, HOUR_MS);
}

static void disable_key(struct faults *faults)
{
    struct sim_account *account = pick_account(faults);
    if (!account)
        return;
    account->key_disabled = true;
    burden(faults, account, "the disks' key is disabled", 5, 20 * MINUTE_MS);
}

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

static void end_instance(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    faults_trouble(faults->world, instance->account, boot_trouble(faults));
    region_end_instance(faults->world->region, instance, "Server.SpotInstanceTermination: behind our back");
}

static void cut_host(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    int64_t for_ms = chance_around(&faults->chance, 10 * MINUTE_MS);
    world_say(faults->world, "host %s is cut off for %lld s", instance->hostname,
              (long long)for_ms / SECOND_MS);
    faults_trouble(faults->world, instance->account, for_ms + boot_trouble(faults));
    machine_cut_off(instance->machine, for_ms);
}

static void hang_host(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    world_say(faults->world, "host %s hangs", instance->hostname);
    faults_trouble(faults->world, instance->account, boot_trouble(faults) + HOUR_MS);
    machine_hang(instance->machine);
}

static void break_service(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    int64_t for_ms = chance_around(&faults->chance, 15 * MINUTE_MS);
    world_say(faults->world, "the node on %s is down for %lld s", instance->hostname,
              (long long)for_ms / SECOND_MS);
    faults_trouble(faults->world, instance->account, for_ms + boot_trouble(faults) + HOUR_MS);
    machine_break_service(instance->machine, for_ms);
}

static void fail_hard(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance)
        return;
    world_say(faults->world, "host %s reports that it is broken", instance->hostname);
    faults_trouble(faults->world, instance->account, boot_trouble(faults) + 6 * HOUR_MS);
    machine_fail_hard(instance->machine);
}

static void announce_event(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (!instance || instance->event)
        return;
    world_say(faults->world, "instance %s of %s is to be retired", instance->id, instance->hostname);
    faults_trouble(faults->world, instance->account, boot_trouble(faults) + 6 * HOUR_MS);
    instance->event = "instance-retirement";
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

static void delete_balancer(struct faults *faults)
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

static void drop_targets(struct faults *faults)
{
    struct sim_balancer *balancer = pick_balancer(faults);
    if (!balancer)
        return;
    world_say(faults->world, "somebody takes all targets from balancer %s", balancer->name);
    faults_trouble(faults->world, balancer->account, 10 * MINUTE_MS);
    balancer->target_count = 0;
}

static void maintain_host(struct faults *faults)
{
    struct sim_instance *instance = pick_instance(faults);
    if (instance)
        machine_maintain(instance->machine);
}
