/* Runs a process' maintainers when they are due, the zone's own in order and each account's as a body of its
 * own, as maintain/workers.c does with threads. */
#include "base/text.h"
#include "configserver/maintain/workers.h"
#include "configserver/simulator/server.h"

enum { LOOK_EVERY_MS = 5000 };

/* An account's maintainers; at most one body at a time. */
struct lane {
    struct lane *next;
    struct driver *driver;
    struct account_worker worker;
    bool runs, rung;
    int64_t due_ms;
};

struct driver {
    struct process *process;
    struct lane *lanes;
    char *applied; /* what the tunnel was told */
    bool rung;
    int64_t zone_due_ms;
    int64_t wakes_ms; /* when it looks next */
};

static void wake(void *context, int64_t number);

static void wake_at(struct driver *driver, int64_t when_ms)
{
    if (driver->wakes_ms && driver->wakes_ms <= when_ms)
        return;
    driver->wakes_ms = when_ms;
    struct server *server = driver->process->server;
    clockwork_at(server->world->clockwork, when_ms, wake, server, driver->process->incarnation);
}

struct driver *driver_new(struct process *process)
{
    struct driver *driver = memory_alloc(sizeof *driver);
    driver->process = process;
    return driver;
}

void driver_free(struct driver **driver)
{
    struct driver *old = take(driver);
    while (old && old->lanes) {
        struct lane *lane = old->lanes;
        old->lanes = lane->next;
        free(lane->worker.account);
        free(lane);
    }
    if (old)
        free(old->applied);
    free(old);
}

void driver_ring(struct process *process)
{
    process->driver->rung = true;
    wake_at(process->driver, world_now(process->server->world) + 1);
}

static void run_lane(void *context)
{
    struct lane *lane = context;
    struct process *process = lane->driver->process;
    struct world *world = process->server->world;
    process_enter(process);
    do {
        lane->rung = false;
        int64_t next = account_worker_pass(&lane->worker);
        lane->due_ms = world_now(world) + next;
    } while (lane->rung && !process->dead && lane->due_ms <= world_now(world));
    lane->runs = false;
    if (!process->dead)
        wake_at(lane->driver, lane->rung ? world_now(world) + 1 : lane->due_ms);
    process_leave(process);
}

static void make_lanes(struct driver *driver)
{
    VIEW(view, driver->process->zone->repository);
    view_each(view, RECORD_ACCOUNT, struct account, account) {
        struct lane **end = &driver->lanes;
        while (*end && !text_equal((*end)->worker.account, account->id))
            end = &(*end)->next;
        if (*end)
            continue;
        *end = memory_alloc(sizeof **end);
        (*end)->driver = driver;
        (*end)->worker.zone = driver->process->zone;
        (*end)->worker.account = memory_strdup(account->id);
    }
}

static void run_zone(struct driver *driver)
{
    struct error err = {0};
    struct process *process = driver->process;
    if (zone_pass(process->zone, &err) < 0 || sync_peers(process->zone, &driver->applied, &err) < 0)
        world_say(process->server->world, "zone pass: %s", err.message);
    driver->zone_due_ms = world_now(process->server->world) + LOOK_EVERY_MS;
}

static void run_due(struct driver *driver)
{
    struct process *process = driver->process;
    struct world *world = process->server->world;
    bool rung = driver->rung;
    if (process->server->frozen || !repository_leads(process->zone->repository))
        return; /* until it thaws or leads again, which rings */
    driver->rung = false;
    if (rung || driver->zone_due_ms <= world_now(world))
        run_zone(driver);
    make_lanes(driver);
    int64_t next = driver->zone_due_ms;
    for (struct lane *lane = driver->lanes; lane && !process->dead; lane = lane->next) {
        lane->rung = lane->rung || rung;
        if (!lane->runs && (lane->rung || lane->due_ms <= world_now(world))) {
            lane->runs = true;
            clockwork_run(world->clockwork, run_lane, lane);
        } else if (!lane->runs && lane->due_ms < next) {
            next = lane->due_ms;
        }
    }
    if (!process->dead)
        wake_at(driver, driver->rung ? world_now(world) + 1 : next);
}

static void wake(void *context, int64_t number)
{
    struct server *server = context;
    struct process *process = server->process;
    if (!process || process->incarnation != number || !process->driver)
        return;
    struct driver *driver = process->driver;
    if (driver->wakes_ms > world_now(server->world))
        return;
    if (driver->wakes_ms == 0)
        return; /* it woke sooner, and did what was due */
    driver->wakes_ms = 0;
    process_enter(process);
    run_due(driver);
    process_leave(process);
}
