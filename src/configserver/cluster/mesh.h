/* The config servers' own network: a WireGuard device beside the hosts' tunnel, whose peers are the zone's
 * other config servers and nobody else. ZooKeeper, which trusts whoever reaches it, and requests that
 * followers pass on run in it. Keys are told over mTLS on the vendor's network, by one config server of the
 * zone to another, again and again, so that a machine that was replaced is known within seconds; what was
 * told last is kept on disk. A firewall lets nothing into the mesh's addresses but through the device: not
 * what hosts send through their tunnel, not what the VPC delivers. */
#ifndef CONFIGSERVER_MESH_H
#define CONFIGSERVER_MESH_H

#include "configserver/config.h"
#include "net/tls.h"

enum { MESH_PORT = 51821, MESH_PREFIX_LENGTH = 64 };

/* "fd00:ec1b:<zone>::<n>": a config server's address in the mesh. In the arena. */
char *mesh_address(struct arena *arena, const char *zone, int64_t index);

struct mesh_options {
    const struct config *config; /* its `servers` are the peers */
    const char *state_directory;
    const char *tunnel_key; /* public, of our hosts' tunnel: told to the others, for what they tell hosts */
    struct tls_context *tls;
    uint16_t port;          /* of SIDE_PEERS, where keys are told */
    uint16_t mesh_ports[5]; /* what may be reached through the mesh; 0 ends them */
};

struct mesh;
/* Raises device and firewall, serves SIDE_PEERS and begins to tell; does not wait for the others. */
int mesh_open(const struct mesh_options *options, struct mesh **mesh, struct error *err);
void mesh_close(struct mesh **mesh); /* leaves the device up */

/* The public key of that config server's hosts' tunnel, in the arena; NULL: it has not told yet. */
char *mesh_tunnel_key(struct mesh *mesh, struct arena *arena, int64_t index);

/* What it loads, for tests. */
char *mesh_firewall(struct arena *arena, const char *zone, const uint16_t *ports);

#endif
