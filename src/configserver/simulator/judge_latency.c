/* What others' troubles may not cost an account that has none: its own decisions are carried out as soon as
 * ever, whoever else cannot be reached, is throttled or has no capacity. */
#include "base/text.h"
#include "configserver/simulator/judge.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_EVERY_MS = 4 * SECOND_MS, LONGEST_MS = 12 * SECOND_MS, WAITING_MOST = 64 };

struct latency {
    struct world *world;
    struct waiting {
        char name[160];
        int64_t since_good_ms;
        uint64_t round;
    } waiting[WAITING_MOST];
    size_t count;
    uint64_t round;
    int64_t store_well_ms; /* since when its answers are not lost */
};

static void waits(struct latency *latency, const struct sim_account *account, const char *name)
{
    int64_t good = good_time(latency->world, account);
    size_t at = 0;
    while (at < latency->count && !text_equal(latency->waiting[at].name, name))
        at++;
    if (at == WAITING_MOST)
        return;
    struct waiting *waiting = &latency->waiting[at];
    if (at == latency->count) {
        latency->count++;
        snprintf(waiting->name, sizeof waiting->name, "%s", name);
        waiting->since_good_ms = good;
    }
    waiting->round = latency->round;
    if (good - waiting->since_good_ms > LONGEST_MS)
        world_breaks(latency->world, "no account waits for another's trouble",
                     "%s in account %s, which has none, was not asked for in %lld s", name, account->id,
                     (long long)(good - waiting->since_good_ms) / SECOND_MS);
}

static void look_at(struct latency *latency, const struct view *view, const struct sim_account *account)
{
    view_each_of(view, HOSTS_OF_ACCOUNT, account->id, struct host, host)
        if (host->state == HOST_WANTED && host->launch_after <= world_now(latency->world))
            waits(latency, account, host->hostname);
    view_each_of(view, LOAD_BALANCERS_OF_ACCOUNT, account->id, struct load_balancer, balancer)
        if (balancer->state == LOAD_BALANCER_WANTED)
            waits(latency, account, balancer->id);
}

static void forget_others(struct latency *latency)
{
    for (size_t i = 0; i < latency->count;)
        if (latency->waiting[i].round == latency->round)
            i++;
        else
            latency->waiting[i] = latency->waiting[--latency->count];
}

/* What it began meanwhile failed, and is tried again as after an answer that was lost. */
static bool misses_store(const struct process *leader)
{
    return leader && leader->server->store_unreachable;
}

static void look(void *context, int64_t number)
{
    struct latency *latency = context;
    struct world *world = latency->world;
    struct process *leader = servers_leader(world);
    int64_t now = world_now(world);
    (void)number;
    latency->round++;
    if (world->servers->loses_writes > 0 || misses_store(world->servers->leader))
        latency->store_well_ms = now + 3 * MINUTE_MS;
    if (leader && now >= latency->store_well_ms) {
        VIEW(view, leader->zone->repository);
        for (size_t i = 0; i < world->region->account_count; i++)
            if (world->region->accounts[i].spared)
                look_at(latency, view, &world->region->accounts[i]);
    }
    forget_others(latency);
    clockwork_after(world->clockwork, LOOK_EVERY_MS, look, latency, 0);
}

struct latency *latency_new(struct world *world)
{
    struct latency *latency = memory_alloc(sizeof *latency);
    latency->world = world;
    for (size_t i = 0; i < world->region->account_count; i++)
        if (world->region->accounts[i].spared)
            clockwork_after(world->clockwork, LOOK_EVERY_MS, look, latency, 0);
    return latency;
}

void latency_free(struct latency **latency)
{
    free(take(latency));
}
