/* Config servers that die, and stores that do not answer. */
#include "configserver/simulator/faults_strikes.h"
#include "configserver/simulator/server.h"

/* A server that leads, or any. */
void kill_server(struct faults *faults)
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

void kill_often(struct faults *faults)
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

void lose_store(struct faults *faults)
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

void depose_leader(struct faults *faults)
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

void lose_writes(struct faults *faults)
{
    struct world *world = faults->world;
    world->servers->loses_writes = chance_is(&faults->chance, 0.5) ? 0.05 : 0.4;
    world_say(world, "the store's answers get lost");
    clockwork_after(world->clockwork, chance_around(&faults->chance, 10 * MINUTE_MS), find_writes, world, 0);
}

static void thaw(void *context, int64_t server)
{
    struct world *world = context;
    world_say(world, "config server %lld goes on as if nothing had been", (long long)server + 1);
    server_thaw(&world->servers->list[server]);
}

/* As a virtual machine that is moved, or whose host swaps: it believes for a while what it believed before.
 */
void freeze_server(struct faults *faults)
{
    struct process *leader = servers_leader(faults->world);
    if (!leader || leader->server->frozen)
        return;
    int64_t for_ms = chance_around(&faults->chance, 3 * MINUTE_MS);
    world_say(faults->world, "config server %d freezes for %lld s", leader->server->number,
              (long long)for_ms / SECOND_MS);
    server_freeze(leader->server);
    clockwork_after(faults->world->clockwork, for_ms, thaw, faults->world,
                    leader->server - faults->world->servers->list);
}
