#include "configserver/simulator/faults_strikes.h"

#include "base/text.h"
#include "configserver/simulator/machine.h"
#include "configserver/simulator/operators.h"
#include "configserver/simulator/server.h"

#include <string.h>

/* What strikes how often, on average, in a world that has this kind. */
static const struct fault_kind {
    const char *name;
    strike *strike;
    int64_t every_ms;
} kinds[] = {
    {"crash", kill_server, 4 * HOUR_MS},
    {"crashes", kill_often, 30 * HOUR_MS},
    {"depose", depose_leader, 8 * HOUR_MS},
    {"freeze", freeze_server, 12 * HOUR_MS},
    {"write", lose_writes, 16 * HOUR_MS},
    {"store", lose_store, 24 * HOUR_MS},
    {"outage", cut_account, 16 * HOUR_MS},
    {"throttle", throttle_account, 16 * HOUR_MS},
    {"lost", lose_answers, 10 * HOUR_MS},
    {"types", lack_types, 16 * HOUR_MS},
    {"zone", lack_zone, 24 * HOUR_MS},
    {"key", disable_key, 48 * HOUR_MS},
    {"end", end_instance, 12 * HOUR_MS},
    {"stop", stop_instance, 36 * HOUR_MS},
    {"cut", cut_host, 12 * HOUR_MS},
    {"cuts", cut_hosts, 30 * HOUR_MS},
    {"hang", hang_host, 24 * HOUR_MS},
    {"service", break_service, 12 * HOUR_MS},
    {"hard", fail_hard, 36 * HOUR_MS},
    {"event", announce_event, 24 * HOUR_MS},
    {"vandal", delete_balancer, 36 * HOUR_MS},
    {"targets", drop_targets, 24 * HOUR_MS},
    {"maintenance", maintain_host, 4 * HOUR_MS},
    {"operator", command_host, 3 * HOUR_MS},
    {"terraform", take_down, 48 * HOUR_MS},
    {"boot", NULL, 0}, /* what faults_fate draws */
    {"drain", NULL, 0},
    {"move", NULL, 0},
};
enum { KINDS = COUNT_OF(kinds) };
_Static_assert(COUNT_OF(kinds) <= (size_t)FAULT_KINDS_MOST, "room for every kind");

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
    enum { FOCUSED = 10 };
    int64_t every_ms = kinds[kind].every_ms / (kind == faults->focus ? FOCUSED : 1);
    clockwork_after(faults->world->clockwork, 1 + chance_around(&faults->chance, every_ms), strike_now,
                    faults, kind);
}

/* In the calm nobody keeps a host any more. */
static void send_operators_home(void *context, int64_t times)
{
    struct faults *faults = context;
    operators_go_home(faults->world);
    if (times > 0)
        clockwork_after(faults->world->clockwork, 10 * MINUTE_MS, send_operators_home, faults, times - 1);
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
    faults->focus = chance_is(&faults->chance, 0.6) ? chance_below(&faults->chance, KINDS) : -1;
    double some = chance_is(&faults->chance, 0.3) ? 0.25 : 0.7; /* few kinds, or most of them */
    for (int64_t kind = 0; kind < (int64_t)KINDS; kind++) {
        faults->has[kind] = (chance_is(&faults->chance, some) || kind == faults->focus) &&
                            !is_named(without, kinds[kind].name);
        if (faults->has[kind])
            world_say(world, "this world has '%s'%s", kinds[kind].name,
                      kind == faults->focus ? " often" : "");
        if (faults->has[kind] && kinds[kind].strike)
            next_strike(faults, kind);
    }
    clockwork_at(world->clockwork, world->calm_ms, send_operators_home, faults, 12);
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
    account->excused++;
    if (for_ms <= 0)
        return;
    good_time_stop(world, account);
    clockwork_after(world->clockwork, for_ms, end_trouble, world, account - world->region->accounts);
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
        faults_trouble(world, account, world->config.limits.boot_longest + 10 * MINUTE_MS);
    }
    if (has(faults, "drain") && chance_is(&faults->chance, 0.2))
        fate.drains_late_ms = chance_around(&faults->chance, 10 * MINUTE_MS);
    if (has(faults, "move") && chance_is(&faults->chance, 0.3)) {
        fate.moves_late_ms = chance_around(&faults->chance, HOUR_MS);
        fate.never_moves = chance_is(&faults->chance, 0.2);
    }
    return fate;
}
