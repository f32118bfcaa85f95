#include "configserver/simulator/judge.h"

#include "base/text.h"
#include "configserver/records/invariants.h"
#include "configserver/simulator/deployer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROUND_EVERY_MS = MINUTE_MS, QUIET_MS = 3 * HOUR_MS };

/* Something that is not as it shall be, since when. */
struct suffering {
    struct suffering *next;
    char name[200];
    int64_t since_good_ms;
    uint64_t round; /* in which it was said last */
};

struct judge {
    struct world *world;
    struct latency *latency;
    struct suffering *sufferings;
    uint64_t rounds;
    int64_t quiet_writes, quiet_changes; /* counted when the last hours began */
};

static int64_t count_changes(const struct world *world)
{
    int64_t count = 0;
    for (size_t i = 0; i < world->region->account_count; i++)
        count += world->region->accounts[i].changes;
    return count;
}

void judge_suffers(struct world *world, const struct sim_account *account, const char *invariant,
                   int64_t most_ms, const char *format, ...)
{
    char name[200];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    struct suffering *at = world->judge->sufferings;
    while (at && !text_equal(at->name, name))
        at = at->next;
    if (!at) {
        at = memory_alloc(sizeof *at);
        memcpy(at->name, name, sizeof name);
        at->since_good_ms = good_time(world, account);
        at->next = world->judge->sufferings;
        world->judge->sufferings = at;
    }
    at->round = world->judge->rounds;
    int64_t long_ms = good_time(world, account) - at->since_good_ms;
    if (long_ms > most_ms)
        world_breaks(world, invariant, "%s, for %lld s in which nothing was wrong in account %s", name,
                     (long long)long_ms / SECOND_MS, account->id);
}

static void forget_sufferings(struct judge *judge, bool all)
{
    for (struct suffering **at = &judge->sufferings; *at;) {
        struct suffering *suffering = *at;
        if (suffering->round == judge->rounds && !all) {
            at = &suffering->next;
            continue;
        }
        *at = suffering->next;
        free(suffering);
    }
}

void judge_records(struct world *world)
{
    struct process *leader = servers_leader(world);
    if (!leader || !leader->wrote)
        return;
    leader->wrote = false;
    VIEW(view, leader->zone->repository);
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *broken = records_broken_rule(view, arena);
    if (broken)
        world_breaks(world, "records fit together", "%s", broken);
    judge_serving(world, leader, view);
}

/* After so long without faults nothing is left to do. */
static void judge_quiet(struct judge *judge)
{
    struct world *world = judge->world;
    int64_t begins = world->end_ms - QUIET_MS, now = world_now(world);
    if (now < begins)
        return;
    if (now < begins + ROUND_EVERY_MS) {
        judge->quiet_writes = world->servers->writes;
        judge->quiet_changes = count_changes(world);
        return;
    }
    int64_t writes = world->servers->writes - judge->quiet_writes;
    int64_t changes = count_changes(world) - judge->quiet_changes;
    if (writes || changes)
        world_breaks(world, "eventually quiet",
                     "%lld writes and %lld changes in the cloud long after the last fault", (long long)writes,
                     (long long)changes);
}

/* Each deployment may launch what it asks for once, and each trouble what it takes to mend it. */
static void judge_costs(struct world *world)
{
    for (size_t i = 0; i < world->region->account_count; i++) {
        const struct sim_account *account = &world->region->accounts[i];
        int64_t most = 10 + account->asked + 4 * account->excused;
        if (account->launched > most)
            world_breaks(world, "launches are bounded",
                         "account %s: %lld instances launched, %lld asked for, %lld troubles", account->id,
                         (long long)account->launched, (long long)account->asked,
                         (long long)account->excused);
    }
}

static void next_round(void *context, int64_t number)
{
    struct judge *judge = context;
    struct world *world = judge->world;
    (void)number;
    judge->rounds++;
    struct process *leader = servers_leader(world);
    if (leader) {
        VIEW(view, leader->zone->repository);
        const struct round round = {world, leader, view, &world->config.limits};
        judge_instances(&round);
        judge_hosts(&round);
        judge_balancers(&round);
        judge_applications(&round);
        forget_sufferings(judge, false);
        judge_costs(world);
    }
    judge_quiet(judge);
    region_forget_ended(world->region);
    clockwork_after(world->clockwork, ROUND_EVERY_MS, next_round, judge, 0);
}

struct judge *judge_new(struct world *world)
{
    struct judge *judge = memory_alloc(sizeof *judge);
    judge->world = world;
    judge->latency = latency_new(world);
    clockwork_after(world->clockwork, ROUND_EVERY_MS, next_round, judge, 0);
    return judge;
}

void judge_free(struct judge **judge)
{
    if (*judge) {
        forget_sufferings(*judge, true);
        latency_free(&(*judge)->latency);
    }
    free(take(judge));
}
