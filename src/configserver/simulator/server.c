#include "configserver/simulator/server.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { RESTARTS_AFTER_MS = 15 * 1000, DEPOSED_LEARNS_MS = 15 * 1000 };

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

struct process *servers_leader(struct world *world)
{
    struct process *leader = world->servers->leader;
    return leader && !leader->dead && !leader->server->store_unreachable && !leader->server->frozen &&
                   repository_leads(leader->zone->repository)
               ? leader
               : NULL;
}

struct process *servers_any(struct world *world, struct chance *chance)
{
    int64_t count = 0;
    struct process *any = NULL;
    for (size_t i = 0; i < world->servers->count; i++) {
        struct process *process = world->servers->list[i].process;
        if (process && process->zone && !process->server->frozen &&
            repository_leads(process->zone->repository) && chance_below(chance, ++count) == 0)
            any = process;
    }
    return any;
}

/* Its lock is gone, and it is told so when it hears of the store next; or its session may be over, and it
 * knows that by its own clock. */
static void learn(void *context, int64_t incarnation)
{
    struct server *server = context;
    struct process *process = server->process;
    if (!process || process->incarnation != incarnation || process == server->world->servers->leader)
        return;
    if (server->frozen) {
        clockwork_after(server->world->clockwork,
                        chance_below(&server->world->servers->chance, DEPOSED_LEARNS_MS), learn, server,
                        incarnation);
        return;
    }
    world_say(server->world, "config server %d knows that it does not lead", server->number);
    repository_follow(process->zone->repository);
}

/* Mostly in seconds; some are left alone with what they believe for minutes. */
static int64_t learns_in(struct chance *chance)
{
    return chance_below(chance, chance_is(chance, 0.2) ? 5 * MINUTE_MS : DEPOSED_LEARNS_MS);
}

static void depose_others(const struct process *leader)
{
    struct world *world = leader->server->world;
    for (size_t i = 0; i < world->servers->count; i++) {
        struct process *process = world->servers->list[i].process;
        if (process && process != leader && process->zone && repository_leads(process->zone->repository))
            /* one that is frozen hears of it when it goes on */
            clockwork_after(world->clockwork, learns_in(&world->servers->chance), learn, process->server,
                            process->incarnation);
    }
}

static void make_leader(struct process *process)
{
    struct world *world = process->server->world;
    struct error err = {0};
    process_enter(process);
    world->servers->elections++;
    world->servers->electing = process;
    process->led_ms = process->told_ms = world_now(world);
    int result = zone_lead(process->zone, &err);
    world->servers->electing = NULL;
    world_say(world, "config server %d %s %s", process->server->number, result < 0 ? "cannot lead:" : "leads",
              result < 0 ? err.message : "");
    if (!process->dead && result == 0) {
        world->servers->leader = process;
        depose_others(process);
        driver_ring(process);
    } else if (world->servers->leader != process) {
        world->servers->leader = NULL; /* it has lost its lock all the same; whoever runs first has it next */
        servers_look(world);
    }
    process_leave(process);
}

static struct process *pick_candidate(struct world *world, const struct process *except)
{
    int64_t count = 0;
    struct process *picked = NULL;
    for (size_t i = 0; i < world->servers->count; i++) {
        struct server *server = &world->servers->list[i];
        if (server->process && server->process->zone && server->process != except && !server->frozen &&
            !server->store_unreachable && chance_below(&world->servers->chance, ++count) == 0)
            picked = server->process;
    }
    return picked;
}

static void elect(void *context, int64_t number)
{
    struct world *world = context;
    (void)number;
    world->servers->elects = false;
    struct process *candidate = servers_leader(world) ? NULL : pick_candidate(world, NULL);
    if (candidate)
        make_leader(candidate);
    count_leaders(world);
    servers_look(world);
}

void servers_look(struct world *world)
{
    struct servers *servers = world->servers;
    count_leaders(world);
    if (servers->elects || servers_leader(world))
        return;
    servers->elects = true;
    clockwork_after(world->clockwork, 500 + chance_around(&servers->chance, 3000), elect, world, 0);
}

void server_freeze(struct server *server)
{
    server->frozen = true;
    servers_look(server->world);
}

void server_thaw(struct server *server)
{
    server->frozen = false;
    if (server->process && server->process->driver)
        driver_ring(server->process);
    servers_look(server->world);
}

void process_wait_for_thaw(struct process *process)
{
    while (process->server->frozen && !process->dead)
        clockwork_sleep(process->server->world->clockwork, SECOND_MS);
}

void servers_depose(struct world *world)
{
    struct process *leader = servers_leader(world);
    struct process *candidate = leader ? pick_candidate(world, leader) : NULL;
    if (candidate)
        make_leader(candidate);
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
    if (servers->leader == process)
        servers->leader = NULL;
    servers_look(server->world);
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
    process_open_store(process);
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
    const struct zone_parts parts = {.config = &world->config,
                                     .store = process->store,
                                     .cloud = &process->cloud,
                                     .peers = &process->peers,
                                     .attestor = &process->attestor,
                                     .environment = &world->environment,
                                     .follower = true};
    process_enter(process);
    server->process = process;
    if (zone_open(&parts, &process->zone, &err) < 0 && !process->dead)
        die(process, err.message);
    if (!process->dead) {
        world_say(world, "config server %d starts", server->number);
        process->driver = driver_new(process);
    }
    servers_look(world);
    process_leave(process);
}

void servers_new(struct world *world)
{
    struct servers *servers = world->servers = memory_alloc(sizeof *servers);
    servers->chance = chance_of(world->seed, "servers");
    servers->count = chance_is(&servers->chance, 0.5) ? 1 : SERVERS_MOST;
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
