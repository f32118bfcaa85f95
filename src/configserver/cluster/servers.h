/* The config servers of a zone, as each of them sees it: who there is, who leads. A zone with one config
 * server has none of this. The election (leader.h) writes it, whoever answers requests or decides reads it;
 * both without waiting. */
#ifndef CONFIGSERVER_SERVERS_H
#define CONFIGSERVER_SERVERS_H

#include "configserver/zone.h"
#include "net/http_client.h"

#include <stdatomic.h>

enum { SERVERS_MOST = 9 };

struct mesh_server {
    int64_t index;
    const char *address; /* on the VPC */
    const char *url;     /* "https://[mesh address]:4443": where the others reach it */
};

struct config_servers {
    int64_t index; /* ours */
    struct mesh_server all[SERVERS_MOST];
    size_t count;
    /* The public key of that config server's hosts' tunnel; NULL: it has not told yet. */
    char *(*tunnel_key)(void *context, struct arena *arena, int64_t index);
    void *context;
    struct http_client *client;        /* as config server of this zone, to others of it only */
    _Atomic int64_t leader;            /* its index; 0: none is known */
    atomic_bool leads;                 /* we do, and may decide */
    atomic_bool connected;             /* the store answers us */
    _Atomic int64_t current_ms;        /* monotonic: when our copy was last known to be the store's newest */
    atomic_int passing;                /* requests that wait for the leader */
    _Atomic int64_t unreachable_until; /* monotonic ms: the leader did not answer, spare it and us */
};

/* Who there is, from the configuration, with the mesh's `port`; what it points to is in the arena. */
void config_servers_init(struct config_servers *servers, const struct config *config, uint16_t port,
                         struct arena *arena);

#endif
