/* What a config server has beside itself when the zone has several: its place in the mesh, its ZooKeeper
 * server, a session with all of them as its store, and the election. The program opens it in this order and
 * closes it in the reverse; a zone with one config server has none of it. */
#ifndef CONFIGSERVER_MEMBERSHIP_H
#define CONFIGSERVER_MEMBERSHIP_H

#include "configserver/cluster/servers.h"
#include "net/tls.h"
#include "store/store.h"

struct membership_options {
    const struct config *config;
    const char *state_directory;
    const char *tunnel_key;  /* our public key of the hosts' tunnel */
    struct tls_context *tls; /* as config server, clients' certificates required */
    uint16_t port;           /* of SIDE_MESH in the mesh */
    uint16_t peers_port;     /* of SIDE_PEERS on the vendor's network */
};

struct membership;

/* Is there more than one config server? */
bool membership_needed(const struct config *config);
/* Waits until a majority of the zone's ZooKeeper servers answers; SIGTERM or SIGINT, which the caller has
 * blocked, ends the wait. */
int membership_open(const struct membership_options *options, struct membership **membership,
                    struct error *err);
struct store *membership_store(struct membership *membership);
const char *membership_address(struct membership *membership); /* ours in the mesh */
/* The zone, opened as follower on that store, takes part in the election from here on. */
int membership_join(struct membership *membership, struct zone *zone, struct error *err);
/* Gives the lead away and takes no more part, while what was asked of us is still answered. */
void membership_leave(struct membership *membership);
void membership_close(struct membership **membership); /* after the zone */

#endif
