/* Runs a process' schedule when something of it is due. Each run is a body of its own: while one waits for
 * the cloud others go on with what else is due, as the crew's threads do. */
#include "configserver/maintain/schedule.h"
#include "configserver/simulator/server.h"

enum { LOOKS_BESIDE_MS = 500 };

struct driver {
    struct process *process;
    int64_t wakes_ms; /* when it looks next; 0: not */
    int bodies;       /* that run, or wait for the cloud */
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
    free(take(driver));
}

void driver_ring(struct process *process)
{
    wake_at(process->driver, world_now(process->server->world) + 1);
}

static void run_due(void *context)
{
    struct process *process = context;
    process_enter(process);
    process->driver->bodies++;
    int64_t wait = schedule_run_due(process->zone->schedule);
    process->driver->bodies--;
    if (!process->dead)
        wake_at(process->driver, world_now(process->server->world) + wait);
    process_leave(process);
}

static void wake(void *context, int64_t incarnation)
{
    struct server *server = context;
    struct process *process = server->process;
    if (!process || process->incarnation != incarnation || !process->driver)
        return;
    struct driver *driver = process->driver;
    if (driver->wakes_ms == 0 || driver->wakes_ms > world_now(server->world))
        return; /* it woke sooner, and did what was due */
    driver->wakes_ms = 0;
    if (server->frozen || !repository_leads(process->zone->repository))
        return; /* until it thaws or leads again, which rings */
    process_enter(process);
    clockwork_run(server->world->clockwork, run_due, process);
    if (!process->dead && driver->bodies > 0) /* what is due meanwhile, only they would know */
        wake_at(driver, world_now(server->world) + LOOKS_BESIDE_MS);
    process_leave(process);
}
