/* The config servers of a simulated world. A server is a machine on which a process runs; a process dies at
 * any step (a write to the store, a call to the cloud, before or after its effect) and is started again after
 * a while. What a dead process still does has no effect, and it is freed when the last of its calls has
 * returned. */
#ifndef SIMULATOR_SERVER_H
#define SIMULATOR_SERVER_H

#include "configserver/simulator/region.h"
#include "configserver/simulator/world.h"
#include "configserver/zone.h"

enum { PEERS_MOST = 256 };

struct process {
    struct server *server;
    int64_t incarnation;
    struct store *store;
    struct zone *zone;
    struct cloud cloud;
    struct peers peers;
    struct attestor attestor;
    struct driver *driver; /* of its maintainers */
    int busy;              /* bodies that run in it */
    bool dead;
    bool wrote;                /* since its driver last looked */
    bool unsure;               /* the store did not say whether it took the last write */
    int64_t led_ms;            /* when it began to lead */
    int64_t told_ms;           /* that, or when it was told of such a write */
    char keys[PEERS_MOST][48]; /* of the tunnel's peers */
    size_t key_count;
};

struct server {
    struct world *world;
    int number;              /* from 1 */
    struct process *process; /* NULL: down */
    int64_t incarnations;
    int64_t dies_in; /* steps; 0: not */
    bool store_unreachable;
    bool frozen; /* nothing of it goes on, until it thaws */
};

enum { SERVERS_MOST = 3 };
struct servers {
    struct server list[SERVERS_MOST];
    size_t count;
    struct chance chance;
    struct process *leader;   /* whom the election chose last; NULL: nobody */
    struct process *electing; /* who is becoming it */
    double loses_writes;      /* probability that the store's answer to a write is lost */
    bool elects;              /* an election is to come */
    bool counts_as_trouble;   /* nobody leads */
    int64_t deaths, elections, writes;
};
void servers_new(struct world *world); /* sets world->servers */
void servers_free(struct servers **servers);

/* The process that leads; NULL when none does. */
struct process *servers_leader(struct world *world);
/* Whom a request reaches: the leader, or one that does not know yet that it leads no more. */
struct process *servers_any(struct world *world, struct chance *chance);
void servers_look(struct world *world); /* an election comes when nobody leads */
/* Another is made leader, whatever the one before believes. */
void servers_depose(struct world *world);

void process_open_store(struct process *process); /* server_store.c */
/* A step of the process: true when it is dead, from this step on or before it. */
bool process_step(struct process *process, const char *what);
void process_enter(struct process *process); /* a body runs in it */
void process_leave(struct process *process);
/* At once, or at one of the next steps. */
void server_kill(struct server *server, int64_t in_steps);

/* Others find that it is gone; it does not. */
void server_freeze(struct server *server);
void server_thaw(struct server *server);
/* A body of a frozen server goes on when it thaws. */
void process_wait_for_thaw(struct process *process);

/* driver.c: the maintainers of a process, run when they are due. */
struct driver *driver_new(struct process *process);
void driver_free(struct driver **driver);
void driver_ring(struct process *process); /* something changed */

#endif
