#include "configserver/simulator/world.h"

#include "base/log.h"
#include "configserver/simulator/deployer.h"
#include "configserver/simulator/faults.h"
#include "configserver/simulator/judge.h"

#include <stdarg.h>
#include <stdio.h>

enum { CALM_MS = 20 * HOUR_MS };
static const int64_t birth_ms = 1767323045000; /* 2026-01-02T03:04:05Z */

static int64_t simulated_now(void *context)
{
    return world_now(context);
}

static uint64_t simulated_random(void *context)
{
    return chance_next(&((struct world *)context)->chance);
}

/* As in production, but what takes days takes hours; and what is looked at every few seconds is looked at
 * every few minutes, but for one world in sixteen. */
static struct limits simulated_limits(struct chance *chance)
{
    static const int64_t batches[] = {1, 3, 50};
    struct limits limits = limits_default;
    limits.retired_longest = 4 * HOUR_MS;
    limits.inactive_kept = HOUR_MS;
    limits.deprovisioned_kept = 4 * HOUR_MS;
    limits.launch_batch = batches[chance_below(chance, 3)];
    if (chance_is(chance, 1.0 / 16))
        return limits;
    limits.host_silent = 3 * MINUTE_MS;
    limits.watch_instances = limits.watch_balancers = limits.watch_events = 3 * MINUTE_MS;
    limits.watch_instances_eager = limits.watch_balancers_eager = 5 * SECOND_MS;
    limits.list_balancers = 3 * MINUTE_MS;
    limits.account_look = 20 * SECOND_MS;
    limits.sweep = 2 * MINUTE_MS;
    return limits;
}

static void make_accounts(struct world *world)
{
    static const char *const tenants[] = {"acme", "globex", "acme", "initech"};
    struct region *region = world->region;
    region->account_count = (size_t)chance_between(&region->chance, 2, 3);
    for (size_t i = 0; i < region->account_count; i++) {
        struct sim_account *account = &region->accounts[i];
        snprintf(account->id, sizeof account->id, "%012zu", 210987654321 + i);
        snprintf(account->tenant, sizeof account->tenant, "%s", tenants[i]);
        snprintf(account->external_id, sizeof account->external_id, "external-%zu", i);
        account->set_up = true;
        account->spared = i == 0 && chance_is(&region->chance, 0.5);
        account->bucket = 100;
        account->bucket_ms = account->good.since_ms = world->started_ms;
        world_say(world, "account %s of %s%s", account->id, account->tenant,
                  account->spared ? ", spared" : "");
    }
}

static void break_now(void *context, int64_t number)
{
    (void)number;
    world_breaks(context, "nothing is asked to break", "it was");
}

struct world *world_new(const struct world_options *options)
{
    struct world *world = memory_alloc(sizeof *world);
    log_open("sim", LOG_LEVEL_ERROR + 1, false);
    world->seed = options->seed;
    world->started_ms = birth_ms;
    world->end_ms = birth_ms + (options->days > 1 ? options->days : 2) * DAY_MS;
    world->calm_ms = world->end_ms - CALM_MS;
    world->clockwork = clockwork_new(birth_ms);
    trace_open(&world->trace, birth_ms, options->prints);
    world->chance = chance_of(world->seed, "config servers");
    struct chance limits = chance_of(world->seed, "limits");
    world->environment = (struct environment){world, simulated_now, simulated_random};
    world->config = (struct config){.aws_region = "us-east-1",
                                    .zone = "prod.aws-us-east-1c",
                                    .index = 1,
                                    .limits = simulated_limits(&limits),
                                    .address = "2001:db8:f::1",
                                    .zts_url = "https://zts/zts/v1",
                                    .public_zts_url = "https://nlb:8443/zts/v1",
                                    .bootstrap_url = "https://nlb:443",
                                    .ca_certificates = "CA",
                                    .node_image = "registry.example/vespa:8"};
    world->tree = memory_tree_new();
    memory_tree_hold_watches(world->tree);
    world->region = region_new(world);
    make_accounts(world);
    world->config.limits.account_threads = (int64_t)world->region->account_count;
    servers_new(world);
    world->faults = faults_new(world, options->without);
    world->deployers = deployers_new(world);
    world->judge = judge_new(world);
    if (options->breaks_ms)
        clockwork_after(world->clockwork, options->breaks_ms, break_now, world, 0);
    if (options->stop_ms)
        world->end_ms = world->started_ms + options->stop_ms;
    return world;
}

void world_free(struct world **world)
{
    struct world *old = take(world);
    if (!old)
        return;
    judge_free(&old->judge);
    deployers_free(&old->deployers);
    faults_free(&old->faults);
    servers_free(&old->servers);
    region_free(&old->region);
    memory_tree_free(&old->tree);
    clockwork_free(&old->clockwork);
    trace_close(&old->trace);
    free(old);
}

void world_breaks(struct world *world, const char *invariant, const char *format, ...)
{
    if (world->broken[0])
        return;
    va_list args;
    int length = snprintf(world->broken, sizeof world->broken, "%s: ", invariant);
    va_start(args, format);
    vsnprintf(world->broken + length, sizeof world->broken - (size_t)length, format, args);
    va_end(args);
    world_say(world, "BROKEN: %s", world->broken);
}

bool world_run(struct world *world)
{
    while (!world->broken[0] && clockwork_step(world->clockwork, world->end_ms)) {
        memory_tree_deliver(world->tree);
        judge_records(world);
    }
    return !world->broken[0];
}
