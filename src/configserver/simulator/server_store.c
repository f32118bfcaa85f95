/* The store as a simulated server has it: each of its writes is a step at which the process may die and the
 * answer may be lost, and is judged. */
#include "base/text.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"
#include "configserver/simulator/server.h"
#include "store/memory.h"

#include <string.h>

/* Hosts wait for another spec: those of the applications, hosts and nodes that were written look again. */
static void tell_machines(struct world *world, const struct store_operation *operations, size_t count)
{
    for (struct sim_instance *at = world->region->instances; at; at = at->next) {
        size_t label = strcspn(at->hostname, ".");
        bool concerned = false;
        for (size_t i = 0; i < count && !concerned; i++) {
            const char *key = strrchr(operations[i].path, '/') + 1;
            concerned = strncmp(key, at->hostname, label) == 0 || text_starts(key, at->application);
        }
        if (concerned)
            machine_notice(at->machine);
    }
}

static const char *describe(const struct store_operation *operations, size_t count)
{
    return count > 0 ? operations[count - 1].path : "";
}

/* Without an answer from the store nobody knows whether it took the write. */
static bool answers(const struct process *process, enum memory_moment moment)
{
    struct servers *servers = process->server->world->servers;
    if (process->dead)
        return false;
    if (moment == MEMORY_READ)
        return !process->server->store_unreachable;
    double loses = process->server->store_unreachable ? 0.7 : servers->loses_writes / 2;
    return loses <= 0 || !chance_is(&servers->chance, loses);
}

/* Whoever was deposed may believe what it likes, but writes nothing any more. */
static void judge_writer(const struct process *process)
{
    const struct servers *servers = process->server->world->servers;
    if (servers->leader && process != servers->leader && process != servers->electing)
        world_breaks(process->server->world, "a deposed leader's write fails",
                     "config server %d wrote, and %d leads", process->server->number,
                     servers->leader->server->number);
}

/* What it asks next tells it whether the write was taken, and only then it can show it to hosts. */
static void note_answer(struct process *process, enum memory_moment moment, bool answered)
{
    if (moment == MEMORY_READ && answered && process->unsure)
        process->told_ms = world_now(process->server->world);
    if (moment != MEMORY_READ)
        process->unsure = moment == MEMORY_AFTER_WRITE && !answered;
}

static enum store_result step_of_store(void *context, enum memory_moment moment,
                                       const struct store_operation *operations, size_t count)
{
    struct process *process = context;
    struct world *world = process->server->world;
    if (moment == MEMORY_AFTER_WRITE) {
        world->servers->writes++;
        world_say(world, "written by %d: %zu records, %s", process->server->number, count,
                  describe(operations, count));
        process->wrote = true;
        judge_writer(process);
        tell_machines(world, operations, count);
        if (!process->dead && process->driver)
            driver_ring(process);
    }
    if (moment != MEMORY_READ)
        process_step(process, moment == MEMORY_BEFORE_WRITE ? "before a write" : "after a write");
    bool answered = answers(process, moment);
    note_answer(process, moment, answered);
    if (answered)
        return STORE_OK;
    if (!process->dead && moment != MEMORY_READ)
        world_say(world, "config server %d has no answer from the store %s", process->server->number,
                  moment == MEMORY_BEFORE_WRITE ? "before it took a write" : "after it took a write");
    return STORE_LOST;
}

void process_open_store(struct process *process)
{
    store_open_memory(process->server->world->tree, &process->store, NULL);
    store_memory_hook(process->store, step_of_store, process);
}
