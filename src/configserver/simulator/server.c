#include "configserver/simulator/server.h"

#include "base/text.h"
#include "configserver/simulator/judge.h"
#include "configserver/simulator/machine.h"

#include <stdio.h>
#include <string.h>

enum { RESTARTS_AFTER_MS = 15 * 1000, TRIES_AGAIN_AFTER_MS = 5 * 1000 };

static void start(void *context, int64_t number);

static void process_free(struct process *process)
{
    driver_free(&process->driver);
    zone_close(&process->zone);
    store_close(&process->store);
    free(process);
}

void process_enter(struct process *process)
{
    process->busy++;
}

void process_leave(struct process *process)
{
    if (--process->busy == 0 && process->dead)
        process_free(process);
}

/* While nobody leads nothing can be put right in any account. */
static void count_leaders(struct world *world)
{
    struct servers *servers = world->servers;
    bool troubled = !servers_leader(world);
    if (troubled == servers->counts_as_trouble)
        return;
    servers->counts_as_trouble = troubled;
    for (size_t i = 0; i < world->region->account_count; i++)
        (troubled ? good_time_stop : good_time_go)(world, &world->region->accounts[i]);
}

/* From now on nothing it does has an effect; another is started after a while. */
static void die(struct process *process, const char *what)
{
    struct server *server = process->server;
    struct servers *servers = server->world->servers;
    world_say(server->world, "config server %d dies at '%s'", server->number, what);
    process->dead = true;
    server->process = NULL;
    server->dies_in = 0;
    servers->deaths++;
    count_leaders(server->world);
    int64_t wait = 1000 + chance_around(&servers->chance, RESTARTS_AFTER_MS);
    clockwork_after(server->world->clockwork, wait, start, server, server->incarnations);
}

bool process_step(struct process *process, const char *what)
{
    struct server *server = process->server;
    if (!process->dead && server->dies_in > 0 && --server->dies_in == 0)
        die(process, what);
    server->world->steps++;
    return process->dead;
}

void server_kill(struct server *server, int64_t in_steps)
{
    if (!server->process)
        return;
    if (in_steps > 0) {
        server->dies_in = in_steps;
        return;
    }
    struct process *process = server->process;
    process_enter(process);
    die(process, "no moment of its own");
    process_leave(process);
}

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

static enum store_result step_of_store(void *context, enum memory_moment moment,
                                       const struct store_operation *operations, size_t count)
{
    struct process *process = context;
    bool dead = process->dead;
    if (moment != MEMORY_READ)
        dead = process_step(process, moment == MEMORY_BEFORE_WRITE ? "before a write" : "after a write");
    if (moment == MEMORY_AFTER_WRITE) {
        process->server->world->servers->writes++;
        world_say(process->server->world, "written: %zu records, %s", count, describe(operations, count));
        process->wrote = true;
        tell_machines(process->server->world, operations, count);
        if (!dead && process->driver)
            driver_ring(process);
    }
    if (!dead && moment != MEMORY_AFTER_WRITE && process->server->store_unreachable)
        dead = true;
    return dead ? STORE_INVALID : STORE_OK;
}

static int set_peers(void *context, const struct tunnel_peer *peers, size_t count, struct error *err)
{
    struct process *process = context;
    (void)err;
    process->key_count = count < PEERS_MOST ? count : PEERS_MOST;
    for (size_t i = 0; i < process->key_count; i++)
        snprintf(process->keys[i], sizeof process->keys[i], "%s", peers[i].public_key);
    return 0;
}

static int set_peer(void *context, const struct tunnel_peer *peer, struct error *err)
{
    struct process *process = context;
    (void)err;
    for (size_t i = 0; i < process->key_count; i++)
        if (text_equal(process->keys[i], peer->public_key))
            return 0;
    if (process->key_count < PEERS_MOST)
        snprintf(process->keys[process->key_count++], sizeof process->keys[0], "%s", peer->public_key);
    return 0;
}

static const char *public_key(void *context)
{
    (void)context;
    return "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
}

static int attest(void *context, const struct host_attestation *attestation, struct arena *arena,
                  struct attested *attested, struct error *err)
{
    (void)context;
    (void)attestation;
    (void)arena;
    (void)attested;
    return error_set(err, ERROR_FORBIDDEN, "nobody attests in this world");
}

static struct process *process_new(struct server *server)
{
    struct process *process = memory_alloc(sizeof *process);
    process->server = server;
    process->incarnation = server->incarnations;
    process->cloud = region_cloud(process);
    process->peers = (struct peers){process, set_peer, set_peers, public_key};
    process->attestor = (struct attestor){process, attest};
    store_open_memory(server->world->tree, &process->store, NULL);
    store_memory_hook(process->store, step_of_store, process);
    return process;
}

static void start(void *context, int64_t number)
{
    struct server *server = context;
    struct world *world = server->world;
    struct error err = {0};
    if (number != server->incarnations || server->process)
        return;
    server->incarnations++;
    struct process *process = process_new(server);
    const struct zone_parts parts = {&world->config,  process->store,     &process->cloud,
                                     &process->peers, &process->attestor, &world->environment};
    process_enter(process);
    server->process = process;
    if (zone_open(&parts, &process->zone, &err) < 0 && !process->dead)
        die(process, err.message);
    if (!process->dead) {
        world_say(world, "config server %d starts", server->number);
        process->driver = driver_new(process);
        driver_ring(process);
    }
    count_leaders(world);
    process_leave(process);
}

void servers_new(struct world *world)
{
    struct servers *servers = memory_alloc(sizeof *servers);
    servers->chance = chance_of(world->seed, "servers");
    servers->count = 1;
    world->servers = servers;
    count_leaders(world);
    for (size_t i = 0; i < servers->count; i++) {
        servers->list[i] = (struct server){.world = world, .number = (int)i + 1};
        clockwork_after(world->clockwork, 0, start, &servers->list[i], 0);
    }
}

void servers_free(struct servers **servers)
{
    struct servers *old = take(servers);
    for (size_t i = 0; old && i < old->count; i++)
        if (old->list[i].process)
            process_free(old->list[i].process);
    free(old);
}

struct process *servers_leader(struct world *world)
{
    for (size_t i = 0; i < world->servers->count; i++)
        if (world->servers->list[i].process && !world->servers->list[i].store_unreachable)
            return world->servers->list[i].process;
    return NULL;
}
